"""Who put a label on a merge request, by GitLab's own events, and when the head was pushed, by its versions."""

from __future__ import annotations

from typing import Any

import pytest

from ci_guard.evidence.gitlab import glass
from ci_guard.evidence.rest.shape import ShapeError
from ci_guard.model.fact import Cause, Fact
from ci_guard.model.glass import Labelled
from tests.evidence.gitlab.scene import Scene, known, present, unknown
from tests.fakes import faults
from tests.fakes.lab.state import MergeRequest


def labelled(
    scene: Scene, mr: MergeRequest, *, groups: frozenset[str] = frozenset(), stronger: bool = True
) -> Fact[Labelled | None]:
    job = scene.shop.run(mr=mr, user="alice")
    scene.start(job, **({"CI_GUARD_TOKEN": scene.reader} if stronger else {}))
    return scene.adapter.labelled("break-glass", groups)


def test_whoever_put_the_label_there_last_is_named_with_what_they_hold(scene: Scene) -> None:
    scene.gitlab.world.group_members = {"acme/on-call": {"carol": 30}}
    mr = scene.open()
    for by, off in (("alice", False), ("alice", True), ("carol", False)):
        scene.shop.label(mr, "break-glass", by=by, off=off)
    scene.shop.label(mr, "docs", by="alice")
    found = present(labelled(scene, mr, groups=frozenset({"acme/on-call"})))
    assert known(found.who).person.login == "carol"
    assert known(known(found.who).access).role == "Maintainer"
    assert [known(one.member) for one in known(found.memberships)] == [True]
    assert known(found.pushed) < found.at


def test_after_a_push_the_label_is_older_than_the_head(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.label(mr, "break-glass", by="carol")
    scene.shop.add_commit(mr, "alice")
    found = present(labelled(scene, mr))
    assert known(found.pushed) > found.at


@pytest.mark.parametrize("name", ["", "Break-Glass", "break-glass-2"])
def test_without_the_very_label_there_is_none(scene: Scene, name: str) -> None:
    mr = scene.open()
    if name:
        scene.shop.label(mr, name, by="carol")
    scene.shop.label(mr, "break-glass", by="carol")
    scene.shop.label(mr, "break-glass", by="carol", off=True)
    assert known(labelled(scene, mr)) is None


def test_a_push_has_no_label(scene: Scene) -> None:
    scene.start(scene.shop.run("push"))
    assert known(scene.adapter.labelled("break-glass", frozenset())) is None


def test_a_label_of_which_the_events_say_nothing_is_unknown(scene: Scene) -> None:
    mr = scene.open()
    mr.labels = ["break-glass"]
    assert "do not say who put it there" in unknown(labelled(scene, mr)).reason


def test_a_label_that_was_deleted_and_made_again_names_nobody(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.label(mr, "break-glass", by="carol").label = None
    assert "do not say who put it there" in unknown(labelled(scene, mr)).reason


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_a_jobs_token_does_not_know_who_put_it_there(scene: Scene, visibility: str) -> None:
    scene.shop.visibility = visibility
    mr = scene.open()
    scene.shop.label(mr, "break-glass", by="carol")
    doubt = unknown(labelled(scene, mr, stronger=False))
    assert doubt.cause is Cause.INVISIBLE
    assert "the role Reporter" in (doubt.needs or "")


def test_a_head_that_is_not_the_one_that_is_built_has_no_label(scene: Scene) -> None:
    mr = scene.open()
    job = scene.shop.run(mr=mr, user="alice")
    scene.shop.add_commit(mr, "alice")
    scene.shop.label(mr, "break-glass", by="carol")
    scene.start(job, CI_GUARD_TOKEN=scene.reader)
    assert "has moved on" in unknown(scene.adapter.labelled("break-glass", frozenset())).reason


def test_an_answer_of_another_shape_is_unavailable(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.label(mr, "break-glass", by="carol")
    scene.gitlab.fault("GET /projects/{id}/merge_requests/{iid}/resource_label_events", faults.numbers_as_strings())
    assert unknown(labelled(scene, mr)).cause is Cause.UNAVAILABLE


ENTRY = {
    "id": 1,
    "user": {"id": 7, "username": "carol"},
    "label": {"name": "x"},
    "action": "add",
    "created_at": "2026-11-21T20:00:00Z",
}


@pytest.mark.parametrize("change", [{"action": "Add"}, {"user": None}, {"label": {"name": 7}}, {"created_at": "now"}])
def test_an_entry_of_another_shape_is_no_proof(change: dict[str, Any]) -> None:
    assert glass.last_put([ENTRY], "x")
    with pytest.raises(ShapeError):
        glass.last_put([{**ENTRY, **change}], "x")
