"""Small files of one tree, which strangers may have written: plain files at their own path, or a clear refusal."""

from __future__ import annotations

import os
import stat
from contextlib import closing
from typing import Final, Protocol

from ci_guard.errors import GitUnavailable
from ci_guard.git import EntryKind, Repository
from ci_guard.secrets.files import Folder

LARGEST: Final = 8 << 20
"""Bytes of a file; the baseline of a repository with thirty thousand findings is smaller."""


class NoPlainFile(Exception):
    """Something is at the path that cannot be read as a plain file; the message says what, as a clause."""


class TreeFiles(Protocol):
    """The files of one tree, by paths from its root."""

    at: str
    """What messages add to a file's name: ` at 1a2b3c4d5e6f`, or nothing."""

    def read(self, path: str) -> bytes | None:
        """
        Return a file, or None where the tree has nothing at the path.

        Raises: `NoPlainFile` for a link, a folder, a submodule, a pipe, what is too large or not in this clone.
        """
        ...


class CommitFiles:
    """The files of a commit, from the object database. Fulfils `TreeFiles`."""

    def __init__(self, repository: Repository, commit: str) -> None:
        """Remember where to look; nothing is read yet."""
        self.at = f" at {commit[:12]}"
        self._repository = repository
        self._commit = commit
        self._top: dict[bytes, object] | None = None

    def read(self, path: str) -> bytes | None:
        """See `TreeFiles.read`."""
        try:
            if "/" not in path and not self._has(path):
                return None
            blob = self._repository.read_blob(self._commit, path, limit_bytes=LARGEST)
        except GitUnavailable as error:
            raise NoPlainFile(f"it could not be read: {error.message}") from None
        if blob is None:
            return None
        if blob.kind is not EntryKind.FILE:
            raise NoPlainFile(f"it is a {blob.kind.value}, and must be a plain file")
        if blob.content is None:
            raise NoPlainFile(f"it has {blob.size} bytes, more than the {LARGEST} that are read")
        return blob.content

    def _has(self, name: str) -> bool:
        """Tell whether the root has an entry of that name; the root is read once for all of them."""
        if self._top is None:
            with self._repository.reader() as reader:
                self._top = dict(reader.tree(reader.commit(self._commit).tree))
        return name.encode("utf-8", "surrogateescape") in self._top


class FolderFiles:
    """The files of a folder, as they are now. Fulfils `TreeFiles`."""

    at = ""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        """Remember where to look; nothing is read yet."""
        self._root = root

    def read(self, path: str) -> bytes | None:
        """See `TreeFiles.read`."""
        try:
            mode = os.lstat(os.path.join(self._root, path)).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise NoPlainFile(f"it could not be read: {error.strerror}") from None
        if not stat.S_ISREG(mode):
            raise NoPlainFile(f"it is a {_kind(mode)}, and must be a plain file")
        try:
            with closing(Folder(self._root)) as folder:
                file = folder.open(os.fsencode(path))
                if file is None:
                    raise NoPlainFile("it is no plain file any more")
                with os.fdopen(file.descriptor, "rb") as stream:
                    content = stream.read(LARGEST + 1)
        except OSError as error:
            raise NoPlainFile(f"it could not be read: {error.strerror}") from None
        if len(content) > LARGEST:
            raise NoPlainFile(f"it has more than the {LARGEST} bytes that are read")
        return content


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "symlink"
    return "folder" if stat.S_ISDIR(mode) else "pipe, socket or device"
