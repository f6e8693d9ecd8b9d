"""What the job was told agrees with the server in every honest run, and every forged word is found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ci_guard.model.fact import Cause, Unknown
from tests.evidence.github.scene import Scene, known, unknown
from tests.evidence.github.starts import STARTS, Start, api, change, push, queue, rewrite, tag, upstream
from tests.fakes import faults
from tests.fakes.hub.history import ZERO


@pytest.mark.parametrize("name", STARTS)
def test_an_honest_run_tells_no_lies(scene: Scene, name: str) -> None:
    STARTS[name][0](scene)
    assert scene.lies() == {}
    assert {"GITHUB_REPOSITORY_ID", "GITHUB_RUN_ID", "GITHUB_EVENT_NAME", "GITHUB_ACTOR", "event.repository.id"} <= set(
        scene.claims()
    )
    assert scene.github.repeated() == {}


def test_an_honest_rerun_by_somebody_else_tells_no_lies(scene: Scene) -> None:
    run = scene.repo.run("push", actor="alice")
    run.rerun(by="mallory")
    assert scene.start(run, scene.events.push("main", sender="alice")).lies() == {}
    assert known(scene.claims()["GITHUB_TRIGGERING_ACTOR"].truth) == "mallory"


def test_an_honest_change_from_a_fork_tells_no_lies(scene: Scene) -> None:
    pull = scene.repo.pull(author="mallory", fork="mallory/shop")
    run = scene.repo.run("pull_request", actor="mallory", pull=pull)
    assert scene.start(run, scene.events.pull_request(pull)).lies() == {}


def test_a_pull_request_that_moved_on_was_retargeted_and_lost_its_fork_is_no_lie(scene: Scene) -> None:
    pull = scene.repo.pull(author="mallory", fork="mallory/shop")
    scene.start(scene.repo.run("pull_request", actor="mallory", pull=pull), scene.events.pull_request(pull))
    pull.push(author="mallory")
    scene.repo.branch("other")
    pull.base_ref = "other"
    scene.github.fault("GET /repos/*/actions/runs/*", faults.nulls("head_repository"))
    assert scene.lies() == {}


def test_the_deletion_of_another_branch_is_no_lie(scene: Scene) -> None:
    """The run is then of the default branch, while the event is about the deleted one."""
    before = scene.repo.branch("topic")
    scene.repo.delete_branch("topic", by="alice")
    payload = scene.events.push("topic", before=before, after=ZERO, sender="alice")
    run = scene.repo.run("push", actor="alice")
    scene.start(run, payload, GITHUB_REF="refs/heads/main", GITHUB_SHA=scene.repo.branches["main"])
    assert scene.lies() == {}


def test_an_account_that_was_renamed_since_is_no_lie(scene: Scene) -> None:
    push(scene)
    user = scene.repo.world.users.pop("alice")
    user.login = "alice-of-acme"
    scene.repo.world.users["alice-of-acme"] = user
    for run in scene.repo.runs.values():
        run.actor = run.attempts[0].triggering_actor = "alice-of-acme"
    for activity in scene.repo.activities:
        activity.actor = activity.actor and activity.actor.replace("alice", "alice-of-acme")
    assert scene.lies() == {}
    assert "GITHUB_ACTOR" not in scene.claims()


def test_a_login_in_another_case_is_no_lie(scene: Scene) -> None:
    push(scene)
    scene.environment |= {"GITHUB_ACTOR": "Alice", "GITHUB_TRIGGERING_ACTOR": "ALICE"}
    assert scene.lies() == {}


def test_an_author_whose_account_was_deleted_since_is_no_lie(scene: Scene) -> None:
    change(scene)
    scene.github.fault("GET /repos/*/pulls/1", faults.nulls("user"))
    assert scene.lies() == {}


def test_variables_that_are_not_set_claim_nothing(scene: Scene) -> None:
    push(scene)
    for name in ("GITHUB_ACTOR_ID", "GITHUB_REPOSITORY_ID", "GITHUB_TRIGGERING_ACTOR", "GITHUB_RUN_ATTEMPT"):
        scene.environment[name] = ""
    assert scene.lies() == {}
    assert "GITHUB_ACTOR_ID" not in scene.claims()


def target_change(scene: Scene) -> Scene:
    return change(scene, "pull_request_target")


FORGED_VARIABLES = [
    ("GITHUB_REPOSITORY_ID", "1", push),
    ("GITHUB_RUN_ATTEMPT", "2", push),
    ("GITHUB_EVENT_NAME", "pull_request", push),
    ("GITHUB_EVENT_NAME", "push", change),
    ("GITHUB_ACTOR_ID", "1", push),
    ("GITHUB_ACTOR", "olivia", push),
    ("GITHUB_TRIGGERING_ACTOR", "olivia", push),
    ("GITHUB_SHA", "a" * 40, push),
    ("GITHUB_REF", "refs/heads/other", push),
    ("GITHUB_REF", "refs/tags/v2", tag),
    ("GITHUB_REF", f"refs/heads/gh-readonly-queue/main/pr-9-{'a' * 40}", queue),
    ("GITHUB_HEAD_REF", "other", change),
]


@pytest.mark.parametrize(("name", "value", "start"), FORGED_VARIABLES)
def test_a_forged_variable_is_found(scene: Scene, name: str, value: str, start: Start) -> None:
    start(scene)
    true = scene.environment[name]
    scene.environment[name] = value
    assert scene.lies()[name] == (value, true)


FORGED_FIELDS = [
    ("repository/id", 1, push),
    ("sender/id", 1, push),
    ("sender/id", 1, change),
    ("sender/id", 1, api),
    ("sender/id", 1, target_change),
    ("before", "a" * 40, push),
    ("before", ZERO, push),
    ("after", "a" * 40, push),
    ("ref", "refs/heads/other", push),
    ("pull_request/head/sha", "a" * 40, change),
    ("pull_request/head/repo/id", 1, change),
    ("pull_request/number", 99, change),
    ("pull_request/user/id", 1, change),
    ("pull_request/head/repo/id", 1, target_change),
    ("pull_request/user/id", 1, target_change),
    ("merge_group/head_sha", "a" * 40, queue),
    ("merge_group/head_ref", "refs/heads/other", queue),
    ("workflow_run/head_sha", "a" * 40, upstream),
    ("workflow_run/event", "schedule", upstream),
    ("workflow_run/actor/id", 1, upstream),
]


@pytest.mark.parametrize(("path", "value", "start"), FORGED_FIELDS)
def test_a_forged_event_field_is_found(scene: Scene, path: str, value: Any, start: Start) -> None:
    """`pull_request.head.repo.id` and the like: an earlier step can rewrite the event file."""
    start(scene)
    rewrite(scene, {path: value})
    assert list(scene.lies()) == ["event." + path.replace("/", ".")]
    assert scene.lies()["event." + path.replace("/", ".")][0] == str(value)


def test_another_head_where_the_target_is_built_is_an_open_question(scene: Scene) -> None:
    """A forged one, or an honest one that has moved on since."""
    target_change(scene)
    scene.repo.pulls["1"].push(author="mallory")
    assert unknown(scene.claims()["event.pull_request.head.sha"].truth).cause is Cause.UNAVAILABLE


def test_a_target_change_that_is_not_named_is_an_open_question(scene: Scene) -> None:
    target_change(scene)
    rewrite(scene, {"pull_request": {}, "number": 1})
    assert isinstance(scene.claims()["event.pull_request"].truth, Unknown)


def test_the_start_of_a_push_that_the_log_does_not_show_is_no_claim(scene: Scene) -> None:
    push(scene)
    scene.repo.activities.clear()
    assert "event.before" not in scene.claims()


def test_the_start_of_a_push_is_an_open_question_where_the_log_cannot_be_read(scene: Scene) -> None:
    push(scene)
    scene.github.fault("GET /repos/*/activity", faults.server_error())
    assert isinstance(scene.claims()["event.before"].truth, Unknown)


def test_an_older_attempt_is_a_lie(scene: Scene) -> None:
    run = scene.repo.run("push", actor="alice")
    run.rerun(by="mallory")
    scene.start(run, scene.events.push("main", sender="alice"), GITHUB_RUN_ATTEMPT="1", GITHUB_TRIGGERING_ACTOR="alice")
    assert scene.lies() == {"GITHUB_RUN_ATTEMPT": ("1", "2"), "GITHUB_TRIGGERING_ACTOR": ("alice", "mallory")}


def test_a_run_of_another_repository_proves_nothing(scene: Scene) -> None:
    push(scene)
    scene.environment["GITHUB_RUN_ID"] = "1"
    assert isinstance(scene.claims()["GITHUB_RUN_ID"].truth, Unknown)
    assert isinstance(scene.claims()["GITHUB_ACTOR_ID"].truth, Unknown)


def test_without_the_right_to_read_the_run_its_claims_are_unknown(scene: Scene) -> None:
    push(scene).token(contents="read")
    found = scene.claims()
    assert unknown(found["GITHUB_ACTOR"].truth).needs == "actions: read"
    assert unknown(found["GITHUB_SHA"].truth).cause is Cause.INVISIBLE
    assert known(found["GITHUB_REPOSITORY_ID"].truth) == str(scene.repo.id)


def test_a_missing_event_file_is_an_open_question(scene: Scene) -> None:
    push(scene)
    Path(scene.environment["GITHUB_EVENT_PATH"]).unlink()
    assert unknown(scene.claims()["GITHUB_EVENT_PATH"].truth).cause is Cause.UNAVAILABLE


def test_an_upstream_run_that_is_not_named_is_an_open_question(scene: Scene) -> None:
    upstream(scene)
    rewrite(scene, {"workflow_run": {}})
    assert isinstance(scene.claims()["event.workflow_run"].truth, Unknown)


def test_what_the_server_leaves_out_is_an_open_question(scene: Scene) -> None:
    push(scene)
    scene.github.fault("GET /repos/*/actions/runs/*", faults.nulls("actor", "triggering_actor", "head_branch"))
    found = scene.claims()
    for name in ("GITHUB_ACTOR", "GITHUB_ACTOR_ID", "GITHUB_TRIGGERING_ACTOR", "GITHUB_REF", "event.sender.id"):
        assert isinstance(found[name].truth, Unknown), name


def test_trouble_with_a_login_is_an_open_question(scene: Scene) -> None:
    push(
        scene,
    )
    scene.environment["GITHUB_ACTOR"] = "olivia"
    scene.github.fault("GET /users/*", faults.primary_limit())
    assert isinstance(scene.claims()["GITHUB_ACTOR"].truth, Unknown)


def test_claims_are_texts_that_can_be_told(scene: Scene) -> None:
    push(scene)
    path = Path(scene.environment["GITHUB_EVENT_PATH"])
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, "after": "\ud800", "ref": {"a": 1}, "sender": []}), encoding="utf-8")
    for claim in scene.claims().values():
        claim.claimed.encode("utf-8")
    assert "event.ref" not in scene.claims()
