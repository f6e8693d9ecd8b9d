"""Git objects as their ids prove them: whatever is read here was hashed again, because git itself does not look."""

from __future__ import annotations

import re
from enum import Enum
from functools import cache
from typing import IO, TYPE_CHECKING, Final

from ci_guard import hashing, late
from ci_guard.errors import GitUnavailable
from ci_guard.rows import NamedTuple

if TYPE_CHECKING:
    from hashlib import _Hash

LARGEST_NODE: Final = 64 << 20
"""Bytes of a commit, a tag or a tree, which are read as a whole; real ones are a thousand times smaller."""

_HEADER: Final = late.pattern(rb"([0-9a-f]{40}|[0-9a-f]{64}) (blob|tree|commit|tag) ([0-9]+)\n")
_COMMIT: Final = late.pattern(rb"tree ([0-9a-f]+)\n((?:parent [0-9a-f]+\n)*)(?!parent)")
_COMMITTER: Final = late.pattern(rb"\ncommitter [^\n]*> ([0-9]{1,18}) ")
TAG: Final = late.pattern(rb"object ([0-9a-f]+)\ntype (blob|tree|commit|tag)\n")
"""What a tag begins with: the id and the kind of what it names."""


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


FOLDER: Final = b"040000"
SUBMODULE: Final = b"160000"
_SPECIAL: Final = {
    b"120000": EntryKind.SYMLINK,
    SUBMODULE: EntryKind.SUBMODULE,
    FOLDER: EntryKind.FOLDER,
}

Line = tuple[bytes, bytes, bytes]
"""Of a tree: mode, name, and id, not in hex."""


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


def _digest(begin: bytes, length: int, size: int) -> _Hash:
    # The length of an id tells its format (gitformat-object: SHA-1 or SHA-256 over header and content).
    return hashing.digest("sha256" if length == 64 else "sha1", size, begin)


def object_id(kind: str, content: bytes, length: int) -> str:
    """Return the id of an object, of so many digits."""
    size = len(content)
    return _digest(b"%b %d\0%b" % (kind.encode("ascii"), size, content), length, size).hexdigest()


class ObjectStream:
    """One object of a batch; its content is read once, in order, before the next object is asked for."""

    def __init__(self, oid: str, kind: str | None, size: int, source: IO[bytes]) -> None:
        """Stand before the first byte of the content."""
        self.oid = oid
        self.kind = kind
        """`blob`, `tree`, `commit`, `tag`, or None when this clone does not have the object."""
        self.size = size
        self.closed = False
        self._left = size
        self._source = source
        self._digest = _digest(f"{kind} {size}\0".encode(), len(oid), size)

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
            if not self.closed:
                self._source.read(1)
        self.closed = True


def next_object(source: IO[bytes]) -> ObjectStream | None:
    """Return the next answer of `git cat-file --batch`, or None where it ended."""
    header = source.readline()
    return object_of(header, source) if header else None


def object_of(header: bytes, source: IO[bytes]) -> ObjectStream:
    """Return the object that the first line of an answer announces."""
    found = _HEADER.fullmatch(header)
    if found is None:
        return ObjectStream(header.split(b" ")[0].strip().decode("utf-8", "replace"), None, 0, source)
    return ObjectStream(found[1].decode(), found[2].decode(), int(found[3]), source)


def content_of(stream: ObjectStream) -> bytes:
    """Return the content of an object that is no blob, and pass over its end."""
    content = stream.whole()
    stream.close()
    return content


def required(oid: str, kind: str, stream: ObjectStream) -> bytes:
    """
    Return the content of an object that must be here, and be no blob.

    Raises: `GitUnavailable` for one that this clone lacks, or of another kind; `ObjectsDamaged`.
    """
    if stream.kind is None:
        raise GitUnavailable(f"{kind} {oid} is not in this clone", hint="fetch the whole history, without a filter")
    if (stream.oid, stream.kind) != (oid, kind):
        raise GitUnavailable(f"{oid} is no {kind}", hint="check the clone with git fsck")
    return content_of(stream)


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
    return {name: Node(mode_of(mode), raw) for mode, name, raw in tree_lines(oid, content)}


def tree_lines(oid: str, content: bytes) -> list[Line]:
    """
    Return mode, name and id (not in hex) of each entry of one tree object, as they stand there.

    Raises: `GitUnavailable` for one that git would not have made, such as with two entries of one name.
    """
    one, all_of_it = _shapes(len(oid) // 2)
    found: list[Line] = one.findall(content)
    if not all_of_it.fullmatch(content) or len({name for _, name, _ in found}) != len(found):
        raise GitUnavailable(f"tree {oid} is malformed", hint="check the clone with git fsck")
    return found


@cache
def _shapes(length: int) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return what an entry looks like, and what a tree does, with ids of so many bytes."""
    mode = rb"0{0,2}4[0-7]{4}|0?1[026][0-7]{4}"
    one, all_of_it = b"(%b) ([^\0/]+)\0(.{%d})", b"(?:(?:%b) [^\0/]+\0.{%d})*"
    return re.compile(one % (mode, length), re.DOTALL), re.compile(all_of_it % (mode, length), re.DOTALL)


@cache
def mode_of(mode: bytes) -> bytes:
    """Return a mode with the digits that git gives its kind."""
    kinds = {0o04: FOLDER, 0o10: mode.lstrip(b"0"), 0o12: b"120000", 0o16: SUBMODULE}
    return kinds[int(mode, 8) >> 12]
