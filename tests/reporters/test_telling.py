"""The words that all formats share."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from ci_guard.controls.registry import CONTROLS
from ci_guard.model import project
from ci_guard.model.decision import Result, Ruling, Verdict, Weight
from ci_guard.model.fact import Cause, Source
from ci_guard.model.judgement import Location, Outcome, Severity
from ci_guard.model.run import Platform
from ci_guard.policy.load import load
from ci_guard.policy.text import PolicyText
from ci_guard.reporters import action_outputs, json_v1, record, step_summary, telling, terminal
from ci_guard.reporters.annotations import render as render_annotations
from ci_guard.reporters.telling import Line, Standing
from tests.reporters import sample

METAS = tuple(control.META for control in CONTROLS)
PROPOSED = "version: 1\nextends: builtin:baseline\nwaivers:\n  - {}\n"

COMBINATIONS = list(product(Outcome, Weight, Severity))


def one(outcome: Outcome, weight: Weight, severity: Severity = Severity.HIGH) -> Ruling:
    """Return a ruling of that kind, waived where it says so."""
    waived = sample.WAIVED.waived if weight is Weight.WAIVED else None
    return sample.ruling(outcome=outcome, weight=weight, severity=severity, waived=waived)


def test_combinations_are_all_there() -> None:
    assert len(COMBINATIONS) == 5 * 7 * 4


@pytest.mark.parametrize(("outcome", "weight", "severity"), COMBINATIONS)
def test_every_kind_of_ruling_is_told_by_every_reporter(outcome: Outcome, weight: Weight, severity: Severity) -> None:
    ruling = one(outcome, weight, severity)
    result = sample.result(Verdict.DENY, 1, [ruling], "It is so.")
    word = telling.outcome_word(ruling)
    shown = terminal.render(result, color=False, width=100)
    assert telling.standing(ruling).value in shown
    assert word in step_summary.render(result)
    assert json_v1.report_of(result)["judgements"][0]["severity"] == severity.value
    assert "verdict=deny" in action_outputs.render(result, report="report.json")
    assert render_annotations(result).startswith("::error ")


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("exit_code", range(5))
def test_every_verdict_is_told_by_every_reporter(verdict: Verdict, exit_code: int) -> None:
    result = sample.result(verdict, exit_code, [], "It is so.")
    words = telling.verdict_words(result)
    assert words in terminal.render(result, color=False, width=100, quiet=True)
    assert words.split(" ")[0] in step_summary.render(result)
    assert f'"verdict": "{verdict.value}"' in json_v1.render(result)
    assert f"verdict={verdict.value}\n" in action_outputs.render(result, report="report.json")
    assert ("It is so." in render_annotations(result)) == (verdict is not Verdict.ALLOW)


def test_verdicts_and_standings_have_different_words() -> None:
    words = {telling.verdict_words(sample.result(verdict, 9, [], "")) for verdict in Verdict}
    assert len(words) == len(Verdict)
    assert len({state.value for state in Standing}) == len(Standing)


@pytest.mark.parametrize("weight", Weight)
@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR])
def test_what_did_not_pass_is_never_shown_as_passed(outcome: Outcome, weight: Weight) -> None:
    assert telling.standing(one(outcome, weight)) not in (Standing.PASSED, Standing.NOT_APPLICABLE)


@pytest.mark.parametrize("weight", [Weight.DENIES, Weight.UNDECIDED, Weight.ERROR])
def test_what_weighs_against_the_run_is_shown_as_denying_whatever_its_outcome(weight: Weight) -> None:
    assert all(telling.standing(one(outcome, weight)).denies for outcome in Outcome)


def test_worst_comes_first_and_equals_keep_their_order() -> None:
    rulings = [
        sample.PASSED[0],
        sample.WAIVED,
        sample.TOLERATED,
        sample.UNDECIDED,
        sample.BROKEN,
        sample.DENIED,
        replace(sample.DENIED, said_by="later"),
        sample.secret(1),
    ]
    assert telling.worst_first(rulings) == [
        sample.secret(1),
        sample.DENIED,
        replace(sample.DENIED, said_by="later"),
        sample.BROKEN,
        sample.UNDECIDED,
        sample.TOLERATED,
        sample.WAIVED,
        sample.PASSED[0],
    ]


def test_a_denial_says_what_was_refused_seen_expected_and_what_to_change_in_this_order() -> None:
    lines = telling.sentences(sample.DENIED, sample.denied())
    assert [line.label for line in lines] == ["", "Seen", "Expected", "Change", "More"]
    assert lines[1].text == "1 approval (GitHub's API: GET rules/branches/main)"
    assert lines[2].text == "at least 2 (asked by .ci-guard.yml:9)"
    assert lines[3].url == sample.SETTINGS
    assert lines[4] == Line(label="More", text="", url=project.requirement_page("branch-protection", "approvals"))


def test_a_message_that_only_repeats_what_was_seen_and_expected_is_left_out() -> None:
    judgement = replace(sample.DENIED.judgement, message="main was refused: 1 approval; expected: at least 2.")
    ruling = replace(sample.DENIED, judgement=judgement)
    assert [line.label for line in telling.sentences(ruling, sample.denied())] == ["Seen", "Expected", "Change", "More"]


def test_a_project_of_one_person_is_told_the_waiver_that_it_could_write() -> None:
    result = sample.alone()
    (ruling,) = telling.by_standing(result.decision.rulings)[Standing.REFUSED]
    (line,) = [line for line in telling.sentences(ruling, result) if line.label == "Alone"]
    entry = line.code.removeprefix("- ")
    assert entry.endswith("until: 2027-02-19}")
    (waiver,) = load([PolicyText(content=PROPOSED.format(entry).encode(), place="p.yml")], METAS).waivers
    assert (waiver.control, waiver.requirement, waiver.subject) == ("branch-protection", "approvals", None)
    waived = replace(ruling, weight=Weight.WAIVED, waived=sample.WAIVED.waived)
    assert "Alone" not in [line.label for line in telling.sentences(waived, result)]


def test_what_was_seen_of_an_unknown_is_that_it_is_unknown_and_why() -> None:
    seen = {line.label: line.text for line in telling.sentences(sample.TOLERATED, sample.denied())}["Seen"]
    assert seen == "unknown (this token may not see it)"


def test_who_says_so_is_told_even_where_what_was_seen_is_very_long() -> None:
    ruling = replace(sample.DENIED, judgement=replace(sample.DENIED.judgement, observed="x" * 9_000))
    assert "… (cut) (GitHub's API" in telling.sentences(ruling, sample.denied())[1].text


@pytest.mark.parametrize("source", Source)
@pytest.mark.parametrize("platform", Platform)
def test_every_source_has_words_on_every_platform(source: Source, platform: Platform) -> None:
    ruling = replace(sample.DENIED, judgement=replace(sample.DENIED.judgement, source=source, detail=""))
    assert telling.witness(ruling, platform)


def test_sources_have_different_words() -> None:
    rulings = [replace(sample.DENIED, judgement=replace(sample.DENIED.judgement, source=each)) for each in Source]
    assert len({telling.witness(ruling, Platform.GITHUB) for ruling in rulings}) == len(Source)


@pytest.mark.parametrize("cause", Cause)
def test_a_cause_takes_the_place_of_the_source(cause: Cause) -> None:
    ruling = sample.ruling(outcome=Outcome.UNKNOWN, cause=cause, source=Source.API)
    assert (
        telling.witness(ruling, Platform.GITHUB)
        == {
            Cause.INVISIBLE: "this token may not see it: GET rules/branches/main",
            Cause.UNAVAILABLE: "no answer could be had: GET rules/branches/main",
        }[cause]
    )


def test_findings_of_one_requirement_are_one_entry_with_every_different_change() -> None:
    other = replace(sample.secret(2), judgement=replace(sample.secret(2).judgement, remedy="Rotate the key."))
    findings = [sample.secret(0), sample.secret(1), other, sample.DENIED]
    entries = telling.entries(findings)
    assert [len(entry) for entry in entries] == [3, 1]
    lines = telling.sentences_of(entries[0], sample.denied())
    assert [line.text for line in lines if line.label == "Change"] == [
        "Revoke the token, then take it out of the files.",
        "Rotate the key.",
    ]


def test_waived_findings_are_not_mixed_with_denying_ones() -> None:
    waived = replace(sample.secret(1), weight=Weight.WAIVED, waived=sample.WAIVED.waived)
    assert telling.entries([sample.secret(0), waived]) == [[sample.secret(0)], [waived]]


@pytest.mark.parametrize(
    ("location", "text"),
    [
        (Location(path="a/b.py", line=3, column=9), "a/b.py:3:9"),
        (Location(path="a.zip!/b"), "a.zip!/b"),
        (Location(commit="1a2b3c4d" * 5), "message or name of commit 1a2b3c4d1a2b"),
        (Location(line=3, column=6, commit="1a2b3c4d" * 5), "message or name 3:6 of commit 1a2b3c4d1a2b"),
        (Location(path="a", line=1, commit="1a2b3c4d" * 5), "a:1 of commit 1a2b3c4d1a2b"),
        (Location(), "no place"),
    ],
)
def test_place_names_path_line_and_commit(location: Location, text: str) -> None:
    assert telling.place(location) == text


def test_report_mode_says_that_the_job_goes_on() -> None:
    assert telling.verdict_words(sample.reported()) == "Denied (report mode: the job goes on)"
    assert telling.denials_title(sample.reported()) == "What would deny"


def test_an_error_is_an_error_in_report_mode_too() -> None:
    result = replace(sample.broken(), policy=sample.reported().policy)
    assert telling.verdict_words(result) == "Error, which denies"


@pytest.mark.parametrize("name", ["policy-error", "fault"])
def test_every_reporter_tells_an_error_that_ended_the_run(name: str) -> None:
    result: Result = sample.SAMPLES[name]()
    assert result.failure is not None
    start = result.failure.message.split(" ")[0]
    assert start in terminal.render(result, color=False, width=100, quiet=True)
    assert "ci-guard: Error" in step_summary.render(result)
    assert result.failure.hint in render_annotations(result)
    assert '"verdict": "error"' in json_v1.render(result)
    assert "verdict=error\n" in action_outputs.render(result, report="report.json")


def test_an_error_of_a_thousand_lines_is_cut() -> None:
    result = sample.policy_error()
    assert result.failure is not None
    long = replace(result, failure=replace(result.failure, message="\n".join(map(str, range(1_000)))))
    assert telling.reason_lines(long)[-1] == "… and 971 more"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (8_400_000, "8.4 MB"),
        (5 * 10**9, "5.0 GB"),
        (10**13, "10.0 TB"),
    ],
)
def test_sizes_are_for_people(number: int, text: str) -> None:
    assert record.size(number) == text


def test_counts_name_every_standing_that_occurs() -> None:
    assert telling.counts(sample.denied().decision.rulings) == (
        "4 refused, 1 error, 1 unknown, 1 tolerated unknown, 2 waived, 4 passed, 1 not applicable"
    )
    assert telling.counts([]) == "nothing judged"
