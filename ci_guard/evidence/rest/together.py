"""Calls side by side, each result with its own type."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")

WORKERS: Final = 8
"""Requests at the same time."""


class Gatherer:
    """Runs calls at the same time."""

    def __init__(self, name: str) -> None:
        """`name` is that of the threads."""
        self._pool = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix=name)

    def gather(self, *calls: Callable[[], T]) -> tuple[T, ...]:
        """
        Run the calls at the same time and return their results in order.

        Calls may gather again: whoever waits takes over what no worker has begun, so waiting threads cannot block each
        other.
        """
        if not calls:
            return ()
        futures = [self._pool.submit(call) for call in calls[1:]]
        results = [calls[0]()]
        for call, future in zip(calls[1:], futures, strict=True):
            results.append(call() if future.cancel() else future.result())
        return tuple(results)


def two(gatherer: Gatherer, one: Callable[[], A], other: Callable[[], B]) -> tuple[A, B]:
    """Run both and return their results."""
    calls: tuple[Callable[[], Any], ...] = (one, other)
    found = gatherer.gather(*calls)
    return found[0], found[1]


def three(gatherer: Gatherer, one: Callable[[], A], other: Callable[[], B], third: Callable[[], C]) -> tuple[A, B, C]:
    """Run all three and return their results."""
    calls: tuple[Callable[[], Any], ...] = (one, other, third)
    found = gatherer.gather(*calls)
    return found[0], found[1], found[2]
