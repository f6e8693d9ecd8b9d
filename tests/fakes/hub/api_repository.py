"""Endpoints: the repository, its branches, classic protection, tags and git references."""

from __future__ import annotations

from typing import Any

from tests.fakes.hub.history import Tag
from tests.fakes.hub.router import REPO, ApiError, Context, encoded, moved_permanently, route
from tests.fakes.hub.shapes import Json, commit_body, full_repository, git_user, node_id


@route(REPO, "metadata")
def get_repository(context: Context) -> Json:
    """GET /repos/{owner}/{repo}."""
    return full_repository(context)


def branch_name(context: Context) -> str:
    """Return the branch of the path; a renamed one answers 301, an absent one 404."""
    name = context.parameters["branch"]
    repo = context.repo
    if name in repo.branches:
        return name
    if name in repo.renamed_branches:
        rest = context.call.path.split("/branches/", 1)[1]
        tail = rest[len(rest.partition("/protection")[0]) :]
        moved_permanently(
            f"{context.urls.api}/repositories/{repo.id}/branches/{encoded(repo.renamed_branches[name])}{tail}"
        )
    raise ApiError(404, "Branch not found")


def _summary(context: Context, branch: str) -> Json:
    """
    Return what anybody who may read sees: `protected`, and classic protection's switch and checks.

    `protected` is also true for a branch that only rulesets take in; `enabled` tells of classic protection only.
    """
    repo = context.repo
    protection = repo.protection_of(branch)
    checks = protection.checks if protection else None
    level = "off" if not checks or not protection else "everyone" if protection.enforce_admins else "non_admins"
    return {
        "protected": protection is not None or bool(repo.rules_of(branch)),
        "protection": {
            "enabled": protection is not None,
            "required_status_checks": {
                "enforcement_level": level,
                "contexts": [check.context for check in checks or ()],
                "checks": [{"context": check.context, "app_id": check.app_id} for check in checks or ()],
            },
        },
        "protection_url": f"{context.repo_url}/branches/{encoded(branch)}/protection",
    }


@route(f"{REPO}/branches", "contents")
def list_branches(context: Context) -> list[Json]:
    """GET …/branches, sorted by name, optionally only the protected ones."""
    repo = context.repo
    wanted = context.call.query.get("protected")
    bodies = []
    for name, sha in sorted(repo.branches.items()):
        commit = {"sha": sha, "url": f"{context.repo_url}/commits/{sha}"}
        body = {"name": name, "commit": commit, **_summary(context, name)}
        if wanted is None or body["protected"] == (wanted in ("true", "1")):
            bodies.append(body)
    return context.page(bodies)


@route(f"{REPO}/branches/{{branch}}", "contents")
def get_branch(context: Context) -> Json:
    """GET …/branches/{branch}."""
    name = branch_name(context)
    repo = context.repo
    return {
        "name": name,
        "commit": commit_body(repo, repo.commits[repo.branches[name]], context.urls),
        "_links": {
            "self": f"{context.repo_url}/branches/{encoded(name)}",
            "html": f"{context.urls.html}/{repo.full_name}/tree/{encoded(name)}",
        },
        **_summary(context, name),
    }


@route(f"{REPO}/tags", "contents")
def list_tags(context: Context) -> list[Json]:
    """GET …/tags: names with the commits they lead to, latest name first."""
    url = context.repo_url
    tags = sorted(context.repo.tags.values(), key=lambda tag: tag.name, reverse=True)
    return context.page(
        [
            {
                "name": tag.name,
                "commit": {"sha": tag.target, "url": f"{url}/commits/{tag.target}"},
                "zipball_url": f"{url}/zipball/refs/tags/{encoded(tag.name)}",
                "tarball_url": f"{url}/tarball/refs/tags/{encoded(tag.name)}",
                "node_id": node_id("Ref", tag.name),
            }
            for tag in tags
        ]
    )


def _references(context: Context) -> dict[str, Json]:
    repo = context.repo
    if not repo.branches:
        raise ApiError(409, "Git Repository is empty.")
    found = {f"refs/heads/{name}": ("commit", sha) for name, sha in repo.branches.items()}
    for tag in repo.tags.values():
        found[f"refs/tags/{tag.name}"] = ("tag", tag.sha) if tag.sha else ("commit", tag.target)
    for pull in repo.pulls.values():
        found[f"refs/pull/{pull.number}/head"] = ("commit", pull.head_sha)
        if not pull.merged and pull.merge_commit_sha:
            found[f"refs/pull/{pull.number}/merge"] = ("commit", pull.merge_commit_sha)
    return {
        ref: {
            "ref": ref,
            "node_id": node_id("Ref", ref),
            "url": f"{context.repo_url}/git/{'/'.join(encoded(part) for part in ref.split('/'))}",
            "object": {"type": kind, "sha": sha, "url": f"{context.repo_url}/git/{kind}s/{sha}"},
        }
        for ref, (kind, sha) in sorted(found.items())
    }


@route(f"{REPO}/git/ref/{{ref}}", "contents")
def get_reference(context: Context) -> Any:
    """GET …/git/ref/{ref}: exactly this one."""
    found = _references(context).get(f"refs/{context.parameters['ref']}")
    if found is None:
        raise ApiError(404, "Not Found")
    return found


@route(f"{REPO}/git/matching-refs/{{ref}}", "contents")
def matching_references(context: Context) -> list[Json]:
    """GET …/git/matching-refs/{ref}: every one that starts so."""
    prefix = f"refs/{context.parameters['ref']}"
    return context.page([body for ref, body in _references(context).items() if ref.startswith(prefix)])


@route(f"{REPO}/git/tags/{{tag_sha}}", "contents")
def get_tag_object(context: Context) -> Json:
    """GET …/git/tags/{tag_sha}: an annotated tag."""
    sha = context.parameters["tag_sha"]
    found: list[Tag] = [tag for tag in context.repo.tags.values() if tag.sha == sha]
    if not found or found[0].tagger is None:
        raise ApiError(404, "Not Found")
    tag = found[0]
    assert tag.tagger is not None
    return {
        "node_id": node_id("Tag", sha),
        "tag": tag.name,
        "sha": sha,
        "url": f"{context.repo_url}/git/tags/{sha}",
        "message": tag.message,
        "tagger": git_user(tag.tagger),
        "object": {"type": "commit", "sha": tag.target, "url": f"{context.repo_url}/git/commits/{tag.target}"},
        "verification": {
            "verified": False,
            "reason": "unsigned",
            "signature": None,
            "payload": None,
            "verified_at": None,
        },
    }
