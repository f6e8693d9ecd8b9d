"""What GitLab's own notes below a merge request say of its reviews and pushes. Pure: notes in, events out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Final

from ci_guard.evidence.gitlab.records import nullable_person
from ci_guard.evidence.rest.shape import boolean, integer, optional, text, when
from ci_guard.model.review import ReviewState
from ci_guard.model.run import Person
from ci_guard.records import dataclass


class Deed(Enum):
    """What a note tells."""

    APPROVED = "approved"
    UNAPPROVED = "unapproved"
    REJECTED = "requested changes"
    RESET = "approvals reset"
    PUSHED = "commits added"
    RETARGETED = "target branch changed"


WORDINGS: Final = tuple(
    (deed, re.compile(wording, re.IGNORECASE | re.DOTALL))
    for deed, wording in (
        (Deed.APPROVED, r"approved this merge request\.?"),
        (Deed.UNAPPROVED, r"(?:un|dis)approved this merge request\.?"),
        (Deed.UNAPPROVED, r"revoked approval for this merge request\b.*"),
        (Deed.REJECTED, r"requested changes(?: to this merge request)?\.?"),
        (Deed.RESET, r"reset approvals from (?P<names>.+?)(?: by pushing to the branch)?\.?"),
        (Deed.PUSHED, r"added [0-9]+ (?:new )?commits?\b(?P<list>.*)"),
        (Deed.PUSHED, r"restored source branch\b.*"),
        (Deed.RETARGETED, r"changed target branch from\b.*"),
        (Deed.RETARGETED, r"target branch changed from\b.*"),
        (Deed.RETARGETED, r"deleted the .* branch\. this merge request now targets\b.*"),
    )
)
"""
The whole of a note, so that a title or branch that a note quotes cannot pass for one. Letter case does not count, as
older versions wrote a capital first.

Source: `app/services/system_notes/merge_requests_service.rb` and `commit_service.rb`, with their history; for resets
the same of the paid editions.
"""

_LISTED: Final = re.compile(r"(?:<li>|^[ \t]*\*[ \t]+)(?P<commit>[0-9a-f]{7,40})[ \t]+-[ \t]", re.MULTILINE)
"""A commit in the list of an "added commits" note: as HTML, in older versions as Markdown."""
_NAME: Final = re.compile(r"@([A-Za-z0-9_.][A-Za-z0-9_.-]*)")


@dataclass(frozen=True, kw_only=True)
class Event:
    """What a note tells, when, and of whom."""

    deed: Deed
    at: datetime
    by: Person | None
    """None for an account that is gone."""
    names: frozenset[str] = frozenset()
    """Of a reset: whose approvals, by username in lower case."""
    head: str = ""
    """Of a push: the abbreviated id of the last commit that the note lists."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What somebody said of the merge request, or what became of it."""

    reviewer: Person
    state: ReviewState
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Named:
    """An account with what else answers say of it: what commits may call it by."""

    person: Person
    name: str
    email: str


def read(notes: Iterable[Any]) -> tuple[Event, ...]:
    """
    Return the events, oldest first.

    Only what GitLab itself wrote counts: anybody can comment the same words. What an import brought along was written
    by whoever made the file.

    Source: Notes API, `system`, `imported`.
    """
    found: list[tuple[datetime, int, Event]] = []
    for note in notes:
        if not boolean(note, "system") or optional(note, "imported", boolean):
            continue
        at, number, body = when(note, "created_at"), integer(note, "id"), text(note, "body").strip()
        event = _event(body, at, nullable_person(note, "author"))
        if event is not None:
            found.append((at, number, event))
    return tuple(event for _, _, event in sorted(found, key=lambda one: one[:2]))


def _event(body: str, at: datetime, by: Person | None) -> Event | None:
    for deed, wording in WORDINGS:
        match = wording.fullmatch(body)
        if match is None:
            continue
        parts = match.groupdict()
        listed = _LISTED.findall(parts.get("list") or "")
        names = frozenset(name.lower() for name in _NAME.findall(parts.get("names") or ""))
        return Event(deed=deed, at=at, by=by, names=names, head=listed[-1] if listed else "")
    return None


def verdicts(events: Sequence[Event]) -> tuple[Verdict, ...]:
    """
    Return who approved, asked for changes, and what was taken back, oldest first.

    Taking an approval back does not take a request for changes back: GitLab does the first of itself when somebody asks
    for changes. A reset that names somebody who cannot be found, as after a renaming, is one of everybody's approval.

    Source: "Merge request reviews", request changes; "Merge request approval settings", remove all approvals.
    """
    found: list[Verdict] = []
    standing: dict[int, Verdict] = {}

    def add(person: Person, state: ReviewState, at: datetime) -> None:
        standing[person.id] = Verdict(reviewer=person, state=state, at=at)
        found.append(standing[person.id])

    for event in events:
        if event.deed is Deed.RESET:
            approving = [one.reviewer for one in standing.values() if one.state is ReviewState.APPROVED]
            everybody = not event.names <= {person.login.lower() for person in approving}
            for person in approving:
                if everybody or person.login.lower() in event.names:
                    add(person, ReviewState.DISMISSED, event.at)
        elif event.by is None:
            continue
        elif event.deed is Deed.APPROVED:
            add(event.by, ReviewState.APPROVED, event.at)
        elif event.deed is Deed.REJECTED:
            add(event.by, ReviewState.REJECTED, event.at)
        elif event.deed is Deed.UNAPPROVED:
            before = standing.get(event.by.id)
            if before is not None and before.state is ReviewState.APPROVED:
                add(event.by, ReviewState.DISMISSED, event.at)
    return tuple(found)


def pushes(events: Sequence[Event]) -> tuple[Event, ...]:
    """Return the pushes to the source branch, rebases by the button included; the author is whoever did it."""
    return tuple(event for event in events if event.deed is Deed.PUSHED)


def pushed_since(events: Sequence[Event], at: datetime) -> bool:
    """Tell whether commits were added at that moment or later; a note may be written seconds after its push."""
    return any(event.at >= at for event in pushes(events))


def retargeted_since(events: Sequence[Event], at: datetime) -> bool:
    """Tell whether the merge request got another target at that moment or later."""
    return any(event.deed is Deed.RETARGETED and event.at >= at for event in events)


def shows_head(events: Sequence[Event], head: str, at: datetime) -> bool:
    """Tell whether the last push before that moment put this head there, by the notes alone."""
    last = next((event for event in reversed(pushes(events)) if event.at < at), None)
    return last is not None and bool(last.head) and head.startswith(last.head)


def named(values: Iterable[Any]) -> tuple[Named, ...]:
    """Return the accounts of these answers (`UserBasic`), each once."""
    found: dict[int, Named] = {}
    for value in values:
        person = nullable_person({"author": value}, "author")
        if person is not None:
            name, email = (optional(value, key, text) or "" for key in ("name", "public_email"))
            found[person.id] = Named(person=person, name=name, email=email)
    return tuple(found.values())
