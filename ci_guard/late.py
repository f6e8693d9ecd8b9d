"""
Regular expressions that are made when they are first used, which most of a run never are, of what ships where it fits.

A scan that finds nothing uses four of a hundred; compiling the others took 5 ms of its start.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from ci_guard.prepared import compiled

if TYPE_CHECKING:
    from re import compile as pattern

__all__ = ["compiled", "pattern"]

SAID: Final[dict[tuple[str | bytes, int], None]] = {}
"""Texts and flags of all patterns that the modules which were loaded have."""


class _Late:
    """A pattern that becomes one with the first use of its methods. To a type checker it is one all along."""

    def __init__(self, text: str | bytes, flags: int = 0) -> None:
        """Take what `re.compile` takes; what it refuses is refused by the first use, and by a test before that."""
        self._said = (text, int(flags))
        SAID[self._said] = None

    @cached_property
    def _compiled(self) -> re.Pattern[Any]:
        return compiled(*self._said)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._compiled, name)
        setattr(self, name, found)  # from now on it is found without this method
        return found


if not TYPE_CHECKING:
    pattern = _Late
