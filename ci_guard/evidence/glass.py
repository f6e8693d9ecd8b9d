"""What both platforms make of somebody's label or approval: whose it is, and what they may do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from ci_guard.model.fact import Fact, Known, Source, Unknown
from ci_guard.model.glass import Grant, Mark, Means, Sighting
from ci_guard.model.roles import Membership
from ci_guard.model.run import NOTHING, Access, Part, Participant, Person, Seat
from ci_guard.records import dataclass

NOBODY: Final = Known[tuple[Person, ...]](value=(), source=Source.NONE)
"""Stands for the contributors where there is no change."""


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


def answer_of(mark: Mark | None) -> tuple[Answer, ...]:
    """Return a label that is there as what somebody did."""
    return (Answer(person=mark.who, at=mark.at),) if mark else ()


def sighting(
    means: Means,
    answers: Fact[tuple[Answer, ...]],
    standing: Standing,
    *,
    since: Fact[datetime | None] = NOTHING,
    asked: Fact[str | None] = NOTHING,
    elsewhere: str = "",
    contributors: Fact[tuple[Person, ...]] = NOBODY,
) -> Sighting:
    """Return what is known of a path by what people did on it."""
    grants = grants_of(answers, standing)
    return Sighting(
        means=means,
        grants=grants,
        memberships=memberships_of(grants, standing),
        since=since,
        asked=asked,
        elsewhere=elsewhere,
        contributors=contributors,
    )


def grants_of(answers: Fact[tuple[Answer, ...]], standing: Standing) -> Fact[tuple[Grant, ...]]:
    """Return what people did, with what they may do."""
    if isinstance(answers, Unknown):
        return answers
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
    return Known(value=grants, source=answers.source, detail=answers.detail)


def memberships_of(grants: Fact[tuple[Grant, ...]], standing: Standing) -> Fact[tuple[Membership, ...]]:
    """Return whether those who did it are in the teams that roles name."""
    if isinstance(grants, Unknown):
        return grants
    # The part is of no account: a seat only says whose memberships are asked for.
    seats = tuple(Seat(part=Part.SENDER, who=grant.who) for grant in grants.value)
    return standing.memberships(Known(value=seats, source=grants.source, detail=grants.detail))
