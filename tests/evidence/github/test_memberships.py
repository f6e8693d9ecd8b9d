"""Who is in a team: a 404 is no "no", and only the list of members is one."""

from __future__ import annotations

import pytest

from ci_guard.evidence.github.memberships import get_memberships
from ci_guard.evidence.github.people import get_seats
from ci_guard.model.fact import Cause, Fact
from ci_guard.model.run import Part
from tests.evidence.github.scene import PERMISSIONS, Scene, known, unknown
from tests.fakes import faults

SEES_MEMBERS = {**PERMISSIONS, "members": "read"}


def member(scene: Scene, login: str = "alice", team: str = "acme/core") -> Fact[bool]:
    run = scene.repo.run("push", actor=login)
    scene.start(run, scene.events.push("main", sender=login))
    client, job, this = scene.read()
    seats = get_seats(client, job, this, {Part.ACTOR, Part.TRIGGERING_ACTOR})
    (only,) = known(get_memberships(client, seats, frozenset({team})))
    assert only.circle == team
    return only.member


@pytest.fixture(autouse=True)
def team(scene: Scene) -> None:
    scene.github.world.team("acme", "core", "alice", maintainers=("carol",))


@pytest.mark.parametrize(("login", "expected"), [("alice", True), ("carol", True), ("bob", False)])
def test_whoever_sees_members_sees_who_is_in_a_team(scene: Scene, login: str, expected: bool) -> None:
    assert known(member(scene.token(**SEES_MEMBERS), login)) is expected


def test_an_invitation_that_is_not_accepted_is_no_membership(scene: Scene) -> None:
    scene.github.world.teams[0].pending.append("bob")
    assert known(member(scene.token(**SEES_MEMBERS), "bob")) is False


def test_a_jobs_token_sees_no_membership(scene: Scene) -> None:
    doubt = unknown(member(scene))
    assert (doubt.cause, doubt.needs) == (Cause.INVISIBLE, "members: read")


def test_a_404_of_a_token_that_does_not_see_the_team_is_no_no(scene: Scene) -> None:
    """The same answer is given to whoever may not see it. A peer takes it for "not in the team"."""
    scene.tokens = (scene.github.token("person", kind="user", login="bob", permissions=PERMISSIONS).value,)
    scene.github.fault("GET /orgs/*", faults.not_found())
    doubt = unknown(member(scene))
    assert (doubt.cause, doubt.needs) == (Cause.INVISIBLE, "members: read")


def test_the_token_that_sees_the_team_is_asked_although_the_other_says_404(scene: Scene) -> None:
    weak = scene.github.token("weak", kind="user", login="bob", permissions=PERMISSIONS)
    strong = scene.github.token("strong", permissions=SEES_MEMBERS)
    for tokens in ((weak, strong), (strong, weak)):
        scene.tokens = tuple(token.value for token in tokens)
        assert known(member(scene)) is True
        assert known(member(scene, "bob")) is False


def test_a_team_that_is_not_there_is_unknown(scene: Scene) -> None:
    """A policy with a misspelt team must not read as "nobody is in it"."""
    doubt = unknown(member(scene.token(**SEES_MEMBERS), team="acme/coer"))
    assert doubt.cause is Cause.INVISIBLE


@pytest.mark.parametrize("match", ["GET /orgs/*/memberships/*", "GET /orgs/*/members"])
def test_a_server_that_breaks_is_unavailable(scene: Scene, match: str) -> None:
    scene.github.fault(match, faults.server_error())
    assert unknown(member(scene.token(**SEES_MEMBERS), "bob")).cause is Cause.UNAVAILABLE


def test_an_answer_of_another_shape_is_unavailable(scene: Scene) -> None:
    scene.github.fault("GET /orgs/*/memberships/*", faults.altered(lambda body: {**body, "state": 7}))
    assert unknown(member(scene.token(**SEES_MEMBERS))).cause is Cause.UNAVAILABLE


def test_an_app_is_in_no_team_and_is_not_asked_for(scene: Scene) -> None:
    scene.repo.user("helper[bot]", type="Bot")
    run = scene.repo.run("push", actor="helper[bot]")
    scene.start(run, scene.events.push("main", sender="helper[bot]"))
    client, job, this = scene.read()
    seats = get_seats(client, job, this, {Part.ACTOR})
    assert known(get_memberships(client, seats, frozenset({"acme/core"}))) == ()
    assert not scene.github.calls("GET /orgs/*")


def approved(scene: Scene, **permissions: str) -> dict[int, Fact[bool]]:
    """Return by approver whether they are in the team, of a merged pull request."""
    pull = scene.repo.pull(author="alice")
    pull.review("carol", "APPROVED")
    pull.review("bob", "APPROVED")
    pull.review("mallory", "CHANGES_REQUESTED")
    before = scene.repo.branches["main"]
    scene.token(**permissions).push(scene.repo.merge(pull), before=before, actor="olivia")
    found = known(scene.change(circles=frozenset({"acme/core"})).memberships)
    return {one.person: one.member for one in found}


def test_whoever_approved_a_change_is_asked_for_too(scene: Scene) -> None:
    people = {login: scene.github.world.user(login).id for login in ("bob", "carol")}
    found = approved(scene, **SEES_MEMBERS)
    assert {number: known(member) for number, member in found.items()} == {people["carol"]: True, people["bob"]: False}


def test_the_team_of_whoever_approved_is_unknown_to_a_jobs_token(scene: Scene) -> None:
    assert {unknown(member).needs for member in approved(scene, **PERMISSIONS).values()} == {"members: read"}


def test_nobody_is_asked_about_teams_that_no_role_names(scene: Scene) -> None:
    approved(scene, **SEES_MEMBERS)
    asked = scene.github.count("GET /orgs/*")
    assert unknown(scene.change().memberships).cause is Cause.UNAVAILABLE
    assert scene.github.count("GET /orgs/*") == asked
