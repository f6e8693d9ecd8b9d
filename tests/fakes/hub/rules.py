"""Classic branch protection and rulesets of the fake GitHub."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

RULE_DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    "pull_request": {
        "required_approving_review_count": 1,
        "dismiss_stale_reviews_on_push": False,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_review_thread_resolution": False,
        "allowed_merge_methods": ["merge", "squash", "rebase"],
    },
    "required_status_checks": {
        "strict_required_status_checks_policy": False,
        "do_not_enforce_on_create": False,
        "required_status_checks": [],
    },
    "update": {"update_allows_fetch_and_merge": False},
    "merge_queue": {
        "check_response_timeout_minutes": 60,
        "grouping_strategy": "ALLGREEN",
        "max_entries_to_build": 5,
        "max_entries_to_merge": 5,
        "merge_method": "MERGE",
        "min_entries_to_merge": 1,
        "min_entries_to_merge_wait_minutes": 5,
    },
    "required_deployments": {"required_deployment_environments": []},
    "workflows": {"do_not_enforce_on_create": False, "workflows": []},
    "code_scanning": {"code_scanning_tools": []},
    "commit_message_pattern": {"operator": "starts_with", "pattern": "x"},
    "branch_name_pattern": {"operator": "starts_with", "pattern": "x"},
    "tag_name_pattern": {"operator": "starts_with", "pattern": "v"},
    "file_path_restriction": {"restricted_file_paths": []},
    "file_extension_restriction": {"restricted_file_extensions": []},
    "max_file_size": {"max_file_size": 100},
    "max_file_path_length": {"max_file_path_length": 255},
}


@dataclass(kw_only=True)
class Rule:
    """One rule of a ruleset."""

    type: str
    parameters: dict[str, Any] | None = None


def rule(kind: str, **parameters: Any) -> Rule:
    """
    Return a rule with GitHub's defaults for what is not given.

    Required status checks may be given as `"build"` or `("build", 15368)`, the second bound to an app.
    """
    defaults = RULE_DEFAULTS.get(kind)
    if defaults is None and not parameters:
        return Rule(type=kind)
    merged = {**(defaults or {}), **parameters}
    if kind == "required_status_checks":
        merged["required_status_checks"] = [_check(check) for check in merged["required_status_checks"]]
    return Rule(type=kind, parameters=merged)


def _check(check: Any) -> Any:
    if isinstance(check, str):
        return {"context": check}
    if isinstance(check, tuple):
        return {"context": check[0], "integration_id": check[1]}
    return check


@dataclass(kw_only=True)
class Ruleset:
    """A ruleset as its owner sees it; what a token may not see is left out when it is served."""

    id: int
    name: str
    source: str
    """`owner/name` of the repository, login of the organisation, or slug of the enterprise."""
    source_type: str = "Repository"
    target: str = "branch"
    enforcement: str = "active"
    include: list[str] = field(default_factory=lambda: ["~DEFAULT_BRANCH"])
    exclude: list[str] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    bypass_actors: list[dict[str, Any]] = field(default_factory=list)
    current_user_can_bypass: str = "never"
    created_at: str = "2026-01-01T00:00:00Z"
    updated_at: str = "2026-01-01T00:00:00Z"

    def applies_to(self, ref: str, default_branch: str) -> bool:
        """Tell whether the conditions take in a full ref; an empty include with excludes means all the others."""
        included = any(matches(pattern, ref, default_branch) for pattern in self.include)
        if not self.include and self.exclude:
            included = True
        return included and not any(matches(pattern, ref, default_branch) for pattern in self.exclude)


def matches(pattern: str, ref: str, default_branch: str) -> bool:
    """Match a ruleset condition as GitHub does: Ruby's `File.fnmatch` with `FNM_PATHNAME` on the full ref."""
    if pattern == "~ALL":
        return True
    if pattern == "~DEFAULT_BRANCH":
        return ref == f"refs/heads/{default_branch}"
    return glob(pattern).fullmatch(ref) is not None


@lru_cache(maxsize=1024)
def glob(pattern: str) -> re.Pattern[str]:
    """Translate a pattern: `*` and `?` stop at a slash, `**/` spans directories, `[...]` is a set, `\\` quotes."""
    out = []
    index = 0
    while index < len(pattern):
        char = pattern[index]
        if pattern.startswith("**/", index):
            out.append("(?:[^/]+/)*")
            index += 3
            continue
        if char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif char == "[" and "]" in pattern[index + 2 :]:
            end = pattern.index("]", index + 2)
            body = pattern[index + 1 : end]
            negated = body[0] in "!^"
            chars = re.sub(r"([\\\[\]^])", r"\\\1", body[1:] if negated else body)
            out.append(f"(?!/)[{'^' if negated else ''}{chars}]")
            index = end
        elif char == "\\" and index + 1 < len(pattern):
            index += 1
            out.append(re.escape(pattern[index]))
        else:
            out.append(re.escape(char))
        index += 1
    return re.compile("".join(out), re.DOTALL)


@dataclass(kw_only=True)
class Actors:
    """Who a restriction or an exception names: logins, team slugs and app slugs."""

    users: list[str] = field(default_factory=list)
    teams: list[str] = field(default_factory=list)
    apps: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Check:
    """A required status check; `app_id` None takes it from anybody."""

    context: str
    app_id: int | None = None


@dataclass(kw_only=True)
class Protection:
    """A classic branch protection rule. None for a section means that it is switched off."""

    pattern: str
    approvals: int | None = None
    """`required_pull_request_reviews` is there when this is a number, 0 included."""
    dismiss_stale_reviews: bool = False
    require_code_owner_reviews: bool = False
    require_last_push_approval: bool = False
    dismissal: Actors | None = None
    bypass: Actors | None = None
    checks: list[Check] | None = None
    strict: bool = False
    enforce_admins: bool = False
    restrictions: Actors | None = None
    linear_history: bool = False
    allow_force_pushes: bool = False
    allow_deletions: bool = False
    block_creations: bool = False
    conversation_resolution: bool = False
    lock_branch: bool = False
    allow_fork_syncing: bool = False
    signatures: bool = False

    def applies_to(self, branch: str) -> bool:
        """Tell whether the rule's pattern takes in a branch name."""
        return glob(self.pattern).fullmatch(branch) is not None
