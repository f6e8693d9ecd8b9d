"""Endpoints: accounts, their permission on the repository, team memberships."""

from __future__ import annotations

from tests.fakes.hub.people import LEGACY, WEB_FLOW, WELL_KNOWN, User, permission_flags
from tests.fakes.hub.router import REPO, ApiError, Context, route
from tests.fakes.hub.shapes import Json, node_id, simple_user


@route(f"{REPO}/collaborators/{{username}}/permission", "metadata")
def get_permission(context: Context) -> Json:
    """GET …/collaborators/{username}/permission; never answered to strangers, public repository or not."""
    if context.token is None:
        raise ApiError(401, "Requires authentication")
    login = context.parameters["username"]
    user = context.world.users.get(login.lower())
    if user is None or not user.is_user or user.type == "Organization":
        raise ApiError(404, f"{login} is not a user")
    grant = context.repo.role_of(login)
    return {
        "permission": LEGACY[grant.base],
        "user": {
            **simple_user(user, context.urls),
            "permissions": permission_flags(grant.base),
            "role_name": grant.role,
        },
        "role_name": grant.role,
    }


def _public_user(context: Context, user: User) -> Json:
    return {
        **simple_user(user, context.urls),
        "name": user.name,
        "company": None,
        "blog": "",
        "location": None,
        "email": user.email,
        "hireable": None,
        "bio": None,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": "2020-01-01T00:00:00Z",
        "updated_at": "2020-01-01T00:00:00Z",
    }


@route("/users/{username}")
def get_user(context: Context) -> Json:
    """GET /users/{username}."""
    user = context.world.users.get(context.parameters["username"].lower())
    if user is None:
        raise ApiError(404, "Not Found")
    return _public_user(context, user)


@route("/apps/{app_slug}")
def get_app(context: Context) -> Json:
    """GET /apps/{app_slug}, of which the guard asks for the number that GitHub Actions has here."""
    if context.parameters["app_slug"] != "github-actions":
        raise ApiError(404, "Not Found")
    return {
        "id": context.world.actions_app,
        "slug": "github-actions",
        "node_id": node_id("App", context.world.actions_app),
        "owner": simple_user(WELL_KNOWN[WEB_FLOW], context.urls),
        "name": "GitHub Actions",
        "description": "Automate your workflow from idea to production",
        "external_url": "https://help.github.com/en/actions",
        "html_url": f"{context.urls.html}/apps/github-actions",
        "created_at": "2020-01-01T00:00:00Z",
        "updated_at": "2020-01-01T00:00:00Z",
        "permissions": {"checks": "write"},
        "events": [],
    }


@route("/user/{account_id}")
def get_account(context: Context) -> Json:
    """GET /user/{account_id}."""
    for user in (*context.world.users.values(), *WELL_KNOWN.values()):
        if str(user.id) == context.parameters["account_id"]:
            return _public_user(context, user)
    raise ApiError(404, "Not Found")


@route("/user")
def get_myself(context: Context) -> Json:
    """GET /user: a job's token is nobody."""
    token = context.token
    if token is None:
        raise ApiError(401, "Requires authentication")
    if token.login is None:
        raise ApiError(403, "Resource not accessible by integration")
    return _public_user(context, context.world.user(token.login))


@route("/orgs/{org}/teams/{team_slug}/memberships/{username}", "members")
def get_membership(context: Context) -> Json:
    """GET /orgs/{org}/teams/{team_slug}/memberships/{username}; 404 also where the token may not see the team."""
    organization, slug, login = (context.parameters[name] for name in ("org", "team_slug", "username"))
    for team in context.world.teams:
        if team.slug == slug and team.organization.lower() == organization.lower():
            home = f"{context.urls.api}/organizations/{context.world.user(organization).id}"
            url = f"{home}/team/{team.id}/memberships/{login}"
            if login.lower() in team.pending:
                return {"state": "pending", "role": "member", "url": url}
            if login.lower() in team.members:
                return {"state": "active", "role": team.members[login.lower()], "url": url}
    raise ApiError(404, "Not Found")


@route("/orgs/{org}/teams/{team_slug}/members", "members")
def list_team_members(context: Context) -> list[Json]:
    """GET /orgs/{org}/teams/{team_slug}/members."""
    organization, slug = context.parameters["org"], context.parameters["team_slug"]
    for team in context.world.teams:
        if team.slug == slug and team.organization.lower() == organization.lower():
            return [
                simple_user(context.world.user(login), context.urls) for login in context.page(sorted(team.members))
            ]
    raise ApiError(404, "Not Found")


@route("/orgs/{org}/teams", "members")
def list_teams(context: Context) -> list[Json]:
    """GET /orgs/{org}/teams, of which the rules need number and slug."""
    teams = [team for team in context.world.teams if team.organization == context.parameters["org"]]
    return context.page([{"id": team.id, "slug": team.slug} for team in teams])
