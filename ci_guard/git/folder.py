"""What a git folder says of itself in plain files, where git has no question for it."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import Final

from ci_guard.errors import GitUnavailable

LARGEST_LIST: Final = 64 << 20
"""Bytes of a list of commits, such as `shallow`."""


def shallow_commits(common_dir: str) -> frozenset[str]:
    """Return the commits whose parents a clone was told to forget."""
    return frozenset(_lines(os.path.join(common_dir, "shallow")))


def is_partial(common_dir: str) -> bool:
    """Return whether a clone was told to leave objects out until they are asked for (partial clone)."""
    with suppress(OSError):
        names = os.listdir(os.path.join(common_dir, "objects", "pack"))
        return any(name.endswith(".promisor") for name in names)
    return False


def has_grafts(common_dir: str) -> bool:
    """Return whether a graft file would rewrite parents for a git that reads it."""
    return any(not line.startswith("#") for line in _lines(os.path.join(common_dir, "info", "grafts")))


def _lines(path: str) -> list[str]:
    """Return the lines of a plain file, none where there is no file, without waiting on a pipe or a device."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise GitUnavailable(f"{path} is no plain file", hint="check what ran in this job before")
            content = file.read(LARGEST_LIST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise GitUnavailable(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > LARGEST_LIST:
        raise GitUnavailable(f"{path} has more than the {LARGEST_LIST} bytes that are read")
    return [line for line in content.decode("utf-8", "replace").split("\n") if line.strip()]
