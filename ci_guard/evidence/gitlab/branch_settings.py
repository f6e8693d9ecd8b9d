"""Where each requirement on a branch is set in GitLab, in GitLab's words, and which plan it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ci_guard.model.branch import Setting
from ci_guard.model.run import Run

PREMIUM: Final = "GitLab Premium or Ultimate"

BRANCHES: Final = "repository#js-protected-branches-settings"
TAGS: Final = "repository#js-protected-tags-settings"
PUSHES: Final = "repository#js-push-rules"
MERGES: Final = "merge_requests"
APPROVALS: Final = "merge_requests#js-merge-request-approval-settings"

SETTINGS: Final[Mapping[str, tuple[str, str, str]]] = {
    "": ("Protected branches", BRANCHES, ""),
    "no-force-push": ("Allowed to force push", BRANCHES, ""),
    "pull-request": ("Allowed to push and merge: No one", BRANCHES, ""),
    "approvals": ("Approval rules", APPROVALS, PREMIUM),
    "dismiss-stale-approvals": ("When a commit is added: Remove all approvals", APPROVALS, PREMIUM),
    "last-push-approval": ("Prevent approvals by users who add commits", APPROVALS, PREMIUM),
    "code-owner-review": ("Code owner approval", BRANCHES, PREMIUM),
    "required-reviewers": ("Approval rules", APPROVALS, PREMIUM),
    "status-checks": ("Pipelines must succeed", MERGES, ""),
    "check-source": ("Pipelines must succeed", MERGES, ""),
    "up-to-date": ("Merge method and Pipelines must succeed", MERGES, ""),
    "include-admins": ("Allowed to push and merge, Allowed to merge", BRANCHES, ""),
    "no-bypass": ("Allowed to push and merge, Allowed to merge", BRANCHES, ""),
    "linear-history": ("Merge method: Fast-forward merge", MERGES, ""),
    "signed-commits": ("Push rules: Reject unsigned commits", PUSHES, PREMIUM),
    "resolved-conversations": ("All threads must be resolved", MERGES, ""),
    "restricted-push": ("Allowed to push and merge", BRANCHES, ""),
    "restricted-merge": ("Allowed to merge", BRANCHES, ""),
    "restricted-creation": ("Allowed to push and merge, Allowed to merge", BRANCHES, ""),
}
"""By requirement: the words of the page, the page, and the plan where not every one offers it."""

FOREIGN: Final[Mapping[str, str]] = {
    "restricted-dismissal": "on GitLab nobody can dismiss another one's request for changes or approval",
}
"""What GitLab has no counterpart of, and why. Source: "Merge request reviews"."""


def settings_of(run: Run) -> dict[str, Setting]:
    """Return where everything is set in the project."""
    return {
        requirement: Setting(name=name, url=address(run, page), plan=plan)
        for requirement, (name, page, plan) in SETTINGS.items()
    }


def address(run: Run, page: str) -> str:
    """Return a page of the project's settings on this instance."""
    return f"{run.server_url}/{run.repository}/-/settings/{page}"
