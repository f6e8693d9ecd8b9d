"""Endpoints: classic branch protection, for administrators only."""

from __future__ import annotations

from tests.fakes.hub.api_repository import branch_name
from tests.fakes.hub.people import permission_flags
from tests.fakes.hub.router import REPO, ApiError, Context, encoded, refuse_on_free_plan, route
from tests.fakes.hub.rules import Actors, Protection
from tests.fakes.hub.shapes import Json, account, node_id


def _protection(context: Context) -> tuple[Protection, str]:
    refuse_on_free_plan(context)
    name = branch_name(context)
    protection = context.repo.protection_of(name)
    if protection is None:
        raise ApiError(404, "Branch not protected")
    return protection, f"{context.repo_url}/branches/{encoded(name)}/protection"


@route(f"{REPO}/branches/{{branch}}/protection", "administration")
def get_protection(context: Context) -> Json:
    """GET …/branches/{branch}/protection; sections that are off are absent."""
    protection, url = _protection(context)
    body: Json = {
        "url": url,
        "required_signatures": _signatures(protection, url),
        "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": protection.enforce_admins},
        "required_linear_history": {"enabled": protection.linear_history},
        "allow_force_pushes": {"enabled": protection.allow_force_pushes},
        "allow_deletions": {"enabled": protection.allow_deletions},
        # Creation can only be blocked where pushes are restricted; GitHub answers false otherwise.
        "block_creations": {"enabled": protection.block_creations and protection.restrictions is not None},
        "required_conversation_resolution": {"enabled": protection.conversation_resolution},
        "lock_branch": {"enabled": protection.lock_branch},
        "allow_fork_syncing": {"enabled": protection.allow_fork_syncing},
    }
    if protection.checks is not None:
        body["required_status_checks"] = _checks(protection, url)
    if protection.approvals is not None:
        body["required_pull_request_reviews"] = _reviews(context, protection, url)
    if protection.restrictions is not None:
        body["restrictions"] = _restrictions(context, protection.restrictions, url)
    return body


@route(f"{REPO}/branches/{{branch}}/protection/enforce_admins", "administration")
def get_enforce_admins(context: Context) -> Json:
    """GET …/protection/enforce_admins."""
    protection, url = _protection(context)
    return {"url": f"{url}/enforce_admins", "enabled": protection.enforce_admins}


@route(f"{REPO}/branches/{{branch}}/protection/required_signatures", "administration")
def get_signatures(context: Context) -> Json:
    """GET …/protection/required_signatures."""
    return _signatures(*_protection(context))


@route(f"{REPO}/branches/{{branch}}/protection/required_status_checks", "administration")
def get_checks(context: Context) -> Json:
    """GET …/protection/required_status_checks."""
    protection, url = _protection(context)
    if protection.checks is None:
        raise ApiError(404, "Required status checks not enabled")
    return _checks(protection, url)


@route(f"{REPO}/branches/{{branch}}/protection/required_pull_request_reviews", "administration")
def get_review_protection(context: Context) -> Json:
    """GET …/protection/required_pull_request_reviews."""
    protection, url = _protection(context)
    if protection.approvals is None:
        raise ApiError(404, "Pull request reviews not enabled")
    return _reviews(context, protection, url)


@route(f"{REPO}/branches/{{branch}}/protection/restrictions", "administration")
def get_restrictions(context: Context) -> Json:
    """GET …/protection/restrictions."""
    protection, url = _protection(context)
    if protection.restrictions is None:
        raise ApiError(404, "Push restrictions not enabled")
    return _restrictions(context, protection.restrictions, url)


def _signatures(protection: Protection, url: str) -> Json:
    return {"url": f"{url}/required_signatures", "enabled": protection.signatures}


def _checks(protection: Protection, url: str) -> Json:
    checks = protection.checks or []
    return {
        "url": f"{url}/required_status_checks",
        "strict": protection.strict,
        "contexts": [check.context for check in checks],
        "contexts_url": f"{url}/required_status_checks/contexts",
        "checks": [{"context": check.context, "app_id": check.app_id} for check in checks],
    }


def _reviews(context: Context, protection: Protection, url: str) -> Json:
    body: Json = {
        "url": f"{url}/required_pull_request_reviews",
        "dismiss_stale_reviews": protection.dismiss_stale_reviews,
        "require_code_owner_reviews": protection.require_code_owner_reviews,
        "require_last_push_approval": protection.require_last_push_approval,
        "required_approving_review_count": protection.approvals,
    }
    if protection.dismissal is not None:
        links = {"url": f"{url}/dismissal_restrictions"}
        links |= {f"{kind}_url": f"{url}/dismissal_restrictions/{kind}" for kind in ("users", "teams")}
        body["dismissal_restrictions"] = links | _actors(context, protection.dismissal)
    if protection.bypass is not None:
        body["bypass_pull_request_allowances"] = _actors(context, protection.bypass)
    return body


def _restrictions(context: Context, actors: Actors, url: str) -> Json:
    links = {"url": f"{url}/restrictions"}
    links |= {f"{kind}_url": f"{url}/restrictions/{kind}" for kind in ("users", "teams", "apps")}
    return links | _actors(context, actors)


def _actors(context: Context, actors: Actors) -> Json:
    return {
        "users": [account(context.world, login, context.urls) for login in actors.users],
        "teams": [_team(context, slug) for slug in actors.teams],
        "apps": [_app(context, slug) for slug in actors.apps],
    }


def _team(context: Context, slug: str) -> Json:
    organization = context.repo.owner
    team = context.world.team(organization, slug)
    url = f"{context.urls.api}/orgs/{organization}/teams/{slug}"
    return {
        "id": team.id,
        "node_id": node_id("Team", team.id),
        "name": slug,
        "slug": slug,
        "description": None,
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "permission": "push",
        "permissions": permission_flags("write"),
        "url": url,
        "html_url": f"{context.urls.html}/orgs/{organization}/teams/{slug}",
        "members_url": f"{url}/members{{/member}}",
        "repositories_url": f"{url}/repos",
        "parent": None,
        "type": "organization",
        "organization_id": context.world.user(organization).id,
    }


def _app(context: Context, slug: str) -> Json:
    bot = context.world.user(f"{slug}[bot]")
    return {
        "id": bot.id,
        "slug": slug,
        "node_id": node_id("App", bot.id),
        "owner": account(context.world, context.repo.owner, context.urls),
        "name": slug,
        "description": "",
        "external_url": f"{context.urls.html}/apps/{slug}",
        "html_url": f"{context.urls.html}/apps/{slug}",
        "created_at": context.repo.created_at,
        "updated_at": context.repo.created_at,
        "permissions": {"contents": "write"},
        "events": ["push"],
    }
