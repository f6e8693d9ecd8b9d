"""Waivers at work: whom they cover, on which days, and what is said of them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from ci_guard.decide import decide
from ci_guard.model.decision import Decision, Verdict
from ci_guard.model.judgement import Judgement, Outcome, Severity
from ci_guard.model.settings import Mode, Policy, Settings
from ci_guard.model.waiver import Waiver
from ci_guard.records import replace
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


def decided(*waivers: Waiver, judgements: tuple[Judgement, ...] = (failure(),), today: date = TODAY) -> Decision:
    controls = {"forge": Settings(require={"a": True})}
    policy = Policy(source="p", sha256="", layers=("p",), mode=None, controls=controls, waivers=waivers)
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
