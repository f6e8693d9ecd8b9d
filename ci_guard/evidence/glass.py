"""What both platforms make of somebody's label or approval: whose it is, and what they may do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from ci_guard.model.fact import Fact, Known, Unknown
from ci_guard.model.glass import Grant, Means, Sighting
from ci_guard.model.roles import Membership
from ci_guard.model.run import NOTHING, Access, Part, Participant, Person, Seat
from ci_guard.records import dataclass


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What somebody did, before it is known what they may do."""

    person: Person
    at: datetime
    """When, or the earliest that it can have been; aware, UTC."""
    approved: bool = True
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a platform is asked what people may do."""

    access: Callable[[Sequence[Person]], Mapping[int, Fact[Access]]]
    """By numeric id."""
    memberships: Callable[[Fact[tuple[Seat, ...]]], Fact[tuple[Membership, ...]]]


def sighting(
    means: Means,
    answers: Fact[tuple[Answer, ...]],
    standing: Standing,
    *,
    since: Fact[datetime | None] = NOTHING,
    asked: Fact[str | None] = NOTHING,
) -> Sighting:
    """Return what is known of a path by what people did on it."""
    if isinstance(answers, Unknown):
        return Sighting(means=means, grants=answers, memberships=answers, since=since, asked=asked)
    held = standing.access([answer.person for answer in answers.value])
    grants = tuple(
        Grant(
            who=Known(
                value=Participant(person=answer.person, access=held[answer.person.id]),
                source=answers.source,
                detail=answers.detail,
            ),
            at=answer.at,
            approved=answer.approved,
            reason=answer.reason,
        )
        for answer in answers.value
    )
    # The part is of no account: a seat only says whose memberships are asked for.
    seats = tuple(Seat(part=Part.SENDER, who=grant.who) for grant in grants)
    return Sighting(
        means=means,
        grants=Known(value=grants, source=answers.source, detail=answers.detail),
        memberships=standing.memberships(Known(value=seats, source=answers.source, detail=answers.detail)),
        since=since,
        asked=asked,
    )
