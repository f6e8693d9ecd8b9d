"""Who approved a change, as people whose teams or groups can be asked for."""

from __future__ import annotations

from ci_guard.model.fact import Fact, Known, apply
from ci_guard.model.review import Review, ReviewState
from ci_guard.model.run import Part, Participant, Seat


def approvers(reviews: Fact[tuple[Review, ...]]) -> Fact[tuple[Seat, ...]]:
    """Return a seat for each; their part is of no account, as it only says whose memberships are asked for."""
    return apply(
        reviews,
        lambda found: tuple(
            Seat(
                part=Part.SENDER,
                who=Known(
                    value=Participant(person=one.reviewer, access=one.access),
                    source=reviews.source,
                    detail=reviews.detail,
                ),
            )
            for one in found
            if isinstance(reviews, Known) and one.state is ReviewState.APPROVED
        ),
    )
