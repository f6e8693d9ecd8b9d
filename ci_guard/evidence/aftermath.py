"""What both platforms make of what had passed by break-glass: a merged change, or a run that somebody dispatched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Generic, TypeVar

from ci_guard.evidence.glass import Answer, Standing, grants_of, memberships_of
from ci_guard.model.fact import Fact, Known, Unknown
from ci_guard.model.glass import Aftermath, Lookback, Mark, Passed
from ci_guard.model.run import Person
from ci_guard.records import dataclass

T = TypeVar("T")

CHANGES: Final = 20
"""Merged changes with the label, or runs, that are looked at, the latest; of each its own log is read."""


@dataclass(frozen=True, kw_only=True)
class Traced:
    """A merged change or a run by its own log, before it is known what anybody may do."""

    reference: str
    url: str
    at: datetime
    people: Fact[tuple[Person, ...]]
    marked: bool
    broken: Fact[Mark | None]
    reviewed: Fact[tuple[Answer, ...]]


def answer_of(mark: Mark | None) -> tuple[Answer, ...]:
    """Return a label that is there as what somebody did."""
    return (Answer(person=mark.who, at=mark.at),) if mark else ()


def last_of(approvals: Sequence[Answer]) -> Mark | None:
    """Return the latest approval, of several at the same time the one that was listed last."""
    last = max(reversed(approvals), key=lambda answer: answer.at, default=None)
    return Mark(who=last.person, at=last.at) if last else None


@dataclass(frozen=True, kw_only=True)
class Reach(Generic[T]):
    """Which of them are looked at."""

    found: tuple[tuple[datetime, T], ...]
    """With the time, newest first."""
    since: datetime
    """From when on all are among them."""


def reach(listed: Iterable[tuple[datetime | None, T]], since: datetime, *, listed_since: datetime) -> Reach[T]:
    """Return the latest since a moment, each with its time, of what was listed from another moment on."""
    within = [(at, each) for at, each in listed if at and at >= since]
    found = sorted(within, key=lambda pair: pair[0], reverse=True)
    known = max(since, listed_since, found[CHANGES - 1][0] if len(found) > CHANGES else since)
    return Reach(found=tuple(found[:CHANGES]), since=known)


def aftermath(
    lookback: Lookback, traced: Fact[Sequence[Traced]], since: datetime, standing: Standing, *, cut: bool = False
) -> Aftermath:
    """Return what is known of what has passed."""
    if isinstance(traced, Unknown):
        return Aftermath(lookback=lookback, passed=traced, since=since, cut=cut, memberships=traced)
    answers = [each.reviewed.value for each in traced.value if isinstance(each.reviewed, Known)]
    held = standing.access([answer.person for some in answers for answer in some])
    passed = tuple(
        Passed(
            reference=each.reference,
            url=each.url,
            at=each.at,
            people=each.people,
            marked=each.marked,
            broken=each.broken,
            reviewed=grants_of(each.reviewed, held),
        )
        for each in traced.value
    )
    reviews = [grant for each in passed if isinstance(each.reviewed, Known) for grant in each.reviewed.value]
    return Aftermath(
        lookback=lookback,
        passed=Known(value=passed, source=traced.source, detail=traced.detail),
        since=since,
        cut=cut,
        memberships=memberships_of(Known(value=tuple(reviews), source=traced.source, detail=traced.detail), standing),
    )
