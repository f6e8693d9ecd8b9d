"""Break-glass: one declared path past what denies, for hours, and what is known of whoever took it."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from ci_guard.model.fact import Fact
from ci_guard.model.roles import Membership
from ci_guard.model.run import Participant
from ci_guard.records import dataclass


class By(str, Enum):
    """How the glass is broken."""

    LABEL = "label"
    """Somebody puts a label on the change."""


@dataclass(frozen=True, kw_only=True)
class BreakGlass:
    """What a policy says of it."""

    by: By
    label: str
    """In any letter case."""
    role: str
    """Who may: somebody of this role who neither started the run nor wrote the change."""
    hours: int
    """How long it lasts from then on."""
    place: str
    """File and line, for messages."""
    covers: frozenset[str] = frozenset()
    """`control/requirement` of what its own layer and nearer ones ask: nobody breaks what is asked of them."""


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """The label that is on a change now, by the server's word."""

    who: Fact[Participant]
    """Who put it there last."""
    at: datetime
    """When; aware, UTC."""
    memberships: Fact[tuple[Membership, ...]]
    """Whether they are in the teams that the role names."""
    pushed: Fact[datetime]
    """When the head of the change was pushed, which the label has to come after."""


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

    def __str__(self) -> str:
        """Return what happened, in a sentence without its end."""
        return f"break-glass by {self.who} ({self.how}) at {self.at:%Y-%m-%d %H:%M} UTC, until {self.until:%H:%M} UTC"
