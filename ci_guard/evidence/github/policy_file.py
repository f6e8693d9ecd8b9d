"""The policy file as the trusted ref has it: in a change the target branch's tip, otherwise the judged commit."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.github.client import Client, segment
from ci_guard.evidence.interface import PolicyFile
from ci_guard.evidence.rest.shape import ShapeError, checked, integer, record, text
from ci_guard.model.fact import Cause, Fact, Known, Source, Unknown, unavailable
from ci_guard.model.run import Event, Run
from ci_guard.records import replace

FOLDER_LIMIT: Final = 1000
"""Entries that a listing shows at most. Source: REST "Get repository content"."""


def get_policy_file(client: Client, run: Run, path: str, checkout: Checkout) -> Fact[PolicyFile | None]:
    """
    Return the file, or None where the trusted ref verifiably has none. `path` is relative to the repository's root.

    Which commit is trusted the server says: in a change the tip of the target, otherwise the judged one. It is read
    from the object database, which no step of the job can make lie about a commit, and from the server where it is not
    there.
    """
    if isinstance(run.event, Unknown):
        return _of_unknown_event(client, run, path, checkout)
    match run.event.value:
        case Event.CHANGE | Event.TARGET_CHANGE:
            if isinstance(run.change, Unknown):
                return run.change
            if run.change.value is None:
                return unavailable("the target of the change is not known")
            return _of_target(client, run.change.value.target, run.change.value.target_commit, path, checkout)
        case Event.QUEUE:
            if isinstance(run.branch, Unknown):
                return run.branch
            if run.branch.value is None:
                return unavailable("the target of the merge queue is not known")
            return _of_target(client, run.branch.value, None, path, checkout)
        case _:
            return run.sha if isinstance(run.sha, Unknown) else get_policy_at(client, run.sha.value, path, checkout)


def get_text(client: Client, commit: str, path: str) -> Fact[str]:
    """
    Return a file of any repository at a commit; its content is held against the blob id that the server names.

    Source: REST "Get repository content"; a blob's id is the hash of its length and bytes (Git, "Git Objects").
    """
    answer = client.get(f"contents/{_quoted(path)}", params={"ref": commit})
    if isinstance(answer, Unknown):
        hidden = f"contents: read on {client.repository}, which a job's token has on its own repository alone"
        return replace(answer, needs=hidden) if answer.cause is Cause.INVISIBLE else answer

    def read(body: Any) -> str:
        content = _content(body, text(body, "sha"))
        kind = hashlib.sha256 if len(text(body, "sha")) == 64 else hashlib.sha1
        if kind(b"blob %d\0" % len(content) + content).hexdigest() != text(body, "sha"):
            raise ShapeError("'content' is not what 'sha' names")
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            raise ShapeError("'content' is not UTF-8") from None

    return checked(answer, read)


def get_file(client: Client, commit: str, path: str, checkout: Checkout) -> Fact[PolicyFile | None]:
    """Return any plain file of a commit, read in the same way."""
    return get_policy_at(client, commit, path, checkout)


def get_tip(client: Client, name: str) -> Fact[str]:
    """Return the commit that a branch points at now."""
    return checked(client.get(f"branches/{segment(name)}"), lambda body: _tip(body, name))


def _of_unknown_event(client: Client, run: Run, path: str, checkout: Checkout) -> Fact[PolicyFile | None]:
    """Read the judged commit where an event that the vocabulary lacks builds a branch or tag, surely no change."""
    named = run.platform_event and not run.platform_event.startswith(("pull_request", "merge_group"))
    plain = isinstance(run.ref, Known) and run.ref.value.startswith(("refs/heads/", "refs/tags/"))
    if isinstance(run.event, Unknown) and not (named and plain):
        return run.event
    return run.sha if isinstance(run.sha, Unknown) else get_policy_at(client, run.sha.value, path, checkout)


def _of_target(
    client: Client, target: str, target_commit: str | None, path: str, checkout: Checkout
) -> Fact[PolicyFile | None]:
    """Read the tip of the branch that a change wants to get into, which the change cannot have edited."""
    tip = get_tip(client, target)
    if isinstance(tip, Known):
        return get_policy_at(client, tip.value, path, checkout, ref=target)
    if target_commit is not None and checkout.has_commit(target_commit):
        return checkout.policy_file(target_commit, path, ref=target)
    return tip


def get_policy_at(client: Client, sha: str, path: str, checkout: Checkout, *, ref: str = "") -> Fact[PolicyFile | None]:
    """Return the file at a commit, from the object database, else from the server; None where it has none."""
    if not checkout.has_commit(sha):
        return _of_server(client, sha, path, ref)
    file = checkout.policy_file(sha, path, ref=ref)
    if isinstance(file, Known):
        return file
    # A partial clone may lack the content; where the server does not help, git's reason is the one that matters.
    answer = _of_server(client, sha, path, ref)
    return answer if isinstance(answer, Known) else file


def _tip(body: Any, target: str) -> str:
    if text(body, "name") != target:
        raise ShapeError("'name' is another branch's: the target was renamed")
    return text(record(body, "commit"), "sha")


def _of_server(client: Client, sha: str, path: str, ref: str) -> Fact[PolicyFile | None]:
    """
    Read the file and the listings of the folders above it, at the same time.

    Only a listing proves that there is nothing: a 404 may as well mean that the token does not see it. And only a
    listing shows a link, because a link is answered with the file that it leads to.

    Source: REST "Get repository content".
    """
    place = f"{path} at {sha[:12]} ({ref})" if ref else f"{path} at {sha[:12]}"
    parts = path.split("/")
    folders = ["/".join(parts[:depth]) for depth in range(len(parts))]
    where = {"ref": sha}
    content, *listings = client.gather(
        lambda: client.get(f"contents/{_quoted(path)}", params=where),
        *(partial(client.get, f"contents/{_quoted(folder)}", shape=list, params=where) for folder in folders),
    )
    blob = _blob(parts, listings, place)
    if isinstance(blob, Unknown):
        return blob
    if blob.value is None:
        return Known(value=None, source=Source.API, detail=blob.detail)
    if isinstance(content, Known) and content.value.get("encoding") == "none":
        return Known(value=PolicyFile(content=None, place=place), source=Source.API, detail=content.detail)
    expected = blob.value
    return checked(content, lambda body: PolicyFile(content=_content(body, expected), place=place))


def _blob(parts: Sequence[str], listings: Sequence[Fact[Any]], place: str) -> Fact[str | None]:
    """Follow the path from listing to listing; return the id of the plain file there, or None where there is none."""
    for depth, (part, listing) in enumerate(zip(parts, listings, strict=True), start=1):
        entries = checked(listing, lambda items: {text(item, "name"): item for item in items})
        if isinstance(entries, Unknown):
            return entries
        entry = entries.value.get(part)
        if entry is None:
            if len(entries.value) >= FOLDER_LIMIT:
                return unavailable(f"{place}: the folder has too many entries to list", detail=entries.detail)
            return Known(value=None, source=Source.API, detail=entries.detail)
        kind = entry.get("type")
        if kind != ("file" if depth == len(parts) else "dir"):
            return unavailable(f"{place}: {part} is a {kind}, and a policy must be a plain file", detail=entries.detail)
        if depth == len(parts):
            return checked(Known(value=entry, source=Source.API, detail=entries.detail), lambda item: text(item, "sha"))
    raise AssertionError("a path has at least one part")


def _content(body: Any, blob: str) -> bytes:
    """Return the bytes of a file that is the one in the listing."""
    if text(body, "type") != "file" or text(body, "sha") != blob:
        # A submodule is listed as a file, and a link is answered as what it leads to.
        raise ShapeError("it is no plain file")
    if text(body, "encoding") != "base64":
        raise ShapeError("'encoding' is not base64")
    try:
        content = base64.b64decode("".join(text(body, "content").split()), validate=True)
    except binascii.Error:
        raise ShapeError("'content' is no base64") from None
    if len(content) != integer(body, "size"):
        raise ShapeError("'content' has not the length that 'size' says")
    return content


def _quoted(path: str) -> str:
    return quote(path, safe="/", errors="surrogateescape")
