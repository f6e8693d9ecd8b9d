"""Writes a file whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress


def write(file: str | os.PathLike[str], text: str, *, mode: int = 0o666, synced: bool = False) -> None:
    """
    Write a file in the place of an earlier one, which stays until the new one is whole; nothing is left beside it.

    `mode` are its permissions, less the process's mask; `synced`: it is on the disk. Raises: `OSError`.
    """
    folder, name = os.path.split(os.fspath(file))
    neighbour = os.path.join(folder, f".{name}.{os.urandom(4).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        # Within, as an interrupt may come when the file is made and nothing here knows of it yet.
        with os.fdopen(os.open(neighbour, flags, mode), "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            if synced:
                stream.flush()
                os.fsync(stream.fileno())
        os.replace(neighbour, file)
    except FileExistsError:  # somebody else's
        raise
    except BaseException:  # whatever ends it, an interrupt too
        with suppress(FileNotFoundError):
            os.unlink(neighbour)
        raise
