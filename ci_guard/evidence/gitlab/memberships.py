"""Who is in a group, itself or by a group above it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, Final

from ci_guard.evidence.gitlab.client import Client, Sight, segment
from ci_guard.evidence.gitlab.owners import MEMBER
from ci_guard.evidence.rest.shape import checked, integer, optional, text
from ci_guard.model.fact import Fact, Known, Unknown, apply
from ci_guard.model.roles import Membership
from ci_guard.model.run import AccountType, Seat

GUEST: Final = 10
"""Below is "Minimal access", with which nothing in the group can be seen. Source: Members API, roles."""


def get_memberships(
    client: Client, seats: Fact[tuple[Seat, ...]], groups: AbstractSet[str]
) -> Fact[tuple[Membership, ...]]:
    """
    Return whether each person is in each group; the account of a token is in none, and is not asked for.

    One request for all of a group: a list that is shown without somebody says that they are no member, which a 404 for
    the one would not.

    Source: Members API, "List all members of a group including inherited and invited members", `user_ids`.
    """
    if isinstance(seats, Unknown):
        return seats
    people = [seat.who.value.person for seat in seats.value if isinstance(seat.who, Known)]
    ids = sorted({person.id for person in people if person.type is AccountType.USER})
    if not ids:
        return Known(value=(), source=seats.source, detail=seats.detail)
    wanted = sorted(groups)
    lists = client.gather(*((lambda group=group: _get_members(client, group, ids)) for group in wanted))
    return Known(
        value=tuple(
            Membership(circle=group, person=number, member=apply(members, lambda found, number=number: number in found))  # type: ignore[misc]
            for group, members in zip(wanted, lists, strict=True)
            for number in ids
        ),
        source=seats.source,
        detail=seats.detail,
    )


def _get_members(client: Client, group: str, ids: list[int]) -> Fact[frozenset[int]]:
    return checked(
        client.get_all(
            f"/groups/{segment(group)}/members/all", sight=Sight.BY_STRONGER, needs=MEMBER, params={"user_ids[]": ids}
        ),
        lambda items: frozenset(integer(item, "id") for item in items if _counts(item)),
    )


def _counts(member: Any) -> bool:
    """Tell whether a member is one: active, by an invitation that was accepted, and with a role."""
    awaited = optional(member, "membership_state", text) not in (None, "active")
    return integer(member, "access_level") >= GUEST and text(member, "state") == "active" and not awaited
