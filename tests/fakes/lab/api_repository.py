"""Branches, tags, commits and files of the fake GitLab."""

from __future__ import annotations

import re
from typing import Any

from tests.fakes.hub.history import ancestors
from tests.fakes.lab import shapes
from tests.fakes.lab.router import JOB_18_3, PROJECT, REPORTER, Answer, Context, not_found, route

REPOSITORY = f"{PROJECT}/repository"


@route(f"{REPOSITORY}/branches", job=JOB_18_3, level=REPORTER, public=True)
def branches(context: Context) -> Any:
    """Answer the branches: `search` finds a part of the name, `^` and `$` hold it at its ends, case does not count."""
    pattern = search(context.call.query.get("search", ""))
    names = [name for name in sorted(context.project.branches) if pattern.search(name.lower())]
    return [shapes.branch(context.project, name, context.viewer, context.url) for name in context.page(names)]


def search(term: str) -> re.Pattern[str]:
    """Return the expression that GitLab makes of a search term."""
    quoted = re.escape(term.lower())
    for sign, meaning in (("\\^", "^"), ("\\*", ".*?"), ("\\$", "$")):
        quoted = quoted.replace(sign, meaning, 1)
    return re.compile(quoted)


@route(f"{REPOSITORY}/branches/{{branch}}", level=REPORTER, public=True)
def branch(context: Context) -> Any:
    """Answer one branch, which no job's token is shown."""
    name = context.parameters["branch"]
    if name not in context.project.branches:
        raise not_found("Branch")
    return shapes.branch(context.project, name, context.viewer, context.url)


@route(f"{REPOSITORY}/tags", job=JOB_18_3, level=REPORTER, public=True)
def tags(context: Context) -> Any:
    """Answer the tags."""
    project = context.project
    found = sorted(project.tags.values(), key=lambda tag: tag.name)
    return [
        {
            "name": tag.name,
            "message": tag.message,
            "target": tag.sha or tag.target,
            "commit": shapes.commit(project.commits[tag.target], f"{context.url}/{project.path}"),
            "release": None,
            "protected": any(_fits(rule.name, tag.name) for rule in project.protected_tags),
            "created_at": None,
        }
        for tag in context.page(found)
    ]


def _fits(pattern: str, name: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace("\\*", ".*"), name) is not None


@route(f"{REPOSITORY}/commits/{{sha}}", job=JOB_18_3, level=REPORTER, public=True)
def commit(context: Context) -> Any:
    """Answer a commit by its id, or by the name of a branch or tag."""
    return shapes.commit(context.project.commits[_sha(context)], f"{context.url}/{context.project.path}")


@route(f"{REPOSITORY}/commits/{{sha}}/merge_requests", job=JOB_18_3, level=REPORTER, public=True)
def merge_requests_of_commit(context: Context) -> Any:
    """Answer the merge requests that a commit came by or is in."""
    project = context.project
    found = project.of_commit(_sha(context))
    return [shapes.merge_request(context.world, project, mr, context.url) for mr in context.page(found)]


@route(f"{REPOSITORY}/compare", level=REPORTER, public=True)
def compare(context: Context) -> Any:
    """Answer the commits between two, oldest first; no job's token is shown it."""
    project, query = context.project, context.call.query
    start, end = query.get("from", ""), query.get("to", "")
    brought = ancestors(project.commits, end) - ancestors(project.commits, start)
    listed = [made for sha, made in project.commits.items() if sha in brought]
    return {
        "commits": [shapes.commit(made, f"{context.url}/{project.path}") for made in listed],
        "diffs": [],
        "compare_timeout": False,
        "compare_same_ref": start == end,
    }


@route(f"{REPOSITORY}/files/{{path}}/raw", job=JOB_18_3, level=REPORTER, public=True)
def raw_file(context: Context) -> Any:
    """Answer a file as it is; a link with where it leads."""
    project = context.project
    ref = context.call.query.get("ref", "HEAD")
    ref = project.default_branch if ref == "HEAD" else ref
    sha = ref if ref in project.commits else project.branches.get(ref)
    if sha is None:
        raise not_found("Commit")
    entry = project.commits[sha].tree.get(context.parameters["path"])
    if entry is None:
        raise not_found("File")
    blob = entry.split(" ")[1]
    named = {"X-Gitlab-Blob-Id": blob, "X-Gitlab-Commit-Id": sha}
    return Answer(body=project.blobs[blob], headers={"Content-Type": "text/plain; charset=utf-8", **named})


@route(f"{REPOSITORY}/tree", level=REPORTER, public=True)
def tree(context: Context) -> Any:
    """Answer what a folder holds; no job's token is shown it."""
    project, query = context.project, context.call.query
    sha = query.get("ref", "")
    sha = sha if sha in project.commits else project.branches.get(sha or project.default_branch, "")
    if sha not in project.commits:
        raise not_found("Tree")
    prefix = f"{query['path']}/" if query.get("path") else ""
    names: dict[str, tuple[str, str]] = {}
    for path, entry in sorted(project.commits[sha].tree.items()):
        if path.startswith(prefix):
            first, slash, _ = path[len(prefix) :].partition("/")
            mode, blob = entry.split(" ")
            names[first] = ("040000", "0" * 40) if slash else (mode, blob)
    listed = [
        {"id": blob, "name": name, "type": "tree" if mode == "040000" else "blob", "path": prefix + name, "mode": mode}
        for name, (mode, blob) in names.items()
    ]
    return context.page(listed)


def _sha(context: Context) -> str:
    name, project = context.parameters["sha"], context.project
    found = name if name in project.commits else project.branches.get(name)
    if found is None and name in project.tags:
        found = project.tags[name].target
    if found is None:
        raise not_found("Commit")
    return found
