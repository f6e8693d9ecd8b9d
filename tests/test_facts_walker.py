"""The walker takes away exactly one piece of knowledge at a time, and its comparison sees what was gained."""

from __future__ import annotations

from dataclasses import fields, replace

from ci_guard.model.fact import Cause, Known, Unknown
from ci_guard.model.judgement import Judgement, Outcome, Severity
from tests.controls import language
from tests.facts_walker import gains, tolerable, weakened

LOST = Unknown(reason="taken away by the test", cause=Cause.INVISIBLE)


def test_every_known_fact_is_taken_away_once_however_deep() -> None:
    facts = language.facts({"run": {"tag": "?unavailable"}, "branches": [{"rules": [{"flags": {"protected": True}}]}]})
    places = [place for place, _ in weakened(facts, Cause.INVISIBLE)]
    assert len(places) == len(set(places))
    known = [field.name for field in fields(facts.run) if isinstance(getattr(facts.run, field.name), Known)]
    assert "tag" not in known
    assert [place for place in places if "run" in place] == [f".run.{name}" for name in known]
    assert ".branches" in places
    assert ".branches[0].branches[0].flags['protected']" in places
    assert ".branches[0].branches[0].approvals.hidden" in places


def test_a_variant_differs_in_one_place() -> None:
    facts = language.facts({})
    assert dict(weakened(facts, Cause.INVISIBLE))[".run.sha"] == replace(facts, run=replace(facts.run, sha=LOST))


def judgement(outcome: Outcome, cause: Cause | None = None, subject: str = "main") -> Judgement:
    return Judgement(
        control="c", requirement="r", subject=subject, outcome=outcome, severity=Severity.LOW, message="m", cause=cause
    )


PASS, FAIL, NOT_APPLICABLE = (judgement(outcome) for outcome in (Outcome.PASS, Outcome.FAIL, Outcome.NOT_APPLICABLE))
HIDDEN = judgement(Outcome.UNKNOWN, Cause.INVISIBLE)


def test_what_is_gained_is_seen() -> None:
    assert gains([FAIL], [PASS])
    assert gains([HIDDEN], [NOT_APPLICABLE])
    assert gains([PASS], [NOT_APPLICABLE])
    assert gains([FAIL], [])
    assert gains([PASS, FAIL], [PASS])
    assert gains([], [judgement(Outcome.PASS, subject="other")])
    assert not gains([PASS, FAIL], [HIDDEN])
    assert not gains([PASS], [FAIL])


def test_what_could_be_tolerated_now_is_seen() -> None:
    assert tolerable([PASS], [HIDDEN])
    assert not tolerable([HIDDEN], [HIDDEN])
    assert not tolerable([PASS], [judgement(Outcome.UNKNOWN, Cause.UNAVAILABLE)])
