"""Reading no more than it takes: what was left out must not have been able to change an answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ci_guard.controls import branch_protection
from ci_guard.controls.judge import judge
from ci_guard.evidence.github.branches import get_branches
from ci_guard.gate import hold_already
from ci_guard.model.fact import Known, Source
from ci_guard.model.facts import Facts
from ci_guard.model.judgement import Outcome
from ci_guard.model.run import ChangeReference, Event, Run
from ci_guard.model.settings import Settings
from tests.evidence.github.asking import run_of, with_admin
from tests.fakes.github import FakeGitHub, rule
from tests.fakes.hub.repository import Repository
from tests.fakes.hub.rules import Check

ADMINS = {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}
CHECKS = rule("required_status_checks", required_status_checks=[("build", 15368)])


@pytest.fixture
def shop(github: FakeGitHub) -> Repository:
    return github.repository("acme/shop", private=True)


def outcome(github: FakeGitHub, requirement: str, run: Run, entry: str = "default") -> tuple[Outcome, bool]:
    """Return what the gate makes of a requirement, and whether less than all rules were enough for it."""
    value = branch_protection.META.requirement(requirement).kind.parse(True)
    settings = Settings(require={requirement: value}, branches=(entry,))
    asked = [(branch_protection, settings)]
    told: list[bool] = []

    def enough(found: Any) -> bool:
        told.append(hold_already(found, run, asked))
        return told[-1]

    facts = Facts(run=run, branches=get_branches(with_admin(github), run, (entry,), enough))
    (judgement,) = judge(branch_protection, facts, settings)
    return judgement.outcome, told[0]


@pytest.mark.parametrize("requirement", ["no-force-push", "status-checks", "protected"])
def test_what_one_source_enforces_is_enough(github: FakeGitHub, shop: Repository, requirement: str) -> None:
    shop.ruleset("main", rules=[rule("non_fast_forward"), CHECKS])
    shop.protect("main", allow_force_pushes=True)
    assert outcome(github, requirement, run_of(github)) == (Outcome.PASS, True)


@pytest.mark.parametrize(
    ("requirement", "bypass", "classic"),
    [
        ("check-source", [], {"checks": [Check(context="lint")]}),
        ("no-bypass", [ADMINS], {"enforce_admins": True}),
        ("include-admins", [ADMINS], {"enforce_admins": True}),
        ("no-bypass", [], {"enforce_admins": False}),
        ("include-admins", [], {"enforce_admins": False}),
    ],
)
def test_what_every_source_has_to_hold_is_not_concluded_from_one(
    github: FakeGitHub, shop: Repository, requirement: str, bypass: list[Any], classic: dict[str, Any]
) -> None:
    """A check that anybody may report, or somebody who may pass by, is in what was not read yet."""
    shop.ruleset("main", rules=[CHECKS], bypass_actors=bypass)
    shop.protect("main", **classic)
    assert outcome(github, requirement, run_of(github)) == (Outcome.FAIL, False)


def built(github: FakeGitHub, *, default: Source, branch: Source) -> Run:
    return replace(
        run_of(github),
        default_branch=Known(value="gone", source=default),
        branch=Known(value="gone", source=branch),
    )


def test_the_default_branch_that_the_server_says_is_built_need_not_be_asked_for(
    github: FakeGitHub, shop: Repository
) -> None:
    shop.ruleset("all", rules=[rule("deletion")], include=["~ALL"])
    run = replace(run_of(github), branch=Known(value="main", source=Source.API))
    assert outcome(github, "no-deletion", run) == (Outcome.PASS, True)
    assert [call.line for call in github.requests] == ["GET /repos/acme/shop/rules/branches/main"]


@pytest.mark.parametrize("entry", ["default", "gone"])
def test_that_a_branch_exists_is_taken_from_nobody_but_the_server(
    github: FakeGitHub, shop: Repository, entry: str
) -> None:
    """Rules for a name that no branch has protect nothing; the event file, a variable or an old aim may name one."""
    shop.ruleset("all", rules=[rule("deletion")], include=["~ALL"])
    retargeted = ChangeReference(number=1, head="1" * 40, target="gone")
    for run in (
        built(github, default=Source.API, branch=Source.ENV),
        built(github, default=Source.API, branch=Source.EVENT),
        run_of(github, default_branch="gone", event=Event.CHANGE, branch=None, change=retargeted),
    ):
        assert outcome(github, "no-deletion", run, entry) == (Outcome.FAIL, False)
    if entry == "gone":
        run = built(github, default=Source.EVENT, branch=Source.API)
        assert outcome(github, "no-deletion", run, entry) == (Outcome.FAIL, False)
