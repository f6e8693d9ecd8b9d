"""What git is asked to list for a scan; it is light to load, so that git works while what reads is loaded."""

from __future__ import annotations

import os

from ci_guard.git import Repository
from ci_guard.git.repository import REFS, REPLACEMENTS


def begin(repository: Repository, root: str, *, names: bool, files: bool) -> None:
    """Have git list what a scan of an absolute folder will ask for; what takes longest comes last."""
    prefix = prefix_of(repository, root)
    repository.begin(*(REFS if names and not prefix else REPLACEMENTS))
    if files and repository.work_tree:
        repository.begin_files(*below(prefix))


def below(prefix: bytes) -> tuple[str | bytes, ...]:
    """Return the arguments that limit a listing to a folder."""
    return ("--", prefix.rstrip(b"/")) if prefix else ()


def prefix_of(repository: Repository, root: str) -> bytes:
    """Return where an absolute folder lies in the work tree: empty for its root, else with a final `/`."""
    if repository.work_tree is None:
        return b""
    relative = os.path.relpath(root, repository.work_tree)
    return b"" if relative == os.curdir else os.fsencode(relative).replace(os.sep.encode(), b"/") + b"/"
