"""Roles from the policy file to the verdict, on both platforms: a team that the token may not see lets nobody in."""

from __future__ import annotations

from pathlib import Path

from tests.e2e import consumer
from tests.e2e.test_check import Guard, guard, push_of
from tests.fakes.github import FakeGitHub

__all__ = ["guard"]

POLICY = """
version: 1
roles:
  - {name: operators, teams: [acme/operators]}
controls:
  actor-permissions: {require: {role: [operators]}}
"""


def test_a_team_lets_in_whom_it_holds_and_only_with_a_token_that_sees_it(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop", base_files={".ci-guard.yml": POLICY})
    github.world.team("acme", "operators", "alice")
    environ = push_of(github, shop, tmp_path / "job", actor="alice")
    blind = guard(environ, shop.path)
    assert (blind.exit_code, blind.of("role")["cause"]) == (3, "invisible")
    assert "members: read" in blind.of("role")["remedy"]
    stronger = github.token("stronger", permissions={"metadata": "read", "contents": "read", "members": "read"})
    seeing = guard(environ | {"CI_GUARD_TOKEN": stronger.value}, shop.path)
    assert (seeing.exit_code, seeing.of("role")["outcome"]) == (0, "pass"), seeing.stdout
    other = push_of(github, shop, tmp_path / "other", actor="olivia") | {"CI_GUARD_TOKEN": stronger.value}
    denied = guard(other, shop.path)
    assert (denied.exit_code, denied.of("role")["subject"]) == (1, "olivia")
