"""`ci-guard doctor`: what each token shows, told without a part of it, and what the policy makes of the rest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ci_guard.evidence.github.tokens import UNKNOWN_KIND, sight
from ci_guard.evidence.gitlab import tokens as gitlab_tokens
from tests.e2e import consumer, gitlab_shop
from tests.e2e.consumer import Consumer
from tests.entrypoints import clone
from tests.entrypoints.clone import Said
from tests.fakes import faults
from tests.fakes.github import FakeGitHub
from tests.fakes.gitlab import FakeGitLab

Doctor = Callable[..., Said]


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch) -> Doctor:
    def run(folder: Path, environ: dict[str, str], *argv: str) -> Said:
        said = clone.say(monkeypatch, folder, "doctor", *argv, environ=environ)
        for name in ("GITHUB_TOKEN", "CI_JOB_TOKEN", "CI_GUARD_TOKEN"):
            value = environ.get(name, "")
            assert not value or value not in said.out + said.err
        return said

    return run


def at_home(github: FakeGitHub, **tokens: str) -> dict[str, str]:
    return {"GITHUB_API_URL": github.url, "GITHUB_SERVER_URL": github.html_url, **tokens}


def in_a_job(github: FakeGitHub, shop: Consumer, folder: Path, token: str) -> dict[str, str]:
    run = shop.repo.run("push", actor="olivia", sha=shop.repo.branches["main"])
    payload = github.events(shop.repo).push("main", before=shop.base, sender="olivia")
    return github.job_environment(shop.repo, run, payload, folder, GITHUB_TOKEN=token)


def section(said: Said, title: str) -> str:
    """Return the words below a heading that begins so, up to the next one."""
    blocks = said.out.split("\n\n")
    start = next(index for index, block in enumerate(blocks) if block.lstrip("\n").startswith(title))
    end = next((i for i in range(start + 1, len(blocks)) if not blocks[i].startswith(" ")), len(blocks))
    return " ".join(" ".join(blocks[start:end]).split())


def test_in_a_job_the_default_token_shows_all_that_the_baseline_needs_of_a_ruleset(
    doctor: Doctor, github: FakeGitHub, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    said = doctor(shop.path, in_a_job(github, shop, tmp_path / "job", github.token("job").value))
    assert said.code == 0, said.out
    readable = section(said, "Readable (14 requirements)")
    assert "branch-protection protected, no-force-push, no-deletion, pull-request, approvals · main" in readable
    assert "GET rules/branches/main" in readable
    assert "actor-permissions actor, triggering-actor" in readable
    assert "Everything that the policy asks here can be read. " in said.words
    assert f"{len(github.requests)} requests made." in said.words
    assert f"{1000 - len(github.requests)} of 1000 requests left" in said.words


def test_what_the_token_may_not_see_is_named_with_the_permission_and_what_it_costs(
    doctor: Doctor, github: FakeGitHub, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop", protected=False)
    shop.repo.protect("main", approvals=1)
    weak = github.token("weak", permissions={"contents": "read"}).value
    said = doctor(shop.path, in_a_job(github, shop, tmp_path / "job", weak))
    assert said.code == 1
    hidden = section(said, "Not visible to this token")
    assert "branch-protection no-force-push, no-deletion, pull-request · main" in hidden
    assert "administration: read" in hidden
    assert "is tolerated by the policy (on-invisible: warn)" in hidden
    assert "reviewed-change, approvals, independence" in hidden
    assert "pull-requests: read" in hidden
    assert "leaves the run undecided, which denies" in hidden
    assert "the policy tolerates 4 of them" in said.words


def test_a_stronger_token_turns_unknowns_into_answers_and_is_used_for_them_alone(
    doctor: Doctor, github: FakeGitHub, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop", protected=False)
    shop.repo.protect("main", approvals=1, enforce_admins=True)
    boss = github.token(
        "boss", kind="user", login="olivia", permissions={"administration": "write"}, scopes=["repo", "read:org"]
    )
    environ = in_a_job(github, shop, tmp_path / "job", github.token("job").value) | {"CI_GUARD_TOKEN": boss.value}
    said = doctor(shop.path, environ)
    assert said.code == 0, said.out
    assert {call.path.rpartition("/")[2] for call in github.requests if call.token == "boss"} == {"protection"}
    tokens = section(said, "Tokens")
    assert "CI_GUARD_TOKEN" in tokens
    assert "It may do more than read (repo)" in tokens
    assert "read:org" not in tokens


def test_silence_is_told_apart_from_what_may_not_be_seen_and_is_never_tolerated(
    doctor: Doctor, github: FakeGitHub, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    environ = in_a_job(github, shop, tmp_path / "job", github.token("job").value)
    github.fault("GET /repos/*/rules/branches/*", faults.html())
    said = doctor(shop.path, environ)
    assert said.code == 1
    silent = section(said, "No answer")
    assert "no-force-push" in silent
    assert "leaves the run undecided, which denies" in silent
    assert "tolerated" not in silent


def test_a_failed_requirement_is_readable_and_no_matter_of_the_token(
    doctor: Doctor, github: FakeGitHub, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop", approved_by=(), protected=False)
    said = doctor(shop.path, in_a_job(github, shop, tmp_path / "job", github.token("job").value))
    assert said.code == 0, said.out


def test_outside_ci_the_default_branch_is_looked_at_with_the_persons_token(
    doctor: Doctor, github: FakeGitHub, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    said = doctor(shop.path, at_home(github, GITHUB_TOKEN=github.token("job").value))
    assert said.code == 0, said.out
    assert "github, acme/shop, its default branch, outside CI" in said.words
    assert "required-reviews reviewed-change" in section(said, "Readable")
    aside = section(said, "Not looked at")
    assert "actor-permissions its facts are about the people behind a run, which only a job has" in aside
    assert "secret-free it reads the checkout, and needs no token" in aside


def test_outside_ci_the_servers_default_branch_counts_and_not_the_clones_guess(
    doctor: Doctor, github: FakeGitHub, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    shop.repo.branches["trunk"] = shop.repo.branches["main"]
    shop.repo.default_branch = "trunk"
    clone.git(shop.path, "update-ref", "refs/remotes/origin/trunk", "HEAD")
    said = doctor(shop.path, at_home(github, GITHUB_TOKEN=github.token("job").value))
    assert github.count("GET /repos/*/rules/branches/trunk") == 1
    assert github.count("GET /repos/*/rules/branches/main") == 0
    assert "trunk" in said.out


def test_without_a_token_it_says_what_would_be_needed_and_asks_nothing(
    doctor: Doctor, github: FakeGitHub, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    for environ in (at_home(github), in_a_job(github, shop, tmp_path / "job", "")):
        said = doctor(shop.path, environ)
        assert said.code == 1
        assert "no token was given" in said.words
        assert "`contents`, `pull-requests` and `actions` set to read" in said.words
    assert github.requests == []


@pytest.mark.parametrize(
    ("remotes", "words"),
    [
        ({}, "there is no remote on a server"),
        ({"origin": "https://gitlab.com/group/shop"}, "gitlab.com is GitLab"),
        ({"origin": "git@ghe.example:acme/shop"}, "nobody vouches for ghe.example, so no token is sent there"),
        ({"origin": "https://github.com/acme/shop/extra"}, "is not named as a repository"),
    ],
)
def test_where_no_repository_on_github_is_known_it_says_why(
    doctor: Doctor, tmp_path: Path, remotes: dict[str, str], words: str
) -> None:
    folder = clone.make(tmp_path / "shop", remotes=remotes)
    said = doctor(folder, {"GITHUB_TOKEN": "anything"})
    assert said.code == 1
    assert words in said.words


def test_a_policy_that_needs_no_token_is_fine_without_one(doctor: Doctor, tmp_path: Path) -> None:
    policy = "version: 1\ncontrols: {secret-free: {require: {no-secrets: true}}}\n"
    said = doctor(clone.make(tmp_path / "shop", files={".ci-guard.yml": policy}), {})
    assert said.code == 0
    assert "The policy asks nothing here that a token would have to show." in said.words


def test_another_policy_or_profile_can_be_tried(doctor: Doctor, github: FakeGitHub, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    environ = at_home(github, GITHUB_TOKEN=github.token("job").value)
    said = doctor(shop.path, environ, "--profile", "strict")
    assert said.code == 1
    assert "include-admins" in section(said, "Not visible to this token")
    mine = consumer.make_policy(shop, "version: 1\ncontrols: {branch-protection: {require: {protected: true}}}\n")
    said = doctor(shop.path, environ, "--policy", str(mine))
    assert said.code == 0
    assert "Readable (1 requirement)" in said.out


def test_what_any_context_may_add_is_looked_at(doctor: Doctor, github: FakeGitHub, tmp_path: Path) -> None:
    """Whether it applies just now or not: a token that shows too little should be found before it matters."""
    shop = consumer.make(github, tmp_path / "shop")
    policy = tmp_path / "contexts.yml"
    policy.write_text(
        "version: 1\ncontrols: {actor-permissions: {require: {actor: read}}}\n"
        "roles: [{name: operators, teams: [acme/operators]}]\n"
        "contexts:\n  - name: production\n    when: {environment: [production]}\n"
        "    controls: {actor-permissions: {require: {role: [operators]}}}\n",
        encoding="utf-8",
    )
    environ = in_a_job(github, shop, tmp_path / "job", github.token("job").value)
    said = doctor(shop.path, environ, "--policy", str(policy))
    assert said.code == 1
    assert "actor-permissions role" in section(said, "Not visible to this token")
    assert "members: read" in said.words


def test_outside_ci_nobody_is_admitted_because_nobody_starts_anything(
    doctor: Doctor, github: FakeGitHub, tmp_path: Path
) -> None:
    table = "version: 1\nadmission: [{role: everybody, events: [any], refs: [any], environments: [none]}]\n"
    shop = consumer.make(github, tmp_path / "shop", base_files={".ci-guard.yml": table})
    said = doctor(shop.path, at_home(github, GITHUB_TOKEN=github.token("job").value))
    assert "admission" in section(said, "Not looked at")


def test_a_bad_policy_is_a_bad_file(doctor: Doctor, tmp_path: Path) -> None:
    said = doctor(clone.make(tmp_path / "shop", files={".ci-guard.yml": "version: 2\n"}), {})
    assert (said.code, said.out) == (2, "")
    assert ".ci-guard.yml" in said.err


def test_a_policy_that_cannot_be_read_is_an_undecided_run_and_exit_1(doctor: Doctor, tmp_path: Path) -> None:
    folder = clone.make(tmp_path / "shop")
    (folder / ".ci-guard.yml").symlink_to("README.md")
    clone.git(folder, "add", "-A")
    clone.git(folder, "commit", "-q", "-m", "Link")
    said = doctor(folder, {})
    assert said.code == 1
    assert "The policy cannot be read, so a run would be undecided" in said.out


def test_a_shallow_clone_is_named(doctor: Doctor, tmp_path: Path) -> None:
    source = clone.make(tmp_path / "source")
    clone.git(source, "commit", "-q", "--allow-empty", "-m", "More")
    clone.git(tmp_path, "clone", "-q", "--depth", "1", f"file://{source}", "shallow")
    assert "this clone is shallow" in doctor(tmp_path / "shallow", {}).words


def test_outside_a_repository_and_ci_it_is_a_usage_error(doctor: Doctor, tmp_path: Path) -> None:
    assert doctor(tmp_path, {}).code == 2


def test_on_a_platform_that_is_not_read_it_is_a_usage_error(doctor: Doctor, tmp_path: Path) -> None:
    said = doctor(clone.make(tmp_path / "shop"), {"CIRCLECI": "true"})
    assert said.code == 2
    assert "circleci" in said.err


def test_hostile_names_stay_text(doctor: Doctor, github: FakeGitHub, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    name = "a\u202e##[add-mask]::error::b"
    shop.repo.branches[name] = shop.repo.branches["main"]
    policy = 'version: 1\ncontrols: {branch-protection: {branches: ["a**"], require: {protected: true}}}\n'
    mine = consumer.make_policy(shop, policy)
    said = doctor(shop.path, at_home(github, GITHUB_TOKEN=github.token("job").value), "--policy", str(mine))
    assert "error" in said.out
    assert "\u202e" not in said.out
    assert "##[" not in said.out
    assert [line for line in said.out.splitlines() if line.lstrip().startswith("::")] == []


@pytest.mark.parametrize(
    ("prefix", "kind"),
    [
        ("ghs_", "GitHub App installation token, as a job has"),
        ("ghp_", "classic personal access token"),
        ("github_pat_", "fine-grained personal access token"),
        ("gho_", "OAuth access token"),
        ("ghu_", "GitHub App user access token"),
        ("glpat-", UNKNOWN_KIND),
        ("", UNKNOWN_KIND),
    ],
)
def test_a_token_is_told_by_its_documented_prefix_and_nothing_of_it_is_kept(prefix: str, kind: str) -> None:
    secret = "Zx9" * 12
    seen = sight("GITHUB_TOKEN", prefix + secret, {})
    assert seen.kind == kind
    assert secret[:6] not in repr(seen)


@pytest.mark.parametrize(
    ("headers", "excess", "left", "limit"),
    [
        ({}, (), None, None),
        ({"x-oauth-scopes": "", "x-ratelimit-remaining": "7", "x-ratelimit-limit": "60"}, (), 7, 60),
        ({"x-oauth-scopes": "read:org, user:email"}, (), None, None),
        ({"x-oauth-scopes": "repo, admin:org ,read:org"}, ("repo", "admin:org"), None, None),
        ({"x-ratelimit-remaining": "-1", "x-ratelimit-limit": "1e9"}, (), None, None),
    ],
)
def test_scopes_and_limits_are_read_from_the_answers_headers(
    headers: dict[str, str], excess: tuple[str, ...], left: int | None, limit: int | None
) -> None:
    seen = sight("GITHUB_TOKEN", "x", headers)
    assert (seen.excess, seen.left, seen.limit) == (excess, left, limit)


# On GitLab


def test_in_a_gitlab_job_it_says_what_the_job_token_shows_and_what_a_stronger_one_would(
    doctor: Doctor, gitlab: FakeGitLab, tmp_path: Path
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    environ = gitlab.job_environment(shop.push())
    said = doctor(shop.path, environ, "--platform", "gitlab")
    assert "gitlab, acme/shop, in a job" in said.out
    assert "CI_JOB_TOKEN CI/CD job token" in section(said, "Tokens")
    assert "actor-permissions actor, triggering-actor" in " ".join(said.out.split())


def test_without_a_token_in_a_gitlab_job_it_says_where_to_run(
    doctor: Doctor, gitlab: FakeGitLab, tmp_path: Path
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    environ = gitlab.job_environment(shop.push(), CI_JOB_TOKEN="")
    said = doctor(shop.path, environ, "--platform", "gitlab")
    assert (said.code, gitlab.count()) == (1, 0)
    assert "Every GitLab job has CI_JOB_TOKEN" in " ".join(said.out.split())


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("glcbt-" + "a1", "CI/CD job token"),
        ("glpat-" + "a1", "access token of a person, project or group"),
        ("gldt-" + "a1", "deploy token"),
        ("custom-" + "a1", gitlab_tokens.UNKNOWN_KIND),
    ],
)
def test_a_gitlab_token_is_told_by_its_prefix_and_its_limit_by_the_server(value: str, kind: str) -> None:
    found = gitlab_tokens.sight(
        "CI_GUARD_TOKEN", value, {"ratelimit-remaining": "7", "ratelimit-limit": "2000"}, of_job=False
    )
    assert (found.kind, found.left, found.limit, value in repr(found)) == (kind, 7, 2000, False)
