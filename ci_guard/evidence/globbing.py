"""Match a sequence against parts of which one stands for any number of items, without ever exploding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

P = TypeVar("P")
T = TypeVar("T")


def fits_all(pattern: Sequence[P], items: Sequence[T], many: P, fits: Callable[[P, T], bool]) -> bool:
    """
    Tell whether the whole sequence fits; `many` takes any number of items, none included.

    Only the last `many` is ever reconsidered, so that no pattern and path can make this explode.
    """
    at = position = 0
    retry: tuple[int, int] | None = None
    while position < len(items):
        if at < len(pattern) and pattern[at] == many:
            retry = (at + 1, position)
            at += 1
        elif at < len(pattern) and fits(pattern[at], items[position]):
            at += 1
            position += 1
        elif retry is not None:
            retry = (retry[0], retry[1] + 1)
            at, position = retry
        else:
            return False
    return all(part == many for part in pattern[at:])
