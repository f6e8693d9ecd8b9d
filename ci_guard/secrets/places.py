"""Where contents stand in a repository, as git tells it: a commit's tree, the index with what is untracked, a range."""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from ci_guard.git import Repository

_GITLINK: Final = b"160000"
_SYMLINK: Final = b"120000"

MESSAGE: Final = ""
"""In place of a path: the message of the commit."""


class Place(NamedTuple):
    """A content at a path."""

    path: str
    """Relative to the folder that is scanned; bytes that are not UTF-8 as surrogate escapes. Or `MESSAGE`."""
    oid: str
    commit: str | None = None
    """The commit that brought the content there, for a range."""


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
    """Oldest commit first."""
    messages: list[Place]
    """The same."""
    commits: int
    complete: bool
    """False when a shallow clone cuts the range short."""


def text(path: bytes) -> str:
    """Return a path as reports carry it, whatever the locale."""
    return path.decode("utf-8", "surrogateescape")


def tree(repository: Repository, commit: str, prefix: bytes) -> Tree:
    """Return every content of a commit below `prefix`. The target of a symbolic link is a content, too."""
    entries = [entry for entry in repository.tree(commit) if entry.path.startswith(prefix)]
    places = [Place(text(entry.path[len(prefix) :]), entry.oid) for entry in entries if entry.mode != _GITLINK]
    return Tree(places, len(entries) - len(places))


def work_tree(repository: Repository, prefix: bytes) -> list[Listed]:
    """
    Return the tracked and the untracked files below `prefix`, without submodules and symbolic links that are tracked.

    What to ignore is taken from the `.gitignore` files alone: `.git/info/exclude` is no part of what people review.
    A repository within the work tree that is not tracked is one entry whose path ends with `/`.
    """
    where: list[str | bytes] = ["--", prefix.rstrip(b"/")] if prefix else []
    files: dict[bytes, Listed] = {}
    for line in repository.run("ls-files", "-z", "-s", "-v", *where).split(b"\0"):
        if line:
            fields, _, path = line.partition(b"\t")
            tag, mode, oid, _stage = fields.split(b" ")
            if mode not in (_GITLINK, _SYMLINK):
                files[path] = Listed(path, oid.decode(), tag.islower() or tag == b"S")
    others = repository.run("ls-files", "-z", "--others", "--exclude-per-directory=.gitignore", *where)
    return [*files.values(), *(Listed(path) for path in others.split(b"\0") if path)]


def commit_range(repository: Repository, base: str | None, head: str, prefix: bytes) -> Range:
    """
    Return every content that is reachable from `head` and not from `base`, with the oldest commit that brought it.

    A merge is compared with all of its parents, so that what comes in by the second parent and what the merge itself
    adds are both there. What the commits that the range starts from hold at any path is not new. The commits' messages
    are contents, too, where all of the repository is asked for.
    """
    walk = repository.commits(base, head)
    inside = set(walk.commits)
    places: dict[tuple[bytes, str], str] = {}
    with repository.reader() as reader:
        parents = {commit: reader.commit(commit).parents for commit in walk.commits}
        edges = {parent for each in parents.values() for parent in each} - inside
        if base:
            edges.add(base)
        known: set[str] = set()
        before: tuple[str, ...] = ()  # edges are much alike, and what they share is known once
        for edge in sorted(edges):
            known.update(entry.oid for entry in reader.entries(edge, *before) if entry.mode != _GITLINK)
            before = (edge,)
        for commit in reversed(walk.commits):
            for entry in reader.entries(commit, *parents[commit]):
                if entry.mode != _GITLINK and entry.oid not in known and entry.path.startswith(prefix):
                    places.setdefault((entry.path, entry.oid), commit)
    found = [Place(text(path[len(prefix) :]), oid, commit) for (path, oid), commit in places.items()]
    messages = [] if prefix else [Place(MESSAGE, commit, commit) for commit in reversed(walk.commits)]
    return Range(found, messages, len(walk.commits), walk.complete)


def prefix_of(repository: Repository, root: str) -> bytes:
    """Return where an absolute folder lies in the work tree: empty for its root, else with a final `/`."""
    if repository.work_tree is None:
        return b""
    relative = os.path.relpath(root, repository.work_tree)
    return b"" if relative == os.curdir else os.fsencode(relative).replace(os.sep.encode(), b"/") + b"/"
