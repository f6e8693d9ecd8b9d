"""Files of any commit, as they are, each held against the ids that the server names for it."""

from __future__ import annotations

from typing import Any, Final

from ci_guard.evidence.gitlab.client import NEWER, Client, segment
from ci_guard.evidence.gitlab.dialect import read_file
from ci_guard.evidence.rest.shape import ShapeError, checked, text
from ci_guard.git.objects import object_id
from ci_guard.model.fact import Fact, Known, Unknown
from ci_guard.object_ids import OBJECT_ID

NO_FILE: Final = frozenset({"404 File Not Found"})
"""
What GitLab says only after it has found project and commit; it has other words for those, and for what is hidden.
Source: `lib/api/files.rb`.
"""


def get_file_text(client: Client, ref: str, path: str, *, project: str = "", needs: str = NEWER) -> Fact[str | None]:
    """
    Return a file of a commit, or None where the server says that the commit has none. Of a link its own content.

    `project` names another one than the client's, `group/project`, of which `ref` may be a branch or tag as well.

    The content has to hash to the blob that the server names, and the commit that it names has to be the one asked for:
    what a cache or proxy cut, changed or mixed up is unknown. That this blob is of that commit is the server's word;
    only a digest, a signature or a clone proves more.

    Source: Repository files API, "Retrieve a raw file from a repository"; its headers, `set_http_headers` in
    `lib/api/files.rb`.
    """
    home = f"/projects/{segment(project)}/" if project else ""
    answer = client.get(
        f"{home}repository/files/{segment(path)}/raw",
        params={"ref": ref},
        absent=NO_FILE,
        needs=needs,
        read=read_file,
    )
    if isinstance(answer, Unknown):
        return answer
    if answer.value is None:
        return Known(value=None, source=answer.source, detail=answer.detail)
    return checked(answer, lambda body: _held(body, ref))


def _held(body: Any, ref: str) -> str:
    content, blob = body["content"], text(body, "blob")
    if not blob or not text(body, "commit"):
        raise ShapeError(
            "no X-Gitlab-Blob-Id and X-Gitlab-Commit-Id say which file it is (does a proxy take them off?)"
        )
    if OBJECT_ID.fullmatch(ref) and text(body, "commit") != ref:
        raise ShapeError("it is of another commit than was asked for (X-Gitlab-Commit-Id)")
    if len(blob) not in (40, 64) or object_id("blob", content.encode("utf-8"), len(blob)) != blob:
        raise ShapeError("the content is not what X-Gitlab-Blob-Id names")
    return str(content)
