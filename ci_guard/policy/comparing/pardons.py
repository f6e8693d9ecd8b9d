"""What differs in what is let through all the same: waivers, their rules, the baseline and break-glass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from ci_guard.model.glass import BreakGlass, Closing
from ci_guard.model.settings import Policy
from ci_guard.model.waiver import Baseline, KnownFailure, Waiver
from ci_guard.policy.comparing.change import LOOSER, NEITHER, OTHER, STRICTER, Change, joined, listed, of_sets, present
from ci_guard.policy.layer import WaiverRules
from ci_guard.policy.writing import baseline_fields, flow, glass_fields, waiver_fields


def pardon_changes(old: Policy, new: Policy) -> Iterator[Change]:
    """Yield what differs in what both policies let through."""
    yield from _waivers(old, new)
    yield from _baselines(old, new)
    yield from _glasses(old, new)


def rule_changes(old: WaiverRules, new: WaiverRules) -> Iterator[Change]:
    """Yield what differs in what is asked of waivers."""
    before, after = (rules.max_days.value if rules.max_days else None for rules in (old, new))
    yield from present("waiver-rules max-days", _days(before), _days(after), more=STRICTER)
    if before and after and before != after:
        direction = LOOSER if after > before else STRICTER
        yield Change(what="waiver-rules max-days", direction=direction, before=f"{before} days", after=f"{after} days")
    yield from listed("waiver-rules needs", old.needs, new.needs, more=STRICTER)


def _days(number: int | None) -> str | None:
    return f"{number} days" if number else None


def _waivers(before_all: Policy, after_all: Policy) -> Iterator[Change]:
    """
    Yield waivers that cover what none of the others does, and those that last otherwise.

    Who answers for one and why changes nothing but the report; one of what the other policy does not ask for changes
    nothing that the requirement's own line does not tell.
    """
    old, new = (
        [one for one in policy.waivers if _is_asked(one, before_all) and _is_asked(one, after_all)]
        for policy in (before_all, after_all)
    )
    before = [one for one in old if not any(_holds(other, one) for other in new)]
    after = [one for one in new if not any(_holds(other, one) for other in old)]
    scopes = dict.fromkeys(_scope(one) for one in (*before, *after))
    for scope in scopes:
        one, other = ([each for each in some if _scope(each) == scope] for some in (old, new))
        what, lasts = f"waiver of {scope}", [_lasting(each) for each in (one, other)]
        if scope not in map(_scope, before):
            yield Change(what=what, direction=LOOSER, before=lasts[0] or "not there", after=lasts[1])
        elif scope not in map(_scope, after):
            yield Change(what=what, direction=STRICTER, before=lasts[0], after=lasts[1] or "gone")
        else:
            yield Change(what=what, direction=OTHER, before=lasts[0], after=lasts[1])
    if not scopes:
        words = [[flow(waiver_fields(one)) for one in some] for some in (old, new)]
        yield from listed("waiver", *words, more=NEITHER)


def _is_asked(one: Waiver | KnownFailure, policy: Policy) -> bool:
    settings = policy.controls.get(one.control)
    return settings is not None and settings.asks(one.requirement)


def _scope(waiver: Waiver) -> str:
    """Return what a waiver is for, as one line that tells it from others."""
    subject = f" ({waiver.subject})" if waiver.subject else ""
    prints = f" [{', '.join(sorted(waiver.fingerprints))}]" if waiver.fingerprints else ""
    return f"{waiver.control}/{waiver.requirement}{subject}{prints}"


def _lasting(waivers: Sequence[Waiver]) -> str:
    return " and ".join(
        (f"from {waiver.since} " if waiver.since else "")
        + f"until {waiver.until}"
        + (f" within {waiver.max_days} days" if waiver.max_days and not waiver.since else "")
        for waiver in waivers
    )


def _holds(outer: Waiver, inner: Waiver) -> bool:
    """Tell whether one waiver covers all that another one covers, on every day on which that one counts."""
    return (
        (outer.control, outer.requirement) == (inner.control, inner.requirement)
        and outer.subject in (None, inner.subject)
        and (not outer.fingerprints or (bool(inner.fingerprints) and inner.fingerprints <= outer.fingerprints))
        and _first(outer) <= _first(inner)
        and inner.until <= outer.until
    )


def _first(waiver: Waiver) -> date:
    """Return the first day on which a waiver counts."""
    if waiver.since:
        return waiver.since
    return _within(waiver.until, waiver.max_days)


def _within(until: date, days: int | None) -> date:
    """Return the first day from which an end is near enough."""
    return date.min if days is None or until.toordinal() <= days else until - timedelta(days=days)


def _baselines(old: Policy, new: Policy) -> Iterator[Change]:
    one, other = old.baseline, new.baseline
    yield from present("baseline", _told(one), _told(other), more=LOOSER)
    if one is None or other is None:
        return
    direction = joined(
        (
            _bound(one.until, other.until, more=LOOSER),
            _bound(_within(one.until, one.max_days), _within(other.until, other.max_days), more=STRICTER),
        )
    )
    if direction:
        yield Change(what="baseline", direction=direction, before=_told(one) or "", after=_told(other) or "")
    known = [[*map(_failure, _effective(each, old))] for each in (one, other)]
    yield from listed("baseline knows", *known, more=LOOSER)
    if not direction and baseline_fields(one) != baseline_fields(other):
        yield Change(what="baseline", direction=NEITHER, before=_told(one) or "", after=_told(other) or "")


def _bound(old: date, new: date, *, more: str) -> str:
    return "" if old == new else of_sets((), (new,), more=more) if old < new else of_sets((old,), (), more=more)


def _told(baseline: Baseline | None) -> str | None:
    if baseline is None:
        return None
    within = f" within {baseline.max_days} days" if baseline.max_days else ""
    return f"{flow(baseline_fields(baseline))}{within}"


def _effective(baseline: Baseline, before: Policy) -> list[KnownFailure]:
    """Return the known failures that may be waived, of what was asked before: of anything else nothing was denied."""
    return [
        one
        for one in baseline.known
        if f"{one.control}/{one.requirement}" in baseline.covers and _is_asked(one, before)
    ]


def _failure(one: KnownFailure) -> str:
    return f"{one.control}/{one.requirement} ({one.subject}) {one.fingerprint}"


def _glasses(old: Policy, new: Policy) -> Iterator[Change]:
    one, other = old.break_glass, new.break_glass
    yield from present("break-glass", _glass(one), _glass(other), more=LOOSER)
    if one is None or other is None:
        return
    direction = joined(
        (
            "" if one.hours == other.hours else LOOSER if one.hours < other.hours else STRICTER,
            OTHER if _path(one) != _path(other) else "",
            _narrower(one.means.input, other.means.input),
            _narrower(one.means.workflow, other.means.workflow),
            _reviews(one.review, other.review),
        )
    )
    if direction:
        yield Change(what="break-glass", direction=direction, before=_glass(one) or "", after=_glass(other) or "")
    asked = {f"{name}/{requirement}" for name, settings in old.controls.items() for requirement in settings.require}
    covers = [sorted(each.covers & asked) for each in (one, other)]
    yield from listed("break-glass covers", *covers, more=LOOSER)


def _path(glass: BreakGlass) -> tuple[str, str, str]:
    """Return what has to be done, and by whom; labels and environments are named in any letter case."""
    return glass.means.by.value, glass.means.name.casefold(), glass.role


def _narrower(old: str, new: str) -> str:
    """Return which way it goes where an input is asked for besides, or one workflow, or no more."""
    return "" if old == new else STRICTER if not old else LOOSER if not new else OTHER


def _reviews(old: Closing | None, new: Closing | None) -> str:
    """Return which way the review afterwards goes: one that is asked for, and one for longer, is stricter."""
    if old == new:
        return ""
    if old is None or new is None:
        return STRICTER if old is None else LOOSER
    if (old.name, old.role) != (new.name, new.role):
        return OTHER
    return STRICTER if new.days > old.days else LOOSER


def _glass(glass: BreakGlass | None) -> str | None:
    return flow(glass_fields(glass)) if glass else None
