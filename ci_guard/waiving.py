"""Which judgements are waived, and what is to be said of the waivers of a policy; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final

from ci_guard.model.decision import Ruling, Waived
from ci_guard.model.judgement import Judgement, Outcome
from ci_guard.model.settings import Policy
from ci_guard.model.waiver import ENDS_SOON, Waiver

COVERED: Final = (Outcome.FAIL, Outcome.UNKNOWN)
"""What can be waived: neither a pass, which needs no waiver, nor a control that broke."""

MANY: Final = 5
"""Waivers that end on one day, from which on that is worth a note."""


def pardon(judgement: Judgement, policy: Policy, today: date) -> Waived | None:
    """Return what waives a judgement today, the first of the policy's waivers that does; None where none does."""
    if judgement.outcome not in COVERED:
        return None
    for waiver in policy.waivers:
        if waiver.counts(today) and waiver.covers(judgement):
            return Waived(
                reason=waiver.reason,
                until=waiver.until,
                owner=waiver.owner,
                ticket=waiver.ticket,
                approved_by=waiver.approved_by,
            )
    return None


def notes(policy: Policy, rulings: Sequence[Ruling], today: date) -> Iterator[str]:
    """Say which waivers have ended, end soon, do not count yet or cover nothing, and whether many end together."""
    for waiver in policy.waivers:
        needed = any(waiver.covers(ruling.judgement) and ruling.judgement.outcome in COVERED for ruling in rulings)
        if today > waiver.until:
            yield f"{waiver} ended on {waiver.until} and does nothing."
        elif waiver.since and today < waiver.since:
            yield f"{waiver} begins on {waiver.since} and does nothing before."
        elif waiver.lasts_too_long(today):
            away = (waiver.until - today).days
            yield f"{waiver} does not count: its end is {away} days off, and {waiver.max_days} are allowed."
        elif waiver.until - today <= ENDS_SOON:
            yield f"{waiver} ends on {waiver.until}."
        elif not needed:
            yield f"{waiver} covers nothing in this run."
    yield from spread(policy.waivers, today)


def spread(waivers: Iterable[Waiver], today: date) -> Iterator[str]:
    """Say where most waivers end on one day: then everything they cover denies at once."""
    ends = Counter(waiver.until for waiver in waivers if today <= waiver.until)
    for day, count in ends.most_common(1):
        if count >= MANY and count * 2 > ends.total():
            together = f"{count} of {ends.total()} waivers end on {day}"
            yield f"{together}: spread their ends, or all that they cover denies at once."
