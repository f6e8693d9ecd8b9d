"""The whole command against the fake GitLab, in process: from variables to exit code, report and log."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e import gitlab_shop
from tests.e2e.test_check import Guard, Told, guard
from tests.fakes import faults
from tests.fakes.gitlab import FakeGitLab
from tests.fakes.lab.state import DEVELOPER, MAINTAINER

__all__ = ["guard"]

PEOPLE = """\
version: 1
controls:
  actor-permissions: {require: {actor: write, triggering-actor: write, consistent-identity: true}}
"""


def run(guard: Guard, gitlab: FakeGitLab, path: Path, environ: dict[str, str], *more: str) -> Told:
    """Run the gate as the template does, with the job's own token and its ID token."""
    template = ("check", "--platform", "gitlab", "--enforce", "--server", gitlab.url, "--audience", "ci-guard")
    return guard(environ, path, *template, *more)


def with_policy(shop: gitlab_shop.Shop, text: str) -> tuple[str, str]:
    path = shop.path.parent / "trusted.yml"
    path.write_text(text, encoding="utf-8")
    return "--policy", str(path)


@pytest.mark.parametrize("token", [False, True], ids=["job token", "ID token"])
def test_who_may_push_or_merge_is_let_through_on_the_job_token_alone(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path, token: bool
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    job = shop.push()
    changes = {"CI_GUARD_ID_TOKEN": gitlab.id_token(job)} if token else {}
    told = run(guard, gitlab, shop.path, gitlab.job_environment(job, **changes), *with_policy(shop, PEOPLE))
    assert (told.report["verdict"], told.exit_code) == ("allow", 0), told.stdout
    assert told.of("triggering-actor")["source"] == ("derived" if not token else "signed")
    context = told.report["context"]
    assert (context["platform"], context["repository"], context["event"]) == ("gitlab", "acme/shop", "push")
    assert (context["sha"], context["actor"]) == (shop.merge, "carol")


def test_what_the_job_token_cannot_see_leaves_a_higher_level_undecided_and_never_denied_or_allowed(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    policy = with_policy(shop, "version: 1\ncontrols: {actor-permissions: {require: {actor: maintain}}}\n")
    job = shop.push()
    told = run(guard, gitlab, shop.path, gitlab.job_environment(job), *policy)
    assert (told.report["verdict"], told.of("actor")["cause"]) == ("undecided", "invisible")
    told = run(guard, gitlab, shop.path, gitlab.job_environment(job, CI_GUARD_ID_TOKEN=gitlab.id_token(job)), *policy)
    assert told.report["verdict"] == "allow"


def test_a_reporter_who_runs_a_pipeline_is_denied(gitlab: FakeGitLab, guard: Guard, tmp_path: Path) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    job = shop.project.run("trigger", user="rita", sha=shop.merge)
    environ = gitlab.job_environment(job, CI_GUARD_ID_TOKEN=gitlab.id_token(job))
    told = run(guard, gitlab, shop.path, environ, *with_policy(shop, PEOPLE))
    assert told.exit_code == 1
    assert "Reporter" in told.of("triggering-actor")["observed"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GITLAB_USER_LOGIN", "olivia"),
        ("CI_COMMIT_SHA", "f" * 40),
        ("CI_PROJECT_ID", "1"),
        ("CI_PIPELINE_SOURCE", "api"),
    ],
)
def test_an_overwritten_variable_denies_with_both_words(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path, variable: str, value: str
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    job = shop.push()
    honest = gitlab.job_environment(job)
    told = run(guard, gitlab, shop.path, honest | {variable: value}, *with_policy(shop, PEOPLE))
    assert told.exit_code == 1
    found = told.of("consistent-identity")
    assert found["outcome"] == "fail"
    assert f"{variable} says {value}" in found["observed"]
    assert honest[variable] in found["observed"]


def test_a_stale_id_token_denies(gitlab: FakeGitLab, guard: Guard, tmp_path: Path) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    old, job = shop.push(), shop.push()
    environ = gitlab.job_environment(job, CI_GUARD_ID_TOKEN=gitlab.id_token(old))
    told = run(guard, gitlab, shop.path, environ, *with_policy(shop, PEOPLE))
    assert told.exit_code == 1
    assert f"it is of the job {old.id}" in told.of("consistent-identity")["observed"]


def test_another_server_than_the_pinned_one_is_denied_and_hears_of_no_token(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    with FakeGitLab() as evil:
        environ = gitlab.job_environment(shop.push(), CI_API_V4_URL=evil.api_url)
        told = run(guard, gitlab, shop.path, environ)
        assert (told.report["verdict"], told.exit_code) == ("deny", 1)
        assert "CI_API_V4_URL says" in told.stdout + told.stderr
        assert evil.count() == gitlab.count() == 0


def test_a_merge_request_is_judged_by_its_targets_policy_through_the_job_token(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path
) -> None:
    """The clone of a detached pipeline does not have the target's tip."""
    lax = "version: 1\ncontrols: {actor-permissions: {require: {author: read}}}\n"
    shop = gitlab_shop.make(
        gitlab,
        tmp_path / "shop",
        merged=False,
        base_files={".ci-guard.yml": PEOPLE},
        head_files={".ci-guard.yml": lax},
    )
    shop.project.branches["main"] = shop.project.commit("Later", files={".ci-guard.yml": PEOPLE}, on="main")
    told = run(guard, gitlab, shop.path, gitlab.job_environment(shop.change()))
    assert told.outcomes("actor-permissions").keys() == {"actor", "triggering-actor", "consistent-identity"}
    assert told.report["verdict"] == "allow", told.stdout
    assert told.report["policy"]["source"].endswith("(main)")


def test_a_change_from_a_fork_is_excused_from_roles_by_the_servers_word(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop", merged=False)
    fork = gitlab.project("mallory/shop", fork_of=shop.project)
    shop.mr.source_project_id = fork.id
    told = run(guard, gitlab, shop.path, gitlab.job_environment(shop.change()), *with_policy(shop, PEOPLE))
    assert set(told.outcomes("actor-permissions").values()) == {"not-applicable"}


BAD = {
    "without a job token": ({"CI_JOB_TOKEN": ""}, "no token was given", 3),
    "with a token of two lines": ({"CI_JOB_TOKEN": "a\nb"}, "holds characters that no token has", 2),
    "on a server that is none": ({"CI_API_V4_URL": "gitlab"}, "is no http(s) address", 2),
    "with a token that is none": ({"CI_JOB_TOKEN": "gone"}, "401 Unauthorized", 3),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_said_once_and_never_lets_through(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path, case: str
) -> None:
    changes, said, exit_code = BAD[case]
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    environ = gitlab.job_environment(shop.push(), **changes)
    told = run(guard, gitlab, shop.path, environ, *with_policy(shop, PEOPLE))
    assert told.exit_code == exit_code
    assert said in told.stdout + told.stderr


def test_a_server_that_is_down_decides_nothing(gitlab: FakeGitLab, guard: Guard, tmp_path: Path) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    gitlab.fault("GET *", faults.too_many(None))
    told = run(guard, gitlab, shop.path, gitlab.job_environment(shop.push()), *with_policy(shop, PEOPLE))
    assert told.report["verdict"] == "undecided"
    assert {j["cause"] for j in told.report["judgements"] if j["control"] == "actor-permissions"} == {"unavailable"}


def test_no_token_is_in_anything_that_a_run_writes(gitlab: FakeGitLab, guard: Guard, tmp_path: Path) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    job = shop.push()
    token = gitlab.id_token(job, job_id="1")
    reader = gitlab.world.token("reader", "olivia").value
    environ = gitlab.job_environment(job, CI_GUARD_ID_TOKEN=token, CI_GUARD_TOKEN=reader)
    told = run(guard, gitlab, shop.path, environ, *with_policy(shop, PEOPLE))
    written = told.stdout + told.stderr + str(told.report)
    for secret in (token, token.split(".")[2], reader, environ["CI_JOB_TOKEN"]):
        assert secret not in written
    assert shop.project.level_of("carol") == MAINTAINER > DEVELOPER


@pytest.mark.parametrize("kind", ["head", "merge", "train"])
def test_a_change_of_a_developer_is_let_through_in_every_kind_of_its_pipelines(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path, kind: str
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop", merged=False)
    told = run(guard, gitlab, shop.path, gitlab.job_environment(shop.change(kind)), *with_policy(shop, PEOPLE))
    assert told.report["verdict"] == "allow", told.stdout
    assert told.report["context"]["change"] == {"number": 1, "head": shop.head, "target": "main"}


def test_what_is_checked_out_must_be_what_the_job_is_of(gitlab: FakeGitLab, guard: Guard, tmp_path: Path) -> None:
    """A token of another job, put into the variable, would otherwise be judged instead."""
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    older = shop.project.run("web", user="carol", sha=shop.base)
    told = run(guard, gitlab, shop.path, gitlab.job_environment(older), *with_policy(shop, PEOPLE))
    assert told.exit_code == 1
    assert f"git HEAD says {shop.merge}" in told.of("consistent-identity")["observed"]


def test_a_merge_by_a_reviewer_is_allowed_by_the_baseline_on_the_job_token_alone(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path
) -> None:
    """Of the reviewers it shows the rights of one: of whom the job runs as, who merged."""
    shop = gitlab_shop.make(gitlab, tmp_path / "shop", approved_by=("carol",))
    told = run(guard, gitlab, shop.path, gitlab.job_environment(shop.push()))
    assert (told.report["verdict"], told.exit_code) == ("allow", 0), told.stdout
    assert told.of("authority")["source"] == "derived"


def test_a_merge_that_somebody_else_approved_is_undecided_on_the_job_token_and_allowed_with_a_stronger(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop", approved_by=("bob",))
    job = shop.push()
    told = run(guard, gitlab, shop.path, gitlab.job_environment(job))
    assert (told.report["verdict"], told.of("authority")["cause"]) == ("undecided", "invisible")
    assert "read_api" in told.stdout
    policy = with_policy(
        shop, "version: 1\ncontrols: {required-reviews: {require: {approvals: 1, authority: write}}}\n"
    )
    reader = gitlab.world.token("reader", "olivia").value
    told = run(guard, gitlab, shop.path, gitlab.job_environment(job, CI_GUARD_TOKEN=reader), *policy)
    assert told.report["verdict"] == "allow", told.stdout


@pytest.mark.parametrize("approved_by", [(), ("alice",), ("rita",)], ids=["nobody", "its author", "a Reporter"])
def test_a_merge_that_nobody_with_the_authority_approved_is_denied(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path, approved_by: tuple[str, ...]
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop", approved_by=approved_by)
    reader = gitlab.world.token("reader", "olivia").value
    told = run(guard, gitlab, shop.path, gitlab.job_environment(shop.push(), CI_GUARD_TOKEN=reader))
    assert told.exit_code == 1
    assert told.of("approvals", "required-reviews")["outcome"] == "fail"
