"""What both platforms make of what had passed by break-glass: a merged change, or a run that somebody dispatched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from ci_guard.evidence.glass import Answer, Standing, memberships_of
from ci_guard.evidence.rest.together import Gatherer
from ci_guard.model.fact import Fact, Known, Unknown, worst
from ci_guard.model.glass import Aftermath, Lookback, Mark, Passed
from ci_guard.records import dataclass

T = TypeVar("T")

CHANGES: Final = 20
"""Merged changes with the label, or runs, that are looked at, the latest; of each its own log is read."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is looked back for."""

    lookback: Lookback
    now: datetime
    standing: Standing

    @property
    def asked(self) -> datetime:
        """From when on."""
        return self.now - timedelta(days=self.lookback.days, hours=self.lookback.hours)


def last_of(approvals: Sequence[Answer]) -> Mark | None:
    """Return the latest approval, of several at the same time the one that was listed last."""
    last = max(reversed(approvals), key=lambda answer: answer.at, default=None)
    return Mark(who=last.person, at=last.at) if last else None


@dataclass(frozen=True, kw_only=True)
class Listed(Generic[T]):
    """What a platform lists of what may have passed."""

    found: Mapping[int, tuple[datetime, T]]
    """By number, each with its time: a list can shift while its pages are read."""
    since: datetime
    """From when on all are among them."""


def joined(*listings: Fact[Listed[T]]) -> Fact[Listed[T]]:
    """Return what is in any of the lists."""
    if doubts := [each for each in listings if isinstance(each, Unknown)]:
        return worst(doubts)
    known = [each for each in listings if isinstance(each, Known)]
    found = {number: pair for each in known for number, pair in each.value.found.items()}
    value = Listed(found=found, since=max(each.value.since for each in known))
    return Known(value=value, source=known[0].source, detail=known[0].detail)


def look_back(
    gatherer: Gatherer, search: Search, listed: Fact[Listed[T]], trace: Callable[[datetime, T], Passed]
) -> Aftermath:
    """Return what is known of the latest of what is listed, since the moment that is asked for."""
    lookback, asked = search.lookback, search.asked
    if isinstance(listed, Unknown):
        return Aftermath(lookback=lookback, passed=listed, since=asked, cut=False, memberships=listed)
    within = [(at, each) for at, each in listed.value.found.values() if at >= asked]
    latest = sorted(within, key=lambda pair: pair[0], reverse=True)
    since = max(asked, listed.value.since, latest[CHANGES - 1][0] if len(latest) > CHANGES else asked)
    passed = gatherer.gather(*(lambda at=at, each=each: trace(at, each) for at, each in latest[:CHANGES]))
    grants = tuple(grant for each in passed if isinstance(each.reviewed, Known) for grant in each.reviewed.value)
    reviews = Known(value=grants, source=listed.source, detail=listed.detail)
    return Aftermath(
        lookback=lookback,
        passed=Known(value=passed, source=listed.source, detail=listed.detail),
        since=since,
        cut=since > asked,
        memberships=memberships_of(reviews, search.standing),
    )
