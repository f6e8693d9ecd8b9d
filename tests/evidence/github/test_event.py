"""Commit, branch and change of every event, who vouches for them, and what a rewritten event file can do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_guard.evidence.github import claims, event, people, provenance
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.job import pull_of_ref, queue_of_ref, read_job
from ci_guard.evidence.rest.transport import Transport
from ci_guard.model.fact import Cause, Known, Source, Unknown
from ci_guard.model.run import Event, Part, Platform, Run
from tests.drawing import examples
from tests.evidence.github.scene import Scene, known, no_checkout, present, unknown
from tests.evidence.github.starts import STARTS, change, deployment, push, rewrite
from tests.fakes import faults
from tests.fakes.hub.history import ZERO


@pytest.mark.parametrize("name", STARTS)
def test_every_event_becomes_a_word_with_its_branch_tag_and_change(scene: Scene, name: str) -> None:
    start, word, branch, tag_name, changes = STARTS[name]
    run = start(scene).run
    assert run.platform is Platform.GITHUB
    assert run.event == Known(value=word, source=Source.API, detail=run.event.detail)
    assert (known(run.branch), known(run.tag), known(run.change) is not None) == (branch, tag_name, changes)
    assert known(run.sha) == scene.environment["GITHUB_SHA"]
    assert known(run.ref) == scene.environment["GITHUB_REF"]
    assert known(run.default_branch) == "main"
    assert known(run.trusted) is True
    assert (run.repository, run.repository_id) == ("acme/shop", str(scene.repo.id))
    assert run.actor == scene.environment["GITHUB_ACTOR"]
    assert run.run_url == f"{scene.github.html_url}/acme/shop/actions/runs/{scene.environment['GITHUB_RUN_ID']}"
    assert scene.github.count() <= 3


@pytest.mark.parametrize("name", STARTS)
def test_without_a_token_nothing_is_asked_and_the_environment_speaks_for_itself(scene: Scene, name: str) -> None:
    start, word, *_ = STARTS[name]
    start(scene)
    run = offline(scene.environment)
    assert run.event == Known(value=word, source=Source.ENV, detail="GITHUB_EVENT_NAME")
    assert known(run.sha) == scene.environment["GITHUB_SHA"]
    assert isinstance(run.default_branch, Unknown)
    assert scene.github.count() == 0


def offline(environment: dict[str, str]) -> Run:
    return event.identify(tokenless(), read_job(environment))


def tokenless() -> Client:
    return Client(api_url="http://127.0.0.1:9", repository="acme/shop", tokens=(), transport=Transport())


@pytest.mark.parametrize(
    "name", ["watch", "fork", "delete", "check_suite", "workflow_call", "status", "dynamic", "PUSH", ""]
)
def test_an_event_outside_the_vocabulary_is_unknown(scene: Scene, name: str) -> None:
    push(scene)
    run = offline({**scene.environment, "GITHUB_EVENT_NAME": name})
    assert unknown(run.event).cause is Cause.UNAVAILABLE
    # Whoever depends on the event must find it unknown, not absent.
    assert isinstance(run.change, Unknown)
    assert isinstance(run.trusted, Unknown)
    assert isinstance(run.before, Unknown)


def test_the_servers_event_beats_the_environments(scene: Scene) -> None:
    """A job that calls itself a pull request's would not be judged as the push that it is."""
    push(scene)
    scene.environment["GITHUB_EVENT_NAME"] = "pull_request"
    assert scene.run.event == Known(value=Event.PUSH, source=Source.API, detail=scene.run.event.detail)
    assert scene.run.platform_event == "push"


def test_the_servers_commit_beats_the_environments_and_another_ref_is_unknown(scene: Scene) -> None:
    push(scene)
    sha = scene.environment["GITHUB_SHA"]
    scene.environment |= {"GITHUB_SHA": "a" * 40, "GITHUB_REF": "refs/heads/other"}
    assert scene.run.sha == Known(value=sha, source=Source.API, detail=scene.run.sha.detail)
    assert unknown(scene.run.ref).cause is Cause.UNAVAILABLE
    assert isinstance(scene.run.branch, Unknown)


@pytest.mark.parametrize(
    ("ref", "sha"), [("main", "main"), ("refs/heads/main", "abc"), ("HEAD", "A" * 40), ("refs", "0" * 39), ("x", "")]
)
def test_a_ref_or_commit_that_is_none_is_unknown(scene: Scene, ref: str, sha: str) -> None:
    deployment(scene)
    scene.environment |= {"GITHUB_REF": ref, "GITHUB_SHA": sha}
    assert isinstance(scene.run.sha, Unknown)
    assert isinstance(scene.run.ref, Unknown) is not ref.startswith("refs/")


def test_a_deployment_of_a_bare_commit_is_of_that_commit_and_of_no_ref(scene: Scene) -> None:
    """GitHub leaves the ref empty then. In any other event an empty one is a hole."""
    deployment(scene)
    scene.environment["GITHUB_REF"] = ""
    assert (known(scene.run.ref), known(scene.run.branch), known(scene.run.tag)) == ("", None, None)
    assert known(scene.run.sha) == scene.environment["GITHUB_SHA"]
    push(scene)
    scene.environment["GITHUB_REF"] = ""
    assert isinstance(scene.run.branch, Unknown)


# Pushes


def test_a_push_starts_where_the_activity_log_says(scene: Scene) -> None:
    before = scene.repo.branches["main"]
    push(scene)
    assert scene.run.before == Known(value=before, source=Source.API, detail=scene.run.before.detail)
    assert known(scene.run.default_head) is None
    assert scene.github.repeated() == {}


@pytest.mark.parametrize("where", ["end", "earlier", "created"])
def test_a_start_that_the_activity_log_contradicts_is_unknown(scene: Scene, where: str) -> None:
    """A step that rewrites `before` leaves commits out of the range that is scanned and traced."""
    earlier = scene.repo.branches["main"]
    scene.repo.commit("More", author="alice", on="main")
    push(scene)
    said = {"end": scene.repo.branches["main"], "earlier": earlier, "created": ZERO}[where]
    rewrite(scene, {"before": said})
    found = unknown(scene.run.before)
    assert found.cause is Cause.UNAVAILABLE
    assert said[:12] in found.reason
    assert "activity log" in found.reason


def test_a_created_branch_that_is_said_to_have_been_pushed_has_no_known_start(scene: Scene) -> None:
    sha = scene.repo.commit("Work", author="alice", on="main")
    scene.repo.branch("topic", by="alice")
    scene.push(sha, before=scene.repo.commits[sha].parents[0], actor="alice", branch="topic")
    assert isinstance(scene.run.before, Unknown)


def test_a_branch_that_was_moved_away_and_back_started_at_either_place(scene: Scene) -> None:
    first = scene.repo.branches["main"]
    second = scene.repo.commit("Work", author="alice", on="main")
    sha = scene.repo.commit("More", author="alice", on="main")
    scene.repo.push("main", first, by="alice", force=True)
    scene.repo.push("main", sha, by="alice")
    for start in (first, second):
        assert known(scene.push(sha, before=start, actor="alice").run.before) == start


def test_a_push_that_the_activity_log_does_not_show_has_the_event_files_word_and_says_so(scene: Scene) -> None:
    before = scene.repo.branches["main"]
    push(scene)
    scene.repo.activities.clear()
    assert scene.run.before == Known(value=before, source=Source.EVENT, detail="event.before")


def test_an_activity_log_that_cannot_be_read_leaves_the_start_unknown(scene: Scene) -> None:
    push(scene)
    scene.github.fault("GET /repos/*/activity", faults.server_error())
    assert unknown(scene.run.before).cause is Cause.UNAVAILABLE


def test_a_push_that_creates_the_branch_starts_nowhere_and_is_measured_by_the_default_branch(scene: Scene) -> None:
    sha = scene.repo.branch("topic", by="alice")
    head = scene.repo.commit("Later", author="alice", on="main")
    scene.push(sha, before=ZERO, actor="alice", branch="topic")
    assert known(scene.run.before) is None
    assert scene.run.default_head == Known(value=head, source=Source.API, detail=scene.run.default_head.detail)


def test_the_first_push_of_the_default_branch_is_measured_by_nothing(scene: Scene) -> None:
    scene.push(scene.repo.branches["main"], before=ZERO, actor="olivia")
    assert (known(scene.run.before), known(scene.run.default_head)) == (None, None)


def test_a_new_branch_is_measured_by_nothing_known_where_the_default_branch_is_not_told(scene: Scene) -> None:
    sha = scene.repo.branch("topic", by="alice")
    scene.push(sha, before=ZERO, actor="alice", branch="topic")
    scene.github.fault("GET /repos/*/branches/main", faults.server_error())
    assert unknown(scene.run.default_head).cause is Cause.UNAVAILABLE


@pytest.mark.parametrize(
    "changes",
    [{"after": ZERO}, {"after": "a" * 40}, {"before": "x"}, {"before": None}, {"before": 7}, {"after": ["b"]}],
)
def test_a_push_event_about_something_else_has_no_known_start(scene: Scene, changes: dict[str, Any]) -> None:
    """Among them a deleted branch: the run is then of the default branch, to which nothing was pushed."""
    push(scene)
    rewrite(scene, changes)
    assert isinstance(scene.run.before, Unknown)


def test_the_deletion_of_a_branch_says_so(scene: Scene) -> None:
    push(scene)
    rewrite(scene, {"after": ZERO})
    assert unknown(scene.run.before).reason == "the push deleted a branch"


# Changes


def test_a_change_builds_the_trial_merge_and_is_about_the_runs_head(scene: Scene) -> None:
    change(scene)
    pull = scene.repo.pulls["1"]
    reference = present(scene.run.change)
    assert (reference.number, reference.head, reference.target) == (1, pull.head_sha, "main")
    assert reference.target_commit == scene.repo.branches["main"]
    assert known(scene.run.sha) not in (pull.head_sha, scene.repo.branches["main"])


def test_a_head_that_moved_on_leaves_the_run_at_its_own(scene: Scene) -> None:
    """TOCTOU: the permission is checked for the event, then the attacker pushes; the run stays bound to its commit."""
    change(scene)
    head = scene.repo.pulls["1"].head_sha
    scene.repo.pulls["1"].push(author="mallory")
    assert present(scene.run.change).head == head


def test_a_rewritten_head_does_not_matter_where_the_server_says(scene: Scene) -> None:
    change(scene)
    rewrite(scene, {"pull_request/head/sha": "a" * 40, "number": 99, "pull_request/number": 99})
    reference = present(scene.run.change)
    assert (reference.number, reference.head) == (1, scene.repo.pulls["1"].head_sha)


def test_a_pull_request_aimed_elsewhere_since_has_no_known_target_commit(scene: Scene) -> None:
    change(scene)
    scene.repo.branch("other")
    scene.repo.pulls["1"].base_ref = "other"
    assert present(scene.run.change).target == "main"
    assert present(scene.run.change).target_commit is None


def test_a_head_branch_that_was_renamed_since_is_still_the_changes(scene: Scene) -> None:
    change(scene)
    scene.repo.pulls["1"].head_ref = "renamed"
    assert present(scene.run.change).number == 1


def test_a_merged_pull_request_builds_its_target_branch(scene: Scene) -> None:
    """`closed` after a merge: `GITHUB_REF` is the target branch, so only the event names the pull request."""
    change(scene)
    pull = scene.repo.pulls["1"]
    sha = scene.repo.merge(pull)
    scene.environment |= {"GITHUB_REF": "refs/heads/main", "GITHUB_SHA": sha}
    assert known(scene.run.branch) == "main"
    assert present(scene.run.change).number == 1


def test_another_pull_request_than_the_runners_is_not_taken_from_the_event_file(scene: Scene) -> None:
    """On `pull_request_target` only the event file has the number; the runner still names the head's branch."""
    scene.repo.pull(author="alice", head="approved")
    pull = scene.repo.pull(author="mallory", fork="mallory/shop", head="evil")
    run = scene.repo.run("pull_request_target", actor="mallory", pull=pull)
    scene.start(run, scene.events.pull_request(pull))
    rewrite(scene, {"number": 1, "pull_request/number": 1})
    assert unknown(scene.run.change).cause is Cause.UNAVAILABLE


def test_a_change_that_nobody_names_is_unknown(scene: Scene) -> None:
    change(scene)
    Path(scene.environment["GITHUB_EVENT_PATH"]).unlink()
    scene.environment["GITHUB_REF"] = "refs/heads/main"
    assert isinstance(scene.run.change, Unknown)


def target_change(scene: Scene, **changes: str) -> Scene:
    """Start a job that builds the target of a pull request from a fork, whose branch has a name that others use too."""
    pull = scene.repo.pull(author="mallory", fork="mallory/shop", head="patch-1")
    run = scene.repo.run("pull_request_target", actor="mallory", pull=pull)
    return scene.start(run, scene.events.pull_request(pull), **changes)


def test_where_the_target_is_built_the_server_says_the_head(scene: Scene) -> None:
    target_change(scene)
    reference = present(scene.run.change)
    assert (reference.number, reference.head) == (1, scene.repo.pulls["1"].head_sha)
    assert known(scene.run.change) is not None
    assert isinstance(scene.run.change, Known)
    assert scene.run.change.source is Source.API


FORGED: list[dict[str, Any]] = [
    {"pull_request/head/sha": "a" * 40},
    {"pull_request/head/repo/id": 666},
    {"pull_request/user/id": 666},
]


@pytest.mark.parametrize("changes", FORGED)
def test_where_the_target_is_built_an_event_that_differs_from_the_server_names_no_change(
    scene: Scene, changes: dict[str, Any]
) -> None:
    target_change(scene)
    rewrite(scene, changes)
    assert unknown(scene.run.change).cause is Cause.UNAVAILABLE


def test_where_the_target_is_built_the_base_is_no_head(scene: Scene) -> None:
    """Nothing of the change would be scanned."""
    target_change(scene)
    rewrite(scene, {"pull_request/head/sha": scene.repo.branches["main"]})
    assert isinstance(scene.run.change, Unknown)


def test_another_forks_pull_request_of_the_same_branch_name_is_not_taken(scene: Scene) -> None:
    """The whole event file is rewritten into an honest one of another pull request."""
    target_change(scene)
    other = scene.repo.pull(author="alice", fork="alice/shop", head="patch-1")
    path = Path(scene.environment["GITHUB_EVENT_PATH"])
    path.write_text(json.dumps(scene.events.pull_request(other)), encoding="utf-8")
    assert scene.environment["GITHUB_HEAD_REF"] == other.head_ref
    assert unknown(scene.run.change).cause is Cause.UNAVAILABLE


def test_where_the_target_is_built_a_pull_request_that_cannot_be_read_is_unknown(scene: Scene) -> None:
    target_change(scene)
    scene.github.fault("GET /repos/*/pulls/*", faults.server_error())
    assert isinstance(scene.run.change, Unknown)


def comment(scene: Scene) -> Scene:
    pull = scene.repo.pull(author="mallory", fork="mallory/shop")
    return scene.start(
        scene.repo.run("issue_comment", actor="carol"), scene.events.issue_comment(pull, "/deploy", sender="carol")
    )


def test_a_comment_without_the_sign_of_a_pull_request_is_still_about_one(scene: Scene) -> None:
    comment(scene)
    rewrite(scene, {"issue/pull_request": None})
    assert present(scene.run.change).number == 1


def test_a_comment_is_about_its_issue_and_not_what_a_step_put_beside_it(scene: Scene) -> None:
    comment(scene)
    other = scene.repo.pull(author="alice")
    rewrite(scene, {"pull_request": {"number": other.number}})
    assert present(scene.run.change).number == 1


def test_a_comment_in_a_repository_that_cannot_be_seen_is_unknown(scene: Scene) -> None:
    comment(scene)
    rewrite(scene, {"issue/pull_request": None, "issue/number": 99})
    scene.github.fault("GET /repos/acme/shop", faults.not_found())
    assert isinstance(scene.run.change, Unknown)


def test_a_comment_on_an_issue_is_about_no_change(scene: Scene) -> None:
    comment(scene)
    rewrite(scene, {"issue/pull_request": None, "issue/number": 99})
    assert known(scene.run.change) is None


@pytest.mark.parametrize("changes", [{"issue/number": 99}, {"issue/number": None}, {"issue": {}}])
def test_a_comment_on_something_that_server_or_event_do_not_show_is_unknown(
    scene: Scene, changes: dict[str, Any]
) -> None:
    comment(scene)
    rewrite(scene, changes)
    assert unknown(scene.run.change).cause is Cause.UNAVAILABLE


def test_a_comment_whose_pull_request_may_not_be_read_is_unknown(scene: Scene) -> None:
    comment(scene).token(contents="read", actions="read")
    rewrite(scene, {"issue/pull_request": None})
    assert unknown(scene.run.change).cause is Cause.INVISIBLE


# Refs and strange event files


@pytest.mark.parametrize(
    ("ref", "number", "in_queue"),
    [
        ("refs/pull/7/merge", 7, None),
        ("refs/pull/7/head", 7, None),
        ("refs/pull/07/merge", None, None),
        ("refs/pull/0/merge", None, None),
        ("refs/pull/7/merge/x", None, None),
        ("refs/heads/refs/pull/7/merge", None, None),
        (f"refs/heads/gh-readonly-queue/main/pr-7-{'a' * 40}", None, ("main", 7)),
        (f"refs/heads/gh-readonly-queue/release/v1/pr-7-{'a' * 40}", None, ("release/v1", 7)),
        (f"refs/heads/gh-readonly-queue/main/pr-1-{'b' * 40}/pr-7-{'a' * 40}", None, (f"main/pr-1-{'b' * 40}", 7)),
        ("refs/heads/gh-readonly-queue/main/pr-7", None, None),
        ("refs/heads/main", None, None),
    ],
)
def test_reads_what_a_ref_says(ref: str, number: int | None, in_queue: tuple[str, int] | None) -> None:
    found = queue_of_ref(ref)
    assert pull_of_ref(ref) == number
    assert ((found.target, found.number) if found else None) == in_queue


# fmt: off
KEYS = [
    "pull_request", "number", "head", "base", "sha", "ref", "repo", "id", "sender", "login", "type", "before", "after",
    "issue", "workflow_run", "actor", "merge_group", "head_sha", "head_ref", "repository", "user",
]
# fmt: on

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just("a" * 40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=20,
)


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=st.sampled_from([*sorted(event.EVENTS), "push", "create", "x"]), content=JSON, ref=st.text(max_size=12))
def test_no_event_file_and_no_variable_raises(tmp_path: Path, name: str, content: object, ref: str) -> None:
    file = tmp_path / "event.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    environment = {
        "GITHUB_EVENT_NAME": name,
        "GITHUB_EVENT_PATH": str(file),
        "GITHUB_REF": ref,
        "GITHUB_SHA": "b" * 40,
        "GITHUB_ACTOR_ID": ref,
        "GITHUB_RUN_ID": "1",
    }
    client, job = tokenless(), read_job(environment)
    run = event.identify(client, job)
    people.get_seats(client, job, run, set(Part))
    claims.get_claims(client, job, run)
    provenance.get_provenance(client, job, run, history=True, reviews=True, owners=True, first_parents=no_checkout)
