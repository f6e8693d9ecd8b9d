"""A small repository for every test of git."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.secrets.repositories import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.create(tmp_path / "repo")
    repo.commit({"a.txt": "one", "sub/b.txt": "two"})
    return repo
