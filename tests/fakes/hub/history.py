"""Commits, trees, tags and the activity log of the fake GitHub."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

FILE, EXECUTABLE, SYMLINK, SUBMODULE = "100644", "100755", "120000", "160000"
ZERO = "0" * 40


@dataclass(frozen=True)
class Symlink:
    """A file given as a link to `target`."""

    target: str


@dataclass(frozen=True)
class Submodule:
    """A file given as a submodule at `sha` of the repository at `url`."""

    sha: str
    url: str


FileSpec = str | bytes | Symlink | Submodule | None
"""What a test may give as a file; None removes it."""


@dataclass(kw_only=True)
class Signature:
    """Who wrote or committed, as git has it, and the account GitHub links the address to."""

    name: str
    email: str
    date: str
    login: str | None = None
    """None: the address belongs to no account (`author: null` in answers)."""


@dataclass(kw_only=True)
class Commit:
    """One commit with its whole tree."""

    sha: str
    tree_sha: str
    parents: list[str]
    author: Signature
    committer: Signature
    message: str
    tree: dict[str, str] = field(default_factory=dict)
    """Path -> `<mode> <object sha>`, flat, as `git ls-tree -r` has it."""
    verified: bool = False
    reason: str = "unsigned"


@dataclass(kw_only=True)
class Tag:
    """A tag; annotated ones have an object of their own."""

    name: str
    target: str
    sha: str | None = None
    """The tag object, None for a lightweight tag."""
    message: str = ""
    tagger: Signature | None = None


@dataclass(kw_only=True)
class Activity:
    """One entry of the repository's activity log."""

    id: int
    activity_type: str
    ref: str
    before: str
    after: str
    actor: str | None
    timestamp: str


def blob_sha(content: bytes) -> str:
    """Return git's name of a blob."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def tree_sha(tree: dict[str, str]) -> str:
    """Return a stable stand-in for git's name of a tree."""
    text = "\n".join(f"{entry} {path}" for path, entry in sorted(tree.items()))
    return hashlib.sha1(text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def commit_sha(*parts: str) -> str:
    """Return a stable stand-in for git's name of a commit."""
    return hashlib.sha1("\0".join(parts).encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def ancestors(commits: dict[str, Commit], sha: str | None) -> set[str]:
    """Return `sha` and everything it descends from; unknown parents are left out."""
    found: set[str] = set()
    waiting = [sha] if sha else []
    while waiting:
        current = waiting.pop()
        if current in found or current not in commits:
            continue
        found.add(current)
        waiting.extend(commits[current].parents)
    return found


def between(commits: dict[str, Commit], base: str | None, head: str) -> list[str]:
    """Return what `head` has and `base` has not, parents before children."""
    known = ancestors(commits, base)
    order: list[str] = []
    seen = set(known)
    stack: list[tuple[str, bool]] = [(head, False)]
    while stack:
        current, expanded = stack.pop()
        if expanded:
            order.append(current)
        elif current not in seen and current in commits:
            seen.add(current)
            stack.append((current, True))
            stack.extend((parent, False) for parent in reversed(commits[current].parents))
    return order


def merge_base(commits: dict[str, Commit], one: str, other: str) -> str | None:
    """Return a best common ancestor, None for unrelated histories."""
    common = ancestors(commits, one) & ancestors(commits, other)
    for sha in common:
        if not any(sha in commits[child].parents for child in common):
            return sha
    return None


def tree_changes(old: dict[str, str], new: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return (path, status, blob sha) for each path that differs, sorted by path."""
    changes = []
    for path in sorted({*old, *new}):
        before, after = old.get(path), new.get(path)
        if before == after:
            continue
        status = "added" if before is None else "removed" if after is None else "modified"
        entry = after or before or ""
        changes.append((path, status, entry.split(" ")[1]))
    return changes
