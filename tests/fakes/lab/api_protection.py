"""Rules on branches and tags, push rules and approval settings: nothing of it for a job's token."""

from __future__ import annotations

from typing import Any

from tests.fakes.lab import shapes
from tests.fakes.lab.router import PROJECT, REPORTER, Context, not_found, route
from tests.fakes.lab.state import MAINTAINER


@route(f"{PROJECT}/protected_branches", level=REPORTER)
def protected_branches(context: Context) -> Any:
    """Answer every rule on branches."""
    premium = context.project.premium
    return [shapes.protected_branch(rule, premium=premium) for rule in context.page(context.project.protected_branches)]


@route("/groups/{group}/protected_branches", level=1)
def group_protected_branches(context: Context) -> Any:
    """Answer the rules of a group."""
    return context.page(context.world.group_rules.get(context.number("group"), []))


@route(f"{PROJECT}/protected_tags", level=REPORTER)
def protected_tags(context: Context) -> Any:
    """Answer every rule on tags."""
    premium = context.project.premium
    return [
        {"name": rule.name, "create_access_levels": shapes.levels(rule.create, premium=premium)}
        for rule in context.page(context.project.protected_tags)
    ]


@route(f"{PROJECT}/push_rule", level=MAINTAINER, tier="premium")
def push_rule(context: Context) -> Any:
    """Answer the push rules, of Premium; `null` where there are none."""
    return context.project.push_rule


@route(f"{PROJECT}/approvals", level=REPORTER, tier="premium")
def approval_settings(context: Context) -> Any:
    """Answer how approvals work in the project, of Premium."""
    return {
        "approvals_before_merge": 0,
        "reset_approvals_on_push": True,
        "selective_code_owner_removals": False,
        "disable_overriding_approvers_per_merge_request": False,
        "merge_requests_author_approval": False,
        "merge_requests_disable_committers_approval": False,
        "require_password_to_approve": False,
        **context.project.approval_settings,
    }


@route(f"{PROJECT}/approval_rules", level=REPORTER, tier="premium")
def approval_rules(context: Context) -> Any:
    """Answer the approval rules, of Premium."""
    return context.page(context.project.approval_rules)


@route(f"{PROJECT}/external_status_checks", level=MAINTAINER, tier="ultimate")
def external_status_checks(context: Context) -> Any:
    """Answer the external status checks, of Ultimate."""
    return context.page(context.project.status_checks)


@route(f"{PROJECT}/merge_request_approval_setting", level=MAINTAINER, tier="premium")
def merge_request_approval_setting(context: Context) -> Any:
    """Answer approval settings with where they come from, of Premium."""
    if not context.project.approval_settings:
        raise not_found()
    return {
        key: {"value": value, "locked": False, "inherited_from": None}
        for key, value in context.project.approval_settings.items()
    }
