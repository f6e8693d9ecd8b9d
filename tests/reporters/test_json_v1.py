"""The JSON report: the contract's shape to the letter, valid against the schema that is published for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import product
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_guard.model.decision import Result, Verdict, Weight
from ci_guard.model.fact import Cause, Known, Source
from ci_guard.model.judgement import Location, Outcome, Severity
from ci_guard.model.run import Event, Platform
from ci_guard.reporters.json_v1 import render, report_of, report_schema
from tests.reporters import sample
from tests.reporters.hostile import CORPUS, dressed

VALIDATOR = jsonschema.Draft202012Validator(report_schema(), format_checker=jsonschema.FormatChecker())

JUDGEMENT_KEYS = [
    "control", "requirement", "subject", "outcome", "cause", "severity", "waived", "observed", "expected", "source",
    "detail", "location", "message", "remedy", "remedy_url", "fingerprint",
]  # fmt: skip


def read(result: Result) -> dict[str, Any]:
    """Return the report as a reader has it, valid by its schema."""
    report: dict[str, Any] = json.loads(render(result))
    VALIDATOR.validate(report)
    return report


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(report_schema())


@pytest.mark.parametrize("name", sample.SAMPLES)
def test_every_sample_is_valid(name: str) -> None:
    read(sample.SAMPLES[name]())


@pytest.mark.parametrize("name", CORPUS)
def test_hostile_text_is_valid(name: str) -> None:
    read(dressed(sample.denied(), CORPUS[name]))


@settings(deadline=None)
@given(st.text(st.characters(codec=None)))
def test_any_text_survives(text: str) -> None:
    report = read(dressed(sample.denied(findings=1), text))
    assert report["judgements"][0]["message"] == report["policy"]["source"] == text


def test_keys_are_those_of_the_contract_in_its_order() -> None:
    report = read(sample.denied())
    assert list(report) == [
        "schema", "tool", "time", "verdict", "exit_code", "advisory", "break_glass", "unreviewed", "controls",
        "context", "policy", "judgements", "references", "scan", "evidence",
    ]  # fmt: skip
    assert list(report["context"]) == [
        "platform", "repository", "repository_id", "ref", "sha", "event", "platform_event", "actor",
        "triggering_actor", "environment", "change", "run_url",
    ]  # fmt: skip
    assert list(report["tool"]) == ["name", "version"]
    assert list(report["context"]["change"]) == ["number", "head", "target"]
    assert list(report["policy"]) == ["source", "sha256", "mode", "layers"]
    assert all(list(judgement) == JUDGEMENT_KEYS for judgement in report["judgements"])
    assert list(report["references"][0]) == ["framework", "version", "id", "status", "satisfied_by", "supported_by"]
    assert list(report["scan"]) == ["commits", "blobs", "bytes", "skipped", "complete", "suppressed"]
    assert list(report["scan"]["skipped"][0]) == ["path", "reason"]
    assert [(one["kind"], one["count"]) for one in report["scan"]["suppressed"]] == [("allow-list", 1), ("comment", 2)]
    example = report["scan"]["suppressed"][0]["examples"][0]
    assert list(example) == ["rule", "location", "fingerprint", "suppressed_by", "reason", "until"]
    assert list(report["evidence"]) == ["requests", "seconds"]


def test_a_denial_is_reported_to_the_letter() -> None:
    judgements = {each["requirement"]: each for each in read(sample.denied(1))["judgements"]}
    assert judgements["approvals"] == {
        "control": "branch-protection",
        "requirement": "approvals",
        "subject": "main",
        "outcome": "fail",
        "cause": None,
        "severity": "high",
        "waived": None,
        "observed": "1 approval",
        "expected": "at least 2",
        "source": "api",
        "detail": "GET rules/branches/main",
        "location": None,
        "message": "Changes of main need too few approvals.",
        "remedy": 'Set "Required approvals" to 2 in the ruleset "main".',
        "remedy_url": sample.SETTINGS,
        "fingerprint": sample.DENIED.judgement.fingerprint,
    }
    assert judgements["signed-commits"]["waived"] == {"reason": "the branch is retired soon", "until": "2026-11-30"}
    assert judgements["signed-commits"]["outcome"] == "fail"
    assert judgements["include-admins"]["cause"] == "invisible"
    assert judgements["no-secrets"]["location"] == {
        "path": "src/config_000.py",
        "line": 1,
        "end_line": 1,
        "column": 9,
        "commit": None,
    }


def test_references_say_what_the_run_is_evidence_for() -> None:
    references = {each["id"]: each for each in read(sample.denied())["references"]}
    assert references["OSPS-QA-07.01"] == {
        "framework": "osps-baseline",
        "version": "2026.02.19",
        "id": "OSPS-QA-07.01",
        "status": "failed",
        "satisfied_by": [],
        "supported_by": ["branch-protection/approvals"],
    }
    assert references["1.1.14"]["satisfied_by"] == ["branch-protection/include-admins"]
    assert references["1.1.14"]["status"] == "not-evidenced"  # unknown, though the policy tolerates it


def test_references_stay_few_however_many_findings_there_are() -> None:
    few, many = read(sample.denied(1))["references"], read(sample.denied(500))["references"]
    assert few == many


def test_what_the_run_does_not_know_is_null() -> None:
    context = read(sample.advisory())["context"]
    assert context == {**dict.fromkeys(context, None), "platform": "local"}


def test_a_run_that_ended_early_keeps_every_key() -> None:
    report = read(sample.policy_error())
    assert report["policy"] == {"source": None, "sha256": None, "mode": None, "layers": []}
    assert report["scan"] == {"commits": 0, "blobs": 0, "bytes": 0, "skipped": [], "complete": False, "suppressed": []}
    assert (report["verdict"], report["exit_code"], report["judgements"]) == ("error", 2, [])
    assert report["references"] == []


def test_time_is_utc_to_the_second() -> None:
    elsewhere = datetime(2026, 11, 21, 22, 30, 0, 999_999, tzinfo=timezone(timedelta(hours=2, minutes=30)))
    assert read(replace(sample.allowed(), time=elsewhere))["time"] == "2026-11-21T20:00:00Z"


def test_the_text_is_ascii_and_the_same_each_time() -> None:
    text = render(dressed(sample.denied(), CORPUS["surrogates"]))
    assert text.isascii()
    assert "\\udcff" in text
    assert text == render(dressed(sample.denied(), CORPUS["surrogates"]))
    assert text.endswith("}\n")


def test_every_word_of_every_enum_is_valid() -> None:
    rulings = [
        sample.ruling(outcome=outcome, weight=weight, severity=severity, source=source)
        for outcome, weight, severity, source in product(Outcome, Weight, Severity, Source)
    ]
    VALIDATOR.validate(report_of(sample.result(Verdict.DENY, 1, rulings, "")))
    for platform, event in product(Platform, Event):
        run = replace(sample.RUN, platform=platform, event=Known(value=event, source=Source.EVENT))
        read(replace(sample.allowed(), run=run))
    for verdict, cause in product(Verdict, Cause):
        ruling = sample.ruling(outcome=Outcome.UNKNOWN, weight=Weight.UNDECIDED, cause=cause)
        read(sample.result(verdict, 3, [ruling], ""))


def test_a_place_may_lack_everything() -> None:
    ruling = sample.secret(1)
    nowhere = replace(ruling, judgement=replace(ruling.judgement, location=Location()))
    location = read(sample.result(Verdict.DENY, 1, [nowhere], ""))["judgements"][0]["location"]
    assert set(location.values()) == {None}


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of the schema that describes an object."""
    if isinstance(value, dict):
        if value.get("type") == "object":
            yield value
        for each in value.values():
            yield from objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from objects(each)


def test_the_schema_knows_every_key_and_no_other() -> None:
    found = list(objects(report_schema()))
    assert len(found) == 18
    for each in found:
        assert each["additionalProperties"] is False
        assert each["required"] == list(each["properties"])


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("schema",), "ci-guard.report/v2"),
        (("verdict",), "allowed"),
        (("exit_code",), 5),
        (("exit_code",), True),
        (("time",), "2026-11-21 20:00"),
        (("advisory",), None),
        (("policy", "mode"), "warn"),
        (("policy", "sha256"), "5d"),
        (("scan", "complete"), None),
        (("scan", "bytes"), -1),
        (("judgements", 0, "cause"), "invisible"),
        (("judgements", 0, "fingerprint"), ""),
        (("judgements", 0, "outcome"), "unknown"),
        (("judgements", 0, "location"), {}),
        (("judgements", 0, "extra"), 1),
        (("references", 0, "status"), "unknown"),
        (("references", 0, "extra"), 1),
        (("extra",), 1),
    ],
)
def test_the_schema_refuses_what_the_contract_does_not_say(path: tuple[str | int, ...], wrong: object) -> None:
    report = json.loads(render(sample.denied()))
    VALIDATOR.validate(report)
    inner = report
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = wrong
    assert not VALIDATOR.is_valid(report)
