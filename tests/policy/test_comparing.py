"""`policy diff` tells stricter from looser: what it calls stricter lets nothing through that was denied."""

from __future__ import annotations

import io
import json
from copy import deepcopy
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from ci_guard import contexts
from ci_guard.decide import DENYING
from ci_guard.entrypoints import cli
from ci_guard.errors import PolicyError
from ci_guard.model.decision import Decision, Verdict
from ci_guard.policy.comparing.change import LOOSER, NEITHER, OTHER, STRICTER, Change
from ci_guard.policy.comparing.policies import Whole, changes
from ci_guard.policy.load import policy_of
from ci_guard.policy.stack import join
from ci_guard.policy.text import PolicyText
from ci_guard.records import replace
from tests.policy import runs, wholes
from tests.policy.given import CASES, METAS
from tests.policy.test_pardons import known_everything

TURNED: Final = {STRICTER: LOOSER, LOOSER: STRICTER}


def whole(*texts: str) -> Whole:
    stack = join([PolicyText(content=text.encode(), place=f"layer-{rank}") for rank, text in enumerate(texts)], METAS)
    return Whole(policy=policy_of(stack, METAS), stack=stack)


def found(old: str, new: str) -> list[Change]:
    return list(changes(whole(old), whole(new), METAS))


@pytest.mark.parametrize("path", sorted((CASES / "changes").iterdir()), ids=lambda path: path.stem)
def test_a_difference_is_stricter_or_looser_or_cannot_be_ordered(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    old, new = text.split("# becomes\n")
    told = [f"# {one.direction}: {one.what}: {one.before} -> {one.after}" for one in found(old, new)]
    assert told == [line for line in new.splitlines() if line.startswith("# ")]
    there = {(one.what, one.direction) for one in found(old, new)}
    back = {(one.what, one.direction) for one in found(new, old)}
    assert {(what, TURNED.get(way, way)) for what, way in there} == back


BASE = "version: 1\nextends: builtin:baseline\n"
CONTEXT = "contexts: [{name: c, when: {event: [%s]}, controls: {required-reviews: {require: {approvals: 2}}}}]\n"
STRICT = "version: 1\nextends: builtin:strict\n"


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        (BASE, BASE, 0, "Both ask the same."),
        (BASE, STRICT, 0, "Stricter branch-protection/approvals: at least 1 -> at least 2"),
        (STRICT, BASE, 1, "Looser branch-protection/approvals: at least 2 -> at least 1"),
        (BASE, BASE + "roles: [{name: a, levels: [read]}]\n", 0, "Neither: no verdict changes role a"),
        (BASE + CONTEXT % "push", BASE + CONTEXT % "tag", 1, "Changed: cannot be ordered context c when"),
    ],
)
def test_the_exit_code_is_1_unless_all_that_changed_is_stricter(
    old: str, new: str, code: int, said: str, tmp_path: Path
) -> None:
    for name, text in (("old.yml", old), ("new.yml", new)):
        (tmp_path / name).write_text(text)
    stdout, stderr = io.StringIO(), io.StringIO()
    got = cli.run(("policy", "diff", str(tmp_path / "old.yml"), str(tmp_path / "new.yml")), {}, stdout, stderr)
    assert said in " ".join(stdout.getvalue().split())
    assert got == code


def test_a_baseline_that_knows_more_is_looser_only_for_what_it_may_waive() -> None:
    own = BASE + "baseline: {file: known.json, until: 2028-02-29}\n"
    old = whole(own)
    more = replace(old, policy=known_everything(old.policy))
    assert {one.direction for one in changes(old, more, METAS)} == {LOOSER}
    floor = whole(BASE, "version: 1\nbaseline: {file: known.json, until: 2028-02-29}\n")
    assert not [*changes(floor, replace(floor, policy=known_everything(floor.policy)), METAS)]


Pair: TypeAlias = tuple[list[dict[str, Any]], list[dict[str, Any]]]


def edited(draw: st.DrawFn, layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return layers of which one or two things were written anew, dropped or brought."""
    after = deepcopy(layers)
    rank = draw(st.integers(0, len(layers) - 1))
    layer, kinds = after[rank], wholes.keys(nearer=rank > 0)
    for key in draw(st.lists(st.sampled_from([*sorted(kinds), "roles", "when", "row"]), min_size=1, max_size=2)):
        if key == "roles":
            changed = {**wholes.ROLES["ops"], "levels": ["admin"]}
            for each in after:
                each["roles"] = [changed if role["name"] == "ops" else role for role in each["roles"]]
        elif key == "when":
            for context in layer.get("contexts", [])[:1]:
                context["when"] = draw(wholes.WHEN)
        elif key == "row":
            layer["admission"] = [*layer.get("admission", []), *draw(wholes.tables(*wholes.ROLES))]
        elif key == "waivers":
            layer[key] = draw(wholes.waivers(wholes.asked_by(after[0])))
        elif key in layer and key != "controls" and draw(st.booleans()):
            del layer[key]
        else:
            drawn = draw(kinds[key])
            layer[key] = {**layer.get(key, {}), **drawn} if key == "controls" else drawn
    return after


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    layers = draw(st.integers(1, 2).flatmap(wholes.stacks))
    return layers, edited(draw, layers)


def hold(pair: Pair, data: st.DataObject) -> None:
    """Check that of two policies, of which one is only stricter, it lets nothing through that the other denies."""
    try:
        one, other = (whole(*map(json.dumps, layers)) for layers in pair)
    except PolicyError:
        event("refused")
        return
    one, other = (replace(each, policy=known_everything(each.policy)) for each in (one, other))
    ways = {change.direction for change in changes(one, other, METAS)}
    if ways & {LOOSER, OTHER}:
        one, other = other, one
        ways = {change.direction for change in changes(one, other, METAS)}
    if ways & {LOOSER, OTHER}:
        event("not ordered")
        return
    event("stricter" if STRICTER in ways else "neither" if NEITHER in ways else "alike")
    for _ in range(3):
        facts, now = data.draw(runs.facts())
        before, after = (runs.judged(each.policy, (facts, now)) for each in (one, other))
        event(f"{before.verdict.value} -> {after.verdict.value}")
        assert before.verdict is not Verdict.DENY or after.verdict is not Verdict.ALLOW
        for name in ("admission", "actor-permissions"):
            assert not denied(before, name) or denied(after, name), name
        settled = [contexts.settle(each.policy, facts) for each in (one, other)]
        for control, asked in settled[0].controls.items():
            for requirement in asked.require:
                if runs.denies(settled[0], (control, requirement), now.date()):
                    event("denied alone")
                    assert runs.denies(settled[1], (control, requirement), now.date())
        if STRICTER not in ways:
            assert before.verdict is after.verdict


def denied(decision: Decision, control: str) -> bool:
    """Tell whether a control denies, one that has no other failure that makes the rest of it not applicable."""
    return any(ruling.weight in DENYING and ruling.judgement.control == control for ruling in decision.rulings)


@wholes.FEW
@given(pair=pairs(), data=st.data())
def test_what_is_only_stricter_lets_nothing_through_that_was_denied(pair: Pair, data: st.DataObject) -> None:
    hold(pair, data)


@pytest.mark.slow
@wholes.MANY
@given(pair=pairs(), data=st.data())
def test_of_many_pairs_what_is_only_stricter_lets_nothing_through(pair: Pair, data: st.DataObject) -> None:
    hold(pair, data)
