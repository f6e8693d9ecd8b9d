"""Every source of a pipeline gives the right commit, branch, change and people, or a named unknown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ci_guard.model.fact import Cause, Source
from ci_guard.model.run import Event
from tests.evidence.gitlab.scene import Scene, known, present, source_of, unknown
from tests.fakes import faults
from tests.fakes.lab.state import DEVELOPER, OWNER, Job

Start = Callable[[Scene], Job]

STARTS: dict[str, tuple[Start, Event, str, str | None, str | None]] = {
    "push": (lambda s: s.shop.run("push"), Event.PUSH, "refs/heads/main", "main", None),
    "tag": (lambda s: (s.shop.tag("v1"), s.shop.run("push", tag="v1"))[1], Event.TAG, "refs/tags/v1", None, "v1"),
    "schedule": (lambda s: s.shop.run("schedule"), Event.SCHEDULE, "refs/heads/main", "main", None),
    "web": (lambda s: s.shop.run("web", user="alice"), Event.MANUAL, "refs/heads/main", "main", None),
    "api": (lambda s: s.shop.run("api"), Event.API, "refs/heads/main", "main", None),
    "trigger": (lambda s: s.shop.run("trigger"), Event.API, "refs/heads/main", "main", None),
    "parent-child": (lambda s: s.shop.run("parent_pipeline"), Event.UPSTREAM, "refs/heads/main", "main", None),
    "multi-project": (lambda s: s.shop.run("pipeline"), Event.UPSTREAM, "refs/heads/main", "main", None),
    "merge request": (lambda s: s.shop.run(mr=s.open()), Event.CHANGE, "refs/merge-requests/1/head", None, None),
    "merged results": (
        lambda s: s.shop.run(mr=s.open(), kind="merge"),
        Event.CHANGE,
        "refs/merge-requests/1/merge",
        None,
        None,
    ),
    "merge train": (
        lambda s: s.shop.run(mr=s.open(), kind="train"),
        Event.QUEUE,
        "refs/merge-requests/1/train",
        "main",
        None,
    ),
    "child of a merge request's": (
        lambda s: s.shop.run("parent_pipeline", mr=s.open()),
        Event.CHANGE,
        "refs/merge-requests/1/head",
        None,
        None,
    ),
}
"""By name: how it starts, and the event, ref, branch and tag."""


@pytest.mark.parametrize("name", STARTS)
def test_each_source_gives_event_commit_branch_and_people_by_the_servers_word(scene: Scene, name: str) -> None:
    start, event, ref, branch, tag = STARTS[name]
    job = start(scene)
    run = scene.start(job).run
    assert (known(run.event), known(run.ref), known(run.branch), known(run.tag)) == (event, ref, branch, tag)
    assert known(run.sha) == job.pipeline.sha
    assert {source_of(run.event), source_of(run.ref), source_of(run.sha)} == {Source.API}
    assert known(run.default_branch) == "main"
    assert known(run.trusted) is True
    assert (run.actor, run.triggering_actor) == (job.user, job.user)
    assert run.repository == "acme/shop"
    assert run.run_url == f"{scene.gitlab.url}/acme/shop/-/pipelines/{job.pipeline.id}"
    assert (known(run.change) is not None) == (event in (Event.CHANGE, Event.QUEUE))


@pytest.mark.parametrize("kind", ["head", "merge"])
def test_a_change_is_known_by_the_head_that_the_pipeline_is_of(scene: Scene, kind: str) -> None:
    mr = scene.open()
    head, tip = mr.sha, scene.shop.branches["main"]
    scene.start(scene.shop.run(mr=mr, kind=kind))
    scene.shop.add_commit(mr, "alice")
    change = present(scene.run.change)
    assert (change.number, change.head, change.target) == (1, head, "main")
    assert change.target_commit == (tip if kind == "merge" else None)


def test_a_link_of_a_train_is_of_its_present_head_and_of_no_other(scene: Scene) -> None:
    mr = scene.open()
    job = scene.shop.run(mr=mr, kind="train")
    change = present(scene.start(job).run.change)
    assert (change.number, change.head, change.target, change.target_commit) == (1, mr.sha, "main", mr.start_sha)
    scene.shop.add_commit(mr, "alice")
    assert "has moved on" in unknown(scene.start(job).run.change).reason


def test_a_head_that_has_not_moved_is_measured_against_where_the_target_was(scene: Scene) -> None:
    mr = scene.open()
    assert present(scene.start(scene.shop.run(mr=mr)).run.change).target_commit == mr.start_sha


def test_a_source_without_a_place_in_the_vocabulary_is_unknown_by_its_name(scene: Scene) -> None:
    run = scene.start(scene.shop.run("webide")).run
    assert "webide" in unknown(run.event).reason
    assert run.platform_event == "webide"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CI_COMMIT_SHA", "f" * 40),
        ("CI_COMMIT_BRANCH", "other"),
        ("CI_COMMIT_TAG", "v9"),
        ("CI_PIPELINE_SOURCE", "schedule"),
        ("CI_MERGE_REQUEST_REF_PATH", "refs/merge-requests/1/head"),
        ("CI_DEFAULT_BRANCH", "other"),
        ("GITLAB_USER_LOGIN", "mallory"),
    ],
)
def test_no_variable_changes_what_the_run_is(scene: Scene, variable: str, value: str) -> None:
    scene.shop.branches["other"] = scene.shop.branches["main"]
    job = scene.shop.run("push")
    honest = scene.start(job).run
    forged = scene.start(job, **{variable: value}).run
    assert forged == honest


def test_a_project_that_is_not_the_jobs_is_not_judged(scene: Scene) -> None:
    """A job's token may read other projects, of which one may be well protected."""
    other = scene.gitlab.project("acme/fortress", visibility="public", default_branch="trunk")
    scene.start(scene.shop.run("push"), CI_PROJECT_ID=str(other.id))
    run = scene.run
    assert (run.repository_id, known(run.default_branch)) == (str(scene.shop.id), "main")


def test_a_renamed_group_is_told_and_changes_nothing(scene: Scene) -> None:
    job = scene.shop.run("push")
    scene.start(job)
    scene.shop.path = "newco/shop"
    run = scene.run
    assert run.repository == "newco/shop"
    assert run.notes == ("The project is newco/shop by the server's word; a variable still calls it acme/shop.",)
    assert known(run.sha) == job.pipeline.sha


def test_where_a_push_started_is_a_variables_word_until_a_stronger_token_confirms_it(scene: Scene) -> None:
    before = scene.shop.branches["main"]
    after = scene.shop.commit(on="main")
    job = scene.shop.run("push", sha=after, before=before)
    weak = scene.start(job).run.before
    assert (known(weak), source_of(weak)) == (before, Source.ENV)
    strong = scene.start(job, CI_GUARD_TOKEN=scene.reader, CI_COMMIT_BEFORE_SHA="0" * 40).run.before
    assert (known(strong), source_of(strong)) == (before, Source.API)


def test_a_new_branch_is_measured_against_the_default_one(scene: Scene) -> None:
    scene.shop.branches["topic"] = scene.shop.branches["main"]
    sha = scene.shop.commit(author="alice", on="topic")
    run = scene.start(scene.shop.run("push", user="alice", ref="topic", sha=sha)).run
    assert known(run.before) is None
    assert known(run.default_head) == scene.shop.branches["main"]


def test_a_change_from_a_fork_that_runs_here_has_no_trust(scene: Scene) -> None:
    fork = scene.gitlab.project("mallory/shop", fork_of=scene.shop)
    mr = scene.shop.merge_request(author="mallory", fork=fork)
    run = scene.start(scene.shop.run(mr=mr, user="carol")).run
    assert known(run.event) is Event.CHANGE
    assert known(run.trusted) is False


def test_a_change_that_runs_in_its_fork_has_the_forks_trust_and_an_unknown_change(scene: Scene) -> None:
    fork = scene.gitlab.project("mallory/shop", fork_of=scene.shop)
    fork.user("mallory", OWNER)
    mr = scene.shop.merge_request(author="mallory", fork=fork)
    run = scene.start(fork.run(mr=mr, user="mallory")).run
    assert (known(run.event), known(run.trusted), known(run.branch)) == (Event.CHANGE, True, None)
    assert "fork" in unknown(run.change).reason


def test_only_the_server_may_say_that_a_change_has_no_trust(scene: Scene) -> None:
    """On an older server the merge request is hidden, and a variable could open the gate by naming a fork."""
    scene.gitlab.world.version = (17, 11)
    job = scene.shop.run(mr=scene.open())
    assert known(scene.start(job).run.trusted) is True
    fact = unknown(scene.start(job, CI_MERGE_REQUEST_SOURCE_PROJECT_ID="99").run.trusted)
    assert fact.cause is Cause.INVISIBLE
    assert "18.3" in (fact.needs or "")


@pytest.mark.parametrize("strong", [False, True], ids=["job token", "read_api"])
def test_without_the_servers_word_no_project_is_asked_about(scene: Scene, strong: bool) -> None:
    """A variable could name a project that is well protected, and another break the job's token."""
    fortress = scene.gitlab.project("acme/fortress", visibility="public")
    changes = {"CI_GUARD_TOKEN": scene.reader} if strong else {}
    scene.start(scene.shop.run("push"), CI_JOB_TOKEN="broken", CI_PROJECT_ID=str(fortress.id), **changes)
    fact = unknown(scene.run.default_branch)
    assert (fact.cause, "401 Unauthorized" in fact.reason) == (Cause.UNAVAILABLE, True)


def test_a_server_that_does_not_name_the_jobs_project_leaves_it_unknown(scene: Scene) -> None:
    scene.start(scene.shop.run("push"))
    scene.gitlab.fault("GET /job", faults.without("project_id"))
    assert unknown(scene.run.default_branch).reason == "the project of the job is not known: the server leaves it out"


def test_an_older_server_still_says_which_job_this_is(scene: Scene) -> None:
    scene.gitlab.world.version = (16, 0)
    job = scene.shop.run("push")
    run = scene.start(job).run
    assert (known(run.event), known(run.sha), known(run.branch)) == (Event.PUSH, job.pipeline.sha, "main")
    assert unknown(run.default_branch).cause is Cause.INVISIBLE


def test_a_branch_that_is_called_like_the_ref_of_a_merge_request_is_a_branch(scene: Scene) -> None:
    """Whoever pushes it must not be taken for a change that others made, from a fork at that."""
    fork = scene.gitlab.project("mallory/shop", fork_of=scene.shop)
    scene.shop.merge_request(author="mallory", fork=fork)
    name = "refs/merge-requests/1/head"
    scene.shop.branches[name] = scene.shop.branches["main"]
    run = scene.start(scene.shop.run("push", ref=name, user="alice")).run
    assert (known(run.event), known(run.branch), known(run.trusted)) == (Event.PUSH, name, True)
    assert scene.lies() == {}


def test_an_empty_repository_has_no_default_branch(scene: Scene) -> None:
    scene.start(scene.shop.run("push"))
    scene.shop.branches.clear()
    assert unknown(scene.run.default_branch).reason == "the repository has no branch yet"


def test_without_a_token_the_variables_are_claims_and_nothing_is_tolerable(scene: Scene) -> None:
    job = scene.shop.run("push")
    run = scene.start(job, CI_JOB_TOKEN="").run
    assert (known(run.sha), source_of(run.sha)) == (job.pipeline.sha, Source.ENV)
    missing = unknown(run.default_branch)
    assert (missing.cause, missing.reason) == (Cause.UNAVAILABLE, "no token was given")
    assert scene.gitlab.count() == 0


def test_a_dead_job_token_is_a_fault_and_no_excuse(scene: Scene) -> None:
    scene.start(scene.shop.run("push"))
    scene.gitlab.world.tokens["job"].active = False
    assert unknown(scene.run.default_branch).cause is Cause.UNAVAILABLE


@pytest.mark.parametrize("key", ["pipeline", "commit", "id", "tag", "web_url", "ref"])
def test_an_answer_without_a_key_makes_the_job_unknown_rather_than_empty(scene: Scene, key: str) -> None:
    scene.start(scene.shop.run("push"), CI_COMMIT_SHA="")
    scene.gitlab.fault("GET /job", faults.without(key))
    fact = unknown(scene.run.sha)
    assert fact.cause is Cause.UNAVAILABLE
    assert "wrongly shaped" in fact.reason


def test_a_server_that_leaves_out_the_parents_is_asked_for_the_commit(scene: Scene) -> None:
    mr = scene.open()
    scene.start(scene.shop.run(mr=mr, kind="merge"))
    scene.gitlab.fault("GET /job", faults.without("parent_ids"))
    assert present(scene.run.change).head == mr.sha


def test_a_run_costs_three_requests_in_one_round(scene: Scene) -> None:
    scene.start(scene.shop.run(mr=scene.open()))
    known(scene.run.event)
    assert scene.gitlab.count() == 3
    assert scene.shop.level_of("alice") == DEVELOPER
