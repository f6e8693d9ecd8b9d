"""The input `report-sarif`: the report goes to code scanning or to a file, and a failure is no pass."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ci_guard.entrypoints import cli
from tests.e2e import consumer
from tests.e2e.consumer import Consumer
from tests.e2e.test_check import ACTION
from tests.fakes.github import FakeGitHub
from tests.fakes.hub.world import JOB_PERMISSIONS

MAY = {**JOB_PERMISSIONS, "security_events": "write"}


@dataclass(frozen=True, kw_only=True)
class Told:
    exit_code: int
    log: str

    def annotations(self, level: str) -> list[str]:
        return [line for line in self.log.splitlines() if line.startswith(f"::{level} title=ci-guard%3A code scanning")]


Scan = Callable[..., Told]


@pytest.fixture
def scan(github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scan:
    def run(
        shop: Consumer,
        sarif: str = "upload",
        *arguments: str,
        actor: str = "olivia",
        permissions: dict[str, str] | None = None,
        **variables: str,
    ) -> Told:
        monkeypatch.chdir(shop.path)
        if shop.pull.merged:
            started = shop.repo.run("push", actor=actor, sha=shop.merge)
            payload = github.events(shop.repo).push("main", before=shop.base, sender=actor)
        else:
            started = shop.repo.run("pull_request", actor=actor, pull=shop.pull)
            payload = github.events(shop.repo).pull_request(shop.pull)
        token = github.token("job", permissions=MAY if permissions is None else permissions).value
        given = {"GITHUB_TOKEN": token, "CI_GUARD_INPUT_REPORT_SARIF": sarif, **variables}
        environ = github.job_environment(shop.repo, started, payload, tmp_path / "job", **given)
        stdout, stderr = io.StringIO(), io.StringIO()
        code = cli.run([*ACTION, *arguments], environ, stdout, stderr)
        assert "Traceback" not in stderr.getvalue()
        return Told(exit_code=code, log=stdout.getvalue() + stderr.getvalue())

    return run


@pytest.mark.parametrize("approved_by", [("bob",), ()], ids=["allowed", "denied"])
def test_the_report_of_a_push_is_sent_for_its_branch_whatever_the_verdict(
    github: FakeGitHub, scan: Scan, tmp_path: Path, approved_by: tuple[str, ...]
) -> None:
    shop = consumer.make(github, tmp_path / "shop", approved_by=approved_by)
    told = scan(shop)
    assert told.exit_code == (0 if approved_by else 1)
    (taken,) = shop.repo.uploads
    assert (taken.commit, taken.ref) == (shop.merge, "refs/heads/main")
    assert json.loads(taken.sarif)["version"] == "2.1.0"
    assert taken.folder == f"{shop.path.as_uri()}/"
    assert f"sent to code scanning ({taken.id})" in told.log


def test_the_report_of_a_pull_request_is_sent_for_its_trial_merge(
    github: FakeGitHub, scan: Scan, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop", merged=False)
    assert scan(shop, actor="alice").exit_code == 0
    (taken,) = shop.repo.uploads
    assert (taken.commit, taken.ref) == (shop.merge, "refs/pull/1/merge")


def test_a_refusal_turns_an_allow_into_2_and_names_the_permission(
    github: FakeGitHub, scan: Scan, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    told = scan(shop, permissions=JOB_PERMISSIONS)
    assert told.exit_code == 2
    (error,) = told.annotations("error")
    assert "Needed: security-events: write" in error
    assert (tmp_path / "job/output").read_text(encoding="utf-8").startswith("verdict=allow"), "the verdict stays"


def test_a_refusal_leaves_a_denial_as_it_is(github: FakeGitHub, scan: Scan, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop", approved_by=())
    told = scan(shop, permissions=JOB_PERMISSIONS)
    assert (told.exit_code, len(told.annotations("error"))) == (1, 1)


def test_the_stronger_token_sends_where_the_jobs_may_not(github: FakeGitHub, scan: Scan, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    stronger = github.token("stronger", permissions=MAY).value
    assert scan(shop, permissions=JOB_PERMISSIONS, CI_GUARD_TOKEN=stronger).exit_code == 0
    assert [taken.token for taken in shop.repo.uploads] == ["stronger"]


def test_a_repository_without_code_scanning_is_told_so(github: FakeGitHub, scan: Scan, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    shop.repo.code_scanning = False
    told = scan(shop)
    assert told.exit_code == 2
    (error,) = told.annotations("error")
    assert "must be enabled" in error
    assert "Needed" not in error


def test_a_run_without_the_repositorys_trust_only_warns(github: FakeGitHub, scan: Scan, tmp_path: Path) -> None:
    """Dependabot's and forks' tokens may not send by the platform's own rule; no workflow could change that."""
    shop = consumer.make(github, tmp_path / "shop", merged=False)
    told = scan(shop, actor="dependabot[bot]", permissions=JOB_PERMISSIONS)
    assert told.exit_code == 0, told.log
    assert len(told.annotations("warning")) == 1
    assert told.annotations("error") == []


def test_a_fault_is_no_refusal_even_without_the_repositorys_trust(
    github: FakeGitHub, scan: Scan, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop", merged=False)
    shop.repo.sarif_limit = 10
    told = scan(shop, actor="dependabot[bot]")
    assert told.exit_code == 2
    assert "answered 413" in told.annotations("error")[0]


def test_an_ended_run_sends_nothing_that_would_close_alerts(github: FakeGitHub, scan: Scan, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop", base_files={".ci-guard.yml": "version: 2\n"})
    told = scan(shop)
    assert told.exit_code == 2
    assert "Nothing was sent to code scanning" in told.log
    assert shop.repo.uploads == []


def test_nothing_is_sent_unless_asked(github: FakeGitHub, scan: Scan, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    assert scan(shop, "").exit_code == 0
    assert shop.repo.uploads == []
    assert github.count("POST *") == 0


@pytest.mark.parametrize("path", ["ci-guard.sarif", "reports/out.sarif", "{shop}/reports/x", "./x", "reports/../y"])
def test_any_other_value_is_a_file_in_the_workspace(github: FakeGitHub, scan: Scan, tmp_path: Path, path: str) -> None:
    shop = consumer.make(github, tmp_path / "shop", base_files={"reports/.gitkeep": ""})
    file = path.replace("{shop}", str(shop.path))
    assert scan(shop, file).exit_code == 0
    assert json.loads((shop.path / file).read_text(encoding="utf-8"))["version"] == "2.1.0"
    assert shop.repo.uploads == []


@pytest.mark.parametrize(
    "path",
    ["/etc/x.sarif", "../x.sarif", "reports/../../x", "outside/x", "nowhere/x", "link.sarif", "reports", "."],
)
def test_a_file_elsewhere_or_behind_a_link_is_refused(
    github: FakeGitHub, scan: Scan, tmp_path: Path, path: str
) -> None:
    """The checkout may hold links of a stranger's."""
    shop = consumer.make(github, tmp_path / "shop", base_files={"reports/.gitkeep": ""})
    (tmp_path / "elsewhere").mkdir()
    (shop.path / "outside").symlink_to(tmp_path / "elsewhere")
    (shop.path / "link.sarif").symlink_to(tmp_path / "elsewhere/file")
    told = scan(shop, path)
    assert told.exit_code == 2
    assert f"report-sarif {path!r} was refused" in told.log
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (tmp_path / "x.sarif").exists()


def test_the_file_is_written_whatever_else_is_wrong(github: FakeGitHub, scan: Scan, tmp_path: Path) -> None:
    shop = consumer.make(github, tmp_path / "shop", base_files={".ci-guard.yml": "version: 2\n"})
    assert scan(shop, "policy.sarif").exit_code == 2
    assert scan(shop, "usage.sarif", "--mode", "nonsense").exit_code == 2
    for name in ("policy.sarif", "usage.sarif"):
        assert json.loads((shop.path / name).read_text(encoding="utf-8"))["version"] == "2.1.0"


def test_the_input_counts_for_the_action_alone(
    github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = consumer.make(github, tmp_path / "shop")
    monkeypatch.chdir(shop.path)
    environ = {"CI_GUARD_INPUT_REPORT_SARIF": "x.sarif"}
    cli.run(["check", "--quiet"], environ, io.StringIO(), io.StringIO())
    assert not (shop.path / "x.sarif").exists()
