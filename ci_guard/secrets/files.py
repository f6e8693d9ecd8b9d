"""Reads files of a folder that strangers have written to: no link is followed, nothing but plain files is opened."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from typing import Final

from ci_guard.rows import NamedTuple
from ci_guard.secrets.matcher import PIECE

_FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_UPWARDS: Final = frozenset({b"", b".", b".."})
"""Parts that no path of git has; a forged index can."""
_NOT_THERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""Deleted, below something that is no folder any more, or a symbolic link: nothing to read at this path."""


class OpenFile(NamedTuple):
    """A plain file that is being read."""

    descriptor: int
    size: int

    def whole(self) -> bytes | None:
        """Return the content of a file that is smaller than a piece and was not changed meanwhile; else None."""
        if self.size >= PIECE:
            return None
        data = os.read(self.descriptor, self.size + 1)
        if len(data) == self.size:
            return data
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        return None

    def pieces(self) -> Iterator[bytes]:
        """Yield the content."""
        while piece := os.read(self.descriptor, PIECE):
            yield piece


class Folder:
    """A folder whose files are opened by paths that cannot lead out of it, whatever has been put in their way."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._root = os.open(root, _FOLDER_FLAGS & ~os.O_NOFOLLOW)
        self._parts: list[bytes] = []
        """The folder that was opened last, part by part, and below the descriptor of each part."""
        self._descriptors: list[int] = []
        self._here = self._root
        """The descriptor of the last part."""
        self._folder: bytes | None = b""
        """All parts; None where not all of them could be opened."""

    def close(self) -> None:
        """Close what is open."""
        self._leave(0)
        os.close(self._root)

    def open(self, path: bytes) -> OpenFile | None:
        """
        Open the plain file at a relative path; the caller closes its descriptor. None where there is no file to read.

        Raises: `OSError` when there is something that cannot be read.
        """
        try:
            descriptor = self._open(path)
        except OSError as error:
            if error.errno in _NOT_THERE:
                return None
            raise
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            return OpenFile(descriptor, status.st_size)
        os.close(descriptor)
        if stat.S_ISDIR(status.st_mode):
            return None
        raise OSError(errno.EINVAL, "it is no plain file")

    def read(self, path: bytes) -> bytes | None:
        """
        Return the content of the plain file at a relative path, if it is smaller than a piece; None for anything else.

        It is what most files are read by, and so takes no more steps than it must. Raises: `OSError` where there is no
        file, or one that cannot be read.
        """
        descriptor = self._open(path)
        try:
            status = os.fstat(descriptor)
            size = status.st_size
            if size >= PIECE or not stat.S_ISREG(status.st_mode):
                return None
            data = os.read(descriptor, size + 1)
            return data if len(data) == size else None
        finally:
            os.close(descriptor)

    def _open(self, path: bytes) -> int:
        folder, _, name = path.rpartition(b"/")
        if folder != self._folder:
            self._enter(folder)
        return os.open(name, _FILE_FLAGS, dir_fd=self._here)

    def _enter(self, folder: bytes) -> None:
        """Open a folder part by part, as a flag against links holds only for the last part of a path."""
        parts = folder.split(b"/") if folder else []
        if not _UPWARDS.isdisjoint(parts):
            raise OSError(errno.EINVAL, "its path leads out of the folder")
        common = 0
        for part, before in zip(parts, self._parts):  # noqa: B905 - as far as both go
            if part != before:
                break
            common += 1
        self._leave(common)
        for part in parts[common:]:
            self._here = os.open(part, _FOLDER_FLAGS, dir_fd=self._here)
            self._descriptors.append(self._here)
            self._parts.append(part)
        self._folder = folder

    def _leave(self, depth: int) -> None:
        """Close all folders below a depth."""
        self._folder = None
        while len(self._descriptors) > depth:
            os.close(self._descriptors.pop())
            self._parts.pop()
        self._here = self._descriptors[-1] if self._descriptors else self._root


def walk(root: bytes, below: bytes, unreadable: Callable[[bytes], None]) -> Iterator[bytes]:
    """
    Yield the files below a folder of `root`, relative to `root`, in a fixed order; neither links nor git's own folders.

    A folder that cannot be listed is told to `unreadable`.
    """
    folders = [below]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(os.path.join(root, folder)) as listing:
                entries = sorted(listing, key=lambda entry: entry.name, reverse=True)
        except OSError:
            unreadable(folder)
            continue
        for entry in entries:
            path = os.path.join(folder, entry.name)
            if entry.is_dir(follow_symlinks=False):
                if entry.name != b".git":
                    folders.append(path)
            elif entry.is_file(follow_symlinks=False):
                yield path
