"""Every judgement says what was seen, what was expected, who vouches for it, and what to change."""

from __future__ import annotations

from dataclasses import replace

from ci_guard.controls import branch_protection
from ci_guard.controls.judging import Bench, clip, listing, remedy_for, weakest
from ci_guard.model.branch import Setting
from ci_guard.model.fact import Cause, Known, Source, invisible, unavailable
from ci_guard.model.judgement import Outcome
from tests.controls import language

BENCH = Bench(
    meta=branch_protection.META,
    requirement=branch_protection.META.requirement("approvals"),
    value=2,
    subject="main",
    run=language.run({}),
    setting=Setting(name="Required approvals", url="https://hub.example/rules"),
)


def known(source: Source, detail: str = "") -> Known[int]:
    return Known(value=1, source=source, detail=detail)


def test_a_refusal_says_what_was_refused_seen_and_expected_in_this_order() -> None:
    judgement = BENCH.fails("1 required", [known(Source.API, "GET rules/branches/main")])
    assert judgement.message == (
        "main was refused: 1 required; expected: enough approvals are required before a merge (at least 2)."
    )
    assert (judgement.observed, judgement.detail) == ("1 required", "GET rules/branches/main")
    assert judgement.remedy == "Change the setting 'Required approvals': at least 2."
    assert judgement.remedy_url == "https://hub.example/rules"


def test_a_sentence_names_a_commit_by_its_first_digits_while_the_subject_keeps_all() -> None:
    """A waiver names its subject exactly; eight digits could be another commit's too."""
    judgement = replace(BENCH, subject="c0ffee00" * 5).fails("1 required")
    assert judgement.subject == "c0ffee00" * 5
    assert judgement.message.startswith("c0ffee00 was refused")


def test_a_pass_needs_no_remedy() -> None:
    judgement = BENCH.passes("2 required", [known(Source.API)])
    assert (judgement.outcome, judgement.remedy, judgement.remedy_url) == (Outcome.PASS, "", "")


def test_a_conclusion_is_worth_no_more_than_its_weakest_source() -> None:
    assert weakest([known(Source.API), known(Source.DERIVED), known(Source.SIGNED)]) is Source.DERIVED
    assert weakest([]) is Source.NONE


def test_one_unavailable_fact_makes_the_whole_unknown_intolerable() -> None:
    """A policy tolerates what is invisible; an outage beside it must not be tolerated with it."""
    for doubts in ([invisible("a"), unavailable("b")], [unavailable("b"), invisible("a")]):
        assert BENCH.wonders(doubts).cause is Cause.UNAVAILABLE
    assert BENCH.wonders([invisible("a"), invisible("b")]).cause is Cause.INVISIBLE


def test_an_unknown_names_the_permission_that_would_show_it() -> None:
    judgement = BENCH.wonders(
        [invisible("the rules are hidden", needs="administration: read", detail="GET it")], "1 required"
    )
    assert judgement.observed == "1 required; the rules are hidden"
    assert judgement.remedy == "Give ci-guard a token with administration: read."
    assert (judgement.source, judgement.detail) == (Source.NONE, "GET it")


def test_an_outage_advises_another_try_and_not_only_a_permission() -> None:
    assert remedy_for([unavailable("timeout")]).startswith("Run the job again.")
    assert remedy_for([unavailable("timeout", needs="actions: read")]).endswith("needed: actions: read.")


def test_an_unknown_leads_to_where_it_is_answered() -> None:
    """Another try is made on the run's page; which permission shows a fact is written down; a mirror is a setting."""
    assert BENCH.wonders([unavailable("timeout")]).remedy_url == "https://hub.example/run/7"
    assert BENCH.wonders([invisible("hidden")]).remedy_url == "https://docs.example/token"
    assert replace(BENCH, mirror="Mirror it").wonders([invisible("hidden")]).remedy_url == "https://hub.example/rules"


def test_long_texts_and_lists_of_strangers_are_cut() -> None:
    assert len(clip("x" * 5000)) == 120
    assert clip("x" * 120) == "x" * 120
    assert listing(["a", "", "a", "b"]) == "a, b"
    assert listing(str(number) for number in range(12)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"
    assert len(BENCH.fails(listing(f"{number}" + "y" * 999 for number in range(999))).message) < 2000
