"""What was merged by break-glass waits until somebody of the role reviews it, and what is unknown of it waits, too."""

from __future__ import annotations

import pytest

from ci_guard import aftermath, glass
from ci_guard.model.fact import Cause, Known, Unknown
from ci_guard.model.facts import Facts
from ci_guard.model.glass import Aftermath, By, Closing, Grant, Mark, Means, Passed
from ci_guard.model.kinds import Level
from ci_guard.model.roles import Role
from ci_guard.model.run import AccountType, Person, Platform
from ci_guard.model.settings import Policy
from ci_guard.records import replace
from tests.evidence.github.scene import known
from tests.test_glass import DOUBT, GLASS, HIDDEN, HOUR, NOW, RUN, fact, participant, policy_of

CLOSING = Closing(name="seen", role="security", days=30)
REVIEWED = replace(GLASS, review=CLOSING)
LOOKBACK = REVIEWED.lookback
assert LOOKBACK


def person(login: str, number: int) -> Person:
    return Person(login=login, id=number, type=AccountType.USER)


def seen_by(login: str, number: int, **who: Level | AccountType) -> Known[tuple[Grant, ...]]:
    return fact((Grant(who=participant(login, number, **who), at=NOW - HOUR),))  # type: ignore[arg-type]


MERGED = Passed(
    reference="#12",
    url="https://forge/12",
    people=fact((person("alice", 1),)),
    at=NOW - 2 * HOUR,
    marked=True,
    broken=fact(Mark(who=person("carol", 7), at=NOW - 3 * HOUR)),
    reviewed=fact(()),
)
FOUND = Aftermath(lookback=LOOKBACK, passed=fact((MERGED,)), since=NOW, cut=False, memberships=fact(()))


def policy() -> Policy:
    made = policy_of(REVIEWED)
    security = Role(name="security", levels=frozenset({Level.ADMIN}))
    return replace(made, roles={**made.roles, "security": security})


def look(*passed: Passed, cut: bool = False) -> aftermath.Look:
    found = replace(FOUND, passed=fact(passed), cut=cut)
    return aftermath.look(policy(), Facts(run=RUN, aftermath=(found,)))


def test_what_nobody_has_reviewed_waits_and_is_told() -> None:
    found = look(MERGED)
    (waiting,) = found.unreviewed
    assert (waiting.reference, waiting.who, waiting.at) == ("#12", "carol (id 7)", NOW - 3 * HOUR)
    (note,) = found.notes
    assert note.startswith("Break-glass to review: #12 was merged at 2028-02-29 21:30 UTC by break-glass (the label ")
    assert note.endswith("put there by carol (id 7)); nobody has put the label seen on it.")


def test_a_change_without_the_label_of_which_nothing_is_known_is_not_said_to_have_had_it() -> None:
    found = look(replace(MERGED, marked=False, broken=HIDDEN, reviewed=HIDDEN))
    assert found.unreviewed == ()
    assert found.notes == ("Whether #12 was merged by break-glass is unknown: not shown; needed: members: read.",)
    taken_off = replace(MERGED, marked=False)
    assert look(taken_off).unreviewed


def test_a_third_person_of_the_role_closes_it() -> None:
    assert look(replace(MERGED, reviewed=seen_by("sam", 9))) == aftermath.NOTHING


def test_what_was_merged_without_the_label_needs_no_review() -> None:
    assert look(replace(MERGED, broken=fact(None))) == aftermath.NOTHING


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (replace(MERGED, broken=DOUBT), "nobody has put the label seen on it"),
        (
            replace(MERGED, broken=DOUBT, reviewed=seen_by("sam", 9)),
            "who broke the glass is unknown (a server was down)",
        ),
        (replace(MERGED, reviewed=HIDDEN), "who has reviewed it is unknown (not shown; needed: members: read)"),
        (replace(MERGED, reviewed=seen_by("alice", 1)), "alice, who marked it as reviewed, took part in it"),
        (replace(MERGED, reviewed=seen_by("carol", 7)), "carol, who marked it as reviewed, broke the glass"),
        (replace(MERGED, reviewed=seen_by("b", 9, kind=AccountType.BOT)), "b, who marked it as reviewed, is no person"),
        (replace(MERGED, reviewed=seen_by("r", 9, level=Level.WRITE)), "does not hold the role security"),
        (
            replace(MERGED, at=NOW, reviewed=seen_by("sam", 9)),
            "has put the label seen on it before it was merged",
        ),
        (
            replace(MERGED, reviewed=fact((Grant(who=DOUBT, at=NOW),))),
            "who put the label seen there is unknown (a server was down)",
        ),
    ],
)
def test_whatever_is_no_review_by_a_third_person_leaves_it_open(change: Passed, why: str) -> None:
    (waiting,) = look(change).unreviewed
    assert why in waiting.why


def test_an_access_that_is_unknown_reviews_nothing() -> None:
    who = participant("sam", 9)
    hidden = Grant(who=replace(who, value=replace(known(who), access=HIDDEN)), at=NOW)
    (waiting,) = look(replace(MERGED, reviewed=fact((hidden,)))).unreviewed
    assert "holds the role security is unknown" in waiting.why


def test_how_far_back_it_is_known_is_told_where_it_was_cut() -> None:
    (note,) = look(cut=True).notes
    assert note.startswith("What was merged by break-glass before 2028-02-29 23:30 UTC was not looked at: ")


def test_what_cannot_be_read_is_told_with_the_permission() -> None:
    doubt = Unknown(reason="not shown", cause=Cause.INVISIBLE, needs="pull-requests: read")
    found = aftermath.look(policy(), Facts(run=RUN, aftermath=(replace(FOUND, passed=doubt),)))
    assert found.unreviewed == ()
    assert found.notes[0].endswith("waits for its review is unknown: not shown; needed: pull-requests: read.")
    assert aftermath.look(policy(), Facts(run=RUN)).notes[0].endswith("asked for it.")


def test_a_policy_without_a_review_asks_for_nothing() -> None:
    assert aftermath.needs(policy_of(), Platform.GITHUB).aftermath == ()
    assert aftermath.needs(policy(), Platform.GITHUB).aftermath == (LOOKBACK,)
    assert glass.needs(policy(), Platform.GITHUB).aftermath == ()
    assert aftermath.look(policy_of(), Facts(run=RUN)) == aftermath.NOTHING


# By dispatch

DISPATCH = replace(REVIEWED, means=Means(by=By.DISPATCH, name="emergency"), review=replace(CLOSING, name="review"))
RUN_17 = replace(
    MERGED,
    reference="run 17",
    people=fact((person("alice", 1), person("carol", 7), person("dan", 8))),
    marked=False,
    broken=fact(Mark(who=person("carol", 7), at=MERGED.at)),
)


def dispatched(passed: Passed, *, cut: bool = False) -> aftermath.Look:
    assert DISPATCH.lookback
    found = replace(FOUND, lookback=DISPATCH.lookback, passed=fact((passed,)), cut=cut)
    return aftermath.look(replace(policy(), break_glass=DISPATCH), Facts(run=RUN, aftermath=(found,)))


def test_a_dispatch_waits_until_it_is_approved_again_and_is_told_with_whoever_approved_it() -> None:
    found = dispatched(RUN_17)
    (waiting,) = found.unreviewed
    assert (waiting.by, waiting.reference, waiting.who) == (By.DISPATCH, "run 17", "carol (id 7)")
    (note,) = found.notes
    assert note == (
        "Break-glass to review: run 17 was made at 2028-02-29 21:30 UTC and let through by break-glass (approved by "
        "carol (id 7)); nobody has approved it for review."
    )
    assert dispatched(replace(RUN_17, reviewed=seen_by("sam", 9))) == aftermath.NOTHING
    assert dispatched(replace(RUN_17, broken=fact(None))) == aftermath.NOTHING


def test_of_several_who_approved_it_again_one_third_person_is_enough() -> None:
    reviews = (*known(seen_by("carol", 7)), *known(seen_by("sam", 9)), *known(seen_by("r", 9, level=Level.WRITE)))
    assert dispatched(replace(RUN_17, reviewed=fact(reviews))) == aftermath.NOTHING


@pytest.mark.parametrize(
    ("passed", "why"),
    [
        (replace(RUN_17, reviewed=seen_by("alice", 1)), "alice, who marked it as reviewed, took part in it"),
        (replace(RUN_17, reviewed=seen_by("carol", 7)), "carol, who marked it as reviewed, took part in it"),
        (replace(RUN_17, reviewed=seen_by("dan", 8)), "dan, who marked it as reviewed, took part in it"),
        (
            replace(RUN_17, reviewed=seen_by("sam", 9), people=HIDDEN),
            "who took part in it is unknown (not shown; needed: members: read), and it takes somebody else",
        ),
        (
            replace(RUN_17, reviewed=seen_by("r", 9, level=Level.WRITE)),
            "r, who approved it for review, does not hold the role security",
        ),
        (
            replace(RUN_17, reviewed=seen_by("sam", 9), broken=fact(Mark(who=person("carol", 7), at=NOW))),
            "somebody has approved it for review before it was let through",
        ),
        (replace(RUN_17, reviewed=DOUBT), "who has reviewed it is unknown (a server was down)"),
    ],
)
def test_whoever_took_part_in_a_dispatch_closes_nothing_and_whatever_is_unknown_of_it_leaves_it_open(
    passed: Passed, why: str
) -> None:
    (waiting,) = dispatched(passed).unreviewed
    assert why in waiting.why


def test_a_dispatch_whose_approvals_are_unknown_is_told_as_unknown() -> None:
    found = dispatched(replace(RUN_17, broken=HIDDEN, people=HIDDEN, reviewed=HIDDEN), cut=True)
    assert found.unreviewed == ()
    first, second = found.notes
    assert first == "Whether run 17 was let through by break-glass is unknown: not shown; needed: members: read."
    assert second.startswith("What was let through by break-glass before ")
