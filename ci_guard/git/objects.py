"""Git objects as their ids prove them: whatever is read here was hashed again, because git itself does not look."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from functools import cache, lru_cache
from heapq import heappop, heappush
from typing import IO, Final, NamedTuple

from ci_guard.errors import GitUnavailable

LARGEST_NODE: Final = 64 << 20
"""Bytes of a commit, a tag or a tree, which are read as a whole; real ones are a thousand times smaller."""
MOST_ENTRIES: Final = 2_000_000
"""Of one listing. A few trees that hold each other many times over can have any number of paths."""

_HEADER: Final = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) (blob|tree|commit|tag) ([0-9]+)\n")
_COMMIT: Final = re.compile(rb"tree ([0-9a-f]+)\n((?:parent [0-9a-f]+\n)*)(?!parent)")
_COMMITTER: Final = re.compile(rb"\ncommitter [^\n]*> ([0-9]{1,18}) ")
_TAG: Final = re.compile(rb"object ([0-9a-f]+)\ntype (blob|tree|commit|tag)\n")


class ObjectsDamaged(GitUnavailable):
    """The object database does not hold what its ids say: somebody changed it, or a disk did."""

    def __init__(self, oid: str) -> None:
        """Name the object that is not what it should be."""
        super().__init__(
            f"the object database was tampered with or is damaged: {oid}",
            hint="check the clone with git fsck, and what ran in this job before",
        )


class EntryKind(str, Enum):
    """What stands at a path of a tree."""

    FILE = "file"
    SYMLINK = "symlink"
    SUBMODULE = "submodule"
    FOLDER = "folder"


_SPECIAL: Final = {
    b"120000": EntryKind.SYMLINK,
    b"160000": EntryKind.SUBMODULE,
    b"040000": EntryKind.FOLDER,
}


class TreeEntry(NamedTuple):
    """One line of a tree."""

    mode: bytes
    oid: str
    path: bytes
    """From the root of the tree, with `/`, as git stores it."""

    @property
    def kind(self) -> EntryKind:
        """What the mode says this is."""
        return _SPECIAL.get(self.mode, EntryKind.FILE)


class Node(NamedTuple):
    """What stands at a name of one tree object."""

    mode: bytes
    oid: bytes
    """Not in hex."""

    @property
    def kind(self) -> EntryKind:
        """What the mode says this is."""
        return _SPECIAL.get(self.mode, EntryKind.FILE)


class Commit(NamedTuple):
    """What decides of a commit."""

    tree: str
    parents: tuple[str, ...]
    time: int
    """Of the committer, in seconds since 1970; only good for trying likely things first."""


class ObjectStream:
    """One object of a batch; its content is read once, in order, before the next object is asked for."""

    def __init__(self, oid: str, kind: str | None, size: int, source: IO[bytes]) -> None:
        """Stand before the first byte of the content."""
        self.oid = oid
        self.kind = kind
        """`blob`, `tree`, `commit`, `tag`, or None when this clone does not have the object."""
        self.size = size
        self._left = size
        self._source = source
        # The length of an id tells its format (gitformat-object: SHA-1 or SHA-256 over header and content).
        hashed = hashlib.sha256 if len(oid) == 64 else hashlib.sha1
        self._digest = hashed(f"{kind} {size}\0".encode(), usedforsecurity=False)

    def read(self, size: int) -> bytes:
        """
        Return the next bytes, at most `size`; empty at the end.

        Raises: `ObjectsDamaged` with the last bytes of a content that does not have this id.
        """
        piece = self._source.read(min(size, self._left))
        if not piece and self._left:
            raise GitUnavailable(f"git cat-file stopped inside object {self.oid}", hint="check the clone with git fsck")
        self._left -= len(piece)
        self._digest.update(piece)
        if self.kind and not self._left and self._digest.hexdigest() != self.oid:
            raise ObjectsDamaged(self.oid)
        return piece

    def whole(self) -> bytes:
        """Return the content of an object that is no blob."""
        if self.size > LARGEST_NODE:
            raise GitUnavailable(f"{self.kind} {self.oid} has {self.size} bytes, more than the {LARGEST_NODE} read")
        return self.read(self.size)

    def close(self) -> None:
        """Pass over the rest, and over the line feed that ends each answer; the rest must be what the id says, too."""
        if self.kind:
            while self.read(1 << 20):
                pass
            self._source.read(1)


def next_object(source: IO[bytes]) -> ObjectStream | None:
    """Return the next answer of `git cat-file --batch`, or None where it ended."""
    header = source.readline()
    if not header:
        return None
    found = _HEADER.fullmatch(header)
    if found is None:
        return ObjectStream(header.split(b" ")[0].strip().decode("utf-8", "replace"), None, 0, source)
    return ObjectStream(found[1].decode(), found[2].decode(), int(found[3]), source)


def parse_commit(oid: str, content: bytes) -> Commit:
    """
    Return what a commit says of its tree and its parents.

    Raises: `GitUnavailable` for one that git would not have made.
    """
    found = _COMMIT.match(content)
    if found is None:
        raise GitUnavailable(f"commit {oid} is malformed", hint="check the clone with git fsck")
    committed = _COMMITTER.search(content)
    parents = found[2].decode().replace("parent ", "").split()
    return Commit(found[1].decode(), tuple(parents), int(committed[1]) if committed else 0)


def parse_tree(oid: str, content: bytes) -> dict[bytes, Node]:
    """
    Return the entries of one tree object by name, in its order.

    Raises: `GitUnavailable` for one that git would not have made, such as with two entries of one name.
    """
    length = len(oid) // 2
    found = _tree_lines(length).findall(content)
    nodes = {name: Node(_mode(mode), raw) for mode, name, raw in found}
    spelled = sum(len(mode) + len(name) for mode, name, _ in found) + len(found) * (length + 2)
    if spelled != len(content) or len(nodes) != len(found) or not all(node.mode for node in nodes.values()):
        raise GitUnavailable(f"tree {oid} is malformed", hint="check the clone with git fsck")
    return nodes


@cache
def _tree_lines(length: int) -> re.Pattern[bytes]:
    return re.compile(rb"([0-7]{5,7}) ([^\0/]+)\0(.{%d})" % length, re.DOTALL)


@cache
def _mode(mode: bytes) -> bytes:
    """Return a mode with the digits that git gives its kind; empty for a kind that no tree has."""
    kinds = {0o04: b"040000", 0o10: mode.lstrip(b"0"), 0o12: b"120000", 0o16: b"160000"}
    return kinds.get(int(mode, 8) >> 12, b"")


class Reader:
    """
    Reads commits and trees one by one, each proved by its id, so that all that follows from a commit's id is proved.

    Raises: every method `ObjectsDamaged` for an object that is not what its id says, and `GitUnavailable` for one that
    this clone lacks or that is malformed.
    """

    def __init__(self, ask: Callable[[bytes], ObjectStream], cut: frozenset[str]) -> None:
        """Ask for objects by name; `cut` are the commits that count as without parents, as in a shallow clone."""
        self._ask = ask
        self._cut = cut
        self.commit = lru_cache(4096)(self._commit)
        """Returns a commit; without parents where the clone is cut."""
        self.tree = lru_cache(256)(self._tree)
        """Returns the entries of one tree object by name."""

    def resolve(self, name: bytes, kind: str) -> str | None:
        """Return the id of the `kind` that a name leads to, by way of tags and of a commit's tree; None for nothing."""
        stream = self._ask(name)
        while stream.kind != kind:
            if stream.kind == "tag" and (found := _TAG.match(self._content(stream))):
                following = found[1].decode()
            elif stream.kind == "commit" and kind == "tree":
                following = parse_commit(stream.oid, self._content(stream)).tree
            else:
                return None
            stream = self._ask(following.encode())
            if stream.oid != following:
                return None
        stream.close()
        return stream.oid

    def find(self, commit: str, parts: Iterable[bytes]) -> Node | None:
        """Return what a commit has at the path of these parts, or None when it verifiably has nothing there."""
        node = Node(b"040000", bytes.fromhex(self.commit(commit).tree))
        for part in parts:
            if node.kind is not EntryKind.FOLDER:
                return None
            below = self.tree(node.oid.hex()).get(part)
            if below is None:
                return None
            node = below
        return node

    def entries(self, commit: str, *besides: str) -> Iterator[TreeEntry]:
        """Yield, in git's order, each file, link and submodule that none of the others has at the same path."""
        return self.below(*(self.commit(oid).tree for oid in (commit, *besides)))

    def below(self, tree: str, *besides: str) -> Iterator[TreeEntry]:
        """Yield the same of a tree object rather than of a commit."""
        ours, *theirs = (self.tree(oid) for oid in (tree, *besides))
        folders = [(b"", iter(ours.items()), theirs)]
        count = 0
        while folders:
            folder, rest, theirs = folders[-1]
            name, node = next(rest, (b"", None))
            if node is None:
                folders.pop()
                continue
            count += 1
            if count > MOST_ENTRIES:
                raise GitUnavailable(f"tree {tree} has more than the {MOST_ENTRIES} entries that are read")
            others = [their[name] for their in theirs if name in their]
            if node in others:
                continue
            if node.kind is EntryKind.FOLDER:
                below = [self.tree(other.oid.hex()) for other in others if other.kind is EntryKind.FOLDER]
                folders.append((folder + name + b"/", iter(self.tree(node.oid.hex()).items()), below))
            else:
                yield TreeEntry(node.mode, node.oid.hex(), folder + name)

    def proves(self, commits: Iterable[str], base: str) -> bool:
        """Return whether all the commits are `base` or verifiably its ancestors, looking at the newest first."""
        wanted = set(commits) - {base}
        seen = {base}
        queue = [(0, base, self.commit(base).parents)]
        while wanted and queue:
            for parent in heappop(queue)[2]:
                if parent not in seen:
                    seen.add(parent)
                    wanted.discard(parent)
                    found = self.commit(parent)
                    heappush(queue, (-found.time, parent, found.parents))
        return not wanted

    def _commit(self, oid: str) -> Commit:
        commit = parse_commit(oid, self._read(oid, "commit"))
        return commit._replace(parents=()) if oid in self._cut else commit

    def _tree(self, oid: str) -> dict[bytes, Node]:
        return parse_tree(oid, self._read(oid, "tree"))

    def _read(self, oid: str, kind: str) -> bytes:
        stream = self._ask(oid.encode())
        if stream.kind is None:
            raise GitUnavailable(f"{kind} {oid} is not in this clone", hint="fetch the whole history, without a filter")
        if (stream.oid, stream.kind) != (oid, kind):
            raise GitUnavailable(f"{oid} is no {kind}", hint="check the clone with git fsck")
        return self._content(stream)

    @staticmethod
    def _content(stream: ObjectStream) -> bytes:
        content = stream.whole()
        stream.close()
        return content
