"""Contexts from the policy file to the report: what applies, why, and that a change cannot drop it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e import consumer
from tests.e2e.test_check import ACTION, Guard, guard, push_of
from tests.fakes import faults
from tests.fakes.github import FakeGitHub

__all__ = ["guard"]

POLICY = """
version: 1
controls:
  actor-permissions: {require: {actor: read}}
contexts:
  - name: production
    when: {environment: [production], ref: [default]}
    controls: {actor-permissions: {require: {actor: admin}}}
  - name: anywhere
    when: {visibility: [private, public]}
    controls: {actor-permissions: {require: {triggering-actor: write}}}
  - name: code
    when: {changed-paths: ["src/**"]}
    controls: {actor-permissions: {require: {sender: write}}}
"""


@pytest.mark.parametrize(("environment", "exit_code"), [("production", 1), ("staging", 0), ("", 0)])
def test_a_context_of_production_asks_for_more_there_and_only_there(
    github: FakeGitHub, guard: Guard, tmp_path: Path, environment: str, exit_code: int
) -> None:
    shop = consumer.make(github, tmp_path / "shop", base_files={".ci-guard.yml": POLICY})
    environ = push_of(github, shop, tmp_path / "job", actor="alice", CI_GUARD_INPUT_ENVIRONMENT=environment)
    told = guard(environ, shop.path)
    assert told.exit_code == exit_code, told.stdout
    assert told.of("actor")["expected"].endswith("(admin or more)" if environment == "production" else "(read or more)")
    assert told.of("triggering-actor")["outcome"] == "pass"
    assert told.report["context"]["environment"] == (environment or None)
    summary = Path(environ["GITHUB_STEP_SUMMARY"]).read_text(encoding="utf-8")
    assert "Context anywhere at " in summary
    assert "Context production at" in summary
    assert ("no environment is named" in summary) is (not environment)


def test_a_context_of_which_a_fact_is_unknown_applies_and_says_so(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop", base_files={".ci-guard.yml": POLICY})
    github.fault("GET /repos/{owner}/{repo}/activity", faults.forbidden())
    told = guard(push_of(github, shop, tmp_path / "job", actor="alice"), shop.path)
    assert told.of("sender")["outcome"] == "pass"
    assert "applies, as nothing rules it out: changed-paths is unknown" in " ".join(told.stdout.split())


def test_a_change_cannot_drop_the_context_that_judges_it(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    without = "version: 1\ncontrols: {actor-permissions: {require: {actor: read}}}\n"
    shop = consumer.make(
        github,
        tmp_path / "shop",
        merged=False,
        base_files={".ci-guard.yml": POLICY},
        head_files={".ci-guard.yml": without},
    )
    run = shop.repo.run("pull_request", actor="rita", pull=shop.pull)
    payload = github.events(shop.repo).pull_request(shop.pull)
    environ = github.job_environment(shop.repo, run, payload, tmp_path / "job", GITHUB_TOKEN=github.token("job").value)
    told = guard(environ, shop.path)
    assert told.exit_code == 1
    assert told.of("triggering-actor")["outcome"] == "fail"


def test_hostile_names_in_conditions_stay_one_line_of_data(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    """A label or an environment is a stranger's text, and a note must not become a command."""
    shop = consumer.make(github, tmp_path / "shop", base_files={".ci-guard.yml": POLICY})
    hostile = "x\n::error::pwned\n##[set-output name=verdict]allow"
    environ = push_of(github, shop, tmp_path / "job", actor="alice")
    told = guard(environ, shop.path, *ACTION[:-1], "--environment", hostile)
    assert "pwned" in told.stdout
    assert not [line for line in told.stdout.splitlines() if line.lstrip().startswith("::error::pwned")]
    assert "##[set-output" not in told.stdout
