"""Who is in a team: by the membership, or by a list of the members that does not have them."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Final

from ci_guard.evidence.github.client import Client, segment
from ci_guard.evidence.rest.shape import checked, integer, text
from ci_guard.model.fact import Cause, Fact, Known, Unknown, invisible
from ci_guard.model.roles import Membership
from ci_guard.model.run import AccountType, Person, Seat

NEEDS: Final = "members: read"
"""Of the organisation; no job's token can have it. Source: "Permissions required for GitHub Apps", members."""


def get_memberships(
    client: Client, seats: Fact[tuple[Seat, ...]], teams: AbstractSet[str]
) -> Fact[tuple[Membership, ...]]:
    """Return whether each person is in each team; an app is in none, and is not asked for."""
    if isinstance(seats, Unknown):
        return seats
    pairs = [(team, person) for team in sorted(teams) for person in people_of(seats.value)]
    found = client.gather(
        *((lambda team=team, person=person: _get_membership(client, team, person)) for team, person in pairs)
    )
    return Known(
        value=tuple(
            Membership(circle=team, person=person.id, member=member)
            for (team, person), member in zip(pairs, found, strict=True)
        ),
        source=seats.source,
        detail=seats.detail,
    )


def people_of(seats: Iterable[Seat]) -> list[Person]:
    """Return the people in these seats, each once, by id."""
    known = {seat.who.value.person.id: seat.who.value.person for seat in seats if isinstance(seat.who, Known)}
    return [known[number] for number in sorted(known) if known[number].type is AccountType.USER]


def _get_membership(client: Client, team: str, person: Person) -> Fact[bool]:
    """
    Return whether somebody is in a team or in one below it. An invitation that is not accepted is none.

    Without the right to read members the answer is the same 404 as for somebody outside. So a refusal says nothing, and
    only the list of the members, which is shown to whoever sees the team, says that they are not in it.

    Source: REST "Get team membership for a user"; "List team members".
    """
    organisation, _, slug = team.partition("/")
    path = f"/orgs/{segment(organisation)}/teams/{segment(slug)}"
    answer = client.get(f"{path}/memberships/{segment(person.login)}", stronger_first=True)
    if isinstance(answer, Known):
        return checked(answer, lambda body: text(body, "state") == "active")
    if answer.cause is Cause.UNAVAILABLE:
        return answer
    listed = checked(
        client.get_all(f"{path}/members", stronger_first=True),
        lambda items: person.id in {integer(item, "id") for item in items},
    )
    if isinstance(listed, Unknown) and listed.cause is Cause.INVISIBLE:
        said = f"whether {person.login} is in {team} is not shown to this token"
        return invisible(said, needs=NEEDS, detail=answer.detail)
    return listed
