"""What a run is about to hand on, by content: so that a log can be asked who let this very file through."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def described(paths: Iterable[str]) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """
    Return name, size in bytes and SHA-256 in hex of files, and a sentence for each that could not be read.

    The digest of such a one is null: the record says that it was named.
    """
    found, failures = [], []
    for path in paths:
        entry: dict[str, Any] = {"name": path, "bytes": None, "sha256": None}
        try:
            entry["bytes"], entry["sha256"] = digest(Path(path))
        except OSError as error:
            failures.append(
                f"The artifact {path!r} could not be read, so its digest is not recorded: {error.strerror}."
            )
        found.append(entry)
    return found, tuple(failures)


def digest(path: Path) -> tuple[int, str]:
    """Return size and digest of a plain file; raise `OSError` for anything else."""
    # Without blocking: a pipe that nobody writes to would hold the run.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "it is no plain file")
        total, size = hashlib.sha256(), 0
        while piece := file.read(1 << 20):
            total.update(piece)
            size += len(piece)
    return size, total.hexdigest()
