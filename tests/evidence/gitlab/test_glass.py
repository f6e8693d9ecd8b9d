"""Who put a label on a merge request, by GitLab's own events, and when the head was pushed, by its versions."""

from __future__ import annotations

from typing import Any

import pytest

from ci_guard.evidence.gitlab import glass
from ci_guard.evidence.rest.shape import ShapeError
from ci_guard.model.fact import Cause, Known, Source
from ci_guard.model.glass import By, Grant, Means, Sighting
from tests.evidence.gitlab.scene import Scene, known, present, unknown
from tests.fakes import faults
from tests.fakes.lab.state import Job, MergeRequest

LABEL = Means(by=By.LABEL, name="break-glass")
DISPATCH = Means(by=By.DISPATCH, name="emergency", input="WHY")


def labelled(
    scene: Scene, mr: MergeRequest, *, groups: frozenset[str] = frozenset(), stronger: bool = True
) -> Sighting:
    job = scene.shop.run(mr=mr, user="alice")
    scene.start(job, **({"CI_GUARD_TOKEN": scene.reader} if stronger else {}))
    return scene.adapter.break_glass(LABEL, groups)


def only(found: Sighting) -> Grant:
    (grant,) = known(found.grants)
    return grant


def test_whoever_put_the_label_there_last_is_named_with_what_they_hold(scene: Scene) -> None:
    scene.gitlab.world.group_members = {"acme/on-call": {"carol": 30}}
    mr = scene.open()
    for by, off in (("alice", False), ("alice", True), ("carol", False)):
        scene.shop.label(mr, "break-glass", by=by, off=off)
    scene.shop.label(mr, "docs", by="alice")
    found = labelled(scene, mr, groups=frozenset({"acme/on-call"}))
    who = known(only(found).who)
    assert (who.person.login, known(who.access).role) == ("carol", "Maintainer")
    assert [known(one.member) for one in known(found.memberships)] == [True]
    assert present(found.since) < only(found).at


def test_after_a_push_the_label_is_older_than_the_head(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.label(mr, "break-glass", by="carol")
    scene.shop.add_commit(mr, "alice")
    found = labelled(scene, mr)
    assert present(found.since) > only(found).at


def contributors(scene: Scene, mr: MergeRequest) -> set[str]:
    return {person.login for person in known(labelled(scene, mr).contributors)}


def test_whoever_added_commits_contributed_whatever_the_commits_claim(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.add_commit(mr, "alice", by="carol")
    scene.shop.add_commit(mr, "alice")
    scene.shop.label(mr, "break-glass", by="carol")
    assert contributors(scene, mr) == {"alice", "carol"}


def test_whoever_labels_what_their_own_commits_brought_before_it_was_opened_contributed(scene: Scene) -> None:
    mr = scene.open()
    mr.commits.append(scene.shop.commit("Before", author="carol", files={"b.txt": "b"}, on=mr.source_branch))
    mr.sha = mr.commits[-1]
    scene.shop.label(mr, "break-glass", by="bob")
    assert contributors(scene, mr) == {"alice"}
    scene.shop.label(mr, "break-glass", by="carol")
    assert contributors(scene, mr) == {"alice", "carol"}


def test_nobody_is_asked_who_contributed_while_the_label_is_not_there(scene: Scene) -> None:
    mr = scene.open()
    assert contributors(scene, mr) == set()
    assert not [call for call in scene.gitlab.requests if call.path.endswith(("/notes", "/commits"))]


def test_who_contributed_is_unknown_to_a_jobs_token_and_without_the_notes(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.add_commit(mr, "alice")
    scene.shop.label(mr, "break-glass", by="carol")
    assert "the role Reporter" in (unknown(labelled(scene, mr, stronger=False).contributors).needs or "")
    scene.gitlab.fault("GET /projects/{id}/merge_requests/{iid}/notes", faults.numbers_as_strings())
    assert unknown(labelled(scene, mr).contributors).cause is Cause.UNAVAILABLE


@pytest.mark.parametrize("name", ["", "Break-Glass", "break-glass-2"])
def test_without_the_very_label_there_is_none(scene: Scene, name: str) -> None:
    mr = scene.open()
    if name:
        scene.shop.label(mr, name, by="carol")
    scene.shop.label(mr, "break-glass", by="carol")
    scene.shop.label(mr, "break-glass", by="carol", off=True)
    assert known(labelled(scene, mr).grants) == ()


def test_a_push_has_no_label(scene: Scene) -> None:
    scene.start(scene.shop.run("push"))
    found = scene.adapter.break_glass(LABEL, frozenset())
    assert (known(found.grants), known(found.since), known(found.contributors)) == ((), None, ())


def test_a_label_of_which_the_events_say_nothing_is_unknown(scene: Scene) -> None:
    mr = scene.open()
    mr.labels = ["break-glass"]
    assert "do not say who put it there" in unknown(labelled(scene, mr).grants).reason


def test_a_label_that_was_deleted_and_made_again_names_nobody(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.label(mr, "break-glass", by="carol").label = None
    assert "do not say who put it there" in unknown(labelled(scene, mr).grants).reason


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_a_jobs_token_does_not_know_who_put_it_there(scene: Scene, visibility: str) -> None:
    scene.shop.visibility = visibility
    mr = scene.open()
    scene.shop.label(mr, "break-glass", by="carol")
    doubt = unknown(labelled(scene, mr, stronger=False).grants)
    assert doubt.cause is Cause.INVISIBLE
    assert "the role Reporter" in (doubt.needs or "")


def test_a_head_that_is_not_the_one_that_is_built_has_no_label(scene: Scene) -> None:
    mr = scene.open()
    job = scene.shop.run(mr=mr, user="alice")
    scene.shop.add_commit(mr, "alice")
    scene.shop.label(mr, "break-glass", by="carol")
    scene.start(job, CI_GUARD_TOKEN=scene.reader)
    assert "has moved on" in unknown(scene.adapter.break_glass(LABEL, frozenset()).grants).reason


def test_an_answer_of_another_shape_is_unavailable(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.label(mr, "break-glass", by="carol")
    scene.gitlab.fault("GET /projects/{id}/merge_requests/{iid}/resource_label_events", faults.numbers_as_strings())
    assert unknown(labelled(scene, mr).grants).cause is Cause.UNAVAILABLE


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


# By dispatch


def dispatched(scene: Scene, source: str = "web", **variables: str) -> Job:
    """Start a pipeline by hand, on Premium; its first job deploys to the environment that is approved."""
    scene.shop.tier = "premium"
    job = scene.shop.run(source, user="alice")
    job.pipeline.variables = variables
    scene.start(job, CI_GUARD_TOKEN=scene.reader)
    return job


def sighted(scene: Scene) -> Sighting:
    return scene.adapter.break_glass(DISPATCH, frozenset())


@pytest.mark.parametrize("source", ["web", "api", "trigger"])
def test_who_approved_a_deployment_of_the_pipeline_is_named_with_their_reason(scene: Scene, source: str) -> None:
    job = dispatched(scene, source, WHY="orders\nfail")
    scene.shop.answer(scene.shop.deploy(job, "emergency"), "carol", "the shop is down")
    scene.shop.answer(scene.shop.deploy(job, "production"), "bob", "as always")
    found = sighted(scene)
    grant = only(found)
    assert (known(grant.who).person.login, grant.reason, grant.approved) == ("carol", "the shop is down", True)
    assert f"{grant.at:%Y-%m-%dT%H:%M:%S}" == scene.shop.deployments[0].approvals[0].created_at[:19]
    assert found.asked == Known(
        value="orders fail", source=Source.API, detail=f"GET pipelines/{job.pipeline.id}/variables"
    )


def test_the_job_token_shows_the_approval_and_not_the_variables(scene: Scene) -> None:
    job = dispatched(scene, WHY="x")
    scene.shop.answer(scene.shop.deploy(job, "emergency"), "carol", "down")
    scene.start(job, WHY="what the job says of itself")
    found = sighted(scene)
    assert known(only(found).who).person.login == "carol"
    assert unknown(known(only(found).who).access).cause is Cause.INVISIBLE
    assert "with the role Maintainer" in (unknown(found.asked).needs or "")


def test_approvals_of_other_pipelines_and_of_nobodys_job_are_none(scene: Scene) -> None:
    old = dispatched(scene)
    scene.shop.answer(scene.shop.deploy(old, "emergency"), "carol", "yesterday")
    job = dispatched(scene)
    scene.shop.answer(scene.shop.deploy(None, "emergency"), "carol", "by the API")
    scene.shop.deploy(job, "emergency")
    assert known(sighted(scene).grants) == ()
    assert known(sighted(scene).asked) is None


def test_a_rejection_is_told_and_an_approval_without_words_has_no_reason(scene: Scene) -> None:
    deployment = scene.shop.deploy(dispatched(scene), "emergency")
    scene.shop.answer(deployment, "carol")
    scene.shop.answer(deployment, "bob", "no", status="rejected")
    approval, rejection = known(sighted(scene).grants)
    assert (approval.reason, approval.approved, rejection.approved) == ("", True, False)


def test_below_premium_nothing_can_be_approved(scene: Scene) -> None:
    job = dispatched(scene)
    scene.shop.tier = "free"
    scene.shop.deploy(job, "emergency")
    doubt = unknown(sighted(scene).grants)
    assert (doubt.cause, "Premium" in (doubt.needs or "")) == (Cause.INVISIBLE, True)


def test_a_pipeline_that_deploys_without_end_proves_nothing(scene: Scene) -> None:
    job = dispatched(scene)
    for _ in range(glass.DEPLOYMENTS + 1):
        scene.shop.answer(scene.shop.deploy(job, "emergency"), "carol", "down")
    assert unknown(sighted(scene).grants).cause is Cause.UNAVAILABLE


@pytest.mark.parametrize("source", ["push", "schedule"])
def test_what_nobody_started_has_no_such_path(scene: Scene, source: str) -> None:
    job = dispatched(scene, source)
    scene.shop.answer(scene.shop.deploy(job, "emergency"), "carol", "down")
    assert known(sighted(scene).grants) == ()


@pytest.mark.parametrize("operation", ["deployments", "deployments/{deployment}", "pipelines/{pipeline}/variables"])
def test_another_shape_is_no_proof(scene: Scene, operation: str) -> None:
    job = dispatched(scene, WHY="x")
    scene.shop.answer(scene.shop.deploy(job, "emergency"), "carol", "down")
    assert known(sighted(scene).grants)
    scene.start(job, CI_GUARD_TOKEN=scene.reader)
    scene.gitlab.fault(f"GET /projects/{{id}}/{operation}", faults.replaced(id="7", key=7))
    found = sighted(scene)
    assert unknown(found.asked if "variables" in operation else found.grants).cause is Cause.UNAVAILABLE
