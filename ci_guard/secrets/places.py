"""Where contents stand in a repository, as git tells it: a commit's tree, the index with what is untracked, a range."""

from __future__ import annotations

import os
import re
from collections.abc import Container
from typing import Final, NamedTuple

from ci_guard.git import Repository

GITLINK: Final = b"160000"
_SYMLINK: Final = b"120000"

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
    places = [Place(text(entry.path[len(prefix) :]), entry.oid) for entry in entries if entry.mode != GITLINK]
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
            if mode not in (GITLINK, _SYMLINK):
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
            known.update(entry.oid for entry in reader.entries(edge, *before) if entry.mode != GITLINK)
            before = (edge,)
        for commit in reversed(walk.commits):
            for entry in reader.entries(commit, *parents[commit]):
                if entry.mode != GITLINK and entry.oid not in known and entry.path.startswith(prefix):
                    places.setdefault((entry.path, entry.oid), commit)
    found = [Place(text(path[len(prefix) :]), oid, commit) for (path, oid), commit in places.items()]
    messages = [] if prefix else [Place(NO_FILE, commit, commit, COMMIT_MESSAGE) for commit in reversed(walk.commits)]
    return Range(found, messages, len(walk.commits), walk.complete)


def staged(repository: Repository, head: str | None, prefix: bytes) -> Tree:
    """
    Return what a commit of the index would bring below `prefix`: contents that `head` holds at no path.

    Of a path that is not merged all sides count. A file that is only announced (`git add --intent-to-add`) has none.
    """
    before = set(repository.tree(head)) if head else set()
    known = {entry.oid for entry in before if entry.mode != GITLINK}
    old = {(entry.mode, entry.oid, entry.path) for entry in before}
    found: dict[Place, None] = {}
    submodules = 0
    for line in repository.run("ls-files", "-z", "-s").split(b"\0"):
        fields, _, path = line.partition(b"\t")
        if not path.startswith(prefix) or not path:
            continue
        mode, oid, _stage = fields.split(b" ")
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


_NAMES: Final = re.compile(rb"refs/(heads|tags|remotes/[^/]+)/(.+)", re.DOTALL)


def names(repository: Repository, commits: Container[str]) -> list[Named]:
    """Return the branches and tags that lead to any of the commits, by name."""
    wish = "--format=%(refname)%00%(objectname)%00%(objecttype)%00%(*objectname)"
    found = []
    for line in repository.run("for-each-ref", wish, "refs/heads/", "refs/tags/", "refs/remotes/").splitlines():
        ref, oid, kind, peeled = line.split(b"\0")
        name = _NAMES.fullmatch(ref)
        commit = (peeled or oid).decode()
        if name and commit in commits:
            what = TAG_NAME if name[1] == b"tags" else BRANCH_NAME
            found.append(Named(name[2], what, commit, oid.decode() if kind == b"tag" else None))
    return found


def prefix_of(repository: Repository, root: str) -> bytes:
    """Return where an absolute folder lies in the work tree: empty for its root, else with a final `/`."""
    if repository.work_tree is None:
        return b""
    relative = os.path.relpath(root, repository.work_tree)
    return b"" if relative == os.curdir else os.fsencode(relative).replace(os.sep.encode(), b"/") + b"/"
