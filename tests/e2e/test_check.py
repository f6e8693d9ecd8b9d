"""
The whole command against the fake GitHub, in process: from environment and event file to exit code, report and streams.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ci_guard.entrypoints import cli
from ci_guard.reporters.json_v1 import report_schema
from tests.e2e import consumer
from tests.e2e.consumer import Consumer
from tests.fakes import faults
from tests.fakes.github import FakeGitHub

ACTION = ("check", "--platform", "github", "--enforce", "--inputs")
REPORT = Draft202012Validator(report_schema())
"""`tests/reporters/test_json_v1.py` holds the schema itself against its own."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one run of the command left behind."""

    exit_code: int
    stdout: str
    stderr: str
    report: dict[str, Any]
    folder: Path

    def outcomes(self, control: str) -> dict[str, str]:
        return {j["requirement"]: j["outcome"] for j in self.report["judgements"] if j["control"] == control}

    def of(self, requirement: str, control: str = "") -> dict[str, Any]:
        (found,) = [
            j for j in self.report["judgements"] if j["requirement"] == requirement and control in ("", j["control"])
        ]
        return dict(found)


Guard = Callable[..., Told]


@pytest.fixture
def guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Guard:
    def run(environ: dict[str, str], path: Path, *arguments: str) -> Told:
        monkeypatch.chdir(path)
        stdout, stderr = io.StringIO(), io.StringIO()
        report = tmp_path / "asked.json"
        exit_code = cli.run([*(arguments or ACTION), "--report", f"json={report}"], environ, stdout, stderr)
        told = json.loads(report.read_text(encoding="utf-8"))
        REPORT.validate(told)
        assert told["exit_code"] == exit_code
        return Told(
            exit_code=exit_code, stdout=stdout.getvalue(), stderr=stderr.getvalue(), report=told, folder=tmp_path
        )

    return run


def push_of(
    github: FakeGitHub,
    shop: Consumer,
    folder: Path,
    *,
    actor: str = "olivia",
    token: str | None = "job",
    **changes: str,
) -> dict[str, str]:
    run = shop.repo.run("push", actor=actor, sha=shop.repo.branches["main"])
    payload = github.events(shop.repo).push("main", before=shop.base, sender=actor)
    environ = github.job_environment(shop.repo, run, payload, folder, **changes)
    if token:
        environ["GITHUB_TOKEN"] = github.token(token).value
    return environ


def test_a_reviewed_merge_is_allowed_with_the_default_token(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    told = guard(push_of(github, shop, tmp_path / "job"), shop.path)
    assert (told.report["verdict"], told.exit_code) == ("allow", 0), told.stdout
    assert told.outcomes("required-reviews") == dict.fromkeys(
        ("reviewed-change", "approvals", "independence", "freshness", "authority", "no-rejection"), "pass"
    )
    assert told.report["context"]["sha"] == shop.merge
    assert (tmp_path / "job" / "output").read_text(encoding="utf-8").startswith("verdict=allow")


def test_a_merge_without_approval_is_denied_with_what_was_missing(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop", approved_by=())
    told = guard(push_of(github, shop, tmp_path / "job"), shop.path)
    assert (told.report["verdict"], told.exit_code) == ("deny", 1)
    assert told.of("approvals", "required-reviews")["subject"] == "#1"
    assert "::error" in told.stdout


def test_an_approval_by_the_author_of_the_change_does_not_count(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop", approved_by=("rita",))
    told = guard(push_of(github, shop, tmp_path / "job"), shop.path)
    assert told.outcomes("required-reviews")["authority"] == "fail"


def test_a_rerun_by_a_reader_is_denied_although_the_actor_may_write(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    environ = push_of(github, shop, tmp_path / "job")
    run = list(shop.repo.runs.values())[-1]
    run.rerun(by="rita")
    environ |= {"GITHUB_RUN_ATTEMPT": "2", "GITHUB_TRIGGERING_ACTOR": "rita"}
    told = guard(environ, shop.path)
    assert told.exit_code == 1
    assert told.of("triggering-actor")["outcome"] == "fail"
    assert told.of("actor")["outcome"] == "pass"


def test_a_direct_push_is_denied_and_names_the_pusher(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    consumer.write(shop.path, {"hotfix.py": "x = 1\n"})
    consumer.git(shop.path, "commit", "-q", "-m", "Hotfix", who="alice")
    sha = consumer.git(shop.path, "rev-parse", "HEAD")
    pulls, activities = dict(shop.repo.pulls), list(shop.repo.activities)
    shop.repo.import_git(shop.path)
    shop.repo.pulls.update(pulls)
    shop.repo.branches["main"] = shop.merge
    shop.repo.activities.extend(activities)
    shop.repo.push("main", sha, by="alice")
    told = guard(push_of(github, shop, tmp_path / "job", actor="alice"), shop.path)
    assert told.exit_code == 1
    assert told.of("reviewed-change")["outcome"] == "fail"
    assert "alice" in told.of("reviewed-change")["message"] + told.of("reviewed-change")["observed"]
    assert told.outcomes("required-reviews")["approvals"] == "not-applicable"


def test_a_pull_request_is_judged_by_the_target_branchs_policy(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    """The change cannot weaken the policy that judges it."""
    shop = consumer.make(
        github,
        tmp_path / "shop",
        merged=False,
        base_files={".ci-guard.yml": "version: 1\ncontrols: {actor-permissions: {require: {actor: admin}}}\n"},
        head_files={".ci-guard.yml": "version: 1\ncontrols: {actor-permissions: {require: {actor: read}}}\n"},
    )
    run = shop.repo.run("pull_request", actor="alice", pull=shop.pull)
    payload = github.events(shop.repo).pull_request(shop.pull)
    environ = github.job_environment(shop.repo, run, payload, tmp_path / "job", GITHUB_TOKEN=github.token("job").value)
    told = guard(environ, shop.path)
    assert told.exit_code == 1
    assert "admin" in told.of("actor")["expected"]


def test_a_change_that_brings_a_policy_with_a_mistake_is_refused_before_it_is_merged(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    """Merged, it would refuse every run, that of the change which mends it too."""
    mistaken = "version: 1\nextends: builtin:baseline\ncontrols:\n  branch-protection: {require: {aprovals: 2}}\n"
    shop = consumer.make(github, tmp_path / "shop", merged=False, head_files={".ci-guard.yml": mistaken})
    run = shop.repo.run("pull_request", actor="alice", pull=shop.pull)
    payload = github.events(shop.repo).pull_request(shop.pull)
    environ = github.job_environment(shop.repo, run, payload, tmp_path / "job", GITHUB_TOKEN=github.token("job").value)
    told = guard(environ, shop.path)
    assert (told.exit_code, told.report["verdict"]) == (2, "error")
    assert "would be refused in every run after its merge" in told.stdout
    assert "(with this change):4:33: an unknown key" in told.stdout
    assert "Perhaps you meant approvals" in told.stdout


def test_the_policy_of_a_push_is_the_pushed_commits(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    shop = consumer.make(
        github,
        tmp_path / "shop",
        base_files={".ci-guard.yml": "version: 1\ncontrols: {actor-permissions: {require: {actor: maintain}}}\n"},
    )
    told = guard(push_of(github, shop, tmp_path / "job", actor="alice"), shop.path)
    assert told.of("actor")["outcome"] == "fail"
    assert ".ci-guard.yml" in told.report["policy"]["source"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version: 1\ncontrols: {branch-protection: {require: {aprovals: 1}}}\n", "approvals"),
        ("version: 1\n", "requires nothing"),
        ("- a\n- list\n", "expected"),
        ("version: 1\nextends: builtin:stict\n", "builtin:strict"),
    ],
)
def test_a_bad_policy_is_exit_2_with_one_message(
    github: FakeGitHub, guard: Guard, tmp_path: Path, text: str, words: str
) -> None:
    shop = consumer.make(github, tmp_path / "shop", base_files={".ci-guard.yml": text})
    told = guard(push_of(github, shop, tmp_path / "job"), shop.path)
    assert (told.report["verdict"], told.exit_code) == ("error", 2)
    assert words in told.stdout
    assert "Traceback" not in told.stdout + told.stderr


def test_a_policy_that_is_a_link_makes_the_run_undecided_and_not_baseline(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    (shop.path / ".ci-guard.yml").symlink_to("/etc/passwd")
    consumer.git(shop.path, "add", "-A")
    consumer.git(shop.path, "commit", "-q", "-m", "Link")
    sha = consumer.git(shop.path, "rev-parse", "HEAD")
    environ = push_of(github, shop, tmp_path / "job", GITHUB_SHA=sha)
    run = list(shop.repo.runs.values())[-1]
    run.head_sha = sha
    told = guard(environ, shop.path)
    assert (told.report["verdict"], told.exit_code) == ("undecided", 3)
    assert "link" in told.stdout


def test_without_a_token_facts_are_unknown_and_not_an_error(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    told = guard(push_of(github, shop, tmp_path / "job", token=None), shop.path)
    assert (told.report["verdict"], told.exit_code) == ("undecided", 3)
    assert "pass" not in told.outcomes("branch-protection").values()
    assert github.requests == []


def test_a_wrong_token_is_undecided(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    told = guard(push_of(github, shop, tmp_path / "job") | {"GITHUB_TOKEN": "wrong"}, shop.path)
    assert told.exit_code == 3
    assert "Bad credentials" in told.stdout


def test_a_missing_event_file_is_not_an_error(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    environ = push_of(github, shop, tmp_path / "job", GITHUB_EVENT_PATH=str(tmp_path / "nowhere.json"))
    told = guard(environ, shop.path)
    assert told.exit_code in (0, 3)
    assert "Traceback" not in told.stdout


def test_an_unknown_event_is_undecided(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    environ = push_of(github, shop, tmp_path / "job", GITHUB_EVENT_NAME="deployment_protection_rule")
    run = list(shop.repo.runs.values())[-1]
    run.event = "deployment_protection_rule"
    assert guard(environ, shop.path).exit_code == 3


def test_an_exhausted_rate_limit_never_opens_the_gate(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop", approved_by=())
    environ = push_of(github, shop, tmp_path / "job")
    github.fault("GET /**", faults.primary_limit(), times=1000)
    assert guard(environ, shop.path).exit_code == 3


def test_hostile_variables_change_no_verdict(
    github: FakeGitHub, guard: Guard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    hostile = {
        "GITLAB_CI": "true",
        "CI": "",
        "JENKINS_URL": "http://127.0.0.1:1/",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "ALL_PROXY": "http://127.0.0.1:1",
        "SSL_CERT_FILE": "/dev/null",
        "REQUESTS_CA_BUNDLE": "/dev/null",
        "GIT_DIR": "/nonexistent",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": f"touch {tmp_path / 'owned'}",
        "CI_GUARD_MODE": "report",
        "CI_GUARD_POLICY": "/dev/null",
    }
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    told = guard(push_of(github, shop, tmp_path / "job") | hostile, shop.path)
    assert told.exit_code == 0, told.stdout
    assert not (tmp_path / "owned").exists()


def test_report_mode_by_input_lets_a_denial_through_only_where_no_policy_enforces(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop", approved_by=())
    environ = push_of(github, shop, tmp_path / "job", CI_GUARD_INPUT_MODE="report")
    told = guard(environ, shop.path)
    assert (told.report["verdict"], told.exit_code) == ("deny", 0)
    enforced = consumer.make_policy(shop, "version: 1\nmode: enforce\nextends: builtin:baseline\n")
    told = guard(environ, shop.path, *ACTION, "--policy", str(enforced))
    assert (told.report["verdict"], told.exit_code) == ("deny", 1)


def test_inputs_are_read_only_by_the_action(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    """A variable that a job can set must not choose the mode of a plain `ci-guard check`."""
    shop = consumer.make(github, tmp_path / "shop", approved_by=())
    told = guard(push_of(github, shop, tmp_path / "job", CI_GUARD_INPUT_MODE="report"), shop.path, "check")
    assert told.exit_code == 1


def test_a_run_limited_to_one_control_says_so_and_asks_for_nothing_else(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop", approved_by=())
    told = guard(push_of(github, shop, tmp_path / "job", CI_GUARD_INPUT_CONTROLS="branch-protection"), shop.path)
    assert told.exit_code == 0
    assert told.report["controls"] == ["branch-protection"]
    assert "required-reviews" in told.stdout
    assert github.count("GET /repos/*/pulls/*/reviews") == 0
    assert github.count("GET /repos/*/collaborators/*/permission") == 0


def test_each_fact_is_fetched_once_and_the_report_counts_the_requests(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop", approved_by=("bob", "carol"))
    told = guard(push_of(github, shop, tmp_path / "job"), shop.path)
    assert told.exit_code == 0
    assert github.repeated() == {}, "each fact is fetched once"
    assert told.report["evidence"]["requests"] == github.count()


def test_a_subfolder_is_no_way_to_hide_a_secret_in_the_rest_of_the_repository(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    secret = "AK" + "IA" + "Q3EGRTZ7KLMNWXYV"
    shop = consumer.make(github, tmp_path / "shop", base_files={"sub/a.txt": "a\n", "key.py": f"K = '{secret}'\n"})
    told = guard(push_of(github, shop, tmp_path / "job"), shop.path / "sub")
    assert told.exit_code == 1
    assert told.of("no-secrets")["location"]["path"] == "key.py"


def test_an_unknown_range_leaves_the_rest_to_be_scanned(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    secret = "AK" + "IA" + "Q3EGRTZ7KLMNWXYV"
    shop = consumer.make(github, tmp_path / "shop", base_files={"key.py": f"K = '{secret}'\n"})
    github.fault("GET /repos/*/activity", faults.forbidden("Resource not accessible by integration"))
    told = guard(push_of(github, shop, tmp_path / "job", GITHUB_EVENT_PATH="/nowhere"), shop.path)
    assert told.of("no-secrets")["outcome"] == "fail"
    assert told.of("complete-scan")["outcome"] == "unknown"
