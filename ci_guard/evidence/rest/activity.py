"""Lists of what happened, newest first: how far they are read, and what of them counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ci_guard.evidence.rest.shape import ShapeError, when
from ci_guard.model.activity import Activity


def older(since: datetime) -> Callable[[list[Any]], bool]:
    """Return what says that a list has come to what nobody asks for."""

    def reached(found: list[Any]) -> bool:
        try:
            return bool(found) and when(found[-1], "created_at") < since
        except ShapeError:
            return False  # the whole list is checked afterwards

    return reached


def read(found: tuple[Any, ...], one: Callable[[Any], Activity], since: datetime) -> tuple[Activity, ...]:
    """Return what happened since a moment, the newest first; a list can shift while its pages are read."""
    known = {each.identity: each for each in map(one, found) if each.time >= since}
    return tuple(sorted(known.values(), key=lambda each: each.time, reverse=True))
