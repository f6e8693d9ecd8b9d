"""The policy file as the trusted ref has it: in a merge request the target's tip, otherwise the judged commit."""

from __future__ import annotations

from typing import Final

from ci_guard.evidence.checkout import MAXIMUM_POLICY_BYTES, Checkout
from ci_guard.evidence.gitlab import event, records
from ci_guard.evidence.gitlab.client import STRONGER, Client
from ci_guard.evidence.gitlab.repository_files import get_file_text
from ci_guard.evidence.interface import PolicyFile
from ci_guard.evidence.rest.together import two
from ci_guard.model.fact import Fact, Known, Unknown, apply, unavailable
from ci_guard.model.run import Event, Run

ELSEWHERE: Final = (
    "GitLab 18.3 or newer, this project on that one's job token allowlist, and there the role Reporter for whoever "
    f"started the job; or {STRONGER}, of a member of it"
)
"""What shows a file of a private project that is not the job's own."""


def get_policy_file(client: Client, run: Run, path: str, checkout: Checkout) -> Fact[PolicyFile | None]:
    """
    Return the file, or None where the trusted ref verifiably has none. `path` is relative to the repository's root.

    Which commit is trusted the server says: in a change the tip of the target, otherwise the judged one. It is read
    from the object database, which no step of the job can make lie about a commit, and from the server where it is not
    there.
    """
    if isinstance(run.event, Unknown):
        return _of_unknown_event(client, run, path, checkout)
    if run.event.value in (Event.CHANGE, Event.QUEUE):
        if isinstance(run.change, Unknown):
            return run.change
        if run.change.value is None:
            return unavailable("the target of the merge request is not known")
        return _of_target(client, run.change.value.target, run.change.value.target_commit, path, checkout)
    return run.sha if isinstance(run.sha, Unknown) else get_policy_at(client, run.sha.value, path, checkout)


def get_text(client: Client, commit: str, path: str) -> Fact[str]:
    """Return a file of any project at a commit."""
    file = get_file_text(client, commit, path, needs=ELSEWHERE)
    if isinstance(file, Unknown):
        return file
    if file.value is None:
        return unavailable("the project has no such file at that commit", detail=file.detail)
    return Known(value=file.value, source=file.source, detail=file.detail)


def get_file(client: Client, commit: str, path: str, checkout: Checkout) -> Fact[PolicyFile | None]:
    """Return any plain file of a commit, read in the same way."""
    return get_policy_at(client, commit, path, checkout)


def _of_unknown_event(client: Client, run: Run, path: str, checkout: Checkout) -> Fact[PolicyFile | None]:
    """Read the judged commit where a source that the vocabulary lacks builds a branch or tag, surely no change."""
    named = run.platform_event not in ("", event.OF_CHANGE, "external_pull_request_event")
    plain = isinstance(run.ref, Known) and run.ref.value.startswith((event.HEADS, event.TAGS))
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


def get_tip(client: Client, target: str) -> Fact[str]:
    """Return the commit that a branch points at now."""
    branch = records.get_branch(client, target)
    if isinstance(branch, Unknown):
        return branch
    if branch.value is None:
        return unavailable(f"the branch {target} does not exist", detail=branch.detail)
    found = branch.value
    return apply(branch, lambda _: found.commit)


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


def _of_server(client: Client, sha: str, path: str, ref: str) -> Fact[PolicyFile | None]:
    """
    Read the file as it is, and beside it the commit: only who may read that is told whether there is a file.

    Of a link its own content is answered, which is the path that it leads to and no policy.
    """
    place = f"{path} at {sha[:12]} ({ref})" if ref else f"{path} at {sha[:12]}"
    file, commit = two(
        client,
        lambda: get_file_text(client, sha, path),
        lambda: records.get_commit(client, sha),
    )
    if isinstance(file, Unknown):
        return file
    if file.value is not None:
        content = file.value.encode("utf-8")
        kept = content if len(content) <= MAXIMUM_POLICY_BYTES else None
        return Known(value=PolicyFile(content=kept, place=place), source=file.source, detail=file.detail)
    if isinstance(commit, Unknown):
        return commit
    if commit.value.sha != sha:
        return unavailable("another commit was answered than was asked for", detail=commit.detail)
    return Known(value=None, source=file.source, detail=file.detail)
