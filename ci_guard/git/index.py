"""The index, and the trees that it proves: those whose ids are what its entries hash to need not be read."""

from __future__ import annotations

import re
from binascii import unhexlify
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from ci_guard import late
from ci_guard.git.objects import TreeEntry, object_id

LISTING: Final = ("ls-files", "-z", "-s", "-v")
"""What lists the index."""
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


def parse(listing: bytes) -> list[IndexEntry]:
    """Return the entries that `LISTING` tells, in git's order."""
    return list(map(IndexEntry._make, _ENTRY.findall(listing)))


class ProvenTrees:
    """The trees that entries of an index make up. Fulfils `objects.Proven`."""

    def __init__(self, entries: Iterable[IndexEntry], object_format: str) -> None:
        """Hash them; of a path with a conflict there is no one entry, so no tree above it is among them."""
        self._length = 64 if object_format == "sha256" else 40
        self._entries = [entry for entry in entries if entry.stage == b"0"]
        self._paths: Sequence[bytes] | None = None
        self._trees = self._hashed()

    def are(self, tree: str) -> bool:
        """Return whether the whole of the index is what a tree object holds."""
        return self._trees[b""] == unhexlify(tree)

    def below(self, folder: bytes, tree: str) -> Iterator[TreeEntry] | None:
        """Return what a tree holds that stands at a folder, with a final `/`; None where the index proves nothing."""
        if self._trees.get(folder[:-1]) != unhexlify(tree):
            return None
        entries = self._entries
        if folder:
            paths = self._sorted_paths()
            if not paths:
                return None
            first = bisect_left(paths, folder)
            entries = entries[first : bisect_left(paths, folder[:-1] + b"0", first)]  # `0` comes next to `/`
        return (TreeEntry(mode, oid.decode("ascii"), path) for _, mode, oid, _, path in entries)

    def _sorted_paths(self) -> Sequence[bytes]:
        """Return the paths; none where somebody put them into another order, which git does not look at."""
        if self._paths is None:
            paths = [entry.path for entry in self._entries]
            self._paths = paths if paths == sorted(paths) else ()
        return self._paths

    def _hashed(self) -> dict[bytes, bytes]:
        """
        Return the id of each folder's tree, not in hex.

        An index has the order of its trees (gitformat-index), so a folder's line belongs where its first entry stands.
        A line is `mode name NUL id`, and a folder's mode `40000`.
        """
        lines: dict[bytes, list[bytes]] = {b"": []}
        above: list[tuple[bytes, list[bytes], int]] = []
        """Of each folder its path, and where its id belongs; each behind the folder that it stands in."""
        for _, mode, oid, _, path in self._entries:
            folder, _, name = path.rpartition(b"/")
            if folder not in lines:
                new = [folder]
                while (parent := new[-1].rpartition(b"/")[0]) not in lines:
                    new.append(parent)
                for each in reversed(new):
                    parent, _, last = each.rpartition(b"/")
                    there = lines[parent]
                    there += (b"40000 %b\0" % last, b"")
                    above.append((each, there, len(there) - 1))
                    lines[each] = []
            lines[folder] += (b"%b %b\0" % (mode, name), unhexlify(oid))
        trees = {}
        for folder, there, position in reversed(above):
            there[position] = trees[folder] = self._tree_id(lines[folder])
        trees[b""] = self._tree_id(lines[b""])
        return trees

    def _tree_id(self, lines: list[bytes]) -> bytes:
        return unhexlify(object_id("tree", b"".join(lines), self._length))
