"""Who reviewed a pull request, on which commit, and what they may do."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, Final

from ci_guard.evidence.github import records
from ci_guard.evidence.github.access import get_access
from ci_guard.evidence.github.accounts import GHOST, GONE
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.records import Pull, nullable_person
from ci_guard.evidence.rest.shape import ShapeError, checked, optional, text, when
from ci_guard.evidence.rest.together import two
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply
from ci_guard.model.kinds import Level
from ci_guard.model.review import Review, ReviewState
from ci_guard.model.run import Access, AccountType, Person

STATES: Final = {
    "APPROVED": ReviewState.APPROVED,
    "CHANGES_REQUESTED": ReviewState.REJECTED,
    "DISMISSED": ReviewState.DISMISSED,
    "COMMENTED": None,
    "PENDING": None,
}
"""None for what is no verdict. Source: REST "List reviews for a pull request"."""

RETARGETED: Final = frozenset({"base_ref_changed", "automatic_base_change_succeeded"})
"""
Events after which a pull request has another target branch: by somebody, or by GitHub where the former one was deleted.
Source: "Issue event types".
"""

APP: Final = Access(level=Level.NONE, role="app")


def get_reviews(client: Client, pull: Pull) -> Fact[tuple[Review, ...]]:
    """
    Return every verdict, oldest first, with the access of each reviewer, which is asked once for each person.

    A review whose commit is gone (`commit_id` null, after a force push) covers no head. One that was given before the
    target branch was changed for another covers no target; only for approvals that is asked.
    """
    path = f"pulls/{pull.number}/reviews"
    verdicts = checked(client.get_all(path), lambda items: [found for item in items if (found := _parse(item))])
    if isinstance(verdicts, Unknown):
        return verdicts
    approved = any(state is ReviewState.APPROVED for _, state, _, _ in verdicts.value)
    in_place: Fact[datetime | None] = Known(value=None, source=verdicts.source, detail=verdicts.detail)
    people = list(dict.fromkeys(person for person, _, _, _ in verdicts.value))
    retargeted, accesses = two(
        client,
        lambda: _get_retargeted(client, pull) if approved else in_place,
        lambda: client.gather(*(lambda p=p: _access(client, p) for p in people)),
    )
    held = dict(zip(people, accesses, strict=True))
    reviews = [
        Review(
            reviewer=person,
            access=held[person],
            state=state,
            covers_head=Known(value=commit == pull.head_sha, source=verdicts.source, detail=verdicts.detail),
            covers_target=apply(retargeted, partial(_is_later, at)),
            submitted_at=at,
        )
        for person, state, commit, at in verdicts.value
    ]
    return Known(
        value=tuple(sorted(reviews, key=lambda review: review.submitted_at)),
        source=verdicts.source,
        detail=verdicts.detail,
    )


def _parse(value: Any) -> tuple[Person, ReviewState, str | None, datetime] | None:
    state = text(value, "state")
    if state not in STATES:
        raise ShapeError("'state' is none of a review")
    verdict = STATES[state]
    if verdict is None:
        return None
    return (
        nullable_person(value, "user") or GHOST,
        verdict,
        optional(value, "commit_id", records.sha),
        when(value, "submitted_at"),
    )


def _is_later(at: datetime, moved: datetime | None) -> bool:
    return moved is None or moved < at


def _get_retargeted(client: Client, pull: Pull) -> Fact[datetime | None]:
    """Return when the pull request last got another target branch, None where it kept its first."""
    return checked(
        client.get_all(f"issues/{pull.number}/timeline"),
        lambda items: max(
            (when(item, "created_at") for item in items if item.get("event") in RETARGETED), default=None
        ),
    )


def _access(client: Client, person: Person) -> Fact[Access]:
    if person == GHOST:
        return Known(value=GONE, source=Source.API, detail="the review has no author any more")
    if person.type is AccountType.BOT:
        return Known(value=APP, source=Source.API, detail="the review is an app's")
    return get_access(client, person)
