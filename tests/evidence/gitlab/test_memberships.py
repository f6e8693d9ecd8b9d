"""Who is in a group: a list that is shown without somebody says so, and nothing else does."""

from __future__ import annotations

import pytest

from ci_guard.model.fact import Cause, Fact
from ci_guard.model.run import Part
from tests.evidence.gitlab.scene import Scene, known, unknown
from tests.fakes import faults


def member(scene: Scene, username: str = "alice", group: str = "acme/tools", *, stronger: bool = True) -> Fact[bool]:
    job = scene.shop.run("push", user=username)
    scene.start(job, **({"CI_GUARD_TOKEN": scene.reader} if stronger else {}))
    (only,) = known(scene.adapter.memberships({Part.ACTOR, Part.TRIGGERING_ACTOR}, frozenset({group})))
    assert only.circle == group
    return only.member


@pytest.fixture(autouse=True)
def groups(scene: Scene) -> None:
    scene.gitlab.world.group_members = {
        "acme": {"carol": 50, "olivia": 50},
        "acme/tools": {"alice": 30, "bob": 5},
    }


@pytest.mark.parametrize(("username", "expected"), [("alice", True), ("carol", True), ("mallory", False)])
def test_members_of_a_group_and_of_those_above_it_are_in_it(scene: Scene, username: str, expected: bool) -> None:
    assert known(member(scene, username)) is expected


def test_minimal_access_is_no_membership(scene: Scene) -> None:
    assert known(member(scene, "bob")) is False


def test_an_invitation_that_is_awaited_and_a_blocked_account_are_no_membership(scene: Scene) -> None:
    for name, value in (("membership_state", "awaiting"), ("state", "blocked")):
        scene.gitlab.clear_faults()
        scene.gitlab.fault("GET /groups/*", faults.replaced(**{name: value}))
        assert known(member(scene)) is False


def test_a_jobs_token_sees_no_group(scene: Scene) -> None:
    doubt = unknown(member(scene, stronger=False))
    assert doubt.cause is Cause.INVISIBLE
    assert "of a member of the group" in (doubt.needs or "")


def test_a_group_that_is_not_shown_is_unknown(scene: Scene) -> None:
    """Somebody who is in no group that is not there is not thereby outside."""
    doubt = unknown(member(scene, group="acme/secret"))
    assert doubt.cause is Cause.INVISIBLE


def test_an_answer_of_another_shape_is_unavailable(scene: Scene) -> None:
    scene.gitlab.fault("GET /groups/*", faults.numbers_as_strings())
    assert unknown(member(scene)).cause is Cause.UNAVAILABLE


def test_the_account_of_a_token_is_in_no_group_and_is_not_asked_for(scene: Scene) -> None:
    scene.shop.user("project_7_bot", 40, bot=True)
    scene.start(scene.shop.run("push", user="project_7_bot"), CI_GUARD_TOKEN=scene.reader)
    assert known(scene.adapter.memberships({Part.ACTOR}, frozenset({"acme/tools"}))) == ()
    assert not scene.gitlab.calls("GET /groups/*")


@pytest.mark.parametrize("stronger", [True, False])
def test_whoever_approved_a_change_is_asked_for_too(scene: Scene, *, stronger: bool) -> None:
    change = scene.open()
    scene.shop.approve(change, "carol")
    job = scene.shop.run("merge_request_event", user="alice", mr=change)
    scene.start(job, **({"CI_GUARD_TOKEN": scene.reader} if stronger else {}))
    circles = frozenset({"acme/tools"})
    found = known(scene.adapter.provenance(history=False, reviews=True, owners=False, circles=circles))
    (only,) = known(known(found.commit).changes)
    (one,) = known(only.memberships)
    if stronger:
        assert known(one.member)
    else:
        assert "read_api" in (unknown(one.member).needs or "")
