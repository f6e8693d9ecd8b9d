"""Git objects as their ids prove them: whatever is read here was hashed again, because git itself does not look."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from functools import cache, lru_cache
from typing import IO, TYPE_CHECKING, Final, Protocol

from ci_guard import hashing, late
from ci_guard.errors import GitUnavailable
from ci_guard.rows import NamedTuple

if TYPE_CHECKING:
    from hashlib import _Hash

LARGEST_NODE: Final = 64 << 20
"""Bytes of a commit, a tag or a tree, which are read as a whole; real ones are a thousand times smaller."""
MOST_ENTRIES: Final = 2_000_000
"""Of one listing. A few trees that hold each other many times over can have any number of paths."""

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


class Answers(Protocol):
    """A git that answers what objects hold, such as `process.Process`."""

    def ask(self, name: bytes) -> ObjectStream:
        """Return one object; the one before must have been read or closed."""
        ...

    def wholes(self, oids: Iterable[str], kind: str) -> Iterator[tuple[str, bytes]]:
        """Yield id and content of each object, all of one kind that is no blob, in the given order."""
        ...


class Proven(Protocol):
    """Trees whose entries are known, and proved by their ids, such as `index.Proven`."""

    def below(self, folder: bytes, tree: str) -> Iterator[TreeEntry] | None:
        """Return what the tree at a folder (empty, or with a final `/`) holds; None where that is not known."""
        ...


class Reader:
    """
    Reads commits and trees, each proved by its id, so that all that follows from a commit's id is proved.

    Raises: every method `ObjectsDamaged` for an object that is not what its id says, and `GitUnavailable` for one that
    this clone lacks or that is malformed.
    """

    def __init__(self, answers: Answers, cut: frozenset[str]) -> None:
        """Ask for objects; `cut` are the commits that count as without parents, as in a shallow clone."""
        self._answers = answers
        self._cut = cut
        self.commit = lru_cache(4096)(self._commit)
        """Returns a commit; without parents where the clone is cut."""
        self.tree = lru_cache(256)(self._tree)
        """Returns the entries of one tree object by name."""

    def resolve(self, name: bytes, kind: str) -> str | None:
        """Return the id of the `kind` that a name leads to, by way of tags and of a commit's tree; None for nothing."""
        stream = self._answers.ask(name)
        while stream.kind != kind:
            if stream.kind == "tag" and (found := TAG.match(content_of(stream))):
                following = found[1].decode()
            elif stream.kind == "commit" and kind == "tree":
                following = parse_commit(stream.oid, content_of(stream)).tree
            else:
                return None
            stream = self._answers.ask(following.encode())
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

    def entries(self, commit: str, proven: Proven | None = None) -> Iterator[TreeEntry]:
        """Yield, in git's order, each file, link and submodule of a commit."""
        return self.below(self.commit(commit).tree, proven)

    def below(self, tree: str, proven: Proven | None = None) -> Iterator[TreeEntry]:
        """Yield the same of a tree object rather than of a commit; what is proven already is not read."""
        folders: list[Iterator[tuple[bytes, Node]]] = []
        paths: list[bytes] = []
        count = 0

        def entered(path: bytes, oid: str) -> Iterable[TreeEntry]:
            known = proven.below(path, oid) if proven else None
            if known is None:
                folders.append(iter(self.tree(oid).items()))
                paths.append(path)
            return known or ()

        yield from entered(b"", tree)
        while folders:
            name, node = next(folders[-1], (b"", None))
            if node is None:
                folders.pop()
                paths.pop()
                continue
            count += 1
            if count > MOST_ENTRIES:
                raise GitUnavailable(f"tree {tree} has more than the {MOST_ENTRIES} entries that are read")
            if node.kind is EntryKind.FOLDER:
                yield from entered(paths[-1] + name + b"/", node.oid.hex())
            else:
                yield TreeEntry(node.mode, node.oid.hex(), paths[-1] + name)

    def proves(self, commits: Iterable[str], base: str) -> bool:
        """Return whether all the commits are `base` or verifiably its ancestors, looking at the newest first."""
        from heapq import heappop, heappush

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

    def commits(self, oids: Iterable[str]) -> dict[str, Commit]:
        """Return several commits; without parents where the clone is cut."""
        return {oid: self._cut_off(oid, content) for oid, content in self._answers.wholes(oids, "commit")}

    def trees(self, oids: Iterable[str]) -> dict[str, list[Line]]:
        """Return the entries of several tree objects."""
        return {oid: tree_lines(oid, content) for oid, content in self._answers.wholes(oids, "tree")}

    def _commit(self, oid: str) -> Commit:
        return self._cut_off(oid, self._read(oid, "commit"))

    def _cut_off(self, oid: str, content: bytes) -> Commit:
        commit = parse_commit(oid, content)
        return commit._replace(parents=()) if oid in self._cut else commit

    def _tree(self, oid: str) -> dict[bytes, Node]:
        return parse_tree(oid, self._read(oid, "tree"))

    def _read(self, oid: str, kind: str) -> bytes:
        return required(oid, kind, self._answers.ask(oid.encode()))
