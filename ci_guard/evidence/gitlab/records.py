"""GitLab's answers about jobs, branches, merge requests, commits and accounts, checked and typed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar

from ci_guard.evidence.gitlab.client import Client, Sight, segment
from ci_guard.evidence.rest.shape import ShapeError, boolean, checked, integer, optional, record, text, texts, when
from ci_guard.model.fact import Fact, apply
from ci_guard.model.review import ChangeState
from ci_guard.model.run import AccountType, Person
from ci_guard.object_ids import OBJECT_ID
from ci_guard.records import dataclass

T = TypeVar("T")


BOT_NAME: Final = re.compile(r"(?:project|group)_[0-9]+_bot(?:_?[0-9a-f]+)?|service_account_\w+")
"""
How GitLab names the accounts of project and group access tokens and of service accounts. Source: "Project access
tokens", "Bot users for projects"; "Service accounts".
"""

STATES: Final = {
    "opened": ChangeState.OPEN,
    "locked": ChangeState.OPEN,
    "merged": ChangeState.MERGED,
    "closed": ChangeState.CLOSED,
}
"""`locked` is the moment in which a merge request is being merged. Source: "Merge requests API"."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account, and whether it may do anything at all."""

    person: Person
    active: bool
    """False for one that is blocked, banned, deactivated or deleted."""


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """The pipeline of a job."""

    id: int
    project_id: int | None
    """The project that it runs in; None from a server that does not say it."""
    sha: str
    ref: str
    """A branch or tag name, or `refs/merge-requests/7/head`, `…/merge`, `…/train`."""
    source: str | None
    """`CI_PIPELINE_SOURCE`; None from a server older than 13.12."""
    created_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Job:
    """The job that a job token belongs to: the server's word about this run."""

    id: int
    name: str
    ref: str
    tag: bool
    user: Account | None
    """Who the job runs as: whoever started the pipeline, played the job or retried it. None once deleted."""
    commit: str
    parents: tuple[str, ...] | None
    """Of the commit; None from a server that leaves them out."""
    pipeline: Pipeline
    created_at: datetime | None
    web_url: str
    tags: tuple[str, ...] | None
    """What it asks of a runner; None from a server that leaves them out."""


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A branch as the list shows it."""

    name: str
    commit: str
    default: bool
    protected: bool
    """Whether any rule protects it: exact or wildcard, of the project or of a group."""
    developers_can_push: bool
    developers_can_merge: bool
    can_push: bool
    """Whether the token's own user may push to it."""


@dataclass(frozen=True, kw_only=True)
class DiffRefs:
    """What a merge request is measured against."""

    base: str
    """The merge base."""
    start: str
    """Where the target branch was when the latest version was pushed."""
    head: str


@dataclass(frozen=True, kw_only=True)
class MergeRequest:
    """A merge request."""

    iid: int
    """Its number in the project, as in `!7`."""
    url: str
    state: ChangeState
    author: Person | None
    head: str | None
    """Commit id of its head; None while it has no commit."""
    source_branch: str
    target_branch: str
    source_project_id: int | None
    """None once the fork was deleted."""
    target_project_id: int
    diff_refs: DiffRefs | None
    merge_commit: str | None
    squash_commit: str | None
    squash: bool
    """Whether its commits become one when it is merged."""
    merged_at: datetime | None
    merged_by: Person | None
    """Who merged it, or has set it to be merged automatically."""
    created_at: datetime
    head_seen_at: datetime | None
    """When a pipeline was made of its head, which was there by then; None where the answer shows none."""
    can_merge: bool | None
    """Whether the token's own user may merge it; None where the answer leaves that out, as lists do."""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit. Who wrote and committed it is what the commit claims."""

    sha: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    committer_name: str
    committer_email: str
    message: str


# The calls. Each returns a fact; what it asks for is fetched once, whoever asks.


def get_job(client: Client) -> Fact[Job]:
    """Return the job that the job's token belongs to. Source: Jobs API, "Retrieve a job token's job"."""
    return checked(client.get("/job", sight=Sight.OF_JOB), parse_job)


def get_branch(client: Client, name: str, *, sight: Sight = Sight.BY_JOB) -> Fact[Branch | None]:
    """
    Return a branch, or None where the list shows that there is none. `can_push` is about whoever's token was asked.

    Source: Branches API, "List repository branches": `search`. The branch itself is not for a job's token.
    """
    # A dollar in the name would be taken for the anchor; letter case does not count in a search.
    start, dollar, _ = name.partition("$")
    found = get_branches(client, search=f"^{start}" if dollar else f"^{name}$", sight=sight)
    return apply(found, lambda branches: next((branch for branch in branches if branch.name == name), None))


def get_branches(client: Client, *, search: str = "", sight: Sight = Sight.BY_JOB) -> Fact[tuple[Branch, ...]]:
    """Return the branches that a search finds, all where it is empty: `^start` finds by prefix."""
    params = {"search": search} if search not in ("", "^") else {}
    return _all(client.get_all("repository/branches", sight=sight, params=params), parse_branch)


def get_merge_request(client: Client, iid: int, *, sight: Sight = Sight.BY_JOB) -> Fact[MergeRequest]:
    """Return a merge request of the project. `can_merge` is about whoever's token was asked."""
    return checked(client.get(f"merge_requests/{iid}", sight=sight), parse_merge_request)


def get_merge_request_again(client: Client, iid: int, *, behind: str) -> Fact[MergeRequest]:
    """Return it as it is after something else was read: each distinct request is sent once, so this is another."""
    return checked(client.get(f"merge_requests/{iid}", params={"behind": behind}), parse_merge_request)


def get_merge_requests_of_commit(client: Client, sha: str) -> Fact[tuple[MergeRequest, ...]]:
    """Return the merge requests that a commit came by or is in. Source: Commits API."""
    return _all(client.get_all(f"repository/commits/{sha}/merge_requests"), parse_merge_request)


def get_commit(client: Client, ref: str) -> Fact[Commit]:
    """Return a commit, by its id or the name of a branch or tag."""
    return checked(client.get(f"repository/commits/{segment(ref)}"), parse_commit)


def _all(fact: Fact[Any], parse: Callable[[Any], T]) -> Fact[tuple[T, ...]]:
    return checked(fact, lambda items: tuple(parse(item) for item in items))


# The shapes. Each raises `ShapeError` for an answer that is not as published.


def person(value: Any) -> Person:
    """Return an account as answers carry it."""
    name = text(value, "username")
    is_bot = optional(value, "bot", boolean) or BOT_NAME.fullmatch(name) is not None
    kind = AccountType.BOT if is_bot else AccountType.OTHER if name == "ghost" else AccountType.USER
    return Person(login=name, id=integer(value, "id"), type=kind)


def nullable_person(value: Any, key: str) -> Person | None:
    """Return the account at a key, None for one that is gone."""
    found = optional(value, key, record)
    return person(found) if found else None


def account(value: Any) -> Account:
    """Return an account with its state; one whose state is not told counts as active."""
    return Account(person=person(value), active=(optional(value, "state", text) or "active") == "active")


def parse_job(value: Any) -> Job:
    """Read a `Ci::Job` as `GET /job` answers it."""
    commit, pipeline = record(value, "commit"), record(value, "pipeline")
    user = optional(value, "user", record)
    parents, tags = optional(commit, "parent_ids", texts), optional(value, "tag_list", texts)
    return Job(
        id=integer(value, "id"),
        name=text(value, "name"),
        ref=text(value, "ref"),
        tag=boolean(value, "tag"),
        user=account(user) if user else None,
        commit=sha(commit, "id"),
        parents=None if parents is None else tuple(parents),
        pipeline=Pipeline(
            id=integer(pipeline, "id"),
            project_id=optional(pipeline, "project_id", integer),
            sha=sha(pipeline, "sha"),
            ref=text(pipeline, "ref"),
            source=optional(pipeline, "source", text),
            created_at=optional(pipeline, "created_at", when),
        ),
        created_at=optional(value, "created_at", when),
        web_url=text(value, "web_url"),
        tags=None if tags is None else tuple(tags),
    )


def parse_branch(value: Any) -> Branch:
    """Read a `Branch`."""
    return Branch(
        name=text(value, "name"),
        commit=sha(record(value, "commit"), "id"),
        default=boolean(value, "default"),
        protected=boolean(value, "protected"),
        developers_can_push=boolean(value, "developers_can_push"),
        developers_can_merge=boolean(value, "developers_can_merge"),
        can_push=boolean(value, "can_push"),
    )


def parse_merge_request(value: Any) -> MergeRequest:
    """Read a `MergeRequest` or a `MergeRequestBasic`."""
    state = text(value, "state")
    if state not in STATES:
        raise ShapeError("'state' is none that a merge request has")
    refs = optional(value, "diff_refs", record)
    user = optional(value, "user", record)
    return MergeRequest(
        iid=integer(value, "iid"),
        url=text(value, "web_url"),
        state=STATES[state],
        author=nullable_person(value, "author"),
        head=optional(value, "sha", sha),
        source_branch=text(value, "source_branch"),
        target_branch=text(value, "target_branch"),
        source_project_id=optional(value, "source_project_id", integer),
        target_project_id=integer(value, "target_project_id"),
        diff_refs=_diff_refs(refs) if refs else None,
        merge_commit=optional(value, "merge_commit_sha", sha),
        squash_commit=optional(value, "squash_commit_sha", sha),
        squash=optional(value, "squash", boolean) or False,
        merged_at=optional(value, "merged_at", when),
        merged_by=nullable_person(value, "merge_user") or nullable_person(value, "merged_by"),
        created_at=when(value, "created_at"),
        head_seen_at=_head_seen_at(value),
        can_merge=optional(user, "can_merge", boolean) if user else None,
        labels=tuple(optional(value, "labels", texts) or ()),
    )


def _head_seen_at(value: Any) -> datetime | None:
    pipeline = optional(value, "head_pipeline", record)
    if pipeline is None or optional(pipeline, "sha", sha) != optional(value, "sha", sha):
        return None
    return optional(pipeline, "created_at", when)


def _diff_refs(value: Any) -> DiffRefs | None:
    base, start, head = (optional(value, key, sha) for key in ("base_sha", "start_sha", "head_sha"))
    return DiffRefs(base=base, start=start, head=head) if base and start and head else None


def parse_commit(value: Any) -> Commit:
    """Read a `Commit`."""
    names = ("author_name", "author_email", "committer_name", "committer_email")
    author, author_email, committer, committer_email = (optional(value, name, text) or "" for name in names)
    return Commit(
        sha=sha(value, "id"),
        parents=tuple(texts(value, "parent_ids")),
        author_name=author,
        author_email=author_email,
        committer_name=committer,
        committer_email=committer_email,
        message=text(value, "message"),
    )


def sha(value: Any, key: str) -> str:
    """Return the commit id at a key."""
    found = text(value, key)
    if not OBJECT_ID.fullmatch(found):
        raise ShapeError(f"{key!r} is no commit id")
    return found
