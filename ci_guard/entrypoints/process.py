"""What the process itself has to be, before anything is read and when it ends early."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress

TYPE_CHECKING = False  # see `cli`
if TYPE_CHECKING:
    from types import FrameType
    from typing import Final, NoReturn

_NEW_OBJECTS: Final = 200_000
"""As many as a large scan makes."""
_AGAIN_SECONDS: Final = 0.01
"""Until an interrupt that Python dropped is raised again."""
_LATER_SECONDS: Final = 3.0
"""Until one that nothing came of is raised again."""
_TICK_SECONDS: Final = 1.0
"""Longer than what clears up takes."""
_UNFLUSHED: Final = 120
"""What Python exits with where a stream breaks at the very end."""


def keep_streams_open() -> None:
    """
    Put something in place of standard streams that whoever started the process has closed.

    Else the next file that is opened would become standard output, and Python has no stream there at all. What stands
    in for standard output cannot be written to: a verdict that nobody can hear is to fail, as on a full disk.
    """
    for number, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        if not is_open(number):
            os.open(os.devnull, mode)  # takes the lowest free number, which is this one
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process


def collect_seldom() -> None:
    """
    Look for cycles that nothing leads to only after as many new objects as a large scan makes.

    Hardly any are made, and loading modules alone would be looked through a hundred times.
    """
    import gc

    gc.set_threshold(_NEW_OBJECTS)


def is_open(number: int) -> bool:
    """Tell whether a descriptor is one."""
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def dump_no_core() -> None:
    """
    Let a crash of the process, or of a git that it starts, leave no memory behind: it holds what was read.

    A limit of one byte is too small for a file, and is Linux' sign for not starting the program that `core_pattern`
    may name, which a limit of 0 does not stop (Linux, fs/coredump.c).
    """
    try:
        import resource
    except ImportError:  # not on Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    soft = 1 if hard == resource.RLIM_INFINITY else min(1, hard)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def quote_nothing() -> None:
    """
    Print no traceback of a thread, or of what Python does by itself: its message could hold what was read.

    The error of a thread that matters is missed by whoever waits for the thread's result.
    """
    import threading

    threading.excepthook = lambda _: None
    sys.unraisablehook = lambda _: None


class Interrupts:
    """
    A context in which Ctrl-C raises `KeyboardInterrupt`, and again if that came where Python drops every error.

    So does SIGTERM, by which jobs are cancelled: what was started and what is half written is cleared away. Our own
    start and end let a signal end the process without a word: see `ci_guard.__main__`.
    """

    came: int = 0
    """The number of the signal."""

    def __enter__(self) -> Interrupts:  # noqa: PYI034 - Self needs Python 3.11
        """Listen, unless whoever started the process wants interrupts to be ignored."""
        self._before = signal.getsignal(signal.SIGINT)
        self._dropped = sys.unraisablehook
        if self._before is not signal.SIG_IGN:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
                signal.signal(number, self._note)
            sys.unraisablehook = self._unraisable
            # A signal that comes just before this thread waits for a lock, or to another thread, wakes nobody.
            signal.setitimer(signal.ITIMER_REAL, _TICK_SECONDS, _TICK_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave it as it was."""
        if self._before is not signal.SIG_IGN:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number in (signal.SIGTERM, signal.SIGALRM):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, self._before)
            sys.unraisablehook = self._dropped

    def check(self) -> None:
        """Raise `KeyboardInterrupt` if one came, although something made an error of its own of it."""
        if self.came:
            raise KeyboardInterrupt

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGALRM and not self.came:
            return
        self.came = self.came or number
        signal.setitimer(signal.ITIMER_REAL, _LATER_SECONDS)  # where something made an error of its own of it
        raise KeyboardInterrupt

    def _unraisable(self, dropped: sys.UnraisableHookArgs) -> None:
        if dropped.exc_type is KeyboardInterrupt:  # such as in `subprocess.Popen.__del__`
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)


UNINTERRUPTED: Final = Interrupts()
"""Where nobody listens."""


def end(exit_code: int) -> NoReturn:
    """
    End with all that was told, and leave what is in memory to the system.

    Python would take apart modules, rules and database one by one: of a small scan a sixth of its time. What modules
    have registered for the end is done as ever. A thread that still waits for something is not waited for.
    """
    atexit._run_exitfuncs()  # noqa: SLF001 - there is no public name; `multiprocessing` ends its processes so, too
    try:
        for stream in (sys.stdout, sys.stderr):
            if not stream.closed:
                stream.flush()
    except OSError:
        exit_code = exit_code or _UNFLUSHED
    os._exit(exit_code)


def leave(exit_code: int, message: str) -> NoReturn:
    """
    End at once, with a message.

    Threads that wait for a server would hold up an ordinary end for as long as they may wait.
    """
    with suppress(OSError, ValueError):
        sys.stderr.write(message)
        sys.stderr.flush()
    os._exit(exit_code)
