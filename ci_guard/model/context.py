"""Named contexts: under which conditions a policy asks for more."""

from __future__ import annotations

from ci_guard.model.calendar import Calendar
from ci_guard.model.circumstances import Host, Visibility
from ci_guard.model.kinds import Level
from ci_guard.model.run import Event, Platform
from ci_guard.records import dataclass


@dataclass(frozen=True, kw_only=True)
class Who:
    """People that a condition is about. Empty is what it does not ask; of what it asks, everything has to be so."""

    logins: tuple[str, ...] = ()
    """In any letter case."""
    ids: frozenset[int] = frozenset()
    levels: frozenset[Level] = frozenset()
    """The levels themselves: somebody who holds more is not meant."""
    roles: tuple[str, ...] = ()
    """Names of the policy's roles."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Runners that a condition is about; empty is what it does not ask."""

    hosts: frozenset[Host] = frozenset()
    labels: tuple[str, ...] = ()
    """Patterns, one of which has to fit a label, in any letter case."""


@dataclass(frozen=True, kw_only=True)
class When:
    """
    Conditions, all of which have to hold; of a list, one entry has to. Empty is what is not asked.

    Patterns are in the language of `refs`: `*` stops at `/`, `**` does not.
    """

    environments: tuple[str, ...] = ()
    """Patterns, in any letter case."""
    refs: tuple[str, ...] = ()
    """`default`, branches and patterns of them; behind `tag:`, tags. Of a change: its target."""
    events: frozenset[Event] = frozenset()
    platforms: frozenset[Platform] = frozenset()
    visibilities: frozenset[Visibility] = frozenset()
    actor: Who | None = None
    """Whoever caused the run or started it again: one of them."""
    author: Who | None = None
    """One of the authors of the changes."""
    changed_paths: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    """Patterns, in any letter case."""
    time: Calendar | None = None
    runner: Machine | None = None


@dataclass(frozen=True, kw_only=True)
class Context:
    """A context: what it asks for is in the policy that holds it."""

    name: str
    place: str
    """File and line, for messages."""
    when: When
