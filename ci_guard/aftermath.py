"""What was let through by break-glass and waits for its review; pure. What is unknown of it waits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ci_guard.model.fact import Known, Unknown
from ci_guard.model.facts import NOT_COLLECTED, Facts, Needs
from ci_guard.model.glass import Aftermath, By, Closing, Grant, Passed, Unreviewed
from ci_guard.model.roles import Role, standing
from ci_guard.model.run import AccountType, Person, Platform
from ci_guard.model.settings import Policy
from ci_guard.records import dataclass


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was found."""

    unreviewed: tuple[Unreviewed, ...] = ()
    notes: tuple[str, ...] = ()


NOTHING: Final = Look()

WORDS: Final = {
    By.LABEL: ("merged", "put the label {} on it", "who put the label {} there,"),
    By.DISPATCH: ("let through", "approved it for {}", "who approved it for {},"),
}
"""What was done; how somebody reviews it, of a label or an environment; and how they are told of."""


def needs(policy: Policy, platform: Platform) -> Needs:
    """Return which facts it takes."""
    glass = policy.break_glass
    lookback = glass.lookback if glass else None
    if glass is None or glass.review is None or lookback is None:
        return Needs()
    return Needs(aftermath=(lookback,), glass_circles=frozenset(policy.roles[glass.review.role].circles(platform)))


@dataclass(frozen=True, kw_only=True)
class _Case:
    """What is held against each other."""

    review: Closing
    role: Role
    found: Aftermath
    platform: Platform

    @property
    def by(self) -> By:
        """How the glass was broken."""
        return self.found.lookback.means.by


def look(policy: Policy, facts: Facts) -> Look:
    """Return what waits for its review, newest first, and what is to be said of it."""
    glass = policy.break_glass
    if glass is None or glass.review is None or facts.run.platform is Platform.LOCAL:
        return NOTHING
    done, *_ = WORDS[glass.means.by]
    found = next((one for one in facts.aftermath if one.lookback == glass.lookback), None)
    if found is None or isinstance(found.passed, Unknown):
        said = f"Whether something that was {done} by break-glass ({glass.place}) waits for its review is unknown"
        return Look(notes=(f"{said}: {_told(found.passed if found else NOT_COLLECTED)}.",))
    case = _Case(review=glass.review, role=policy.roles[glass.review.role], found=found, platform=facts.run.platform)
    doubtful = [each for each in found.passed.value if not each.marked and isinstance(each.broken, Unknown)]
    waiting = tuple(
        _unreviewed(case, each, why)
        for each in found.passed.value
        if each not in doubtful and (why := _why(case, each))
    )
    notes = [f"Break-glass to review: {each}." for each in waiting]
    notes += [
        f"Whether {each.reference} was {done} by break-glass is unknown: {_told(each.broken)}." for each in doubtful
    ]
    if found.cut:
        notes.append(
            f"What was {done} by break-glass before {found.since:%Y-%m-%d %H:%M} UTC was not looked at: there is more "
            "than one run reads."
        )
    return Look(unreviewed=waiting, notes=tuple(notes))


def _told(fact: object) -> str:
    if not isinstance(fact, Unknown):
        return ""
    return fact.reason + (f"; needed: {fact.needs}" if fact.needs else "")


def _unreviewed(case: _Case, passed: Passed, why: str) -> Unreviewed:
    mark = passed.broken.value if isinstance(passed.broken, Known) else None
    return Unreviewed(
        by=case.by,
        reference=passed.reference,
        url=passed.url,
        who=f"{mark.who.login} (id {mark.who.id})" if mark else "",
        at=mark.at if mark else None,
        passed_at=passed.at,
        why=why,
    )


def _why(case: _Case, passed: Passed) -> str:
    """Say why something is not reviewed; empty where somebody did, and where it passed without break-glass."""
    if isinstance(passed.broken, Known) and passed.broken.value is None:
        return ""
    if isinstance(passed.reviewed, Unknown):
        return f"who has reviewed it is unknown ({_told(passed.reviewed)})"
    objections = [next(_objections(case, passed, grant), "") for grant in passed.reviewed.value]
    if not objections:
        return f"nobody has {WORDS[case.by][1].format(case.review.name)}"
    return "" if "" in objections else objections[0]


def _objections(case: _Case, passed: Passed, grant: Grant) -> Iterator[str]:
    """Say why what somebody did is no review."""
    _, reviews, who = (word.format(case.review.name) for word in WORDS[case.by])
    mark = passed.broken.value if isinstance(passed.broken, Known) else None
    if grant.at < passed.at or (mark and grant.at < mark.at):
        yield f"somebody has {reviews} before it was {WORDS[case.by][0]}"
    if isinstance(grant.who, Unknown):
        yield f"{who.rstrip(',')} is unknown ({grant.who.reason})"
        return
    person = grant.who.value.person
    yield from _by_person(passed, person)
    way = standing(case.role, grant.who, case.platform, case.found.memberships)
    if isinstance(way, Unknown):
        yield f"whether {person.login}, {who} holds the role {case.role.name} is unknown ({_told(way)})"
    elif not way.value:
        yield f"{person.login}, {who} does not hold the role {case.role.name}"


def _by_person(passed: Passed, person: Person) -> Iterator[str]:
    """Object where somebody is no third person, or where it is not known whether they are."""
    if person.type is not AccountType.USER:
        yield f"{person.login}, who marked it as reviewed, is no person"
    if isinstance(passed.people, Unknown):
        yield f"who took part in it is unknown ({_told(passed.people)}), and it takes somebody else to review it"
    elif any(each.id == person.id for each in passed.people.value):
        yield f"{person.login}, who marked it as reviewed, took part in it"
    if isinstance(passed.broken, Unknown):
        yield f"who broke the glass is unknown ({_told(passed.broken)}), and it takes somebody else to review it"
    elif passed.broken.value and passed.broken.value.who.id == person.id:
        yield f"{person.login}, who marked it as reviewed, broke the glass"
