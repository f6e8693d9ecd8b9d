"""The contract's table of verdicts, line by line."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_guard.decide import decide
from ci_guard.model.decision import Decision, Verdict, Weight
from ci_guard.model.fact import Cause
from ci_guard.model.judgement import Judgement, Outcome, Severity
from ci_guard.model.kinds import Flag
from ci_guard.model.meta import Meta, Requirement
from ci_guard.model.settings import Mode, OnInvisible, Policy, Settings
from ci_guard.model.waiver import Waiver

TODAY = date(2026, 11, 21)


def requirement(name: str) -> Requirement:
    return Requirement(
        id=name, kind=Flag(), title=name, why="", severity=Severity.HIGH, github="", gitlab="", source=""
    )


FORGE = Meta(id="forge", title="", summary="", requirements=(requirement("a"), requirement("b")))
LOCAL = Meta(id="local", title="", summary="", requirements=(requirement("a"),), local=True)


def judgement(
    outcome: Outcome,
    *,
    control: str = "forge",
    name: str = "a",
    cause: Cause | None = None,
    subject: str = "main",
    severity: Severity = Severity.HIGH,
) -> Judgement:
    if outcome is Outcome.UNKNOWN and cause is None:
        cause = Cause.UNAVAILABLE
    return Judgement(
        control=control, requirement=name, subject=subject, outcome=outcome, severity=severity, message="m", cause=cause
    )


def verdict(
    *judgements: Judgement,
    waivers: tuple[Waiver, ...] = (),
    warn: bool = False,
    mode: Mode = Mode.ENFORCE,
    today: date = TODAY,
    advisory: bool = False,
) -> Decision:
    settings = Settings(require={"a": True, "b": True}, on_invisible=OnInvisible.WARN if warn else OnInvisible.DENY)
    policy = Policy(
        source="p",
        sha256="",
        layers=("p",),
        mode=mode,
        controls={"forge": settings, "local": settings},
        waivers=waivers,
    )
    return decide(judgements, policy, metas=(FORGE, LOCAL), mode=mode, today=today, advisory=advisory)


def waiver(until: date = TODAY, *, subject: str | None = None, name: str = "a") -> Waiver:
    return Waiver(control="forge", requirement=name, subject=subject, reason="r", until=until, place="p:1")


PASS, FAIL, ERROR, NA = (
    judgement(outcome) for outcome in (Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.NOT_APPLICABLE)
)
HIDDEN = judgement(Outcome.UNKNOWN, cause=Cause.INVISIBLE)
SILENT = judgement(Outcome.UNKNOWN, cause=Cause.UNAVAILABLE)


@pytest.mark.parametrize(
    ("judgements", "warn", "expected", "exit_code"),
    [
        ((PASS,), False, Verdict.ALLOW, 0),
        ((NA,), False, Verdict.ALLOW, 0),
        ((PASS, FAIL), False, Verdict.DENY, 1),
        ((FAIL, ERROR, SILENT), False, Verdict.DENY, 1),
        ((PASS, ERROR, SILENT), False, Verdict.ERROR, 4),
        ((PASS, SILENT), False, Verdict.UNDECIDED, 3),
        ((PASS, HIDDEN), False, Verdict.UNDECIDED, 3),
        ((PASS, HIDDEN), True, Verdict.ALLOW, 0),
        ((PASS, SILENT), True, Verdict.UNDECIDED, 3),
        ((HIDDEN, SILENT), True, Verdict.UNDECIDED, 3),
        ((), False, Verdict.ERROR, 4),
    ],
)
def test_the_first_line_of_the_table_that_applies_decides(
    judgements: tuple[Judgement, ...], warn: bool, expected: Verdict, exit_code: int
) -> None:
    decision = verdict(*judgements, warn=warn)
    assert (decision.verdict, decision.exit_code) == (expected, exit_code)


def test_the_reason_counts_requirements_and_not_what_was_found_of_each() -> None:
    findings = [judgement(Outcome.FAIL, subject=str(number)) for number in range(26)]
    unknown = [judgement(Outcome.UNKNOWN, name="b", subject=branch) for branch in ("main", "next")]
    assert verdict(*findings).reason == "1 requirement is not met."
    assert verdict(*findings, *unknown).reason == "1 requirement is not met, and 1 requirement is not decided."
    assert verdict(*unknown).reason.startswith("1 requirement is not decided")


def test_tolerated_unknowns_alone_prove_nothing() -> None:
    """A token that sees nothing must not be the way to an `allow`."""
    assert verdict(HIDDEN, warn=True).verdict is Verdict.UNDECIDED


def test_an_unavailable_fact_is_never_tolerated() -> None:
    """Else whoever exhausts the rate limit opens the gate."""
    assert verdict(PASS, SILENT, warn=True).exit_code == 3


def test_report_mode_keeps_the_verdict_and_exits_0_unless_something_broke() -> None:
    assert [
        (decision.verdict, decision.exit_code)
        for decision in (verdict(FAIL, mode=Mode.REPORT), verdict(SILENT, mode=Mode.REPORT))
    ] == [
        (Verdict.DENY, 0),
        (Verdict.UNDECIDED, 0),
    ]
    assert verdict(ERROR, mode=Mode.REPORT).exit_code == 4


def test_a_waived_judgement_keeps_its_outcome() -> None:
    decision = verdict(FAIL, waivers=(waiver(),))
    assert decision.verdict is Verdict.ALLOW
    assert decision.rulings[0].judgement.outcome is Outcome.FAIL
    assert decision.rulings[0].waived is not None


def test_a_waiver_counts_on_its_last_day_and_not_after() -> None:
    assert verdict(FAIL, waivers=(waiver(TODAY),), today=TODAY).verdict is Verdict.ALLOW
    late = verdict(FAIL, waivers=(waiver(TODAY),), today=TODAY + timedelta(days=1))
    assert late.verdict is Verdict.DENY
    assert any("ended" in note for note in late.notes)


@pytest.mark.parametrize(("days", "warned"), [(14, True), (15, False)])
def test_a_waiver_warns_within_14_days_of_its_end(days: int, warned: bool) -> None:
    decision = verdict(FAIL, waivers=(waiver(TODAY + timedelta(days=days)),))
    assert any("ends on" in note for note in decision.notes) is warned


def test_a_waiver_for_one_subject_covers_no_other() -> None:
    other = judgement(Outcome.FAIL, subject="release/1")
    assert verdict(FAIL, other, waivers=(waiver(subject="main"),)).verdict is Verdict.DENY
    assert verdict(FAIL, other, waivers=(waiver(),)).verdict is Verdict.ALLOW


def test_a_waiver_covers_an_unknown_but_not_a_broken_control() -> None:
    assert verdict(SILENT, waivers=(waiver(),)).verdict is Verdict.ALLOW
    assert verdict(ERROR, waivers=(waiver(),)).verdict is Verdict.ERROR


def test_outside_ci_a_forges_unknowns_deny_nothing_but_the_checkouts_do() -> None:
    assert verdict(SILENT, advisory=True).verdict is Verdict.ALLOW
    assert verdict(SILENT, advisory=True).rulings[0].weight is Weight.NOT_JUDGED
    assert verdict(judgement(Outcome.UNKNOWN, control="local"), advisory=True).verdict is Verdict.UNDECIDED
    assert verdict(SILENT, FAIL, advisory=True).verdict is Verdict.DENY


def test_fingerprints_are_unique_and_stable() -> None:
    first, second = (verdict(FAIL, FAIL, HIDDEN) for _ in range(2))
    prints = [ruling.judgement.fingerprint for ruling in first.rulings]
    assert len(set(prints)) == len(prints)
    assert prints == [ruling.judgement.fingerprint for ruling in second.rulings]


ANY = st.lists(
    st.builds(
        lambda pair, severity, subject: judgement(pair[0], cause=pair[1], severity=severity, subject=subject),
        st.sampled_from(
            [(outcome, None) for outcome in Outcome if outcome is not Outcome.UNKNOWN]
            + [(Outcome.UNKNOWN, cause) for cause in Cause]
        ),
        st.sampled_from(Severity),
        st.sampled_from(["main", "x\ny", "\udcff"]),
    ),
    max_size=6,
)


@given(judgements=ANY, warn=st.booleans(), waived=st.booleans())
def test_making_an_outcome_worse_never_opens_the_gate(judgements: list[Judgement], warn: bool, waived: bool) -> None:
    waivers = (waiver(subject="main"),) if waived else ()
    for index, worse in product(range(len(judgements)), (FAIL, ERROR, SILENT)):
        if judgements[index].outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE):
            continue
        changed = [
            *judgements[:index],
            judgement(worse.outcome, subject="other", cause=worse.cause),
            *judgements[index + 1 :],
        ]
        after = verdict(*changed, warn=warn, waivers=waivers)
        assert after.verdict is not Verdict.ALLOW


@given(judgements=ANY, warn=st.booleans())
def test_severity_and_order_never_count(judgements: list[Judgement], warn: bool) -> None:
    calm = [judgement(j.outcome, cause=j.cause, subject=j.subject, severity=Severity.LOW) for j in reversed(judgements)]
    assert verdict(*judgements, warn=warn).verdict is verdict(*calm, warn=warn).verdict
