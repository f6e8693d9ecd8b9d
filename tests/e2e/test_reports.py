"""Every format of `--report`, whatever the end of the run, and what reaches the log of a job on GitHub."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast
from xml.etree import ElementTree as ET

import pytest

from ci_guard.entrypoints import cli
from ci_guard.entrypoints.joblog import JobLog
from ci_guard.entrypoints.options import FORMATS
from ci_guard.model.decision import Result
from ci_guard.reporters import markdown
from ci_guard.reporters.terminal import Progress
from tests.e2e import consumer
from tests.e2e.test_check import push_of
from tests.fakes.github import FakeGitHub
from tests.reporters import runner

ON_GITHUB = {"GITHUB_ACTIONS": "true"}
SECRET = "AK" + "IA" + "Q3EGRTZ7KLMNWXYV"
"""A made-up key, put together so that this file holds none."""

WANTED: dict[str, Callable[[str], str]] = {
    "json": lambda text: str(json.loads(text)["verdict"]),
    "sarif": lambda text: str(json.loads(text)["runs"][0]["properties"]["verdict"]),
    "markdown": lambda text: "error" if "💥" in text.splitlines()[2] else "deny" if "❌" in text else "allow",
    "gitlab-codequality": lambda text: "deny" if json.loads(text) else "allow",
    "gitlab-secret-detection": lambda text: "deny" if json.loads(text)["vulnerabilities"] else "allow",
    "gitlab-dotenv": lambda text: text.partition("VERDICT=")[2].partition("\n")[0],
    "junit": lambda text: "allow" if not ET.fromstring(text).findall(".//testcase/*") else "deny",
}

SILENT = {"gitlab-sast", "gitlab-annotations", "facts"}
"""Formats that say nothing of secrets, and so nothing of the verdict here."""


@dataclass(frozen=True, kw_only=True)
class Said:
    exit_code: int
    out: str
    err: str


def run(*arguments: str, environ: dict[str, str] | None = None) -> Said:
    stdout, stderr = io.StringIO(), io.StringIO()
    exit_code = cli.run(arguments, environ or {}, stdout, stderr)
    return Said(exit_code=exit_code, out=stdout.getvalue(), err=stderr.getvalue())


def folder(path: Path, text: str) -> Path:
    """Return a folder with one file to scan."""
    path.mkdir()
    (path / "settings.py").write_text(text, encoding="utf-8")
    return path


def asked(path: Path) -> list[str]:
    """Return the options that ask for every format."""
    return [word for name in FORMATS for word in ("--report", f"{name}={path / name}")]


def test_every_format_of_the_contract_that_is_offered_is_tested_here() -> None:
    assert set(FORMATS) == set(WANTED) | SILENT


@pytest.mark.parametrize(("text", "verdict", "exit_code"), [("x = 1\n", "allow", 0), (f"k = '{SECRET}'\n", "deny", 1)])
def test_every_format_tells_the_verdict_and_none_holds_the_secret(
    tmp_path: Path, text: str, verdict: str, exit_code: int
) -> None:
    said = run("scan", str(folder(tmp_path / "r", text)), *asked(tmp_path))
    assert said.exit_code == exit_code
    for name, verdict_in in WANTED.items():
        written = (tmp_path / name).read_text(encoding="utf-8")
        assert verdict_in(written) == verdict, name
        assert SECRET not in written
    assert all(SECRET not in (tmp_path / name).read_text(encoding="utf-8") for name in FORMATS)
    assert SECRET not in said.out + said.err


@pytest.mark.parametrize("text", ["x = 1\n", f"k = '{SECRET}'\n"])
def test_no_format_changes_the_exit_code(tmp_path: Path, text: str) -> None:
    path = str(folder(tmp_path / "r", text))
    without = run("scan", path).exit_code
    assert {run("scan", path, "--report", f"{name}=-").exit_code for name in FORMATS} == {without}


@pytest.mark.parametrize("arguments", [["scan", "/nowhere"], ["check", "--nonsense"], ["check", "no-such-control"]])
def test_every_format_is_written_where_the_run_ends_in_an_error(tmp_path: Path, arguments: list[str]) -> None:
    assert run(*arguments, *asked(tmp_path)).exit_code == 2
    assert json.loads((tmp_path / "json").read_text())["verdict"] == "error"
    (sarif,) = json.loads((tmp_path / "sarif").read_text())["runs"]
    assert sarif["invocations"][0]["executionSuccessful"] is False
    assert len(ET.fromstring((tmp_path / "junit").read_text()).findall(".//error")) == 1
    assert (tmp_path / "markdown").read_text().startswith(markdown.MARKER)


@pytest.mark.parametrize("broken", FORMATS)
def test_a_reporter_that_breaks_is_a_fault_that_every_report_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """A traceback would be exit code 1, `deny`, and could quote what was read."""
    module = import_module(f"ci_guard.reporters.{'json_v1' if broken == 'json' else broken.replace('-', '_')}")
    render = module.render

    def breaks(result: Result) -> str:
        if result.failure is None:
            raise ValueError(SECRET)
        return str(render(result))

    monkeypatch.setattr(module, "render", breaks)
    said = run("scan", str(folder(tmp_path / "r", "x = 1\n")), *asked(tmp_path))
    assert said.exit_code == 4
    assert "ci-guard broke with ValueError" in said.out
    assert SECRET not in said.out + said.err
    assert json.loads((tmp_path / "json").read_text())["verdict"] == "error"
    assert all((tmp_path / name).stat().st_size for name in FORMATS)


def test_an_unknown_format_names_those_that_there_are(tmp_path: Path) -> None:
    said = run("scan", str(folder(tmp_path / "r", "x = 1\n")), "--report", "xml=x.xml")
    assert said.exit_code == 2
    assert f"expected FORMAT=FILE with FORMAT one of {', '.join(FORMATS)}" in " ".join(said.out.split())


def test_on_github_the_runner_obeys_the_annotations_and_nothing_that_people_read(tmp_path: Path) -> None:
    path = str(folder(tmp_path / "r", f"k = '{SECRET}'\n"))
    said = run("scan", path, "--report", f"json={tmp_path}", environ=ON_GITHUB)
    assert {command.name for command in runner.obeyed_in(said.out)} == {"error"}
    heard, _, rest = said.out.partition("::stop-commands::")
    assert "Denied" in rest
    assert "could not be written" in rest
    assert "Denied" not in heard
    token, _, told = rest.partition("\n")
    assert told.endswith(f"::{token}::\n")
    assert len(token) == 32
    assert said.err == ""


def test_each_run_has_tokens_of_its_own(tmp_path: Path) -> None:
    path = str(folder(tmp_path / "r", "x = 1\n"))
    tokens = {run("scan", path, environ=ON_GITHUB).out.split("::stop-commands::")[1][:32] for _ in range(3)}
    assert len(tokens) == 3


def test_elsewhere_nobody_has_to_read_commands(tmp_path: Path) -> None:
    path = str(folder(tmp_path / "r", "x = 1\n"))
    assert "::stop-commands::" not in run("scan", path).out
    assert "::stop-commands::" not in run("scan", path, environ={"GITLAB_CI": "true"}).out


def test_on_github_a_report_on_standard_output_stands_alone(tmp_path: Path) -> None:
    path = str(folder(tmp_path / "r", f"k = '{SECRET}'\n"))
    said = run("scan", path, "--report", "json=-", environ=ON_GITHUB)
    assert json.loads(said.out)["verdict"] == "deny"
    assert {command.name for command in runner.obeyed_in(said.err)} == {"error"}
    assert runner.obeyed_in(said.out) == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("command", ["check", "scan"])
def test_what_is_being_read_is_told_on_a_terminal_and_never_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    path = folder(tmp_path / "r", "x = 1\n")
    for number in range(500):
        (path / f"::error::{number}").write_bytes(b"")
    monkeypatch.chdir(path)
    stdout, stderr = io.StringIO(), Terminal()
    assert cli.run([command], {}, stdout, stderr) == 0
    steps = [re.sub(r", [0-9]+$", "", line.partition(" …")[0]) for line in stderr.getvalue().split("\r\x1b[2K")]
    expected = ["scanning for secrets"] if command == "scan" else ["reading the run", "reading the policy"]
    expected += ["collecting evidence"] if command == "check" else []
    expected += ["reading files"]
    expected += ["collecting evidence"] if command == "check" else []
    assert list(dict.fromkeys(steps[1:-1])) == list(dict.fromkeys(expected))


def test_progress_is_not_obeyed_either() -> None:
    stream, now = io.StringIO(), 0.0
    with Progress(cast("io.StringIO", JobLog(stream)), ci=True, clock=lambda: now) as progress:
        progress.step("\n::error::x")
        now = 10.0
        progress.tick()
        now = 20.0
        progress.tick()
    lines = stream.getvalue().splitlines()
    assert [lines[1], lines[4]] == [r"ci-guard: \n::error::x … 10 s", r"ci-guard: \n::error::x … 20 s"]
    assert lines[0] == f"::stop-commands::{lines[2].strip(':')}"
    assert len({lines[0], lines[3]}) == 2
    assert runner.obeyed_in(stream.getvalue()) == []


def test_a_gate_on_github_tells_a_hostile_login_without_being_obeyed(
    github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment can claim any login, and it stands in what people read."""
    shop = consumer.make(github, tmp_path / "shop", approved_by=())
    monkeypatch.chdir(shop.path)
    environ = push_of(github, shop, tmp_path / "job", GITHUB_ACTOR="x\n::set-output name=verdict::allow ##[add-mask]x")
    said = run("check", "--platform", "github", "--enforce", environ=environ | ON_GITHUB)
    assert said.exit_code == 1
    assert {command.name for command in runner.obeyed_in(said.out)} <= {"error", "warning", "notice"}
    assert "##[" not in said.out
