"""A merge request that is denied and let through again, on the job's own token alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e import gitlab_shop
from tests.e2e.test_check import Guard, guard
from tests.e2e.test_gitlab import run, with_policy
from tests.fakes.gitlab import FakeGitLab

__all__ = ["guard"]

POLICY = """\
version: 1
controls:
  branch-protection: {require: {protected: true, restricted-push: true, restricted-merge: true}}
  required-reviews:
    on: [change, push]
    require: {reviewed-change: true, approvals: 1, independence: true, freshness: true}
"""


@pytest.mark.parametrize("kind", ["head", "merge"])
def test_a_merge_request_is_denied_until_somebody_else_approves(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path, kind: str
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop", merged=False, approved_by=())
    environ = gitlab.job_environment(shop.change(kind))
    policy = with_policy(shop, POLICY)
    told = run(guard, gitlab, shop.path, environ, *policy)
    assert (told.report["verdict"], told.exit_code) == ("deny", 1)
    assert told.of("approvals")["subject"] == "!1"
    assert "no part in the merge request" in told.of("approvals")["remedy"]
    shop.project.approve(shop.mr, "alice")
    assert run(guard, gitlab, shop.path, environ, *policy).exit_code == 1
    shop.project.note(shop.mr, "bob", "approved this merge request", system=False)
    assert run(guard, gitlab, shop.path, environ, *policy).exit_code == 1
    shop.project.approve(shop.mr, "bob")
    told = run(guard, gitlab, shop.path, environ, *policy)
    assert (told.report["verdict"], told.exit_code) == ("allow", 0), told.stdout
    assert told.of("approvals")["source"] == "derived"
    assert told.report["evidence"]["requests"] <= 12


def test_a_merge_is_let_through_on_the_job_token_with_what_was_approved_before(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop", merged=False, approved_by=())
    shop.change()
    shop.project.approve(shop.mr, "bob")
    shop.project.branches["main"] = shop.mr.merge_commit_sha = shop.merge
    shop.mr.state, shop.mr.merge_user, shop.mr.merged_at = "merged", "carol", gitlab.world.tick()
    environ = gitlab.job_environment(shop.push())
    told = run(guard, gitlab, shop.path, environ, *with_policy(shop, POLICY))
    assert (told.report["verdict"], told.exit_code) == ("allow", 0), told.stdout
    assert told.report["evidence"]["requests"] <= 12


def test_the_level_of_who_approved_is_left_to_a_stronger_token(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    policy = with_policy(shop, "version: 1\ncontrols: {required-reviews: {require: {authority: write}}}\n")
    job = shop.push()
    told = run(guard, gitlab, shop.path, gitlab.job_environment(job), *policy)
    assert (told.report["verdict"], told.of("authority")["cause"]) == ("undecided", "invisible")
    assert "read_api" in told.of("authority")["remedy"]
    reader = gitlab.world.token("reader", "olivia").value
    told = run(guard, gitlab, shop.path, gitlab.job_environment(job, CI_GUARD_TOKEN=reader), *policy)
    assert told.report["verdict"] == "allow"


def test_a_setting_that_is_wanting_is_named_with_its_page_here_and_its_plan(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    text = "{dismiss-stale-approvals: true, resolved-conversations: true, restricted-dismissal: true}"
    policy = with_policy(shop, f"version: 1\ncontrols: {{branch-protection: {{require: {text}}}}}\n")
    reader = gitlab.world.token("reader", "olivia").value
    told = run(guard, gitlab, shop.path, gitlab.job_environment(shop.push(), CI_GUARD_TOKEN=reader), *policy)
    assert told.outcomes("branch-protection") == {
        "dismiss-stale-approvals": "fail",
        "restricted-dismissal": "not-applicable",
        "resolved-conversations": "fail",
    }
    stale, open_threads = told.of("dismiss-stale-approvals"), told.of("resolved-conversations")
    assert "takes GitLab Premium or Ultimate" in stale["remedy"]
    assert "the project has GitLab Free" in stale["message"]
    assert open_threads["remedy"] == "Change the setting 'All threads must be resolved'."
    assert open_threads["remedy_url"] == f"{gitlab.url}/acme/shop/-/settings/merge_requests"
