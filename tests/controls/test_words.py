"""What messages call things on GitLab, and that GitHub's words are as they were."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ci_guard.controls import words
from ci_guard.controls.judging import remedy_for
from ci_guard.controls.registry import CONTROLS
from ci_guard.evidence.gitlab import levels
from ci_guard.model.branch import Setting
from ci_guard.model.fact import Known, invisible
from ci_guard.model.judgement import Judgement, Outcome
from ci_guard.model.kinds import Level
from tests.controls import language
from tests.controls.language import judge

GITLAB = {"platform": "gitlab"}


def one(control: str, require: Any, facts: Any) -> Judgement:
    [judgement] = judge(control, {"require": require}, facts)
    return judgement


def test_a_direct_push_came_through_no_merge_request() -> None:
    facts: Any = {"provenance": {"changes": []}}
    told = one("required-reviews", {"reviewed-change": True}, {**facts, "run": GITLAB})
    assert "through no merge request" in told.message
    assert "`Allowed to push and merge`" in told.remedy
    assert "change" not in told.message.replace("changes", "")
    assert "through no change" in one("required-reviews", {"reviewed-change": True}, facts).message


def test_a_level_is_asked_for_by_the_role_that_gitlab_calls_it() -> None:
    facts: Any = {"people": [{"part": "actor", "who": "mallory", "access": "read:Guest"}]}
    told = one("actor-permissions", {"actor": "maintain"}, {**facts, "run": GITLAB})
    assert "(maintain or more; on GitLab: Maintainer)" in told.message
    assert "by the role Guest" in told.message
    assert "(maintain or more)" in one("actor-permissions", {"actor": "maintain"}, facts).message


def test_the_roles_are_those_of_the_table_that_evidence_reads_by() -> None:
    lowest: dict[Level, str] = {}
    for role in levels.ROLES.values():
        lowest.setdefault(role.level, role.name)
    assert {level: name for level, name in lowest.items() if level is not Level.NONE} == words.GITLAB.roles


def test_what_would_show_an_unknown_is_named_on_both_platforms() -> None:
    flags: Any = {"flags": {"protected": "?invisible"}}
    found = [
        one("branch-protection", {"protected": True}, {"run": {"platform": platform}, "branches": [{"rules": [flags]}]})
        for platform in ("github", "gitlab")
    ]
    assert "administration: read" in found[0].remedy
    assert found[1].remedy == "It takes administration: read."
    doubts = [invisible("x", needs="a token with read_api"), invisible("y", needs="a token with read_api")]
    assert remedy_for(doubts, give="It takes {}.") == "It takes a token with read_api."


def test_an_unprotected_branch_is_to_be_made_a_protected_branch() -> None:
    facts: Any = {"run": GITLAB, "branches": [{"rules": [{"flags": {"protected": False}}]}]}
    assert one("branch-protection", {"protected": True}, facts).remedy == "Make main a protected branch."


def with_rules(require: Any, **changes: Any) -> Judgement:
    """Judge a branch of which the model says more than a case file can."""
    raw = language.facts({"run": GITLAB, "branches": [{"rules": [{"flags": dict.fromkeys(require, False)}]}]})
    assert isinstance(raw.branches, Known)
    [selection] = raw.branches.value
    assert isinstance(selection.branches, Known)
    [rules] = selection.branches.value
    found = replace(selection.branches, value=(replace(rules, **changes),))
    facts = replace(raw, branches=replace(raw.branches, value=(replace(selection, branches=found),)))
    control = language.control("branch-protection")
    [judgement] = control.check(facts, language.settings("branch-protection", {"require": require}))
    return judgement


def test_what_takes_a_plan_fails_and_names_it() -> None:
    told = with_rules(
        {"signed-commits": True},
        lacking={"signed-commits": "it takes GitLab Premium or Ultimate, and the project has GitLab Free"},
        settings={"": Setting(name="Push rules", url="https://x", plan="GitLab Premium or Ultimate")},
    )
    assert told.outcome is Outcome.FAIL
    assert "the project has GitLab Free" in told.message
    assert told.remedy == "Change the setting 'Push rules', which takes GitLab Premium or Ultimate."


def test_what_has_no_counterpart_is_not_applicable_with_the_reason() -> None:
    told = with_rules({"restricted-dismissal": True}, foreign={"restricted-dismissal": "nobody can dismiss it"})
    assert (told.outcome, told.message) == (Outcome.NOT_APPLICABLE, "Not applicable: nobody can dismiss it.")


def test_a_title_in_gitlabs_words_differs_from_the_common_one() -> None:
    found = [one for control in CONTROLS for one in control.META.requirements if one.gitlab_title]
    assert found
    assert all(one.gitlab_title != one.title and "pull" not in one.gitlab_title for one in found)
