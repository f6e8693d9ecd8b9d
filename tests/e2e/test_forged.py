"""What an earlier step of the same job can rewrite never turns the gate's answer into `allow`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e import consumer
from tests.e2e.consumer import Consumer, git, write
from tests.e2e.test_check import Guard, Told, guard
from tests.fakes.github import FakeGitHub
from tests.fakes.hub.history import ZERO
from tests.fakes.hub.runs import Run

__all__ = ["guard"]

TOKEN = "token = " + "ghp_" + "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY2zA4" + "\n"

SCAN = "version: 1\ncontrols: {secret-free: {require: {no-secrets: true, complete-scan: true, no-key-files: true}}}\n"

ASKED = ("check", "--platform", "github", "--enforce", "--policy")


class Jobs:
    """Starts jobs of one consumer, each with an event file as it was or as a step rewrote it."""

    def __init__(self, github: FakeGitHub, guard: Guard, shop: Consumer, folder: Path, policy: str) -> None:
        self.github, self.guard, self.shop, self.folder = github, guard, shop, folder
        self.policy = str(consumer.make_policy(shop, policy))
        self.number = 0

    def judge(self, run: Run, payload: dict[str, Any]) -> Told:
        self.number += 1
        environ = self.github.job_environment(self.shop.repo, run, payload, self.folder / f"job-{self.number}")
        environ["GITHUB_TOKEN"] = self.github.token(f"job-{self.number}").value
        return self.guard(environ, self.shop.path, *ASKED, self.policy)

    def verdict(self, run: Run, payload: dict[str, Any]) -> str:
        return str(self.judge(run, payload).report["verdict"])


def hidden_secret(shop: Consumer, branch: str) -> str:
    """Commit a token and take it out again, so that only the range holds it; return the last commit."""
    git(shop.path, "checkout", "-q", "-b", branch, who="alice")
    write(shop.path, {"conf.py": TOKEN})
    git(shop.path, "commit", "-q", "-m", "Configure", who="alice")
    git(shop.path, "rm", "-q", "conf.py")
    write(shop.path, {"x.py": "X = 1\n"})
    git(shop.path, "commit", "-q", "-m", "Clean up", who="alice")
    return git(shop.path, "rev-parse", "HEAD")


def push(shop: Consumer, head: str, branch: str, *, start: str | None) -> None:
    """Let the fake know the commits and the push; what it knew before stays."""
    pulls, activities = dict(shop.repo.pulls), list(shop.repo.activities)
    shop.repo.import_git(shop.path)
    shop.repo.pulls.update(pulls)
    shop.repo.activities[:] = activities
    shop.repo.branches["main"] = shop.merge
    if start is None:
        shop.repo.branches.pop(branch, None)
    else:
        shop.repo.branches[branch] = start
    shop.repo.push(branch, head, by="alice")


def test_an_honest_push_is_allowed(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    jobs = Jobs(github, guard, shop, tmp_path, SCAN)
    run = shop.repo.run("push", actor="olivia", sha=shop.merge)
    told = jobs.judge(run, github.events(shop.repo).push("main", before=shop.base, sender="olivia"))
    assert told.report["verdict"] == "allow", told.stdout
    assert "2 commits" in told.of("complete-scan")["observed"]


@pytest.mark.parametrize("start", ["end", "last", "created"])
def test_a_forged_start_of_a_push_hides_no_commit(github: FakeGitHub, guard: Guard, tmp_path: Path, start: str) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    head = hidden_secret(shop, "work")
    git(shop.path, "checkout", "-q", "main")
    git(shop.path, "reset", "-q", "--hard", head)
    push(shop, head, "main", start=shop.merge)
    jobs = Jobs(github, guard, shop, tmp_path, SCAN)
    run = shop.repo.run("push", actor="alice", sha=head)
    said = {"end": head, "last": git(shop.path, "rev-parse", f"{head}^"), "created": ZERO}
    events = github.events(shop.repo)
    assert jobs.verdict(run, events.push("main", before=shop.merge, sender="alice")) == "deny"
    assert jobs.verdict(run, events.push("main", before=said[start], sender="alice")) == "undecided"


def test_a_forged_start_of_a_push_is_a_claim_that_fails(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    policy = "version: 1\ncontrols: {actor-permissions: {require: {consistent-identity: true}}}\n"
    jobs = Jobs(github, guard, shop, tmp_path, policy)
    run = shop.repo.run("push", actor="olivia", sha=shop.merge)
    events = github.events(shop.repo)
    assert jobs.verdict(run, events.push("main", before=shop.base, sender="olivia")) == "allow"
    assert jobs.verdict(run, events.push("main", before=shop.merge, sender="olivia")) == "deny"


def test_a_planted_remote_branch_hides_no_commit_of_a_new_branch(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    head = hidden_secret(shop, "feature")
    push(shop, head, "feature", start=None)
    jobs = Jobs(github, guard, shop, tmp_path, SCAN)
    run = shop.repo.run("push", actor="alice", sha=head, branch="feature")
    payload = github.events(shop.repo).push("feature", sender="alice")
    for planted in (shop.merge, head):
        git(shop.path, "update-ref", "refs/remotes/origin/main", planted)
        assert jobs.verdict(run, payload) == "deny"


@pytest.mark.parametrize("work", [True, False])
def test_the_first_push_of_an_honest_branch_is_allowed(
    github: FakeGitHub, guard: Guard, tmp_path: Path, work: bool
) -> None:
    """With work of its own, and where it only names what the default branch has already."""
    shop = consumer.make(github, tmp_path / "shop")
    git(shop.path, "checkout", "-q", "-b", "feature")
    if work:
        write(shop.path, {"x.py": "X = 1\n"})
        git(shop.path, "commit", "-q", "-m", "Work", who="alice")
    head = git(shop.path, "rev-parse", "HEAD")
    push(shop, head, "feature", start=None)
    jobs = Jobs(github, guard, shop, tmp_path, SCAN)
    run = shop.repo.run("push", actor="alice", sha=head, branch="feature")
    assert jobs.verdict(run, github.events(shop.repo).push("feature", sender="alice")) == "allow"


def test_a_forged_head_of_a_pull_request_whose_target_is_built_hides_no_commit(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop", merged=False, head_files={"conf.py": TOKEN})
    git(shop.path, "reset", "-q", "--hard", shop.base)
    jobs = Jobs(github, guard, shop, tmp_path, SCAN)
    run = shop.repo.run("pull_request_target", actor="alice", branch="main", sha=shop.base)
    payload = github.events(shop.repo).pull_request(shop.pull)
    assert jobs.verdict(run, payload) == "deny"
    payload["pull_request"]["head"]["sha"] = shop.base
    assert jobs.verdict(run, payload) == "undecided"


def test_an_honest_pull_request_whose_target_is_built_is_allowed(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop", merged=False)
    git(shop.path, "reset", "-q", "--hard", shop.base)
    people = "actor-permissions: {require: {sender: write, author: write, consistent-identity: true}}"
    jobs = Jobs(github, guard, shop, tmp_path, SCAN.replace("{secret-free", "{" + people + ", secret-free"))
    for run in (
        shop.repo.run("pull_request_target", actor="alice", branch="main", sha=shop.base),
        shop.repo.run("pull_request_target", actor="alice", pull=shop.pull),
    ):
        told = jobs.judge(run, github.events(shop.repo).pull_request(shop.pull))
        assert told.report["verdict"] == "allow", told.stdout


@pytest.mark.parametrize("claims", ["consistent-identity: true", "actor: write"])
def test_a_forged_sender_lends_no_rights(github: FakeGitHub, guard: Guard, tmp_path: Path, claims: str) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    policy = f"version: 1\ncontrols: {{actor-permissions: {{require: {{sender: admin, {claims}}}}}}}\n"
    jobs = Jobs(github, guard, shop, tmp_path, policy)
    run = shop.repo.run("repository_dispatch", actor="alice", sha=shop.merge)
    assert jobs.verdict(run, github.events(shop.repo).repository_dispatch(sender="alice")) == "deny"
    assert jobs.verdict(run, github.events(shop.repo).repository_dispatch(sender="olivia")) != "allow"
    honest = shop.repo.run("repository_dispatch", actor="olivia", sha=shop.merge)
    assert jobs.verdict(honest, github.events(shop.repo).repository_dispatch(sender="olivia")) == "allow"
