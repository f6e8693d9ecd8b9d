"""SARIF: valid by the standard's schema, within what GitHub takes, and honest about what is no pass."""

from __future__ import annotations

import gzip
import json
import random
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from ci_guard.controls.registry import CONTROLS
from ci_guard.model import project
from ci_guard.model.decision import Result, Ruling, Verdict, Weight
from ci_guard.model.fact import Cause, Known, Source
from ci_guard.model.judgement import Location, Outcome, Severity
from ci_guard.model.reference import Framework, Reference, Relation
from ci_guard.reporters import escape, sarif, sarif_rules
from tests.reporters import sample
from tests.reporters.hostile import CORPUS, dressed

SCHEMA = json.loads((Path(__file__).parent / "schemas/sarif-2.1.0.json").read_text(encoding="utf-8"))
FORMATS = FormatChecker(formats=())
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=FORMATS)
URI_REFERENCE = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?#\[\]-]|%[0-9A-Fa-f]{2})*")
"""Characters of RFC 3986; a colon in the first segment would make a scheme, which the tests of paths look at."""

BASELINE = Framework(id="made-up", title="Made-up Baseline", version="2026", url="https://baseline.example/2026")
BENCHMARK = Framework(id="other", title="Another Benchmark", version="1.0", url="https://benchmark.example/1.0")


@FORMATS.checks("uri-reference")
def is_uri_reference(value: object) -> bool:
    return not isinstance(value, str) or URI_REFERENCE.fullmatch(value) is not None


@FORMATS.checks("uri")
def is_uri(value: object) -> bool:
    return is_uri_reference(value) and (
        not isinstance(value, str) or re.match(r"[a-z][a-z0-9+.-]*:", value) is not None
    )


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value.replace("Z", "+00:00")).tzinfo is not None


def run_of(result: Result) -> dict[str, Any]:
    """Return the one run of the report, which is valid."""
    document = json.loads(sarif.render(result))
    VALIDATOR.validate(document)
    (run,) = document["runs"]
    return dict(run)


def results_of(*rulings: Ruling) -> list[dict[str, Any]]:
    """Return the results of these rulings."""
    return list(run_of(sample.result(Verdict.DENY, 1, rulings, "It is so."))["results"])


def moved(ruling: Ruling, location: Location | None) -> Ruling:
    """Return the same ruling at another place."""
    return replace(ruling, judgement=replace(ruling.judgement, location=location))


def test_the_formats_that_are_checked_can_fail() -> None:
    assert not is_uri_reference("a b")
    assert not is_uri("no scheme")
    assert is_date_time("2026-11-21T20:00:00.000Z")
    assert not is_date_time("2026-11-21T20:00:00")


@pytest.mark.parametrize("name", sample.SAMPLES)
def test_report_is_valid_by_the_schema_of_the_standard(name: str) -> None:
    run_of(sample.SAMPLES[name]())


@pytest.mark.parametrize("name", CORPUS)
def test_hostile_text_leaves_the_report_valid(name: str) -> None:
    run = run_of(dressed(sample.denied(), CORPUS[name], "https://x.example/"))
    assert len(run["results"]) == len(run_of(sample.denied())["results"])


def test_every_requirement_of_the_controls_is_a_rule_with_its_page() -> None:
    metas = tuple(control.META for control in CONTROLS)
    rules = run_of(replace(sample.allowed(), controls=metas))["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [f"{meta.id}/{each.id}" for meta in metas for each in meta.requirements]
    for rule in rules:
        control, _, requirement = rule["id"].partition("/")
        assert rule["helpUri"] == project.requirement_page(control, requirement)
        assert 0 < len(rule["properties"]["tags"]) <= 10
        assert max(len(rule["shortDescription"]["text"]), len(rule["fullDescription"]["text"])) <= 1_024
        assert rule["help"]["text"]
        assert rule["help"]["markdown"]
        assert len(rule["name"]) <= 255


@pytest.mark.parametrize("severity", Severity)
def test_the_score_of_a_rule_is_read_by_github_as_the_severity_that_we_mean(severity: Severity) -> None:
    score = float(sarif_rules.SCORES[severity])
    read = "critical" if score > 9.0 else "high" if score >= 7.0 else "medium" if score >= 4.0 else "low"
    assert read == severity.value
    assert sarif_rules.LEVELS[severity] in ("error", "warning")


def test_each_kind_of_secret_is_a_rule_because_github_takes_title_and_severity_from_it() -> None:
    weaker = sample.secret(1)
    weaker = replace(weaker, judgement=replace(weaker.judgement, subject="generic-password", severity=Severity.MEDIUM))
    run = run_of(sample.result(Verdict.DENY, 1, [sample.secret(0), weaker, sample.secret(2)], "It is so."))
    rules = run["tool"]["driver"]["rules"]
    assert [each["ruleId"] for each in run["results"]] == [
        "secret-free/no-secrets/github-token",
        "secret-free/no-secrets/github-token",
        "secret-free/no-secrets/generic-password",
    ]
    for each in run["results"]:
        assert rules[each["ruleIndex"]]["id"] == each["ruleId"]
    assert [rule["properties"]["security-severity"] for rule in rules[-2:]] == ["9.5", "5.5"]
    assert rules[-1]["shortDescription"]["text"] == "Required: no secrets are found (generic-password)"


def test_a_failure_is_a_fail_and_an_unknown_is_open() -> None:
    told = {
        each["properties"]["standing"]: (each["kind"], each["level"])
        for each in results_of(sample.DENIED, sample.UNDECIDED, sample.BROKEN, sample.TOLERATED)
    }
    assert told == {
        "refused": ("fail", "error"),
        "unknown": ("open", "none"),
        "error": ("fail", "error"),
        "tolerated unknown": ("open", "none"),
    }


def test_what_passed_or_does_not_apply_is_no_result_because_github_would_open_an_alert() -> None:
    run = run_of(sample.allowed())
    assert run["results"] == []
    assert run["properties"]["counts"] == {"passed": 4, "not applicable": 1}


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome not in sarif.PASSED])
@pytest.mark.parametrize("weight", Weight)
def test_whatever_else_came_out_is_a_result(outcome: Outcome, weight: Weight) -> None:
    waived = sample.WAIVED.waived if weight is Weight.WAIVED else None
    (told,) = results_of(sample.ruling(outcome=outcome, weight=weight, waived=waived))
    assert bool(told["suppressions"]) is (weight is Weight.WAIVED)


def test_what_is_waived_carries_the_reason_and_the_end_and_everything_else_says_that_it_is_not() -> None:
    denied, waived = results_of(sample.DENIED, sample.WAIVED)
    assert denied["suppressions"] == []
    assert waived["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": "until 2027-01-31: keys are being rolled out, TICKET-1",
        }
    ]


def test_the_worst_comes_first() -> None:
    standings = [each["properties"]["standing"] for each in run_of(sample.denied(1))["results"]]
    assert standings == ["refused", "refused", "error", "unknown", "tolerated unknown", "waived", "waived"]


def test_fingerprints_are_ours_and_unique_whatever_reads_them() -> None:
    results = run_of(sample.denied(40))["results"]
    for key in ("ciGuardFingerprint/v1", "primaryLocationLineHash"):
        assert len({each["partialFingerprints"][key] for each in results}) == len(results)
    again = run_of(sample.denied(40))["results"]
    assert [each["partialFingerprints"] for each in again] == [each["partialFingerprints"] for each in results]


def test_a_finding_stands_at_its_place() -> None:
    (told,) = results_of(moved(sample.secret(4), Location(path="a b/ü.py", line=5, end_line=6, column=9)))
    (place,) = told["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "a%20b/%C3%BC.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 5, "endLine": 6, "startColumn": 9},
    }


def test_a_finding_in_an_old_commit_names_commit_and_line_but_no_line_of_the_file_as_it_is_now() -> None:
    (told,) = results_of(moved(sample.secret(4), Location(path="gone.py", line=5, commit=sample.HEAD)))
    assert "region" not in told["locations"][0]["physicalLocation"]
    assert (told["properties"]["commit"], told["properties"]["lineInCommit"]) == (sample.HEAD, 5)


@pytest.mark.parametrize("location", [None, Location(commit=sample.HEAD), Location(path="")])
def test_a_result_without_a_file_stands_at_the_policy_because_github_refuses_one_without_a_place(
    location: Location | None,
) -> None:
    result = sample.result(Verdict.DENY, 1, [moved(sample.DENIED, location)], "It is so.")
    named = replace(result, policy=replace(sample.POLICY, path="security/guard.yml"))
    unread = replace(result, policy=None)
    for each, path in ((result, ".ci-guard.yml"), (named, "security/guard.yml"), (unread, ".ci-guard.yml")):
        (place,) = run_of(each)["results"][0]["locations"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] == path
        assert "region" not in place["physicalLocation"]


def test_the_run_says_when_how_and_what_was_judged() -> None:
    branch = Known(value="main", source=Source.API)
    run = run_of(replace(sample.denied(), run=replace(sample.RUN, branch=branch)))
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is True
    assert (invocation["exitCode"], invocation["startTimeUtc"]) == (1, "2026-11-21T20:00:00.000Z")
    assert run["versionControlProvenance"] == [
        {
            "repositoryUri": "https://github.com/acme/app",
            "revisionId": sample.HEAD,
            "branch": "main",
            "mappedTo": {"uriBaseId": "%SRCROOT%"},
        }
    ]
    assert run["columnKind"] == "unicodeCodePoints"


def test_the_category_names_the_controls_so_that_a_part_closes_nothing_of_the_whole() -> None:
    part = replace(sample.allowed(), controls=(sample.SECRETS,))
    assert [run_of(each)["automationDetails"]["id"] for each in (sample.denied(), part, sample.fault())] == [
        "ci-guard/branch-protection+actor-permissions+secret-free/",
        "ci-guard/secret-free/",
        "ci-guard/",
    ]


@pytest.mark.parametrize(
    ("name", "kind"), [("policy-error", "toolConfigurationNotifications"), ("fault", "toolExecutionNotifications")]
)
def test_a_run_that_an_error_ended_is_no_success_so_that_github_keeps_its_alerts(name: str, kind: str) -> None:
    result = sample.SAMPLES[name]()
    (invocation,) = run_of(result)["invocations"]
    assert invocation["executionSuccessful"] is False
    (told,) = invocation[kind]
    assert told["level"] == "error"
    assert result.failure is not None
    assert told["message"]["text"].startswith(result.failure.message.split("\n")[0])


def test_a_control_that_broke_is_told_as_a_notification_too() -> None:
    (invocation,) = run_of(sample.broken())["invocations"]
    errors = [each for each in invocation["toolExecutionNotifications"] if each["level"] == "error"]
    assert [each["associatedRule"]["id"] for each in errors] == ["actor-permissions/sender"]
    assert invocation["executionSuccessful"] is False


def test_a_verdict_that_rests_on_no_ruling_is_told() -> None:
    result = sample.result(Verdict.UNDECIDED, 3, [sample.TOLERATED], "Nothing was proven.")
    (invocation,) = run_of(result)["invocations"]
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == "Nothing was proven."


def with_references() -> Result:
    """Return the denial of controls whose requirements name items of made-up frameworks."""
    first = Reference(framework=BASELINE, item="AC-1", title="Access is {limited}", relation=Relation.SATISFIES)
    second = Reference(framework=BASELINE, item="AC-2", title="Rights are few", relation=Relation.SUPPORTS)
    third = Reference(framework=BENCHMARK, item="9.9", title="Reviews", relation=Relation.SUPPORTS)
    many = tuple(replace(third, item=f"1.{number}") for number in range(20))
    branches, people, secrets = (
        replace(meta, requirements=tuple(replace(each, references=()) for each in meta.requirements))
        for meta in sample.CONTROLS
    )
    protected, *others = branches.requirements
    approvals = replace(others[1], references=(second, third))
    signed = replace(others[-1], references=many)
    protected = replace(protected, references=(first, second))
    branches = replace(branches, requirements=(protected, others[0], approvals, *others[2:-1], signed))
    return replace(sample.denied(), controls=(branches, people, secrets))


def test_rules_are_related_to_the_items_of_frameworks() -> None:
    run = run_of(with_references())
    assert [(each["name"], each["version"]) for each in run["taxonomies"]] == [("made-up", "2026"), ("other", "1.0")]
    assert [taxon["id"] for taxon in run["taxonomies"][0]["taxa"]] == ["AC-1", "AC-2"]
    assert run["taxonomies"][0]["taxa"][0]["shortDescription"]["text"] == "Access is {{limited}}"
    driver = run["tool"]["driver"]
    assert driver["supportedTaxonomies"] == [{"name": "made-up", "index": 0}, {"name": "other", "index": 1}]
    for rule in driver["rules"]:
        for related in rule.get("relationships", []):
            component = related["target"]["toolComponent"]
            taxonomy = run["taxonomies"][component["index"]]
            assert taxonomy["name"] == component["name"]
            assert taxonomy["taxa"][related["target"]["index"]]["id"] == related["target"]["id"]
    (approvals,) = [rule for rule in driver["rules"] if rule["id"] == "branch-protection/approvals"]
    assert [each["description"]["text"] for each in approvals["relationships"]] == ["A pass supports this item."] * 2
    assert "made-up/AC-2" in approvals["properties"]["tags"]


def test_a_rule_with_many_references_keeps_within_the_tags_that_github_shows() -> None:
    rules = run_of(with_references())["tool"]["driver"]["rules"]
    (signed,) = [rule for rule in rules if rule["id"] == "branch-protection/signed-commits"]
    assert len(signed["properties"]["tags"]) == 10
    assert len(signed["relationships"]) == 20


@pytest.mark.slow
def test_a_report_that_does_not_compress_stays_within_ten_megabytes_and_counts_the_rest() -> None:
    noise = random.Random(7)
    paths = ["".join(noise.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=4_000)) for _ in range(4_500)]
    rulings = [moved(sample.secret(index), Location(path=path, line=1)) for index, path in enumerate(paths)]
    text = sarif.render(sample.result(Verdict.DENY, 1, rulings, "It is so."))
    assert 8_000_000 < len(gzip.compress(text.encode())) < 10_000_000
    assert 1_000 < len(json.loads(text)["runs"][0]["results"]) < 4_500
    assert "results have no room here" in text


def test_one_result_is_one_line() -> None:
    lines = sarif.render(sample.denied()).splitlines()
    assert sum(line.startswith('{"ruleId"') for line in lines) == len(lines) - 2 == 9


def unescaped(text: str) -> str:
    """Return a message as a viewer shows it: SARIF 2.1.0, section 3.11.5."""
    return text.replace("{{", "{").replace("}}", "}")


@given(st.text(st.characters(codec=None), max_size=60) | st.text("{}[](01) ", max_size=30))
def test_any_message_is_shown_as_it_was_and_holds_neither_link_nor_placeholder(text: str) -> None:
    written = escape.sarif_message(text)
    assert unescaped(written).replace("] (", "](") == escape.visible(text).replace("] (", "](")
    assert "](" not in written
    assert not re.search(r"(?<!\{)(\{\{)*\{[0-9]+\}(?!\})", written)


@given(
    st.text(st.characters(codec=None), min_size=1, max_size=60) | st.text("/:?#%.\\ü\udcff", min_size=1, max_size=20)
)
def test_any_path_is_a_relative_uri_that_gives_its_bytes_back(path: str) -> None:
    uri = escape.uri_path(path)
    assert is_uri_reference(uri)
    assert not uri.startswith("/")
    assert not re.search(r"[:?#\\]", uri)
    expected = b"".join(
        sign.encode("utf-8", "surrogateescape" if "\udc80" <= sign <= "\udcff" else "surrogatepass") for sign in path
    )
    assert unquote_to_bytes(uri) == expected


def test_no_cause_is_lost() -> None:
    told = results_of(*(sample.ruling(outcome=Outcome.UNKNOWN, cause=cause, subject=cause.value) for cause in Cause))
    assert {each["properties"]["cause"] for each in told} == {cause.value for cause in Cause}
