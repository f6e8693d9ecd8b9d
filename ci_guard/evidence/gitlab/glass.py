"""Who put a label on a merge request, and when: by GitLab's own events, which nobody can rewrite."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from ci_guard.evidence.gitlab import access, memberships, records, reviews
from ci_guard.evidence.gitlab.client import Client, Sight
from ci_guard.evidence.gitlab.records import MergeRequest
from ci_guard.evidence.rest.shape import ShapeError, checked, integer, optional, record, text, when
from ci_guard.evidence.rest.together import two
from ci_guard.model.fact import Fact, Known, Unknown, unavailable
from ci_guard.model.glass import Labelled
from ci_guard.model.run import Event, Part, Participant, Person, Run, Seat


def get_labelled(client: Client, run: Run, label: str, groups: AbstractSet[str]) -> Fact[Labelled | None]:
    """
    Return who put the label there that is on the merge request now; None where there is none or no merge request.

    The labels any token sees, who put them there a member's only. On GitLab letter case tells labels apart.
    Source: "Resource label events API"; Merge requests API, diff versions.
    """
    if isinstance(run.event, Unknown):
        return run.event
    if run.event.value is not Event.CHANGE:
        return Known(value=None, source=run.event.source, detail=run.event.detail)
    if isinstance(run.change, Unknown):
        return run.change
    if run.change.value is None:
        return Known(value=None, source=run.change.source, detail=run.change.detail)
    change = records.get_merge_request(client, run.change.value.number)
    if isinstance(change, Unknown):
        return change
    if label not in change.value.labels:
        return Known(value=None, source=change.source, detail=change.detail)
    if change.value.head != run.change.value.head:
        return unavailable(f"!{change.value.iid} has moved on since this pipeline started", detail=change.detail)
    log, pushed = two(
        client,
        lambda: _get_last_put(client, change.value.iid, label),
        lambda: _get_pushed(client, change.value),
    )
    if isinstance(log, Unknown):
        return log
    if log.value is None:
        said = f"the events of !{change.value.iid} do not say who put it there"
        return unavailable(said, detail=log.detail)
    person, at = log.value
    held = access.get_members(client, [person])[person.id]
    who = Known(value=Participant(person=person, access=held), source=log.source, detail=log.detail)
    # The part is of no account: the seat only says whose memberships are asked for.
    seats = Known(value=(Seat(part=Part.SENDER, who=who),), source=log.source, detail=log.detail)
    found = Labelled(who=who, at=at, memberships=memberships.get_memberships(client, seats, groups), pushed=pushed)
    return Known(value=found, source=log.source, detail=log.detail)


def _get_last_put(client: Client, iid: int, label: str) -> Fact[tuple[Person, datetime] | None]:
    log = client.get_all(f"merge_requests/{iid}/resource_label_events", sight=Sight.BY_MEMBER, needs=reviews.REPORTER)
    return checked(log, lambda items: last_put(items, label))


def last_put(items: Sequence[Any], label: str) -> tuple[Person, datetime] | None:
    """Return who put the label there last, and when; None where it was taken off since, or nobody is named."""
    put: tuple[Person, datetime] | None = None
    for item in sorted(items, key=lambda each: integer(each, "id")):
        found = optional(item, "label", record)  # null once the label was deleted
        if found is None or text(found, "name") != label:
            continue
        action = text(item, "action")
        if action not in ("add", "remove"):
            raise ShapeError("'action' is neither add nor remove")
        put = (records.person(record(item, "user")), when(item, "created_at")) if action == "add" else None
    return put


def _get_pushed(client: Client, change: MergeRequest) -> Fact[datetime]:
    """Return when the head was pushed: the time of its version, newest first."""
    versions = reviews.get_versions(client, change.iid)
    if isinstance(versions, Unknown):
        return versions
    if not versions.value or versions.value[0].head != change.head:
        return unavailable("the versions do not show the push of the head", detail=versions.detail)
    return Known(value=versions.value[0].since, source=versions.source, detail=versions.detail)
