"""Endpoints: commits, the pull requests of a commit, comparison, the activity log, CODEOWNERS errors."""

from __future__ import annotations

import base64
import re

from tests.fakes.hub.api_pulls import pull_body
from tests.fakes.hub.history import Commit, ancestors, between, merge_base
from tests.fakes.hub.pulls import Pull
from tests.fakes.hub.repository import Repository
from tests.fakes.hub.router import REPO, ApiError, Context, encoded, route
from tests.fakes.hub.shapes import Json, account, changed_files, commit_body, node_id

ACTIVITY_TYPES = ("push", "force_push", "branch_deletion", "branch_creation", "pr_merge", "merge_queue_merge")


def resolve(repo: Repository, ref: str) -> Commit | None:
    """Return the commit of a branch, a tag, a full or partly given ref, or a sha of at least seven digits."""
    name = ref.removeprefix("refs/")
    if name.startswith("heads/") and name[6:] in repo.branches:
        return repo.commits.get(repo.branches[name[6:]])
    if name.startswith("tags/") and name[5:] in repo.tags:
        return repo.commits.get(repo.tags[name[5:]].target)
    if ref in repo.branches:
        return repo.commits.get(repo.branches[ref])
    if ref in repo.tags:
        return repo.commits.get(repo.tags[ref].target)
    if re.fullmatch(r"[0-9a-f]{7,40}", ref):
        return next((commit for sha, commit in repo.commits.items() if sha.startswith(ref)), None)
    return None


def _commit(context: Context, ref: str) -> Commit:
    if not context.repo.commits:
        raise ApiError(409, "Git Repository is empty.")
    found = resolve(context.repo, ref)
    if found is None:
        raise ApiError(422, f"No commit found for SHA: {ref}")
    return found


@route(f"{REPO}/commits/{{ref}}", "contents")
def get_commit(context: Context) -> Json:
    """GET …/commits/{ref}, with its files."""
    commit = _commit(context, context.parameters["ref"])
    return commit_body(context.repo, commit, context.urls, detailed=True)


@route(f"{REPO}/commits/{{commit_sha}}/pulls", "pull_requests")
def pulls_of_commit(context: Context) -> list[Json]:
    """
    GET …/commits/{commit_sha}/pulls.

    For a commit on the default branch: the merged pull request that introduced it. For any other: the open and
    merged ones that contain it.
    """
    repo = context.repo
    sha = _commit(context, context.parameters["commit_sha"]).sha
    settled = sha in repo.reachable(repo.default_branch)
    found = [pull for pull in repo.pulls.values() if _contains(repo, pull, sha)]
    if settled:
        found = [pull for pull in found if pull.merged and pull.merge_commit_sha in repo.reachable(repo.default_branch)]
    else:
        found = [pull for pull in found if pull.merged or pull.state == "open"]
    return context.page([pull_body(repo, pull, context.urls, full=False) for pull in found])


def _contains(repo: Repository, pull: Pull, sha: str) -> bool:
    return sha in pull.landed or sha in repo.pull_commits(pull)


@route(f"{REPO}/compare/{{basehead}}", "contents")
def compare(context: Context) -> Json:
    """GET …/compare/{base}...{head}: the head's own commits oldest first, at most 250 a page, 300 files."""
    repo = context.repo
    base_name, dots, head_name = context.parameters["basehead"].partition("...")
    base, head = resolve(repo, base_name), resolve(repo, head_name.rpartition(":")[2])
    if not dots or base is None or head is None:
        raise ApiError(404, "Not Found")
    start = merge_base(repo.commits, base.sha, head.sha)
    if start is None:
        raise ApiError(404, f"No common ancestor between {base_name} and {head_name}.")
    ahead = between(repo.commits, base.sha, head.sha)
    behind = len(ancestors(repo.commits, base.sha) - ancestors(repo.commits, head.sha))
    status = "diverged" if ahead and behind else "ahead" if ahead else "behind" if behind else "identical"
    paged = "page" in context.call.query or "per_page" in context.call.query
    shown = context.page(ahead, default=30 if paged else 250, highest=250)
    span = f"{encoded(base_name)}...{encoded(head_name)}"
    page = f"{context.urls.html}/{repo.full_name}/compare/{span}"
    first = context.number("page", 1, 10**6) == 1
    return {
        "url": f"{context.repo_url}/compare/{span}",
        "html_url": page,
        "permalink_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "base_commit": commit_body(repo, base, context.urls),
        "merge_base_commit": commit_body(repo, repo.commits[start], context.urls),
        "status": status,
        "ahead_by": len(ahead),
        "behind_by": behind,
        "total_commits": len(ahead),
        "commits": [commit_body(repo, repo.commits[sha], context.urls) for sha in shown],
        "files": changed_files(repo, start, head.sha, context.urls)[:300] if first else [],
    }


@route(f"{REPO}/activity", "contents")
def list_activity(context: Context) -> list[Json]:
    """GET …/activity: newest first, filtered by ref, actor and type, paged by cursor in the `Link` header."""
    query = context.call.query
    kinds = [kind for kind in query.get("activity_type", "").split(",") if kind]
    if wrong := [kind for kind in kinds if kind not in ACTIVITY_TYPES]:
        raise ApiError(422, "Validation Failed", errors=[f"activity_type {wrong[0]} is not known"])
    ref, actor = query.get("ref"), query.get("actor", "").lower()
    found = [
        item
        for item in sorted(context.repo.activities, key=lambda i: i.id, reverse=query.get("direction") != "asc")
        if (ref is None or ref in (item.ref, item.ref.removeprefix("refs/heads/")))
        and (not actor or (item.actor or "").lower() == actor)
        and (not kinds or item.activity_type in kinds)
    ]
    size = context.number("per_page", 30, 100)
    ids = [item.id for item in found]
    start = 0
    if after := _cursor(query.get("after")):
        start = ids.index(after) + 1 if after in ids else len(ids)
    elif before := _cursor(query.get("before")):
        start = max(0, (ids.index(before) if before in ids else 0) - size)
    shown = found[start : start + size]
    context.cursor_links(
        after=_make_cursor(shown[-1].id) if shown and start + size < len(found) else None,
        before=_make_cursor(shown[0].id) if shown and start > 0 else None,
    )
    return [
        {
            "id": item.id,
            "node_id": node_id("Activity", item.id),
            "before": item.before,
            "after": item.after,
            "ref": item.ref,
            "timestamp": item.timestamp,
            "activity_type": item.activity_type,
            "actor": account(context.world, item.actor, context.urls),
        }
        for item in shown
    ]


def _make_cursor(number: int) -> str:
    return base64.urlsafe_b64encode(f"cursor:{number}".encode()).decode("ascii")


def _cursor(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return int(base64.urlsafe_b64decode(text).removeprefix(b"cursor:"))
    except ValueError as error:
        raise ApiError(422, "Validation Failed", errors=["the cursor is not one of ours"]) from error


@route(f"{REPO}/codeowners/errors", "contents")
def codeowners_errors(context: Context) -> Json:
    """GET …/codeowners/errors."""
    defaults = {"line": 1, "column": 1, "kind": "Unknown owner", "source": "* @nobody", "suggestion": None}
    defaults |= {"message": "Unknown owner on line 1", "path": ".github/CODEOWNERS"}
    return {"errors": [{**defaults, **error} for error in context.repo.codeowners_errors]}
