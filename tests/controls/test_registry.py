"""Every control is a module, registered, declared in full and in the words of the contract."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ci_guard.controls as room
from ci_guard.controls import (
    actor_permissions,
    admission,
    branch_protection,
    guard_integrity,
    required_reviews,
    secret_free,
)
from ci_guard.controls.interface import Control
from ci_guard.controls.registry import CONTROLS
from ci_guard.model.kinds import AllOf, AtLeast, AtLevel, Flag, Kind, NoneBut
from ci_guard.model.meta import Meta, Requirement

FLAG, LEVEL, NUMBER, ALL, NONE = Flag(), AtLevel(), AtLeast(), AllOf(), NoneBut()

CONTRACT: dict[str, dict[str, Kind]] = {
    "branch-protection": {
        "protected": FLAG,
        "no-force-push": FLAG,
        "no-deletion": FLAG,
        "pull-request": FLAG,
        "approvals": NUMBER,
        "dismiss-stale-approvals": FLAG,
        "last-push-approval": FLAG,
        "code-owner-review": FLAG,
        "required-reviewers": ALL,
        "restricted-dismissal": FLAG,
        "status-checks": ALL,
        "up-to-date": FLAG,
        "check-source": FLAG,
        "include-admins": FLAG,
        "no-bypass": NONE,
        "linear-history": FLAG,
        "signed-commits": FLAG,
        "resolved-conversations": FLAG,
        "restricted-push": FLAG,
        "restricted-merge": FLAG,
        "restricted-creation": FLAG,
        "protected-tags": ALL,
    },
    "actor-permissions": {
        "actor": LEVEL,
        "triggering-actor": LEVEL,
        "sender": LEVEL,
        "author": LEVEL,
        "upstream-actor": LEVEL,
        "role": NONE,
        "consistent-identity": FLAG,
    },
    "admission": {"admitted": FLAG},
    "required-reviews": {
        "reviewed-change": FLAG,
        "reviewed-history": FLAG,
        "approvals": NUMBER,
        "independence": FLAG,
        "freshness": FLAG,
        "authority": LEVEL,
        "no-rejection": FLAG,
        "code-owner-review": FLAG,
    },
    "secret-free": {
        "no-secrets": FLAG,
        "no-key-files": FLAG,
        "complete-scan": FLAG,
        "reviewed-suppressions": FLAG,
    },
    "guard-integrity": {
        "policy-source": FLAG,
        "policy-unchanged": NONE,
        "enforced": FLAG,
        "not-weakened": FLAG,
        "version": NONE,
        "clean-environment": FLAG,
        "proven-environment": FLAG,
    },
}
"""Every requirement with its kind, in the order in which it is reported."""

HELPERS = {
    *("__init__", "cited", "deployments", "enforcement", "expressions", "guarded_paths", "holders", "interface"),
    *("judge", "judging", "origins", "own_program", "policy_source", "proven_environment", "registry", "role_approval"),
    *("tally", "wiring", "words"),
}
"""Modules of the room that are no control."""

MODULES: tuple[Control, ...] = (
    branch_protection,
    actor_permissions,
    admission,
    required_reviews,
    secret_free,
    guard_integrity,
)
"""Typed, so that mypy holds each module to what every control offers."""

METAS = [control.META for control in CONTROLS]
REQUIREMENTS = [(meta, requirement) for meta in METAS for requirement in meta.requirements]


def test_the_requirements_are_those_of_the_contract() -> None:
    assert {meta.id: {one.id: one.kind for one in meta.requirements} for meta in METAS} == CONTRACT
    assert [meta.id for meta in METAS] == list(CONTRACT)
    assert [[one.id for one in meta.requirements] for meta in METAS] == [list(ids) for ids in CONTRACT.values()]


def test_whoever_asks_a_control_asks_its_module() -> None:
    assert tuple(control.module for control in CONTROLS) == MODULES
    assert [control.META for control in MODULES] == METAS


def test_every_module_of_the_room_is_a_registered_control_or_a_known_helper() -> None:
    modules = {path.stem for path in Path(room.__file__).parent.glob("*.py")} - HELPERS
    assert modules == {meta.id.replace("-", "_") for meta in METAS}


@pytest.mark.parametrize(
    ("meta", "options"),
    list(zip(METAS, [{"branches"}, {"bots"}, set(), {"branches", "on"}, set(), set()], strict=True)),
)
def test_a_control_takes_the_settings_of_the_contract(meta: Meta, options: set[str]) -> None:
    assert meta.options == options


def test_only_the_scan_needs_no_forge() -> None:
    assert [meta.id for meta in METAS if meta.local] == ["secret-free"]


@pytest.mark.parametrize("pair", REQUIREMENTS, ids=lambda pair: f"{pair[0].id}/{pair[1].id}")
def test_a_requirement_is_explained_in_full(pair: tuple[Meta, Requirement]) -> None:
    _, requirement = pair
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", requirement.id)
    assert requirement.title.rstrip(".") == requirement.title != ""
    for text in (requirement.why, requirement.github, requirement.gitlab):
        assert text.endswith("."), text
        assert "  " not in text
        assert text.count("`") % 2 == 0
    assert re.fullmatch(r"https://[a-z0-9.-]+/[\w./#-]+", requirement.source)
