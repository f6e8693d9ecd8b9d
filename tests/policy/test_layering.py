"""Layers only tighten: for any layers, the policy that they make asks for all that each of them asks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from ci_guard.errors import PolicyError
from ci_guard.model.auditing import OnFailure
from ci_guard.model.kinds import AllOf, AtLeast, AtLevel, Flag, Kind, NoneBut, Value, level, names, number
from ci_guard.model.meta import Meta
from ci_guard.model.origin import LayerKind
from ci_guard.model.run import Event
from ci_guard.model.settings import Mode, OnInvisible, Policy
from ci_guard.policy.document import read_document
from ci_guard.policy.layer import Asked, Layer, WaiverRules
from ci_guard.policy.layering import combine
from ci_guard.policy.load import load
from ci_guard.policy.place import Place, Stated
from ci_guard.policy.reading import POLICY_KEYS, LayerReader
from ci_guard.policy.text import PolicyText
from tests.drawing import examples
from tests.policy.given import CASES, METAS, policy_of, refused, said_in_comment, unhurried


@pytest.mark.parametrize("folder", sorted((CASES / "layers").iterdir()), ids=lambda path: path.name)
def test_a_layer_that_loosens_is_refused_with_both_places(folder: Path) -> None:
    paths = sorted(folder.iterdir())
    nearest = paths[-1].read_text(encoding="utf-8")
    texts = [PolicyText(content=path.read_bytes(), place=path.name) for path in paths]
    assert load(texts[:-1], METAS).controls
    with pytest.raises(PolicyError) as caught:
        load(texts, METAS)
    assert caught.value.exit_code == 2
    assert caught.value.message == said_in_comment(nearest, "refused")
    assert caught.value.hint == said_in_comment(nearest, "advice")


CHOSEN = {
    "branch-protection": ["protected", "approvals", "status-checks", "no-bypass"],
    "actor-permissions": ["actor", "sender", "consistent-identity"],
    "required-reviews": ["approvals", "authority"],
}
"""Few requirements of every kind, so that random layers often speak of the same one."""

WORDS = ["a", "b", "c"]


def values(kind: Kind) -> st.SearchStrategy[Any]:
    """Return written values of a kind, few enough to meet."""
    some = st.lists(st.sampled_from(WORDS), min_size=1, unique=True)
    match kind:
        case Flag():
            return st.just(True)
        case AtLeast():
            return st.integers(min_value=1, max_value=3)
        case AtLevel():
            return st.sampled_from(["read", "write", "admin"])
        case _:
            return st.just(True) | some


def option(name: str) -> st.SearchStrategy[Any]:
    match name:
        case "branches":
            return st.lists(st.sampled_from(["default", "main", "release/*"]), min_size=1, unique=True)
        case "on":
            return st.lists(st.sampled_from(["push", "tag", "change"]), min_size=1, unique=True) | st.just(
                [word.value for word in Event]
            )
        case _:
            return st.lists(
                st.builds(lambda number: {"login": "x", "id": number}, st.integers(min_value=1, max_value=2)),
                max_size=2,
            )


def control(meta: Meta) -> st.SearchStrategy[dict[str, Any]]:
    written = {name: values(meta.requirement(name).kind) for name in CHOSEN[meta.id]}
    always = {"require": st.fixed_dictionaries({}, optional=written)}
    options: dict[str, st.SearchStrategy[Any]] = {
        "on-invisible": st.sampled_from(["deny", "warn"]),
        **{name: option(name) for name in meta.options},
    }
    enabled = st.fixed_dictionaries(always, optional=options)
    locked = st.fixed_dictionaries({**always, "locked": st.just(True)}, optional=options)
    return st.one_of(enabled, enabled, enabled, locked, st.just({"enabled": False}))


waivers = st.builds(
    lambda pair, account: {
        "control": pair[0],
        "requirement": pair[1],
        "reason": "x",
        "since": "2026-12-31",
        "until": "2027-01-31",
        **account,
    },
    st.sampled_from([(name, requirement) for name, ids in CHOSEN.items() for requirement in ids]),
    st.sampled_from([{}, {"owner": "a"}, {"owner": "a", "ticket": "T-1", "approved-by": "b"}]),
)
rules = st.fixed_dictionaries(
    {"max-days": st.sampled_from([30, 31, 90])},
    optional={"needs": st.lists(st.sampled_from(["owner", "ticket"]), min_size=1, unique=True)},
)

documents = st.fixed_dictionaries(
    {"version": st.just(1)},
    optional={
        "mode": st.sampled_from(["enforce", "report"]),
        "audit": st.sampled_from([{"on-failure": "deny"}, {"on-failure": "warn"}]),
        "controls": st.fixed_dictionaries({}, optional={meta.id: control(meta) for meta in METAS if meta.id in CHOSEN}),
        "waivers": st.lists(waivers, max_size=2),
        "waiver-rules": rules,
    },
)


def stack(size: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Return layers, the lowest with something that is required."""
    floor = {"secret-free": st.just({"require": {"no-secrets": True}})}
    controls = st.fixed_dictionaries(floor, optional={meta.id: control(meta) for meta in METAS if meta.id in CHOSEN})
    lowest = st.builds(lambda document, added: {**document, "controls": added}, documents, controls)
    return st.tuples(lowest, *[documents] * (size - 1)).map(list)


def asks_at_least(kind: Kind, value: Value, floor: Value) -> bool:
    """Tell whether whatever fulfils `value` fulfils `floor`; on purpose not by the kinds' own comparison."""
    match kind:
        case Flag():
            return value is True
        case AtLeast():
            return number(value) >= number(floor)
        case AtLevel():
            return level(value).value >= level(floor).value
        case AllOf():
            return names(value) >= names(floor)
        case NoneBut():
            return names(value) <= names(floor)
        case _:
            raise AssertionError(kind)


def assert_no_looser(policy: Policy, floor: Policy) -> None:
    """Check that `policy` asks for all that `floor` asks, and pardons nothing more of it."""
    assert policy.mode is not Mode.REPORT or floor.mode is not Mode.ENFORCE
    assert policy.on_unrecorded is OnFailure.DENY or floor.on_unrecorded is OnFailure.WARN
    for meta in METAS:
        if meta.id not in floor.controls:
            continue
        above, below = policy.controls[meta.id], floor.controls[meta.id]
        for name, value in below.require.items():
            assert asks_at_least(meta.requirement(name).kind, above.require[name], value)
            assert set(above.bots.get(name, ())) <= set(below.bots.get(name, ()))
            pardons = [[w for w in p.waivers if (w.control, w.requirement) == (meta.id, name)] for p in (policy, floor)]
            assert all(waiver in pardons[1] for waiver in pardons[0])
        assert set(above.branches) >= set(below.branches)
        assert (above.on or frozenset()) >= (below.on or frozenset())
        assert above.on_invisible is OnInvisible.DENY or below.on_invisible is OnInvisible.WARN


def assert_holds_what_is_written(policy: Policy, document: Mapping[str, Any]) -> None:
    """Check that everything that a layer writes holds in the policy that it is part of."""
    assert document.get("mode") != "enforce" or policy.mode is Mode.ENFORCE
    assert document.get("audit") != {"on-failure": "deny"} or policy.on_unrecorded is OnFailure.DENY
    for meta in METAS:
        written = document.get("controls", {}).get(meta.id)
        if written is None or written.get("enabled") is False:
            continue
        held = policy.controls[meta.id]
        for name, value in written.get("require", {}).items():
            kind = meta.requirement(name).kind
            assert asks_at_least(kind, held.require[name], kind.parse(value))
        assert set(held.branches) >= set(written.get("branches", []))
        assert {word.value for word in held.on or ()} >= set(written.get("on", []))
        assert held.on_invisible is OnInvisible.DENY or written.get("on-invisible") != "deny"


def assert_keeps_the_rules(policy: Policy, layers: Sequence[Mapping[str, Any]]) -> None:
    """Check that every waiver keeps the rules of its own layer and of those below it."""
    for waiver in policy.waivers:
        rank = int(waiver.place.removeprefix("layer-").split(":")[0])
        for rule in (layer["waiver-rules"] for layer in layers[: rank + 1] if "waiver-rules" in layer):
            assert waiver.since
            assert (waiver.until - waiver.since).days <= rule["max-days"]
            assert waiver.owner or "owner" not in rule.get("needs", [])
            assert waiver.ticket or "ticket" not in rule.get("needs", [])


def policy_or_none(*texts: Mapping[str, Any]) -> Policy | None:
    try:
        return policy_of(*texts)
    except PolicyError as error:
        event(error.message.split("; ")[0].split(": ")[-1][:40])
        return None


generous = settings(
    max_examples=examples(120), deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)


@generous
@given(st.sampled_from([2, 3]).flatmap(stack))
def test_layering_never_loosens(layers: list[dict[str, Any]]) -> None:
    policies = [policy_or_none(*layers[: count + 1]) for count in range(len(layers))]
    for floor, policy in pairwise(policies):
        if floor and policy:
            event("compared")
            assert_no_looser(policy, floor)
    if policy := policies[-1]:
        assert_keeps_the_rules(policy, layers)
        for layer in layers:
            assert_holds_what_is_written(policy, layer)


@generous
@given(stack(1).map(lambda layers: layers[0]))
def test_a_layer_over_itself_changes_nothing(layer: dict[str, Any]) -> None:
    once = policy_or_none(layer)
    assume(once)
    assert once
    twice = policy_of(layer, layer)
    assert (twice.mode, twice.controls, twice.waivers) == (once.mode, once.controls, once.waivers)


def layer_of(document: Mapping[str, Any], rank: int) -> Layer:
    """Return the layer of a document without the profile that it extends."""
    _, layer = LayerReader(METAS, rank).read(read_document(json.dumps(document).encode(), f"layer-{rank}"))
    return layer


def combined(floor: Layer | None, nearer: Layer | None) -> Layer | None:
    try:
        return combine(floor, nearer, METAS) if floor and nearer else None
    except PolicyError:
        return None


NOWHERE = Place(file="", line=1, column=1)


def without_places(layer: Layer) -> Layer:
    """Return a layer in which everything stands nowhere: who is named first may depend on the grouping."""

    def bare(stated: Stated[Any] | None) -> Any:
        value = frozenset(stated.value) if stated and isinstance(stated.value, tuple) else stated and stated.value
        return stated and replace(stated, value=value, places=(NOWHERE,))

    def bare_control(asked: Asked) -> Asked:
        return replace(
            asked,
            place=NOWHERE,
            require={name: bare(value) for name, value in asked.require.items()},
            branches=bare(asked.branches),
            on=bare(asked.on),
            on_invisible=bare(asked.on_invisible),
            bots=tuple(bare(bot) for bot in asked.bots),
            locked=asked.locked and NOWHERE,
        )

    return Layer(
        mode=bare(layer.mode),
        controls={name: bare_control(asked) for name, asked in layer.controls.items()},
        disabled=dict.fromkeys(layer.disabled, NOWHERE),
        waivers=tuple(bare(waiver) for waiver in layer.waivers),
        waiver_rules=WaiverRules(
            max_days=bare(layer.waiver_rules.max_days),
            needs={name: bare(need) for name, need in sorted(layer.waiver_rules.needs.items())},
        ),
    )


@generous
@given(stack(3))
def test_the_grouping_of_layers_does_not_matter(layers: list[dict[str, Any]]) -> None:
    first, second, third = (layer_of(document, rank) for rank, document in enumerate(layers))
    left = combined(combined(first, second), third)
    right = combined(first, combined(second, third))
    assume(left and right)
    assert left
    assert right
    assert without_places(left) == without_places(right)


KINDS: list[Kind] = [Flag(), AtLeast(), AtLevel(), AllOf(), NoneBut()]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@unhurried
@given(data=st.data())
def test_a_value_reads_back_as_it_was_written(kind: Kind, data: st.DataObject) -> None:
    value = kind.parse(data.draw(values(kind)))
    assert kind.parse(kind.write(value)) == value


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@unhurried
@given(data=st.data())
def test_a_merged_value_asks_for_both_whichever_came_first(kind: Kind, data: st.DataObject) -> None:
    one, two = kind.parse(data.draw(values(kind))), kind.parse(data.draw(values(kind)))
    merged = kind.merge(one, two)
    assert asks_at_least(kind, merged, one)
    assert asks_at_least(kind, merged, two)
    assert merged == kind.merge(two, one)
    assert kind.merge(one, one) == one
    assert not kind.asks_for_less(merged, one)


WHOLE: Mapping[str, Any] = {
    "version": 1,
    "locked": True,
    "mode": "report",
    "audit": {"on-failure": "warn"},
    "roles": [{"name": "devs", "levels": ["write"]}],
    "controls": {"secret-free": {"require": {"no-secrets": True}}},
}
ADDING: Mapping[str, Any] = {
    "policy-branch": "policy",
    "mode": "enforce",
    "roles": [{"name": "ops", "levels": ["admin"]}],
    "controls": {"branch-protection": {"require": {"protected": True}}},
    "contexts": [
        {"name": "x", "when": {"event": ["push"]}, "controls": {"secret-free": {"require": {"no-secrets": True}}}}
    ],
    "admission": [{"role": "devs", "events": ["any"], "refs": ["any"], "environments": ["any"]}],
    "audit": {"on-failure": "deny"},
    "waivers": [{"control": "secret-free", "requirement": "no-secrets", "reason": "x", "until": "2027-01-31"}],
    "waiver-rules": {"max-days": 1},
    "baseline": {"file": "known.json", "until": "2027-01-31"},
    "break-glass": {"by": "label", "label": "now", "role": "devs", "hours": 1},
}
"""What a project could say under each key; nothing of it asks for less."""


@pytest.mark.parametrize("key", POLICY_KEYS)
def test_a_policy_that_is_locked_as_a_whole_takes_nothing_from_nearer_layers(key: str) -> None:
    """A key that is new has to be added here, and is refused until somebody decides otherwise."""
    if key in ("version", "extends", "locked"):
        assert policy_of(WHOLE, {"version": 1, "locked": True}).controls
        return
    error = refused(WHOLE, {"version": 1, key: ADDING[key]})
    assert error.message.startswith("layer-1:1:")
    assert "adds to what layer-0:1 locked" in error.message


@pytest.mark.parametrize(
    "layers", [[{**WHOLE, "extends": "builtin:baseline"}], [{"version": 1, "extends": "builtin:baseline"}, WHOLE]]
)
def test_a_lock_on_the_whole_holds_for_controls_of_a_profile_and_of_layers_below(layers: list[Any]) -> None:
    tighter = {"version": 1, "controls": {"branch-protection": {"require": {"approvals": 3}}}}
    locked = {**layers[-1], "controls": {}, "mode": "enforce", "audit": {"on-failure": "deny"}}
    assert "branch-protection approvals would change what layer-" in refused(*layers[:-1], locked, tighter).message


@pytest.mark.parametrize("key", ["mode", "audit", "roles", "controls"])
def test_what_is_locked_as_a_whole_may_be_restated(key: str) -> None:
    assert policy_of(WHOLE, {"version": 1, key: WHOLE[key]}).controls.keys() == {"secret-free"}


def test_a_profile_above_a_floor_that_is_locked_adds_nothing() -> None:
    floor = PolicyText(content=json.dumps(WHOLE).encode(), place="floor", kind=LayerKind.REMOTE, floor=True)
    project = PolicyText(content=b"version: 1\nextends: builtin:baseline\n", place="project", kind=LayerKind.REPOSITORY)
    policy = load([floor, project], METAS)
    assert policy.controls.keys() == {"secret-free"}
    assert policy.controls["secret-free"].require.keys() == {"no-secrets"}
    assert policy.notes[0] == (
        "branch-protection of project:2:10: builtin:baseline is not judged: floor:1 locked what it asks."
    )
