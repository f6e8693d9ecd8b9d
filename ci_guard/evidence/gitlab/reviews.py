"""Who reviewed a merge request: by the approvals API where a token shows it, else by GitLab's own notes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from ci_guard.evidence.gitlab import notes, records
from ci_guard.evidence.gitlab.access import get_members, with_job_user
from ci_guard.evidence.gitlab.client import STRONGER, Client, Sight
from ci_guard.evidence.gitlab.notes import Event, Named, Verdict
from ci_guard.evidence.gitlab.records import MergeRequest
from ci_guard.evidence.rest.shape import checked, optional, record, text, when
from ci_guard.evidence.rest.shape import records as objects
from ci_guard.evidence.rest.together import three
from ci_guard.model.fact import Cause, Fact, Known, Source, Unknown, invisible
from ci_guard.model.review import Review, ReviewState
from ci_guard.records import dataclass

REPORTER: Final = f"{STRONGER}, with the role Reporter"


@dataclass(frozen=True, kw_only=True)
class Trail:
    """What the notes of a merge request tell, and the accounts that took part."""

    events: tuple[Event, ...]
    people: tuple[Named, ...]


@dataclass(frozen=True, kw_only=True)
class Version:
    """A head that a merge request had, since when."""

    head: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class _Approvals:
    """Whose approvals stand by the server's word, each with its time where the server tells it."""

    at: dict[int, datetime | None]
    people: tuple[Named, ...]


def get_trail(client: Client, iid: int) -> Fact[Trail]:
    """Return what GitLab wrote below a merge request. Source: Notes API, `activity_filter`; job tokens since 18.3."""
    params = {"sort": "asc", "order_by": "created_at", "activity_filter": "only_activity"}
    return checked(
        client.get_all(f"merge_requests/{iid}/notes", params=params),
        lambda items: Trail(
            events=notes.read(items),
            people=notes.named(author for item in items if (author := optional(item, "author", record))),
        ),
    )


def get_reviewers(client: Client, iid: int) -> tuple[Named, ...]:
    """Return the accounts that took part in the reviews, as far as they are known."""
    trail, approvals = get_trail(client, iid), _get_approvals(client, iid)
    found = [*(trail.value.people if isinstance(trail, Known) else ())]
    found += approvals.value.people if isinstance(approvals, Known) else ()
    return tuple(found)


def get_reviews(client: Client, change: MergeRequest, seen: datetime | None = None) -> Fact[tuple[Review, ...]]:
    """
    Return the verdicts on a merge request, oldest first. `seen` is a moment at which it is known to have had its head.

    GitLab keeps whose approvals stand and forgets what they were given for; the notes tell when it was, and what came
    after. Whatever was approved before the last commits were added is stale, and so is what was approved for another
    target.

    Source: Merge request approvals API; Merge requests API, versions.
    """
    trail, approvals, versions = three(
        client,
        lambda: get_trail(client, change.iid),
        lambda: _get_approvals(client, change.iid),
        lambda: get_versions(client, change.iid),
    )
    if isinstance(trail, Unknown):
        # Without the notes nobody knows who asked for changes.
        return trail
    said = notes.verdicts(trail.value.events)
    source, detail = Source.DERIVED, trail.detail
    if isinstance(approvals, Known):
        said = _standing(said, approvals.value, change)
        source, detail = approvals.source, approvals.detail
    elif approvals.cause is Cause.UNAVAILABLE:
        # It would have been shown: the notes must not stand in for what an outage hides.
        return approvals
    people = list(dict.fromkeys(verdict.reviewer for verdict in said))
    held = with_job_user(client, get_members(client, people), change.iid)
    reviews = tuple(
        Review(
            reviewer=one.reviewer,
            access=held[one.reviewer.id],
            state=one.state,
            covers_head=_covers_head(trail, versions, change, one.at, seen),
            covers_target=Known(
                value=not notes.retargeted_since(trail.value.events, one.at), source=Source.DERIVED, detail=trail.detail
            ),
            submitted_at=one.at,
        )
        for one in said
    )
    return Known(value=reviews, source=source, detail=detail)


def _get_approvals(client: Client, iid: int) -> Fact[_Approvals]:
    """Return whose approvals stand. Source: Merge request approvals API, on every plan; `approved_at` since 18.x."""

    def read(body: Any) -> _Approvals:
        entries = objects(body, "approved_by")
        users = [record(entry, "user") for entry in entries]
        return _Approvals(
            at={
                records.person(user).id: optional(entry, "approved_at", when)
                for user, entry in zip(users, entries, strict=True)
            },
            people=notes.named(users),
        )

    return checked(client.get(f"merge_requests/{iid}/approvals", sight=Sight.BY_STRONGER, needs=REPORTER), read)


def get_versions(client: Client, iid: int) -> Fact[tuple[Version, ...]]:
    """Return every head that a merge request had, newest first. Source: Merge requests API, diff versions."""
    return checked(
        client.get_all(f"merge_requests/{iid}/versions", sight=Sight.BY_STRONGER, needs=REPORTER),
        lambda items: tuple(
            Version(head=text(item, "head_commit_sha"), since=when(item, "created_at")) for item in items
        ),
    )


def _standing(said: Sequence[Verdict], approvals: _Approvals, change: MergeRequest) -> tuple[Verdict, ...]:
    """Return the verdicts as the server has them: its approvals, and the requests for changes of the notes."""
    last = {one.reviewer.id: one for one in said}
    found = [one for one in last.values() if one.state is ReviewState.REJECTED and one.reviewer.id not in approvals.at]
    for account in approvals.people:
        noted = last.get(account.person.id)
        by_note = noted.at if noted and noted.state is ReviewState.APPROVED else change.created_at
        # Without any time it is as old as the merge request: nothing is newer than it then.
        at = approvals.at[account.person.id] or by_note
        found.append(Verdict(reviewer=account.person, state=ReviewState.APPROVED, at=at))
    return tuple(sorted(found, key=lambda one: one.at))


def _covers_head(
    trail: Known[Trail],
    versions: Fact[tuple[Version, ...]],
    change: MergeRequest,
    at: datetime,
    seen: datetime | None,
) -> Fact[bool]:
    """
    Return whether an approval of that time was given on the final head.

    Commits that were added after it answer no. That there were none is no proof: a push that only drops commits leaves
    no note. So the head has to be seen before the approval: in the server's list of versions, in the last push that
    the notes tell of, or in a pipeline that was made of it by then, be it the head's latest or the one that runs.
    """
    if notes.pushed_since(trail.value.events, at):
        return Known(value=False, source=Source.DERIVED, detail=trail.detail)
    if isinstance(versions, Known) and versions.value:
        newest = versions.value[0]
        fresh = newest.head == change.head and newest.since < at
        return Known(value=fresh, source=versions.source, detail=versions.detail)
    if change.head is not None and notes.shows_head(trail.value.events, change.head, at):
        return Known(value=True, source=Source.DERIVED, detail=trail.detail)
    if change.head_seen_at is not None and change.head_seen_at < at:
        return Known(value=True, source=Source.DERIVED, detail=f"GET merge_requests/{change.iid}: head_pipeline")
    if seen is not None and seen < at:
        return Known(value=True, source=Source.DERIVED, detail="GET /job: pipeline")
    return invisible(
        "nothing that this token is shown tells whether the head was the same when it was approved",
        needs=REPORTER,
        detail=trail.detail,
    )
