"""Admission from the policy file to the verdict: what no row admits does not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e import consumer
from tests.e2e.test_check import ACTION, Guard, guard, push_of
from tests.fakes.github import FakeGitHub

__all__ = ["guard"]

POLICY = """
version: 1
roles:
  - {name: developers, levels: [write, maintain, admin]}
  - {name: operators, levels: [admin]}
admission:
  - {role: developers, events: [push], refs: [default], environments: [none]}
  - {role: operators, events: [push], refs: [default], environments: ["**"]}
"""


@pytest.mark.parametrize(
    "case",
    [("alice", "", 0), ("alice", "production", 1), ("olivia", "production", 0), ("rita", "", 1)],
)
def test_a_run_is_admitted_by_role_event_ref_and_environment(
    github: FakeGitHub, guard: Guard, tmp_path: Path, case: tuple[str, str, int]
) -> None:
    actor, environment, exit_code = case
    shop = consumer.make(github, tmp_path / "shop", base_files={".ci-guard.yml": POLICY})
    environ = push_of(github, shop, tmp_path / "job", actor=actor, CI_GUARD_INPUT_ENVIRONMENT=environment)
    told = guard(environ, shop.path)
    assert told.exit_code == exit_code, told.stdout
    assert told.of("admitted")["subject"] == actor
    assert told.of("admitted")["outcome"] == ("fail" if exit_code else "pass")
    assert "Blanket permission at" in told.stdout
    if environment and not exit_code:
        assert told.of("admitted")["source"] == "env", "nothing vouches for what the caller names"
        assert "(by --environment)" in told.of("admitted")["observed"]


def test_an_event_that_no_row_names_is_denied(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop", base_files={".ci-guard.yml": POLICY})
    run = shop.repo.run("workflow_dispatch", actor="olivia", sha=shop.merge)
    payload = github.events(shop.repo).workflow_dispatch(sender="olivia")
    environ = github.job_environment(shop.repo, run, payload, tmp_path / "job", GITHUB_TOKEN=github.token("job").value)
    told = guard(environ, shop.path)
    assert told.exit_code == 1
    assert "no row of .ci-guard.yml" in told.of("admitted")["observed"]


def test_admission_alone_takes_a_policy_with_a_table(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    told = guard(push_of(github, shop, tmp_path / "job"), shop.path, *ACTION, "admission")
    assert told.exit_code == 2
