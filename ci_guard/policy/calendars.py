"""Times in a policy file: a zone that exists, and hours, freezes and holidays that can come."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Final

from ci_guard.model.calendar import DAY_MINUTES, WEEKDAYS, Calendar, Freeze, Hours
from ci_guard.policy.document import Node
from ci_guard.policy.reading import distinct, fields_of, items_of, known_word, text_of
from ci_guard.policy.wording import perhaps, quoted, refusal, seen

TIME_KEYS: Final = ("zone", "weekdays", "hours", "freezes", "holidays")
FREEZE_KEYS: Final = ("from", "to")

ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*")
OF_THE_MACHINE: Final = ("localtime", "posixrules", "Factory")
"""Names in the database that mean no zone, or another one on each machine."""
NO_DATABASE: Final = "This machine has no time zone database: install tzdata."
HOURS: Final = re.compile("([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)")
DAY: Final = re.compile("(?:19[7-9]|2[0-9]{2})[0-9]-[0-9]{2}-[0-9]{2}")
MOMENT: Final = re.compile(DAY.pattern + "T[0-9]{2}:[0-9]{2}")
"""On the zone's clocks, so that none has an offset."""


def read_calendar(node: Node) -> Calendar:
    """
    Return the checked form of `time`.

    Raises: `PolicyError` for a zone that the IANA database does not have, and for times that never come.
    """
    fields = fields_of(node, "time", TIME_KEYS, needs=("zone",))
    if len(fields) == 1:
        raise refusal(node.place, "time names no time", expected="weekdays, hours, freezes or holidays")
    return Calendar(
        zone=_zone(fields["zone"]),
        weekdays=_weekdays(fields["weekdays"]) if "weekdays" in fields else frozenset(),
        hours=_hours(fields["hours"]) if "hours" in fields else (),
        freezes=_freezes(fields["freezes"]) if "freezes" in fields else (),
        holidays=_holidays(fields["holidays"]) if "holidays" in fields else frozenset(),
    )


def _zone(node: Node) -> str:
    name = text_of(node, "zone")
    if not _exists(name):
        from zoneinfo import available_timezones

        known = available_timezones()
        hint = perhaps(name, sorted(known - set(OF_THE_MACHINE))) if known else NO_DATABASE
        if hint.startswith("It can be"):  # all six hundred of them
            hint = "For example Europe/Berlin or UTC."
        expected = "a zone of the IANA time zone database"
        raise refusal(node.place, "zone was refused", saw=quoted(name), expected=expected, hint=hint)
    return name


def _exists(name: str) -> bool:
    if not ZONE.fullmatch(name) or name in OF_THE_MACHINE or name.startswith(("posix/", "right/")):
        return False
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):  # a folder of the database is an OSError
        return False
    return True


def _weekdays(node: Node) -> frozenset[int]:
    days = distinct(node, "weekdays")
    return frozenset(WEEKDAYS.index(known_word(day, place, "a weekday", WEEKDAYS)) for day, place in days.items())


def _hours(node: Node) -> tuple[Hours, ...]:
    found = []
    for written, place in distinct(node, "hours").items():
        parts = HOURS.fullmatch(written)
        if parts is None:
            raise refusal(place, "hours were refused", saw=quoted(written), expected='"HH:MM-HH:MM"')
        start = int(parts[1]) * 60 + int(parts[2])
        end = int(parts[3]) * 60 + int(parts[4]) if parts[3] else DAY_MINUTES
        if start == end:
            hint = 'Write "00:00-24:00" for the whole day.'
            raise refusal(place, "hours are empty", saw=quoted(written), expected="an end that is no start", hint=hint)
        found.append(Hours(start=start, end=end))
    return tuple(found)


def _freezes(node: Node) -> tuple[Freeze, ...]:
    found = []
    for item in items_of(node, "freezes"):
        fields = fields_of(item, "a freeze", FREEZE_KEYS, needs=FREEZE_KEYS)
        start, end = _moment(fields["from"], last=False), _moment(fields["to"], last=True)
        if start >= end:
            saw = f"{seen(fields['from'].value)} to {seen(fields['to'].value)}"
            raise refusal(item.place, "a freeze is empty", saw=saw, expected="an end after its start")
        found.append(Freeze(start=start, end=end))
    return tuple(found)


def _moment(node: Node, *, last: bool) -> datetime:
    """Return what the clocks show; a day means its beginning, or as the last one of a freeze its end."""
    what = "to" if last else "from"
    written = text_of(node, what)
    try:
        if MOMENT.fullmatch(written):
            return datetime.fromisoformat(written)
        if DAY.fullmatch(written):
            return datetime.combine(date.fromisoformat(written), time()) + timedelta(days=last)
    except ValueError:
        pass  # a day or a time that no calendar has
    raise refusal(
        node.place, f"{what} was refused", saw=quoted(written), expected="a day as YYYY-MM-DD, or YYYY-MM-DDTHH:MM"
    )


def _holidays(node: Node) -> frozenset[date]:
    found = set()
    for written, place in distinct(node, "holidays").items():
        day = _day(written)
        if day is None:
            raise refusal(place, "a holiday was refused", saw=quoted(written), expected="a day as YYYY-MM-DD")
        found.add(day)
    return frozenset(found)


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written) if DAY.fullmatch(written) else None
    except ValueError:
        return None  # a day that no calendar has
