"""Break-glass: one declared path past what denies, for hours, and what is known of whoever took it."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from ci_guard.model.fact import Fact, Source
from ci_guard.model.roles import Membership
from ci_guard.model.run import Participant, Person
from ci_guard.records import dataclass


class By(str, Enum):
    """How the glass is broken."""

    LABEL = "label"
    """Somebody puts a label on the change."""
    DISPATCH = "dispatch"
    """Somebody starts a run by hand or by the API, and a second person approves it for an environment."""


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a platform is asked about: where a second person says so, and where the first one does."""

    by: By
    name: str
    """The label, or the environment."""
    input: str = ""
    """Of a dispatch, the input that says why; empty where none is asked for."""


@dataclass(frozen=True, kw_only=True)
class Closing:
    """How what was let through is reviewed afterwards: by a label that somebody of a role puts on the merged change."""

    label: str
    role: str
    days: int
    """How far back later runs look, from when a change was merged."""


@dataclass(frozen=True, kw_only=True)
class BreakGlass:
    """What a policy says of it."""

    means: Means
    role: str
    """Who may: somebody of this role who neither started the run nor wrote the change."""
    hours: int
    """How long it lasts from then on."""
    place: str
    """File and line, for messages."""
    covers: frozenset[str] = frozenset()
    """`control/requirement` of what its own layer and nearer ones ask: nobody breaks what is asked of them."""
    review: Closing | None = None
    """None where later runs do not look for what was let through."""

    @property
    def lookback(self) -> Lookback | None:
        """Return what is asked about what was merged."""
        if self.review is None:
            return None
        return Lookback(label=self.means.name, reviewed=self.review.label, days=self.review.days)


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a second person did, by the server's word: a label that is on the change now, or an answer to the run."""

    who: Fact[Participant]
    at: datetime
    """When, or the earliest that it can have been; aware, UTC."""
    approved: bool = True
    """False where somebody said no."""
    reason: str = ""
    """What they wrote: one line of a stranger's text."""


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """What is known of one path in this run."""

    means: Means
    grants: Fact[tuple[Grant, ...]]
    """Empty where nobody took it, or where the event is none on which one can."""
    memberships: Fact[tuple[Membership, ...]]
    """Whether the people in `grants` are in the teams that roles name."""
    since: Fact[datetime | None]
    """When the head of the change was pushed, which a label has to come after; None where there is no change."""
    asked: Fact[str | None]
    """What whoever started the run wrote for a reason: one line of a stranger's text; None where they wrote nothing."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Why somebody started a run that breaks the glass, and who vouches for that they said so."""

    text: str
    source: Source


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A glass that is broken: by whom, since when and until when. Times are aware, in UTC."""

    by: By
    who: str
    """Login and numeric id."""
    how: str
    """By what they hold the role."""
    at: datetime
    until: datetime
    place: str
    """Where the policy allows it."""
    covers: frozenset[str]
    reason: str = ""
    """What they wrote; empty where nothing asks for it."""
    asked: Asked | None = None

    def __str__(self) -> str:
        """Return what happened, in a sentence without its end."""
        said = f"break-glass by {self.who} ({self.how}) at {self.at:%Y-%m-%d %H:%M} UTC, until {self.until:%H:%M} UTC"
        asked = f"; asked for with: {self.asked.text} (by {self.asked.source.value})" if self.asked else ""
        return f"{said}: {self.reason}{asked}" if self.reason else said


@dataclass(frozen=True, kw_only=True)
class Lookback:
    """What a platform is asked about what was merged."""

    label: str
    """The label that broke the glass."""
    reviewed: str
    """The label that says it was reviewed."""
    days: int


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A label that somebody put on a change, by the server's word."""

    who: Person
    at: datetime
    """Aware, UTC."""


@dataclass(frozen=True, kw_only=True)
class Merged:
    """A change that was merged and has, or had, the label that breaks the glass."""

    reference: str
    """`#12` or `!7`."""
    url: str
    author: Person | None
    """None once the account was deleted."""
    merged_at: datetime
    labelled: bool
    """Whether it has that label now."""
    broken: Fact[Mark | None]
    """Who put that label there last before the merge; None where nobody had."""
    reviewed: Fact[Grant | None]
    """Who put the other label there, if it is there now."""


@dataclass(frozen=True, kw_only=True)
class Aftermath:
    """What is known of what was merged by break-glass."""

    lookback: Lookback
    changes: Fact[tuple[Merged, ...]]
    """Newest merge first."""
    since: datetime
    """From when on it is known."""
    cut: bool
    """Whether that is later than asked for, because there was too much to read."""
    memberships: Fact[tuple[Membership, ...]]
    """Whether those who reviewed are in the teams that roles name."""


@dataclass(frozen=True, kw_only=True)
class Unreviewed:
    """A merged change that waits for its review."""

    reference: str
    url: str
    who: str
    """Login and numeric id of whoever put the label there; empty where that is unknown."""
    at: datetime | None
    """When; None where that is unknown."""
    merged_at: datetime
    why: str
    """Why it counts as not reviewed: a clause."""

    def __str__(self) -> str:
        """Return what is to be reviewed, in a sentence without its end."""
        by = f" (the label put there by {self.who})" if self.who else ""
        return f"{self.reference} was merged at {self.merged_at:%Y-%m-%d %H:%M} UTC by break-glass{by}; {self.why}"
