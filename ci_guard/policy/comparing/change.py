"""A difference between two policies, and which way sets and lists of it go."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from ci_guard.records import dataclass

STRICTER: Final = "stricter"
"""Whatever the old policy denied is denied."""
LOOSER: Final = "looser"
OTHER: Final = "changed: cannot be ordered"
"""It depends on the run, or cannot be told from the settings."""
NEITHER: Final = "neither: no verdict changes"
TURNED: Final = {STRICTER: LOOSER, LOOSER: STRICTER}


@dataclass(frozen=True, kw_only=True)
class Change:
    """Something that differs between two policies."""

    what: str
    direction: str
    before: str
    after: str


def turned(direction: str) -> str:
    """Return the direction of the way back."""
    return TURNED.get(direction, direction)


def of_sets(old: Collection[object], new: Collection[object], *, more: str) -> str:
    """Return where a set goes, of which a further element is `more`; empty where both are the same."""
    before, after = frozenset(old), frozenset(new)
    if before == after:
        return ""
    return more if before < after else turned(more) if after < before else OTHER


def of_conditions(old: Collection[object], new: Collection[object], *, more: str) -> str:
    """Return the same of a list that asks nothing where it is empty, as most conditions do."""
    if bool(old) != bool(new):
        return more if old else turned(more)
    return of_sets(old, new, more=more)


def joined(directions: Iterable[str]) -> str:
    """Return where several parts go together; empty where none of them changed."""
    found = {direction for direction in directions if direction}
    return found.pop() if len(found) == 1 else OTHER if found else ""


def listed(what: str, before: Iterable[str], after: Iterable[str], *, more: str) -> Iterator[Change]:
    """Yield each entry that one list has and the other has not; `more` is what a further entry does."""
    old, new = dict.fromkeys(before), dict.fromkeys(after)
    for entry in old:
        if entry not in new:
            yield Change(what=what, direction=turned(more), before=entry, after="gone")
    for entry in new:
        if entry not in old:
            yield Change(what=what, direction=more, before="not there", after=entry)


def present(what: str, before: str | None, after: str | None, *, more: str) -> Iterator[Change]:
    """Yield what one policy says and the other does not; `more` is what saying it does."""
    if before is None and after is not None:
        yield Change(what=what, direction=more, before="not there", after=after)
    if before is not None and after is None:
        yield Change(what=what, direction=turned(more), before=before, after="gone")
