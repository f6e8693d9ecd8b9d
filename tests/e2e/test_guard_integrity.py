"""The guard's own integrity from the policy file to the verdict, on both platforms."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e import consumer, gitlab_shop
from tests.e2e.test_check import Guard, guard, push_of
from tests.e2e.test_gitlab import run, with_policy
from tests.fakes.github import FakeGitHub
from tests.fakes.gitlab import FakeGitLab
from tests.fakes.hub.rules import rule

__all__ = ["guard"]

SHA = "c" * 40
PATH = ".github/workflows/ci.yml"
POLICY = "version: 1\ncontrols: {guard-integrity: {require: {%s: true}}}\n"
GUARDED = f"""
jobs:
  guard: {{steps: [{{uses: actions/checkout@{SHA}}}, {{uses: ci-guard/ci-guard@{SHA}}}]}}
  deploy: {{needs: guard, environment: production, steps: [{{run: make}}]}}
"""


@pytest.mark.parametrize(
    ("workflow", "line"),
    [
        (GUARDED, None),
        (GUARDED.replace("needs: guard", "needs: guard, if: always()"), 4),
        (GUARDED.replace(f"ci-guard/ci-guard@{SHA}", "ci-guard/ci-guard@v1, continue-on-error: true"), 3),
    ],
)
def test_the_workflow_of_a_push_is_judged_as_it_stands(
    github: FakeGitHub, guard: Guard, tmp_path: Path, workflow: str, line: int | None
) -> None:
    files = {".ci-guard.yml": POLICY % "not-weakened", PATH: workflow}
    shop = consumer.make(github, tmp_path / "shop", base_files=files)
    told = guard(push_of(github, shop, tmp_path / "job"), shop.path)
    found = told.of("not-weakened")
    assert (told.exit_code, found["outcome"]) == ((1, "fail") if line else (0, "pass")), told.stdout
    if line:
        assert (found["location"]["path"], found["location"]["line"]) == (PATH, line)


def test_the_policy_from_before_a_push_has_to_allow_it_too(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop", base_files={".ci-guard.yml": POLICY % "policy-source"})
    told = guard(push_of(github, shop, tmp_path / "job"), shop.path)
    assert told.exit_code == 0, told.stdout
    assert "from before the push" in told.of("policy-source")["observed"]


@pytest.mark.parametrize(("approver", "exit_code"), [("carol", 0), ("bob", 1)])
def test_an_edit_of_the_policy_passes_once_somebody_of_the_role_approved_it(
    github: FakeGitHub, guard: Guard, tmp_path: Path, approver: str, exit_code: int
) -> None:
    carol = github.world.user("carol").id
    policy = (
        f"version: 1\nroles: [{{name: security, users: [{{login: carol, id: {carol}}}]}}]\n"
        "controls: {guard-integrity: {require: {policy-unchanged: [security]}}}\n"
    )
    files = {".ci-guard.yml": policy, PATH: GUARDED}
    head = {".ci-guard.yml": f"# Looked at\n{policy}"}
    shop = consumer.make(
        github, tmp_path / "shop", base_files=files, head_files=head, approved_by=(approver,), merged=False
    )
    run_of_it = shop.repo.run("pull_request", actor="alice", pull=shop.pull)
    payload = github.events(shop.repo).pull_request(shop.pull)
    token = github.token("job").value
    environ = github.job_environment(shop.repo, run_of_it, payload, tmp_path / "job", GITHUB_TOKEN=token)
    told = guard(environ, shop.path)
    assert told.exit_code == exit_code, told.stdout
    observed = told.of("policy-unchanged")["observed"]
    assert "it edits .ci-guard.yml" in observed
    assert ("approved by @carol of security" if exit_code == 0 else "nobody of security approved") in observed


def test_without_a_ruleset_anybody_may_remove_the_guard(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop", base_files={".ci-guard.yml": POLICY % "enforced"})
    environ = push_of(github, shop, tmp_path / "job")
    shop.repo.rulesets.clear()
    workflows = [{"path": PATH, "repository_id": shop.repo.id, "sha": SHA}]
    told = guard(environ, shop.path)
    assert told.of("enforced")["outcome"] in ("fail", "unknown"), told.stdout
    shop.repo.ruleset(rules=[rule("workflows", workflows=workflows)], level="Organization")
    assert guard(environ, shop.path).of("enforced")["outcome"] == "pass"


def test_on_gitlab_the_policy_job_of_the_reserved_stage_is_enforced(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    job = shop.push()
    told = run(guard, gitlab, shop.path, gitlab.job_environment(job), *with_policy(shop, POLICY % "enforced"))
    assert (told.exit_code, told.of("enforced")["cause"]) == (3, "invisible"), told.stdout
    assert "read_api" in told.of("enforced")["remedy"]


def test_on_gitlab_the_pipelines_file_is_judged(gitlab: FakeGitLab, guard: Guard, tmp_path: Path) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    job = shop.push()
    told = run(guard, gitlab, shop.path, gitlab.job_environment(job), *with_policy(shop, POLICY % "not-weakened"))
    assert told.of("not-weakened")["outcome"] != "pass", "there is no file that is known to run the guard"
