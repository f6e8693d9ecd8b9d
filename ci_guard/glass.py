"""Whether the glass is broken in a run; pure. Whatever is unknown of it is no break-glass."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from ci_guard.model.fact import Known, Unknown
from ci_guard.model.facts import Facts, Needs
from ci_guard.model.glass import BreakGlass, Broken, Labelled
from ci_guard.model.roles import standing
from ci_guard.model.run import AccountType, Part, Person, Platform
from ci_guard.model.settings import Policy
from ci_guard.records import dataclass

INVOLVED: Final = (Part.ACTOR, Part.TRIGGERING_ACTOR, Part.AUTHOR)
"""Who cannot be the second person."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was found: the broken glass, or why it is none."""

    broken: Broken | None = None
    note: str = ""


NOTHING: Final = Look()


def needs(policy: Policy, platform: Platform) -> Needs:
    """Return which facts it takes."""
    glass = policy.break_glass
    if glass is None:
        return Needs()
    return Needs(
        people=frozenset(part.value for part in INVOLVED),
        label=glass.label,
        label_circles=frozenset(policy.roles[glass.role].circles(platform)),
    )


def look(policy: Policy, facts: Facts, now: datetime) -> Look:
    """
    Return whether the glass is broken. Units: `now` is aware.

    A label that does not break it is told with its reason, on every run, until somebody takes it off.
    """
    glass, fact = policy.break_glass, facts.labelled
    if glass is None or facts.run.platform is Platform.LOCAL:
        return NOTHING
    name = f"Break-glass ({glass.place})"
    if isinstance(fact, Unknown):
        needed = f"; needed: {fact.needs}" if fact.needs else ""
        return Look(note=f"{name} is unknown and does nothing: {fact.reason}{needed}.")
    if fact.value is None:
        return NOTHING
    label = fact.value
    if objection := next(_objections(policy, glass, label, facts, now), ""):
        return Look(note=f"{name}: the label {glass.label} is on the change and does nothing, because {objection}.")
    who = label.who
    if isinstance(who, Unknown):
        return NOTHING
    way = standing(policy.roles[glass.role], who, facts.run.platform, label.memberships)
    return Look(
        broken=Broken(
            by=glass.by,
            who=f"{who.value.person.login} (id {who.value.person.id})",
            how=f"{glass.role} {way.value}" if isinstance(way, Known) else glass.role,
            at=label.at,
            until=label.at + timedelta(hours=glass.hours),
            place=glass.place,
            covers=glass.covers,
        )
    )


def _objections(policy: Policy, glass: BreakGlass, label: Labelled, facts: Facts, now: datetime) -> Iterator[str]:
    yield from _by_time(glass, label, now)
    if isinstance(label.who, Unknown):
        yield f"who put it there is unknown ({label.who.reason})"
        return
    person = label.who.value.person
    if person.type is not AccountType.USER:
        yield f"{person.login} is no person"
    yield from _by_people(person, facts)
    way = standing(policy.roles[glass.role], label.who, facts.run.platform, label.memberships)
    if isinstance(way, Unknown):
        yield f"whether {person.login} holds the role {glass.role} is unknown ({way.reason})"
    elif not way.value:
        yield f"{person.login} does not hold the role {glass.role}"


def _by_time(glass: BreakGlass, label: Labelled, now: datetime) -> Iterator[str]:
    end = label.at + timedelta(hours=glass.hours)
    if now >= end:
        yield f"it ended at {end:%Y-%m-%d %H:%M} UTC; review what was let through, and take the label off"
    if now < label.at:
        yield "it was put there later than now, by the clocks of server and runner"
    if isinstance(label.pushed, Unknown):
        yield f"when the head was pushed is unknown ({label.pushed.reason})"
    elif label.pushed.value >= label.at:
        yield "the change was pushed to since"


def _by_people(person: Person, facts: Facts) -> Iterator[str]:
    """Object where somebody is no second person, or where it is not known whether they are."""
    if isinstance(facts.people, Unknown):
        yield f"who started the run is unknown ({facts.people.reason})"
        return
    seats = [seat for seat in facts.people.value if seat.part in INVOLVED]
    for part in INVOLVED:
        if all(seat.part is not part for seat in seats):
            yield f"nobody is named as {part.value}"
    for seat in seats:
        if isinstance(seat.who, Unknown):
            yield f"the {seat.part.value} is unknown ({seat.who.reason})"
        elif seat.who.value.person.id == person.id:
            yield f"{person.login} is the {seat.part.value}, and it takes a second person"
