"""The small checkout and its environments, built once for all tests."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.bootstrap.checkout import Checkout


@contextmanager
def _by_one_worker(folder: Path) -> Iterator[bool]:
    """Yield whether what belongs in the folder is still to be made; others wait until it is."""
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not (folder / "made").exists()
        (folder / "made").touch()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of this run, the same for each of its workers."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def checkout(shared: Path) -> Checkout:
    """Return a checkout that no test changes."""
    with _by_one_worker(shared / "checkout") as missing:
        folder = shared / "checkout/ci-guard"
        return Checkout.create(folder) if missing else Checkout.at(folder)


@pytest.fixture(scope="session")
def built_home(checkout: Checkout, shared: Path) -> Path:
    """Return a folder with both environments of that checkout."""
    home = shared / "home/built"
    with _by_one_worker(shared / "home") as missing:
        for command in (["check"], ["--dev", "-c", "pass"]) if missing else ():
            run = checkout.run("--home", home, *command)
            assert run.returncode == 0, run.stderr
    return home


@pytest.fixture
def home(built_home: Path, tmp_path: Path) -> Path:
    """Return a copy of the built environments, for one test to spoil."""
    byte_code = shutil.ignore_patterns("__pycache__")  # of a program that another worker runs, it comes and goes
    return Path(shutil.copytree(built_home, tmp_path / "home", symlinks=True, ignore=byte_code))
