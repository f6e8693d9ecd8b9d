"""The wall: who may run which event, on which ref, for which environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ci_guard.model.kinds import Level
from ci_guard.model.roles import EVERYBODY, Role
from ci_guard.model.run import Event
from ci_guard.records import dataclass

ANY: Final = "any"
"""In a row: every event, every ref, every environment; and none as well."""
NO_ENVIRONMENT: Final = "none"
"""In a row: a run for which nobody names an environment."""

EVERY: Final = frozenset({ANY, "*", "**"})
"""Patterns that leave no environment out, or none that anybody would notice."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one role may run."""

    role: str
    """A role of the policy, or `everybody`."""
    events: frozenset[Event]
    """All of them where the policy wrote `any`."""
    any_event: bool
    """Whether even one that nobody knows is meant."""
    refs: tuple[str, ...]
    """As in `When.refs`, or `any`."""
    environments: tuple[str, ...]
    """Names and patterns as they are written, `none`, or `any`."""
    place: str
    """File and line, for messages."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """The rows of one layer, of which one has to admit a run."""

    rows: tuple[Row, ...]
    place: str


def blanket(table: Table, roles: dict[str, Role]) -> Iterator[str]:
    """Yield a warning for each row that gives a role every environment, or everybody anything."""
    for row in table.rows:
        role = roles.get(row.role)
        anybody = row.role == EVERYBODY or (role is not None and Level.NONE in role.levels)
        everywhere = bool(EVERY & set(row.environments))
        if anybody:
            where = "in every environment" if everywhere else f"for {', '.join(row.environments)}"
            yield f"Blanket permission at {row.place}: {row.role} admits whoever it is, {where}."
        elif everywhere:
            yield f"Blanket permission at {row.place}: {row.role} may run in every environment."
