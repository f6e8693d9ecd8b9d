"""What a run of the gate costs a server: how many requests, and how many of them have to wait for another's answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import consumer
from tests.e2e.consumer import Consumer
from tests.e2e.test_check import ACTION, Guard, Told, guard
from tests.fakes.faults import Fault
from tests.fakes.github import FakeGitHub
from tests.fakes.hub.router import Answer

__all__ = ["guard"]

REPO = "GET /repos/acme/shop"
REVIEWED = "version: 1\nextends: builtin:baseline\ncontrols: {required-reviews: {on: [change]}}\n"

MERGED = (
    (REPO, f"{REPO}/actions/runs/*", f"{REPO}/activity"),
    (f"{REPO}/rules/branches/main", f"{REPO}/collaborators/olivia/permission", f"{REPO}/commits/*/pulls"),
    (f"{REPO}/pulls/1/reviews", f"{REPO}/pulls/1/commits", f"{REPO}/activity"),
    (f"{REPO}/issues/1/timeline", f"{REPO}/collaborators/bob/permission", f"{REPO}/collaborators/carol/permission"),
)
OPEN = (
    (REPO, f"{REPO}/actions/runs/*", f"{REPO}/pulls/1", f"{REPO}/branches/main"),
    (f"{REPO}/rules/branches/main", f"{REPO}/collaborators/alice/permission"),
)
OPEN_REVIEWED = (
    OPEN[0],
    (*OPEN[1], f"{REPO}/pulls/1/reviews", f"{REPO}/pulls/1/commits", f"{REPO}/activity"),
    MERGED[3],
)
"""The rounds of a run: each names calls that are made before any of them is answered."""


def shop_of(github: FakeGitHub, folder: Path, event: str, **settings: Any) -> tuple[Consumer, dict[str, str]]:
    """Make a pull request that two people approved, and the job of its merge or of the change itself."""
    settings = {"approved_by": ("bob", "carol"), **settings}
    shop = consumer.make(github, folder / "shop", merged=event == "push", **settings)
    events = github.events(shop.repo)
    if event == "push":
        run = shop.repo.run("push", actor="olivia", sha=shop.merge)
        payload = events.push("main", before=shop.base, sender="olivia")
    else:
        run = shop.repo.run("pull_request", actor="alice", pull=shop.pull)
        payload = events.pull_request(shop.pull)
    token = github.token("job").value
    return shop, github.job_environment(shop.repo, run, payload, folder / "job", GITHUB_TOKEN=token)


def answer_together(github: FakeGitHub, rounds: Sequence[Sequence[str]]) -> None:
    """Hold back the answers of each round until all its calls have come; a call that waits for another's never does."""
    for calls in rounds:
        meeting = threading.Barrier(len(calls))

        def meet(answer: Answer, meeting: threading.Barrier = meeting) -> Answer:
            meeting.wait(timeout=8)
            return answer

        for call in calls:
            github.fault(call, Fault(name="together", change=meet), times=1)


def check(guard: Guard, shop: Consumer, environ: dict[str, str], policy: str = "") -> Told:
    named = ("--policy", str(consumer.make_policy(shop, policy))) if policy else ()
    return guard(environ, shop.path, *ACTION, *named)


@pytest.mark.parametrize(
    "case",
    [("push", "", MERGED), ("pull_request", "", OPEN), ("pull_request", REVIEWED, OPEN_REVIEWED)],
    ids=["merge", "change", "change with its reviews"],
)
def test_a_pull_with_two_reviewers_costs_twelve_requests_in_few_rounds(
    github: FakeGitHub, guard: Guard, tmp_path: Path, case: tuple[str, str, Sequence[Sequence[str]]]
) -> None:
    """A round costs a whole latency, however many calls are in it."""
    event, policy, rounds = case
    shop, environ = shop_of(github, tmp_path, event)
    answer_together(github, rounds)
    told = check(guard, shop, environ, policy)
    assert told.report["verdict"] == "allow", told.stdout
    assert told.report["evidence"]["requests"] <= 12
    assert github.count() == sum(len(calls) for calls in rounds)
    assert all(call.status == 200 for call in github.requests), "nothing is asked that this token may not see"


def test_classic_protection_is_read_in_one_more_round_where_rulesets_do_not_suffice(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    shop, environ = shop_of(github, tmp_path, "push", protected=False)
    shop.repo.protect("main", approvals=1)
    answer_together(github, (*MERGED, (f"{REPO}/branches/main", f"{REPO}/branches/main/protection")))
    told = check(guard, shop, environ)
    assert told.outcomes("branch-protection")["protected"] == "pass"
    assert told.of("approvals", "branch-protection")["cause"] == "invisible"
    assert github.count() == 14


def test_bypass_lists_are_read_only_where_somebody_asks_who_may_pass(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    policy = "version: 1\ncontrols: {{branch-protection: {{require: {{no-force-push: true{more}}}}}}}\n"
    shop, environ = shop_of(github, tmp_path, "push")
    assert check(guard, shop, environ, policy.format(more="")).exit_code == 0
    assert github.count("GET /repos/*/rulesets/*") == 0
    told = check(guard, shop, environ, policy.format(more=", no-bypass: true"))
    assert told.of("no-bypass")["cause"] == "invisible"
    assert github.count("GET /repos/*/rulesets/*") == 1


def test_a_branch_whose_rules_suffice_must_exist_all_the_same(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    """Rules on a name that no branch has protect nothing yet, and only of the built default branch it is known."""
    policy = "version: 1\ncontrols: {branch-protection: {branches: [release], require: {no-force-push: true}}}\n"
    shop, environ = shop_of(github, tmp_path, "push", protected=False)
    shop.repo.ruleset(rules=["non_fast_forward"], include=["refs/heads/release"])
    assert check(guard, shop, environ, policy).of("no-force-push")["outcome"] == "fail"
    shop.repo.branch("release")
    assert check(guard, shop, environ, policy).of("no-force-push")["outcome"] == "pass"


def test_a_variable_that_names_another_branch_costs_a_request_and_changes_no_answer(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    """What is asked ahead of the server's word is believed only for what that word then asks."""
    shop, environ = shop_of(github, tmp_path, "push")
    shop.repo.branch("other")
    told = check(guard, shop, environ | {"GITHUB_REF": "refs/heads/other"})
    assert told.report["verdict"] == "deny"
    assert "GITHUB_REF is refs/heads/other" in told.stdout
    assert github.count("GET /repos/*/activity") == 1
