"""What tests say of the rules on a branch."""

from __future__ import annotations

from typing import Any

from ci_guard.evidence.github.branches import get_branches
from ci_guard.evidence.github.client import Client
from ci_guard.model.branch import BranchRules
from ci_guard.model.fact import Fact, Unknown
from tests.evidence.github.asking import client_of, run_of
from tests.evidence.github.scene import known
from tests.fakes.github import FakeGitHub

INVISIBLE, UNAVAILABLE = "invisible", "unavailable"
"""How a test writes an unknown; True and False are known."""

FLAGS = frozenset(
    {
        "protected",
        "no-force-push",
        "no-deletion",
        "pull-request",
        "dismiss-stale-approvals",
        "last-push-approval",
        "code-owner-review",
        "restricted-dismissal",
        "up-to-date",
        "include-admins",
        "linear-history",
        "signed-commits",
        "resolved-conversations",
        "restricted-push",
        "restricted-merge",
        "restricted-creation",
    }
)
"""Every requirement of the contract that is a yes or a no and not concluded from the required checks."""

ADMINS = {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}


def selected(
    github: FakeGitHub, *entries: str, client: Client | None = None, **run: Any
) -> list[Fact[tuple[BranchRules, ...]]]:
    found = known(get_branches(client or client_of(github), run_of(github, **run), entries))
    assert [selection.entry for selection in found] == list(entries)
    return [selection.branches for selection in found]


def rules_on(github: FakeGitHub, name: str = "main", client: Client | None = None) -> BranchRules:
    (branches,) = selected(github, name, client=client)
    (rules,) = known(branches)
    assert rules.name == name
    assert set(rules.flags) == FLAGS
    return rules


def said(fact: Fact[Any]) -> Any:
    return fact.cause.value if isinstance(fact, Unknown) else fact.value


def flags(rules: BranchRules) -> dict[str, Any]:
    return {name: said(fact) for name, fact in rules.flags.items()}


def approvals(rules: BranchRules) -> tuple[int, str | None]:
    enforced = known(rules.approvals)
    return enforced.value, enforced.hidden.cause.value if enforced.hidden else None


def checks(rules: BranchRules) -> tuple[list[tuple[str, int | None]], str | None]:
    enforced = known(rules.status_checks)
    return [(c.context, c.app_id) for c in enforced.value], enforced.hidden.cause.value if enforced.hidden else None


def bypass(rules: BranchRules) -> list[Any]:
    return [
        fact.cause.value if isinstance(fact, Unknown) else sorted(somebody.name for somebody in fact.value)
        for fact in rules.bypass
    ]
