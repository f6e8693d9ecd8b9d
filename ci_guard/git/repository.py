"""What can be asked of a repository; what hangs on an object's id is read from objects that prove their ids."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import chain, islice
from typing import IO, Final

from ci_guard import late
from ci_guard.errors import GitUnavailable
from ci_guard.git.command import ENVIRONMENT, OVERRIDES, find_git, locate
from ci_guard.git.index import BOTH, LISTING, OTHERS, IndexEntry, parse, parted
from ci_guard.git.objects import (
    EntryKind,
    Node,
    ObjectsDamaged,
    ObjectStream,
    Proven,
    Reader,
    TreeEntry,
    next_object,
)
from ci_guard.git.process import Arguments, Begun, Launch, Process, nameless
from ci_guard.records import dataclass, field, replace

TIMEOUT_SECONDS: Final = 120.0
LARGEST_LIST: Final = 64 << 20
"""Bytes of a list of commits in the git folder, such as `shallow`."""

_SETTLES: Final = ("rev-parse", "--show-object-format", "--git-common-dir")
"""What says of a repository that was found how it is made."""
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
_FEW: Final = 1000
"""Objects that are asked for one after the other; more are told to git beforehand, so that it need not wait."""
_CAT_FILE: Final = ("cat-file", "--batch")

_OBJECT_ID: Final = {"sha1": re.compile(r"[0-9a-f]{40}"), "sha256": re.compile(r"[0-9a-f]{64}")}
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


@dataclass(frozen=True, kw_only=True)
class Repository:
    """
    A repository on this machine, opened for reading.

    Raises: every method `GitUnavailable` when git fails, is too slow, or an object that it needs is missing; and its
    subclass `ObjectsDamaged` when an object is not what its id says.
    """

    git: str
    git_dir: str
    common_dir: str
    """Where objects and refs are; differs from `git_dir` in a linked worktree."""
    work_tree: str | None
    """None for a bare repository."""
    object_format: str
    """`sha1` or `sha256`."""
    index: str | None = None
    """Another index than the work tree's own, such as `git commit FILE` makes for one commit."""
    timeout_seconds: float = TIMEOUT_SECONDS
    _session: _Session | None = field(default=None, repr=False, compare=False)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, timeout_seconds: float = TIMEOUT_SECONDS) -> Repository:
        """
        Open the repository that holds `path`, or the bare one at `path`.

        The work tree is where `.git` was found: `core.worktree` and `core.bare` are the repository's own word.

        Raises: `GitUnavailable` with one message each for no such folder, no repository, no git, and one that git
        cannot read.
        """
        return cls._settled(cls._found(path, timeout_seconds))

    @classmethod
    @contextmanager
    def opened(cls, path: str | os.PathLike[str], begin: Callable[[Repository], None]) -> Iterator[Repository]:
        """
        Open the repository of `path` for a session; `begin` has git list what will be wanted, while it is opened.

        Raises: as `open`.
        """
        with cls._found(path, TIMEOUT_SECONDS).session() as found:
            found.begin(*_SETTLES)
            begin(found)
            yield cls._settled(found)

    @classmethod
    def _found(cls, path: str | os.PathLike[str], timeout_seconds: float) -> Repository:
        """Return what can be said of a repository without asking git."""
        if not os.path.isdir(path):
            raise GitUnavailable(f"{path} is not a folder", hint="name the folder of a checkout")
        folder = os.path.realpath(path)
        found = locate(folder)
        if found is None:
            raise GitUnavailable(
                f"{folder} is not inside a git repository",
                hint="run in a checkout (actions/checkout, GIT_STRATEGY: clone), or name one",
            )
        git_dir, work_tree = found
        return cls(
            git=find_git(work_tree or git_dir),
            git_dir=git_dir,
            common_dir=git_dir,
            work_tree=work_tree,
            object_format="sha1",
            timeout_seconds=timeout_seconds,
        )

    @staticmethod
    def _settled(found: Repository) -> Repository:
        """Return the repository with what git says of it."""
        answer = os.fsdecode(found.run(*_SETTLES))
        object_format, _, common_dir = answer.removesuffix("\n").partition("\n")
        repository = replace(
            found,
            common_dir=os.path.join(found.work_tree or found.git_dir, common_dir),
            object_format="sha256" if object_format == "sha256" else "sha1",
        )
        repository.shallow_commits()  # git reads that list each time, and would wait for a pipe in its place
        return repository

    @property
    def _folder(self) -> str:
        return self.work_tree or self.git_dir

    def _launch(self) -> Launch:
        overrides = [part for key, value in OVERRIDES.items() for part in ("-c", f"{key}={value}")]
        return Launch(command=[self.git, "--no-pager", *overrides], cwd=self._folder, environ=self._environment())

    def _environment(self) -> dict[str, str]:
        places = {"GIT_DIR": self.git_dir} | ({"GIT_WORK_TREE": self.work_tree} if self.work_tree else {})
        if self.index:
            places["GIT_INDEX_FILE"] = self.index
        kept = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
        return kept | ENVIRONMENT | places

    @property
    def _own_session(self) -> _Session | None:
        """The session, unless this is a copy of the process that has it: two cannot talk to one git."""
        return self._session if self._session and self._session.process == os.getpid() else None

    def run(self, *arguments: str | bytes, stdin: bytes = b"", accept: tuple[int, ...] = (0,)) -> bytes:
        """Return what git writes. Text from outside belongs behind `--end-of-options` or `--`, or on standard input."""
        begun = self._own_session.begun.pop((arguments, self.index), None) if self._own_session and not stdin else None
        return (begun or Begun(self._launch(), arguments, stdin)).output(self.timeout_seconds, accept)

    def begin(self, *arguments: str | bytes) -> None:
        """Start what `run` will be asked for, within a session; once, however often it is begun."""
        if self._own_session and (arguments, self.index) not in self._own_session.begun:
            self._own_session.begun[arguments, self.index] = Begun(self._launch(), arguments)

    @contextmanager
    def session(self) -> Iterator[Repository]:
        """
        Give the same repository for some work, for which one git answers what objects hold.

        A session within a session is the outer one.
        """
        if self._own_session:
            yield self
            return
        session = _Session()
        try:
            session.batches.append(self._start_batch())
            yield replace(self, _session=session)
        finally:
            session.end()

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

    def shallow_commits(self) -> frozenset[str]:
        """Return the commits whose parents this clone was told to forget."""
        return frozenset(_lines(os.path.join(self.common_dir, "shallow")))

    def is_partial(self) -> bool:
        """Return whether this clone was told to leave objects out until they are asked for (partial clone)."""
        with suppress(OSError):
            names = os.listdir(os.path.join(self.common_dir, "objects", "pack"))
            return any(name.endswith(".promisor") for name in names)
        return False

    def has_grafts(self) -> bool:
        """Return whether a graft file would rewrite parents for a git that reads it."""
        return any(not line.startswith("#") for line in _lines(os.path.join(self.common_dir, "info", "grafts")))

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

    def objects(self, oids: Iterable[str]) -> Generator[ObjectStream, None, None]:
        """
        Yield each object in the given order; one that this clone lacks has no kind.

        Contents are streamed, so that memory stays bounded. What was not read of one is passed over. That a content is
        what its id says is known, and `ObjectsDamaged` raised, when its end was read or passed over.
        """
        wanted = iter(oids)
        first = list(islice(wanted, _FEW + 1))
        if len(first) <= _FEW:
            if first:
                with self._asked() as batch:
                    yield from batch.ask_all(map(self._checked, first))
            return
        with self.stream(*_CAT_FILE, "--buffer", wanted=chain(first, wanted)) as answers:
            while stream := next_object(answers):
                yield stream
                stream.close()

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Give a reader of commits and trees."""
        with self._asked() as batch:
            yield Reader(batch, self.shallow_commits())

    @contextmanager
    def stream(self, *arguments: str, wanted: Iterable[str] = ()) -> Iterator[IO[bytes]]:
        """
        Give what git writes while it writes it; `wanted` are object ids that it reads from its standard input.

        Raises: `GitUnavailable` when the context is left at the end of what git wrote and git did not succeed.
        """
        # A file rather than a pipe, which would have to be fed while reading.
        with nameless() as ids:
            ids.writelines(self._checked(oid).encode() + b"\n" for oid in wanted)
            ids.seek(0)
            process = self._launch().start(arguments, stdin=ids, stdout=subprocess.PIPE)
        try:
            with process.limited(self.timeout_seconds):
                yield process.answers
                process.finish()
        finally:
            process.end()

    @contextmanager
    def _asked(self) -> Iterator[Process]:
        """Give a git that answers what objects hold; in a session it is kept for the next one who asks."""
        kept = self._own_session.batches.pop() if self._own_session and self._own_session.batches else None
        batch = kept or self._start_batch()
        try:
            with batch.limited(self.timeout_seconds):
                yield batch
        finally:
            if self._own_session and batch.idle:
                self._own_session.batches.append(batch)
            else:
                batch.end()

    def _start_batch(self) -> Process:
        return self._launch().start(_CAT_FILE, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def _checked(self, oid: str) -> str:
        if not _OBJECT_ID[self.object_format].fullmatch(oid):
            raise GitUnavailable("a full object id was expected", hint="resolve the revision first")
        return oid


class _Session:
    """The processes of a session."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.begun: dict[tuple[Arguments, str | None], Begun] = {}
        self.batches: list[Process] = []
        self.refs: bytes | None = None
        self.files: tuple[bytes, bytes] | None = None
        """What `BOTH` listed, for those who ask for either."""

    def end(self) -> None:
        for begun in self.begun.values():
            begun.end()
        for batch in self.batches:
            batch.end()


def _encoded(text: str) -> bytes | None:
    """Return the bytes of a path or a ref as git has them, whatever the locale; None for what no bytes stand for."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None


def _lines(path: str) -> list[str]:
    """Return the lines of a plain file, none where there is no file, without waiting on a pipe or a device."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise GitUnavailable(f"{path} is no plain file", hint="check what ran in this job before")
            content = file.read(LARGEST_LIST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise GitUnavailable(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > LARGEST_LIST:
        raise GitUnavailable(f"{path} has more than the {LARGEST_LIST} bytes that are read")
    return [line for line in content.decode("utf-8", "replace").split("\n") if line.strip()]
