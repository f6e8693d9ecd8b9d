"""Every entry of the files in `cases/` is a case: conditions, facts, and whether the context applies."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from ci_guard import contexts
from ci_guard.model.answer import all_of
from ci_guard.model.fact import Cause, Unknown
from ci_guard.model.facts import Facts
from ci_guard.model.settings import Policy
from ci_guard.policy.contexts import CONDITIONS
from tests.controls import language
from tests.facts_walker import weakened
from tests.policy.given import policy_of

CASES = [
    (f"{path.stem}-{number}", case)
    for path in sorted((Path(__file__).parent / "cases").glob("*.yml"))
    for number, case in enumerate(yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader), 1)
]
EVERY = pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])


def plain(raw: Any) -> Any:
    """Return what YAML 1.2 means by the texts of a case."""
    if isinstance(raw, dict):
        return {key: plain(value) for key, value in raw.items()}
    if isinstance(raw, list):
        return [plain(item) for item in raw]
    words = {"null": None, "true": True, "false": False}
    return words[raw] if raw in words else int(raw) if raw.isascii() and raw.isdigit() else raw


ROLES = [
    {"name": "staff", "users": [{"login": "alice", "id": language.identity("alice")}], "levels": ["maintain", "admin"]},
    {"name": "core", "teams": ["acme/core"], "groups": ["acme/tools"]},
    {"name": "robots", "bots": [{"login": "ci[bot]", "id": language.identity("ci[bot]")}]},
]


def policy_with(when: Any) -> Policy:
    return _policy_with(json.dumps(when))


@cache
def _policy_with(when: str) -> Policy:
    added = {"secret-free": {"require": {"no-key-files": True}}}
    return policy_of(
        {
            "version": 1,
            "roles": ROLES,
            "controls": {"secret-free": {"require": {"no-secrets": True}}},
            "contexts": [{"name": "it", "when": json.loads(when), "controls": added}],
        }
    )


def facts(case: Any) -> Facts:
    return language.facts({name: case[name] for name in ("run", "people", "memberships", "around") if name in case})


def held(policy: Policy, known: Facts) -> contexts.Match:
    return contexts.match(policy.contexts[0], known, policy.roles)


@EVERY
def test_a_context_applies_as_its_case_says(case: Any) -> None:
    case = plain(case)
    assert case.keys() <= {"when", "run", "people", "memberships", "around", "applies", "says"}
    found = held(policy_with(case["when"]), facts(case))
    answer = all_of(reading.answer for reading in found.readings)
    assert ("unknown" if isinstance(answer, Unknown) else answer) == case["applies"]
    assert found.applies is (case["applies"] is not False)
    for words in case.get("says", []):
        assert words in found.note()


@EVERY
@pytest.mark.parametrize("cause", Cause)
def test_no_context_stops_applying_because_a_fact_is_unknown(case: Any, cause: Cause) -> None:
    case = plain(case)
    asked, known = policy_with(case["when"]), facts(case)
    if held(asked, known).applies:
        for place, weaker in weakened(known, cause):
            assert held(asked, weaker).applies, place


@EVERY
def test_what_is_not_needed_changes_nothing(case: Any) -> None:
    case = plain(case)
    asked, known = policy_with(case["when"]), facts(case)
    needs = contexts.needs(asked, known.run.platform)
    kept = {name: value for name, value in case.get("around", {}).items() if name in {*needs.circumstances, "now"}}
    fewer = facts(
        {
            **case,
            "around": kept,
            "people": case.get("people", []) if needs.people else [],
            "memberships": case.get("memberships", []) if needs.circles else [],
        }
    )
    assert held(asked, fewer) == held(asked, known)


def test_every_condition_has_cases_that_hold_that_do_not_and_that_nobody_can_tell() -> None:
    for condition in CONDITIONS:
        seen = {case["applies"] for _, case in CASES if condition in case["when"]}
        assert seen == ({"true", "false"} if condition == "platform" else {"true", "false", "unknown"}), condition
