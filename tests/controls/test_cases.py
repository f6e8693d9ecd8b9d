"""Every file under `tests/cases/<control>/` is a case: settings, facts, and what is right."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from ci_guard.controls.registry import CONTROLS
from ci_guard.model.fact import Cause
from ci_guard.model.judgement import Outcome
from tests.controls import language
from tests.facts_walker import gains, tolerable, weakened

ROOT = Path(__file__).parent.parent / "cases"
CASES = sorted(path for control in CONTROLS for path in (ROOT / control.META.id).rglob("*.yml"))


@cache
def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix()


@pytest.mark.parametrize("path", CASES, ids=name)
def test_a_case_is_judged_right(path: Path) -> None:
    """The file's name is the claim; where a peer gets it wrong, `mistake` says how."""
    case = load(path)
    assert set(case) <= {"mistake", "settings", "facts", "expect", "says"}, "a case has no other keys"
    judgements = language.judge(path.parent.parent.name, case["settings"], case["facts"])
    assert language.told(judgements) == case["expect"]
    told = " ".join(f"{one.message} {one.remedy}" for one in judgements)
    for words in case.get("says", []):
        assert words in told


@pytest.mark.parametrize("path", CASES, ids=name)
def test_a_case_stands_in_the_folder_of_its_worst_outcome(path: Path) -> None:
    case = load(path)
    seen = {one.outcome for one in language.judge(path.parent.parent.name, case["settings"], case["facts"])}
    expected = Outcome(path.parent.name)
    assert expected in seen
    worse = {
        Outcome.NOT_APPLICABLE: {Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN},
        Outcome.PASS: {Outcome.FAIL, Outcome.UNKNOWN},
        Outcome.UNKNOWN: {Outcome.FAIL},
        Outcome.FAIL: set(),
    }
    assert not seen & worse[expected]


@pytest.mark.parametrize("path", CASES, ids=name)
@pytest.mark.parametrize("cause", Cause)
def test_nothing_is_gained_by_taking_a_fact_away(path: Path, cause: Cause) -> None:
    case = load(path)
    control = language.control(path.parent.parent.name)
    settings = language.settings(control.META.id, case["settings"])
    facts = language.facts(case["facts"])
    before = list(control.check(facts, settings))
    for place, weaker in weakened(facts, cause):
        after = list(control.check(weaker, settings))
        assert gains(before, after) == [], place
        if cause is Cause.UNAVAILABLE:
            assert tolerable(before, after) == [], place


@pytest.mark.parametrize("control", [control.META.id for control in CONTROLS])
@pytest.mark.parametrize("folder", ["pass", "fail", "unknown"])
def test_every_control_has_a_case_of_each_kind(control: str, folder: str) -> None:
    assert any(path.parent == ROOT / control / folder for path in CASES)
