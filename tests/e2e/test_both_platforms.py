"""One policy file judged on GitHub and on GitLab: where the facts are the same, so are the outcomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e import consumer, gitlab_shop
from tests.e2e.test_check import Guard, Told, guard, push_of
from tests.evidence.github.asking import ADMIN
from tests.fakes.github import FakeGitHub, rule
from tests.fakes.gitlab import FakeGitLab
from tests.fakes.lab.state import MAINTAINER, NOBODY

__all__ = ["guard"]

POLICY = """\
version: 1
controls:
  branch-protection:
    branches: [default]
    require:
      {protected: true, no-force-push: true, no-deletion: true, pull-request: true, approvals: 1,
       dismiss-stale-approvals: true, resolved-conversations: true, restricted-push: true}
  actor-permissions: {require: {actor: write, triggering-actor: write}}
  required-reviews:
    branches: [default]
    require: {reviewed-change: true, approvals: 1, independence: true, freshness: true, authority: write,
              no-rejection: true}
  secret-free: {require: {no-secrets: true, no-key-files: true}}
"""

QUICK = frozenset({"all holds", "no rule protects the branch", "the author approved"})
"""The cases of the default suite: each makes two repositories."""

Outcomes = dict[tuple[str, str], str]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is the case, in words that both platforms know."""

    approved_by: tuple[str, ...] = ("bob",)
    rejected_by: str = ""
    protected: bool = True
    wanted: int = 1
    """Approvals that the rules ask for."""
    actor: str = "carol"
    added: str = ""
    """What the change adds to a file of settings."""


CASES = {
    "all holds": (Facts(), {}),
    "nobody approved": (Facts(approved_by=()), {"approvals"}),
    "the author approved": (Facts(approved_by=("alice",)), {"approvals", "independence"}),
    "a reader approved": (Facts(approved_by=("rita",)), {"approvals", "authority"}),
    "two approved": (Facts(approved_by=("bob", "carol")), {}),
    "somebody asks for changes": (Facts(rejected_by="carol"), {"no-rejection"}),
    "the rules want no approval": (Facts(wanted=0), {"approvals"}),
    "a reader is behind the run": (Facts(actor="rita"), {"actor", "triggering-actor"}),
    "a secret came in": (Facts(added="token = 'ghp_" + "A1b2" * 9 + "'\n"), {"no-secrets"}),
    "no rule protects the branch": (
        Facts(protected=False),
        {
            "protected",
            "no-force-push",
            "no-deletion",
            "pull-request",
            "approvals",
            "dismiss-stale-approvals",
            "resolved-conversations",
            "restricted-push",
        },
    ),
}


def outcomes(told: Told) -> Outcomes:
    return {(one["control"], one["requirement"]): one["outcome"] for one in told.report["judgements"]}


def on_github(github: FakeGitHub, guard: Guard, folder: Path, facts: Facts, policy: Path) -> Told:
    head = {"settings.py": facts.added} if facts.added else None
    shop = consumer.make(
        github, folder / "shop", approved_by=facts.approved_by, protected=False, head_files=head, merged=True
    )
    if facts.rejected_by:
        shop.pull.review(facts.rejected_by, "CHANGES_REQUESTED", at=shop.head)
    if facts.protected:
        asked = rule(
            "pull_request",
            required_approving_review_count=facts.wanted,
            dismiss_stale_reviews_on_push=True,
            required_review_thread_resolution=True,
        )
        shop.repo.ruleset(rules=[asked, "non_fast_forward", "deletion"])
    admin = github.token("admin", kind="user", login="olivia", permissions=ADMIN)
    environ = push_of(github, shop, folder, actor=facts.actor, CI_GUARD_TOKEN=admin.value)
    return guard(environ, shop.path, "check", "--platform", "github", "--enforce", "--policy", str(policy))


def on_gitlab(gitlab: FakeGitLab, guard: Guard, folder: Path, facts: Facts, policy: Path) -> Told:
    head = {"settings.py": facts.added} if facts.added else None
    shop = gitlab_shop.make(gitlab, folder / "lab", approved_by=(), protected=False, merged=False, head_files=head)
    project = shop.project
    project.tier = "premium"
    if facts.rejected_by:
        project.note(shop.mr, facts.rejected_by, "requested changes")
    for username in facts.approved_by:
        project.approve(shop.mr, username)
    project.branches["main"] = shop.mr.merge_commit_sha = shop.merge
    shop.mr.state, shop.mr.merge_user, shop.mr.merged_at = "merged", "carol", gitlab.world.tick()
    if facts.protected:
        project.protect("main", push=NOBODY, merge=MAINTAINER)
        project.settings["only_allow_merge_if_all_discussions_are_resolved"] = True
        project.approval_rules = [
            {"rule_type": "any_approver", "approvals_required": facts.wanted, "groups": [], "protected_branches": []}
        ]
    project.approval_settings = {
        "disable_overriding_approvers_per_merge_request": True,
        "reset_approvals_on_push": facts.protected,
    }
    job = project.run("push", user=facts.actor, sha=shop.merge, before=shop.base)
    environ = gitlab.job_environment(job, CI_GUARD_TOKEN=gitlab.world.token("reader", "olivia").value)
    asked = ("check", "--platform", "gitlab", "--enforce", "--server", gitlab.url, "--policy", str(policy))
    return guard(environ, shop.path, *asked)


@pytest.mark.parametrize(
    "case", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in CASES]
)
def test_equal_facts_give_equal_outcomes(
    github: FakeGitHub, gitlab: FakeGitLab, guard: Guard, tmp_path: Path, case: str
) -> None:
    facts, failing = CASES[case]
    policy = tmp_path / "policy.yml"
    policy.write_text(POLICY, encoding="utf-8")
    ways: tuple[Callable[[], Told], ...] = (
        lambda: on_github(github, guard, tmp_path, facts, policy),
        lambda: on_gitlab(gitlab, guard, tmp_path, facts, policy),
    )
    one, other = (way() for way in ways)
    assert outcomes(one) == outcomes(other)
    assert (one.report["verdict"], one.exit_code) == (other.report["verdict"], other.exit_code)
    failed = {requirement for (_, requirement), outcome in outcomes(one).items() if outcome == "fail"}
    assert failed == set(failing)
    assert not [pair for pair, outcome in outcomes(one).items() if outcome == "unknown"]
