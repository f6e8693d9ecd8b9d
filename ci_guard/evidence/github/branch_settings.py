"""Where each requirement on a branch is set on GitHub, in GitHub's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ci_guard.evidence.github.protection import RulesetHead
from ci_guard.model.branch import Setting
from ci_guard.model.run import Run

SETTINGS: Final[Mapping[str, str]] = {
    "": "Rulesets",
    "no-force-push": "Block force pushes",
    "no-deletion": "Restrict deletions",
    "pull-request": "Require a pull request before merging",
    "approvals": "Required approvals",
    "dismiss-stale-approvals": "Dismiss stale pull request approvals when new commits are pushed",
    "last-push-approval": "Require approval of the most recent reviewable push",
    "code-owner-review": "Require review from Code Owners",
    "required-reviewers": "Require review from specific teams",
    "restricted-dismissal": "Restrict who can dismiss pull request reviews",
    "status-checks": "Require status checks to pass",
    "up-to-date": "Require branches to be up to date before merging",
    "check-source": "Require status checks to pass, with a source for each check",
    "include-admins": "Bypass list",
    "no-bypass": "Bypass list",
    "linear-history": "Require linear history",
    "signed-commits": "Require signed commits",
    "resolved-conversations": "Require conversation resolution before merging",
    "restricted-push": "Restrict updates",
    "restricted-merge": "Restrict updates",
    "restricted-creation": "Restrict creations",
}
"""GitHub's words, on the page of a ruleset, for what fulfils each requirement."""


def settings_of(run: Run, rulesets: Sequence[RulesetHead], *, classic: bool) -> dict[str, Setting]:
    """Point at a ruleset of the repository that applies already, else at the classic rules where only those apply."""
    page = f"{run.server_url}/{run.repository}/settings"
    own = [head.id for head in rulesets if head.level == "Repository"]
    if own:
        page += f"/rules/{own[0]}"
    else:
        page += "/branches" if classic else "/rules"
    return {requirement: Setting(name=words, url=page) for requirement, words in SETTINGS.items()}
