"""How a template's job starts ci-guard: with the inputs, and of the pipeline only what is listed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.bootstrap.test_launch import BOOTSTRAP, PLANTED
from tests.gitlab_templates import reading
from tests.gitlab_templates.reading import COMMIT, ROOT

KEPT = {
    "CI": "true",
    "CI_JOB_TOKEN": "t",
    "CI_PIPELINE_SOURCE": "push",
    "CI_GUARD_ID_TOKEN": "signed",
    "GITLAB_USER_ID": "7",
    "HOME": "/home/somebody",
    "LANG": "C.UTF-8",
    "PIP_TIMEOUT": "5",
    "https_proxy": "http://proxy.example",
}

FROM_A_PIPELINE = {
    "CI_GUARD_INPUT_MODE": "report",
    "CI_GUARD_INPUT_POLICY": "theirs.yml",
    "CI_GUARD_INPUT_SERVER": "https://gitlab.example.net",
    "CI_GUARD_INPUT_REPORT_SARIF": "upload",
    "CI_GUARD_LIBRARY_PATH": "/theirs",
    "GITHUB_ACTIONS": "true",
    "RUNNER_TOOL_CACHE": "/theirs",
    "MODE": "report",
    "source": "/theirs",
    "token_variable": "CI_JOB_TOKEN",
}
"""Variables that would choose something, were they heard."""


@pytest.fixture
def guard(tmp_path: Path) -> Path:
    """Return a folder with ci-guard, whose bootstrap tells how it was started."""
    folder = tmp_path / "ci guard"
    folder.mkdir()
    shutil.copyfile(ROOT / "launch.sh", folder / "launch.sh")
    (folder / "bootstrap.py").write_text(BOOTSTRAP)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the checkout of a job."""
    folder = tmp_path / "builds"
    folder.mkdir()
    return folder


def start(
    project: Path, *, name: str = "ci-guard", inputs: dict[str, object], **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the script of the job as a runner does: a shell reads it."""
    (job,) = reading.render(ROOT / f"gitlab-templates/{name}.yml", {"commit": COMMIT, **inputs}).values()
    return subprocess.run(
        ["/bin/bash", "-eo", "pipefail", "-c", "\n".join(job["script"]) + "\necho not reached"],
        env={"PATH": os.environ["PATH"], **environment},
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return dict(json.loads(done.stdout))


def test_of_the_pipeline_only_what_is_listed_is_heard(guard: Path, project: Path) -> None:
    planted = {name: value for name, value in PLANTED.items() if name not in ("GLIBC_TUNABLES", "LD_DEBUG_OUTPUT")}
    heard = told(start(project, inputs={"source": str(guard)}, **KEPT, **planted, **FROM_A_PIPELINE))
    environment = heard["environment"]
    inputs = {key for key in environment if key.startswith("CI_GUARD_INPUT_")}
    assert {key: environment[key] for key in KEPT} == KEPT
    extra = environment.keys() - KEPT.keys() - inputs
    audit = {"CI_GUARD_AUDIT_KEY", "CI_GUARD_AUDIT_TOKEN"}
    assert {environment[key] for key in audit} == {""}
    assert extra <= {"CI_GUARD_TOKEN", *audit, "PATH", "PWD", "OLDPWD", "SHLVL", "_", "TMPDIR"}, extra
    assert environment["PATH"].split(":")[:3] == ["/usr/local/bin", "/usr/bin", "/bin"]
    assert environment["TMPDIR"] == "/tmp"
    assert (heard["isolated"], heard["site"]) == (1, False)


def test_inputs_reach_the_program_and_variables_of_the_same_names_do_not(guard: Path, project: Path) -> None:
    given = {"source": str(guard), "policy": "a/b.yml", "mode": "enforce", "server": "https://gitlab.example.com/git"}
    environment = told(start(project, inputs={**given}, **FROM_A_PIPELINE))["environment"]
    assert environment["CI_GUARD_INPUT_POLICY"] == "a/b.yml"
    assert environment["CI_GUARD_INPUT_MODE"] == "enforce"
    assert environment["CI_GUARD_INPUT_SERVER"] == "https://gitlab.example.com/git"
    assert environment["CI_GUARD_INPUT_ENVIRONMENT"] == ""
    assert "CI_GUARD_INPUT_REPORT_SARIF" not in environment


def test_a_pipeline_variable_does_not_turn_enforcement_off(guard: Path, project: Path) -> None:
    heard = told(start(project, inputs={"source": str(guard)}, **FROM_A_PIPELINE))
    assert heard["environment"]["CI_GUARD_INPUT_MODE"] == ""
    assert heard["arguments"][:4] == ["check", "--platform", "gitlab", "--enforce"]


def test_server_and_audience_are_said_where_no_variable_is_read(guard: Path, project: Path) -> None:
    given = {"server": "https://gitlab.example.com", "id-token-audience": "https://guard.example.com"}
    arguments = told(start(project, inputs={"source": str(guard), **given}))["arguments"]
    assert arguments[5:9] == ["--server", given["server"], "--audience", given["id-token-audience"]]


def test_the_stronger_token_comes_out_of_the_variable_that_is_named(guard: Path, project: Path) -> None:
    tokens = {"READ_API_TOKEN": "this one", "CI_GUARD_TOKEN": "another"}
    named = told(start(project, inputs={"source": str(guard), "token-variable": "READ_API_TOKEN"}, **tokens))
    assert named["environment"]["CI_GUARD_TOKEN"] == "this one"
    by_default = told(start(project, inputs={"source": str(guard)}, **tokens))
    assert by_default["environment"]["CI_GUARD_TOKEN"] == "another"
    assert "READ_API_TOKEN" not in named["environment"]
    unset = told(start(project, inputs={"source": str(guard), "token-variable": "READ_API_TOKEN"}))
    assert unset["environment"]["CI_GUARD_TOKEN"] == ""


def test_key_and_token_of_the_record_come_out_of_the_variables_that_are_named(guard: Path, project: Path) -> None:
    variables = {"SIGNS": "a key", "PUSHES": "a token", "CI_GUARD_AUDIT_KEY": "another"}
    given = {"audit-key-variable": "SIGNS", "audit-token-variable": "PUSHES", "audit-log": "https://audit.example/"}
    heard = told(start(project, inputs={"source": str(guard), **given}, **variables))
    assert heard["environment"]["CI_GUARD_AUDIT_KEY"] == "a key"
    assert heard["environment"]["CI_GUARD_AUDIT_TOKEN"] == "a token"
    assert heard["environment"]["CI_GUARD_INPUT_AUDIT_LOG"] == given["audit-log"]
    assert not heard["environment"].keys() & {"SIGNS", "PUSHES"}
    assert "a key" not in str(heard["arguments"])
    by_default = told(start(project, inputs={"source": str(guard)}, **variables))["environment"]
    assert (by_default["CI_GUARD_AUDIT_KEY"], by_default["CI_GUARD_AUDIT_TOKEN"]) == ("another", "")


def test_the_template_for_the_scanner_hands_no_stronger_token_on(guard: Path, project: Path) -> None:
    heard = told(start(project, name="secret-scan", inputs={"source": str(guard)}, CI_GUARD_TOKEN="another"))
    assert "CI_GUARD_TOKEN" not in heard["environment"]
    assert heard["arguments"][:2] == ["check", "secret-free"]


def test_wheels_index_and_cache_are_the_inputs_own(guard: Path, project: Path) -> None:
    given = {
        "wheels": "/opt/wheels",
        "cache": "/var/cache/ci-guard",
        "index-url": "https://packages.example.com/simple",
    }
    heard = told(start(project, inputs={"source": str(guard), **given}, PIP_INDEX_URL="https://theirs.example"))
    assert heard["arguments"][:5] == ["--wheels", "/opt/wheels", "--home", "/var/cache/ci-guard", "check"]
    assert heard["environment"]["PIP_INDEX_URL"] == "https://packages.example.com/simple"


@pytest.mark.parametrize("kind", ["nothing", "a link", "a folder", "a file"])
def test_what_lies_where_reports_go_is_taken_away(guard: Path, project: Path, kind: str, tmp_path: Path) -> None:
    place, elsewhere = project / ".ci-guard-reports", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "theirs.txt").write_text("theirs")
    if kind == "a link":
        place.symlink_to(elsewhere)
    elif kind == "a folder":
        place.mkdir()
        (place / "report.json").symlink_to(elsewhere / "theirs.txt")
    elif kind == "a file":
        place.write_text("theirs")
    told(start(project, inputs={"source": str(guard)}))
    assert place.is_dir()
    assert not place.is_symlink()
    assert list(place.iterdir()) == []
    assert (elsewhere / "theirs.txt").read_text() == "theirs"


def test_the_program_is_not_taken_out_of_the_checkout_that_is_judged(guard: Path, project: Path) -> None:
    shutil.copytree(guard, project / "ci-guard")
    for source in (f"{project}/ci-guard", f"{project}"):
        done = start(project, inputs={"source": source})
        assert done.returncode == 4, done.stdout
        assert "lies in the checkout" in done.stderr


def test_a_folder_without_ci_guard_is_a_fault(project: Path, tmp_path: Path) -> None:
    done = start(project, inputs={"source": str(tmp_path)})
    assert (done.returncode, done.stdout) == (4, "")
    assert "holds no ci-guard" in done.stderr


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4])
def test_the_exit_code_is_the_job_s_own_and_nothing_runs_behind(guard: Path, project: Path, code: int) -> None:
    (guard / "bootstrap.py").write_text(f"raise SystemExit({code})\n")
    done = start(project, inputs={"source": str(guard)})
    assert (done.returncode, done.stdout) == (code, "")


def test_a_commit_that_cannot_be_fetched_is_a_fault_that_names_it(project: Path) -> None:
    done = start(project, inputs={"source": "http://127.0.0.1:1/security/ci-guard.git"}, GIT_TRACE="1")
    assert (done.returncode, done.stdout) == (4, "")
    assert f"commit {COMMIT} could not be fetched from http://127.0.0.1:1/security/ci-guard.git" in done.stderr
    assert "trace" not in done.stderr


def test_nothing_stays_behind_of_what_was_fetched(project: Path) -> None:
    """The server stands in the configuration of the repository that was fetched into."""
    server = f"http://127.0.0.1:1/{project.parent.name}"
    done = start(project, inputs={"server": server, "source": f"{server}/ci-guard.git"})
    assert "could not be fetched" in done.stderr
    configurations = Path("/tmp").glob("ci-guard.*/.git/config")
    assert [file for file in configurations if server in file.read_text(encoding="utf-8")] == []


def test_the_text_of_the_start_ends_no_quote() -> None:
    assert "'" not in (ROOT / "scripts/gitlab_start.sh").read_text(encoding="utf-8")
