"""What the case files cannot say of `secret-free`: what travels from a finding into its judgement."""

from __future__ import annotations

from ci_guard.model.judgement import Location, Severity
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


def test_a_finding_of_an_older_commit_says_that_the_commit_has_to_go() -> None:
    [judgement] = judge(
        "secret-free",
        {"require": {"no-secrets": True}},
        {"scan": {"findings": [{"rule": "github-token", "path": "src/app.py", "line": 3, "commit": "c0ffee" * 6}]}},
    )
    assert "as long as commit c0ffeec0ffee is in what is judged: take that out of the branch." in judgement.remedy


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
