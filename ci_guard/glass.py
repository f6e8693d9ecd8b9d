"""Whether the glass is broken in a run; pure. Whatever is unknown of it is no break-glass."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from ci_guard.model.fact import Fact, Known, Unknown
from ci_guard.model.facts import NOT_COLLECTED, Facts, Needs
from ci_guard.model.glass import Asked, BreakGlass, Broken, By, Grant, Sighting
from ci_guard.model.roles import Role, standing
from ci_guard.model.run import AccountType, Part, Participant, Person, Platform
from ci_guard.model.settings import Policy
from ci_guard.records import dataclass

INVOLVED: Final = {
    By.LABEL: (Part.ACTOR, Part.TRIGGERING_ACTOR, Part.AUTHOR),
    By.DISPATCH: (Part.ACTOR, Part.TRIGGERING_ACTOR),
}
"""Who cannot be the second person; each of them has to be known. Nor can whoever contributed to the change."""


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
        people=frozenset(part.value for part in INVOLVED[glass.means.by]),
        glass=(glass.means,),
        glass_circles=frozenset(policy.roles[glass.role].circles(platform)),
    )


@dataclass(frozen=True, kw_only=True)
class _Case:
    """What is held against each other."""

    glass: BreakGlass
    role: Role
    sighting: Sighting
    facts: Facts
    now: datetime

    @property
    def by(self) -> By:
        """How the glass is broken."""
        return self.glass.means.by

    def way(self, who: Known[Participant]) -> Fact[str]:
        """Return by what somebody holds the role."""
        return standing(self.role, who, self.facts.run.platform, self.sighting.memberships)


def look(policy: Policy, facts: Facts, now: datetime) -> Look:
    """
    Return whether the glass is broken. Units: `now` is aware.

    A label or an approval that does not break it is told with its reason, on every run.
    """
    glass = policy.break_glass
    if glass is None or facts.run.platform is Platform.LOCAL:
        return NOTHING
    sighting = next((one for one in facts.glass if one.means == glass.means), None)
    grants = sighting.grants if sighting else NOT_COLLECTED
    name = f"Break-glass ({glass.place})"
    if sighting is None or isinstance(grants, Unknown):
        return Look(note=f"{name} is unknown and does nothing: {_told(grants)}.")
    case = _Case(glass=glass, role=policy.roles[glass.role], sighting=sighting, facts=facts, now=now)
    objections = []
    for grant in grants.value:
        objection = next(_objections(case, grant), "")
        if not objection and isinstance(grant.who, Known):
            return Look(broken=_broken(case, grant, grant.who))
        objections.append(objection)
    if not objections:
        return NOTHING
    what = {
        By.LABEL: f"the label {glass.means.name} is on the change and does nothing",
        By.DISPATCH: f"this run was answered for {glass.means.name}, which does nothing",
    }[case.by]
    return Look(note=f"{name}: {what}, because {objections[0]}.")


def _told(fact: object) -> str:
    if not isinstance(fact, Unknown):
        return ""
    return fact.reason + (f"; needed: {fact.needs}" if fact.needs else "")


def _broken(case: _Case, grant: Grant, who: Known[Participant]) -> Broken:
    glass, way, asked = case.glass, case.way(who), case.sighting.asked
    return Broken(
        by=case.by,
        who=f"{who.value.person.login} (id {who.value.person.id})",
        how=f"{glass.role} {way.value}" if isinstance(way, Known) else glass.role,
        at=grant.at,
        until=grant.at + timedelta(hours=glass.hours),
        place=glass.place,
        covers=glass.covers,
        reason=grant.reason,
        asked=Asked(text=asked.value, source=asked.source) if isinstance(asked, Known) and asked.value else None,
    )


def _objections(case: _Case, grant: Grant) -> Iterator[str]:
    yield from _by_time(case, grant)
    if isinstance(grant.who, Unknown):
        yield f"who put it there is unknown ({grant.who.reason})"
        return
    person, role = grant.who.value.person, case.glass.role
    if case.sighting.elsewhere:
        yield f"it is a run of {case.sighting.elsewhere}, not of {case.glass.means.workflow}"
    if case.by is By.DISPATCH:
        yield from _by_words(case, grant, person)
    if person.type is not AccountType.USER:
        yield f"{person.login} is no person"
    yield from _by_people(case, person)
    way = case.way(grant.who)
    if isinstance(way, Unknown):
        yield f"whether {person.login} holds the role {role} is unknown ({way.reason})"
    elif not way.value:
        yield f"{person.login} does not hold the role {role}"


def _by_time(case: _Case, grant: Grant) -> Iterator[str]:
    end, since = grant.at + timedelta(hours=case.glass.hours), case.sighting.since
    if case.now >= end:
        off = ", and take the label off" if case.by is By.LABEL else ""
        yield f"it ended at {end:%Y-%m-%d %H:%M} UTC; review what was let through{off}"
    if case.now < grant.at:
        yield "it was put there later than now, by the clocks of server and runner"
    if isinstance(since, Unknown):
        yield f"when the head was pushed is unknown ({since.reason})"
    elif since.value is not None and since.value >= grant.at:
        yield "the change was pushed to since"


def _by_words(case: _Case, grant: Grant, person: Person) -> Iterator[str]:
    """Object where somebody said no, where nobody said why, or where that is not known."""
    grants, asked = case.sighting.grants, case.sighting.asked
    for each in grants.value if isinstance(grants, Known) else ():
        if not each.approved:
            yield f"{each.who.value.person.login if isinstance(each.who, Known) else 'somebody'} rejected it"
    if not grant.reason:
        yield f"{person.login} gave no reason with the approval"
    if not case.glass.means.input:
        return
    if isinstance(asked, Unknown):
        yield f"what was given for {case.glass.means.input} is unknown ({_told(asked)})"
    elif not asked.value:
        yield f"whoever started the run gave nothing for {case.glass.means.input}"


def _by_people(case: _Case, person: Person) -> Iterator[str]:
    """Object where somebody is no second person, or where it is not known whether they are."""
    people, involved = case.facts.people, INVOLVED[case.by]
    if isinstance(people, Unknown):
        yield f"who started the run is unknown ({people.reason})"
        return
    seats = [seat for seat in people.value if seat.part in involved]
    for part in involved:
        if all(seat.part is not part for seat in seats):
            yield f"nobody is named as {part.value}"
    for seat in seats:
        if isinstance(seat.who, Unknown):
            yield f"the {seat.part.value} is unknown ({seat.who.reason})"
        elif seat.who.value.person.id == person.id:
            yield f"{person.login} is the {seat.part.value}, and it takes a second person"
    known = [seat.who.value.person for seat in seats if isinstance(seat.who, Known)]
    if known and all(each.type is not AccountType.USER for each in known):
        names = " and ".join(dict.fromkeys(each.login for each in known))
        yield f"of {names} none is a person, so that {person.login} may be the only one"
    if case.by is By.LABEL:
        yield from _by_contributors(case.sighting.contributors, person)


def _by_contributors(contributors: Fact[tuple[Person, ...]], person: Person) -> Iterator[str]:
    """Object where somebody had a part in the change without being its author, or where that is not known."""
    if isinstance(contributors, Unknown):
        yield f"who contributed to the change is unknown ({_told(contributors)})"
    elif any(each.id == person.id for each in contributors.value):
        yield f"{person.login} contributed to the change, and it takes a second person"
