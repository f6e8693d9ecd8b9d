"""The index, and the trees that it proves: those whose ids are what its entries hash to need not be read."""

from __future__ import annotations

import re
from array import array
from binascii import unhexlify
from collections.abc import Iterator, Sequence
from itertools import pairwise, starmap
from operator import le
from typing import Final, overload

from ci_guard import late
from ci_guard.git.objects import TreeEntry, object_id
from ci_guard.rows import NamedTuple

LISTING: Final = ("ls-files", "-z", "-s", "-v")
"""What lists the index."""
OTHERS: Final = ("ls-files", "-z", "--others", "--exclude-per-directory=.gitignore")
"""What lists the files of the work tree that are neither in the index nor ignored."""
BOTH: Final = (*LISTING, "--cached", *OTHERS[2:])
"""What lists both: one git fewer to start, and the index comes behind all others."""
_OTHER: Final = b"? "
"""What an entry of `OTHERS` begins with there."""
_MUCH: Final = 4 << 20
"""Bytes of a listing, about 50,000 entries, whose entries are not all held as objects."""
_TOGETHER: Final = 64
"""Entries that are read from a listing at once."""
_ENTRY: Final = late.pattern(rb"(.) ([0-7]{6}) ([0-9a-f]+) ([0-3])\t([^\0]+)\0", re.DOTALL)


class IndexEntry(NamedTuple):
    """A line of the index."""

    tag: bytes
    """One letter: what git was told about the file (git-ls-files, `-t` and `-v`)."""
    mode: bytes
    oid: bytes
    """In hex."""
    stage: bytes
    """`0`, or which side of a conflict this is."""
    path: bytes


class Index(Sequence[IndexEntry]):
    """
    The entries of an index, kept as the text in which git tells them, and read anew whenever they are asked for.

    An entry takes up about a hundred bytes so, where objects would take up ten times that.
    """

    def __init__(self, listing: bytes, starts: array[int] | None = None) -> None:
        """Take what `LISTING` tells, or of that the entries that begin at some offsets, one behind the other."""
        self._listing = listing
        self._starts = array("Q", (entry.start() for entry in _ENTRY.finditer(listing))) if starts is None else starts
        self._block = -1
        self._entries: list[IndexEntry] = []

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, item: int) -> IndexEntry: ...
    @overload
    def __getitem__(self, item: slice) -> Index: ...
    def __getitem__(self, item: int | slice) -> IndexEntry | Index:
        if isinstance(item, slice):
            return Index(self._listing, self._starts[item])
        item = range(len(self))[item]
        if item // _TOGETHER != self._block:  # most are asked for one after the other
            self._block = item // _TOGETHER
            self._entries = self._read(self._block * _TOGETHER)
        return self._entries[item % _TOGETHER]

    def __iter__(self) -> Iterator[IndexEntry]:
        for first in range(0, len(self), _TOGETHER):
            yield from self._read(first)

    def _read(self, first: int) -> list[IndexEntry]:
        last = min(first + _TOGETHER, len(self)) - 1
        end = self._listing.index(b"\0", self._starts[last]) + 1
        return list(map(IndexEntry._make, _ENTRY.findall(self._listing, self._starts[first], end)))


def parse(listing: bytes) -> Sequence[IndexEntry]:
    """Return the entries that `LISTING` tells, in git's order; few are quicker as objects, and take little room."""
    return Index(listing) if len(listing) > _MUCH else list(map(IndexEntry._make, _ENTRY.findall(listing)))


def parted(listing: bytes) -> tuple[bytes, bytes]:
    """Return what `LISTING` and what `OTHERS` would tell, of what `BOTH` does."""
    sides: tuple[list[bytes], list[bytes]] = ([], [])
    for entry in listing.split(b"\0")[:-1]:
        sides[entry.startswith(_OTHER)].append(entry.removeprefix(_OTHER) + b"\0")
    return b"".join(sides[False]), b"".join(sides[True])


class ProvenTrees:
    """The trees that entries of an index make up. Fulfils `reader.Proven`."""

    def __init__(self, entries: Sequence[IndexEntry], object_format: str) -> None:
        """Hash them; of a path with a conflict there is no one entry, so it is in no tree."""
        self._length = 64 if object_format == "sha256" else 40
        self._entries = entries
        self._trees = self._hashed()
        self._in_order: bool | None = None

    def are(self, tree: str) -> bool:
        """Return whether the whole of the index is what a tree object holds."""
        return self._trees.get(b"") == unhexlify(tree)

    def below(self, folder: bytes, tree: str) -> Iterator[TreeEntry] | None:
        """Return what a tree holds that stands at a folder, with a final `/`; None where the index proves nothing."""
        if self._trees.get(folder[:-1]) != unhexlify(tree):
            return None
        entries = self._entries
        if folder:
            if not self._are_in_order():
                return None
            from bisect import bisect_left

            first = bisect_left(entries, folder, key=_path)
            entries = entries[first : bisect_left(entries, folder[:-1] + b"0", first, key=_path)]  # `0` is next to `/`
        return (TreeEntry(mode, oid.decode("ascii"), path) for _, mode, oid, stage, path in entries if stage == b"0")

    def _are_in_order(self) -> bool:
        """Return whether the paths are sorted: git does not look whether somebody put them into another order."""
        if self._in_order is None:
            paths = map(_path, self._entries)
            self._in_order = all(starmap(le, pairwise(paths)))
        return self._in_order

    def _hashed(self) -> dict[bytes, bytes]:
        """
        Return the id of each folder's tree, not in hex; none at all where somebody put the entries into another order.

        An index has the order of its trees (gitformat-index), so a folder's line belongs where its entries stand, and
        what it holds is known when the next entry is not in it. A line is `mode name NUL id`, a folder's mode `40000`.
        """
        trees: dict[bytes, bytes] = {}
        path, lines = b"", bytearray()
        above: list[tuple[bytes, bytearray]] = []
        """The folders around the one that is being filled, from the root on; `path` has no final `/`."""

        def leave() -> None:
            nonlocal path, lines
            trees[path] = self._tree_id(lines)
            name, done = path.rpartition(b"/")[2], trees[path]
            path, lines = above.pop()
            lines += b"40000 %b\0%b" % (name, done)

        for _, mode, oid, stage, entry in self._entries:
            if stage != b"0":
                continue
            folder, _, name = entry.rpartition(b"/")
            if folder != path:
                while path and not (folder + b"/").startswith(path + b"/"):
                    leave()
                parts = folder[len(path) + bool(path) :].split(b"/") if folder != path else []
                if b"" in parts:  # no path of git's
                    return {}
                for part in parts:
                    above.append((path, lines))
                    path, lines = path + b"/" + part if path else part, bytearray()
                    if path in trees:
                        return {}
            lines += b"%b %b\0%b" % (mode, name, unhexlify(oid))
        while above:
            leave()
        trees[b""] = self._tree_id(lines)
        return trees

    def _tree_id(self, lines: bytearray) -> bytes:
        return unhexlify(object_id("tree", bytes(lines), self._length))


def _path(entry: IndexEntry) -> bytes:
    return entry.path
