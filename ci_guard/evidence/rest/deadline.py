"""A limit of time for calls that have none of their own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar, cast

from ci_guard.evidence.rest.transport import Fault

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T]) -> T:
    """
    Return what a call returns, or raise what it raises, from a thread of its own that is left behind when time is over.

    Neither a slow name look-up nor headers that drip can be bounded otherwise.

    Raises: `Fault` where the time is over.
    """
    outcome: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcome.put((call(), None))
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            outcome.put((None, error))

    threading.Thread(target=run, name="forge-request", daemon=True).start()
    try:
        got, error = outcome.get(timeout=seconds)
    except queue.Empty:
        raise Fault(f"no complete answer within {seconds:g} s") from None
    if error is not None:
        raise error
    return cast("T", got)
