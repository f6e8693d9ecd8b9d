"""What a project asks before a merge: its settings, approval rules and push rules. Pure: answers in, facts out."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

from ci_guard.evidence.gitlab.rules import takes_in
from ci_guard.evidence.rest.shape import ShapeError, boolean, integer, optional, records, text
from ci_guard.model.branch import StatusCheck
from ci_guard.records import dataclass

PIPELINE: Final = "pipeline"
"""How a policy's `status-checks` names that the pipeline as a whole must succeed."""

ALWAYS_UP_TO_DATE: Final = frozenset({"ff", "rebase_merge"})
"""Merge methods that take a source branch only when it has all of its target. Source: "Merge methods"."""
METHODS: Final = ALWAYS_UP_TO_DATE | {"merge"}

COUNTED: Final = frozenset({"regular", "any_approver"})
"""Approval rules that ask of every merge request; reports and code owners ask of some."""


class Plan(Enum):
    """What GitLab sells, in rising order."""

    FREE = "Free"
    PREMIUM = "Premium"
    ULTIMATE = "Ultimate"

    @property
    def has_approval_rules(self) -> bool:
        """Whether approvals can be required."""
        return self is not Plan.FREE


FROM_PREMIUM: Final = ("approvals_before_merge", "merge_pipelines_enabled", "merge_trains_enabled")
FROM_ULTIMATE: Final = ("only_allow_merge_if_all_status_checks_passed",)
"""Keys of a project that only these plans have. Source: Projects API, "Retrieve a project", attributes by plan."""


@dataclass(frozen=True, kw_only=True)
class ProjectSettings:
    """What a project says of how it merges."""

    plan: Plan
    pipeline_required: bool
    skipped_counts: bool
    """Whether a skipped pipeline is as good as one that succeeded: `[skip ci]` in a message is enough then."""
    discussions_resolved: bool
    merge_method: str
    external_checks_required: bool

    @property
    def needs_pipeline(self) -> bool:
        """Whether no merge gets by without a successful pipeline."""
        return self.pipeline_required and not self.skipped_counts

    @property
    def up_to_date(self) -> bool:
        """Whether what is merged was tested together with its target; without a required pipeline nothing was."""
        return self.merge_method in ALWAYS_UP_TO_DATE and self.needs_pipeline


@dataclass(frozen=True, kw_only=True)
class ApprovalSettings:
    """How approvals work in a project."""

    resets_on_push: bool
    bars_committers: bool
    rules_fixed: bool
    """Whether a merge request cannot change the rules that it is under."""


@dataclass(frozen=True, kw_only=True)
class ApprovalRule:
    """A rule that asks for approvals."""

    wanted: int
    groups: frozenset[str]
    """Groups that approve by it, each by path, full path and number."""
    branches: frozenset[str] | None
    """Names of the protected branches that it is about; None for all branches."""
    all_protected: bool

    def applies(self, branch: str, *, protected: bool) -> bool:
        """Tell whether merge requests into a branch are under it."""
        if self.all_protected:
            return protected
        return self.branches is None or any(takes_in(name, branch) for name in self.branches)


def parse_project(value: Any) -> ProjectSettings:
    """Read a `Project`."""
    method = text(value, "merge_method")
    if method not in METHODS:
        raise ShapeError("'merge_method' is none that a project has")
    paid = any(key in value for key in FROM_PREMIUM)
    return ProjectSettings(
        plan=Plan.ULTIMATE if any(key in value for key in FROM_ULTIMATE) else Plan.PREMIUM if paid else Plan.FREE,
        pipeline_required=boolean(value, "only_allow_merge_if_pipeline_succeeds"),
        # Null stands for the default, which is no. Source: Projects API.
        skipped_counts=optional(value, "allow_merge_on_skipped_pipeline", boolean) or False,
        discussions_resolved=boolean(value, "only_allow_merge_if_all_discussions_are_resolved"),
        merge_method=method,
        external_checks_required=optional(value, FROM_ULTIMATE[0], boolean) or False,
    )


def parse_approval_settings(value: Any) -> ApprovalSettings:
    """Read the answer of `GET /projects/:id/approvals`."""
    return ApprovalSettings(
        resets_on_push=boolean(value, "reset_approvals_on_push"),
        bars_committers=boolean(value, "merge_requests_disable_committers_approval"),
        rules_fixed=boolean(value, "disable_overriding_approvers_per_merge_request"),
    )


def parse_approval_rules(values: Sequence[Any]) -> tuple[ApprovalRule, ...]:
    """Read the answer of `GET /projects/:id/approval_rules`."""
    return tuple(_approval_rule(value) for value in values if text(value, "rule_type") in COUNTED)


def _approval_rule(value: Any) -> ApprovalRule:
    names = frozenset(text(branch, "name") for branch in optional(value, "protected_branches", records) or [])
    groups = optional(value, "groups", records) or []
    spelled = {
        name for group in groups for name in (text(group, "path"), text(group, "full_path"), str(integer(group, "id")))
    }
    return ApprovalRule(
        wanted=integer(value, "approvals_required"),
        groups=frozenset(spelled),
        branches=names or None,
        all_protected=optional(value, "applies_to_all_protected_branches", boolean) or False,
    )


def external_checks(values: Sequence[Any], branch: str) -> tuple[StatusCheck, ...]:
    """Return the external status checks for a branch, each bound to its service. Source: External status checks API."""
    found = []
    for value in values:
        names = [text(one, "name") for one in optional(value, "protected_branches", records) or []]
        if not names or any(takes_in(name, branch) for name in names):
            found.append(StatusCheck(context=text(value, "name"), app_id=integer(value, "id")))
    return tuple(found)


def parse_push_rule(value: Any) -> bool:
    """Tell whether unsigned commits are refused; null is a project without push rules. Source: Push rules API."""
    return value is not None and (optional(value, "reject_unsigned_commits", boolean) or False)
