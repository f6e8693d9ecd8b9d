"""Merge requests, their notes and approvals."""

from __future__ import annotations

from typing import Any

from tests.fakes.lab import shapes
from tests.fakes.lab.router import JOB_18_3, PROJECT, REPORTER, Context, not_found, route
from tests.fakes.lab.state import MergeRequest

CHANGE = f"{PROJECT}/merge_requests/{{iid}}"


@route(f"{PROJECT}/merge_requests", job=JOB_18_3, level=REPORTER, public=True)
def merge_requests(context: Context) -> Any:
    """Answer the merge requests, newest first; what the query says of them picks some."""
    query = context.call.query
    found = [
        mr
        for mr in reversed(context.project.merge_requests.values())
        if query.get("state", "all") in ("all", mr.state)
        and query.get("target_branch", mr.target_branch) == mr.target_branch
        and query.get("source_branch", mr.source_branch) == mr.source_branch
        and all(name in mr.labels for name in query.get("labels", "").split(",") if name)
        and mr.updated_at >= query.get("updated_after", "")
    ]
    return [shapes.merge_request(context.world, context.project, mr, context.url) for mr in context.page(found)]


@route(CHANGE, job=JOB_18_3, level=REPORTER, public=True)
def merge_request(context: Context) -> Any:
    """Answer a merge request."""
    return shapes.merge_request_full(context.world, context.project, _mr(context), context.viewer, context.url)


@route(f"{CHANGE}/notes", job=JOB_18_3, level=REPORTER, public=True)
def notes(context: Context) -> Any:
    """Answer the notes, newest first unless `sort=asc`; `activity_filter` picks comments or GitLab's own."""
    query, mr = context.call.query, _mr(context)
    kept = {"only_activity": (True,), "only_comments": (False,)}.get(query.get("activity_filter", ""), (True, False))
    found = [said for said in mr.notes if said.system in kept]
    ordered = sorted(found, key=lambda said: (said.created_at, said.id), reverse=query.get("sort", "desc") != "asc")
    return [shapes.note(context.world, mr, said, context.url) for said in context.page(ordered)]


@route(f"{CHANGE}/resource_label_events", level=REPORTER)
def label_events(context: Context) -> Any:
    """Answer which label was put there or taken off, by whom and when; no job's token is shown it, nor a stranger."""
    mr = _mr(context)
    return [
        {
            "id": event.id,
            "user": shapes.user_basic(context.world.user(event.username), context.url),
            "created_at": event.created_at,
            "resource_type": "MergeRequest",
            "resource_id": mr.id,
            "label": event.label
            and {"id": 7, "name": event.label, "color": "#34495E", "description": "", "description_html": ""},
            "action": event.action,
        }
        for event in context.page(mr.label_events)
    ]


@route(f"{CHANGE}/commits", level=REPORTER, public=True)
def commits(context: Context) -> Any:
    """Answer the commits, newest first; no job's token is shown them."""
    project = context.project
    found = [project.commits[sha] for sha in reversed(_mr(context).commits)]
    return [shapes.commit(made, f"{context.url}/{project.path}") for made in context.page(found)]


@route(f"{CHANGE}/versions", level=REPORTER, public=True)
def versions(context: Context) -> Any:
    """Answer every head that the merge request had, newest first; no job's token is shown them."""
    mr = _mr(context)
    numbered = list(enumerate(mr.versions, 1))
    return [
        {
            "id": number,
            "head_commit_sha": head,
            "base_commit_sha": mr.base_sha,
            "start_commit_sha": mr.start_sha,
            "created_at": at,
            "merge_request_id": mr.id,
            "state": "collected",
            "real_size": "1",
        }
        for number, (head, at) in context.page(list(reversed(numbered)))
    ]


@route(f"{CHANGE}/diffs", level=REPORTER, public=True)
def diffs(context: Context) -> Any:
    """Answer what the merge request changes; no job's token is shown it."""
    mr, commits = _mr(context), context.project.commits
    before, after = commits[mr.base_sha].tree, commits[mr.sha].tree
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    return [{"old_path": path, "new_path": path, "diff": ""} for path in context.page(changed)]


@route(f"{CHANGE}/approvals", level=REPORTER, public=True)
def approvals(context: Context) -> Any:
    """Answer who has approved; on Premium also what is required."""
    mr, project = _mr(context), context.project
    body = {
        "user_has_approved": False,
        "user_can_approve": False,
        "approved": bool(mr.approvals),
        "approved_by": [
            {"user": shapes.user_basic(context.world.user(one.username), context.url), "approved_at": one.at}
            for one in mr.approvals
        ],
    }
    if not project.premium:
        return body
    required = max((rule.get("approvals_required", 0) for rule in project.approval_rules), default=0)
    left = max(0, required - len(mr.approvals))
    return {
        **{
            key: value
            for key, value in shapes.merge_request(context.world, project, mr, context.url).items()
            if key in MERGE_KEYS
        },
        **body,
        "approved": not left,
        "approvals_required": required,
        "approvals_left": left,
        "approval_rules_left": [],
        "has_approval_rules": bool(project.approval_rules),
    }


MERGE_KEYS = frozenset(
    {"id", "iid", "project_id", "title", "description", "state", "created_at", "updated_at", "merge_status"}
)


@route(f"{CHANGE}/approval_state", level=REPORTER, tier="premium")
def approval_state(context: Context) -> Any:
    """Answer the state of each approval rule, of Premium."""
    mr = _mr(context)
    rules = [
        {**rule, "approved": len(mr.approvals) >= rule["approvals_required"]} for rule in context.project.approval_rules
    ]
    return {"approval_rules_overwritten": False, "rules": rules}


def _mr(context: Context) -> MergeRequest:
    found = context.project.merge_requests.get(context.number("iid"))
    if found is None:
        raise not_found()
    return found
