"""Endpoint: file contents, as files, links, directories and submodules, as JSON and raw."""

from __future__ import annotations

import base64
import posixpath
from typing import Any

from tests.fakes.hub.api_history import resolve
from tests.fakes.hub.history import SUBMODULE, SYMLINK, tree_sha
from tests.fakes.hub.router import REPO, Answer, ApiError, Context, encoded, route
from tests.fakes.hub.shapes import Json

INLINE_LIMIT, RAW_LIMIT = 1024 * 1024, 100 * 1024 * 1024
"""Above the first `content` is empty and `encoding` is `none`; above the second only git has the file."""


@route(f"{REPO}/contents", "contents")
@route(f"{REPO}/contents/", "contents")
@route(f"{REPO}/contents/{{path}}", "contents")
def get_contents(context: Context) -> Any:
    """GET …/contents/{path} at `ref` (default: the default branch)."""
    repo = context.repo
    if not repo.branches:
        raise ApiError(404, "This repository is empty.")
    ref = context.call.query.get("ref") or repo.default_branch
    commit = resolve(repo, ref)
    if commit is None:
        raise ApiError(404, f"No commit found for the ref {ref}")
    path = context.parameters.get("path", "").strip("/")
    entry = commit.tree.get(path)
    if entry is None:
        return _directory(context, commit.tree, path, ref)
    mode, sha = entry.split(" ")
    if mode == SUBMODULE:
        return {
            **_item(context, path, ref, kind="submodule", sha=sha, size=0),
            "submodule_git_url": repo.root.submodules[path],
        }
    data = repo.root.blobs[sha]
    if mode == SYMLINK:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), data.decode("utf-8", "surrogateescape")))
        aim = commit.tree.get(target)
        # A link to a file of the repository is answered with that file's content; any other is answered as a link.
        if aim is None or aim.startswith((SYMLINK, SUBMODULE)):
            return {
                **_item(context, path, ref, kind="symlink", sha=sha, size=len(data)),
                "target": data.decode("utf-8", "replace"),
            }
        data = repo.root.blobs[aim.split(" ")[1]]
    return _file(context, path, ref, sha, data)


def _file(context: Context, path: str, ref: str, sha: str, data: bytes) -> Any:
    if len(data) > RAW_LIMIT:
        raise ApiError(403, "This API returns blobs up to 100 MB in size.")
    if "raw" in context.call.headers.get("accept", ""):
        return Answer(body=data, headers={"Content-Type": "application/vnd.github.raw+json; charset=utf-8"})
    inline = len(data) <= INLINE_LIMIT
    return {
        **_item(context, path, ref, kind="file", sha=sha, size=len(data)),
        "content": base64.encodebytes(data).decode("ascii") if inline else "",
        "encoding": "base64" if inline else "none",
    }


def _directory(context: Context, tree: dict[str, str], path: str, ref: str) -> list[Json]:
    prefix = f"{path}/" if path else ""
    children: dict[str, tuple[str, str, int]] = {}
    for name, entry in sorted(tree.items()):
        if not name.startswith(prefix):
            continue
        child, slash, _ = name[len(prefix) :].partition("/")
        mode, sha = entry.split(" ")
        if slash:
            below = {n: e for n, e in tree.items() if n.startswith(f"{prefix}{child}/")}
            children[child] = ("dir", tree_sha(below), 0)
        else:
            # Submodules are listed as files, for old clients' sake (REST "Get repository content").
            kind = "symlink" if mode == SYMLINK else "file"
            children[child] = (kind, sha, len(context.repo.root.blobs.get(sha, b"")))
    if not children:
        raise ApiError(404, "Not Found")
    return [
        _item(context, f"{prefix}{child}", ref, kind=kind, sha=sha, size=size)
        for child, (kind, sha, size) in children.items()
    ][:1000]


def _item(context: Context, path: str, ref: str, *, kind: str, sha: str, size: int) -> Json:
    quoted = "/".join(encoded(part) for part in path.split("/"))
    url = f"{context.repo_url}/contents/{quoted}?ref={encoded(ref)}"
    git = f"{context.repo_url}/git/{'trees' if kind == 'dir' else 'blobs'}/{sha}"
    page = f"{context.urls.html}/{context.repo.full_name}/blob/{encoded(ref)}/{quoted}"
    download = None if kind in ("dir", "submodule") else f"{context.urls.html}/raw/{context.repo.full_name}/{quoted}"
    return {
        "name": path.rsplit("/", 1)[-1],
        "path": path,
        "sha": sha,
        "size": size,
        "url": url,
        "html_url": page,
        "git_url": git,
        "download_url": download,
        "type": kind,
        "_links": {"self": url, "git": git, "html": page},
    }
