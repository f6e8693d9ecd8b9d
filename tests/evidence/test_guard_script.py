"""What is said to hide no exit code of ci-guard ends a script of a real shell; disguises are called by their name."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ci_guard.evidence.guard_script import LONGEST, hidden
from tests.drawing import examples

PLAIN = [
    "ci-guard check --platform github --enforce",
    "python3 -I bootstrap.py check && make",
    "ci-guard check 2>&1",
    "ci-guard check --policy 'a;b|c'",
    "true && ci-guard check",
    "set +e\nfalse\nset -e\nci-guard check",
    "trap 'rm -f /tmp/none' EXIT\nci-guard check\necho done",
    "command -v ci-guard >/dev/null || exit 1\nci-guard check",
    'if [ -n "$X" ]; then export Y=1; fi\nci-guard check # the gate',
    "cat > /dev/null <<E\nset +e\nE\nexec ci-guard check",
    "true | A=1 env B=2 ci-guard scan -",
    "bash -c 'ci-guard check'",
    "env -u A B=1 timeout -s KILL 5 nice -n 1 ci-guard check",
    "timeout 1m python3 -W error -I ./bootstrap.py check",
    'echo $((1 + 1)) "$(true)"\nci-guard check',
]
"""Scripts that end with ci-guard's exit code, or before it with another failure."""

DISGUISES = [
    ("ci-guard check || true", "||"),
    ("ci-guard check; echo done", ";"),
    ("ci-guard check | tee log", "|"),
    ("ci-guard check |& cat", "|&"),
    ("ci-guard check &", "&"),
    ("if ci-guard check; then :; fi", "if"),
    ("! ci-guard check", "!"),
    ("! {\n:\n} | ci-guard check", "!"),
    ("set +e\nci-guard check\ntrue", "set +e"),
    ("set +eu\nci-guard check\ntrue", "set +eu"),
    ("set -u +o errexit\nci-guard check\ntrue", "set +o errexit"),
    ("shopt -uo errexit\nci-guard check\ntrue", "shopt"),
    ("ci-guard check \\\n  || true", "||"),
    ("ci-guard check && echo fine\ntrue", "&&"),
    ("false && ci-guard check\ntrue", "&&"),
    ("ci-guard check && true\n> none", "&&"),
    ("ci-guard check && true\ntime", "&&"),
    ("ci-guard check && true\n! !", "&&"),
    ('ci-guard check && echo "$(case a in a) :;; esac)"\ntrue', "&&"),
    ("ci-guard check && true || true", "||"),
    ("true || ci-guard check", "||"),
    ("true || false | ci-guard check", "||"),
    ("true || { false; false; } | ci-guard check", "|"),
    ("if false; then\n  ci-guard check\nfi", "if"),
    ("for one in; do\n  ci-guard check\ndone", "for"),
    ("case a in\n  b) ci-guard check ;;\nesac", "case"),
    ("{\n  ci-guard check\n} || true", "{"),
    ("(\n  ci-guard check\n) || true", "("),
    ("never() {\n  ci-guard check\n}", "never()"),
    ("function ci-guard {\n  :\n}\nci-guard check", "ci-guard()"),
    ("ci-guard() { :; }\nci-guard check", "ci-guard()"),
    ("trap 'exit 0' EXIT\nci-guard check", "trap"),
    ("done='exit 0'\ntrap \"$done\" EXIT\nci-guard check", "trap"),
    ("exit\nci-guard check", "exit"),
    ("exit $((0))\nci-guard check", "exit"),
    ("exit 1 2; ci-guard check\ntrue", "exit"),
    ("shift 1 2; ci-guard check\ntrue", "shift"),
    ("x=$((1 / 0)); ci-guard check\ntrue", "$(("),
    ("timeout $((1 / 0)) ci-guard check\ntrue", "$(("),
    ("set +e set -e\nci-guard check\ntrue", "set +e"),
    ("e'xit' 0\nci-guard check", "exit"),
    ("if true; then exit 0; fi\nci-guard check", "exit"),
    ("exec true\nci-guard check", "exec"),
    ("eval 'ex''it'\nci-guard check", "eval"),
    ("hash -p /bin/true ci-guard\nci-guard check", "hash"),
    ("set -n\nci-guard check", "set -n"),
    ("A=1 trap 'exit 0' EXIT\nci-guard check", "trap"),
    ("command -p builtin exit 0\nci-guard check", "exit"),
    ("$(:) exit 0\nci-guard check", "exit"),
    ("set -et\nci-guard check", "set -et"),
    ("set -o noexec\nci-guard check", "set -o noexec"),
    ("shopt -so onecmd\nci-guard check", "shopt"),
    ("off=+e\nset $off\nci-guard check\ntrue", "set $off"),
    ("bash -c 'ci-guard check; true'", ";"),
    ("bash -c 'ci-guard check\ntrue'", "-c"),
]
"""Scripts that succeed although ci-guard fails or never runs, and what is said to hide it."""

NO_GUARD = [
    "# ci-guard check\necho my-ci-guard checks",
    "true # ci-guard check",
    "echo ci-guard check",
    ": ci-guard check",
    "cat <<E\nci-guard check\nE",
    "cat <<-'E'\n\tci-guard check\n\tE",
    'echo "$(ci-guard check)"',
    "export found=$(ci-guard check)",
    "python3 -c \"print('ci-guard check')\"",
    "exec true ci-guard check",
    "env -u B A=1 nice -n 1 true ci-guard check",
    "python3 -W error -c 'pass' ci-guard check",
    "bash -e -o pipefail /dev/null ci-guard check",
    "timeout -k 5 1m true 5 ci-guard check",
    "ci-guard check --help",
    "ci-guard check --facts=old.json",
]
"""Scripts that speak of ci-guard and run none that could stop them."""

Run = Callable[[str], int]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a script as both platforms do, with a ci-guard that denies."""
    folder = tmp_path_factory.mktemp("programs")
    for name in ("ci-guard", "bootstrap.py"):
        program = Path(folder, name)
        program.write_text("#!/bin/sh\nexit 1\n" if name == "ci-guard" else "raise SystemExit(1)\n", encoding="ascii")
        program.chmod(0o755)

    def started(script: str) -> int:
        Path(folder, "script").write_text(script, encoding="utf-8")
        command = ["/bin/bash", "--noprofile", "--norc", "-e", "script"]
        environ = {"PATH": f"{folder}:/usr/bin:/bin"}
        done = subprocess.run(
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
        )
        return done.returncode

    return started


@pytest.mark.parametrize("script", PLAIN)
def test_a_plain_script_ends_with_the_guards_failure(run: Run, script: str) -> None:
    assert hidden(script) == ""
    assert run(script) != 0


@pytest.mark.parametrize(("script", "how"), DISGUISES)
def test_a_disguise_that_lets_a_denied_step_succeed_is_called_by_its_name(run: Run, script: str, how: str) -> None:
    assert hidden(script) == how
    assert run(script) == 0 or how in (";", "!", "|", "|&")


@pytest.mark.parametrize("script", NO_GUARD)
def test_a_script_that_only_speaks_of_ci_guard_runs_none(run: Run, script: str) -> None:
    assert hidden(script) is None
    assert run(script.replace("--help", "").replace("--facts=old.json", "")) in (0, 1)


def test_a_script_that_nobody_reads_hides_the_guard() -> None:
    assert hidden("#" * LONGEST + "\nci-guard check") == "a script too long to read"
    assert hidden("ci-guard check\n" * 21) == "a script too long to read"
    deep = "ci-guard check"
    for _ in range(7):
        deep = f"bash -c {deep!r}"
    assert hidden(deep) != ""


COMMANDS = st.sampled_from(
    ["ci-guard check"] * 6
    + [*("true", "false", "exit 0", "exit 1", "exit", "set +e", "set -e", "trap 'exit 0' EXIT", "trap : EXIT")]
    + [*("bash -c 'ci-guard check'", "exec ci-guard check", "A=1 ci-guard check", '"ci-guard" check', "! true")]
    + [*("! ci-guard check", "f() { :; }", "ci-guard() { :; }", "eval true", ': "$(true)"', "x=(a b)", "break")]
    + [*("cat <<E\nfoo\nE", "case a in a) true;; esac", "case a in\n a) ci-guard check;;\nesac", "time ci-guard check")]
    + [*("[[ a == a && b == b ]]", "((1))", "$(echo true)", "`echo true`", "ci-guard check >/dev/null", "# c")]
    + [
        *(
            "A=1 exit 0",
            "command -p exit 0",
            "$none exit 0",
            "set -n",
            "set -t",
            "set -eu",
            "exec true ci-guard check",
            "env true ci-guard check",
        )
    ]
)
AROUND = [
    *("{{ {}\n}}", "( {} )", "! ( {} )", "if true; then\n{}\nfi", "if {}\nthen :; fi", "if false; then {}\nfi"),
    *("for i in 1 2; do {}\ndone", "while {}\ndo break; done", "g() {{\n{}\n}}", "function h {{\n{}\n}}"),
    *("x=$( {}\n)", 'echo "$( {}\n)"', "case x in x) {}\n;; esac"),
]
BETWEEN = st.sampled_from(["\n", "\n", "\n", ";", " && ", " || ", " | ", " |\n", " & ", " \\\n&& "])
SCRIPTS = st.recursive(
    COMMANDS,
    lambda inner: st.one_of(
        st.tuples(inner, BETWEEN, inner).map("".join),
        st.tuples(st.sampled_from(AROUND), inner).map(lambda pair: pair[0].format(pair[1])),
    ),
    max_leaves=8,
)


@pytest.mark.slow
@settings(max_examples=examples(300), deadline=None, suppress_health_check=list(HealthCheck))
@given(SCRIPTS)
def test_no_script_succeeds_where_nothing_is_said_to_hide_the_guard(run: Run, script: str) -> None:
    assume(hidden(script) == "")
    assert run(script) != 0


@given(st.text("ci-guard check\n\\\"'`$(){};&|<>#! ", max_size=60))
def test_any_text_is_read_and_nothing_raises(text: str) -> None:
    assert isinstance(hidden(f"ci-guard {text}"), str | None)
