"""Endpoints: rules of a branch and rulesets."""

from __future__ import annotations

from tests.fakes.hub.router import REPO, ApiError, Context, refuse_on_free_plan, route
from tests.fakes.hub.rules import Rule, Ruleset
from tests.fakes.hub.shapes import Json, node_id


def _rule(rule: Rule) -> Json:
    return {"type": rule.type} if rule.parameters is None else {"type": rule.type, "parameters": rule.parameters}


@route(f"{REPO}/rules/branches/{{branch}}", "metadata")
def rules_of_branch(context: Context) -> list[Json]:
    """GET …/rules/branches/{branch}: active rules of all levels, also for a branch that does not exist."""
    refuse_on_free_plan(context)
    return context.page(
        [
            {
                **_rule(rule),
                "ruleset_source_type": ruleset.source_type,
                "ruleset_source": ruleset.source,
                "ruleset_id": ruleset.id,
            }
            for ruleset, rule in context.repo.rules_of(context.parameters["branch"])
        ]
    )


def _head(context: Context, ruleset: Ruleset) -> Json:
    owner = {"Repository": f"repos/{ruleset.source}", "Organization": f"orgs/{ruleset.source}"}
    home = owner.get(ruleset.source_type, f"enterprises/{ruleset.source}")
    page = f"{context.urls.html}/{ruleset.source}/rules/{ruleset.id}"
    return {
        "id": ruleset.id,
        "name": ruleset.name,
        "target": ruleset.target,
        "source_type": ruleset.source_type,
        "source": ruleset.source,
        "enforcement": ruleset.enforcement,
        "node_id": node_id("RepositoryRuleset", ruleset.id),
        "_links": {"self": {"href": f"{context.urls.api}/{home}/rulesets/{ruleset.id}"}, "html": {"href": page}},
        "created_at": ruleset.created_at,
        "updated_at": ruleset.updated_at,
    }


@route(f"{REPO}/rulesets", "metadata")
def list_rulesets(context: Context) -> list[Json]:
    """GET …/rulesets: heads only, whatever their enforcement; `targets` and `includes_parents` filter."""
    refuse_on_free_plan(context)
    targets = set(filter(None, context.call.query.get("targets", "").split(",")))
    parents = context.call.query.get("includes_parents", "true").lower() != "false"
    return context.page(
        [
            _head(context, ruleset)
            for ruleset in context.repo.rulesets
            if (not targets or ruleset.target in targets) and (parents or ruleset.source_type == "Repository")
        ]
    )


@route(f"{REPO}/rulesets/{{ruleset_id}}", "metadata")
def get_ruleset(context: Context) -> Json:
    """GET …/rulesets/{ruleset_id}; `bypass_actors` only for those who may write it."""
    refuse_on_free_plan(context)
    wanted = context.parameters["ruleset_id"]
    parents = context.call.query.get("includes_parents", "true").lower() != "false"
    for ruleset in context.repo.rulesets:
        if str(ruleset.id) == wanted and (parents or ruleset.source_type == "Repository"):
            return _detail(context, ruleset)
    raise ApiError(404, "Not Found")


def _detail(context: Context, ruleset: Ruleset) -> Json:
    conditions: Json = {"ref_name": {"include": ruleset.include, "exclude": ruleset.exclude}}
    if ruleset.source_type != "Repository":
        conditions["repository_name"] = {"include": ["~ALL"], "exclude": []}
    body = {
        **_head(context, ruleset),
        "conditions": conditions,
        "rules": [_rule(rule) for rule in ruleset.rules],
        "current_user_can_bypass": ruleset.current_user_can_bypass,
    }
    writer = "administration" if ruleset.source_type == "Repository" else "organization_administration"
    if context.may(writer, "write"):
        body["bypass_actors"] = ruleset.bypass_actors
    return body
