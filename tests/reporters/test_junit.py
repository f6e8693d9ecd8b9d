"""JUnit: one case a requirement and subject, as Jenkins reads it, and never green where the run denies."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_guard.model.decision import Result, Ruling, Verdict
from ci_guard.reporters import escape, junit
from ci_guard.reporters.telling import Standing
from tests.reporters import sample
from tests.reporters.hostile import CORPUS, dressed


@cache
def schema() -> xmlschema.XMLSchema:
    """Return Jenkins' schema."""
    return xmlschema.XMLSchema(str(Path(__file__).parent / "schemas/junit-10.xsd"))


def cases(result: Result) -> dict[str, ET.Element]:
    """Return the cases of the report, which is valid and counts them right, by class and name."""
    text = junit.render(result)
    schema().validate(text)
    root = ET.fromstring(text)
    found = list(root.iter("testcase"))
    assert root.get("tests") == str(len(found))
    for suite in root.iter("testsuite"):
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(attribute) == str(len(list(suite.iter(tag))))
    named = {f"{case.get('classname')}/{case.get('name')}": case for case in found}
    assert len(named) == len(found)
    return named


def case_of(ruling: Ruling) -> ET.Element | None:
    """Return what the one case of a ruling holds."""
    named = cases(sample.result(Verdict.DENY, 1, [ruling, sample.secret(0)], "It is so."))
    (case,) = [case for name, case in named.items() if "github-token" not in name]
    return next(iter(case), None)


@pytest.mark.parametrize("name", sample.SAMPLES)
def test_report_is_valid_by_the_schema_of_jenkins(name: str) -> None:
    assert cases(sample.SAMPLES[name]())


@pytest.mark.parametrize(
    ("ruling", "tag"),
    [
        (sample.DENIED, "failure"),
        (sample.UNDECIDED, "error"),
        (sample.BROKEN, "error"),
        (sample.TOLERATED, "skipped"),
        (sample.NOT_JUDGED, "skipped"),
        (sample.WAIVED, "skipped"),
        (sample.NOT_APPLICABLE, "skipped"),
    ],
)
def test_a_case_says_where_the_requirement_stands(ruling: Ruling, tag: str) -> None:
    element = case_of(ruling)
    assert element is not None
    assert element.tag == tag
    assert element.get("message")
    assert element.text


def test_a_pass_holds_nothing_and_nothing_else_is_green() -> None:
    assert case_of(sample.PASSED[0]) is None
    assert [state for state, element in junit.ELEMENTS.items() if not element] == [Standing.PASSED]
    assert set(junit.ELEMENTS) == set(Standing)


def test_what_denies_is_never_skipped() -> None:
    assert {junit.ELEMENTS[state] for state in Standing if state.denies} == {"failure", "error"}


def test_what_is_waived_says_why_and_until_when() -> None:
    element = case_of(sample.WAIVED)
    assert element is not None
    assert element.get("message") == "waived until 2027-01-31: keys are being rolled out, TICKET-1"


def test_names_are_the_requirement_and_the_subject() -> None:
    assert list(cases(sample.denied())) == [
        "ci-guard.branch-protection/protected (main)",
        "ci-guard.branch-protection/protected (release/1)",
        "ci-guard.branch-protection/no-force-push (main)",
        "ci-guard.branch-protection/approvals (main)",
        "ci-guard.branch-protection/include-admins (main)",
        "ci-guard.branch-protection/signed-commits (main)",
        "ci-guard.branch-protection/signed-commits (release/1)",
        "ci-guard.actor-permissions/actor (alice)",
        "ci-guard.actor-permissions/sender",
        "ci-guard.secret-free/no-secrets (github-token)",
        "ci-guard.secret-free/no-key-files",
        "ci-guard.secret-free/complete-scan",
    ]


def test_names_that_are_alike_as_far_as_they_are_told_stay_apart() -> None:
    long = "x" * 500
    rulings = [
        replace(sample.DENIED, judgement=replace(sample.DENIED.judgement, subject=f"{long}{number}"))
        for number in range(3)
    ]
    assert len(cases(sample.result(Verdict.DENY, 1, rulings, "It is so."))) == 3


def test_findings_of_one_rule_are_one_case_with_their_places() -> None:
    element = next(iter(cases(sample.denied(700))["ci-guard.secret-free/no-secrets (github-token)"]))
    assert element.text is not None
    assert element.text.count("src/config_") == junit.FINDINGS
    assert f"… and {700 - junit.FINDINGS} more in the JSON report" in element.text


def test_the_worst_of_a_case_says_how_it_stands() -> None:
    waived = replace(sample.secret(0), weight=sample.WAIVED.weight, waived=sample.WAIVED.waived)
    result = sample.result(Verdict.DENY, 1, [waived, sample.secret(1)], "It is so.")
    (case,) = cases(result).values()
    assert [element.tag for element in case] == ["failure"]


@pytest.mark.parametrize("name", ["policy-error", "fault"])
def test_a_run_that_an_error_ended_is_an_error(name: str) -> None:
    (case,) = cases(sample.SAMPLES[name]()).values()
    assert [element.tag for element in case] == ["error"]


def test_a_verdict_that_rests_on_no_ruling_is_an_error_and_not_all_green() -> None:
    result = sample.result(Verdict.UNDECIDED, 3, [sample.TOLERATED], "Nothing was proven.")
    case = cases(result)["ci-guard.run/run"]
    assert [(element.tag, element.get("message")) for element in case] == [("error", "Nothing was proven.")]


@pytest.mark.parametrize("name", CORPUS)
def test_hostile_text_leaves_the_report_valid(name: str) -> None:
    assert cases(dressed(sample.denied(), CORPUS[name]))


@settings(deadline=None)
@given(st.text(st.characters(codec=None), max_size=60) | st.text("<>&'\"\n:#[]]", max_size=30))
def test_any_text_reads_back_as_it_is_told(text: str) -> None:
    (case,) = cases(sample.result(Verdict.DENY, 1, [dressed_denial(text)], "It is so.")).values()
    (element,) = case
    assert element.get("message") == escape.visible(text)
    assert element.text is not None
    assert escape.visible(text) in element.text


def dressed_denial(text: str) -> Ruling:
    """Return a denial in a stranger's words."""
    return replace(sample.DENIED, judgement=replace(sample.DENIED.judgement, subject="x", message=text))
