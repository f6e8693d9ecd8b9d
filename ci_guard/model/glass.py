"""Break-glass: one declared path past what denies, for hours, and what is known of whoever took it."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from ci_guard.model.fact import Fact, Source
from ci_guard.model.roles import Membership
from ci_guard.model.run import Participant
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
        return f"{said}: {self.reason}" if self.reason else said
