"""Who starts a run, and which roles they hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ci_guard.model.fact import Fact, Known, Unknown, unavailable
from ci_guard.model.facts import Facts
from ci_guard.model.roles import Role, standing
from ci_guard.model.run import Event, Part, Participant, Run
from ci_guard.model.settings import Settings

STARTERS: Final = (Part.ACTOR, Part.TRIGGERING_ACTOR)
"""Whoever caused the run, and whoever started it again: they may differ, and both count."""

QUEUE_ITSELF: Final = "the queue's own account acts here, and it is no person"

NOBODY: Final = unavailable("nobody is named who started the run")


def circles_of(names: Iterable[str], settings: Settings, run: Run) -> frozenset[str]:
    """Return the teams or groups that it takes to know who holds these roles."""
    roles = [settings.roles[name] for name in names if name in settings.roles]
    return frozenset(circle for role in roles for circle in role.circles(run.platform))


def starters(facts: Facts) -> Iterator[tuple[str, Fact[Participant]]]:
    """Yield login and participant of everybody who starts the run, each account once; at least one."""
    if isinstance(facts.people, Unknown):
        yield "", facts.people
        return
    seats = [seat.who for seat in facts.people.value if seat.part in STARTERS]
    seen: dict[object, tuple[str, Fact[Participant]]] = {}
    for who in seats or [NOBODY]:
        if isinstance(who, Known):
            seen.setdefault(who.value.person.id, (who.value.person.login, who))
        else:
            seen.setdefault(who, ("", who))
    yield from seen.values()


def ways(
    names: Iterable[str], who: Known[Participant], roles: Mapping[str, Role], facts: Facts
) -> list[tuple[str, Fact[str]]]:
    """Return of each role by what somebody holds it; empty where by nothing."""
    return [
        (name, standing(roles[name], who, facts.run.platform, facts.memberships)) for name in names if name in roles
    ]


def is_queue(run: Run, participant: Participant) -> bool:
    """Tell whether somebody is the queue's own account, where the queue starts the run."""
    queued = isinstance(run.event, Known) and run.event.value is Event.QUEUE
    return queued and participant.automation_of_platform
