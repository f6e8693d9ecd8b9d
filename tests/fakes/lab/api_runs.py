"""The job of a job's token, pipelines, accounts, members and the instance itself."""

from __future__ import annotations

from typing import Any

from tests.fakes.lab import shapes
from tests.fakes.lab.router import ALWAYS, PROJECT, REPORTER, Context, Refusal, not_found, route
from tests.fakes.lab.state import DEVELOPER, MAINTAINER, Deployment, Member


@route("/job", job=ALWAYS, level=0)
def job(context: Context) -> Any:
    """Answer the job of the token; another kind of token has none."""
    token = context.token
    if token is None or token.kind != "job":
        raise Refusal(401, "401 Unauthorized")
    for project in context.world.projects.values():
        if token.job in project.jobs:
            return shapes.job(context.world, project, project.jobs[token.job], context.url)
    raise not_found()


@route("/version", level=1)
def version(context: Context) -> Any:
    """Answer the version, to whoever is signed in."""
    major, minor = context.world.version
    return {"version": f"{major}.{minor}.0-ee", "revision": "0000000"}


@route("/users", level=1)
def users(context: Context) -> Any:
    """Answer the accounts of a username, which letter case does not tell apart."""
    wanted = context.call.query.get("username", "").lower()
    found = [one for one in context.world.users.values() if one.username.lower() == wanted]
    return [shapes.user_basic(one, context.url) for one in context.page(found)]


@route("/groups/{group}/members", level=1)
def group_members(context: Context) -> Any:
    """Answer the direct members of a group, by its path."""
    members = context.world.group_members.get(context.parameters["group"])
    if members is None:
        raise not_found("Group")
    held = [Member(username=username, access_level=level) for username, level in members.items()]
    return [shapes.member(context.world, one, context.url, premium=True) for one in context.page(held)]


@route("/groups/{group}/members/all", level=1)
def all_group_members(context: Context) -> Any:
    """Answer the members of a group and of those above it; `user_ids[]` picks some. Of two roles the higher counts."""
    path = context.parameters["group"]
    if path not in context.world.group_members:
        raise not_found("Group")
    levels: dict[str, int] = {}
    for other, members in context.world.group_members.items():
        if path == other or path.startswith(f"{other}/"):
            for username, level in members.items():
                levels[username] = max(level, levels.get(username, 0))
    wanted = {value for name, value in context.call.pairs if name == "user_ids[]"}
    held = [
        Member(username=username, access_level=level)
        for username, level in levels.items()
        if not wanted or str(context.world.users[username].id) in wanted
    ]
    return [shapes.member(context.world, one, context.url, premium=True) for one in context.page(held)]


@route("/users/{user}", level=1)
def user(context: Context) -> Any:
    """Answer an account."""
    number = context.number("user")
    for found in context.world.users.values():
        if found.id == number:
            return shapes.user_full(found, context.url)
    raise not_found("User")


@route(PROJECT, public=True)
def project(context: Context) -> Any:
    """Answer the project, which no job's token is shown."""
    found = context.project
    return {
        "id": found.id,
        "path_with_namespace": found.path,
        "default_branch": found.default_branch if found.branches else None,
        "visibility": found.visibility,
        "namespace": {"id": found.group_id, "kind": "group"},
        "web_url": f"{context.url}/{found.path}",
        "merge_method": "merge",
        "squash_option": "default_off",
        "only_allow_merge_if_pipeline_succeeds": False,
        "only_allow_merge_if_all_discussions_are_resolved": False,
        "allow_merge_on_skipped_pipeline": None,
        **({"approvals_before_merge": 0, "merge_trains_enabled": False} if found.premium else {}),
        **({"only_allow_merge_if_all_status_checks_passed": False} if found.tier == "ultimate" else {}),
        **found.settings,
    }


@route(f"{PROJECT}/pipelines", level=REPORTER)
def pipelines(context: Context) -> Any:
    """List pipelines, newest first, by ref and source."""
    found = [
        made
        for made in reversed(list(context.project.pipelines.values()))
        if context.call.query.get("ref") in (None, made.ref) and context.call.query.get("source") in (None, made.source)
    ]
    return [shapes.pipeline_basic(context.project, made, context.url) for made in context.page(found)]


@route(f"{PROJECT}/pipelines/{{pipeline}}/jobs", level=REPORTER)
def jobs_of_pipeline(context: Context) -> Any:
    """List the jobs of a pipeline that ended in a way."""
    jobs = [job for job in context.project.jobs.values() if job.pipeline.id == context.number("pipeline")]
    wanted = context.call.query.get("scope[]")
    shown = [shapes.job(context.world, context.project, job, context.url) for job in jobs]
    return [one for one in context.page(shown) if wanted in (None, one["status"])]


@route(f"{PROJECT}/pipelines/{{pipeline}}", level=REPORTER)
def pipeline(context: Context) -> Any:
    """Answer a pipeline."""
    found = context.project.pipelines.get(context.number("pipeline"))
    if found is None:
        raise not_found()
    return shapes.pipeline(context.world, context.project, found, context.url)


@route(f"{PROJECT}/pipelines/{{pipeline}}/variables", level=DEVELOPER)
def pipeline_variables(context: Context) -> Any:
    """Answer the variables that whoever started a pipeline gave: to them, and to Maintainers."""
    found = context.project.pipelines.get(context.number("pipeline"))
    if found is None:
        raise not_found()
    mine = context.viewer is not None and context.viewer.username == found.user
    if context.level < MAINTAINER and not mine:
        raise Refusal(403, "403 Forbidden")
    return [
        {"variable_type": "env_var", "key": key, "value": value, "raw": False}
        for key, value in context.page(list(found.variables.items()))
    ]


@route(f"{PROJECT}/deployments", job=ALWAYS, level=REPORTER)
def deployments(context: Context) -> Any:
    """Answer the deployments, of one environment or touched since where the query says so; oldest first by default."""
    query, project = context.call.query, context.project
    by, since = query.get("order_by", "id"), query.get("updated_after")
    if since is not None and by != "updated_at":
        raise Refusal(400, "400 Bad request - `updated_at` filter and `updated_at` sorting must be paired")
    found = [
        each
        for each in project.deployments
        if query.get("environment", each.environment) == each.environment and each.updated_at[:19] >= (since or "")[:19]
    ]
    found.sort(
        key=lambda each: (each.updated_at if by == "updated_at" else "", each.id), reverse=query.get("sort") == "desc"
    )
    return [shapes.deployment(context.world, project, each, context.url) for each in context.page(found)]


@route(f"{PROJECT}/deployments/{{deployment}}", job=ALWAYS, level=REPORTER)
def deployment(context: Context) -> Any:
    """Answer a deployment; on Premium with who has approved it."""
    number = context.number("deployment")
    for found in context.project.deployments:
        if found.id == number:
            body = shapes.deployment(context.world, context.project, found, context.url)
            if not context.project.premium:
                return body
            return {**body, "pending_approval_count": 0, "approvals": _approvals(context, found)}
    raise not_found()


def _approvals(context: Context, found: Deployment) -> list[dict[str, Any]]:
    return [
        {
            "user": shapes.user_basic(context.world.user(each.username), context.url),
            "status": each.status,
            "created_at": each.created_at,
            "comment": each.comment,
        }
        for each in found.approvals
    ]


@route(f"{PROJECT}/members/all")
def members(context: Context) -> Any:
    """Answer the members, those of groups above included; `user_ids[]` picks some."""
    wanted = {value for name, value in context.call.pairs if name == "user_ids[]"}
    found = [
        held
        for held in context.project.members.values()
        if not wanted or str(context.world.users[held.username].id) in wanted
    ]
    premium = context.project.premium
    return [shapes.member(context.world, held, context.url, premium=premium) for held in context.page(found)]


@route(f"{PROJECT}/members/all/{{user}}")
def member(context: Context) -> Any:
    """Answer one member."""
    number = context.number("user")
    for held in context.project.members.values():
        if context.world.users[held.username].id == number:
            return shapes.member(context.world, held, context.url, premium=context.project.premium)
    raise not_found()


@route(f"{PROJECT}/environments", job=ALWAYS, level=REPORTER)
def environments(context: Context) -> Any:
    """Answer the environments."""
    return context.page(context.project.environments)


@route(f"{PROJECT}/protected_environments", level=DEVELOPER, tier="premium")
def protected_environments(context: Context) -> Any:
    """Answer the rules about environments, of Premium."""
    return context.page(context.project.protected_environments)
