"""What every test with a real runner needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.act import runner


@pytest.fixture(scope="session")
def guard_checkout(tmp_path_factory: pytest.TempPathFactory, host_environment: Mapping[str, str]) -> Path:
    folder = tmp_path_factory.mktemp("guard") / "ci-guard"
    folder.mkdir()
    return runner.copy_of_this_checkout(folder, host_environment)
