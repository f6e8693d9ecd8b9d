"""What differs in contexts: how often each applies, and what is asked and pardoned where it does."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Final

from ci_guard.model.calendar import DAY_MINUTES, Calendar
from ci_guard.model.context import Context, Machine, When, Who
from ci_guard.model.meta import Meta
from ci_guard.model.settings import Policy
from ci_guard.policy.comparing.change import (
    LOOSER,
    NEITHER,
    OTHER,
    STRICTER,
    Change,
    joined,
    of_conditions,
    of_sets,
    turned,
)
from ci_guard.policy.comparing.controls import control_changes
from ci_guard.policy.comparing.pardons import pardon_changes
from ci_guard.policy.writing import flow, when_fields
from ci_guard.records import replace

MONDAY: Final = datetime(2024, 1, 1)  # noqa: DTZ001 - what the clocks of any zone show


def context_changes(old: Policy, new: Policy, metas: Sequence[Meta]) -> Iterator[Change]:
    """
    Yield what differs in contexts that have the same name, and those that one policy alone has.

    What is asked in a context is held against what was asked in it, the rest of the policy included; what the rest
    makes differ everywhere is not told again.
    """
    everywhere = [*_asked(old, new, metas)]
    for name, before, after in _pairs(old.contexts, new.contexts):
        if before and after:
            yield from _conditions(name, before.when, after.when)
            yield from _besides(name, _under(old, before), _under(new, after), metas, everywhere)
        elif after:
            gains = any(each.direction in (STRICTER, OTHER) for each in _asked(old, _under(new, after), metas))
            direction = STRICTER if gains else NEITHER
            yield Change(what=name, direction=direction, before="not there", after=flow(when_fields(after.when)))
        elif before:
            loses = any(each.direction in (LOOSER, OTHER) for each in _asked(_under(old, before), new, metas))
            direction = LOOSER if loses else NEITHER
            yield Change(what=name, direction=direction, before=flow(when_fields(before.when)), after="gone")


def _under(policy: Policy, context: Context) -> Policy:
    return policy.under([context]) if policy.under else policy


def _asked(old: Policy, new: Policy, metas: Sequence[Meta]) -> Iterator[Change]:
    yield from control_changes(old.controls, new.controls, metas)
    yield from pardon_changes(old, new)


def _besides(
    name: str, old: Policy, new: Policy, metas: Sequence[Meta], everywhere: Collection[Change]
) -> Iterator[Change]:
    for change in _asked(old, new, metas):
        if change not in everywhere:
            yield replace(change, what=f"{name}: {change.what}")


def _pairs(old: Sequence[Context], new: Sequence[Context]) -> Iterator[tuple[str, Context | None, Context | None]]:
    """Yield contexts of the same name, in order; several layers may have one of that name."""
    for name in dict.fromkeys(each.name for each in (*old, *new)):
        one, other = ([each for each in contexts if each.name == name] for contexts in (old, new))
        for before, after in zip_longest(one, other):
            yield f"context {name}", before, after


def _conditions(name: str, old: When, new: When) -> Iterator[Change]:
    """Yield where a context applies more often, which is stricter, or less."""
    direction = joined(_ways(old, new))
    if direction:
        before, after = (flow(when_fields(when)) for when in (old, new))
        yield Change(what=f"{name} when", direction=direction, before=before, after=after)


def _ways(old: When, new: When) -> Iterator[str]:
    for before, after in (
        (_folded(old.environments), _folded(new.environments)),
        (old.refs, new.refs),
        (old.events, new.events),
        (old.platforms, new.platforms),
        (old.visibilities, new.visibilities),
        (old.changed_paths, new.changed_paths),
        (_folded(old.labels), _folded(new.labels)),
    ):
        yield of_conditions(before, after, more=STRICTER)
    for one, other in ((old.actor, new.actor), (old.author, new.author)):
        yield _one(one, other) or (_people(one, other) if one and other else "")
    yield _one(old.runner, new.runner) or (_machines(old.runner, new.runner) if old.runner and new.runner else "")
    yield _one(old.time, new.time) or (_times(old.time, new.time) if old.time and new.time else "")


def _one(old: object, new: object) -> str:
    """Return which way a condition goes that only one of them has."""
    return "" if bool(old) == bool(new) else STRICTER if old else LOOSER


def _folded(patterns: Sequence[str]) -> frozenset[str]:
    return frozenset(pattern.casefold() for pattern in patterns)


def _people(old: Who, new: Who) -> str:
    return joined(
        of_conditions(before, after, more=STRICTER)
        for before, after in (
            (_folded(old.logins), _folded(new.logins)),
            (old.ids, new.ids),
            (old.levels, new.levels),
            (old.roles, new.roles),
        )
    )


def _machines(old: Machine, new: Machine) -> str:
    labels = of_conditions(_folded(old.labels), _folded(new.labels), more=STRICTER)
    return joined((of_conditions(old.hosts, new.hosts, more=STRICTER), labels))


def _times(old: Calendar, new: Calendar) -> str:
    """Return which way times go, of the same zone; each kind of them by itself."""
    if old.zone != new.zone:
        return OTHER
    return joined(
        (
            _weeks(old, new),
            _spans(old, new),
            of_sets(old.holidays, new.holidays, more=STRICTER),
        )
    )


def _weeks(old: Calendar, new: Calendar) -> str:
    """Compare the minutes of a week: what the clocks show changes only where hours of either begin or end."""
    edges = {
        0,
        *(edge % DAY_MINUTES for each in (old, new) for hours in each.hours for edge in (hours.start, hours.end)),
    }
    moments = [MONDAY + timedelta(days=day, minutes=minute) for day in range(7) for minute in sorted(edges)]
    before, after = ({moment for moment in moments if each.in_the_week(moment)} for each in (old, new))
    return of_sets(before, after, more=STRICTER)


def _spans(old: Calendar, new: Calendar) -> str:
    """Compare freezes: one that another one holds adds nothing."""

    def held(one: Calendar, other: Calendar) -> bool:
        return all(any(begin <= start and end <= stop for begin, stop in other.spans()) for start, end in one.spans())

    more, less = held(old, new), held(new, old)
    if more and less:
        return ""
    return STRICTER if more else turned(STRICTER) if less else OTHER
