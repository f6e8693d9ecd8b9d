"""
Matches a pattern in time that grows with the text alone, in Python alone: what hyperscan does where there is one.

The pattern becomes a nondeterministic automaton (K. Thompson, "Regular Expression Search Algorithm", 1968), and of the
sets of places that it can be in, each is worked out when a text first leads there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from ci_guard.rows import NamedTuple
from ci_guard.secrets import patterns

MOST_NODES: Final = 10_000
"""Nodes of a pattern: what bounds the work for one byte."""
_MOST_STATES: Final = 2_000
"""Sets that are kept; then all are forgotten, which bounds memory."""

_END: Final = 256
_LAST_FEED: Final = 257
"""Beside the bytes, what can be next: nothing, or a line feed with nothing behind it."""
_FEED: Final = ord("\n")
_WORD: Final = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_NEGATED: Final = "AT_NON_BOUNDARY"


class _Node(NamedTuple):
    """A place in the pattern."""

    signs: frozenset[int] | None
    """The bytes that lead on; None where no byte is taken."""
    at: str
    """What must hold here, as `re` calls it; empty where nothing must."""
    following: tuple[int, ...]


_ACCEPTS: Final = _Node(None, "", ())


class Automaton:
    """A pattern, ready to be matched."""

    def __init__(self, pattern: bytes, *, ignore_case: bool = False) -> None:
        """
        Read a pattern as `re` does.

        Raises: `ValueError`, with a clause, for one that `re` does not understand, or that looks ahead, behind or back.
        """
        try:
            tree = patterns.parsed(pattern, re.IGNORECASE if ignore_case else 0)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"it is not understood: {error}") from None
        self.shortest = int(tree.getwidth()[0])
        """Bytes that a match has at least."""
        self._nodes = [_ACCEPTS]
        self._start = self._sequence(tree, 0, tree.state.flags)
        self._looks = any(node.at for node in self._nodes)
        self._rows: dict[tuple[frozenset[int], int], dict[int, tuple[bool, frozenset[int]]]] = {}

    def ends(self, data: bytes, start: int) -> Iterator[int]:
        """Yield each offset at which a match ends that begins at an offset."""
        state = frozenset((self._start,))
        for offset in range(start, len(data) + 1):
            accepted, state = self._step(state, data, offset)
            if accepted:
                yield offset
            if not state:
                return

    def is_in(self, data: bytes) -> bool:
        """Return whether a match is anywhere in some bytes."""
        begin = frozenset((self._start,))
        state = begin
        for offset in range(len(data) + 1):
            accepted, state = self._step(state | begin, data, offset)
            if accepted:
                return True
        return False

    def _step(self, state: frozenset[int], data: bytes, offset: int) -> tuple[bool, frozenset[int]]:
        """Return whether a match ends at an offset, and the state behind the byte there."""
        sign = data[offset] if offset < len(data) else _END
        if sign == _FEED and offset == len(data) - 1:
            sign = _LAST_FEED
        before = _kind(data, offset) if self._looks else 0
        row = self._rows.get((state, before))
        if row is None:
            if len(self._rows) >= _MOST_STATES:
                self._rows.clear()
            row = self._rows[state, before] = {}
        found = row.get(sign)
        if found is None:
            found = row[sign] = self._worked_out(state, before, sign)
        return found

    def _worked_out(self, state: frozenset[int], before: int, sign: int) -> tuple[bool, frozenset[int]]:
        left, reached = list(state), set(state)
        following: set[int] = set()
        byte = _FEED if sign == _LAST_FEED else sign
        while left:
            node = self._nodes[left.pop()]
            if node.signs is not None:
                if byte in node.signs:
                    following.update(node.following)
            elif not node.at or _holds(node.at, before, sign):
                new = set(node.following) - reached
                reached |= new
                left += new
        return 0 in reached, frozenset(following)

    def _sequence(self, tree: Any, following: int, flags: int) -> int:
        """Add the nodes of a sequence that leads to a node, and return its first."""
        for operator, value in reversed(list(tree)):
            following = self._part(str(operator), value, following, flags)
        return following

    def _part(self, name: str, value: Any, following: int, flags: int) -> int:
        if name == "SUBPATTERN":
            _, added, removed, inner = value
            return self._sequence(inner, following, (flags | added) & ~removed)
        if name == "BRANCH":
            return self._add(None, tuple(self._sequence(branch, following, flags) for branch in value[1]))
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            low, high, inner = value
            return self._repeat(low, None if high == patterns.UNBOUNDED else high, inner, following, flags)
        if name == "AT":
            line = "_LINE" if flags & re.MULTILINE and str(value) in ("AT_BEGINNING", "AT_END") else ""
            return self._add(None, (following,), at=f"{value}{line}")
        if name == "ANY":
            return self._add(patterns.ALL if flags & re.DOTALL else patterns.ALL - {_FEED}, (following,))
        if name in ("LITERAL", "NOT_LITERAL", "IN"):
            return self._add(patterns.signs_of(name, value, ignore_case=bool(flags & re.IGNORECASE)), (following,))
        raise ValueError("it looks ahead, behind or back")

    def _repeat(self, low: int, high: int | None, inner: Any, following: int, flags: int) -> int:
        if high is None:
            loop = self._add(None, ())
            self._nodes[loop] = _Node(None, "", (self._sequence(inner, loop, flags), following))
            following = loop
        else:
            behind = following
            for _ in range(high - low):
                following = self._add(None, (self._sequence(inner, following, flags), behind))
        for _ in range(low):
            following = self._sequence(inner, following, flags)
        return following

    def _add(self, signs: frozenset[int] | None, following: tuple[int, ...], at: str = "") -> int:
        if len(self._nodes) >= MOST_NODES:
            raise ValueError("it is too large: lower the bounds of its repetitions")
        self._nodes.append(_Node(signs, at, following))
        return len(self._nodes) - 1


_NOTHING, _LINE_FEED, _WORD_SIGN, _OTHER = range(4)
"""What can stand before a place."""


def _kind(data: bytes, offset: int) -> int:
    if offset == 0:
        return _NOTHING
    sign = data[offset - 1]
    return _LINE_FEED if sign == _FEED else _WORD_SIGN if sign in _WORD else _OTHER


def _holds(at: str, before: int, sign: int) -> bool:
    match at:
        case "AT_BEGINNING" | "AT_BEGINNING_STRING":
            return before == _NOTHING
        case "AT_BEGINNING_LINE":
            return before in (_NOTHING, _LINE_FEED)
        case "AT_END":
            return sign in (_END, _LAST_FEED)
        case "AT_END_STRING":
            return sign == _END
        case "AT_END_LINE":
            return sign in (_END, _LAST_FEED, _FEED)
        case _:
            boundary = (before == _WORD_SIGN) != (sign in _WORD)
            return boundary == (at != _NEGATED)
