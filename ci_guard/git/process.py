"""Running gits: what one writes goes to a file without a name, or is read while it runs; none outlives its use."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import IO, Final, TypeAlias, cast

from ci_guard.errors import GitUnavailable
from ci_guard.git.command import failure, name_of
from ci_guard.git.objects import (
    LARGEST_NODE,
    ObjectsDamaged,
    ObjectStream,
    object_id,
    object_of,
    required,
)
from ci_guard.records import dataclass

_TOGETHER: Final = 30
"""
Objects that are asked for at once. The ids of two such groups fit into any pipe, so that neither side waits for the
other to read, and git works on the second one while the first one's objects are looked at.
"""
_AHEAD: Final = 1 << 20
"""Bytes that a git may write ahead of who reads them: as much as Linux lets everybody have in a pipe."""

Arguments: TypeAlias = "tuple[str | bytes, ...]"


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How git is started."""

    command: Sequence[str | bytes]
    """Up to the subcommand."""
    cwd: str | os.PathLike[str]
    environ: dict[str, str]

    def start(self, arguments: Arguments, *, stdin: IO[bytes] | int, stdout: IO[bytes] | int) -> Process:
        """Start a subcommand; it is ended by `Process.end`."""
        complaints = nameless()
        try:
            process = subprocess.Popen(
                [*self.command, *arguments],
                stdin=stdin,
                stdout=stdout,
                stderr=complaints,
                bufsize=1 << 18,
                cwd=self.cwd,
                env=self.environ,
            )
        except OSError as error:
            complaints.close()
            raise GitUnavailable(f"git could not be started: {error.strerror}") from error
        if process.stdout:
            _widen(process.stdout)
        return Process(arguments, process, complaints)


class Process:
    """A running git, most often `cat-file --batch`."""

    def __init__(self, arguments: Arguments, process: subprocess.Popen[bytes], complaints: IO[bytes]) -> None:
        self.answers = cast("IO[bytes]", process.stdout)
        """What it writes, where that goes to a pipe."""
        self._arguments = arguments
        self._process = process
        self._complaints = complaints
        self.late = False
        """Whether it was killed because it took too long."""
        self._due = 0
        """How many answers have not begun."""
        self._last: ObjectStream | None = None

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """Kill it when this lasts longer; what has ended by itself needs no clock."""
        if self._process.poll() is not None:
            yield
            return
        deadline = threading.Timer(seconds, self._kill_late)
        deadline.daemon = True
        deadline.start()
        try:
            yield
        finally:
            deadline.cancel()
            deadline.join()  # whoever copies the process wants no thread in it

    def _kill_late(self) -> None:
        self.late = True
        self._process.kill()

    @property
    def idle(self) -> bool:
        """Whether it waits for a question: all answers were read to their ends."""
        read = self._due == 0 and (self._last is None or self._last.closed)
        return read and self._process.poll() is None

    def ask(self, name: bytes) -> ObjectStream:
        """Ask for an object by name and return it; the one before must have been read or closed."""
        self._write([name])
        return self._answer(self.answers.readline())

    def ask_all(self, oids: Iterable[str]) -> Iterator[ObjectStream]:
        """Yield each object in the given order; what was not read of one is passed over."""
        for _ in self._asked(oids):
            stream = self._answer(self.answers.readline())
            yield stream
            stream.close()

    def wholes(self, oids: Iterable[str], kind: str) -> Iterator[tuple[str, bytes]]:
        """
        Yield id and content of each object, all of one kind that is no blob, no object twice.

        Raises: as `objects.required`.
        """
        # Thousands of small objects: what `ObjectStream` does for contents of any size takes longer than git itself.
        for oid in self._asked(dict.fromkeys(oids)):
            header = self.answers.readline()
            begin = f"{oid} {kind} ".encode("ascii")
            size = header[len(begin) : -1]
            if not header.startswith(begin) or int(size) > LARGEST_NODE:
                yield oid, required(oid, kind, self._answer(header))
                continue
            content = self.answers.read(int(size) + 1)[:-1]
            self._due -= 1
            if object_id(kind, content, len(oid)) != oid:
                raise ObjectsDamaged(oid)
            yield oid, content

    def _asked(self, oids: Iterable[str]) -> Iterator[str]:
        """Yield ids that were asked for, some ahead; the answer to each must be read before the next."""
        rest = iter(oids)
        asked: list[str] = []
        while group := list(islice(rest, _TOGETHER)):
            self._write([oid.encode("ascii") for oid in group])
            yield from asked
            asked = group
        yield from asked

    def _write(self, questions: Sequence[bytes]) -> None:
        source = cast("IO[bytes]", self._process.stdin)
        self._due += len(questions)
        with suppress(BrokenPipeError):  # it ended, and says why
            source.write(b"\n".join(questions) + b"\n")
            source.flush()

    def _answer(self, header: bytes) -> ObjectStream:
        if not header:
            self.finish()
            raise GitUnavailable("git cat-file stopped without an answer", hint="check the clone with git fsck")
        self._due -= 1
        self._last = object_of(header, self.answers)
        return self._last

    def finish(self, accept: tuple[int, ...] = (0,)) -> None:
        """Wait for the end, and raise `GitUnavailable` with git's own words for a bad one."""
        if self._process.wait() not in accept:
            self._complaints.seek(0)
            raise failure(self._arguments, self._complaints.read(1 << 16), self._process.returncode)

    def end(self) -> None:
        """Kill it if it still runs, and close what is open."""
        self._process.kill()
        self._process.wait()
        self._complaints.close()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()


class Begun:
    """A git that runs beside its caller's work and whose output is wanted as a whole."""

    def __init__(self, launch: Launch, arguments: Arguments, stdin: bytes = b"") -> None:
        """Start it."""
        self._arguments = arguments
        self._output = nameless()
        with nameless() as questions:
            if stdin:
                questions.write(stdin)
                questions.seek(0)
            self._process = launch.start(
                arguments, stdin=questions if stdin else subprocess.DEVNULL, stdout=self._output
            )

    def output(self, seconds: float, accept: tuple[int, ...]) -> bytes:
        """
        Wait for its end and return what it wrote.

        Raises: `GitUnavailable` for a bad end, and for none within so many seconds from now.
        """
        try:
            with self._process.limited(seconds):
                self._process.finish(accept)
            self._output.seek(0)
            return self._output.read()
        except GitUnavailable:
            if self._process.late:
                raise GitUnavailable(
                    f"git {name_of(self._arguments)} did not finish within {seconds:g} seconds"
                ) from None
            raise
        finally:
            self.end()

    def end(self) -> None:
        """Kill it if it still runs."""
        self._process.end()
        self._output.close()


def _widen(pipe: IO[bytes]) -> None:
    """Let more be written to a pipe than was read, where the system can: its usual 64 KiB are a few files."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _AHEAD)


def nameless() -> IO[bytes]:
    """Return an empty file that no path leads to, in memory where the system has such files."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("ci-guard", os.MFD_CLOEXEC), "w+b")
    import tempfile

    return tempfile.TemporaryFile()
