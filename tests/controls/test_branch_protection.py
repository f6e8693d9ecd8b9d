"""What the case files cannot say of `branch-protection`: advice by platform, settings pages, text lengths."""

from __future__ import annotations

from typing import Any

from ci_guard.model.fact import Source
from tests.controls.language import judge, outcomes

HIDDEN = {"flags": {"no-force-push": "?invisible"}, "bypass": ["?invisible"]}


def advice(require: Any, rules: Any, platform: str) -> str:
    [judgement] = judge(
        "branch-protection", {"require": require}, {"run": {"platform": platform}, "branches": [{"rules": [rules]}]}
    )
    return judgement.remedy


def test_a_ruleset_is_advised_only_where_it_helps() -> None:
    """Not on GitLab, which has none; not for bypass lists, which a ruleset hides as well."""
    assert "Ask for it in a ruleset" in advice({"no-force-push": True}, HIDDEN, "github")
    assert "Ask for it in a ruleset" not in advice({"no-force-push": True}, HIDDEN, "gitlab")
    assert "Ask for it in a ruleset" not in advice({"no-bypass": True}, HIDDEN, "github")


def test_a_ruleset_is_not_advised_against_an_outage() -> None:
    rules = {"flags": {"no-force-push": "?unavailable"}}
    assert "ruleset" not in advice({"no-force-push": True}, rules, "github")


def test_a_failure_and_an_unknown_lead_to_the_settings_page() -> None:
    judgements = judge(
        "branch-protection",
        {"require": {"no-force-push": True, "no-deletion": True, "protected-tags": True}},
        {"branches": [{"rules": [{"flags": {"no-force-push": False, "no-deletion": "?invisible"}}]}], "tags": []},
    )
    assert [one.remedy_url for one in judgements] == [
        "https://hub.example/rules",
        "https://hub.example/rules",
        "https://hub.example/tags",
    ]


def test_a_judgement_names_its_source_and_where_it_was_read() -> None:
    [judgement] = judge(
        "branch-protection",
        {"require": {"protected": True}},
        {"branches": [{"rules": [{"flags": {"protected": True}}]}]},
    )
    assert (judgement.source, judgement.detail) == (Source.API, "GET it")


def test_a_branch_name_is_data() -> None:
    name = "x\n::error::y" + "z" * 500
    [judgement] = judge(
        "branch-protection",
        {"require": {"protected": True}, "branches": ["**"]},
        {"branches": [{"entry": "**", "rules": [{"name": name, "flags": {"protected": False}}]}]},
    )
    assert judgement.subject == name
    assert len(judgement.message) < 400


def test_bypassers_are_compared_exactly() -> None:
    for allowed, expected in (("Team:7", "pass"), ("Team:70", "fail"), ("team:7", "fail"), ("7", "fail")):
        seen = outcomes(
            "branch-protection", {"no-bypass": [allowed]}, {"branches": [{"rules": [{"bypass": [["Team:7"]]}]}]}
        )
        assert seen == {"no-bypass main": expected}
