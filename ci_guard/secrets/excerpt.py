"""What stands around a secret in its content; it stays in this process, and no representation of it shows any of it."""

from __future__ import annotations

from typing import Final

REACH: Final = 1_000
"""Bytes that are kept on either side of a secret: enough for a comment, bounded on a line of a gigabyte."""


class Excerpt:
    """A secret with its lines. Only suppressions look into it, and nothing of it reaches a report."""

    __slots__ = ("above", "line", "secret", "start", "whole")

    def __init__(self, data: bytes, start: int, end: int) -> None:
        """Keep what stands around `data[start:end]`."""
        begin = data.rfind(b"\n", max(0, start - REACH), start) + 1
        cut_before = begin == 0 and start > REACH
        begin = begin or max(0, start - REACH)
        stop = data.find(b"\n", end, end + REACH)
        cut_after = stop < 0 and len(data) > end + REACH
        stop = stop if stop >= 0 else min(len(data), end + REACH)
        above = data.rfind(b"\n", max(0, begin - 1 - REACH), max(0, begin - 1)) + 1
        self.secret = data[start:end]
        self.line = data[begin:stop].removesuffix(b"\r")
        """From the beginning of the line on which the secret begins to the end of the one on which it ends."""
        self.start = start - begin
        """Where in `line` the secret begins."""
        self.whole = not (cut_before or cut_after)
        """Whether `line` holds its lines to their ends."""
        reachable = above > 0 or begin - 1 <= REACH
        self.above = data[above : begin - 1].removesuffix(b"\r") if begin and reachable and not cut_before else b""
        """The line before; empty where it is too long to hold a comment alone."""

    def __eq__(self, other: object) -> bool:
        """Compare everything that is kept."""
        if not isinstance(other, Excerpt):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self) -> int:
        """See `__eq__`."""
        return hash((self.secret, self.line, self.start))

    def __repr__(self) -> str:
        """Show nothing, because exceptions and debuggers print what they hold."""
        return "<excerpt>"
