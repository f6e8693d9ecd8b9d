"""Break-glass: one declared path past what denies, for hours, and what is known of whoever took it."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Final

from ci_guard.model.fact import Cause, Fact, Source, Unknown
from ci_guard.model.roles import Membership
from ci_guard.model.run import Participant, Person
from ci_guard.records import dataclass

NOT_RECORDED: Final = Unknown(reason="nobody asked", cause=Cause.UNAVAILABLE)
"""Stands for what a run of an earlier version did not ask."""


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
    workflow: str = ""
    """Of a dispatch on GitHub, the file of the one workflow by which it can be done; empty where any will do."""


@dataclass(frozen=True, kw_only=True)
class Closing:
    """How what was let through is reviewed afterwards, by somebody of a role and by the means that broke the glass."""

    name: str
    """The label that they put on the merged change, or the environment for which they approve the same run."""
    role: str
    days: int
    """How far back later runs look, from when a change was merged or a run could last break the glass."""


@dataclass(frozen=True, kw_only=True)
class BreakGlass:
    """What a policy says of it."""

    means: Means
    role: str
    """Who may: somebody of this role who neither started the run nor had a part in the change."""
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
        """Return what is asked about what was let through."""
        if self.review is None:
            return None
        hours = self.hours if self.means.by is By.DISPATCH else 0
        return Lookback(means=self.means, reviewed=self.review.name, days=self.review.days, hours=hours)


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
    elsewhere: str = ""
    """The workflow that the run is of, where that is not the declared one."""
    contributors: Fact[tuple[Person, ...]] = NOT_RECORDED
    """Who else had a part in the change; empty where there is no change, or where nobody put the label there."""


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
    """What a platform is asked about what was let through."""

    means: Means
    """What broke the glass."""
    reviewed: str
    """The label, or the environment, that says it was reviewed."""
    days: int
    hours: int
    """How much further back: so long after it was made a run can break the glass. A label does so by the merge."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A label that somebody put on a change, or their approval of a run, by the server's word."""

    who: Person
    at: datetime
    """When, or the earliest that it can have been; aware, UTC."""


@dataclass(frozen=True, kw_only=True)
class Passed:
    """A change that was merged and has, or had, the label that breaks the glass; or a run that somebody dispatched."""

    reference: str
    """`#12` or `!7`; `run 17` or `pipeline 17`."""
    url: str
    at: datetime
    """When the change was merged, or the run was made."""
    people: Fact[tuple[Person, ...]]
    """Who cannot be the third person: the change's author; whoever started, re-ran or approved the run."""
    marked: bool
    """Whether it has that label now."""
    broken: Fact[Mark | None]
    """Who put that label there last before the merge, or approved the run last; None where nobody had."""
    reviewed: Fact[tuple[Grant, ...]]
    """Who put the other label there, if it is there now, or approved the run for the other environment."""


@dataclass(frozen=True, kw_only=True)
class Aftermath:
    """What is known of what was let through by break-glass."""

    lookback: Lookback
    passed: Fact[tuple[Passed, ...]]
    """Newest first."""
    since: datetime
    """From when on it is known."""
    cut: bool
    """Whether that is later than asked for, because there was too much to read."""
    memberships: Fact[tuple[Membership, ...]]
    """Whether those who reviewed are in the teams that roles name."""


@dataclass(frozen=True, kw_only=True)
class Unreviewed:
    """What was let through and waits for its review."""

    by: By
    reference: str
    url: str
    who: str
    """Login and numeric id of whoever put the label there or approved the run; empty where that is unknown."""
    at: datetime | None
    """When; None where that is unknown."""
    passed_at: datetime
    """When the change was merged, or the run was made."""
    why: str
    """Why it counts as not reviewed: a clause."""

    def __str__(self) -> str:
        """Return what is to be reviewed, in a sentence without its end."""
        done, how = {By.LABEL: ("merged", "the label put there"), By.DISPATCH: ("made", "approved")}[self.by]
        by = f" ({how} by {self.who})" if self.who else ""
        went = f"{self.reference} was {done} at {self.passed_at:%Y-%m-%d %H:%M} UTC"
        return f"{went}{'' if self.by is By.LABEL else ' and let through'} by break-glass{by}; {self.why}"
