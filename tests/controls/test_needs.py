"""A control asks for no fact that it will not look at."""

from __future__ import annotations

from typing import Any

import pytest

from ci_guard.model.facts import Needs
from tests.controls import language


def needs(name: str, require: Any, run: Any = None, **more: Any) -> Needs:
    return language.control(name).needs(language.settings(name, {"require": require, **more}), language.run(run or {}))


def test_branch_rules_are_wanted_for_the_listed_branches_in_every_run() -> None:
    wanted = needs(
        "branch-protection", {"protected": True}, {"event": "?unavailable"}, branches=["default", "release/*"]
    )
    assert wanted == Needs(branches=("default", "release/*"))


def test_tags_alone_want_no_branch() -> None:
    assert needs("branch-protection", {"protected-tags": True}) == Needs(tags=True)
    both = needs("branch-protection", {"protected-tags": True, "protected": True})
    assert both == Needs(tags=True, branches=("default",))


def test_a_policy_without_branches_means_the_default_branch() -> None:
    assert needs("branch-protection", {"approvals": 1}, branches=[]) == Needs(branches=("default",))


def test_only_the_asked_parts_are_wanted() -> None:
    wanted = needs("actor-permissions", {"actor": "write", "sender": "read", "consistent-identity": True})
    assert wanted == Needs(people=frozenset({"actor", "sender"}), claims=True)
    assert needs("actor-permissions", {"actor": "write"}) == Needs(people=frozenset({"actor"}))


@pytest.mark.parametrize("run", [{"event": "change", "trusted": False}, {"event": "?unavailable"}])
def test_nobody_is_asked_about_where_nobody_is_judged(run: Any) -> None:
    assert needs("actor-permissions", {"actor": "write", "consistent-identity": True}, run) == Needs()


@pytest.mark.parametrize(
    ("require", "expected"),
    [
        ({"reviewed-change": True}, Needs(provenance=True)),
        ({"reviewed-history": True}, Needs(provenance=True, history=True)),
        ({"approvals": 1}, Needs(provenance=True, reviews=True)),
        ({"no-rejection": True}, Needs(provenance=True, reviews=True)),
        ({"code-owner-review": True}, Needs(provenance=True, reviews=True, owners=True)),
    ],
)
def test_reviews_owners_and_history_are_wanted_only_where_something_asks_for_them(
    require: Any, expected: Needs
) -> None:
    assert needs("required-reviews", require) == expected


def test_a_history_is_wanted_only_on_a_push() -> None:
    assert needs("required-reviews", {"reviewed-history": True}, {"event": "schedule"}) == Needs()
    assert needs(
        "required-reviews", {"reviewed-history": True, "reviewed-change": True}, {"event": "schedule"}
    ) == Needs(provenance=True)


@pytest.mark.parametrize("run", [{"event": "change", "branch": None}, {"branch": "topic"}, {"branch": "?unavailable"}])
def test_no_review_is_read_out_of_scope(run: Any) -> None:
    assert needs("required-reviews", {"approvals": 1, "reviewed-change": True}, run) == Needs()


def test_the_scan_is_wanted_in_every_run() -> None:
    assert needs("secret-free", {"complete-scan": True}, {"event": "?unavailable"}) == Needs(scan=True)
