"""A matcher that does what `re` does, and counts its steps: what takes time is told apart without a clock."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from ci_guard.secrets import patterns

BUDGET = 60_000
"""Steps after which a count ends."""


class TooMany(Exception):
    """The budget was spent."""


class Counted:
    """One pattern over bytes."""

    def __init__(self, pattern: bytes, flags: int) -> None:
        self._tree = patterns.parsed(pattern, flags)
        self._any = bool(self._tree.state.flags & 16)
        self._folds = bool(self._tree.state.flags & 2)
        self._groups: dict[int, bytes] = {}
        self._told: dict[tuple[str, int], frozenset[int]] = {}
        self.steps = 0

    def match(self, text: bytes, *, whole: bool) -> int:
        """Return how many steps a match at the beginning of a text takes; `whole` is whether it must reach its end."""
        self.steps = 0
        with suppress(TooMany):
            for end in self._sequence(list(self._tree), 0, text, 0):
                if not whole or end == len(text):
                    break
        return self.steps

    def _sequence(self, items: list[Any], number: int, text: bytes, at: int) -> Iterator[int]:
        if number == len(items):
            yield at
            return
        for end in self._item(str(items[number][0]), items[number][1], text, at):
            yield from self._sequence(items, number + 1, text, end)

    def _item(self, name: str, value: Any, text: bytes, at: int) -> Iterator[int]:  # noqa: C901 - one case an operator
        self.steps += 1
        if self.steps > BUDGET:
            raise TooMany
        if name in ("LITERAL", "NOT_LITERAL", "IN", "ANY"):
            if at < len(text) and text[at] in self._signs(name, value):
                yield at + 1
        elif name == "BRANCH":
            for branch in value[1]:
                yield from self._sequence(list(branch), 0, text, at)
        elif name == "SUBPATTERN":
            for end in self._sequence(list(value[-1]), 0, text, at):
                self._groups[value[0]] = text[at:end]
                yield end
        elif name == "GROUPREF":
            said = self._groups.get(value, b"")
            if text.startswith(said, at):
                yield at + len(said)
        elif name in ("ASSERT", "ASSERT_NOT"):
            if value[0] < 0:
                width = value[1].getwidth()[0]
                met = at >= width and at in self._sequence(list(value[1]), 0, text, at - width)
            else:
                met = next(self._sequence(list(value[1]), 0, text, at), None) is not None
            if met is (name == "ASSERT"):
                yield at
        elif name in ("MAX_REPEAT", "MIN_REPEAT"):
            low, high, inner = value
            yield from self._repeated((list(inner), name == "MAX_REPEAT"), int(low), int(high), text, at)
        elif name == "AT":
            yield at  # rather met too often
        else:
            raise NotImplementedError(name)

    def _repeated(self, what: tuple[list[Any], bool], low: int, high: int, text: bytes, at: int) -> Iterator[int]:
        inner, greedy = what
        if not greedy and low <= 0:
            yield at
        if high > 0:
            for end in self._sequence(inner, 0, text, at):
                if end > at or low > 0:
                    yield from self._repeated(what, low - 1, high - 1, text, end)
        if greedy and low <= 0:
            yield at

    def _signs(self, name: str, value: Any) -> frozenset[int]:
        key = (name, value if isinstance(value, int) else id(value))  # lists are the tree's, which stays
        if key not in self._told:
            self._told[key] = self._signs_of(name, value)
        return self._told[key]

    def _signs_of(self, name: str, value: Any) -> frozenset[int]:
        if name == "ANY":
            return frozenset(range(256)) - (frozenset() if self._any else {10})
        if name == "NOT_LITERAL":
            return frozenset(range(256)) - {value}
        return patterns.signs_of(name, value, ignore_case=self._folds)

    def alphabet(self) -> bytes:
        """Return one sign for each way in which the parts of the pattern tell signs apart."""
        classes = [self._signs(name, value) for name, value in _leaves(self._tree)]
        told: dict[tuple[bool, ...], int] = {}
        for sign in itertools.chain(b"aA0 ", range(256)):
            told.setdefault(tuple(sign in one for one in classes), sign)
        return bytes(told.values())

    def beginnings(self) -> list[bytes]:
        """Return what may stand ahead of each repetition, at its shortest."""
        found: dict[bytes, None] = {b"": None}

        def walk(tree: Any, before: bytes) -> bytes:
            for operator, value in tree:
                name = str(operator)
                if name in ("LITERAL", "NOT_LITERAL", "IN", "ANY"):
                    before += bytes((min(self._signs(name, value), default=0),))
                elif name == "SUBPATTERN":
                    before = walk(value[-1], before)
                elif name == "BRANCH":
                    before = min((walk(branch, before) for branch in value[1]), key=len)
                elif name.endswith("_REPEAT"):
                    found[before] = None
                    once = walk(value[2], before)
                    before += once[len(before) :] * int(value[0])
            return before

        walk(self._tree, b"")
        return [*found]


def _leaves(tree: Any) -> Iterator[tuple[str, Any]]:
    for operator, value in tree:
        name = str(operator)
        if name in ("LITERAL", "NOT_LITERAL", "IN", "ANY"):
            yield name, value
        elif name == "BRANCH":
            for branch in value[1]:
                yield from _leaves(branch)
        elif name in ("SUBPATTERN", "ASSERT", "ASSERT_NOT"):
            yield from _leaves(value[-1])
        elif name.endswith("_REPEAT"):
            yield from _leaves(value[2])


def growth(pattern: bytes, flags: int, *, whole: bool, pumps: Callable[[bytes], list[bytes]]) -> tuple[float, bytes]:
    """
    Return by how much more the steps grow than the text does, at worst, when it is doubled, and on what text.

    2 is a time in proportion to the square of the text, infinity more than the budget.
    """
    counted = Counted(pattern, flags)
    worst, on = 0.0, b""
    for before in counted.beginnings():
        for pump in pumps(counted.alphabet()):
            texts = [before + (pump * size)[:size] + b"\0" for size in (24, 48)]
            steps = [counted.match(text, whole=whole) for text in texts]
            if steps[1] > BUDGET:
                return float("inf"), before + pump
            if steps[1] > 500 and steps[1] / steps[0] > worst:
                worst, on = steps[1] / steps[0], before + pump
    return worst, on
