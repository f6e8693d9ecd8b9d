"""What is of no branch is judged by the branch that the organisation's policy names, and only its word counts."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.e2e import consumer, gitlab_shop
from tests.e2e.test_check import ACTION, Guard, Told, guard
from tests.e2e.test_gitlab import run
from tests.e2e.test_organisation import organisation
from tests.fakes.github import FakeGitHub
from tests.fakes.gitlab import FakeGitLab

__all__ = ["guard"]

ORGANISATION = "version: 1\npolicy-branch: policy\ncontrols: {secret-free: {require: {no-secrets: true}}}\n"
DIGEST = hashlib.sha256(ORGANISATION.encode()).hexdigest()
EXTENDS = f"version: 1\nextends: {{policy: 'https://policies.invalid/p.yml#sha256={DIGEST}', vendored: org/p.yml}}\n"
STRICT = "version: 1\ncontrols: {actor-permissions: {require: {actor: admin}}}\n"
LOOSE = "version: 1\ncontrols: {secret-free: {require: {no-secrets: true}}}\n"


def started_by_hand(github: FakeGitHub, guard: Guard, folder: Path, branches: tuple[str, ...]) -> Told:
    """Return what is told of a run of `main` by hand, where the policy from before it lies in these branches."""
    named = organisation(github, ORGANISATION)
    base, head = ({".ci-guard.yml": text} for text in (STRICT, LOOSE))
    shop = consumer.make(github, folder / "shop", base_files=base, head_files=head)
    shop.repo.branches.update(dict.fromkeys(branches, shop.base))
    return by_hand(github, guard, folder, shop, "main", "--floor", named)


def by_hand(github: FakeGitHub, guard: Guard, folder: Path, shop: consumer.Consumer, branch: str, *more: str) -> Told:
    run = shop.repo.run("workflow_dispatch", actor="bob", sha=shop.repo.branches[branch], branch=branch)
    payload = github.events(shop.repo).workflow_dispatch(sender="bob", ref=f"refs/heads/{branch}")
    environ = github.job_environment(shop.repo, run, payload, folder / "job")
    environ["GITHUB_TOKEN"] = github.token("job").value
    return guard(environ, shop.path, *ACTION, *more)


def test_a_run_by_hand_is_judged_by_the_branch_that_the_floor_names(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    told = started_by_hand(github, guard, tmp_path, ("policy",))
    assert (told.report["verdict"], told.exit_code) == ("deny", 1)
    assert told.of("actor")["outcome"] == "fail"
    assert "(policy)" in " ".join(told.report["policy"]["layers"])


def test_a_branch_that_does_not_exist_leaves_the_run_undecided_and_is_named(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    told = started_by_hand(github, guard, tmp_path, ())
    assert (told.report["verdict"], told.exit_code) == ("undecided", 3)
    assert "the organisation's policy names the branch policy, and" in " ".join(told.stdout.split())


def test_what_the_judged_commit_extends_does_not_choose_its_judge(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    base = {".ci-guard.yml": EXTENDS, "org/p.yml": ORGANISATION}
    shop = consumer.make(github, tmp_path / "shop", base_files=base, head_files={".ci-guard.yml": STRICT})
    shop.repo.branches.update(dict.fromkeys(("mine", "policy"), shop.base))
    consumer.git(shop.path, "checkout", "-q", shop.base)
    told = by_hand(github, guard, tmp_path, shop, "mine")
    assert (told.report["verdict"], told.of("actor")["outcome"]) == ("deny", "fail")
    assert "(main)" in " ".join(told.report["policy"]["layers"])


@pytest.mark.parametrize(("branch", "exit_code"), [("policy", 1), ("elsewhere", 3)])
def test_a_schedule_on_gitlab_is_judged_by_the_branch_that_the_extended_policy_names(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path, branch: str, exit_code: int
) -> None:
    head = {".ci-guard.yml": EXTENDS, "org/p.yml": ORGANISATION}
    shop = gitlab_shop.make(gitlab, tmp_path / "shop", base_files={".ci-guard.yml": STRICT}, head_files=head)
    shop.project.branches[branch] = shop.base
    job = shop.project.run("schedule", user="bob", sha=shop.merge)
    environ = gitlab.job_environment(job, CI_GUARD_ID_TOKEN=gitlab.id_token(job))
    told = run(guard, gitlab, shop.path, environ)
    assert told.exit_code == exit_code, told.stdout
    if exit_code == 1:
        assert told.of("actor")["outcome"] == "fail"
        assert "(policy)" in " ".join(told.report["policy"]["layers"])
