"""`policy show` writes what is in force and reads back as the same."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from ci_guard.controls.registry import CONTROLS
from ci_guard.entrypoints import cli
from ci_guard.errors import PolicyError
from ci_guard.model.origin import LayerKind
from ci_guard.model.settings import Policy
from ci_guard.policy import showing
from ci_guard.policy.load import load, policy_of
from ci_guard.policy.stack import Stack, join
from ci_guard.policy.text import PolicyText
from ci_guard.records import replace
from tests.policy import wholes
from tests.policy.given import CASES

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
    assert content(one) == content(two)
    assert {name: dict(each.require) for name, each in one.controls.items()} == {
        name: dict(each.require) for name, each in two.controls.items()
    }


def bare(record: Any) -> Any:
    """Return a record, or what is made of records, without where each stands."""
    if isinstance(record, tuple):
        return tuple(map(bare, record))
    return replace(record, place="") if hasattr(record, "place") else record


def content(policy: Policy, chosen: Sequence[int] = ()) -> dict[str, Any]:
    """Return all that a policy asks and pardons where some of its contexts apply."""
    if policy.under:
        policy = policy.under([policy.contexts[index] for index in chosen])
    return {
        "mode": policy.mode,
        "policy-branch": policy.policy_branch,
        "audit": policy.on_unrecorded,
        "roles": dict(policy.roles),
        "contexts": bare(policy.contexts),
        "waivers": bare(policy.waivers),
        "baseline": bare(policy.baseline),
        "break-glass": bare(policy.break_glass),
        **{
            name: (
                dict(each.require),
                each.branches,
                each.on,
                each.on_invisible,
                dict(each.bots),
                dict(each.roles),
                [bare(table.rows) for table in each.admission],
            )
            for name, each in policy.controls.items()
        },
    }


def kept_from_nearer_layers(stack: Stack) -> dict[str, Any]:
    """Return what layers hold against nearer ones, and asks for nothing by itself."""
    merged = stack.merged
    return {
        "locked": bool(merged.locked),
        "controls": {name: bool(asked.locked) for name, asked in merged.controls.items()},
        "max-days": [layer.waiver_rules.max_days and layer.waiver_rules.max_days.value for layer in stack.ranks],
        "needs": [set(layer.waiver_rules.needs) for layer in stack.ranks],
    }


def shown(stack: Stack) -> PolicyText:
    return PolicyText(content="\n".join(line.text for line in showing.lines(stack, METAS)).encode(), place="shown")


@wholes.FEW
@given(st.integers(1, 3).flatmap(wholes.stacks))
def test_whatever_layers_make_is_shown_as_what_makes_the_same(layers: list[dict[str, Any]]) -> None:
    texts = [PolicyText(content=json.dumps(each).encode(), place=f"layer-{rank}") for rank, each in enumerate(layers)]
    try:
        stack = join(texts, METAS)
        one = policy_of(stack, METAS)
    except PolicyError as error:
        event("refused: " + error.message.split(": ")[1][:50])
        return
    event(f"shown: {len(layers)}")
    for line in showing.lines(stack, METAS):
        assert line.said_by or line.text == "version: 1" or line.text.endswith(":"), line.text
    text = shown(stack)
    again = join([text], METAS)
    assert kept_from_nearer_layers(stack) == kept_from_nearer_layers(again)
    two = policy_of(again, METAS)
    everything = range(len(one.contexts))
    for chosen in ((), everything, *([index] for index in everything)):
        assert content(one, chosen) == content(two, chosen)
    assert len(one.notes) == len(two.notes)
    assert shown(again) == text


@pytest.mark.parametrize("path", sorted((CASES / "accepted").glob("*.yml")), ids=lambda path: path.stem)
def test_a_good_file_is_shown_as_what_makes_the_same(path: Path) -> None:
    stack = join([PolicyText(content=path.read_bytes(), place=path.name)], METAS)
    one, two = policy_of(stack, METAS), load([shown(stack)], METAS)
    assert content(one, range(len(one.contexts))) == content(two, range(len(two.contexts)))


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


TWO = """\
version: 1
controls: {secret-free: {require: {no-secrets: true}}}
---
version: 1
waivers: [{control: secret-free, requirement: no-secrets, reason: x, until: 2027-01-31}]
"""


def test_layers_in_one_file_stay_layers() -> None:
    """Else a shown policy would let a project waive what its organisation asks."""
    assert policy(TWO).waivers == ()
    with pytest.raises(PolicyError, match=r"p.yml:6:12: secret-free asks for less than p.yml:2"):
        policy(TWO + "controls: {secret-free: {enabled: false}}\n")


def test_a_lock_is_shown_in_the_layer_that_locks_though_the_values_stand_below() -> None:
    below = "version: 1\ncontrols: {secret-free: {require: {no-secrets: true}}}\n"
    stack = join([PolicyText(content=f"{below}---\n{below}locked: true\n".encode(), place="p.yml")], METAS)
    assert kept_from_nearer_layers(stack) == kept_from_nearer_layers(join([shown(stack)], METAS))


def test_the_second_policy_of_a_file_extends_no_organisation() -> None:
    with pytest.raises(PolicyError, match=r"p.yml:5:10: extends an organisation's policy from above another one"):
        policy(f"{BASE}---\nversion: 1\nextends: github:acme/security//p.yml@{'a' * 40}\n")


@pytest.mark.parametrize("kind", [kind for kind in LayerKind if kind is not LayerKind.FILE])
def test_a_second_policy_in_a_file_that_nobody_named_is_refused(kind: LayerKind) -> None:
    with pytest.raises(PolicyError, match=r"p.yml:3:1: a second document begins"):
        load([PolicyText(content=TWO.encode(), place="p.yml", kind=kind)], METAS)


BASE = "version: 1\nextends: builtin:baseline\n"


def test_check_accepts_or_says_where_the_mistake_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert told("policy", "check")[0] == 2
    Path(".ci-guard.yml").write_text(BASE)
    code, shown = told("policy", "check")
    assert code == 0
    assert ".ci-guard.yml is accepted" in shown
    for refused in (TWO, BASE + "policy-branch: mine\n"):
        for name, code in ((".ci-guard.yml", 2), ("ci-guard.yml", 0)):
            Path(name).write_text(refused)
            assert told("policy", "check", name)[0] == code, "a repository's own policy may say less"
    Path(".ci-guard.yml").write_text(BASE)
    Path("bad.yml").write_text("version: 1\ncontrols: {secret-free: {requires: {}}}\n")
    code, shown = told("policy", "check", ".ci-guard.yml", "bad.yml")
    assert code == 2
    assert "bad.yml:2:26" in shown
