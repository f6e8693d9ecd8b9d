"""Which judgements are waived, and what is to be said of the waivers of a policy; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

from ci_guard import hashing
from ci_guard.model.decision import Ruling, Waived
from ci_guard.model.judgement import Judgement, Outcome
from ci_guard.model.settings import Policy
from ci_guard.model.waiver import ENDS_SOON, Baseline, KnownFailure, Waiver

if TYPE_CHECKING:
    from ci_guard.model.glass import Broken

COVERED: Final = (Outcome.FAIL, Outcome.UNKNOWN)
"""What can be waived: neither a pass, which needs no waiver, nor a control that broke."""

MANY: Final = 5
"""Waivers that end on one day, from which on that is worth a note."""

NAMED: Final = 5
"""Known failures that a note names."""


def pardon(judgement: Judgement, policy: Policy, today: date) -> Waived | None:
    """Return what waives a judgement today, the first of the policy's waivers that does; None where none does."""
    if judgement.outcome not in COVERED:
        return None
    for waiver in policy.waivers:
        if waiver.covers(judgement) and waiver.counts(today) and not prolonged(waiver, policy.waivers, today):
            return Waived(
                reason=waiver.reason,
                until=waiver.until,
                owner=waiver.owner,
                ticket=waiver.ticket,
                approved_by=waiver.approved_by,
            )
    return known(judgement, policy.baseline, today) if policy.baseline else None


def prolonged(waiver: Waiver, waivers: Iterable[Waiver], today: date) -> date | None:
    """
    Return the end of waivers that are to follow one, where it is further off than one may last; None where it is not.

    Each of them may be short: written down ahead, one after the other, they would waive for as long as somebody likes.
    One without a first day follows, too, as it begins to count so long before its end as one may last.
    """
    if waiver.max_days is None:
        return None
    waiting = (one for one in waivers if today <= one.until and not one.counts(today) and one.overlaps(waiver))
    end = max((one.until for one in waiting), default=today)
    return end if (end - today).days > waiver.max_days else None


def known(judgement: Judgement, baseline: Baseline, today: date) -> Waived | None:
    """Return what waives a failure that a baseline knows. An unknown is nothing that one can know."""
    found = baseline.knows(judgement) if judgement.outcome is Outcome.FAIL and baseline.counts(today) else None
    if found is None:
        return None
    return Waived(
        reason=f"known since {found.since}",
        until=baseline.until,
        owner=baseline.owner,
        ticket=baseline.ticket,
        approved_by=baseline.approved_by,
    )


def break_glass(judgement: Judgement, broken: Broken) -> Waived | None:
    """Return what a broken glass does to a judgement that denies; None where it may not cover it."""
    if f"{judgement.control}/{judgement.requirement}" not in broken.covers:
        return None
    return Waived(reason=str(broken), until=broken.until.date(), break_glass=True)


def notes(policy: Policy, rulings: Sequence[Ruling], today: date) -> Iterator[str]:
    """Say which waivers have ended, end soon, do not count yet or cover nothing, and whether many end together."""
    for waiver in policy.waivers:
        needed = any(waiver.covers(ruling.judgement) and ruling.judgement.outcome in COVERED for ruling in rulings)
        if said := term(waiver, policy.waivers, today):
            yield said
        elif not needed:
            yield f"{waiver} covers nothing in this run."
    if policy.waivers:
        yield from spread(policy.waivers, today)
    if policy.baseline:
        yield from baseline_notes(policy.baseline, rulings, today)


def term(waiver: Waiver, waivers: Iterable[Waiver], today: date) -> str:
    """Say what its days make of one of these waivers: that it does not count, or ends soon; nothing where it counts."""
    if today > waiver.until:
        return f"{waiver} ended on {waiver.until} and does nothing."
    if waiver.since and today < waiver.since:
        return f"{waiver} begins on {waiver.since} and does nothing before."
    if waiver.lasts_too_long(today):
        away = (waiver.until - today).days
        return f"{waiver} does not count: its end is {away} days off, and {waiver.max_days} are allowed."
    if end := prolonged(waiver, waivers, today):
        away = (end - today).days
        others = f"others follow it until {end}, {away} days off"
        return f"{waiver} does not count: {others}, and {waiver.max_days} are allowed."
    return f"{waiver} ends on {waiver.until}." if waiver.until - today <= ENDS_SOON else ""


def spread(waivers: Iterable[Waiver], today: date) -> Iterator[str]:
    """Say where most waivers end on one day: then everything they cover denies at once."""
    ends = Counter(waiver.until for waiver in waivers if today <= waiver.until)
    for day, count in ends.most_common(1):
        if count >= MANY and count * 2 > ends.total():
            together = f"{count} of {ends.total()} waivers end on {day}"
            yield f"{together}: spread their ends, or all that they cover denies at once."


def baseline_notes(baseline: Baseline, rulings: Sequence[Ruling], today: date) -> Iterator[str]:
    """Say when a baseline ends, what in it is fixed and is to be removed, and what it may not waive."""
    name = f"The baseline {baseline.file} at {baseline.place}"
    if today > baseline.until:
        yield f"{name} ended on {baseline.until} and does nothing."
    elif baseline.lasts_too_long(today):
        away = (baseline.until - today).days
        yield f"{name} does not count: its end is {away} days off, and {baseline.max_days} are allowed."
    elif baseline.until - today <= ENDS_SOON:
        yield f"{name} ends on {baseline.until}."
    if not baseline.sha256:
        yield f"{name} does not exist yet, so nothing is known. `ci-guard check --init-baseline FILE` writes one."
    idle = [one for one in baseline.known if f"{one.control}/{one.requirement}" not in baseline.covers]
    if idle:
        yield f"{name} does not waive {_some(idle)}: no layer, or one nearer the organisation, requires it."
    if gone := fixed(baseline.known, rulings):
        yield f"{name} knows what is fixed: remove {_some(gone)} (`--update-baseline {baseline.file}`)."


def _some(failures: Sequence[KnownFailure]) -> str:
    names = [f"{one.control}/{one.requirement} ({one.subject})" for one in failures]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def fixed(failures: Iterable[KnownFailure], rulings: Sequence[Ruling]) -> list[KnownFailure]:
    """
    Return the known failures that this run shows to be none any more.

    What was judged of a subject is fixed once that subject passes: whom a run is not about may fail again in the next.
    A finding is fixed where its requirement was judged without any doubt, and it is not there.
    """
    by_name: dict[tuple[str, str], list[Judgement]] = {}
    for ruling in rulings:
        judgement = ruling.judgement
        by_name.setdefault((judgement.control, judgement.requirement), []).append(judgement)
    return [one for one in failures if _is_fixed(one, by_name.get((one.control, one.requirement), ()))]


def _is_fixed(failure: KnownFailure, judged: Sequence[Judgement]) -> bool:
    if any(failure.is_this(each) and each.outcome is not Outcome.PASS for each in judged):
        return False
    if failure.fingerprint == fingerprint(failure.control, failure.requirement, failure.subject):
        outcomes = {each.outcome for each in judged if each.subject == failure.subject}
        return outcomes == {Outcome.PASS}
    return bool(judged) and {each.outcome for each in judged} <= {Outcome.PASS, Outcome.FAIL}


def fingerprint(control: str, requirement: str, subject: str, number: int = 0) -> str:
    """Return what tells a judgement that is no finding from all others, `number` from others of its subject."""
    text = "\0".join((control, requirement, subject, str(number)))
    return hashing.sha256(text.encode("utf-8", "surrogatepass"))
