"""The table of commands: each has its module, a help that fits a screen, and one way to fail."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ci_guard.entrypoints import audit, check, cli, doctor, explain, facts, init, policy, scan
from ci_guard.entrypoints.commands import COMMANDS, CommandModule, Said
from tests.entrypoints import clone
from tests.secrets.made_up import github_token

MODULES: dict[str, CommandModule] = {
    "check": check,
    "scan": scan,
    "init": init,
    "doctor": doctor,
    "explain": explain,
    "facts": facts,
    "policy": policy,
    "audit": audit,
}
"""Named here so that the type checker sees that each fulfils the protocol."""

NEEDED = {"audit": ("verify", "audit.jsonl"), "facts": ("--out", "facts.json"), "policy": ("test", "cases")}
"""What a command cannot do without."""

ROOT = Path(__file__).parent.parent.parent
SCREEN = (80, 34)
"""Columns of the smallest terminal in use (DEC VT100), and lines that one opens with today."""


def test_every_command_of_the_table_is_a_module() -> None:
    assert {command.name: command.module for command in COMMANDS} == MODULES


@pytest.mark.parametrize("words", [[], *([command.name] for command in COMMANDS)], ids=" ".join)
def test_help_fits_a_screen(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    columns, lines = SCREEN
    monkeypatch.setenv("COLUMNS", str(columns))
    assert cli.run([*words, "--help"], {}, sys.stdout, sys.stderr) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) < lines, "the prompt needs a line, too"
    assert [line for line in shown if len(line) > columns] == []
    assert shown[0].startswith(" ".join(["usage: ci-guard", *words]))


def test_the_whole_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"], {}, sys.stdout, sys.stderr) == 0
    shown = capsys.readouterr().out
    assert [command.name for command in COMMANDS if f"    {command.name} " not in shown] == []


@pytest.mark.parametrize(
    ("argv", "kept_out"),
    [
        (["--version"], ("argparse", "yaml", "github", "requests", "hyperscan", "ci_guard.controls")),
        (["--help"], ("yaml", "github", "requests", "hyperscan", "ci_guard.controls")),
        (["explain", "no-force-push"], ("github", "requests", "hyperscan", "ci_guard.gate")),
        (["init"], ("github", "requests", "hyperscan")),
    ],
    ids=" ".join,
)
def test_a_command_imports_only_what_it_needs(argv: list[str], kept_out: tuple[str, ...], tmp_path: Path) -> None:
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from ci_guard.entrypoints.cli import main; "
    program += "code = main(sys.argv[1:]); sys.stderr.write(' '.join(sys.modules)); sys.exit(code)"
    folder = clone.make(tmp_path, remotes={"origin": "git@github.com:acme/shop"})
    done = subprocess.run(
        [sys.executable, "-c", program, *argv], cwd=folder, capture_output=True, text=True, check=True
    )
    assert set(kept_out) & set(done.stderr.split()) == set()


@pytest.mark.parametrize("name", [command.name for command in COMMANDS if not command.judges])
def test_a_command_without_a_verdict_says_on_standard_error_what_is_wrong(name: str) -> None:
    stdout, stderr = io.StringIO(), io.StringIO()
    assert cli.run([name, *NEEDED.get(name, ()), "--no-such-option"], {}, stdout, stderr) == 2
    assert stdout.getvalue() == ""
    assert "--no-such-option" in stderr.getvalue()
    assert re.search(f"Try 'ci-guard {name}( [a-z]+)? --help'", stderr.getvalue()), "whose help has its options"


TOKEN = github_token(1)


@pytest.mark.parametrize(
    ("argv", "said", "hint"),
    [
        (["init", "--profil", "strict"], "ci-guard init: unrecognized arguments: --profil\n", "--profile?"),
        (["audit", "query", "x", "--verd", "deny"], "ci-guard audit query: unrecognized", "--verdict?"),
        (["policy", "diff", "a", "b", "c"], "ci-guard policy diff: unrecognized arguments: c\n", "policy diff --help"),
        (["doctor", f"--token={TOKEN}"], "ci-guard doctor: unrecognized arguments: --token\n", "Try"),
        (["doctor", "--token", TOKEN], "unrecognized arguments: --token\n", "Try"),
        (["doctor", "--token", "a plain one"], "unrecognized arguments: --token\n", "Try"),
        (["init", "--platform", TOKEN], "invalid choice: 'ghp_…'", "Try"),
        (["audit"], "ci-guard audit: the following arguments are required", "Try 'ci-guard audit --help'"),
    ],
    ids=[
        "typo",
        "abbreviation",
        "too many",
        "token in one word",
        "token in two",
        "password in two",
        "token as a choice",
        "too few",
    ],
)
def test_a_wrong_command_line_is_told_by_the_command_with_what_was_meant_and_without_values(
    argv: list[str], said: str, hint: str
) -> None:
    stderr = io.StringIO()
    assert cli.run(argv, {}, io.StringIO(), stderr) == 2
    assert said in stderr.getvalue()
    assert hint in stderr.getvalue()
    assert "ci-guard: ci-guard" not in stderr.getvalue()
    assert TOKEN[4:] not in stderr.getvalue()


@pytest.mark.parametrize("name", [command.name for command in COMMANDS if not command.judges])
def test_a_fault_of_a_command_without_a_verdict_is_exit_4_and_no_traceback(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Said:
        raise RuntimeError("a secret stood here")

    monkeypatch.setattr(MODULES[name], "run", broken)
    stdout, stderr = io.StringIO(), io.StringIO()
    assert cli.run([name, *NEEDED.get(name, ())], {}, stdout, stderr) == 4
    assert "ci-guard broke with RuntimeError" in stderr.getvalue()
    assert "a secret stood here" not in stdout.getvalue() + stderr.getvalue()
    assert "Traceback" not in stderr.getvalue()


def test_a_pipe_that_nobody_reads_is_no_fault() -> None:
    command = [sys.executable, "-m", "ci_guard", "explain", "rules"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    complaint = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), complaint) == (2, b"")
