"""A commit whose files are a literal, for what only reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.commit_files import CommitFiles
from ci_guard.evidence.interface import PolicyFile
from ci_guard.model.fact import Known, Source

NOWHERE = Checkout(Path("/nonexistent"))


def commit_files(files: Mapping[str, str | None]) -> CommitFiles:
    """Return these files as a commit's; None is one that is too large."""

    def fetch(path: str) -> Known[PolicyFile | None]:
        if path not in files:
            return Known(value=None, source=Source.GIT)
        text = files[path]
        return Known(value=PolicyFile(content=None if text is None else text.encode(), place=path), source=Source.GIT)

    def below(folder: str) -> Known[tuple[str, ...]]:
        return Known(
            value=tuple(name for name in files if name.startswith(f"{folder}/" if folder else "")), source=Source.GIT
        )

    return CommitFiles("c" * 40, NOWHERE, fetch, below)
