"""Different calls at the same time, each result with its own type: `Client.gather` has one type for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ci_guard.evidence.github.client import Client

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


def two(client: Client, one: Callable[[], A], other: Callable[[], B]) -> tuple[A, B]:
    """Run both and return their results."""
    calls: tuple[Callable[[], Any], ...] = (one, other)
    found = client.gather(*calls)
    return found[0], found[1]


def three(client: Client, one: Callable[[], A], other: Callable[[], B], third: Callable[[], C]) -> tuple[A, B, C]:
    """Run all three and return their results."""
    calls: tuple[Callable[[], Any], ...] = (one, other, third)
    found = client.gather(*calls)
    return found[0], found[1], found[2]
