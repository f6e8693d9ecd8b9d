"""Telling a result: nothing that later jobs ask says `allow` where somebody counts on what could not be written."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from ci_guard.entrypoints.delivery import deliver
from ci_guard.entrypoints.options import Output
from ci_guard.entrypoints.sink_options import Audit, AuditLog
from ci_guard.model.decision import Result, Verdict
from ci_guard.model.run import Platform
from ci_guard.reporters import gitlab_dotenv
from tests.reporters import sample


def told(result: Result, output: Output, folder: Path) -> tuple[int, str, str]:
    """Tell a result as the action does; return the exit code, the action's outputs and all that was printed."""
    outputs = folder / "outputs"
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(outputs), "RUNNER_TEMP": str(folder)}
    out = io.StringIO()
    result = replace(result, run=replace(result.run, platform=Platform.GITHUB))
    return deliver(result, output, environ, out, out, action=True), outputs.read_text(), out.getvalue()


@pytest.mark.parametrize("missing", ["record", "report"])
def test_a_run_that_does_not_go_on_says_allow_nowhere(tmp_path: Path, missing: str) -> None:
    """A later job that runs in any case may ask the verdict, and not whether this job failed."""
    nowhere, report = tmp_path / "no" / "where", tmp_path / "r.json"
    audit = Audit(logs=(AuditLog(path=str(nowhere if missing == "record" else tmp_path / "log")),))
    reports = (("json", str(report)),) if missing == "record" else (("sarif", str(nowhere)),)
    code, outputs, printed = told(sample.SAMPLES["allowed"](), Output(reports=reports, audit=audit), tmp_path)
    assert code == 2
    assert "verdict=error\n" in outputs
    assert "Allowed" not in printed
    if missing == "record":
        said = json.loads(report.read_text())
        assert (said["verdict"], said["exit_code"]) == ("error", 2)
    code, outputs, _ = told(sample.SAMPLES["allowed"](), Output(), tmp_path)
    assert (code, "verdict=allow\n" in outputs) == (0, True)


def test_a_denial_stays_one_where_its_record_is_missing(tmp_path: Path) -> None:
    audit = Audit(logs=(AuditLog(path=str(tmp_path / "no" / "where")),))
    denied = sample.denied(1)
    code, outputs, _ = told(denied, Output(audit=audit), tmp_path)
    assert (code, "verdict=deny\n" in outputs) == (denied.decision.exit_code, True)
    reported = replace(denied, decision=replace(denied.decision, exit_code=0))
    code, outputs, _ = told(reported, Output(audit=audit), tmp_path)
    assert (code, outputs.count("verdict=deny\n")) == (2, 2)


def test_the_variables_of_later_jobs_follow(tmp_path: Path) -> None:
    audit = Audit(logs=(AuditLog(path=str(tmp_path / "no" / "where")),))
    kept = tmp_path / "verdict.env"
    allowed = sample.SAMPLES["allowed"]()
    assert allowed.decision.verdict is Verdict.ALLOW
    assert "CI_GUARD_VERDICT=allow" in gitlab_dotenv.render(allowed)
    assert told(allowed, Output(reports=(("gitlab-dotenv", str(kept)),), audit=audit), tmp_path)[0] == 2
    assert kept.read_text().splitlines()[:2] == ["CI_GUARD_VERDICT=error", "CI_GUARD_EXIT_CODE=2"]
