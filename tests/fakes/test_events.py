"""Event payloads have the keys that GitHub's have, and agree with the API's answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes.client import get
from tests.fakes.github import FakeGitHub
from tests.fakes.hub.events import Events
from tests.fakes.hub.pulls import Pull
from tests.fakes.hub.repository import Repository

CONTEXT = {"repository", "organization", "sender"}


@pytest.fixture
def repo(github: FakeGitHub) -> Repository:
    """Return a repository with a pull request and a tag."""
    repo = github.repository()
    repo.pull(author="alice")
    repo.tag("v1")
    return repo


@pytest.fixture
def pull(repo: Repository) -> Pull:
    """Return its pull request."""
    return repo.pulls["1"]


@pytest.fixture
def events(github: FakeGitHub, repo: Repository) -> Events:
    """Return the builder."""
    return github.events(repo)


def test_a_push_tells_what_moved_and_whether_by_force(events: Events, repo: Repository) -> None:
    before = repo.branches["main"]
    sha = repo.commit("Work", author="alice", on="main")
    body = events.push(before=before, sender="alice")
    assert body.keys() - CONTEXT == {
        *("ref", "before", "after", "pusher", "created", "deleted", "forced", "base_ref", "compare", "commits"),
        "head_commit",
    }
    assert (body["ref"], body["before"], body["after"]) == ("refs/heads/main", before, sha)
    assert ([c["id"] for c in body["commits"]], body["head_commit"]["id"], body["forced"]) == ([sha], sha, False)
    repo.push("main", before, by="bob", force=True)
    assert events.push(before=sha, sender="bob")["forced"] is True
    created = events.push("refs/tags/v1", sender="alice")
    assert (created["created"], created["after"], created["commits"]) == (True, repo.tags["v1"].target, [])


def test_a_pull_request_event_holds_what_the_api_answers(
    github: FakeGitHub, events: Events, repo: Repository, pull: Pull
) -> None:
    body = events.pull_request(pull)
    assert body.keys() == CONTEXT | {"action", "number", "pull_request"}
    assert body["pull_request"] == get(github, "/repos/acme/shop/pulls/1", github.token()).json()
    pull.push(author="alice")
    moved = events.pull_request(pull, "synchronize")
    assert moved["after"] == pull.head_sha
    assert moved["before"] == repo.commits[pull.head_sha].parents[0]


def test_a_merge_group_event_names_no_pull_request(events: Events, repo: Repository, pull: Pull) -> None:
    group = repo.enqueue(pull)
    body = events.merge_group(group)
    assert body.keys() == CONTEXT | {"action", "merge_group"}
    assert body["merge_group"].keys() == {"head_sha", "head_ref", "base_sha", "base_ref", "head_commit"}
    assert body["merge_group"]["base_ref"] == "refs/heads/main"
    assert body["sender"]["type"] == "Bot"


def test_the_other_events_have_their_own_keys(events: Events, repo: Repository, pull: Pull) -> None:
    sha = repo.branches["main"]
    bodies = {
        "workflow_dispatch": (events.workflow_dispatch(sender="alice"), {"inputs", "ref", "workflow"}),
        "repository_dispatch": (events.repository_dispatch(sender="alice"), {"action", "branch", "client_payload"}),
        "workflow_run": (events.workflow_run(repo.run()), {"action", "workflow_run", "workflow"}),
        "release": (events.release("v1", sender="alice"), {"action", "release"}),
        "deployment": (events.deployment(sha, sender="alice"), {"action", "deployment", "workflow", "workflow_run"}),
        "deployment_status": (
            events.deployment_status(sha, sender="alice"),
            {"action", "deployment", "workflow", "workflow_run", "deployment_status", "check_run"},
        ),
        "issue_comment": (events.issue_comment(pull, "/deploy", sender="eve"), {"action", "issue", "comment"}),
        "pull_request_review": (
            events.pull_request_review(pull, pull.review("bob")),
            {"action", "review", "pull_request"},
        ),
        "create": (
            events.create("v1", sender="alice"),
            {"ref", "ref_type", "full_ref", "master_branch", "description", "pusher_type"},
        ),
    }
    for name, (body, keys) in bodies.items():
        assert body.keys() == keys | CONTEXT, name
        assert json.loads(json.dumps(body)) == body, name
    assert events.schedule().keys() == {"schedule", "workflow", "repository", "organization"}


@pytest.mark.parametrize(
    ("event", "ref", "head_ref"),
    [
        ("push", "refs/heads/main", ""),
        ("pull_request", "refs/pull/1/merge", "change-1"),
        ("pull_request_target", "refs/heads/main", "change-1"),
        ("schedule", "refs/heads/main", ""),
        ("release", "refs/tags/v1", ""),
    ],
)
def test_a_jobs_variables_follow_from_the_event(
    github: FakeGitHub, pull: Pull, tmp_path: Path, *, event: str, ref: str, head_ref: str
) -> None:
    repo, events = pull.repo, github.events(pull.repo)
    payloads = {
        "push": events.push(sender="alice"),
        "pull_request": events.pull_request(pull),
        "pull_request_target": events.pull_request(pull),
        "schedule": events.schedule(),
        "release": events.release("v1", sender="alice"),
    }
    run = repo.run(event, actor="alice", pull=pull if event.startswith("pull") else None)
    run.rerun(by="bob")
    variables = github.job_environment(repo, run, payloads[event], tmp_path / "job", GITHUB_JOB="deploy")
    assert (variables["GITHUB_REF"], variables["GITHUB_HEAD_REF"]) == (ref, head_ref)
    assert ref.endswith("/" + variables["GITHUB_REF_NAME"])
    assert variables["GITHUB_REF_TYPE"] == ("tag" if event == "release" else "branch")
    assert variables["GITHUB_SHA"] == (pull.merge_commit_sha if event == "pull_request" else repo.branches["main"])
    assert (variables["GITHUB_ACTOR"], variables["GITHUB_TRIGGERING_ACTOR"]) == ("alice", "bob")
    assert (variables["GITHUB_RUN_ATTEMPT"], variables["GITHUB_JOB"]) == ("2", "deploy")
    assert json.loads(Path(variables["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8")) == payloads[event]
