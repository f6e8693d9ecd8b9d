"""Each flag of a branch by each source that can prove it: what a job's token concludes, and a stronger one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.evidence.github.asking import with_admin
from tests.evidence.github.branch_words import INVISIBLE, UNAVAILABLE, flags, rules_on
from tests.fakes.github import FakeGitHub, rule
from tests.fakes.hub.repository import Repository
from tests.fakes.hub.rules import Actors


@pytest.fixture
def shop(github: FakeGitHub) -> Repository:
    return github.repository("acme/shop", private=True)


@dataclass(frozen=True)
class Case:
    """A state of the repository and what each token may conclude from it about some flags."""

    state: Callable[[Repository], object]
    job: dict[str, Any] = field(default_factory=dict)
    """By flag, with the job's token alone."""
    admin: dict[str, Any] = field(default_factory=dict)
    """By flag, with an administrator's token beside it."""


def by_rule(*rules: Any) -> Callable[[Repository], object]:
    return lambda repo: repo.ruleset(rules=rules)


def by_classic(**settings: Any) -> Callable[[Repository], object]:
    return lambda repo: repo.protect("main", **settings)


def ruled(flag: str, *rules: Any) -> Case:
    """A rule of a ruleset proves it to every token."""
    return Case(by_rule(*rules), {"protected": True, flag: True}, {"protected": True, flag: True})


def classic(flag: str, **settings: Any) -> Case:
    """A classic setting is hidden from a job's token."""
    return Case(by_classic(**settings), {"protected": True, flag: INVISIBLE}, {"protected": True, flag: True})


def classic_off(flag: str, **settings: Any) -> Case:
    return Case(by_classic(**settings), {"protected": True, flag: INVISIBLE}, {"protected": True, flag: False})


NOBODY = Actors()

CASES: dict[str, Case] = {
    "deletion rule": ruled("no-deletion", "deletion"),
    "force push rule": ruled("no-force-push", "non_fast_forward"),
    "linear history rule": ruled("linear-history", "required_linear_history"),
    "signatures rule": ruled("signed-commits", "required_signatures"),
    "creation rule": ruled("restricted-creation", "creation"),
    "update rule restricts pushes": ruled("restricted-push", rule("update")),
    "update rule restricts merges": ruled("restricted-merge", rule("update")),
    "pull request rule": ruled("pull-request", rule("pull_request", required_approving_review_count=0)),
    "pull request rule restricts pushes": ruled("restricted-push", rule("pull_request")),
    "stale reviews rule": ruled("dismiss-stale-approvals", rule("pull_request", dismiss_stale_reviews_on_push=True)),
    "last push rule": ruled("last-push-approval", rule("pull_request", require_last_push_approval=True)),
    "code owners rule": ruled("code-owner-review", rule("pull_request", require_code_owner_review=True)),
    "conversations rule": ruled("resolved-conversations", rule("pull_request", required_review_thread_resolution=True)),
    "dismissal rule": ruled(
        "restricted-dismissal",
        rule("pull_request", dismissal_restriction={"enabled": True, "allowed_actors": []}),
    ),
    "strict checks rule": ruled(
        "up-to-date",
        rule("required_status_checks", required_status_checks=["build"], strict_required_status_checks_policy=True),
    ),
    "strict without a check binds nothing": Case(
        by_rule(rule("required_status_checks", strict_required_status_checks_policy=True)),
        {"protected": True, "up-to-date": INVISIBLE},
        {"up-to-date": False},
    ),
    "dismissal that is switched off": Case(
        by_rule(rule("pull_request", dismissal_restriction={"enabled": False, "allowed_actors": []})),
        {"restricted-dismissal": INVISIBLE},
        {"restricted-dismissal": False},
    ),
    "a rule about something else": Case(
        by_rule(rule("max_file_size")),
        {"protected": True, "no-deletion": INVISIBLE, "pull-request": INVISIBLE},
        {"protected": True, "no-deletion": False, "pull-request": False},
    ),
    "a merge queue is no restriction of pushes": Case(
        by_rule(rule("merge_queue")), {"restricted-push": INVISIBLE}, {"restricted-push": False}
    ),
    "classic deletions": classic("no-deletion"),
    "classic deletions allowed": classic_off("no-deletion", allow_deletions=True),
    "classic force pushes": classic("no-force-push"),
    "classic force pushes allowed": classic_off("no-force-push", allow_force_pushes=True),
    "classic linear history": classic("linear-history", linear_history=True),
    "classic signatures": classic("signed-commits", signatures=True),
    "classic conversations": classic("resolved-conversations", conversation_resolution=True),
    "classic reviews": classic("pull-request", approvals=0),
    "classic without reviews": classic_off("pull-request"),
    "classic stale reviews": classic("dismiss-stale-approvals", approvals=1, dismiss_stale_reviews=True),
    "classic last push": classic("last-push-approval", approvals=1, require_last_push_approval=True),
    "classic code owners": classic("code-owner-review", approvals=1, require_code_owner_reviews=True),
    "classic dismissal": classic("restricted-dismissal", approvals=1, dismissal=NOBODY),
    "classic strict": classic("up-to-date", checks=["build"], strict=True),
    "classic strict without a check": classic_off("up-to-date", checks=[], strict=True),
    "classic restrictions restrict pushes": classic("restricted-push", restrictions=NOBODY),
    "classic restrictions restrict merges": classic("restricted-merge", restrictions=NOBODY),
    "classic lock restricts pushes": classic("restricted-push", lock_branch=True),
    "classic lock restricts merges": classic("restricted-merge", lock_branch=True),
    "classic reviews bind administrators": classic("restricted-push", approvals=1, enforce_admins=True),
    "classic reviews leave administrators free": classic_off("restricted-push", approvals=1),
    "classic creations": classic("restricted-creation", block_creations=True, restrictions=NOBODY),
    "classic creations fall back without restrictions": classic_off("restricted-creation", block_creations=True),
    "classic administrators": classic("include-admins", enforce_admins=True),
    "classic administrators left out": classic_off("include-admins"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_jobs_token_concludes_what_it_sees(github: FakeGitHub, shop: Repository, case: str) -> None:
    CASES[case].state(shop)
    found = flags(rules_on(github))
    assert {name: found[name] for name in CASES[case].job} == CASES[case].job


@pytest.mark.parametrize("case", CASES)
def test_a_stronger_token_turns_unknowns_into_answers(github: FakeGitHub, shop: Repository, case: str) -> None:
    CASES[case].state(shop)
    found = flags(rules_on(github, client=with_admin(github)))
    assert {name: found[name] for name in CASES[case].admin} == CASES[case].admin
    assert not {name for name, fact in found.items() if fact in (INVISIBLE, UNAVAILABLE)}


# 2.1, line by line
