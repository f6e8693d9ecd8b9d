"""Times as a policy writes them: hours of weekdays, freezes and holidays, on the clocks of one zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from ci_guard.records import dataclass, field

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

DAY_MINUTES: Final = 24 * 60
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""In the order of `date.weekday`."""


@dataclass(frozen=True, kw_only=True)
class Hours:
    """A part of the day. Units: minutes from midnight, the end not included; over midnight where it ends first."""

    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Freeze:
    """A time between two readings of the zone's clocks, both without a zone; the end is not included."""

    start: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """
    Times on the clocks of a zone: the hours of the weekdays, and beside them every freeze and every holiday.

    Shape: without `weekdays` the hours are of every day, without `hours` the weekdays are whole ones; without both
    there is only what is beside them.
    """

    zone: str
    """By the IANA time zone database."""
    weekdays: frozenset[int] = frozenset()
    """0 for Monday. What begins on one of them and runs over midnight belongs to it."""
    hours: tuple[Hours, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    holidays: frozenset[date] = field(default_factory=frozenset)

    def local(self, now: datetime) -> datetime:
        """Return what the zone's clocks show at a moment."""
        return now.astimezone(_zone(self.zone))

    def covers(self, now: datetime) -> bool:
        """Tell whether a moment, aware, lies in any of these times."""
        shown = self.local(now)
        return (
            shown.date() in self.holidays
            or self.in_the_week(shown)
            or any(begin <= now < end for begin, end in self.spans())
        )

    def spans(self) -> Iterator[tuple[datetime, datetime]]:
        """Yield the moments at which each freeze begins and ends, in UTC; the end is not included."""
        for freeze in self.freezes:
            yield self._begins(freeze.start), self._ends(freeze.end)

    def in_the_week(self, shown: datetime) -> bool:
        """
        Tell whether the clocks show one of the hours: an hour that they show twice counts both times.

        Source: PEP 495, "Local Time Disambiguation".
        """
        if not self.weekdays and not self.hours:
            return False
        minute = shown.hour * 60 + shown.minute
        today, yesterday = (self._is_listed(shown.date() - timedelta(days=ago)) for ago in (0, 1))
        for hours in self.hours or (Hours(start=0, end=DAY_MINUTES),):
            if hours.start < hours.end:
                if today and hours.start <= minute < hours.end:
                    return True
            elif (today and minute >= hours.start) or (yesterday and minute < hours.end):
                return True
        return False

    def _is_listed(self, day: date) -> bool:
        return not self.weekdays or day.weekday() in self.weekdays

    def _begins(self, start: datetime) -> datetime:
        """Return the moment, the first one where clocks show it twice or skip it: a freeze is rather too long."""
        return min(self._moments(start))

    def _ends(self, end: datetime) -> datetime:
        return max(self._moments(end))

    def _moments(self, shown: datetime) -> tuple[datetime, datetime]:
        zone = _zone(self.zone)
        first, second = (shown.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc) for fold in (0, 1))
        return first, second


def _zone(name: str) -> ZoneInfo:
    from zoneinfo import ZoneInfo  # for the policies that have a calendar

    return ZoneInfo(name)
