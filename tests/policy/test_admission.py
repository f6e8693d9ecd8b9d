"""Admission tables of several layers: each narrows, none widens, and blanket permission is named."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ci_guard.controls import admission
from ci_guard.model.facts import Facts
from ci_guard.model.judgement import Outcome
from ci_guard.model.settings import Policy
from tests.controls import language, strategies
from tests.drawing import examples
from tests.policy.given import policy_of

ROLES = [
    {"name": "build", "users": [{"login": "alice", "id": language.identity("alice")}]},
    {"name": "core", "levels": ["write", "admin"]},
    {"name": "everybody-else", "bots": [{"login": "ci[bot]", "id": language.identity("ci[bot]")}]},
]
ORDER = [Outcome.FAIL, Outcome.UNKNOWN, Outcome.NOT_APPLICABLE, Outcome.PASS]
"""The more permissive the later."""


def keyed(row: Any) -> dict[str, Any]:
    role, events, refs, environments = row
    return {"role": role, "events": list(dict.fromkeys(events)), "refs": refs, "environments": environments}


ROWS = strategies.ROWS.filter(lambda row: set(row[1]) != {"tag"} or row[2] in (["any"], ["main", "tag:v*"])).map(keyed)
TABLES = st.lists(ROWS, min_size=1, max_size=3)
FACTS = st.fixed_dictionaries(
    {
        "run": strategies.RUNS,
        "people": strategies.lossy(st.lists(strategies.SEATS, max_size=3)),
        "around": strategies.AROUND,
    }
)
generous = settings(max_examples=examples(80), deadline=None, suppress_health_check=list(HealthCheck))


def layer(rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"version": 1, "roles": ROLES, "admission": rows, **more}


def outcomes(policy: Policy, facts: Facts) -> dict[str, int]:
    return {one.subject: ORDER.index(one.outcome) for one in admission.check(facts, policy.controls["admission"])}


@generous
@given(floor=TABLES, nearer=TABLES, raw=FACTS)
def test_a_nearer_table_never_admits_what_one_below_it_does_not(
    floor: list[dict[str, Any]], nearer: list[dict[str, Any]], raw: Any
) -> None:
    facts = language.facts(raw)
    alone, both = policy_of(layer(floor)), policy_of(layer(floor), layer(nearer))
    before, after = outcomes(alone, facts), outcomes(both, facts)
    event("admitted" if Outcome.PASS in {ORDER[rank] for rank in after.values()} else "not admitted")
    assert before.keys() == after.keys()
    assert all(after[subject] <= rank for subject, rank in before.items())


@generous
@given(rows=TABLES, more=ROWS, raw=FACTS)
def test_another_row_only_ever_admits_more(rows: list[dict[str, Any]], more: dict[str, Any], raw: Any) -> None:
    facts = language.facts(raw)
    before, after = outcomes(policy_of(layer(rows)), facts), outcomes(policy_of(layer([*rows, more])), facts)
    assert all(after[subject] >= rank for subject, rank in before.items())


@generous
@given(rows=TABLES, raw=FACTS, environment=strategies.ENVIRONMENTS)
def test_naming_one_more_environment_never_admits_what_was_not(
    rows: list[dict[str, Any]], raw: Any, environment: str
) -> None:
    """Save that of a run without any: a row for `none` is no row for one with an environment, and the other way."""
    named = raw["around"].get("environments", [])
    if not named:
        return
    more = {**raw, "around": {**raw["around"], "environments": [*named, environment]}}
    policy = policy_of(layer(rows))
    before, after = outcomes(policy, language.facts(raw)), outcomes(policy, language.facts(more))
    assert all(after[subject] <= rank for subject, rank in before.items())


def blankets(*rows: dict[str, Any]) -> list[str]:
    return [note for note in policy_of(layer(list(rows))).notes if note.startswith("Blanket")]


def row(role: str, environments: list[str]) -> dict[str, Any]:
    return {"role": role, "events": ["push"], "refs": ["default"], "environments": environments}


def test_a_row_that_gives_a_role_every_environment_is_named_as_blanket_permission() -> None:
    for everything in ("any", "**", "*"):
        (note,) = blankets(row("core", [everything]))
        assert note == "Blanket permission at layer-0:1: core may run in every environment."
    assert blankets(row("core", ["none"]), row("build", ["production", "review/*"])) == []


def test_a_row_that_gives_everybody_anything_is_named_as_blanket_permission() -> None:
    assert blankets(row("everybody", ["none"])) == [
        "Blanket permission at layer-0:1: everybody admits whoever it is, for none."
    ]
    strangers = {"name": "strangers", "levels": ["none", "read"]}
    policy = policy_of({"version": 1, "roles": [strangers], "admission": [row("strangers", ["any"])]})
    assert policy.notes == ("Blanket permission at layer-0:1: strangers admits whoever it is, in every environment.",)


def test_a_table_brings_its_control_which_denies_what_is_invisible() -> None:
    policy = policy_of(layer([row("core", ["none"])]))
    assert policy.controls["admission"].require == {"admitted": True}
    assert policy.controls["admission"].said_by["admitted"] == "layer-0:1"
    tolerant = policy_of(layer([row("core", ["none"])], controls={"admission": {"on-invisible": "warn"}}))
    assert tolerant.controls["admission"].on_invisible.value == "warn"
