"""How far back policies are looked for: to the last run that passed, and never past what cannot be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_guard.evidence.lookback import ASKED, PAGE, Past, since_success
from ci_guard.model.fact import Fact, Known, Source, Unknown, unavailable
from ci_guard.model.run import Event, Platform, Run, unknown_run
from ci_guard.records import replace

NOW = 1000
"""The number of the judged run."""


T = TypeVar("T")


def known(value: T) -> Known[T]:
    return Known(value=value, source=Source.API)


def run_of(event: Event = Event.PUSH) -> Run:
    """Return a run of `main`."""
    run = unknown_run(Platform.GITHUB, "not asked")
    return replace(run, event=known(event), sha=known("sha"), branch=known("main"), default_branch=known("main"))


def looked(
    past: Sequence[Past],
    *,
    event: Event = Event.PUSH,
    policies: dict[str, str] | None = None,
    passed: frozenset[int] = frozenset(),
) -> Fact[tuple[str, ...]]:
    """Return how far back; `policies` differ from the judged one's where a commit is among them."""
    said = policies or {}
    return since_success(
        Known(value=tuple(past), source=Source.API),
        run_of(event),
        NOW,
        alike=lambda commits: len({said.get(commit, "") for commit in commits}) < 2,
        passed=lambda number: Known(value=number in passed, source=Source.API),
    )


def pasts(words: str) -> list[Past]:
    """Read runs from newest to oldest: `+` succeeded, `-` did not; each of a commit `c0`, `c1` and so on."""
    return [Past(NOW - 1 - place, f"c{place}", word == "+") for place, word in enumerate(words)]


OLD = {"c2": "stricter"}


@pytest.mark.parametrize(
    ("words", "policies", "passed", "expected"),
    [
        ("+", {"c0": "stricter"}, (), ("c0",)),
        ("--+-", OLD, (), ("c0", "c1", "c2")),
        ("--+-", {"c3": "stricter"}, (), ()),
        ("--+-", OLD, (1,), ("c0", "c1")),
        ("---", OLD, (), ()),
        ("---", OLD, (2,), ("c0", "c1", "c2")),
        ("", {}, (), ()),
    ],
    ids=[
        "the run before may have been of a commit that is not the start of this push",
        "back to the last that succeeded and no further",
        "what lies behind that changes nothing",
        "the guard passed, and something behind it failed",
        "no policy has let anything in yet",
        "it has, and every run failed later",
        "the first run",
    ],
)
def test_it_is_looked_back_to_the_last_run_that_passed(
    words: str, policies: dict[str, str], passed: Sequence[int], expected: tuple[str, ...]
) -> None:
    numbers = frozenset(NOW - 1 - place for place in passed)
    found = looked(pasts(words), policies=policies, passed=numbers)
    assert isinstance(found, Known)
    assert found.value == expected


@pytest.mark.parametrize("length", [ASKED + 2, PAGE])
def test_pushes_that_bury_the_change_of_the_policy_make_it_unknown(length: int) -> None:
    """However many a stranger pushes, what the last allowed run went by is never taken for what they pushed."""
    assert isinstance(looked(pasts("-" * length), policies={f"c{length - 1}": "stricter"}), Unknown)
    assert isinstance(looked(pasts("-" * PAGE)), Unknown), "beyond the page it may have been another"


def test_what_is_pushed_after_the_judged_commit_says_nothing_of_it() -> None:
    later = [Past(NOW + 1, "later", succeeded=True), Past(NOW, "sha", succeeded=True)]
    found = looked([*later, *pasts("-+")], policies={"c1": "stricter"})
    assert isinstance(found, Known)
    assert found.value == ("c0", "c1")
    found = looked([*later, *pasts("-+")], policies={"later": "other"}, event=Event.SCHEDULE)
    assert isinstance(found, Known)
    assert found.value == ("later",), "the tip of the default branch is what a schedule goes by"


def test_what_cannot_be_seen_stays_unknown() -> None:
    none = unavailable("no answer")
    found = since_success(none, run_of(), NOW, alike=lambda _: True, passed=lambda _: none)
    assert found == none
    page = Known(value=tuple(pasts("-+")), source=Source.API)
    assert since_success(page, run_of(), NOW, alike=lambda _: False, passed=lambda _: none) == none


@given(st.text("+-", max_size=PAGE), st.dictionaries(st.integers(0, PAGE - 1).map("c{}".format), st.just("stricter")))
def test_a_policy_that_no_run_has_let_go_is_among_those_that_judge(words: str, policies: dict[str, str]) -> None:
    """Where some run succeeded, every policy since then, and that one's, judges or is the same as the judged one's."""
    found = looked(pasts(words), policies=policies)
    last = words.find("+")
    if isinstance(found, Unknown) or last < 0:
        return
    assert {f"c{place}" for place in range(last + 1)} & policies.keys() <= set(found.value)
