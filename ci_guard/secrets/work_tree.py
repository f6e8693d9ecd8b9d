"""The files that are there: of a repository's work tree as the index and git list them, else all files of a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain, compress
from typing import Final

from ci_guard.errors import GitUnavailable
from ci_guard.git import IndexEntry, Repository
from ci_guard.secrets import places
from ci_guard.secrets.files import Folder, walk
from ci_guard.secrets.places import Listed, Place, text
from ci_guard.secrets.reading import Reading
from ci_guard.secrets.sweep import Sweep

LISTED: Final = "the folder cannot be listed"

Skip = Callable[[str, str], None]
"""Takes a path that is not read, and the reason."""

Telling = Callable[[str, Iterable[Listed]], Iterable[Listed]]
"""Yields the same files, and tells how far it is with what."""


class WorkTree:
    """Files, read where they stand."""

    def __init__(self, root: str, prefix: bytes, reading: Reading, skip: Skip) -> None:
        """Read below `prefix` of `root`; paths are told without it."""
        self.files: list[Place] = []
        """Files that were read, but for those in which there is nothing."""
        self.hidden: list[str] = []
        """Paths of changed files that git was told not to look at."""
        self.sparse = 0
        """How many files are left out, for which the index stands in."""
        self.index: Sequence[IndexEntry] = ()
        self._root = root
        self._prefix = prefix
        self._reading = reading
        self._skip = skip
        self._listed: Sequence[Listed] = ()
        self._nothing = bytearray()
        """Of each of these whether it was read and there is nothing in it."""
        self._sweep: Sweep | None = None
        self._unlisted: GitUnavailable | None = None

    def begin(self, repository: Repository | None) -> None:
        """List the files that are tracked, or all outside a repository, and begin to read them where that helps."""
        if repository is None:
            self._listed = list(map(Listed, self._walk(b"")))
        else:
            try:
                self.index = repository.index_entries()
            except GitUnavailable as error:
                self._unlisted = error
            self._listed = places.Tracked(self.index, self._prefix)
        self._sweep = Sweep(self._root, self._listed, self._reading)

    def read(self, repository: Repository | None, telling: Telling, progress: Callable[[str], None]) -> None:
        """
        Read all files; `progress` is told how many, through `telling` where they are read one by one.

        Raises: `GitUnavailable` when git cannot list them; `ScanFault` when a process that helps ends early.
        """
        if self._unlisted:
            raise self._unlisted
        others = self._others(places.untracked(repository, self._prefix)) if repository else ()
        try:
            opened = Folder(self._root)
        except OSError as error:
            self._skip(".", _why(error))
            return
        with closing(opened) as folder:
            self._nothing = self._swept(progress)
            rest = (self._listed[number] for number, nothing in enumerate(self._nothing) if not nothing)
            for entry in telling("reading files", chain(rest, others)):
                self._read(folder, entry)

    def _swept(self, progress: Callable[[str], None]) -> bytearray:
        if not self._sweep:
            return bytearray(len(self._listed))
        return self._sweep.done(lambda begun: progress(f"reading files, {begun}" if begun else "reading files"))

    def close(self) -> None:
        """End what was begun."""
        if self._sweep:
            self._sweep.close()

    @property
    def any(self) -> bool:
        """Whether there was a file to read."""
        return bool(self.files) or any(self._nothing)

    def nothing(self) -> Iterator[bytes]:
        """Yield the paths of the files in which there is nothing, without the prefix."""
        cut = len(self._prefix)
        files = self._listed
        if isinstance(files, places.Tracked):
            index = self.index
            return (index[number][-1][cut:] for number in compress(files.numbers, self._nothing))
        return (file.path[cut:] for file in compress(files, self._nothing))

    def indexed(self) -> list[Place]:
        """Return what the index holds, without the contents of files in which there is nothing; no submodules."""
        cut = len(self._prefix)
        unread = bytearray(b"\1") * len(self.index)
        if isinstance(self._listed, places.Tracked):
            for number in compress(self._listed.numbers, self._nothing):
                unread[number] = False
        return [
            Place(text(path[cut:]), oid.decode("ascii"))
            for _, mode, oid, _, path in compress(self.index, unread)
            if mode != places.GITLINK and path.startswith(self._prefix)
        ]

    def _read(self, folder: Folder, entry: Listed) -> None:
        path = text(entry.path[len(self._prefix) :])
        try:
            file = folder.open(entry.path)
            if file is None:
                if entry.hidden and entry.oid:  # left out of the work tree: what the index has stands in for it
                    self.files.append(Place(path, entry.oid))
                    self.sparse += 1
                return
            try:
                oid = self._reading.file(file, path)
            finally:
                os.close(file.descriptor)
        except OSError as error:
            self._skip(path, _why(error))
            return
        self.files.append(Place(path, oid))
        if entry.hidden and oid != entry.oid:
            self.hidden.append(path)

    def _others(self, paths: Iterable[bytes]) -> Iterator[Listed]:
        for path in paths:
            if path.endswith(b"/"):  # a repository of its own, which git does not look into
                yield from map(Listed, self._walk(path.rstrip(b"/")))
            else:
                yield Listed(path)

    def _walk(self, below: bytes) -> Iterator[bytes]:
        def unreadable(path: bytes) -> None:
            self._skip(text(path[len(self._prefix) :]) or ".", LISTED)

        return walk(os.fsencode(self._root), below, unreadable)


def _why(error: OSError) -> str:
    return f"it cannot be read ({(error.strerror or 'unknown error').lower()})"
