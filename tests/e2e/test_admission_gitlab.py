"""Contexts, roles and admission on GitLab: what the ID token, the job's token and a stronger one each let be told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e import gitlab_shop
from tests.e2e.test_check import Guard, guard
from tests.e2e.test_gitlab import run, with_policy
from tests.fakes.gitlab import FakeGitLab

__all__ = ["guard"]

POLICY = """
version: 1
roles:
  - {name: developers, levels: [write, maintain, admin]}
  - {name: operators, groups: [acme/operators]}
admission:
  - {role: developers, events: [push], refs: [default], environments: [none]}
  - {role: operators, events: [deployment], refs: [default], environments: [production]}
"""


def test_a_push_is_admitted_on_the_jobs_own_tokens(gitlab: FakeGitLab, guard: Guard, tmp_path: Path) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    job = shop.push()
    environ = gitlab.job_environment(job, CI_GUARD_ID_TOKEN=gitlab.id_token(job))
    told = run(guard, gitlab, shop.path, environ, *with_policy(shop, POLICY))
    assert (told.exit_code, told.of("admitted")["outcome"]) == (0, "pass"), told.stdout


@pytest.mark.parametrize(("member", "exit_code"), [(True, 0), (False, 1)])
def test_a_deployment_takes_the_group_and_the_signed_environment(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path, member: bool, exit_code: int
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    job = shop.push()
    job.environment = "production"
    gitlab.world.group_members = {"acme/operators": {"olivia": 50, **({job.user: 30} if member else {})}}
    signed = gitlab.job_environment(job, CI_GUARD_ID_TOKEN=gitlab.id_token(job))
    blind = run(guard, gitlab, shop.path, signed, *with_policy(shop, POLICY))
    assert (blind.exit_code, blind.of("admitted")["cause"]) == (3, "invisible"), blind.stdout
    seeing = {**signed, "CI_GUARD_TOKEN": gitlab.world.token("reader", "olivia").value}
    told = run(guard, gitlab, shop.path, seeing, *with_policy(shop, POLICY))
    assert told.exit_code == exit_code, told.stdout
    assert "production (by the ID token, tier production, not protected)" in told.of("admitted")["observed"]


def test_a_variable_that_names_another_environment_does_not_outweigh_the_id_token(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path
) -> None:
    """A pipeline variable overrides the predefined one."""
    text = (
        "version: 1\ncontrols: {actor-permissions: {require: {triggering-actor: read}}}\n"
        "contexts:\n  - name: production\n    when: {environment: [production]}\n"
        "    controls: {actor-permissions: {require: {triggering-actor: admin}}}\n"
    )
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    job = shop.push()
    job.environment = "production"
    environ = gitlab.job_environment(job, CI_GUARD_ID_TOKEN=gitlab.id_token(job), CI_ENVIRONMENT_NAME="staging")
    told = run(guard, gitlab, shop.path, environ, *with_policy(shop, text))
    assert "admin or more" in told.of("triggering-actor")["expected"]
    assert told.exit_code != 0


IDENTITY = "version: 1\ncontrols: {actor-permissions: {require: {consistent-identity: true}}}\n"


@pytest.mark.parametrize(("of_job", "exit_code"), [("production", 1), (None, 0)])
def test_an_environment_that_the_caller_names_is_held_against_the_signed_one(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path, of_job: str | None, exit_code: int
) -> None:
    """A job that has none says nothing of what a later one deploys to: there the caller alone speaks."""
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    job = shop.push()
    job.environment = of_job
    environ = gitlab.job_environment(job, CI_GUARD_ID_TOKEN=gitlab.id_token(job))
    told = run(guard, gitlab, shop.path, environ, *with_policy(shop, IDENTITY), "--environment", "staging")
    assert told.exit_code == exit_code, told.stdout
    if of_job:
        (failure,) = [each for each in told.report["judgements"] if each["outcome"] == "fail"]
        assert all(word in failure["observed"] for word in ("--environment", "staging", of_job))
