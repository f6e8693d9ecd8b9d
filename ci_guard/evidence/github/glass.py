"""Who put a label on a pull request, and when: by the timeline, which nobody can rewrite."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Final

from ci_guard.evidence.github import memberships, records
from ci_guard.evidence.github.access import get_access
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.records import Pull
from ci_guard.evidence.rest.shape import ShapeError, record, text, when
from ci_guard.model.fact import Fact, Known, Unknown, unavailable
from ci_guard.model.glass import Labelled
from ci_guard.model.run import Event, Part, Participant, Person, Run, Seat

CHANGES: Final = frozenset({Event.CHANGE, Event.TARGET_CHANGE})


def get_labelled(client: Client, run: Run, label: str, teams: AbstractSet[str]) -> Fact[Labelled | None]:
    """
    Return who put the label there that is on the change now; None where there is no such label or no change.

    The timeline takes `issues: read` or `pull-requests: read`, the activity log `contents: read`.
    Source: REST "List timeline events for an issue", `labeled`; "List repository activities".
    """
    if isinstance(run.event, Unknown):
        return run.event
    if run.event.value not in CHANGES:
        return Known(value=None, source=run.event.source, detail=run.event.detail)
    if isinstance(run.change, Unknown):
        return run.change
    if run.change.value is None:
        return Known(value=None, source=run.change.source, detail=run.change.detail)
    pull = records.get_pull(client, run.change.value.number)
    if isinstance(pull, Unknown):
        return pull
    if not any(_same(name, label) for name in pull.value.labels):
        return Known(value=None, source=pull.source, detail=pull.detail)
    if pull.value.head_sha != run.change.value.head:
        return unavailable(f"#{pull.value.number} has moved on since this run started", detail=pull.detail)
    timeline = client.get_all(f"issues/{pull.value.number}/timeline")
    if isinstance(timeline, Unknown):
        return timeline
    try:
        put = _last_put(timeline.value, label)
    except ShapeError as error:
        return unavailable(f"wrongly shaped answer: {error}", detail=timeline.detail)
    if put is None:
        return unavailable(
            f"the timeline of #{pull.value.number} does not say who put it there", detail=timeline.detail
        )
    person, at = put
    access = get_access(client, person)
    who = Known(value=Participant(person=person, access=access), source=timeline.source, detail=timeline.detail)
    # The part is of no account: the seat only says whose memberships are asked for.
    seats = Known(value=(Seat(part=Part.SENDER, who=who),), source=timeline.source, detail=timeline.detail)
    found = Labelled(
        who=who,
        at=at,
        memberships=memberships.get_memberships(client, seats, teams),
        pushed=_pushed(client, pull.value, run),
    )
    return Known(value=found, source=timeline.source, detail=timeline.detail)


def _last_put(timeline: Sequence[Any], label: str) -> tuple[Person, datetime] | None:
    """Return who put the label there last, and when; None where it was taken off since, or nobody is named."""
    put: tuple[Person, datetime] | None = None
    for entry in timeline:
        if entry.get("event") not in ("labeled", "unlabeled") or not _same(text(record(entry, "label"), "name"), label):
            continue
        put = None
        if entry["event"] == "labeled":
            put = records.person(entry.get("actor")), when(entry, "created_at")
    return put


def _pushed(client: Client, pull: Pull, run: Run) -> Fact[datetime]:
    """Return when the head was pushed: of a fork that is not shown."""
    if str(pull.head_repository_id) != run.repository_id:
        return unavailable("the log of a fork is not shown")
    pushes = records.get_pushes(client, pull.head_ref)
    if isinstance(pushes, Unknown):
        return pushes
    if not pushes.value or pushes.value[0].after != pull.head_sha:
        return unavailable("the activity log does not show the push of the head", detail=pushes.detail)
    return Known(value=pushes.value[0].at, source=pushes.source, detail=pushes.detail)


def _same(name: str, label: str) -> bool:
    """Tell whether two labels are the same; on GitHub letter case does not tell them apart."""
    return name.casefold() == label.casefold()
