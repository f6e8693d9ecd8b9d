"""The small checkout and its environments, built once for all tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.bootstrap.checkout import Checkout


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Return a checkout that no test changes."""
    return Checkout.create(tmp_path_factory.mktemp("checkout") / "ci-guard")


@pytest.fixture(scope="session")
def built_home(checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with both environments of that checkout."""
    home = tmp_path_factory.mktemp("home") / "built"
    for command in (["check"], ["--dev", "-c", "pass"]):
        run = checkout.run("--home", home, *command)
        assert run.returncode == 0, run.stderr
    return home


@pytest.fixture
def home(built_home: Path, tmp_path: Path) -> Path:
    """Return a copy of the built environments, for one test to spoil."""
    return Path(shutil.copytree(built_home, tmp_path / "home", symlinks=True))
