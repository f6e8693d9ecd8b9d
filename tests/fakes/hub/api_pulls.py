"""Endpoints: pull requests, their reviews, commits, files and timeline."""

from __future__ import annotations

from tests.fakes.hub.pulls import Pull, Review
from tests.fakes.hub.repository import Repository
from tests.fakes.hub.router import REPO, ApiError, Context, Urls, encoded, route
from tests.fakes.hub.shapes import (
    Json,
    account,
    changed_files,
    commit_body,
    git_user,
    node_id,
    repository,
    verification,
)

COMMIT_LIMIT, FILE_LIMIT = 250, 3000
"""What the lists of a pull request end at: REST "List commits on a pull request" and "List pull requests files"."""


def association(repo: Repository, login: str | None, given: str | None = None) -> str:
    """Return the `author_association`, which is no permission: it follows from visible membership."""
    if given is not None:
        return given
    if login is None:
        return "NONE"
    if login.lower() == repo.owner.lower():
        return "OWNER"
    if login.lower() in repo.grants:
        return "MEMBER" if repo.world.user(repo.owner).type == "Organization" else "COLLABORATOR"
    merged = any(pull.merged and pull.user == login for pull in repo.pulls.values())
    return "CONTRIBUTOR" if merged else "NONE"


def _side(repo: Repository, urls: Urls, *, owner: str, ref: str, sha: str, home: str | None) -> Json:
    lies_in = repo.world.repository_named(home) if home else None
    return {
        "label": f"{owner}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": account(repo.world, owner, urls),
        "repo": repository(lies_in, urls) if lies_in else None,
    }


def pull_body(repo: Repository, pull: Pull, urls: Urls, *, full: bool) -> Json:
    """Return a `pull-request`, or a `pull-request-simple` as lists carry it."""
    url = f"{urls.api}/repos/{repo.full_name}"
    page = f"{urls.html}/{repo.full_name}/pull/{pull.number}"
    links = {
        "self": f"{url}/pulls/{pull.number}",
        "html": page,
        "issue": f"{url}/issues/{pull.number}",
        "comments": f"{url}/issues/{pull.number}/comments",
        "review_comments": f"{url}/pulls/{pull.number}/comments",
        "review_comment": f"{url}/pulls/comments{{/number}}",
        "commits": f"{url}/pulls/{pull.number}/commits",
        "statuses": f"{url}/statuses/{pull.head_sha}",
    }
    body: Json = {
        "url": links["self"],
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": links["issue"],
        "number": pull.number,
        "state": pull.state,
        "locked": False,
        "title": pull.title,
        "user": account(repo.world, pull.user, urls),
        "body": pull.body,
        "created_at": pull.created_at,
        "updated_at": pull.updated_at,
        "closed_at": pull.closed_at,
        "merged_at": pull.merged_at,
        "merge_commit_sha": pull.merge_commit_sha,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [account(repo.world, login, urls) for login in pull.requested_reviewers],
        "requested_teams": [],
        "labels": [_label(repo, name, urls) for name in pull.labels],
        "milestone": None,
        "draft": pull.draft,
        "commits_url": links["commits"],
        "review_comments_url": links["review_comments"],
        "review_comment_url": links["review_comment"],
        "comments_url": links["comments"],
        "statuses_url": links["statuses"],
        "head": _side(
            repo, urls, owner=pull.head_owner, ref=pull.head_ref, sha=pull.head_sha, home=pull.head_repository
        ),
        "base": _side(repo, urls, owner=repo.owner, ref=pull.base_ref, sha=pull.base_sha, home=repo.full_name),
        "_links": {name: {"href": address} for name, address in links.items()},
        "author_association": association(repo, pull.user, pull.association),
        "auto_merge": None,
        "active_lock_reason": None,
    }
    if full:
        files = changed_files(repo, pull.base_sha, pull.head_sha, urls)
        body |= {
            "merged": pull.merged,
            "mergeable": None if pull.merged else True,
            "rebaseable": None if pull.merged else True,
            "mergeable_state": "unknown" if pull.merged else "clean",
            "merged_by": account(repo.world, pull.merged_by, urls),
            "comments": 0,
            "review_comments": 0,
            "maintainer_can_modify": False,
            "commits": len(repo.pull_commits(pull)),
            "additions": sum(file["additions"] for file in files),
            "deletions": sum(file["deletions"] for file in files),
            "changed_files": len(files),
        }
    return body


def _label(repo: Repository, name: str, urls: Urls) -> Json:
    number = 1 + int.from_bytes(name.encode()[:4], "big")
    return {
        "id": number,
        "node_id": node_id("Label", number),
        "url": f"{urls.api}/repos/{repo.full_name}/labels/{encoded(name)}",
        "name": name,
        "description": "",
        "color": "ededed",
        "default": False,
    }


def _pull(context: Context, name: str = "pull_number") -> Pull:
    found = context.repo.pulls.get(context.parameters[name])
    if found is None:
        raise ApiError(404, "Not Found")
    return found


@route(f"{REPO}/pulls", "pull_requests")
def list_pulls(context: Context) -> list[Json]:
    """GET …/pulls, filtered by `state` (default open), `base` and `head`, newest first or by `sort=updated`."""
    query = context.call.query
    state = query.get("state", "open")

    def order(pull: Pull) -> tuple[str, int]:
        return (pull.updated_at if query.get("sort") == "updated" else "", pull.number)

    found = [
        pull
        for pull in sorted(context.repo.pulls.values(), key=order, reverse=query.get("direction") != "asc")
        if (state in ("all", pull.state))
        and query.get("base", pull.base_ref) == pull.base_ref
        and query.get("head", f"{pull.head_owner}:{pull.head_ref}") == f"{pull.head_owner}:{pull.head_ref}"
    ]
    return context.page([pull_body(context.repo, pull, context.urls, full=False) for pull in found])


@route(f"{REPO}/pulls/{{pull_number}}", "pull_requests")
def get_pull(context: Context) -> Json:
    """GET …/pulls/{pull_number}."""
    return pull_body(context.repo, _pull(context), context.urls, full=True)


def _review(context: Context, pull: Pull, review: Review) -> Json:
    page = f"{context.urls.html}/{context.repo.full_name}/pull/{pull.number}#pullrequestreview-{review.id}"
    pull_url = f"{context.repo_url}/pulls/{pull.number}"
    body: Json = {
        "id": review.id,
        "node_id": node_id("PullRequestReview", review.id),
        "user": account(context.world, review.user, context.urls),
        "body": review.body,
        "state": review.state,
        "html_url": page,
        "pull_request_url": pull_url,
        "author_association": association(context.repo, review.user, review.association),
        "_links": {"html": {"href": page}, "pull_request": {"href": pull_url}},
        "commit_id": review.commit_id,
    }
    if review.submitted_at is not None:
        body["submitted_at"] = review.submitted_at
    return body


@route(f"{REPO}/pulls/{{pull_number}}/reviews", "pull_requests")
def list_reviews(context: Context) -> list[Json]:
    """GET …/pulls/{pull_number}/reviews, oldest first."""
    pull = _pull(context)
    return context.page([_review(context, pull, review) for review in pull.reviews])


@route(f"{REPO}/pulls/{{pull_number}}/commits", "pull_requests")
def list_pull_commits(context: Context) -> list[Json]:
    """GET …/pulls/{pull_number}/commits: oldest first, the first 250 and not a word about the others."""
    repo = context.repo
    shown = context.page(repo.pull_commits(_pull(context))[:COMMIT_LIMIT])
    return [commit_body(repo, repo.commits[sha], context.urls) for sha in shown]


@route(f"{REPO}/pulls/{{pull_number}}/files", "pull_requests")
def list_pull_files(context: Context) -> list[Json]:
    """GET …/pulls/{pull_number}/files: the first 3000."""
    pull = _pull(context)
    files = changed_files(context.repo, pull.base_sha, pull.head_sha, context.urls)
    return context.page(files[:FILE_LIMIT])


@route(f"{REPO}/issues/{{issue_number}}/timeline", "issues", "pull_requests")
def list_timeline(context: Context) -> list[Json]:
    """GET …/issues/{issue_number}/timeline of a pull request: commits, reviews and what else happened, by time."""
    pull = _pull(context, "issue_number")
    repo = context.repo
    entries = [(repo.commits[sha].committer.date, _committed(context, sha)) for sha in repo.pull_commits(pull)]
    for review in pull.reviews:
        if review.submitted_at is not None:
            body = {**_review(context, pull, review), "event": "reviewed", "state": review.state.lower()}
            entries.append((review.submitted_at, body))
    for event in pull.events:
        url = f"{context.repo_url}/issues/events/{event.id}"
        body = {
            "id": event.id,
            "node_id": node_id("Event", event.id),
            "url": url,
            "actor": account(context.world, event.actor, context.urls),
            "event": event.event,
            "commit_id": event.commit_id,
            "commit_url": f"{context.repo_url}/commits/{event.commit_id}" if event.commit_id else None,
            "created_at": event.created_at,
            "performed_via_github_app": None,
        }
        if event.label is not None:
            body["label"] = {"name": event.label, "color": "ededed"}
        if event.review_id is not None:
            was = {"state": "approved", "review_id": event.review_id, "dismissal_message": None}
            body["dismissed_review"] = was
        entries.append((event.created_at, body))
    return context.page([body for _, body in sorted(entries, key=lambda entry: entry[0])])


def _committed(context: Context, sha: str) -> Json:
    commit = context.repo.commits[sha]
    page = f"{context.urls.html}/{context.repo.full_name}/commit"
    url = f"{context.repo_url}/git/commits"
    return {
        "event": "committed",
        "sha": sha,
        "node_id": node_id("Commit", sha),
        "url": f"{url}/{sha}",
        "html_url": f"{page}/{sha}",
        "author": git_user(commit.author),
        "committer": git_user(commit.committer),
        "message": commit.message,
        "tree": {"sha": commit.tree_sha, "url": f"{context.repo_url}/git/trees/{commit.tree_sha}"},
        "parents": [{"sha": p, "url": f"{url}/{p}", "html_url": f"{page}/{encoded(p)}"} for p in commit.parents],
        "verification": verification(commit),
    }
