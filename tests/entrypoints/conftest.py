"""Runs `ci-guard init` as in a clone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.entrypoints import clone
from tests.entrypoints.clone import Said
from tests.entrypoints.starting import Init


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Init:
    def run(folder: Path, *argv: str, **environ: str) -> Said:
        return clone.say(monkeypatch, folder, "init", *argv, environ=environ)

    return run
