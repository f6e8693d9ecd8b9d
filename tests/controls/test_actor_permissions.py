"""What the case files cannot say of `actor-permissions`: levels in order, logins as data."""

from __future__ import annotations

import pytest

from ci_guard.model.judgement import Outcome
from ci_guard.model.kinds import Level
from tests.controls.language import judge, outcomes

LEVELS = [level.word for level in Level]


@pytest.mark.parametrize("held", LEVELS)
@pytest.mark.parametrize("wanted", LEVELS[1:])
def test_a_level_is_held_by_whoever_holds_it_or_more(held: str, wanted: str) -> None:
    seen = outcomes(
        "actor-permissions", {"actor": wanted}, {"people": [{"part": "actor", "who": "alice", "access": held}]}
    )
    assert seen == {"actor alice": "pass" if LEVELS.index(held) >= LEVELS.index(wanted) else "fail"}


@pytest.mark.parametrize(
    "event",
    [
        "push",
        "target-change",
        "tag",
        "release",
        "deployment",
        "schedule",
        "manual",
        "api",
        "upstream",
        "comment",
        "queue",
    ],
)
def test_only_a_change_is_excused_for_lack_of_trust(event: str) -> None:
    """A run on `workflow_run` or a comment has the repository's secrets, whoever is behind it."""
    facts = {
        "run": {"event": event, "trusted": False},
        "people": [{"part": "actor", "who": "mallory", "access": "none"}],
    }
    assert outcomes("actor-permissions", {"actor": "write"}, facts) == {"actor mallory": "fail"}


def test_bots_hold_a_level_only_for_the_requirement_that_lists_them() -> None:
    facts = {"people": [{"part": "sender", "who": {"login": "ci[bot]", "id": 3}}]}
    assert outcomes("actor-permissions", {"actor": "write", "sender": "write"}, facts) == {
        "actor actor": "not-applicable",
        "sender ci[bot]": "fail",
    }


def test_a_custom_role_counts_as_its_level_and_is_named() -> None:
    """The legacy `permission` shows the base role of a custom one, and `role_name` alone cannot be ordered."""
    people = [{"part": "actor", "who": "alice", "access": "write:deployer"}]
    [judgement] = judge("actor-permissions", {"require": {"actor": "maintain"}}, {"people": people})
    assert judgement.outcome is Outcome.FAIL
    assert judgement.observed == "holds write by the role deployer"


def test_a_login_is_data() -> None:
    login = "x\n::warning::" + "y" * 500
    [judgement] = judge(
        "actor-permissions",
        {"require": {"actor": "write"}},
        {"people": [{"part": "actor", "who": login, "access": "read"}]},
    )
    assert judgement.subject == login
    assert len(judgement.message) < 400
