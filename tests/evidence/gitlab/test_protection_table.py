"""What a branch's rules come to: every row of `protection/*.yml` is a case, with GitLab's page as its source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ci_guard.evidence.gitlab import merging, rules
from ci_guard.evidence.gitlab.branch_rules import Sources, rules_of
from ci_guard.evidence.gitlab.records import Branch
from ci_guard.model.branch import BranchRules
from ci_guard.model.fact import Fact, Known, Source, Unknown, invisible
from ci_guard.model.run import Event, Platform, Run

FOLDER = Path(__file__).parent / "protection"
ROWS = [row for path in sorted(FOLDER.glob("*.yml")) for row in yaml.safe_load(path.read_text(encoding="utf-8"))]

HIDDEN = invisible("a job's token does not show this", needs="read_api")
KEYS = {"user": "user_id", "group": "group_id", "key": "deploy_key_id"}


def known(value: Any) -> Known[Any]:
    return Known(value=value, source=Source.API, detail="GET it")


def level(entry: int | str) -> dict[str, Any]:
    """`40` is a role, `user:5`, `group:7` and `key:3` are exceptions."""
    none: dict[str, Any] = dict.fromkeys(KEYS.values())
    if isinstance(entry, int):
        return {**none, "access_level": entry}
    kind, _, number = entry.partition(":")
    return {**none, "access_level": 40 if kind == "key" else None, KEYS[kind]: int(number)}


def rule(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": row["name"],
        "push_access_levels": [level(one) for one in row.get("push", [40])],
        "merge_access_levels": [level(one) for one in row.get("merge", [40])],
        "unprotect_access_levels": [level(one) for one in row.get("unprotect", [])],
        "allow_force_push": row.get("force", False),
        "code_owner_approval_required": row.get("owners", False),
        "inherited": row.get("group", False),
    }


def project(row: dict[str, Any]) -> dict[str, Any]:
    plan = row.get("plan", "free")
    return {
        "merge_method": "merge",
        "only_allow_merge_if_pipeline_succeeds": False,
        "allow_merge_on_skipped_pipeline": None,
        "only_allow_merge_if_all_discussions_are_resolved": False,
        **({} if plan == "free" else {"approvals_before_merge": 0}),
        **({"only_allow_merge_if_all_status_checks_passed": False} if plan == "ultimate" else {}),
        **row.get("project", {}),
    }


def approval_rule(row: dict[str, Any]) -> dict[str, Any]:
    groups = [{"id": 7, "path": name.rpartition("/")[2], "full_path": name} for name in row.get("groups", [])]
    return {
        "rule_type": row.get("type", "regular"),
        "approvals_required": row["wanted"],
        "groups": groups,
        "protected_branches": [{"name": name} for name in row.get("branches", [])],
        "applies_to_all_protected_branches": row.get("all_protected", False),
    }


def sources(row: dict[str, Any]) -> Sources:
    settings = {
        "reset_approvals_on_push": False,
        "merge_requests_disable_committers_approval": False,
        "disable_overriding_approvers_per_merge_request": True,
        **row.get("approvals", {}),
    }
    shown: dict[str, Fact[Any]] = {
        "rules": known(tuple(rules.parse(rule(one)) for one in row.get("rules", []))),
        "project": known(merging.parse_project(project(row))),
        "approval_settings": known(merging.parse_approval_settings(settings)),
        "approval_rules": known(
            merging.parse_approval_rules([approval_rule(r) for r in row.get("approval_rules", [])])
        ),
        "unsigned_refused": known(merging.parse_push_rule(row.get("push_rule"))),
        "external_checks": known(tuple(row.get("checks", []))),
    }
    hidden = shown if row.get("token") == "job" else row.get("hidden", [])
    return Sources(**{**shown, **dict.fromkeys(hidden, HIDDEN)})


def branch(row: dict[str, Any]) -> Fact[Branch | None]:
    """What the list of branches shows, in agreement with the rules unless the row says otherwise."""
    name = row.get("branch", "main")
    if row.get("shown") == "nothing":
        return known(None)
    if row.get("shown") == "?":
        return HIDDEN
    found = rules.matching([rules.parse(rule(one)) for one in row.get("rules", [])], name)
    free = not found.rules
    values = {
        "protected": bool(found.rules),
        "developers_can_push": free or found.developers_push,
        "developers_can_merge": free or any(one.merge.lets_in(39) for one in found.rules),
        "can_push": free,
        **row.get("shown", {}),
    }
    return known(Branch(name=name, commit="c" * 40, default=False, **values))


def judged(row: dict[str, Any]) -> BranchRules:
    nothing = known(None)
    run = Run(
        platform=Platform.GITLAB,
        repository="acme/shop",
        server_url="https://gitlab.example",
        event=known(Event.PUSH),
        ref=known("refs/heads/main"),
        sha=known("c" * 40),
        branch=known("main"),
        tag=nothing,
        default_branch=known("main"),
        before=nothing,
        change=nothing,
        trusted=known(True),
    )
    return rules_of(row.get("branch", "main"), branch(row), sources(row), run)


def told(found: BranchRules, key: str) -> Any:
    """Return what is known by that key, `?` for what is not."""
    if key == "bypass":
        hidden = [one for one in found.bypass if isinstance(one, Unknown)]
        people = [who.name for one in found.bypass if isinstance(one, Known) for who in one.value]
        return "?" if hidden else people
    if key == "exists":
        fact: Fact[Any] = found.exists
    elif key == "checks":
        fact = found.status_checks
    elif key == "approvals":
        fact = found.approvals
    elif key == "reviewers":
        fact = found.required_reviewers
    elif key == "lacking":
        return sorted(found.lacking)
    else:
        fact = found.flags[key]
    if isinstance(fact, Unknown):
        return "?"
    value = getattr(fact.value, "value", fact.value)
    if key == "checks":
        return [one.context for one in value]
    return sorted(value) if isinstance(value, frozenset) else value


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["claim"])
def test_a_row_holds(row: dict[str, Any]) -> None:
    found = judged(row)
    assert {key: told(found, key) for key in row["expect"]} == row["expect"]


def test_the_table_is_whole() -> None:
    """Forty rows, no claim twice, each with the page of GitLab's documentation that it rests on."""
    assert len(ROWS) >= 40
    assert len({row["claim"] for row in ROWS}) == len(ROWS)
    keys = {"claim", "source", "branch", "rules", "plan", "project", "approvals", "approval_rules", "push_rule"}
    for row in ROWS:
        assert row["source"].startswith("https://docs.gitlab.com/"), row["claim"]
        assert set(row) <= keys | {"checks", "token", "hidden", "shown", "expect"}, row["claim"]


ENTRY = st.sampled_from([0, 30, 40, 60, "user:5", "group:7", "key:3"])
RULE = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["main", "m*", "*", "other"]),
        "push": st.lists(ENTRY, max_size=2),
        "merge": st.lists(ENTRY.filter(lambda entry: entry != "key:3"), max_size=2),
        "force": st.booleans(),
        "group": st.booleans(),
    }
)
LOOSER = ("no-force-push", "pull-request", "restricted-push", "restricted-merge", "include-admins")


@given(st.lists(RULE, min_size=1, max_size=3), RULE)
def test_another_rule_never_makes_a_protected_branch_tighter(given_rules: list[Any], more: dict[str, Any]) -> None:
    """Except by being the first that takes it in."""
    before, after = judged({"rules": given_rules}), judged({"rules": [*given_rules, more]})
    if told(before, "protected"):
        for flag in LOOSER:
            assert told(before, flag) or not told(after, flag)
        assert set(told(before, "bypass")) <= set(told(after, "bypass"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["claim"])
def test_a_job_token_shows_less_and_nothing_better(row: dict[str, Any]) -> None:
    """With the list of branches alone every flag is as it was, unknown, or no."""
    whole, less = judged(row), judged({**row, "token": "job"})
    for flag, fact in less.flags.items():
        if isinstance(fact, Known) and fact.value:
            assert whole.flags[flag] == fact, flag
