"""What the case files cannot say of `required-reviews`: events, long histories, order of reviews."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from ci_guard.model.judgement import Outcome
from ci_guard.model.run import Event
from tests.controls.language import SHA, judge, outcomes

REVIEWED = {"changes": [{"reviews": ["bob"]}]}


@pytest.mark.parametrize("event", [event.value for event in Event])
def test_reviews_are_judged_on_every_event_but_those_of_open_changes(event: str) -> None:
    run = {"event": event, "change": {"number": 12, "target": "main"}}
    seen = outcomes("required-reviews", {"reviewed-change": True}, {"run": run, "provenance": REVIEWED})
    expected = {"reviewed-change run": "not-applicable"} if "change" in event else {"reviewed-change #12": "pass"}
    assert seen == expected


@pytest.mark.parametrize("event", [event.value for event in Event])
def test_the_policys_list_of_events_replaces_the_controls_own(event: str) -> None:
    run = {"event": event, "change": {"number": 12, "target": "main"}}
    facts = {"run": run, "provenance": REVIEWED}
    assert outcomes("required-reviews", {"reviewed-change": True}, facts, events=[event]) == {
        "reviewed-change #12": "pass"
    }
    others = [other.value for other in Event if other.value != event]
    assert outcomes("required-reviews", {"reviewed-change": True}, facts, events=others) == {
        "reviewed-change run": "not-applicable"
    }


def history(length: int, **stray: Any) -> dict[str, str]:
    commits: list[Any] = [
        {"sha": f"{number:040x}", "changes": [{"results": [f"{number:040x}"]}]} for number in range(length)
    ]
    if stray:
        commits[stray["at"]] = {"sha": "stray", "changes": []}
    return outcomes("required-reviews", {"reviewed-history": True}, {"provenance": {**REVIEWED, "history": commits}})


def test_a_hundred_commits_are_judged_and_more_are_unknown() -> None:
    assert history(100) == {f"reviewed-history {SHA}": "pass"}
    assert history(101) == {f"reviewed-history {SHA}": "unknown unavailable"}


def test_a_stray_commit_of_a_long_push_still_fails() -> None:
    assert history(101, at=7) == {"reviewed-history stray": "fail", f"reviewed-history {SHA}": "unknown unavailable"}


def test_a_commit_of_the_history_hides_no_outage_behind_an_invisible_change() -> None:
    """Two ways that are both unknown: the unavailable one counts."""
    commits = [
        {"sha": "x", "changes": [{"results": "?invisible"}, {"number": 13, "results": "?unavailable"}]},
    ]
    facts = {"provenance": {**REVIEWED, "history": commits}}
    assert outcomes("required-reviews", {"reviewed-history": True}, facts) == {
        "reviewed-history x": "unknown unavailable"
    }


def test_the_order_in_which_reviews_are_listed_does_not_count() -> None:
    reviews = [
        {"by": "bob", "at": 1},
        {"by": "bob", "at": 2, "state": "changes requested"},
        {"by": "bob", "at": 3},
        {"by": "carol", "at": 2, "state": "dismissed"},
    ]
    for order in permutations(reviews):
        facts = {"provenance": {"changes": [{"reviews": list(order)}]}}
        assert outcomes("required-reviews", {"approvals": 1, "no-rejection": True}, facts) == {
            "approvals #12": "pass",
            "no-rejection #12": "pass",
        }


def test_the_authority_of_a_rejection_is_the_one_that_the_policy_asks() -> None:
    facts = {"provenance": {"changes": [{"reviews": [{"by": "bob", "state": "changes requested", "access": "write"}]}]}}
    assert outcomes("required-reviews", {"no-rejection": True}, facts) == {"no-rejection #12": "fail"}
    assert (
        outcomes("required-reviews", {"no-rejection": True, "authority": "maintain"}, facts)["no-rejection #12"]
        == "pass"
    )


def test_listed_branches_are_patterns_of_the_built_branch_and_of_the_target() -> None:
    facts = {"run": {"branch": "release/1"}, "provenance": {"changes": [{"target": "release/1"}]}}
    for branches, expected in (
        (["release/*"], {"reviewed-change #12": "pass"}),
        (["current"], {"reviewed-change #12": "pass"}),
        (["default", "release/1/*"], {"reviewed-change run": "not-applicable"}),
    ):
        assert outcomes("required-reviews", {"reviewed-change": True}, facts, branches=branches) == expected


def test_names_of_strangers_are_data_and_cut() -> None:
    login = "x\n::error::" + "y" * 500
    [judgement] = judge(
        "required-reviews",
        {"require": {"approvals": 1}},
        {"provenance": {"changes": [{"author": login, "reviews": [login]}]}},
    )
    assert len(judgement.message) < 500
    assert login[:100] in judgement.message


@pytest.mark.parametrize(
    ("reviews", "alone"),
    [
        ([], True),
        ([{"by": "alice"}], True),
        ([{"by": "carol"}], True),
        ([{"by": "github-actions[bot]"}], True),
        ([{"by": "bob", "head": False}], False),
        ([{"by": "bob", "state": "changes requested"}], False),
    ],
)
def test_a_denial_says_whether_nobody_else_took_part(reviews: list[Any], alone: bool) -> None:
    """A project of one person cannot meet it, which is told; it is no pass, and not told where somebody reviews."""
    change = {"reviews": reviews, "contributions": ["alice", "carol"]}
    require = {"approvals": 2, "independence": True, "freshness": True, "authority": "write"}
    judged = judge("required-reviews", {"require": require}, {"provenance": {"changes": [change]}})
    told = {one.requirement: one.alone for one in judged if one.outcome is Outcome.FAIL}
    assert told["approvals"] is alone
    assert not any(told.get(name) for name in ("freshness", "authority"))
    assert told.get("independence", alone) is alone


def test_each_approval_that_does_not_count_is_named_with_its_reason() -> None:
    reviews = [
        {"by": "alice"},
        {"by": "bob", "head": False},
        {"by": "erin", "access": "read"},
        {"by": "dave", "access": "?unavailable"},
        "frank",
    ]
    require = {"approvals": 3, "independence": True, "freshness": True, "authority": "write"}
    judged = judge("required-reviews", {"require": require}, {"provenance": {"changes": [{"reviews": reviews}]}})
    (approvals,) = [one for one in judged if one.requirement == "approvals"]
    assert approvals.observed == (
        "1 of 3 approvals by frank; not counted: @alice: author of the change; @bob: approved an older head; "
        "@erin: holds read; undecided: @dave"
    )


@pytest.mark.parametrize(("state", "words"), [("open", "Ask somebody"), ("merged", "It is merged")])
def test_what_to_do_about_missing_approvals_depends_on_the_merge(state: str, words: str) -> None:
    facts = {"run": {"event": "queue"}, "provenance": {"standing_in": state == "open", "changes": [{"state": state}]}}
    (judged,) = judge("required-reviews", {"require": {"approvals": 1}}, facts)
    assert judged.remedy.startswith(words)
