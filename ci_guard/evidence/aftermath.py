"""What both platforms make of a merged change that had the label which breaks the glass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Generic, TypeVar

from ci_guard.evidence.glass import Standing
from ci_guard.model.fact import Fact, Known, Unknown
from ci_guard.model.glass import Aftermath, Grant, Lookback, Mark, Merged
from ci_guard.model.run import NOTHING, Part, Participant, Person, Seat
from ci_guard.records import dataclass

T = TypeVar("T")

CHANGES: Final = 20
"""Merged changes with the label that are looked at, the latest; of each its own log is read."""


@dataclass(frozen=True, kw_only=True)
class Traced:
    """A merged change by its own log, before it is known what anybody may do."""

    reference: str
    url: str
    author: Person | None
    merged_at: datetime
    labelled: bool
    broken: Fact[Mark | None]
    reviewed: Fact[Mark | None]


@dataclass(frozen=True, kw_only=True)
class Reach(Generic[T]):
    """Which merged changes are looked at."""

    changes: tuple[tuple[datetime, T], ...]
    """With the time of the merge, newest first."""
    since: datetime
    """From when on all are among them."""


def reach(changes: Iterable[tuple[datetime | None, T]], since: datetime, *, listed_since: datetime) -> Reach[T]:
    """Return the latest merges since a moment, of what was listed from another one on."""
    merged = [(at, change) for at, change in changes if at and at >= since]
    found = sorted(merged, key=lambda pair: pair[0], reverse=True)
    known = max(since, listed_since, found[CHANGES - 1][0] if len(found) > CHANGES else since)
    return Reach(changes=tuple(found[:CHANGES]), since=known)


def aftermath(
    lookback: Lookback, traced: Fact[Sequence[Traced]], since: datetime, standing: Standing, *, cut: bool = False
) -> Aftermath:
    """Return what is known of what was merged."""
    if isinstance(traced, Unknown):
        return Aftermath(lookback=lookback, changes=traced, since=since, cut=cut, memberships=traced)
    marks = [each.reviewed.value for each in traced.value if isinstance(each.reviewed, Known) and each.reviewed.value]
    held = standing.access([mark.who for mark in marks])

    def reviewer(mark: Mark, fact: Known[Mark | None]) -> Known[Participant]:
        value = Participant(person=mark.who, access=held[mark.who.id])
        return Known(value=value, source=fact.source, detail=fact.detail)

    def grant(fact: Fact[Mark | None]) -> Fact[Grant | None]:
        if isinstance(fact, Unknown):
            return fact
        if fact.value is None:
            return Known(value=None, source=fact.source, detail=fact.detail)
        found = Grant(who=reviewer(fact.value, fact), at=fact.value.at)
        return Known(value=found, source=fact.source, detail=fact.detail)

    changes = tuple(
        Merged(
            reference=each.reference,
            url=each.url,
            author=each.author,
            merged_at=each.merged_at,
            labelled=each.labelled,
            broken=each.broken,
            reviewed=grant(each.reviewed),
        )
        for each in traced.value
    )
    # The part is of no account: a seat only says whose memberships are asked for.
    seats = tuple(
        Seat(part=Part.SENDER, who=change.reviewed.value.who)
        for change in changes
        if isinstance(change.reviewed, Known) and change.reviewed.value
    )
    return Aftermath(
        lookback=lookback,
        changes=Known(value=changes, source=traced.source, detail=traced.detail),
        since=since,
        cut=cut,
        memberships=standing.memberships(Known(value=seats, source=traced.source, detail=traced.detail))
        if seats
        else Known(value=(), source=NOTHING.source),
    )
