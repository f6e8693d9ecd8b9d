"""What the checkout's object database says; used by every platform and by runs outside CI."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from ci_guard.errors import GitUnavailable
from ci_guard.evidence.interface import PolicyFile
from ci_guard.git import EntryKind, Repository
from ci_guard.model.fact import Fact, Known, Source, unavailable
from ci_guard.rows import NamedTuple

MAXIMUM_POLICY_BYTES: Final = 1 << 20
"""A policy is read by people; a larger one is an attack or a mistake."""


_SIGNATURE: Final = re.compile(rb"^(author|committer) ([^<\n]*)<([^>\n]*)>", re.MULTILINE)


class Credit(NamedTuple):
    """What a commit claims of who made it."""

    author: str
    author_email: str
    committer: str
    committer_email: str
    sha: str
    message: str


class Checkout:
    """A folder that may hold a repository; git is asked when a fact is wanted, and without it facts are unknown."""

    def __init__(self, folder: Path) -> None:
        """Remember the folder; nothing is read yet."""
        self.folder = folder
        self._repository: Repository | GitUnavailable | None = None

    @property
    def repository(self) -> Repository:
        """
        The repository that holds the folder.

        Raises: `GitUnavailable` where there is none that git can read; the same each time.
        """
        if self._repository is None:
            try:
                self._repository = Repository.open(self.folder)
            except GitUnavailable as error:
                self._repository = error
        if isinstance(self._repository, GitUnavailable):
            raise self._repository
        return self._repository

    @property
    def exists(self) -> bool:
        """Whether there is a repository that git can read."""
        try:
            return bool(self.repository)
        except GitUnavailable:
            return False

    def has_commit(self, sha: str) -> bool:
        """Tell whether the commit is in the object database."""
        try:
            return self.repository.rev_parse(sha) == sha
        except GitUnavailable:
            return False

    def brings(self, base: str, head: str) -> bool | None:
        """Tell whether a commit holds anything that another has not, or None where this clone lacks one of them."""
        if not (self.has_commit(base) and self.has_commit(head)):
            return None
        try:
            return bool(self.repository.commits(base, head).commits)
        except GitUnavailable:
            return None

    def policy_file(self, commit: str, path: str, *, ref: str) -> Fact[PolicyFile | None]:
        """Return the file in the tree of a commit that is here, or None where that tree has none."""
        place = f"{path} at {commit[:12]} ({ref})" if ref else f"{path} at {commit[:12]}"
        try:
            blob = self.repository.read_blob(commit, path, limit_bytes=MAXIMUM_POLICY_BYTES)
        except GitUnavailable as error:
            return unavailable(f"{place} could not be read: {error.message}", detail=f"git {place}")
        if blob is None:
            return Known(value=None, source=Source.GIT, detail=f"git {place}")
        if blob.kind is not EntryKind.FILE:
            return unavailable(
                f"{place} is a {blob.kind.value}, and a policy must be a plain file", detail=f"git {place}"
            )
        return Known(value=PolicyFile(content=blob.content, place=place), source=Source.GIT, detail=f"git {place}")

    def alike(self, commits: Sequence[str], paths: Sequence[str]) -> bool:
        """Tell whether these commits are all in this clone, and have the same at each of the paths."""
        try:
            with self.repository.session() as repository:
                return len({repository.nodes(commit, paths) for commit in commits}) < 2
        except GitUnavailable:
            return False

    def first_parents(self, base: str, head: str) -> list[str] | None:
        """Return the first-parent commits of base..head, oldest first, or None where this clone cannot tell."""
        try:
            if not self.has_commit(base):
                return None
            walk = self.repository.first_parents(base, head)
        except GitUnavailable:
            return None
        return list(reversed(walk.commits)) if walk.complete else None

    def authors(self, base: str, head: str) -> list[Credit] | None:
        """Return what the commits of base..head claim of who made them, or None where this clone cannot tell."""
        try:
            if not (self.has_commit(base) and self.has_commit(head)):
                return None
            walk = self.repository.commits(base, head)
            if not walk.complete:
                return None
            with closing(self.repository.objects(walk.commits)) as streams:
                return [read_credit(stream.oid, stream.whole()) for stream in streams]
        except GitUnavailable:
            return None

    def changed(self, base: str, head: str) -> dict[str, tuple[str, str]] | None:
        """
        Return by path what differs between two commits: mode and object id in the second, zeros for what it lacks.

        None where this clone cannot tell. A renamed file is two paths.
        """
        try:
            if not (self.has_commit(base) and self.has_commit(head)):
                return None
            written = self.repository.run("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", base, head)
        except GitUnavailable:
            return None
        parts = written.split(b"\0")
        found = {}
        for place in range(0, len(parts) - 1, 2):
            _, mode, _, oid, _ = parts[place].split(b" ")
            found[os.fsdecode(parts[place + 1])] = (mode.decode("ascii"), oid.decode("ascii"))
        return found

    def merges_plainly(self, merge: str, *, base: str, first: str, second: str) -> bool | None:
        """
        Tell whether a merge holds what its second parent changed since the base, on top of its first, and nothing else.

        None where this clone cannot tell, or where both sides changed one file, so that lines had to be merged.
        """
        ours = self.changed(first, merge)
        theirs = self.changed(base, second)
        apart = self.changed(first, second)
        if ours is None or theirs is None or apart is None:
            return None
        if any(path not in theirs for path in ours):
            return False
        if any(path not in ours and path in apart for path in theirs):
            return False
        return True if all(theirs[path] == entry for path, entry in ours.items()) else None


def read_credit(sha: str, content: bytes) -> Credit:
    """Return what a commit object claims of who made it; bytes that are not UTF-8 are replaced."""
    head, _, message = content.partition(b"\n\n")
    claims: dict[bytes, tuple[bytes, bytes]] = {
        role: (name.strip(), email) for role, name, email in reversed(_SIGNATURE.findall(head))
    }

    def said(role: bytes, part: int) -> str:
        return claims.get(role, (b"", b""))[part].decode("utf-8", "replace")

    return Credit(
        author=said(b"author", 0),
        author_email=said(b"author", 1),
        committer=said(b"committer", 0),
        committer_email=said(b"committer", 1),
        sha=sha,
        message=message.decode("utf-8", "replace"),
    )


def read_plain_file(path: Path, *, limit_bytes: int = MAXIMUM_POLICY_BYTES) -> bytes:
    """
    Return the bytes of a plain file, without waiting on a pipe or a device.

    Raises: `OSError` with a reason in `strerror` for anything that is no plain file, is too large or cannot be read.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is no plain file")
        if status.st_size > limit_bytes:
            raise OSError(0, f"it has {status.st_size} bytes, more than the {limit_bytes} that are read")
        content = file.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise OSError(0, f"it has more than the {limit_bytes} bytes that are read")
    return content
