"""A recorded run is judged again to the very same report, without a server, and cannot be bent unseen."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from ci_guard import __version__
from ci_guard.audit.record import record_of
from ci_guard.controls.registry import CONTROLS
from ci_guard.entrypoints import cli
from ci_guard.errors import UsageError
from ci_guard.gate import judged
from ci_guard.replay.reading import decoded
from ci_guard.reporters import facts
from tests.e2e import consumer
from tests.fakes.github import FakeGitHub

METAS = tuple(control.META for control in CONTROLS)
STRICT = "version: 1\nextends: builtin:strict\n"


def told(environ: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    code = cli.run(arguments, environ, stdout, stderr)
    return code, stdout.getvalue(), stderr.getvalue()


@pytest.fixture
def job(github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    shop = consumer.make(github, tmp_path / "shop")
    run = shop.repo.run("push", actor="olivia", sha=shop.repo.branches["main"])
    payload = github.events(shop.repo).push("main", before=shop.base, sender="olivia")
    environ = github.job_environment(shop.repo, run, payload, tmp_path / "job")
    environ["GITHUB_TOKEN"] = github.token("job").value
    monkeypatch.chdir(shop.path)
    return environ


def test_a_replay_is_the_run_byte_for_byte_and_asks_nobody(
    job: dict[str, str], github: FakeGitHub, tmp_path: Path
) -> None:
    kept, first, second, again = (str(tmp_path / name) for name in ("kept", "first.json", "second.json", "again"))
    wanted = ("--platform", "github", "--enforce", "--report", f"json={first}", "--report", f"facts={kept}")
    code, _, _ = told(job, "check", *wanted)
    asked = len(github.requests)
    assert (
        told({}, "check", "--facts", kept, "--report", f"json={second}", "--report", f"facts={again}")[0] == code == 0
    )
    assert len(github.requests) == asked
    assert Path(second).read_bytes() == Path(first).read_bytes()
    assert Path(again).read_bytes() == Path(kept).read_bytes()
    assert job["GITHUB_TOKEN"] not in Path(kept).read_text()


def test_all_facts_are_kept_so_that_a_stricter_policy_can_be_tried(job: dict[str, str], tmp_path: Path) -> None:
    kept, policy, report = tmp_path / "kept.json", tmp_path / "strict.yml", tmp_path / "report.json"
    policy.write_text(STRICT)
    assert told(job, "facts", "--platform", "github", "--out", str(kept))[0] == 0
    code, _, _ = told({}, "check", "--facts", str(kept), "--policy", str(policy), "--report", f"json={report}")
    told_of = json.loads(report.read_text())
    assert code == told_of["exit_code"] == 1
    assert "no control that was run asked for it" not in report.read_text()


def test_a_run_that_keeps_its_facts_keeps_what_contexts_of_another_policy_ask(
    job: dict[str, str], tmp_path: Path
) -> None:
    kept, policy = tmp_path / "kept.json", tmp_path / "new.yml"
    policy.write_text(
        "version: 1\nextends: builtin:baseline\ncontexts:\n- name: here\n  when: {visibility: [public, private], "
        "labels: [x], changed-paths: ['**'], actor: {level: [admin]}, runner: {host: [hosted]}}\n"
        "  controls: {actor-permissions: {require: {actor: admin}}}\n"
    )
    told(job | {"RUNNER_ENVIRONMENT": "github-hosted"}, "check", "--platform", "github", "--report", f"facts={kept}")
    code, out, err = told({}, "check", "--facts", str(kept), "--policy", str(policy))
    shown = " ".join((out + err).split())
    assert (code, "does not apply: there is no label." in shown) == (0, True), shown


def test_the_audit_log_names_the_record_by_its_digest(job: dict[str, str], tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    told(job, "check", "--platform", "github", "--report", f"facts={kept}")
    result = judged(decoded(kept.read_bytes(), "kept", METAS), CONTROLS, __version__)
    assert record_of(result)["facts_sha256"] == hashlib.sha256(kept.read_bytes()).hexdigest()
    assert facts.render(result).encode() == kept.read_bytes()


def test_a_replay_in_report_mode_keeps_the_verdict_and_enforce_wins(job: dict[str, str], tmp_path: Path) -> None:
    kept, policy = tmp_path / "kept.json", tmp_path / "strict.yml"
    policy.write_text(STRICT)
    told(job, "facts", "--platform", "github", "--out", str(kept))
    asked = ("check", "--facts", str(kept), "--policy", str(policy), "--mode")
    assert told({}, *asked, "report")[0] == 0
    assert told({}, *asked, "enforce")[0] == 1


@pytest.mark.parametrize(
    ("more", "name"),
    [
        (("--platform", "github"), "--platform"),
        (("--environment", "production"), "--environment"),
        (("--inputs",), "--inputs"),
        (("--audit-log", "log"), "--audit-log"),
    ],
)
def test_what_speaks_of_a_run_that_takes_place_is_refused_beside_a_record(
    more: tuple[str, ...], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = told({}, "check", "--facts", "kept.json", *more)
    assert code == 2
    assert f"{name} does not go with --facts" in out + err


def test_a_scan_alone_is_judged_again_likewise(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text(f"token = '{'ghp_' + 'A1b2' * 9}'\n")
    kept, first, second = (str(tmp_path / name) for name in ("kept", "first.json", "second.json"))
    assert told({}, "scan", str(tmp_path), "--report", f"facts={kept}", "--report", f"json={first}")[0] == 1
    assert told({}, "check", "--facts", kept, "--report", f"json={second}")[0] == 1
    assert Path(first).read_bytes() == Path(second).read_bytes()


def test_a_run_that_ended_early_keeps_no_facts(tmp_path: Path) -> None:
    kept = tmp_path / "early.json"
    assert told({}, "check", "--policy", "nowhere.yml", "--report", f"facts={kept}")[0] == 2
    code, out, err = told({}, "check", "--facts", str(kept))
    assert code == 2
    assert "holds no facts" in " ".join((out + err).split())


def small() -> dict[str, Any]:
    return {"schema": "ci-guard.facts/v1"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is no JSON"),
        (b"\xff\xfe", "refused"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"schema": 1, "schema": 2}', "twice"),
        (b'{"schema": NaN}', "NaN is not JSON"),
        (b'{"schema": "ci-guard.report/v1", "tool": {}}', "it is 'ci-guard.report/v1', and expected is ci-guard.facts"),
        (json.dumps(small()).encode(), "lacks 'version'"),
        (json.dumps({**small(), "extra": 1}).encode(), "has no 'extra'"),
        (b'{"schema": "ci-guard.facts/v1", "failure": "token ' + b"x1" * 20 + b'"}', "token …"),
        (b"1" * 5_000, "refused"),
        (json.dumps({**small(), "version": "0", "time": "9999-12-31T23:59:59+00:00"}).encode(), "refused"),
    ],
)
def test_what_is_no_record_is_refused_with_the_reason(content: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        decoded(content, "kept.json", METAS)


def test_a_requirement_that_this_version_does_not_judge_is_refused_and_not_left_out(
    job: dict[str, str], tmp_path: Path
) -> None:
    kept = tmp_path / "kept.json"
    told(job, "check", "--platform", "github", "--report", f"facts={kept}")
    content = kept.read_bytes().replace(b'"no-secrets"', b'"no-surprises"')
    with pytest.raises(UsageError, match="no-surprises"):
        decoded(content, "kept.json", METAS)
