"""What was merged by break-glass and waits for its review; pure. What is unknown of it waits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ci_guard.model.fact import Fact, Known, Unknown
from ci_guard.model.facts import NOT_COLLECTED, Facts, Needs
from ci_guard.model.glass import Aftermath, Closing, Grant, Merged, Unreviewed
from ci_guard.model.roles import standing
from ci_guard.model.run import AccountType, Person, Platform
from ci_guard.model.settings import Policy
from ci_guard.records import dataclass


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was found."""

    unreviewed: tuple[Unreviewed, ...] = ()
    notes: tuple[str, ...] = ()


NOTHING: Final = Look()


def needs(policy: Policy, platform: Platform) -> Needs:
    """Return which facts it takes."""
    glass = policy.break_glass
    lookback = glass.lookback if glass else None
    if glass is None or glass.review is None or lookback is None:
        return Needs()
    return Needs(aftermath=(lookback,), glass_circles=frozenset(policy.roles[glass.review.role].circles(platform)))


def look(policy: Policy, facts: Facts) -> Look:
    """Return what waits for its review, newest first, and what is to be said of it."""
    glass = policy.break_glass
    if glass is None or glass.review is None or facts.run.platform is Platform.LOCAL:
        return NOTHING
    found = next((one for one in facts.aftermath if one.lookback == glass.lookback), None)
    if found is None or isinstance(found.changes, Unknown):
        said = f"Whether something that was merged by break-glass ({glass.place}) waits for its review is unknown"
        return Look(notes=(f"{said}: {_told(found.changes if found else NOT_COLLECTED)}.",))
    doubtful = [change for change in found.changes.value if not change.labelled and isinstance(change.broken, Unknown)]
    waiting = tuple(
        _unreviewed(change, reason)
        for change in found.changes.value
        if change not in doubtful and (reason := next(_objections(policy, glass.review, found, change, facts), ""))
    )
    notes = [f"Break-glass to review: {each}." for each in waiting]
    notes += [
        f"Whether {change.reference} was merged by break-glass is unknown: {_told(change.broken)}."
        for change in doubtful
    ]
    if found.cut:
        notes.append(
            f"What was merged by break-glass before {found.since:%Y-%m-%d %H:%M} UTC was not looked at: there is more "
            "than one run reads."
        )
    return Look(unreviewed=waiting, notes=tuple(notes))


def _told(fact: object) -> str:
    if not isinstance(fact, Unknown):
        return ""
    return fact.reason + (f"; needed: {fact.needs}" if fact.needs else "")


def _unreviewed(change: Merged, why: str) -> Unreviewed:
    mark = change.broken.value if isinstance(change.broken, Known) else None
    return Unreviewed(
        reference=change.reference,
        url=change.url,
        who=f"{mark.who.login} (id {mark.who.id})" if mark else "",
        at=mark.at if mark else None,
        merged_at=change.merged_at,
        why=why,
    )


def _objections(policy: Policy, review: Closing, found: Aftermath, change: Merged, facts: Facts) -> Iterator[str]:
    """Say why a change is not reviewed; nothing of one that was merged without break-glass."""
    if isinstance(change.broken, Known) and change.broken.value is None:
        return
    if isinstance(change.reviewed, Unknown):
        yield f"who has reviewed it is unknown ({change.reviewed.reason})"
        return
    grant = change.reviewed.value
    if grant is None:
        yield f"nobody has put the label {review.label} on it"
        return
    if grant.at < change.merged_at:
        yield f"the label {review.label} was put there before it was merged"
    if isinstance(grant.who, Unknown):
        yield f"who put the label {review.label} there is unknown ({grant.who.reason})"
        return
    yield from _by_person(grant.who.value.person, change)
    way = _way(policy, review, found, grant, facts)
    login = grant.who.value.person.login
    if isinstance(way, Unknown):
        yield f"whether {login}, who put the label {review.label} there, holds the role {review.role} is unknown"
    elif not way.value:
        yield f"{login}, who put the label {review.label} there, does not hold the role {review.role}"


def _by_person(person: Person, change: Merged) -> Iterator[str]:
    if person.type is not AccountType.USER:
        yield f"{person.login}, who marked it as reviewed, is no person"
    if change.author and change.author.id == person.id:
        yield f"{person.login}, who marked it as reviewed, wrote it"
    if isinstance(change.broken, Unknown):
        yield f"who broke the glass is unknown ({change.broken.reason}), and it takes somebody else to review it"
    elif change.broken.value and change.broken.value.who.id == person.id:
        yield f"{person.login}, who marked it as reviewed, broke the glass"


def _way(policy: Policy, review: Closing, found: Aftermath, grant: Grant, facts: Facts) -> Fact[str]:
    if isinstance(grant.who, Unknown):
        return grant.who
    return standing(policy.roles[review.role], grant.who, facts.run.platform, found.memberships)
