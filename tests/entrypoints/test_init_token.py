"""`ci-guard init` with a token: what today's rules would be judged, and whom it asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e import consumer
from tests.entrypoints import clone
from tests.entrypoints.starting import POLICY, WORKFLOW, Init, workflow_in
from tests.fakes.github import FakeGitHub, rule


def environ_of(github: FakeGitHub, token: str) -> dict[str, str]:
    return {"GITHUB_API_URL": github.url, "GITHUB_SERVER_URL": github.html_url, "GITHUB_TOKEN": token}


def test_with_a_token_the_rules_of_today_are_judged_by_the_profile(
    start: Init, github: FakeGitHub, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop", protected=False)
    shop.repo.ruleset(rules=[rule("pull_request", required_approving_review_count=0), "non_fast_forward", "deletion"])
    said = start(shop.path, **environ_of(github, github.token("job").value))
    assert said.code == 0
    assert len(github.requests) <= 6, "a few reads"
    assert "main (GitHub says so)" in said.words
    assert "passed protected, no-force-push, pull-request, no-deletion · main" in said.words
    assert "tolerated unknown approvals · main Seen as far as this token can read: none required" in said.words
    boss = github.token("boss", kind="user", login="olivia", permissions={"administration": "write"})
    stronger = start(shop.path, **environ_of(github, github.token("job").value), CI_GUARD_TOKEN=boss.value)
    assert "refused approvals · main Seen none required" in stronger.words
    assert f"{github.html_url}/acme/shop/settings/rules/" in said.out
    assert github.token("job").value not in said.out + said.err


def test_each_ruleset_that_applies_costs_one_read_more(start: Init, github: FakeGitHub, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop", protected=False)
    for name in ("one", "two", "three", "four"):
        shop.repo.ruleset(name, rules=[rule("deletion")])
    assert start(shop.path, **environ_of(github, github.token("job").value)).code == 0
    assert github.count("GET /repos/*/rulesets/*") == 4
    assert len(github.requests) <= 6 + 4


def test_with_a_token_the_default_branch_is_the_servers_word(start: Init, github: FakeGitHub, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    shop.repo.branches["trunk"] = shop.repo.branches["main"]
    shop.repo.default_branch = "trunk"
    said = start(shop.path, "--write", **environ_of(github, github.token("job").value))
    assert said.code == 0
    assert workflow_in(shop.path)[True]["push"] == {"branches": ["trunk"]}


def test_a_token_that_sees_nothing_is_no_reason_not_to_start(start: Init, github: FakeGitHub, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    said = start(shop.path, "--write", **environ_of(github, "wrong"))
    assert said.code == 0
    assert "Bad credentials" in said.words
    assert (shop.path / WORKFLOW).is_file()


def test_a_token_is_not_sent_to_a_server_that_only_the_clone_names(
    start: Init, github: FakeGitHub, tmp_path: Path
) -> None:
    """The configuration of a clone can be anybody's; here it names the server, and the environment does not."""
    folder = clone.make(tmp_path / "shop", remotes={"origin": f"{github.html_url}/acme/shop"})
    said = start(folder, "--platform", "github", GITHUB_TOKEN=github.token("job").value)
    assert said.code == 0
    assert "no token is sent there" in said.words
    assert github.requests == []


def test_without_a_token_nothing_is_asked_and_that_is_said(start: Init, github: FakeGitHub, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    environ = environ_of(github, "")
    said = start(shop.path, **environ)
    assert "With a token in GITHUB_TOKEN" in said.words
    assert github.requests == []


def test_the_gate_runs_with_what_was_written(
    start: Init, github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = consumer.make(github, tmp_path / "shop", approved_by=())
    start(shop.path, "--write", **environ_of(github, github.token("job").value))
    run = shop.repo.run("push", actor="olivia", sha=shop.repo.branches["main"])
    payload = github.events(shop.repo).push("main", before=shop.base, sender="olivia")
    mode = workflow_in(shop.path)["jobs"]["guard"]["steps"][1]["with"]["mode"]
    environ = github.job_environment(
        shop.repo, run, payload, tmp_path / "job", GITHUB_TOKEN=github.token("job").value, CI_GUARD_INPUT_MODE=mode
    )
    argv = ("check", "--platform", "github", "--enforce", "--inputs", "--policy", str(shop.path / POLICY))
    said = clone.say(monkeypatch, shop.path, *argv, environ=environ)
    assert said.code == 0, said.out
    assert "Denied" in said.out, "the report mode shows what it does not stop"
