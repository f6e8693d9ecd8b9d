"""What can be asked of a repository; what hangs on an object's id is read from objects that prove their ids."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from typing import Final

from ci_guard import late
from ci_guard.errors import GitUnavailable
from ci_guard.git import folder
from ci_guard.git.clone import Clone
from ci_guard.git.index import BOTH, LISTING, OTHERS, IndexEntry, parse, parted
from ci_guard.git.objects import EntryKind, Node, ObjectsDamaged, TreeEntry
from ci_guard.git.reader import Proven
from ci_guard.records import dataclass, field

REPLACEMENTS: Final = ("for-each-ref", "--count=1", "refs/replace/")
"""What lists a replacement object, if there is any."""
REFS: Final = (
    "for-each-ref",
    "--format=%(refname)%00%(objectname)%00%(objecttype)%00%(*objectname)",
    *("refs/heads/", "refs/tags/", "refs/remotes/", "refs/replace/"),
)
"""What lists names with what they lead to, and all replacement objects: one git fewer to start than for each."""
_SMALL: Final = 1 << 16
"""Bytes of an index, of some 600 files, below which one git lists them and all others sooner than two would start."""
_UPWARDS: Final = frozenset({b"", b".", b".."})
"""Parts that no path in a tree has."""
_CREDENTIALS_IN_URL: Final = late.pattern(r"^([A-Za-z][A-Za-z0-9+.-]*://)[^/]*@")


@dataclass(frozen=True, kw_only=True)
class Blob:
    """What a commit has at one path."""

    kind: EntryKind
    size: int = 0
    content: bytes | None = None
    """Of a file that is not larger than asked for; else None."""


@dataclass(frozen=True)
class Walk:
    """The commits of a range, newest first: each before its parents."""

    commits: tuple[str, ...]
    complete: bool
    """False when a shallow clone cuts the range short."""
    edges: frozenset[str] = field(default=frozenset(), compare=False)
    """The commits that the range starts from: its beginning, and what its commits have as parents outside of it."""


class Repository(Clone):
    """
    A repository on this machine, opened for reading.

    Raises: as `Clone`.
    """

    def rev_parse(self, revision: str, kind: str = "commit") -> str | None:
        """Return the full id of the `kind` that a revision names, or None when there is none in this clone."""
        name = _encoded(revision)
        # A colon in front searches the index or the messages, which name no commit that anybody meant.
        if not name or name.startswith(b":") or any(sign in name for sign in b"\n\r\0"):
            return None
        with self.reader() as reader:
            return reader.resolve(name, kind)

    def head(self) -> str | None:
        """Return the commit that is checked out, or None in a repository without one."""
        return self.rev_parse("HEAD")

    def is_unborn(self) -> bool:
        """Return whether the branch that is checked out has no commit yet, rather than one that cannot be read."""
        ref = self.branch()
        if ref is None or os.path.lexists(os.path.join(self.common_dir, ref)):
            return False
        return not self.run("for-each-ref", "--count=1", "--format=%(refname)", "--", ref)

    def branch(self) -> str | None:
        """Return the full ref that is checked out (also one without a commit), or None when the head is detached."""
        name = self.run("symbolic-ref", "--quiet", "HEAD", accept=(0, 1))
        return os.fsdecode(name.rstrip(b"\n")) or None

    def remote_head(self, remote: str) -> str | None:
        """Return the branch that a remote had as its default one when it was last asked, or None where that is lost."""
        prefix = f"refs/remotes/{remote}/"
        name = os.fsdecode(self.run("symbolic-ref", "--quiet", f"{prefix}HEAD", accept=(0, 1)).rstrip(b"\n"))
        return name.removeprefix(prefix) if name.startswith(prefix) else None

    @property
    def is_bare(self) -> bool:
        """Whether there is no work tree."""
        return self.work_tree is None

    def is_shallow(self) -> bool:
        """Return whether history is cut."""
        return bool(self.shallow_commits())

    def is_partial(self) -> bool:
        """Return whether this clone was told to leave objects out until they are asked for (partial clone)."""
        return folder.is_partial(self.common_dir)

    def has_grafts(self) -> bool:
        """Return whether a graft file would rewrite parents for a git that reads it."""
        return folder.has_grafts(self.common_dir)

    def has_replacements(self) -> bool:
        """Return whether replacement objects would show other content to a git that honours them."""
        if self._own_session and (self._own_session.refs or (REFS, self.index) in self._own_session.begun):
            with suppress(GitUnavailable):  # of a name that leads nowhere it says nothing about the others
                return b"\nrefs/replace/" in b"\n" + self.refs()
        return bool(self.run(*REPLACEMENTS))

    def refs(self) -> bytes:
        """Return the lines that `REFS` lists, within a session once."""
        if self._own_session is None:
            return self.run(*REFS)
        if self._own_session.refs is None:
            self._own_session.refs = self.run(*REFS)
        return self._own_session.refs

    def remotes(self) -> dict[str, str]:
        """Return the address of each remote, without credentials."""
        answer = self.run(
            "config", "--local", "--no-includes", "-z", "--get-regexp", r"^remote\..*\.url$", accept=(0, 1)
        )
        pairs = (os.fsdecode(item).partition("\n") for item in answer.split(b"\0") if item)
        return {key[len("remote.") : -len(".url")]: _CREDENTIALS_IN_URL.sub(r"\1", url) for key, _, url in pairs}

    def commits(self, base: str | None, head: str, *, first_parent: bool = False) -> Walk:
        """
        Return the commits reachable from `head` but not from `base`; both are full ids of commits that are here.

        git proposes them, and the commits themselves must agree: each has a child among them, and what they leave out
        belongs to the base.
        """
        commits = tuple(self.run(*self._walk(base, head, first_parent=first_parent)).decode().split())
        inside = set(commits)
        linked = {head}
        with self.reader() as reader:
            read = reader.commits(commits)
            for commit in read.values():
                linked.update(commit.parents[:1] if first_parent else commit.parents)
            if strange := inside - linked:
                raise ObjectsDamaged(min(strange))
            left_out = linked - inside - {base}
            if left_out and (base is None or not reader.proves(left_out, base)):
                raise ObjectsDamaged(base or head)
        edges = {parent for commit in read.values() for parent in commit.parents} - inside
        return Walk(commits, not self.shallow_commits() & inside, frozenset(edges | ({base} if base else set())))

    def begin_commits(self, base: str | None, head: str) -> None:
        """Have git list what `commits` will be asked for, within a session."""
        self.begin(*self._walk(base, head))

    def _walk(self, base: str | None, head: str, *, first_parent: bool = False) -> tuple[str, ...]:
        options = ["--first-parent"] if first_parent else []
        ends = [self._checked(head), *([f"^{self._checked(base)}"] if base else [])]
        return ("rev-list", "--topo-order", *options, *ends, "--")

    def first_parents(self, base: str, head: str) -> Walk:
        """Return the commits that a branch gained on its way from `base` to `head`, without what merges brought in."""
        return self.commits(base, head, first_parent=True)

    def index_entries(self) -> Sequence[IndexEntry]:
        """Return what the index holds, in git's order."""
        both = self._both()
        return parse(both[0] if both else self.run(*LISTING))

    def begin_files(self, *below: str | bytes) -> None:
        """Have git list, within a session, what `index_entries` and `others` will be asked for; the longest last."""
        index = os.path.join(self.git_dir, "index")
        if not below and self.index is None and os.path.isfile(index) and os.stat(index).st_size < _SMALL:
            self.begin(*BOTH)
            return
        self.begin(*LISTING)
        self.begin(*OTHERS, *below)

    def others(self, *below: str | bytes) -> bytes:
        """Return what `OTHERS` lists, with arguments that limit it to a folder."""
        both = None if below else self._both()
        return both[1] if both else self.run(*OTHERS, *below)

    def _both(self) -> tuple[bytes, bytes] | None:
        session = self._own_session
        if session and (BOTH, self.index) in session.begun:
            session.files = parted(self.run(*BOTH))
        return session.files if session else None

    def tree(self, commit: str, proven: Proven | None = None) -> Iterator[TreeEntry]:
        """Yield every file, symbolic link and submodule of a commit; what is proven already is not read."""
        with self.reader() as reader:
            yield from reader.entries(self._checked(commit), proven)

    def read_blob(self, commit: str, path: str, *, limit_bytes: int = 1 << 20) -> Blob | None:
        """Return what the commit (a full id) has at `path`, or None when it verifiably has nothing there."""
        parts = (_encoded(path) or b"").split(b"/")
        if not _UPWARDS.isdisjoint(parts) or any(b"\0" in part for part in parts):
            raise GitUnavailable(f"{path!r} is no path")
        with self.reader() as reader:
            node = reader.find(self._checked(commit), parts)
        if node is None:
            return None
        if node.kind is not EntryKind.FILE:
            return Blob(kind=node.kind)
        with closing(self.objects([node.oid.hex()])) as streams:
            for stream in streams:
                if stream.kind == "blob":
                    content = stream.read(stream.size) if stream.size <= limit_bytes else None
                    return Blob(kind=EntryKind.FILE, size=stream.size, content=content)
        raise GitUnavailable(
            f"the content of {path} at {commit[:12]} is not in this clone", hint="fetch without a filter"
        )

    def nodes(self, commit: str, paths: Sequence[str]) -> tuple[Node | None, ...]:
        """Return what the commit (a full id) has at each path, None where it verifiably has nothing there."""
        with self.reader() as reader:
            return tuple(reader.find(self._checked(commit), (_encoded(path) or b"").split(b"/")) for path in paths)


def _encoded(text: str) -> bytes | None:
    """Return the bytes of a path or a ref as git has them, whatever the locale; None for what no bytes stand for."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None
