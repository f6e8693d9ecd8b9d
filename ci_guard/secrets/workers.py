"""Spreads work over processes that share what was loaded before; they end with the one that started them."""

from __future__ import annotations

import gc
import os
import selectors
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, Final, NoReturn, TypeVar

from ci_guard.errors import CiGuardError, GitUnavailable, ScanFault
from ci_guard.git import ObjectsDamaged

_READ: Final = 1 << 16
_ERRORS: Final = (GitUnavailable, ObjectsDamaged, ScanFault)

TICKER: Final = "progress"
"""Name of the thread that tells progress: it holds nothing that a copy of the process would wait for."""

Share = TypeVar("Share")


def processors() -> int:
    """Return how many processes can run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def helpers_for(things: int, few: int) -> int:
    """Return how many processes are to help with so many things, of which a few are not worth a process."""
    # A copy of a process has only the thread that copies; what another thread holds, it would wait for in vain.
    others = sum(thread.name != TICKER for thread in threading.enumerate()) - 1
    if not hasattr(os, "fork") or others:
        return 0
    return max(0, min(processors(), things // few) - 1)


def spread(
    shares: Sequence[Share], work: Callable[[Share], Iterator[Any]], *, busy: bool = False
) -> Generator[tuple[int, Any], None, None]:
    """
    Yield, as they come, the number of a share and each thing that the work on it yields; JSON must be able to say it.

    Things of one share come in order. A single share is worked on here, unless the caller is busy with something else.
    Closing the generator ends all processes.
    Raises: what the work raises, of a `CiGuardError`; `ScanFault` for a process that ended without saying why.
    """
    if (len(shares) <= 1 and not busy) or not hasattr(os, "fork"):
        for number, share in enumerate(shares):
            for thing in work(share):
                yield number, thing
        return
    import json  # noqa: F401 - for all of them at once

    sys.stdout.flush()
    sys.stderr.flush()
    gc.freeze()  # a collection writes to every object that it looks at, and each page that is written to is copied
    children: dict[int, tuple[int, int]] = {}
    held: list[int] = []
    """An end of a pipe for each child, which this process alone holds."""
    try:
        with selectors.DefaultSelector() as selector:
            for number, share in enumerate(shares):
                read, write = os.pipe()
                lifeline, end = os.pipe()
                held.append(end)
                pid = _fork()
                if pid == 0:
                    _child(write, [read, *held, *children], lifeline, share, work)
                os.close(write)
                os.close(lifeline)
                children[read] = (number, pid)
                selector.register(read, selectors.EVENT_READ)
            yield from _collect(selector, children)
    finally:
        for descriptor in (*held, *children):
            os.close(descriptor)
        for _, pid in children.values():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _fork() -> int:
    with warnings.catch_warnings():
        # Newer Pythons warn where other threads run; ours only tell progress, and hold no lock that a child takes.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _child(
    write: int, inherited: list[int], lifeline: int, share: Share, work: Callable[[Share], Iterator[Any]]
) -> NoReturn:
    """Do one share, say so line by line, and end without what the parent would do at its end."""
    import json

    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # the parent alone says that it was interrupted
        for descriptor in inherited:
            os.close(descriptor)
        _end_with(lifeline)
        with os.fdopen(write, "wb", _READ) as out:
            try:
                for thing in work(share):
                    out.write(json.dumps(thing, separators=(",", ":")).encode("ascii") + b"\n")
                    out.flush()
            except _ERRORS as error:
                out.write(json.dumps({"raises": type(error).__name__, "message": error.message}).encode() + b"\n")
        code = 0
    finally:
        os._exit(code)


def _end_with(lifeline: int) -> None:
    """
    Have this process ended when nobody can write to a pipe any more: not even a killed parent leaves it behind.

    The system says so by a signal (fcntl(2), `O_ASYNC`). Linux also has `PR_SET_PDEATHSIG`, but that goes by the thread
    that forked, which may end before its process.
    """
    import fcntl

    # Linux ends it at once, also within a long search; elsewhere the signal is ignored by default.
    signal.signal(signal.SIGIO, signal.SIG_DFL if sys.platform == "linux" else lambda *_: os._exit(1))
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    with selectors.DefaultSelector() as selector:  # it may have ended before
        selector.register(lifeline, selectors.EVENT_READ)
        if selector.select(0):
            os._exit(1)


def _collect(selector: selectors.BaseSelector, children: dict[int, tuple[int, int]]) -> Iterator[tuple[int, Any]]:
    import json

    pending = dict.fromkeys(children, b"")
    while children:
        for key, _ in selector.select():
            read = key.fd
            piece = os.read(read, _READ)
            if piece:
                *lines, pending[read] = (pending[read] + piece).split(b"\n")
                for line in lines:
                    yield children[read][0], _said(json.loads(line))
                continue
            selector.unregister(read)
            os.close(read)
            _, pid = children.pop(read)
            if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0 or pending[read]:
                raise ScanFault("a process of the scanner ended early", hint="there may be too little memory")


def _said(thing: Any) -> Any:
    """Return what a child yielded, or raise what it raised."""
    if not isinstance(thing, dict) or "raises" not in thing:
        return thing
    error: CiGuardError
    if thing["raises"] == ObjectsDamaged.__name__:
        error = ObjectsDamaged(thing["message"].rpartition(" ")[2])
    elif thing["raises"] == GitUnavailable.__name__:
        error = GitUnavailable(thing["message"], hint="check the clone with git fsck")
    else:
        error = ScanFault(thing["message"])
    raise error
