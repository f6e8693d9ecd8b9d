"""Accepted failures and unknowns, each with a reason and an end."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from ci_guard.model.judgement import Judgement
from ci_guard.records import dataclass

ENDS_SOON: Final = timedelta(days=14)
"""A waiver warns this long before its end."""


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """An accepted failure or unknown with an end. Days are in UTC."""

    control: str
    requirement: str
    subject: str | None
    """Exact; None covers all subjects."""
    reason: str
    until: date
    """The last day on which it counts."""
    place: str
    """File and line, for messages."""
    since: date | None = None
    """The first day on which it counts; None for no such day."""
    fingerprints: frozenset[str] = frozenset()
    """Of single judgements, SHA-256 in hex; empty covers all."""
    owner: str = ""
    """Who answers for it, by any name; empty where nobody is named. So with the next two."""
    ticket: str = ""
    approved_by: str = ""
    max_days: int | None = None
    """How long a waiver of its layer may last; None without limit."""

    def covers(self, judgement: Judgement) -> bool:
        """Tell whether it speaks of this judgement, which has its fingerprint by now."""
        return (
            (self.control, self.requirement) == (judgement.control, judgement.requirement)
            and self.subject in (None, judgement.subject)
            and (not self.fingerprints or judgement.fingerprint in self.fingerprints)
        )

    def lasts_too_long(self, today: date) -> bool:
        """Tell whether its end is further off than it may be; one with a first day was measured from it already."""
        return self.max_days is not None and self.since is None and (self.until - today).days > self.max_days

    def counts(self, today: date) -> bool:
        """Tell whether it counts on a day: the first and the last one included."""
        begun = self.since is None or self.since <= today
        return begun and today <= self.until and not self.lasts_too_long(today)

    def overlaps(self, other: Waiver) -> bool:
        """Tell whether there can be a judgement that both speak of."""
        return (
            (self.control, self.requirement) == (other.control, other.requirement)
            and (None in (self.subject, other.subject) or self.subject == other.subject)
            and not (self.fingerprints and other.fingerprints and self.fingerprints.isdisjoint(other.fingerprints))
        )

    def __str__(self) -> str:
        """Return what it is for and where it stands, for messages."""
        subject = f" ({self.subject})" if self.subject else ""
        return f"Waiver for {self.control}/{self.requirement}{subject} at {self.place}"


@dataclass(frozen=True, kw_only=True)
class KnownFailure:
    """A failure that was there when a project began to be judged."""

    control: str
    requirement: str
    subject: str
    fingerprint: str
    """SHA-256 in hex."""
    since: date
    """The day in UTC on which it was recorded."""

    def is_this(self, judgement: Judgement) -> bool:
        """Tell whether a judgement, which has its fingerprint by now, is about the same thing."""
        return (self.control, self.requirement, self.subject, self.fingerprint) == (
            judgement.control,
            judgement.requirement,
            judgement.subject,
            judgement.fingerprint,
        )


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """Known failures, waived until a day so that new ones alone deny: it shrinks, and never grows by itself."""

    file: str
    """Its path in the ref that the policy is read from, with `/`."""
    until: date
    """The last day, in UTC, on which it counts."""
    place: str
    """File and line that name it, for messages."""
    owner: str = ""
    """Who answers for it, by any name; empty where nobody is named. So with the next two."""
    ticket: str = ""
    approved_by: str = ""
    max_days: int | None = None
    """How far off its end may be on the day of a run; None without limit."""
    covers: frozenset[str] = frozenset()
    """`control/requirement` of what the layer of the file itself asks: nobody waives what is asked of them."""
    sha256: str = ""
    """Of the file, in hex; empty where there is none."""
    known: tuple[KnownFailure, ...] = ()

    def lasts_too_long(self, today: date) -> bool:
        """Tell whether its end is further off than it may be."""
        return self.max_days is not None and (self.until - today).days > self.max_days

    def counts(self, today: date) -> bool:
        """Tell whether it counts on a day, the last one included."""
        return today <= self.until and not self.lasts_too_long(today)

    def knows(self, judgement: Judgement) -> KnownFailure | None:
        """Return what it knows of a judgement that it may waive; None of any other."""
        if f"{judgement.control}/{judgement.requirement}" not in self.covers:
            return None
        return next((one for one in self.known if one.is_this(judgement)), None)
