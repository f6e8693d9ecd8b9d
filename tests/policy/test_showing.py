"""`policy show` writes what is in force and reads back as the same; `policy diff` tells stricter from looser."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_guard.controls.registry import CONTROLS
from ci_guard.entrypoints import cli
from ci_guard.model.settings import Policy
from ci_guard.policy import showing
from ci_guard.policy.load import load
from ci_guard.policy.text import PolicyText

METAS = [control.META for control in CONTROLS]
WAIVER = (
    'waivers: [{control: branch-protection, requirement: approvals, subject: "a: #b\\n::error::", '
    "reason: so, until: 2027-01-31}]\n"
)


MUCH = """\
version: 1
extends: builtin:baseline
controls:
  required-reviews: {on: [push, tag], require: {approvals: 3}}
  actor-permissions: {bots: [{login: "a[bot]", id: 7}]}
  branch-protection: {branches: [default, "release/*"], on-invisible: deny, require: {no-bypass: ["Team:7"]}}
"""


def policy(text: str) -> Policy:
    return load([PolicyText(content=text.encode(), place="p.yml")], METAS)


def told(*arguments: str) -> tuple[int, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    return cli.run(arguments, {}, stdout, stderr), stdout.getvalue() + stderr.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nextends: builtin:strict\n",
        "version: 1\nextends: builtin:baseline\nmode: report\n" + WAIVER,
        MUCH,
    ],
)
def test_a_policy_that_is_shown_reads_back_as_what_it_was(text: str, tmp_path: Path) -> None:
    file = tmp_path / "p.yml"
    file.write_text(text)
    code, shown = told("policy", "show", str(file))
    assert code == 0, shown
    assert "\n::error::" not in shown
    one, two = policy(text), policy(shown)
    assert [*showing.changes(one, two, METAS)] == []
    assert {name: dict(each.require) for name, each in one.controls.items()} == {
        name: dict(each.require) for name, each in two.controls.items()
    }


def test_every_line_says_who_says_it(tmp_path: Path) -> None:
    file = tmp_path / "p.yml"
    file.write_text(
        "version: 1\nextends: builtin:baseline\ncontrols:\n  required-reviews:\n    require: {approvals: 3}\n"
    )
    _, shown = told("policy", "show", str(file))
    assert f"approvals: 3{' ' * 1}" in shown
    (line,) = [line for line in shown.splitlines() if "approvals: 3" in line]
    assert line.endswith("p.yml:5")
    (line,) = [line for line in shown.splitlines() if "no-deletion" in line]
    assert line.endswith("# builtin:baseline")


BASE = "version: 1\nextends: builtin:baseline\n"


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        (BASE, BASE, 0, "Both ask the same."),
        (BASE, "version: 1\nextends: builtin:strict\n", 0, "branch-protection/approvals: at least 1 -> at least 2"),
        ("version: 1\nextends: builtin:strict\n", BASE, 1, "branch-protection/approvals: at least 2 -> at least 1"),
        (BASE, BASE + "mode: report\n", 1, "mode: not said -> report"),
        (BASE, BASE + WAIVER, 1, "waiver: not there -> branch-protection/approvals"),
        (BASE + WAIVER, BASE, 0, "until 2027-01-31 -> gone"),
        (BASE, BASE + "controls: {secret-free: {enabled: false}}\n", 1, "secret-free: judged -> not judged"),
        (
            BASE + "controls: {branch-protection: {require: {status-checks: [a]}}}\n",
            BASE + "controls: {branch-protection: {require: {status-checks: [a, b]}}}\n",
            0,
            "branch-protection/status-checks: a -> a, b",
        ),
        (
            BASE + "controls: {branch-protection: {require: {no-bypass: true}}}\n",
            BASE + "controls: {branch-protection: {require: {no-bypass: ['Team:7']}}}\n",
            1,
            "no-bypass: nobody -> nobody but Team:7",
        ),
        (
            BASE + "controls: {branch-protection: {branches: [default, dev]}}\n",
            BASE + "controls: {branch-protection: {branches: [default]}}\n",
            1,
            "branch-protection branches: dev -> gone",
        ),
    ],
)
def test_a_difference_is_stricter_or_looser(old: str, new: str, code: int, said: str, tmp_path: Path) -> None:
    for name, text in (("old.yml", old), ("new.yml", new)):
        (tmp_path / name).write_text(text)
    got, shown = told("policy", "diff", str(tmp_path / "old.yml"), str(tmp_path / "new.yml"))
    assert said in " ".join(shown.split())
    assert got == code


TEXTS = st.sampled_from(
    [
        BASE,
        "version: 1\nextends: builtin:strict\n",
        BASE + "mode: report\n",
        BASE + "controls: {secret-free: {enabled: false}}\n",
        BASE + "controls: {required-reviews: {require: {approvals: 4}}}\n",
        BASE + "controls: {branch-protection: {on-invisible: deny}}\n",
        BASE + WAIVER,
    ]
)


@given(old=TEXTS, new=TEXTS)
def test_the_way_back_is_the_way_there_turned_round(old: str, new: str) -> None:
    there = {(each.what, each.direction) for each in showing.changes(policy(old), policy(new), METAS)}
    back = {(each.what, each.direction) for each in showing.changes(policy(new), policy(old), METAS)}
    turned = {showing.STRICTER: showing.LOOSER, showing.LOOSER: showing.STRICTER}
    assert {(what, turned.get(way, way)) for what, way in there} == back


def test_check_accepts_or_says_where_the_mistake_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert told("policy", "check")[0] == 2
    Path(".ci-guard.yml").write_text(BASE)
    code, shown = told("policy", "check")
    assert code == 0
    assert ".ci-guard.yml is accepted" in shown
    Path("bad.yml").write_text("version: 1\ncontrols: {secret-free: {requires: {}}}\n")
    code, shown = told("policy", "check", ".ci-guard.yml", "bad.yml")
    assert code == 2
    assert "bad.yml:2:26" in shown
