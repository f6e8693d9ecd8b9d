"""What a policy says as plain data, as it is written in a file: the way back from what `contexts` and others read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from enum import Enum
from typing import Any, Final, TypeAlias

from ci_guard.model.admission import ANY, Row
from ci_guard.model.calendar import DAY_MINUTES, WEEKDAYS, Calendar, Freeze, Hours
from ci_guard.model.context import Machine, When, Who
from ci_guard.model.glass import BreakGlass
from ci_guard.model.kinds import Level
from ci_guard.model.roles import Role
from ci_guard.model.settings import Bot
from ci_guard.model.waiver import Baseline, Waiver
from ci_guard.policy.glass import PLACES
from ci_guard.policy.scalar import resolve

Fields: TypeAlias = dict[str, Any]

WORD: Final = re.compile("[a-z][a-z0-9-]*")


def flow(value: object) -> str:
    """
    Return a value as YAML in flow style, which is JSON: it reads back as the same, whatever a text holds.

    A word stands without quotes where it stands alone and means no other kind of value.
    """
    if isinstance(value, str) and WORD.fullmatch(value) and isinstance(resolve(value), str):
        return value
    return json.dumps(value, ensure_ascii=True)


def words(chosen: Iterable[Enum]) -> list[str]:
    """Return words of an enum in the order of its definition."""
    some = frozenset(chosen)
    return [each.value for each in type(next(iter(some))) if each in some] if some else []


def levels(chosen: frozenset[Level]) -> list[str]:
    """Return levels, the lowest first."""
    return [level.word for level in Level if level in chosen]


def bots(accounts: Iterable[Bot]) -> list[Fields]:
    """Return accounts."""
    return [{"login": bot.login, "id": bot.id} for bot in accounts]


def said(fields: Mapping[str, Any]) -> Fields:
    """Return the fields that say something."""
    return {key: value for key, value in fields.items() if value}


def role_fields(role: Role) -> Fields:
    """Return one entry of `roles`."""
    return said(
        {
            "name": role.name,
            "users": bots(role.users),
            "bots": bots(role.bots),
            "teams": list(role.teams),
            "groups": list(role.groups),
            "levels": levels(role.levels),
        }
    )


def row_fields(row: Row) -> Fields:
    """Return one row of `admission`."""
    return {
        "role": row.role,
        "events": [ANY] if row.any_event else words(row.events),
        "refs": list(row.refs),
        "environments": list(row.environments),
    }


def when_fields(when: When) -> Fields:
    """Return the conditions of a context."""
    return said(
        {
            "environment": list(when.environments),
            "ref": list(when.refs),
            "event": words(when.events),
            "platform": words(when.platforms),
            "visibility": words(when.visibilities),
            "actor": _who(when.actor) if when.actor else None,
            "author": _who(when.author) if when.author else None,
            "changed-paths": list(when.changed_paths),
            "labels": list(when.labels),
            "time": _time(when.time) if when.time else None,
            "runner": _runner(when.runner) if when.runner else None,
        }
    )


def _who(who: Who) -> Fields:
    return said(
        {"login": list(who.logins), "id": sorted(who.ids), "level": levels(who.levels), "role": list(who.roles)}
    )


def _runner(machine: Machine) -> Fields:
    return said({"host": words(machine.hosts), "labels": list(machine.labels)})


def _time(calendar: Calendar) -> Fields:
    return said(
        {
            "zone": calendar.zone,
            "weekdays": [WEEKDAYS[day] for day in sorted(calendar.weekdays)],
            "hours": [_hours(hours) for hours in calendar.hours],
            "freezes": [_freeze(freeze) for freeze in calendar.freezes],
            "holidays": [day.isoformat() for day in sorted(calendar.holidays)],
        }
    )


def _hours(hours: Hours) -> str:
    start, end = (f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (hours.start, hours.end))
    return f"{start}-{end if hours.end != DAY_MINUTES else '24:00'}"


def _freeze(freeze: Freeze) -> dict[str, str]:
    """Return a freeze by its days where it is of whole ones: the end is not included, the last day is."""
    begins, ends = (moment.time() == time() for moment in (freeze.start, freeze.end))
    last = freeze.end - timedelta(days=1) if ends else freeze.end
    return {"from": _moment(freeze.start, whole=begins), "to": _moment(last, whole=ends)}


def _moment(shown: datetime, *, whole: bool) -> str:
    return shown.date().isoformat() if whole else shown.isoformat(timespec="minutes")


def waiver_fields(waiver: Waiver) -> Fields:
    """Return one entry of `waivers`."""
    return said(
        {
            "control": waiver.control,
            "requirement": waiver.requirement,
            "subject": waiver.subject,
            **_account(waiver),
            "since": waiver.since.isoformat() if waiver.since else None,
            "fingerprints": sorted(waiver.fingerprints),
            "reason": waiver.reason,
            "until": waiver.until.isoformat(),
        }
    )


def baseline_fields(baseline: Baseline) -> Fields:
    """Return `baseline`."""
    return said({"file": baseline.file, "until": baseline.until.isoformat(), **_account(baseline)})


def _account(pardon: Waiver | Baseline) -> dict[str, str]:
    return {"owner": pardon.owner, "ticket": pardon.ticket, "approved-by": pardon.approved_by}


def glass_fields(glass: BreakGlass) -> Fields:
    """Return `break-glass`."""
    means, review = glass.means, glass.review
    place = PLACES[means.by]
    return said(
        {
            "by": means.by.value,
            place: means.name,
            "input": means.input,
            "workflow": means.workflow,
            "role": glass.role,
            "hours": glass.hours,
            "review": {place: review.name, "role": review.role, "days": review.days} if review else None,
        }
    )
