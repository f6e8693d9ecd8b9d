"""GitHub's answers about runs, pull requests, commits, reviews and accounts, checked and typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from ci_guard.evidence.github.client import Client, segment
from ci_guard.evidence.rest.shape import ShapeError, boolean, checked, integer, optional, record, text, when
from ci_guard.evidence.rest.shape import records as objects
from ci_guard.model.circumstances import Visibility
from ci_guard.model.fact import Fact, unavailable
from ci_guard.model.review import ChangeState
from ci_guard.model.run import AccountType, Person
from ci_guard.object_ids import OBJECT_ID
from ci_guard.records import dataclass

T = TypeVar("T")

ACCOUNT_TYPES: Final = {"User": AccountType.USER, "Bot": AccountType.BOT}


PUSH_LIMIT: Final = 100
"""Entries of the activity log that are read, the newest: one page."""

LOG_LIMIT: Final = 10 * PUSH_LIMIT
"""Entries of the activity log that are read in search of one merge."""

MERGES: Final = frozenset({"pr_merge", "merge_queue_merge"})
"""Entries of the activity log that the platform's own merges make; nobody's push is one."""

NUMBER: Final = re.compile(r"[0-9]{1,18}")
"""A numeric id as variables hold them."""

COMMIT_LIMIT: Final = 250
"""A pull request lists no more commits. Source: REST "List commits on a pull request"."""


@dataclass(frozen=True, kw_only=True)
class Repository:
    """The repository that the job runs in."""

    id: int
    full_name: str
    default_branch: str
    visibility: Visibility


@dataclass(frozen=True, kw_only=True)
class WorkflowRun:
    """A workflow run as of its latest attempt."""

    id: int
    attempt: int | None
    event: str
    head_sha: str
    head_branch: str | None
    """Branch or tag name without `refs/…/`; for a pull request its head branch."""
    repository_id: int
    head_repository_id: int | None
    """None once the fork was deleted."""
    actor: Person | None
    triggering_actor: Person | None
    created_at: datetime
    """When the first attempt was made."""
    path: str
    """The file of the workflow, of some runs with `@` and the ref that it was read at."""
    title: str
    """`display_title`: the change's, or what `run-name` of the workflow makes of its inputs."""
    url: str

    def is_of(self, workflow: str) -> bool:
        """Tell whether it is a run of the workflow in a file, which may be empty for any."""
        return not workflow or self.path == workflow or self.path.startswith(f"{workflow}@")


@dataclass(frozen=True, kw_only=True)
class Pull:
    """A pull request."""

    number: int
    url: str
    state: ChangeState
    author: Person | None
    """None once the account was deleted."""
    head_sha: str
    head_ref: str
    head_repository_id: int | None
    base_ref: str
    base_sha: str
    base_repository_id: int | None
    created_at: datetime
    merged_at: datetime | None
    merge_commit: str | None
    """What the merge put on the base branch; of an open pull request a trial merge."""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Signature:
    """Who wrote or committed: what the commit claims, and the account that GitHub links the e-mail address to."""

    name: str
    email: str
    date: str
    account: Person | None


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit."""

    sha: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str
    verified: bool
    """Whether the server vouches for the signature, which then is that of the committer's account."""


@dataclass(frozen=True, kw_only=True)
class Push:
    """An entry of the repository's activity log."""

    kind: str
    """`push`, `force_push`, `branch_creation`, `branch_deletion`, `pr_merge` or `merge_queue_merge`."""
    before: str
    after: str
    actor: Person | None
    at: datetime


# The calls. Each returns a fact; what it asks for is fetched once, whoever asks.


def get_repository(client: Client) -> Fact[Repository]:
    """Return the repository."""
    return checked(client.get(""), parse_repository)


def get_run(client: Client, number: str) -> Fact[WorkflowRun]:
    """Return a workflow run, by the number that the environment or the event gives."""
    if not NUMBER.fullmatch(number):
        return unavailable("the number of the run is not known" if not number else "the number of the run is none")
    return checked(client.get(f"actions/runs/{number}"), parse_run)


def get_attempt(client: Client, run: int, number: int) -> Fact[WorkflowRun]:
    """Return a workflow run as of one attempt, counted from 1."""
    return checked(client.get(f"actions/runs/{run}/attempts/{number}"), parse_run)


def get_pull(client: Client, number: int) -> Fact[Pull]:
    """Return a pull request."""
    return checked(client.get(f"pulls/{number}"), parse_pull)


def get_pull_again(client: Client, number: int, *, behind: str) -> Fact[Pull]:
    """Return it as it is after something else was read: each distinct request is sent once, so this is another."""
    return checked(client.get(f"pulls/{number}", params={"behind": behind}), parse_pull)


def get_pulls_of_commit(client: Client, sha: str) -> Fact[tuple[Pull, ...]]:
    """
    Return the pull requests that GitHub connects with a commit.

    For a commit on the default branch these are the merged ones that introduced it, otherwise the open and merged ones
    that contain it. Source: REST "List pull requests associated with a commit".
    """
    return _all(client.get_all(f"commits/{sha}/pulls"), parse_pull)


def get_commit(client: Client, sha: str) -> Fact[Commit]:
    """Return a commit."""
    return checked(client.get(f"commits/{sha}"), parse_commit)


def get_commits_of_pull(client: Client, number: int) -> Fact[tuple[Commit, ...]]:
    """Return the commits of a pull request, oldest first; unknown where it has more than GitHub lists."""
    return _all(client.get_all(f"pulls/{number}/commits", limit=COMMIT_LIMIT), parse_commit)


def get_branch_head(client: Client, name: str) -> Fact[str]:
    """Return the commit that a branch points at now."""
    return checked(client.get(f"branches/{segment(name)}"), lambda value: sha(record(value, "commit"), "sha"))


def get_pushes(client: Client, branch: str) -> Fact[tuple[Push, ...]]:
    """Return the latest entries of the activity log for a branch, newest first, at most `PUSH_LIMIT`."""
    fact = client.get("activity", shape=list, params={"ref": f"refs/heads/{branch}", "per_page": PUSH_LIMIT})
    return _all(fact, parse_push)


def get_pushes_since(client: Client, branch: str, merged_at: datetime, commit: str) -> Fact[tuple[Push, ...]]:
    """
    Return the entries of the activity log for a branch, newest first, as far as the merge of a commit can be in them.

    That is the page that shows the merge or goes back to the day before it, and never more than `LOG_LIMIT` entries.
    """
    earliest = f"{merged_at - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"

    def enough(items: Sequence[Any]) -> bool:
        return (
            len(items) >= LOG_LIMIT
            or str(items[-1].get("timestamp") if items else "") < earliest
            or any(item.get("after") == commit and item.get("activity_type") in MERGES for item in items)
        )

    return _all(client.get_all("activity", params={"ref": f"refs/heads/{branch}"}, until=enough), parse_push)


def get_account(client: Client, login: str) -> Fact[Person | None]:
    """Return the account of a login, None where there is none."""
    return checked(client.get(f"/users/{segment(login)}", absent=is_not_found), _nullable(person))


def get_account_by_id(client: Client, number: int | str) -> Fact[Person | None]:
    """Return the account of a numeric id under its present login, None where there is none."""
    return checked(client.get(f"/user/{number}", absent=is_not_found), _nullable(person))


def is_not_found(message: str) -> bool:
    """Tell whether a 404 says no more than that; only for things that every token may see."""
    return message == "Not Found"


def _all(fact: Fact[Any], parse: Callable[[Any], T]) -> Fact[tuple[T, ...]]:
    return checked(fact, lambda items: tuple(parse(item) for item in items))


def _nullable(parse: Callable[[Any], T]) -> Callable[[Any], T | None]:
    return lambda value: None if value is None else parse(value)


# The shapes. Each raises `ShapeError` for an answer that is not as published.


def person(value: Any) -> Person:
    """Return an account as answers and events carry it."""
    return Person(
        login=text(value, "login"),
        id=integer(value, "id"),
        type=ACCOUNT_TYPES.get(text(value, "type"), AccountType.OTHER),
    )


def nullable_person(value: Any, key: str) -> Person | None:
    """Return the account at a key, None for one that is gone; an empty object stands for none, too."""
    found = optional(value, key, record)
    return person(found) if found else None


def parse_repository(value: Any) -> Repository:
    """Read a `full-repository`."""
    return Repository(
        id=integer(value, "id"),
        full_name=text(value, "full_name"),
        default_branch=text(value, "default_branch"),
        visibility=_visibility(value),
    )


def _visibility(value: Any) -> Visibility:
    said = optional(value, "visibility", text)
    if said is None:  # by an Enterprise Server that does not say it: internal ones are private, too
        return Visibility.PRIVATE if boolean(value, "private") else Visibility.PUBLIC
    if said not in [word.value for word in Visibility]:
        raise ShapeError("'visibility' is none that is known")
    return Visibility(said)


def parse_run(value: Any) -> WorkflowRun:
    """Read a `workflow-run`."""
    return WorkflowRun(
        id=integer(value, "id"),
        attempt=optional(value, "run_attempt", integer),
        event=text(value, "event"),
        head_sha=sha(value, "head_sha"),
        head_branch=optional(value, "head_branch", text),
        repository_id=integer(record(value, "repository"), "id"),
        head_repository_id=_repository_id(value, "head_repository"),
        actor=nullable_person(value, "actor"),
        triggering_actor=nullable_person(value, "triggering_actor"),
        created_at=when(value, "created_at"),
        path=text(value, "path"),
        title=optional(value, "display_title", text) or "",
        url=text(value, "html_url"),
    )


def parse_pull(value: Any) -> Pull:
    """Read a `pull-request` or a `pull-request-simple`."""
    head, base = record(value, "head"), record(value, "base")
    merged_at = optional(value, "merged_at", when)
    state = text(value, "state")
    if state not in ("open", "closed"):
        raise ShapeError("'state' is neither open nor closed")
    closed = ChangeState.CLOSED if merged_at is None else ChangeState.MERGED
    return Pull(
        number=integer(value, "number"),
        url=text(value, "html_url"),
        state=ChangeState.OPEN if state == "open" else closed,
        author=nullable_person(value, "user"),
        head_sha=sha(head, "sha"),
        head_ref=text(head, "ref"),
        head_repository_id=_repository_id(head, "repo"),
        base_ref=text(base, "ref"),
        base_sha=sha(base, "sha"),
        base_repository_id=_repository_id(base, "repo"),
        created_at=when(value, "created_at"),
        merged_at=merged_at,
        merge_commit=optional(value, "merge_commit_sha", sha),
        labels=tuple(text(label, "name") for label in objects(value, "labels")) if "labels" in value else (),
    )


def _repository_id(value: Any, key: str) -> int | None:
    found = optional(value, key, record)
    return integer(found, "id") if found else None


def parse_commit(value: Any) -> Commit:
    """Read a `commit`."""
    data = record(value, "commit")
    return Commit(
        sha=sha(value, "sha"),
        parents=tuple(sha(parent, "sha") for parent in objects(value, "parents")),
        author=_signature(data, "author", nullable_person(value, "author")),
        committer=_signature(data, "committer", nullable_person(value, "committer")),
        message=text(data, "message"),
        verified=boolean(optional(data, "verification", record) or {"verified": False}, "verified"),
    )


def _signature(value: Any, key: str, account: Person | None) -> Signature:
    """Read a `git-user`, of which everything is what the commit claims and may be missing."""
    found = optional(value, key, record) or {}
    name, email, date = (optional(found, part, text) or "" for part in ("name", "email", "date"))
    return Signature(name=name, email=email, date=date, account=account)


def parse_push(value: Any) -> Push:
    """Read an `activity`."""
    return Push(
        kind=text(value, "activity_type"),
        before=sha(value, "before"),
        after=sha(value, "after"),
        actor=nullable_person(value, "actor"),
        at=when(value, "timestamp"),
    )


def sha(value: Any, key: str) -> str:
    """Return the commit id at a key."""
    found = text(value, key)
    if not OBJECT_ID.fullmatch(found):
        raise ShapeError(f"{key!r} is no commit id")
    return found
