"""Where contents stand in a repository, as git tells it: a commit's tree, the index with what is untracked, a range."""

from __future__ import annotations

import re
from array import array
from collections.abc import Container, Iterable, Sequence
from typing import Final, overload

from ci_guard import late
from ci_guard.git import IndexEntry, ProvenTrees, Repository, brought, contents
from ci_guard.rows import NamedTuple
from ci_guard.secrets.listing import below

GITLINK: Final = b"160000"
_NO_FILES: Final = frozenset({GITLINK, b"120000"})
"""Modes of submodules and symbolic links."""

NO_FILE: Final = ""
"""In place of a path, for a message or a name."""
COMMIT_MESSAGE: Final = "commit message"
TAG_MESSAGE: Final = "tag message"
BRANCH_NAME: Final = "branch name"
TAG_NAME: Final = "tag name"
REF_CONTENT: Final = "content that a ref names"
FILE_NAME: Final = "file name"
"""Of a secret that stands in the path itself."""


class Place(NamedTuple):
    """A content at a path."""

    path: str
    """Relative to the folder that is scanned; bytes that are not UTF-8 as surrogate escapes. Or `NO_FILE`."""
    oid: str
    commit: str | None = None
    """The commit that brought the content there, for a range; of a name, the commit that it names."""
    what: str = ""
    """What this is, where it is no file."""


class Listed(NamedTuple):
    """A file that git says is in the work tree."""

    path: bytes
    """Relative to the root of the work tree."""
    oid: str | None = None
    """What the index holds for it; None for an untracked file."""
    hidden: bool = False
    """Whether git was told not to look at it: assume-unchanged, or skip-worktree (also by a sparse checkout)."""


class Tree(NamedTuple):
    """What a commit holds."""

    places: list[Place]
    submodules: int


class Range(NamedTuple):
    """What the commits of a range brought."""

    places: list[Place]
    """Oldest commit first. Those of them whose content is in `held` were only moved or copied."""
    messages: list[Place]
    """The same."""
    commits: int
    complete: bool
    """False when a shallow clone cuts the range short."""
    edges: frozenset[str]
    """The commits that the range starts from, for `held`."""


def text(path: bytes) -> str:
    """Return a path as reports carry it, whatever the locale."""
    return path.decode("utf-8", "surrogateescape")


def tree(repository: Repository, commit: str, prefix: bytes, index: Sequence[IndexEntry]) -> Tree | None:
    """
    Return every content of a commit below `prefix`, or None where the index holds the same.

    The target of a symbolic link is a content, too. Trees that the index proves are not read.
    """
    proven = ProvenTrees(index, repository.object_format)
    with repository.reader() as reader:
        top = reader.commit(commit).tree
        if index and proven.are(top):
            return None
        entries = [entry for entry in reader.below(top, proven) if entry.path.startswith(prefix)]
    places = [Place(text(entry.path[len(prefix) :]), entry.oid) for entry in entries if entry.mode != GITLINK]
    return Tree(places, len(entries) - len(places))


class Tracked(Sequence[Listed]):
    """The tracked files below a folder, without submodules and symbolic links, of a path in conflict the last side."""

    def __init__(self, index: Sequence[IndexEntry], prefix: bytes) -> None:
        """Note which entries of the index they are; a million of them as objects would be too much."""
        self.numbers = array("L")
        """Which entry of the index each is."""
        self._index = index
        last = b""
        for number, (_, mode, _, stage, path) in enumerate(index):
            if mode in _NO_FILES or not path.startswith(prefix):
                continue
            if stage != b"0" and path == last:
                self.numbers.pop()
            self.numbers.append(number)
            last = path

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, item: int) -> Listed: ...
    @overload
    def __getitem__(self, item: slice) -> list[Listed]: ...
    def __getitem__(self, item: int | slice) -> Listed | list[Listed]:
        if isinstance(item, slice):
            entries = (self._index[number] for number in self.numbers[item])
            return [Listed(path, oid.decode("ascii"), tag.islower() or tag == b"S") for tag, _, oid, _, path in entries]
        tag, _, oid, _, path = self._index[self.numbers[item]]
        return Listed(path, oid.decode("ascii"), tag.islower() or tag == b"S")


def untracked(repository: Repository, prefix: bytes) -> list[bytes]:
    """
    Return the paths of the untracked files below `prefix`.

    What to ignore is taken from the `.gitignore` files alone: `.git/info/exclude` is no part of what people review.
    A repository within the work tree that is not tracked is one path that ends with `/`.
    """
    return [path for path in repository.others(*below(prefix)).split(b"\0") if path]


def commit_range(repository: Repository, base: str | None, head: str, prefix: bytes) -> Range:
    """
    Return every content that is reachable from `head` and not from `base`, with the oldest commit that brought it.

    A merge is compared with all of its parents, so that what comes in by the second parent and what the merge itself
    adds are both there. The commits' messages are contents, too, where all of the repository is asked for.
    """
    walk = repository.commits(base, head)
    oldest_first = walk.commits[::-1]
    with repository.reader() as reader:
        places: dict[tuple[bytes, str], str] = {}
        for commit, entry in brought(reader, oldest_first):
            if entry.mode != GITLINK and entry.path.startswith(prefix):
                places.setdefault((entry.path, entry.oid), commit)
    found = [Place(text(path[len(prefix) :]), oid, commit) for (path, oid), commit in places.items()]
    messages = [] if prefix else [Place(NO_FILE, commit, commit, COMMIT_MESSAGE) for commit in oldest_first]
    return Range(found, messages, len(walk.commits), walk.complete, walk.edges)


def held(repository: Repository, edges: Iterable[str]) -> set[str]:
    """
    Return the contents that the commits which a range starts from have, at whatever path: none of them is new.

    It takes the trees of whole commits, longer than most ranges take, so it is asked for where it matters.
    """
    with repository.reader() as reader:
        return contents(reader, edges)


def staged(repository: Repository, head: str | None, prefix: bytes) -> Tree:
    """
    Return what a commit of the index would bring below `prefix`: contents that `head` holds at no path.

    Of a path that is not merged all sides count. A file that is only announced (`git add --intent-to-add`) has none.
    """
    index = repository.index_entries()
    before = set(repository.tree(head, ProvenTrees(index, repository.object_format))) if head else set()
    known = {entry.oid for entry in before if entry.mode != GITLINK}
    old = {(entry.mode, entry.oid, entry.path) for entry in before}
    found: dict[Place, None] = {}
    submodules = 0
    for _, mode, oid, _, path in index:
        if not path.startswith(prefix):
            continue
        if mode == GITLINK:
            submodules += (mode, oid.decode(), path) not in old
        elif oid.decode() not in known:
            found[Place(text(path[len(prefix) :]), oid.decode())] = None
    return Tree(list(found), submodules)


class Named(NamedTuple):
    """A name that a repository gives to a commit, and the message of the tag that it may be."""

    name: bytes
    """Without `refs/heads/` and the like."""
    what: str
    commit: str
    tag: str | None
    """The id of an annotated tag."""


_NAMES: Final = late.pattern(rb"refs/(heads|tags|remotes/[^/]+)/(.+)", re.DOTALL)


def names(repository: Repository, commits: Container[str]) -> list[Named]:
    """Return the branches and tags that lead to any of the commits, by name."""
    found = []
    for line in repository.refs().splitlines():
        ref, oid, kind, peeled = line.split(b"\0")
        name = _NAMES.fullmatch(ref)
        commit = (peeled or oid).decode()
        if name and commit in commits:
            what = TAG_NAME if name[1] == b"tags" else BRANCH_NAME
            found.append(Named(name[2], what, commit, oid.decode() if kind == b"tag" else None))
    return found
