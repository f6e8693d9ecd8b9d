"""What the case files cannot say of `secret-free`: what travels from a finding into its judgement."""

from __future__ import annotations

import dataclasses

from ci_guard.controls.secret_free import also, place
from ci_guard.model.judgement import Location, Severity
from ci_guard.model.scan import Confidence, SecretFinding, SecretPlace
from tests.controls.language import judge


def test_a_finding_keeps_place_fingerprint_and_cure() -> None:
    [judgement] = judge(
        "secret-free",
        {"require": {"no-secrets": True}},
        {"scan": {"findings": [{"rule": "github-token", "path": "src/app.py", "line": 3}]}},
    )
    assert judgement.subject == "github-token"
    assert judgement.location == Location(path="src/app.py", line=3)
    assert judgement.fingerprint == "f" * 64
    assert judgement.severity is Severity.HIGH
    assert judgement.remedy == "Revoke it. If it is none: `ci-guard explain github-token` shows how to waive it."
    assert judgement.remedy_url == "https://vendor.example/revoke"
    assert judgement.observed == "…"


def test_a_finding_of_an_older_commit_says_that_the_commit_has_to_go_and_of_several_it_is_told_once() -> None:
    findings = [
        {"rule": "github-token", "path": "a.py", "line": 3, "commit": each * 6} for each in ("c0ffee", "facade")
    ]
    one, other = judge("secret-free", {"require": {"no-secrets": True}}, {"scan": {"findings": findings}})
    assert "as long as its commit is in what is judged: take that commit out of the branch." in one.remedy
    assert "commit c0ffeec0" in one.message
    assert one.remedy == other.remedy


def test_each_finding_is_a_judgement_of_its_own() -> None:
    findings = [{"rule": "github-token", "path": path} for path in ("a", "b", "c")]
    judgements = judge("secret-free", {"require": {"no-secrets": True}}, {"scan": {"findings": findings}})
    assert [one.location.path for one in judgements if one.location] == ["a", "b", "c"]


def test_a_skipped_file_is_the_place_of_an_incomplete_scan() -> None:
    [judgement] = judge(
        "secret-free", {"require": {"complete-scan": True}}, {"scan": {"skipped": {"a.zip!/b": "it is encrypted"}}}
    )
    assert judgement.location == Location(path="a.zip!/b")


def test_a_clean_scan_says_how_much_was_read() -> None:
    [judgement] = judge("secret-free", {"require": {"no-secrets": True}}, {"scan": {}})
    assert judgement.observed == "nothing found in 10 contents, 1000 bytes, 0 commits of tree of c0ffee00"


def test_a_finding_names_the_other_places_of_the_secret_up_to_a_number() -> None:
    others = tuple(
        SecretPlace(location=Location(path=f"{number}.py", line=number), fingerprint=f"{number:064}")
        for number in range(1, 8)
    )
    finding = SecretFinding(
        rule="github-token",
        title="Token",
        severity=Severity.HIGH,
        confidence=Confidence.HIGH,
        location=Location(commit="c0ffee00" * 5, line=2),
        what="tag message",
        preview="ghp…",
        fingerprint="f" * 64,
        detail="the format fits",
        others=others,
    )
    assert also(dataclasses.replace(finding, others=others[:1])) == ", and in 1 more place: 1.py, line 1"
    assert also(finding).startswith(", and in 7 more places: 1.py, line 1; 2.py, line 2;")
    assert also(finding).endswith("5.py, line 5 …")
    assert place(finding.location, finding.what) == "a tag message, line 2, commit c0ffee00"
