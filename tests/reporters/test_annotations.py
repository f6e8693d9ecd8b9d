"""Annotations: the worst first, within GitHub's limits, at their place."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from ci_guard.model import project
from ci_guard.model.decision import Result, Ruling, Verdict, Weight
from ci_guard.model.judgement import Location, Outcome
from ci_guard.reporters.annotations import render
from tests.reporters import runner, sample


def commands(result: Result) -> list[runner.Command]:
    """Return the annotations as the runner reads them; there is nothing else in the text."""
    text = render(result)
    read = runner.commands_in(text)
    assert len(read) == len(text.splitlines())
    return read


def of(*rulings: Ruling, verdict: Verdict = Verdict.DENY, exit_code: int = 1) -> list[runner.Command]:
    """Return the annotations of these rulings on their own."""
    return commands(sample.result(verdict, exit_code, rulings, "It is so."))


@pytest.mark.parametrize(
    ("ruling", "level"),
    [
        (sample.DENIED, "error"),
        (sample.UNDECIDED, "error"),
        (sample.BROKEN, "error"),
        (sample.TOLERATED, "warning"),
        (sample.ENDING, "warning"),
        (sample.WAIVED, "notice"),
        (sample.NOT_JUDGED, "notice"),
    ],
)
def test_level_follows_from_what_the_ruling_does(ruling: Ruling, level: str) -> None:
    assert [command.name for command in of(ruling, verdict=Verdict.ALLOW, exit_code=0)] == [level]


def test_nothing_is_said_of_what_passed_or_does_not_apply() -> None:
    assert commands(sample.allowed()) == []


def test_report_mode_warns_where_enforcing_refuses() -> None:
    assert {command.name for command in commands(sample.reported())} == {"warning"}


def test_a_control_that_broke_is_an_error_in_report_mode_too() -> None:
    assert [each.name for each in commands(replace(sample.broken(), policy=sample.reported().policy))] == ["error"]


@pytest.mark.parametrize("findings", [1, 9, 10, 11, 500])
def test_each_level_stays_within_ten_and_counts_the_rest(findings: int) -> None:
    read = commands(sample.denied(findings))
    assert all(number <= 10 for number in Counter(command.name for command in read).values())
    errors = [command for command in read if command.name == "error"]
    told = findings + 3  # with the denial, the broken control and the unknown
    if told > 9:
        assert len(errors) == 10
        assert errors[-1].data == f"… and {told - 9:,} more in the summary."
    else:
        assert len(errors) == told


def test_the_worst_comes_first() -> None:
    titles = [command.properties["title"] for command in commands(sample.denied(1)) if command.name == "error"]
    assert titles == [
        "secret-free: no-secrets",
        "branch-protection: approvals",
        "actor-permissions: sender",
        "actor-permissions: actor",
    ]


def test_a_finding_points_to_its_place() -> None:
    ruling = sample.secret(4)
    place = Location(path="a,b:c%.py", line=5, end_line=6, column=9)
    properties = of(replace(ruling, judgement=replace(ruling.judgement, location=place)))[0].properties
    assert properties == {
        "title": "secret-free: no-secrets",
        "file": "a,b:c%.py",
        "line": "5",
        "endLine": "6",
        "col": "9",
    }


def test_a_finding_in_a_commit_message_has_no_file() -> None:
    ruling = sample.secret(4)
    place = Location(commit=sample.HEAD)
    command = of(replace(ruling, judgement=replace(ruling.judgement, location=place)))[0]
    assert set(command.properties) == {"title"}
    assert "message or name of commit 1a2b3c4d1a2b" in command.data


def test_rulings_without_a_file_are_one_annotation_a_control_and_standing() -> None:
    branches = [
        replace(sample.DENIED, judgement=replace(sample.DENIED.judgement, subject=f"b{each}")) for each in range(3)
    ]
    read = of(*branches, sample.UNDECIDED, sample.BROKEN)
    assert [command.name for command in read] == ["error"] * 3
    assert [f"[refused] b{each}\n" in read[0].data for each in range(3)] == [True] * 3


def test_a_requirement_is_named_once_where_the_title_names_it_and_for_each_where_it_names_several() -> None:
    other = replace(sample.DENIED, judgement=replace(sample.DENIED.judgement, requirement="protected"))
    assert of(sample.DENIED)[0].data.startswith("[refused] main\n")
    both = of(sample.DENIED, other)[0]
    assert both.properties["title"] == "branch-protection: protected, approvals"
    assert "[refused] approvals, main\n" in both.data


def test_a_long_group_counts_what_has_no_room() -> None:
    branches = [
        replace(sample.DENIED, judgement=replace(sample.DENIED.judgement, subject=f"b{each}")) for each in range(500)
    ]
    data = of(*branches)[0].data
    shown = data.count("[refused]")
    assert 5 < shown < 500
    assert data.endswith(f"… and {500 - shown} more in the summary.")
    assert len(data) <= 4_096


def test_a_message_answers_in_the_order_of_the_contract() -> None:
    parts = [
        "[refused] main",
        "Changes of main need too few approvals.",
        "Seen: 1 approval (GitHub's API: GET rules/branches/main)",
        "Expected: at least 2 (asked by .ci-guard.yml:9)",
        f'Change: Set "Required approvals" to 2 in the ruleset "main". {sample.SETTINGS}',
        f"More: {project.requirement_page('branch-protection', 'approvals')}",
    ]
    assert of(sample.DENIED)[0].data.split("\n") == parts


@pytest.mark.parametrize(("verdict", "exit_code"), [(Verdict.UNDECIDED, 3), (Verdict.ERROR, 4)])
def test_a_verdict_that_rests_on_no_ruling_is_told(verdict: Verdict, exit_code: int) -> None:
    read = of(sample.TOLERATED, verdict=verdict, exit_code=exit_code)
    assert [command.name for command in read] == ["error", "warning"]
    assert read[0].data == "It is so."


def test_a_waiver_warns_from_two_weeks_before_its_end() -> None:
    def level(day: int) -> str:
        assert sample.ENDING.waived is not None
        until = replace(sample.ENDING.waived, until=sample.TIME.date().replace(month=12, day=day))
        return of(replace(sample.ENDING, waived=until), verdict=Verdict.ALLOW, exit_code=0)[0].name

    assert (level(5), level(6)) == ("warning", "notice")


def test_every_outcome_that_denies_is_an_error() -> None:
    rulings = [sample.ruling(outcome=outcome, weight=Weight.DENIES) for outcome in Outcome]
    assert {command.name for ruling in rulings for command in of(ruling)} == {"error"}
