"""Waivers at work: whom they cover, on which days, and what is said of them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from ci_guard.decide import decide
from ci_guard.model.decision import Decision, Verdict
from ci_guard.model.fact import Cause
from ci_guard.model.judgement import Judgement, Outcome, Severity
from ci_guard.model.settings import Mode, Policy, Settings
from ci_guard.model.waiver import Baseline, KnownFailure, Waiver
from ci_guard.records import replace
from ci_guard.waiving import fingerprint, fixed
from tests.test_decide import FORGE

TODAY = date(2028, 2, 29)
DAY = timedelta(days=1)
ONE, OTHER = "1" * 64, "2" * 64

WAIVER = Waiver(control="forge", requirement="a", subject=None, reason="r", until=TODAY, place="p:1")


def failure(fingerprint: str = ONE) -> Judgement:
    return Judgement(
        control="forge",
        requirement="a",
        subject="main",
        outcome=Outcome.FAIL,
        severity=Severity.HIGH,
        message="m",
        fingerprint=fingerprint,
    )


def decided(
    *waivers: Waiver,
    judgements: tuple[Judgement, ...] = (failure(),),
    today: date = TODAY,
    baseline: Baseline | None = None,
) -> Decision:
    controls = {"forge": Settings(require={"a": True})}
    policy = Policy(
        source="p", sha256="", layers=("p",), mode=None, controls=controls, waivers=waivers, baseline=baseline
    )
    return decide(judgements, policy, metas=(FORGE,), mode=Mode.ENFORCE, today=today)


@pytest.mark.parametrize(
    ("since", "until", "today", "counts"),
    [
        (TODAY, TODAY, TODAY, True),
        (TODAY, TODAY, TODAY - DAY, False),
        (TODAY, TODAY, TODAY + DAY, False),
        (None, TODAY, date(2028, 1, 1), True),
        (TODAY, TODAY + DAY, date(2028, 3, 1), True),
        (TODAY, TODAY + DAY, date(2028, 3, 2), False),
        (date.min, date.max, TODAY, True),
    ],
)
def test_a_waiver_counts_from_its_first_to_its_last_day(
    since: date | None, until: date, today: date, counts: bool
) -> None:
    decision = decided(replace(WAIVER, since=since, until=until), today=today)
    assert (decision.verdict is Verdict.ALLOW) is counts


def test_before_its_first_day_a_waiver_says_so() -> None:
    decision = decided(replace(WAIVER, since=TODAY + DAY, until=TODAY + DAY))
    assert decision.notes == ("Waiver for forge/a at p:1 begins on 2028-03-01 and does nothing before.",)


@pytest.mark.parametrize(("days", "counts"), [(366, True), (367, False)])
def test_without_a_first_day_the_end_may_be_so_far_off_and_no_further(days: int, counts: bool) -> None:
    decision = decided(replace(WAIVER, until=TODAY + timedelta(days=days), max_days=366))
    assert (decision.verdict is Verdict.ALLOW) is counts
    said = "Waiver for forge/a at p:1 does not count: its end is 367 days off, and 366 are allowed."
    assert (said in decision.notes) is not counts


@pytest.mark.parametrize(
    ("follows", "counts"),
    [
        ({}, False),
        ({"subject": None}, False),
        ({"since": TODAY + 20 * DAY}, False),  # a gap in between makes it no shorter
        ({"since": None}, False),  # it counts as soon as its end is no further off than one may last
        ({"until": TODAY + 30 * DAY}, True),  # renewed ahead, and no longer away than one may last
        ({"requirement": "b"}, True),
        ({"subject": "release"}, True),
        ({"fingerprints": frozenset({OTHER})}, True),
        ({"since": TODAY - 31 * DAY, "until": TODAY - DAY}, True),  # it has ended, and is kept as a record
    ],
)
def test_waivers_that_are_written_down_one_after_the_other_last_no_longer_than_one(
    follows: dict[str, Any], counts: bool
) -> None:
    first = replace(WAIVER, subject="main", since=TODAY, until=TODAY + 10 * DAY, max_days=30)
    first = replace(first, fingerprints=frozenset({ONE}))
    second = replace(
        first, **{"since": TODAY + 11 * DAY, "until": TODAY + 31 * DAY, "fingerprints": frozenset(), **follows}
    )
    for waivers in ((first, second), (second, first)):
        decision = decided(*waivers)
        assert (decision.verdict is Verdict.ALLOW) is counts
        said = "does not count: others follow it until 2028-03-31, 31 days off, and 30 are allowed."
        assert any(said in note for note in decision.notes) is not counts
    at_once = second.since is None  # without a rule of its own it counts today
    unlimited = decided(first, replace(second, max_days=None))
    assert unlimited.verdict is (Verdict.ALLOW if counts or at_once else Verdict.DENY)


def test_fingerprints_cover_single_findings_and_no_others() -> None:
    waiver = replace(WAIVER, fingerprints=frozenset({ONE}))
    assert decided(waiver).verdict is Verdict.ALLOW
    both = decided(waiver, judgements=(failure(ONE), failure(OTHER)))
    assert both.verdict is Verdict.DENY
    assert [bool(ruling.waived) for ruling in both.rulings] == [True, False]


def test_a_fingerprint_that_the_decision_gives_can_be_waived() -> None:
    given = decided(judgements=(failure(""),)).rulings[0].judgement.fingerprint
    waiver = replace(WAIVER, fingerprints=frozenset({given}))
    assert decided(waiver, judgements=(failure(""),)).verdict is Verdict.ALLOW


def test_a_subject_and_fingerprints_have_both_to_fit() -> None:
    waiver = replace(WAIVER, subject="release", fingerprints=frozenset({ONE}))
    assert decided(waiver).verdict is Verdict.DENY


def test_what_answers_for_a_waiver_stands_beside_what_it_covers() -> None:
    waived = decided(replace(WAIVER, owner="alice", ticket="T-1", approved_by="bob")).rulings[0].waived
    assert waived
    assert (waived.owner, waived.ticket, waived.approved_by) == ("alice", "T-1", "bob")


@pytest.mark.parametrize(
    ("together", "apart", "told"), [(4, 0, False), (5, 0, True), (5, 4, True), (5, 5, False), (6, 5, True)]
)
def test_many_waivers_that_end_on_one_day_are_told_of(together: int, apart: int, told: bool) -> None:
    alike = [replace(WAIVER, until=TODAY + timedelta(days=90))] * together
    others = [replace(WAIVER, until=TODAY + timedelta(days=100 + number)) for number in range(apart)]
    ended = [replace(WAIVER, until=TODAY - DAY)] * 9
    notes = decided(*alike, *others, *ended).notes
    said = f"{together} of {together + apart} waivers end on 2028-05-29: "
    assert any(note.startswith(said) for note in notes) is told


# The baseline

KNOWN = KnownFailure(control="forge", requirement="a", subject="main", fingerprint=ONE, since=date(2026, 11, 21))
BASELINE = Baseline(
    file="known.json",
    until=TODAY,
    place="p:2",
    owner="alice",
    covers=frozenset({"forge/a"}),
    sha256="c" * 64,
    known=(KNOWN,),
)


def test_what_is_known_is_waived_and_what_is_new_denies() -> None:
    decision = decided(baseline=BASELINE)
    assert decision.verdict is Verdict.ALLOW
    waived = decision.rulings[0].waived
    assert waived
    assert (waived.reason, waived.until, waived.owner) == ("known since 2026-11-21", TODAY, "alice")
    assert decided(baseline=BASELINE, judgements=(failure(ONE), failure(OTHER))).verdict is Verdict.DENY


@pytest.mark.parametrize(
    "known",
    [
        replace(KNOWN, subject="release"),
        replace(KNOWN, requirement="b"),
        replace(KNOWN, control="local"),
        replace(KNOWN, fingerprint=OTHER),
    ],
)
def test_whatever_differs_is_not_known(known: KnownFailure) -> None:
    assert decided(baseline=replace(BASELINE, known=(known,))).verdict is Verdict.DENY


def test_an_unknown_is_never_known() -> None:
    doubt = replace(failure(), outcome=Outcome.UNKNOWN, cause=Cause.INVISIBLE)
    assert decided(baseline=BASELINE, judgements=(doubt,)).verdict is Verdict.UNDECIDED


def test_what_another_layer_asks_is_not_waived_and_that_is_told() -> None:
    decision = decided(baseline=replace(BASELINE, covers=frozenset()))
    assert decision.verdict is Verdict.DENY
    said = "The baseline known.json at p:2 does not waive forge/a (main): no layer, or one nearer the organisation"
    assert any(note.startswith(said) for note in decision.notes)


@pytest.mark.parametrize(
    ("today", "max_days", "verdict", "said"),
    [
        (TODAY, None, Verdict.ALLOW, "ends on 2028-02-29."),
        (TODAY + DAY, None, Verdict.DENY, "ended on 2028-02-29 and does nothing."),
        (TODAY - 30 * DAY, 30, Verdict.ALLOW, ""),
        (TODAY - 31 * DAY, 30, Verdict.DENY, "does not count: its end is 31 days off, and 30 are allowed."),
    ],
)
def test_a_baseline_counts_to_its_last_day(today: date, max_days: int | None, verdict: Verdict, said: str) -> None:
    decision = decided(baseline=replace(BASELINE, max_days=max_days), today=today)
    assert decision.verdict is verdict
    assert decision.notes == ((f"The baseline known.json at p:2 {said}",) if said else ())


def test_a_baseline_that_does_not_exist_yet_says_so() -> None:
    notes = decided(baseline=replace(BASELINE, until=date.max, known=(), sha256="")).notes
    assert len(notes) == 1
    assert notes[0].startswith("The baseline known.json at p:2 does not exist yet, so nothing is known. ")


PASSES = replace(failure(""), outcome=Outcome.PASS)
DOUBT = replace(failure(""), outcome=Outcome.UNKNOWN, cause=Cause.UNAVAILABLE)
OF_SUBJECT = replace(KNOWN, fingerprint=fingerprint("forge", "a", "main"))


@pytest.mark.parametrize(
    ("known", "judgements", "gone"),
    [
        (KNOWN, (failure(OTHER),), True),
        (KNOWN, (PASSES,), True),
        (KNOWN, (failure(ONE), failure(OTHER)), False),
        (KNOWN, (failure(OTHER), DOUBT), False),
        (KNOWN, (replace(PASSES, outcome=Outcome.NOT_APPLICABLE),), False),
        (KNOWN, (replace(PASSES, requirement="b"),), False),
        (OF_SUBJECT, (PASSES,), True),
        (OF_SUBJECT, (failure(""),), False),
        (OF_SUBJECT, (replace(PASSES, subject="bob"),), False),
        (OF_SUBJECT, (PASSES, DOUBT), False),
    ],
)
def test_only_what_a_run_shows_to_be_fixed_is_to_be_removed(
    known: KnownFailure, judgements: tuple[Judgement, ...], gone: bool
) -> None:
    rulings = decided(judgements=judgements).rulings
    assert (fixed([known], rulings) == [known]) is gone
    said = any(
        "knows what is fixed" in note
        for note in decided(judgements=judgements, baseline=replace(BASELINE, known=(known,))).notes
    )
    assert said is gone
