"""A clone on this machine and the gits that read it: one for each question, or within a session one for many."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Final, TypeVar

from ci_guard.errors import GitUnavailable
from ci_guard.git import folder
from ci_guard.git.command import ENVIRONMENT, OVERRIDES, find_git, locate
from ci_guard.git.objects import ObjectStream, next_object
from ci_guard.git.process import Arguments, Begun, Launch, Process, nameless
from ci_guard.git.reader import Reader
from ci_guard.object_ids import OBJECT_ID
from ci_guard.records import dataclass, field, replace

TIMEOUT_SECONDS: Final = 120.0

_SETTLES: Final = ("rev-parse", "--show-object-format", "--git-common-dir")
"""What says of a clone that was found how it is made."""
_FEW: Final = 1000
"""Objects that are asked for one after the other; more are told to git beforehand, so that it need not wait."""
_CAT_FILE: Final = ("cat-file", "--batch")
_DIGITS: Final = {"sha1": 40, "sha256": 64}
"""Of an id in hex, by the repository's format."""

if TYPE_CHECKING:  # a bound takes a millisecond to make
    AnyClone = TypeVar("AnyClone", bound="Clone")


@dataclass(frozen=True, kw_only=True)
class Clone:
    """
    A clone on this machine, opened for reading; `repository.Repository` knows what to ask of it.

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
    def open(
        cls: type[AnyClone], path: str | os.PathLike[str], *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> AnyClone:
        """
        Open the repository that holds `path`, or the bare one at `path`.

        The work tree is where `.git` was found: `core.worktree` and `core.bare` are the repository's own word.

        Raises: `GitUnavailable` with one message each for no such folder, no repository, no git, and one that git
        cannot read.
        """
        return cls._settled(cls._found(path, timeout_seconds))

    @classmethod
    @contextmanager
    def opened(
        cls: type[AnyClone], path: str | os.PathLike[str], begin: Callable[[AnyClone], None]
    ) -> Iterator[AnyClone]:
        """
        Open the repository of `path` for a session; `begin` has git list what will be wanted, while it is opened.

        Raises: as `open`.
        """
        with cls._found(path, TIMEOUT_SECONDS).session() as found:
            found.begin(*_SETTLES)
            begin(found)
            yield cls._settled(found)

    @classmethod
    def _found(cls: type[AnyClone], path: str | os.PathLike[str], timeout_seconds: float) -> AnyClone:
        """Return what can be said of a repository without asking git."""
        if not os.path.isdir(path):
            raise GitUnavailable(f"{path} is not a folder", hint="name the folder of a checkout")
        place = os.path.realpath(path)
        found = locate(place)
        if found is None:
            raise GitUnavailable(
                f"{place} is not inside a git repository",
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
    def _settled(found: AnyClone) -> AnyClone:
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
    def session(self: AnyClone) -> Iterator[AnyClone]:
        """
        Give the same clone for some work, for which one git answers what objects hold.

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

    def shallow_commits(self) -> frozenset[str]:
        """Return the commits whose parents this clone was told to forget."""
        return folder.shallow_commits(self.common_dir)

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
        if len(oid) != _DIGITS[self.object_format] or not OBJECT_ID.fullmatch(oid):
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
