"""GitLab's reports: valid by what its documentation asks, honest about what is no pass, and never part of a secret."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ci_guard.model.decision import Result, Verdict
from ci_guard.model.judgement import Location, Severity
from ci_guard.model.scan import SecretFinding, SecretPlace, SecretScan
from ci_guard.reporters import (
    gitlab_annotations,
    gitlab_codequality,
    gitlab_dotenv,
    gitlab_sast,
    gitlab_secret_detection,
    gitlab_security,
    terminal,
)
from tests.drawing import examples
from tests.reporters import sample
from tests.reporters.hostile import CORPUS, dressed

SCHEMAS = Path(__file__).parent / "schemas"


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


SECURITY = validator("gitlab-security.schema.json")
QUALITY = validator("gitlab-code-quality.schema.json")


def quality(result: Result) -> list[dict[str, Any]]:
    """Return the code quality report, which is valid."""
    report: list[dict[str, Any]] = json.loads(gitlab_codequality.render(result))
    QUALITY.validate(report)
    return report


def security(result: Result, render: Callable[[Result], str]) -> dict[str, Any]:
    """Return a security report, which is valid."""
    report: dict[str, Any] = json.loads(render(result))
    SECURITY.validate(report)
    return report


def secrets(result: Result) -> dict[str, Any]:
    return security(result, gitlab_secret_detection.render)


def sast(result: Result) -> dict[str, Any]:
    return security(result, gitlab_sast.render)


def links_of(result: Result) -> list[dict[str, str]]:
    """Return the links of the annotations report."""
    report = json.loads(gitlab_annotations.render(result))
    assert list(report) == ["ci-guard"]
    return [each["external_link"] for each in report["ci-guard"]]


def complete(result: Result) -> Result:
    assert result.scan is not None
    return replace(result, scan=replace(result.scan, skipped=(), gaps=()))


@pytest.mark.parametrize("name", sample.SAMPLES)
def test_every_report_is_valid(name: str) -> None:
    result = sample.SAMPLES[name]()
    assert quality(result) or result.decision.verdict is Verdict.ALLOW
    assert secrets(result)["scan"]["type"] == "secret_detection"
    assert sast(result)["scan"]["type"] == "sast"
    links_of(result)


class TestCodeQuality:
    def test_everything_that_is_no_pass_is_an_entry_worst_first(self) -> None:
        told = [(each["check_name"], each["severity"]) for each in quality(sample.denied(1))]
        assert told == [
            ("secret-free/no-secrets", "blocker"),
            ("branch-protection/approvals", "critical"),
            ("actor-permissions/sender", "critical"),
            ("actor-permissions/actor", "critical"),
            ("branch-protection/include-admins", "info"),
            ("branch-protection/signed-commits", "info"),
            ("branch-protection/signed-commits", "info"),
        ]

    def test_a_finding_stands_at_its_file_and_line_and_all_else_at_the_policy_or_the_pipeline(self) -> None:
        finding, approvals, *_ = quality(sample.denied(1))
        assert finding["location"] == {"path": "src/config_000.py", "lines": {"begin": 1}}
        assert approvals["location"] == {"path": ".gitlab-ci.yml", "lines": {"begin": 1}}
        named = replace(sample.denied(1), policy=replace(sample.POLICY, path="policy/ci.yml"))
        assert quality(named)[1]["location"]["path"] == "policy/ci.yml"

    def test_a_line_of_an_older_commit_is_not_shown_in_the_present_file(self) -> None:
        old = Location(path="a.py", line=7, commit="5d" * 20)
        ruling = replace(sample.secret(0), judgement=replace(sample.secret(0).judgement, location=old))
        (entry,) = quality(sample.result(Verdict.DENY, 1, [ruling], "It is so."))
        assert entry["location"] == {"path": "a.py", "lines": {"begin": 1}}

    def test_fingerprints_are_the_findings_own_and_unique(self) -> None:
        entries = quality(sample.denied(3))
        assert entries[0]["fingerprint"] == sample.secret(0).judgement.fingerprint
        assert len({each["fingerprint"] for each in entries}) == len(entries)
        twice = sample.result(Verdict.DENY, 1, [sample.secret(0), sample.secret(0)], "It is so.")
        assert len({each["fingerprint"] for each in quality(twice)}) == 2

    def test_the_report_is_the_same_in_every_run(self) -> None:
        assert gitlab_codequality.render(sample.denied(3)) == gitlab_codequality.render(sample.denied(3))

    def test_what_does_not_deny_says_so_in_words(self) -> None:
        words = {each["description"].partition("]")[0] + "]" for each in quality(sample.denied(1))[3:]}
        assert words == {"[unknown]", "[tolerated unknown]", "[waived (fail)]"}

    @pytest.mark.slow
    def test_many_findings_stay_within_bounds_and_are_counted(self) -> None:
        entries = quality(sample.denied(gitlab_codequality.ENTRIES + 100))
        assert len(entries) == gitlab_codequality.ENTRIES + 1
        assert entries[-1]["description"].startswith("106 more are left out here")

    @pytest.mark.parametrize("name", ["policy-error", "fault"])
    def test_a_run_that_an_error_ended_is_a_blocker(self, name: str) -> None:
        (entry,) = quality(sample.SAMPLES[name]())
        assert (entry["check_name"], entry["severity"]) == ("run", "blocker")

    def test_a_verdict_that_rests_on_no_ruling_is_a_blocker(self) -> None:
        result = sample.result(Verdict.UNDECIDED, 3, [sample.TOLERATED], "Nothing was proven.")
        assert [each["severity"] for each in quality(result)] == ["blocker", "info"]


class TestSecretDetection:
    def test_each_secret_that_denies_is_one_and_nothing_else(self) -> None:
        report = secrets(sample.denied(2))
        assert [each["location"]["file"] for each in report["vulnerabilities"]] == [
            "src/config_000.py",
            "src/config_001.py",
        ]
        assert {each["severity"] for each in report["vulnerabilities"]} == {"Critical"}
        assert {each["identifiers"][0]["value"] for each in report["vulnerabilities"]} == {"github-token"}
        assert {each["location"]["commit"]["sha"] for each in report["vulnerabilities"]} == {sample.HEAD}

    def test_ids_are_stable_and_unique(self) -> None:
        first, second = (secrets(sample.denied(9))["vulnerabilities"] for _ in range(2))
        assert [each["id"] for each in first] == [each["id"] for each in second]
        assert len({each["id"] for each in first}) == 9

    def test_other_places_are_details(self) -> None:
        result = sample.denied(1)
        assert result.scan is not None
        judgement = sample.secret(0).judgement
        finding = SecretFinding(
            rule="github-token",
            title="GitHub token",
            severity=Severity.CRITICAL,
            location=judgement.location or Location(),
            preview="ghp_…",
            fingerprint=judgement.fingerprint,
        )
        place = SecretPlace(location=Location(path="b.py", line=4), fingerprint="ab" * 32)
        scan = replace(result.scan, findings=(replace(finding, others=(place,)),))
        (entry,) = secrets(replace(result, scan=scan))["vulnerabilities"]
        assert entry["details"]["places"]["items"] == [{"type": "file-location", "file_name": "b.py", "line_start": 4}]

    def test_a_waived_secret_is_none(self) -> None:
        waived = replace(sample.secret(0), weight=sample.WAIVED.weight, waived=sample.WAIVED.waived)
        result = sample.result(Verdict.ALLOW, 0, [waived], "It is so.")
        assert secrets(result)["vulnerabilities"] == []

    def test_a_scan_that_is_not_complete_is_a_failed_one(self) -> None:
        report = secrets(sample.denied(1))
        assert report["scan"]["status"] == "failure"
        assert report["scan"]["messages"][-1] == {"level": "warn", "value": "The scan is not complete."}
        assert secrets(complete(sample.denied(1)))["scan"]["status"] == "success"

    @pytest.mark.parametrize("name", ["policy-error", "fault"])
    def test_no_scan_is_a_failed_one_with_the_reason(self, name: str) -> None:
        scan = secrets(sample.SAMPLES[name]())["scan"]
        assert scan["status"] == "failure"
        assert len(scan["messages"]) > 1

    @pytest.mark.slow
    def test_many_findings_stay_within_bounds_and_are_counted(self) -> None:
        report = secrets(sample.denied(gitlab_security.ENTRIES + 7))
        assert len(report["vulnerabilities"]) == gitlab_security.ENTRIES
        assert "7 more are left out here" in report["scan"]["messages"][-1]["value"]


class TestSast:
    def test_each_requirement_that_denies_is_one_and_no_secret(self) -> None:
        report = sast(sample.denied(2))
        told = {each["identifiers"][0]["value"]: each["severity"] for each in report["vulnerabilities"]}
        assert told == {
            "branch-protection/approvals": "High",
            "actor-permissions/sender": "Unknown",
            "actor-permissions/actor": "Unknown",
        }

    @pytest.mark.parametrize("name", ["policy-error", "fault"])
    def test_a_run_that_an_error_ended_is_a_failed_scan_with_the_error(self, name: str) -> None:
        scan = sast(sample.SAMPLES[name]())["scan"]
        assert scan["status"] == "failure"
        assert scan["messages"]


class TestAnnotations:
    def test_links_lead_to_the_settings_first_and_then_to_what_is_asked(self) -> None:
        links = links_of(sample.denied(1))
        assert links[0] == {"label": "Change: no-secrets · github-token", "url": "https://github.com/settings/tokens"}
        assert links[-1]["label"] == "Why: actor-permissions: actor"
        assert len({each["url"] for each in links}) == len(links) <= gitlab_annotations.LINKS

    def test_nothing_denied_has_no_link(self) -> None:
        assert links_of(sample.SAMPLES["allowed"]()) == []


class TestDotenv:
    @pytest.mark.parametrize("name", sample.SAMPLES)
    def test_variables_are_words_and_numbers_of_ours(self, name: str) -> None:
        text = gitlab_dotenv.render(sample.SAMPLES[name]())
        assert re.fullmatch(r"(?:CI_GUARD_[A-Z_]+=[a-z0-9]+\n){4}", text)

    def test_counts_are_of_what_no_waiver_covers(self) -> None:
        assert gitlab_dotenv.render(sample.denied(1)) == (
            "CI_GUARD_VERDICT=deny\nCI_GUARD_EXIT_CODE=1\nCI_GUARD_FAILED=2\nCI_GUARD_UNKNOWN=2\n"
        )


class TestLogSections:
    SECTION = re.compile(r"\x1b\[0Ksection_(start|end):(\d+):([A-Za-z0-9_.-]+)(\[collapsed=true\])?\r\x1b\[0K")

    def log(self, result: Result) -> str:
        return terminal.render(result, color=False, width=100, folds=True)

    def test_every_section_that_starts_ends_before_the_next_one(self) -> None:
        marks = [(mark[1], mark[3]) for mark in self.SECTION.finditer(self.log(sample.denied()))]
        names = [name for kind, name in marks if kind == "start"]
        assert names == [f"ci_guard_{each}" for each in ("tolerated", "waived", "passed", "not_applicable", "record")]
        assert marks == [(kind, name) for name in names for kind in ("start", "end")]

    def test_the_words_are_the_same_and_what_denies_is_never_folded(self) -> None:
        folded = self.log(sample.denied())
        plain = terminal.render(sample.denied(), color=False, width=100)
        unmarked = "\n".join(
            line for line in folded.split("\n") if not re.fullmatch(r"\x1b\[0Ksection_end:[^\r]*\r\x1b\[0K", line)
        )
        assert self.SECTION.sub("", unmarked) == plain
        assert folded.index("What denies") < folded.index("section_start")

    @pytest.mark.parametrize("name", CORPUS)
    def test_hostile_text_opens_no_section(self, name: str) -> None:
        harmless = [mark[3] for mark in self.SECTION.finditer(self.log(sample.denied()))]
        assert [mark[3] for mark in self.SECTION.finditer(self.log(dressed(sample.denied(), CORPUS[name])))] == harmless


@pytest.mark.parametrize("name", CORPUS)
def test_hostile_text_leaves_every_report_valid_and_in_shape(name: str) -> None:
    told, harmless = dressed(sample.denied(), CORPUS[name]), dressed(sample.denied(), "x")
    assert len(quality(told)) == len(quality(harmless))
    for render in (secrets, sast):
        assert len(render(told)["vulnerabilities"]) == len(render(harmless)["vulnerabilities"])
    assert gitlab_dotenv.render(told) == gitlab_dotenv.render(harmless)
    assert all(each["url"].startswith("https://") and "\n" not in each["label"] for each in links_of(told))


@settings(max_examples=examples(30), deadline=None)
@given(st.text(st.characters(codec=None), max_size=60) | st.text("<>&'\"\n:#[]!~%$", max_size=30))
def test_any_text_leaves_every_report_valid(text: str) -> None:
    result = dressed(sample.denied(1), text)
    quality(result)
    secrets(result)
    sast(result)
    links_of(result)


def test_no_report_holds_a_preview() -> None:
    result = sample.denied(2)
    for text in (gitlab_sast.render(result), gitlab_annotations.render(result)):
        assert "ghp_" not in text


def test_all_severities_have_a_word_in_every_format() -> None:
    for severity in Severity:
        ruling = replace(sample.DENIED, judgement=replace(sample.DENIED.judgement, severity=severity))
        result = sample.result(Verdict.DENY, 1, [ruling], "It is so.")
        assert quality(result)
        assert sast(result)["vulnerabilities"]


def test_an_empty_scan_is_told_as_complete() -> None:
    result = replace(sample.SAMPLES["allowed"](), scan=SecretScan(blobs=1))
    assert secrets(result)["scan"]["status"] == "success"
