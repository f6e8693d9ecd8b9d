"""Who put a label on a pull request, by the timeline, and when the head was pushed, by the activity log."""

from __future__ import annotations

from typing import Any

import pytest

from ci_guard.evidence.github import glass, records
from ci_guard.evidence.rest.shape import ShapeError
from ci_guard.model.fact import Cause, Known, Source
from ci_guard.model.glass import By, Grant, Means, Sighting
from ci_guard.records import replace
from tests.evidence.github.scene import PERMISSIONS, Scene, known, present, unknown
from tests.evidence.github.test_surroundings import of_pull, pushed
from tests.fakes import faults
from tests.fakes.hub.pulls import Pull
from tests.fakes.hub.runs import Run as ServerRun
from tests.secrets.made_up import github_token


def pull_of(scene: Scene) -> Pull:
    return scene.repo.pull(author="alice")


LABEL = Means(by=By.LABEL, name="break-glass")


def sighted(scene: Scene, means: Means = LABEL, *teams: str) -> Sighting:
    client, job, run = scene.read()
    return glass.get_sighting(client, job, run, means, set(teams))


def only(found: Sighting) -> Grant:
    (grant,) = known(found.grants)
    return grant


def test_whoever_put_the_label_there_last_is_named(scene: Scene) -> None:
    pull = pull_of(scene)
    pull.label("Break-Glass", by="alice")
    pull.label("Break-Glass", by="alice", off=True)
    pull.label("Break-Glass", by="bob")
    pull.label("docs", by="alice")
    found = sighted(of_pull(scene, pull))
    assert known(only(found).who).person.login == "bob"
    assert present(found.since) < only(found).at


def test_after_a_push_the_label_is_older_than_the_head(scene: Scene) -> None:
    pull = pull_of(scene)
    pull.label("break-glass", by="bob")
    pull.push(author="alice")
    found = sighted(of_pull(scene, pull))
    assert present(found.since) > only(found).at


def contributors(scene: Scene, pull: Pull) -> set[str]:
    return {person.login for person in known(sighted(of_pull(scene, pull)).contributors)}


def test_everybody_who_pushed_to_the_head_contributed_and_that_takes_no_further_request(scene: Scene) -> None:
    pull = pull_of(scene)
    pull.push(author="alice", by="carol")
    pull.push(author="alice", by="bob", force_onto=pull.base_sha)
    pull.push(author="alice")
    pull.label("break-glass", by="carol")
    assert contributors(scene, pull) == {"alice", "bob", "carol"}
    assert len([call for call in scene.github.requests if call.path.endswith("/activity")]) == 1


def test_whoever_pushed_to_a_branch_that_was_deleted_and_restored_contributed(scene: Scene) -> None:
    pull = pull_of(scene)
    pull.push(author="alice", by="carol")
    scene.repo.delete_branch(pull.head_ref, by="alice")
    scene.repo.push(pull.head_ref, pull.head_sha, by="alice")
    assert contributors(scene, pull) == {"alice", "carol"}


def test_a_log_that_does_not_go_back_to_the_branchs_creation_names_nobody_for_certain(scene: Scene) -> None:
    pull = pull_of(scene)
    for _ in range(records.PUSH_LIMIT):
        scene.repo.push(pull.head_ref, pull.head_sha, by="alice")
    found = sighted(of_pull(scene, pull))
    assert known(found.since)
    assert "does not go back to the branch's creation" in unknown(found.contributors).reason


def test_a_log_that_does_not_name_everybody_or_has_a_merge_in_it_proves_nothing(scene: Scene) -> None:
    pull = pull_of(scene)
    entry = scene.repo.activities[-1]
    entry.actor = None
    assert "does not name everybody" in unknown(sighted(of_pull(scene, pull)).contributors).reason
    entry.actor, entry.activity_type = "alice", "pr_merge"
    assert "whose work was merged" in unknown(sighted(of_pull(scene, pull)).contributors).reason


def test_who_pushed_to_a_fork_is_not_shown(scene: Scene) -> None:
    pull = scene.repo.pull(author="alice", fork="alice/shop")
    assert "fork" in unknown(sighted(of_pull(scene, pull)).contributors).reason


@pytest.mark.parametrize("off", [True, False])
def test_without_the_label_there_is_none(scene: Scene, off: bool) -> None:
    pull = pull_of(scene)
    pull.label("break-glass" if off else "break-glass-2", by="bob")
    if off:
        pull.label("break-glass", by="bob", off=True)
    assert known(sighted(of_pull(scene, pull)).grants) == ()


def test_a_push_has_no_label(scene: Scene) -> None:
    found = sighted(pushed(scene))
    assert (known(found.grants), known(found.since), known(found.contributors)) == ((), None, ())


def test_a_label_of_which_the_timeline_says_nothing_is_unknown(scene: Scene) -> None:
    pull = pull_of(scene)
    pull.labels = ["break-glass"]
    assert "does not say who put it there" in unknown(sighted(of_pull(scene, pull)).grants).reason


def test_a_token_that_may_not_read_it_does_not_know(scene: Scene) -> None:
    pull = pull_of(scene)
    pull.label("break-glass", by="bob")
    scene.token(**{name: level for name, level in PERMISSIONS.items() if name != "pull_requests"})
    assert unknown(sighted(of_pull(scene, pull)).grants).cause is Cause.INVISIBLE


@pytest.mark.parametrize("entry", [{"event": "labeled"}, {"event": "labeled", "label": {"name": 7}}])
def test_an_entry_of_another_shape_is_no_proof(entry: dict[str, Any]) -> None:
    with pytest.raises(ShapeError):
        glass.last_put([entry], "break-glass")


def test_somebody_who_was_deleted_is_nobody() -> None:
    entry = {"event": "labeled", "label": {"name": "x"}, "actor": None, "created_at": "2026-11-21T20:00:00Z"}
    with pytest.raises(ShapeError):
        glass.last_put([entry], "x")


# By dispatch

DISPATCH = Means(by=By.DISPATCH, name="emergency", input="why")


def dispatch(scene: Scene, event: str = "workflow_dispatch", why: str = "orders fail", title: str = "") -> ServerRun:
    run = scene.repo.run(event, actor="alice", branch="main")
    run.title = title or run.title
    if event == "workflow_dispatch":
        payload = scene.events.workflow_dispatch(sender="alice", inputs={"why": why})
    else:
        payload = scene.events.repository_dispatch(sender="alice", payload={"why": why})
    scene.start(run, payload)
    return run


@pytest.mark.parametrize("event", ["workflow_dispatch", "repository_dispatch"])
def test_who_approved_a_dispatch_is_named_with_their_reason_and_counts_from_when_the_run_was_made(
    scene: Scene, event: str
) -> None:
    run = dispatch(scene, event)
    run.approve("bob", "production", comment="as always")
    run.approve("carol", "Emergency", comment="the shop\nis down")
    found = sighted(scene, DISPATCH)
    grant = only(found)
    assert known(grant.who).person.login == "carol"
    assert (grant.reason, grant.approved) == ("the shop is down", True)
    assert f"{grant.at:%Y-%m-%dT%H:%M:%SZ}" == run.created_at
    assert found.asked == Known(value="orders fail", source=Source.EVENT, detail=detail_of(event))


def detail_of(event: str) -> str:
    return f"event.{'inputs' if event == 'workflow_dispatch' else 'client_payload'}.why"


def test_a_run_that_is_started_again_counts_from_when_it_was_first_made(scene: Scene) -> None:
    run = dispatch(scene)
    run.approve("carol", "emergency", comment="down")
    run.rerun(by="bob")
    assert f"{only(sighted(scene, DISPATCH)).at:%Y-%m-%dT%H:%M:%SZ}" == run.created_at


def test_an_input_that_the_runs_title_says_after_the_environment_is_the_servers_word(scene: Scene) -> None:
    dispatch(scene, title="emergency: orders  fail")
    found = sighted(scene, DISPATCH).asked
    assert isinstance(found, Known)
    assert (found.value, found.source) == ("orders fail", Source.API)
    assert found.detail.endswith("display_title")


@pytest.mark.parametrize(
    "title",
    [
        "orders fail",
        "Deploy: orders fail",
        "emergency: orders fail again",
        "emergency: no orders fail",
        "emergency: emergency: orders fail",
        "Emergency: orders fail",
        "emergency:orders fail",
        "emergency orders fail",
        "not emergency: orders fail",
        "emergency: orders\u200b fail",
        "emergency: orders fa\u0456l",
    ],
)
def test_a_title_that_only_holds_the_input_or_looks_like_it_vouches_for_nothing(scene: Scene, title: str) -> None:
    dispatch(scene, title=title)
    assert sighted(scene, DISPATCH).asked == Known(value="orders fail", source=Source.EVENT, detail="event.inputs.why")


@pytest.mark.parametrize("why", ["fail", "orders", "e", "emergency"])
def test_a_part_of_what_was_really_written_is_the_jobs_own_word(scene: Scene, why: str) -> None:
    dispatch(scene, why=why, title="emergency: orders fail")
    assert sighted(scene, DISPATCH).asked == Known(value=why, source=Source.EVENT, detail="event.inputs.why")


@pytest.mark.parametrize("why", ["", " \n", ["a"]])
def test_an_empty_input_is_none(scene: Scene, why: Any) -> None:
    dispatch(scene, why=why)
    assert known(sighted(scene, DISPATCH).asked) is None


def test_a_reason_is_one_line_and_holds_no_secret(scene: Scene) -> None:
    run = dispatch(scene)
    run.approve("carol", "emergency", comment=f"::error::{github_token(3)}\x1b[2J\n" + "x " * 400)
    reason = only(sighted(scene, DISPATCH)).reason
    assert reason.startswith("::error::ghp_…[2J x x")
    assert len(reason) == 300


def test_a_rejection_is_told_and_what_still_waits_is_none(scene: Scene) -> None:
    run = dispatch(scene)
    run.approve("carol", "emergency", state="rejected", comment="no")
    run.approve("bob", "emergency", state="pending")
    assert not only(sighted(scene, DISPATCH)).approved


def test_what_nobody_dispatched_has_no_such_path(scene: Scene) -> None:
    found = sighted(pushed(scene), DISPATCH)
    assert (known(found.grants), known(found.asked)) == ((), None)


@pytest.mark.parametrize(
    ("path", "elsewhere"),
    [
        (".github/workflows/ci.yml", ""),
        (".github/workflows/ci.yml@refs/heads/main", ""),
        (".github/workflows/ci.yaml", ".github/workflows/ci.yaml"),
        (".github/workflows/ci.ymla@ci.yml", ".github/workflows/ci.ymla@ci.yml"),
        (".github/workflows/CI.yml", ".github/workflows/CI.yml"),
        ("dynamic/ci.yml", "dynamic/ci.yml"),
        ("", "no workflow"),
    ],
)
def test_a_run_of_another_workflow_than_the_declared_one_is_told(scene: Scene, path: str, elsewhere: str) -> None:
    dispatch(scene).path = path
    assert sighted(scene, replace(DISPATCH, workflow=".github/workflows/ci.yml")).elsewhere == elsewhere
    assert sighted(scene, DISPATCH).elsewhere == ""


def test_without_the_right_to_read_the_run_nobody_is_known(scene: Scene) -> None:
    dispatch(scene).approve("carol", "emergency", comment="down")
    scene.token(**{name: level for name, level in PERMISSIONS.items() if name != "actions"})
    doubt = unknown(sighted(scene, DISPATCH).grants)
    assert (doubt.cause, doubt.needs) == (Cause.INVISIBLE, "actions: read")


def test_answers_of_another_shape_are_no_proof(scene: Scene) -> None:
    dispatch(scene).approve("carol", "emergency", comment="down")
    scene.github.fault("GET */approvals", faults.replaced(state=7))
    assert unknown(sighted(scene, DISPATCH).grants).cause is Cause.UNAVAILABLE
