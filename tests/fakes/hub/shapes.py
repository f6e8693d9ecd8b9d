"""The JSON shapes that several endpoints share: accounts, repositories, commits."""

from __future__ import annotations

import base64
from typing import Any

from tests.fakes.hub.history import Commit, Signature, tree_changes
from tests.fakes.hub.people import User, permission_flags
from tests.fakes.hub.repository import Repository
from tests.fakes.hub.router import Context, Urls, encoded
from tests.fakes.hub.world import World

Json = dict[str, Any]


def node_id(kind: str, number: int | str) -> str:
    """Return an opaque id as GraphQL has them."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode("ascii")


def account(world: World, login: str | None, urls: Urls) -> Json | None:
    """Return a `simple-user`, None for an account that is gone."""
    if login is None:
        return None
    return simple_user(world.user(login), urls)


def simple_user(user: User, urls: Urls) -> Json:
    """Return a `simple-user`."""
    url = f"{urls.api}/users/{encoded(user.login)}"
    return {
        "login": user.login,
        "id": user.id,
        "node_id": node_id(user.type, user.id),
        "avatar_url": f"{urls.html}/avatars/u/{user.id}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{urls.html}/{encoded(user.login)}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": user.type,
        "user_view_type": "public",
        "site_admin": False,
    }


_LINKS = {
    "archive": "{archive_format}{/ref}",
    "assignees": "assignees{/user}",
    "blobs": "git/blobs{/sha}",
    "branches": "branches{/branch}",
    "collaborators": "collaborators{/collaborator}",
    "comments": "comments{/number}",
    "commits": "commits{/sha}",
    "compare": "compare/{base}...{head}",
    "contents": "contents/{+path}",
    "contributors": "contributors",
    "deployments": "deployments",
    "downloads": "downloads",
    "events": "events",
    "forks": "forks",
    "git_commits": "git/commits{/sha}",
    "git_refs": "git/refs{/sha}",
    "git_tags": "git/tags{/sha}",
    "hooks": "hooks",
    "issue_comment": "issues/comments{/number}",
    "issue_events": "issues/events{/number}",
    "issues": "issues{/number}",
    "keys": "keys{/key_id}",
    "labels": "labels{/name}",
    "languages": "languages",
    "merges": "merges",
    "milestones": "milestones{/number}",
    "notifications": "notifications{?since,all,participating}",
    "pulls": "pulls{/number}",
    "releases": "releases{/id}",
    "stargazers": "stargazers",
    "statuses": "statuses/{sha}",
    "subscribers": "subscribers",
    "subscription": "subscription",
    "tags": "tags",
    "teams": "teams",
    "trees": "git/trees{/sha}",
}


def minimal_repository(repo: Repository, urls: Urls) -> Json:
    """Return a `minimal-repository`, as runs carry it."""
    url = f"{urls.api}/repos/{repo.full_name}"
    return {
        "id": repo.id,
        "node_id": node_id("Repository", repo.id),
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
        "owner": account(repo.world, repo.owner, urls),
        "html_url": f"{urls.html}/{repo.full_name}",
        "description": None,
        "fork": repo.parent is not None,
        "url": url,
        **{f"{name}_url": f"{url}/{path}" for name, path in _LINKS.items()},
    }


def repository(repo: Repository, urls: Urls) -> Json:
    """Return a `repository`, as pull requests and events carry it."""
    page = f"{urls.html}/{repo.full_name}"
    host = urls.html.partition("://")[2]
    return {
        **minimal_repository(repo, urls),
        "created_at": repo.created_at,
        "updated_at": repo.created_at,
        "pushed_at": repo.activities[-1].timestamp if repo.activities else repo.created_at,
        "git_url": f"git://{host}/{repo.full_name}.git",
        "ssh_url": f"git@{host}:{repo.full_name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "homepage": None,
        "size": 1,
        "stargazers_count": 0,
        "watchers_count": 0,
        "language": None,
        "has_issues": True,
        "has_projects": True,
        "has_downloads": True,
        "has_wiki": True,
        "has_pages": False,
        "has_discussions": False,
        "forks_count": 0,
        "mirror_url": None,
        "archived": repo.archived,
        "disabled": False,
        "open_issues_count": sum(pull.state == "open" for pull in repo.pulls.values()),
        "license": None,
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": [],
        "visibility": "internal" if repo.internal else "private" if repo.private else "public",
        "forks": 0,
        "open_issues": sum(pull.state == "open" for pull in repo.pulls.values()),
        "watchers": 0,
        "default_branch": repo.default_branch,
    }


def full_repository(context: Context) -> Json:
    """Return a `full-repository`; merge settings need contents: write, security settings an administrator."""
    repo = context.repo
    body = {**repository(repo, context.urls), "network_count": 0, "subscribers_count": 0, "temp_clone_token": ""}
    owner = repo.world.user(repo.owner)
    if owner.type == "Organization":
        body["organization"] = simple_user(owner, context.urls)
    if repo.parent is not None:
        parent = repository(repo.world.repository_named(repo.parent), context.urls)
        body["parent"] = body["source"] = parent
    token = context.token
    if token is not None:
        level = (
            "admin" if token.may("administration", "write") else "write" if token.may("contents", "write") else "read"
        )
        body["permissions"] = permission_flags(level if token.login is None else repo.role_of(token.login).base)
    if context.may("contents", "write") or context.may("administration"):
        body |= {
            "allow_squash_merge": True,
            "allow_merge_commit": True,
            "allow_rebase_merge": True,
            "allow_auto_merge": False,
            "delete_branch_on_merge": False,
            "allow_update_branch": False,
        }
    if context.may("administration"):
        body["security_and_analysis"] = {"secret_scanning": {"status": "disabled"}}
    return body


def git_user(signature: Signature) -> Json:
    """Return the `git-user` of a commit."""
    return {"name": signature.name, "email": signature.email, "date": signature.date}


def verification(commit: Commit) -> Json:
    """Return the `verification` of a commit."""
    return {
        "verified": commit.verified,
        "reason": commit.reason,
        "signature": "-----BEGIN SIGNATURE-----" if commit.verified else None,
        "payload": f"tree {commit.tree_sha}" if commit.verified else None,
        "verified_at": commit.committer.date if commit.verified else None,
    }


def commit_body(repo: Repository, commit: Commit, urls: Urls, *, detailed: bool = False) -> Json:
    """Return a `commit`; `detailed` adds stats and files, as the endpoint of one commit does."""
    url = f"{urls.api}/repos/{repo.full_name}"
    page = f"{urls.html}/{repo.full_name}"
    body: Json = {
        "sha": commit.sha,
        "node_id": node_id("Commit", commit.sha),
        "commit": {
            "author": git_user(commit.author),
            "committer": git_user(commit.committer),
            "message": commit.message,
            "tree": {"sha": commit.tree_sha, "url": f"{url}/git/trees/{commit.tree_sha}"},
            "url": f"{url}/git/commits/{commit.sha}",
            "comment_count": 0,
            "verification": verification(commit),
        },
        "url": f"{url}/commits/{commit.sha}",
        "html_url": f"{page}/commit/{commit.sha}",
        "comments_url": f"{url}/commits/{commit.sha}/comments",
        "author": account(repo.world, commit.author.login, urls),
        "committer": account(repo.world, commit.committer.login, urls),
        "parents": [
            {"sha": sha, "url": f"{url}/commits/{sha}", "html_url": f"{page}/commit/{sha}"} for sha in commit.parents
        ],
    }
    if detailed:
        files = changed_files(repo, commit.parents[0] if commit.parents else None, commit.sha, urls)
        additions, deletions = (sum(f[key] for f in files) for key in ("additions", "deletions"))
        body["stats"] = {"total": additions + deletions, "additions": additions, "deletions": deletions}
        body["files"] = files[:300]
    return body


def changed_files(repo: Repository, base: str | None, head: str, urls: Urls) -> list[Json]:
    """Return a `diff-entry` for each path that differs between two commits' trees."""
    url = f"{urls.api}/repos/{repo.full_name}"
    page = f"{urls.html}/{repo.full_name}"
    old = repo.commits[base].tree if base in repo.commits else {}
    new = repo.commits[head].tree
    entries = []
    for path, status, sha in tree_changes(old, new):
        added = 0 if status == "removed" else _lines(repo, new[path])
        deleted = 0 if status == "added" else _lines(repo, old[path])
        entries.append(
            {
                "sha": sha,
                "filename": path,
                "status": status,
                "additions": added,
                "deletions": deleted,
                "changes": added + deleted,
                "blob_url": f"{page}/blob/{head}/{encoded(path)}",
                "raw_url": f"{page}/raw/{head}/{encoded(path)}",
                "contents_url": f"{url}/contents/{encoded(path)}?ref={head}",
                "patch": "@@ -0,0 +1 @@",
            }
        )
    return entries


def _lines(repo: Repository, entry: str) -> int:
    return len(repo.root.blobs.get(entry.split(" ")[1], b"").splitlines())
