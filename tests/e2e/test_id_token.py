"""The ID token of a job on GitHub in whole runs: what it proves and what it costs, and that nobody gets to see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.e2e import consumer
from tests.e2e.consumer import Consumer
from tests.e2e.test_check import ACTION, Guard, guard, push_of
from tests.e2e.test_contexts import POLICY
from tests.fakes.github import FakeGitHub
from tests.fakes.hub import oidc

__all__ = ["guard"]


PEOPLE = (*ACTION, "actor-permissions")
"""The control that asks who people are, alone."""


def job(github: FakeGitHub, shop: Consumer, folder: Path, of: str | None, **changes: str) -> dict[str, str]:
    """Return the variables of a job of this environment that may ask for an ID token."""
    environ = push_of(github, shop, folder, **changes)
    return environ | github.id_tokens.grant(environ, of)


def test_another_environment_than_the_jobs_is_denied_and_both_are_named(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    told = guard(
        job(github, shop, tmp_path / "job", "production", CI_GUARD_INPUT_ENVIRONMENT="staging"), shop.path, *PEOPLE
    )
    assert (told.report["verdict"], told.exit_code) == ("deny", 1)
    judged = told.of("consistent-identity")
    assert judged["outcome"] == "fail"
    assert judged["observed"] == "--environment says staging, the ID token says production"
    assert judged["source"] == "signed"


def test_an_environment_that_the_caller_left_out_is_known(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop", base_files={".ci-guard.yml": POLICY})
    told = guard(job(github, shop, tmp_path / "job", "production", actor="alice"), shop.path)
    assert told.exit_code == 1
    assert told.of("actor")["expected"].endswith("(admin or more)")
    assert "the environment is production (by the ID token)" in " ".join(told.stdout.split())
    assert told.report["context"]["environment"] == "production"


def test_a_forged_token_denies_and_what_it_would_say_counts_for_nothing(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    policy = POLICY.replace("{actor: read}", "{actor: read, consistent-identity: true}")
    shop = consumer.make(github, tmp_path / "shop", base_files={".ci-guard.yml": policy})
    github.id_tokens.mint = lambda claims: oidc.minted({**claims, "environment": "staging", "run_id": "1"})
    told = guard(job(github, shop, tmp_path / "job", "production", CI_GUARD_INPUT_ENVIRONMENT="staging"), shop.path)
    assert (told.report["verdict"], told.exit_code) == ("deny", 1)
    assert "of this job, the server says no: it is of the run 1" in told.of("consistent-identity")["observed"]
    assert told.of("actor")["expected"].endswith("(admin or more)"), "a context that nothing rules out applies"
    assert "environment is unknown (the ID token was refused: it is of the run 1" in " ".join(told.stdout.split())


def test_it_is_asked_for_where_something_needs_it_and_counted(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")

    def asked(policy: str = "", **changes: str) -> int:
        github.requests.clear()
        named = ("--policy", str(consumer.make_policy(shop, policy))) if policy else ()
        told = guard(job(github, shop, tmp_path / "job", "production", **changes), shop.path, *PEOPLE, *named)
        assert told.exit_code == 0, told.stdout
        assert told.report["evidence"]["requests"] == github.count()
        return github.count("GET /_services/*")

    assert asked() == 0
    assert asked(CI_GUARD_INPUT_ENVIRONMENT="production") == 2
    name = "version: 1\ncontrols: {actor-permissions: {require: {actor: read}}}\n"
    assert asked(name, CI_GUARD_INPUT_ENVIRONMENT="production") == 0, "nothing judges the name"
    context = "contexts: [{name: p, when: {environment: [production]}, controls: {actor-permissions: {require: {actor: "
    assert asked(f"{name}{context}write}}}}}}}}]\n") == 2


def test_a_policy_that_wants_proof_names_the_permission_that_gives_it(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    policy = "version: 1\ncontrols: {guard-integrity: {require: {proven-environment: true}}}\n"
    shop = consumer.make(github, tmp_path / "shop", base_files={".ci-guard.yml": policy})
    named = {"CI_GUARD_INPUT_ENVIRONMENT": "production"}
    told = guard(push_of(github, shop, tmp_path / "job", **named), shop.path)
    assert (told.report["verdict"], told.exit_code) == ("undecided", 3)
    assert told.of("proven-environment")["remedy"] == "Add id-token: write to the job's `permissions`."
    told = guard(job(github, shop, tmp_path / "job", "production", **named), shop.path)
    assert (told.report["verdict"], told.of("proven-environment")["source"]) == ("allow", "signed")


def test_neither_the_token_nor_what_it_was_asked_with_is_said_anywhere(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    given: list[str] = []

    def kept(claims: dict[str, Any]) -> str:
        given.append(oidc.minted(claims if len(given) % 2 else {**claims, "aud": "other"}))
        return given[-1]

    github.id_tokens.mint = kept
    shop = consumer.make(github, tmp_path / "shop")
    for _ in range(2):
        environ = job(github, shop, tmp_path / "job", "production", CI_GUARD_INPUT_ENVIRONMENT="staging")
        record, facts = tmp_path / "audit.jsonl", tmp_path / "facts.json"
        told = guard(environ, shop.path, *PEOPLE, "--audit-log", str(record), "--report", f"facts={facts}")
        assert told.exit_code == 1
        files = [path for path in tmp_path.rglob("*") if path.is_file() and shop.path not in path.parents]
        said = told.stdout + told.stderr + "".join(path.read_text(encoding="utf-8") for path in files)
        assert "staging" in said
        for secret in (given[-1], given[-1].rpartition(".")[2], environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]):
            assert secret not in said
    assert len(given) == 2
