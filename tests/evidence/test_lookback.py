"""How far back policies are looked for: to the last run that passed, and never past what cannot be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_guard.evidence.lookback import ASKED, NEVER, PAGE, Past, is_built, look_back, since_success, united
from ci_guard.model.fact import Fact, Known, Source, Unknown, unavailable
from ci_guard.model.run import Event, Platform, Run, unknown_run
from ci_guard.records import replace

NOW = 1000
"""The number of the judged run."""


T = TypeVar("T")


def known(value: T) -> Known[T]:
    return Known(value=value, source=Source.API)


def run_of(event: Event = Event.PUSH, branch: str = "main") -> Run:
    """Return a run of a branch."""
    run = unknown_run(Platform.GITHUB, "not asked")
    return replace(run, event=known(event), sha=known("sha"), branch=known(branch), default_branch=known("main"))


def looked(
    past: Sequence[Past],
    *,
    run: Run | None = None,
    branch: str = "main",
    policies: dict[str, str] | None = None,
    passed: frozenset[int] = frozenset(),
) -> Fact[tuple[str, ...] | None]:
    """Return how far back; `policies` differ from the judged one's where a commit is among them."""
    said = policies or {}
    return since_success(
        known(tuple(past)),
        "sha",
        NOW if is_built(run or run_of(), branch) else None,
        alike=lambda commits: len({said.get(commit, "") for commit in commits}) < 2,
        passed=lambda number: known(number in passed),
        default=branch == "main",
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
        ("--", {}, (), None),
        ("--+-", OLD, (1,), ("c0", "c1")),
        ("---", OLD, (), None),
        ("---", OLD, (2,), ("c0", "c1", "c2")),
        ("", {}, (), None),
    ],
    ids=[
        "the run before may have been of a commit that is not the start of this push",
        "back to the last that succeeded and no further",
        "what lies behind that changes nothing",
        "no policy has let anything in, and it never changed",
        "the guard passed, and something behind it failed",
        "no policy has let anything in yet",
        "it has, and every run failed later",
        "the first run",
    ],
)
def test_it_is_looked_back_to_the_last_run_that_passed(
    words: str, policies: dict[str, str], passed: Sequence[int], expected: tuple[str, ...] | None
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
    found = looked([*later, *pasts("-+")], policies={"later": "other"}, run=run_of(Event.SCHEDULE))
    assert isinstance(found, Known)
    assert found.value == ("later",), "the tip of the default branch is what a schedule goes by"


def test_what_cannot_be_seen_stays_unknown() -> None:
    none = unavailable("no answer")
    assert since_success(none, "sha", NOW, alike=lambda _: True, passed=lambda _: none) == none
    page = known(tuple(pasts("-+")))
    assert since_success(page, "sha", NOW, alike=lambda _: False, passed=lambda _: none) == none
    assert united([known(("c0",)), none]) == none
    for branch in ("main", "release"):
        assert look_back(run_of(branch="release"), lambda of: none if of == branch else NEVER, tip) == none  # noqa: B023


class TestATagThatIsCalledAsTheBranch:
    """The server lists its runs as the branch's, and it may be of any commit and pass where a push does not."""

    def test_its_run_does_not_count_for_a_commit_that_the_branch_never_had(self) -> None:
        found = looked([Past(NOW - 1, "tagged", succeeded=True, of_branch=False), *pasts("+")], policies={"c0": "old"})
        assert found == Known(value=("c0",), source=Source.API)

    def test_its_run_does_not_count_where_the_run_of_the_push_did_not_pass(self) -> None:
        tagged = Past(NOW - 1, "c0", succeeded=True)
        found = looked([tagged, *pasts("-+")], policies={"c1": "stricter"})
        assert found == Known(value=("c0", "c1"), source=Source.API)


def tip(branch: str) -> Fact[str]:
    return known(f"tip of {branch}")


@pytest.mark.parametrize(
    ("own", "default", "expected"),
    [
        (("c0",), ("d0",), ("c0",)),
        ((), ("d0",), ()),
        (None, ("d0", "d1"), ("d0", "d1")),
        (None, (), ()),
        (None, None, ("tip of main",)),
    ],
    ids=["a run passed", "and nothing changed", "none ever passed", "and it is the default one's", "none there either"],
)
def test_where_no_run_of_another_branch_passed_the_default_branch_counts(
    own: tuple[str, ...] | None, default: tuple[str, ...] | None, expected: tuple[str, ...]
) -> None:
    """Somebody may begin a branch with a looser policy: the push that does is denied, and another one follows."""
    said = {"release": known(own), "main": known(default)}
    found = look_back(run_of(branch="release"), lambda branch: said[branch], tip)
    assert isinstance(found, Known)
    assert found.value == expected


def test_on_the_default_branch_and_by_hand_nothing_else_is_asked() -> None:
    for run in (run_of(), run_of(Event.MANUAL, branch="release")):
        assert look_back(run, lambda branch: NEVER if branch == "main" else known(("c0",)), tip).value == ()  # type: ignore[union-attr]


def test_a_branch_that_began_with_its_policy_has_let_it_in_only_by_a_run() -> None:
    run = run_of(branch="release")
    assert looked(pasts("--"), run=run, branch="release") == NEVER
    for passed in (
        looked(pasts("-+"), run=run, branch="release"),
        looked(pasts("--"), run=run, branch="release", passed=frozenset({NOW - 2})),
    ):
        assert isinstance(passed, Known)
        assert passed.value == ()


def test_of_several_workflows_each_has_to_have_let_a_policy_in() -> None:
    assert united([NEVER, known(("c0", "c1")), known(("c0",))]) == known(("c0", "c1"))
    assert united([NEVER]) == united([]) == NEVER


@given(st.text("+-", max_size=PAGE), st.dictionaries(st.integers(0, PAGE - 1).map("c{}".format), st.just("stricter")))
def test_a_policy_that_no_run_has_let_go_is_among_those_that_judge(words: str, policies: dict[str, str]) -> None:
    """Where some run succeeded, every policy since then, and that one's, judges or is the same as the judged one's."""
    found = looked(pasts(words), policies=policies)
    last = words.find("+")
    if isinstance(found, Unknown) or last < 0:
        return
    assert found.value is not None
    assert {f"c{place}" for place in range(last + 1)} & policies.keys() <= set(found.value)
