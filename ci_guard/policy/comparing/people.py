"""What differs in who holds a role, and in who is admitted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from ci_guard.model import kinds
from ci_guard.model.admission import ANY, Row, Table
from ci_guard.model.kinds import Names
from ci_guard.model.roles import EVERYBODY, Role
from ci_guard.model.settings import Policy
from ci_guard.policy.comparing.change import LOOSER, NEITHER, OTHER, STRICTER, Change, listed, present
from ci_guard.policy.layer import Asked, Layer
from ci_guard.policy.roles import REQUIREMENTS
from ci_guard.policy.writing import flow, role_fields, row_fields


def role_changes(old: Policy, new: Policy, layers: Sequence[Layer]) -> Iterator[Change]:
    """
    Yield what differs in who holds a role.

    Whoever joins a role that lets in is let in, which is looser; one that a context speaks of makes it apply more
    often, which is stricter. `layers` are both policies', by which a role is used.
    """
    lets_in = {name for layer in layers for name in _letting_in(layer)}
    watched = {name for layer in layers for name in _watched(layer)}
    for name in dict.fromkeys((*old.roles, *new.roles)):
        what, before, after = f"role {name}", old.roles.get(name), new.roles.get(name)
        yield from present(what, *(flow(role_fields(each)) if each else None for each in (before, after)), more=NEITHER)
        if before and after:
            more = {(True, False): LOOSER, (False, True): STRICTER, (True, True): OTHER}
            yield from listed(
                what, _held(before), _held(after), more=more.get((name in lets_in, name in watched), NEITHER)
            )


def _held(role: Role) -> list[str]:
    """Return by what a role is held. People count by their id."""
    return [
        *(f"user {user.id}" for user in role.users),
        *(f"bot {bot.login.casefold()} ({bot.id})" for bot in role.bots),
        *(f"team {team}" for team in role.teams),
        *(f"group {group}" for group in role.groups),
        *(f"level {level.word}" for level in sorted(role.levels, key=lambda level: level.value)),
    ]


def _letting_in(layer: Layer) -> Iterator[str]:
    if layer.break_glass:
        glass = layer.break_glass.value
        yield from (glass.role, *([glass.review.role] if glass.review else []))
    yield from (row.role for table in layer.admission for row in table.value.rows)
    yield from _required(layer.controls)
    for each in layer.contexts:
        yield from _required(each.adds.controls)


def _required(controls: Mapping[str, Asked]) -> Iterator[str]:
    for stated in (asked.require.get(name) for asked in controls.values() for name in REQUIREMENTS):
        if stated and isinstance(stated.value, Names):
            yield from kinds.names(stated.value)


def _watched(layer: Layer) -> Iterator[str]:
    for each in layer.contexts:
        for who in (each.context.when.actor, each.context.when.author):
            yield from who.roles if who else ()


def table_changes(old: Sequence[Table], new: Sequence[Table]) -> Iterator[Change]:
    """
    Yield rows that admit what no row of the other policy's table admits.

    Each table has to admit a run, so that a further one is stricter. Tables of several layers are compared in their
    order.
    """
    for number, (before, after) in enumerate(zip_longest(old, new), 1):
        what = f"admission, table {number}" if max(len(old), len(new)) > 1 else "admission"
        yield from present(what, _rows(before), _rows(after), more=STRICTER)
        if before and after:
            one, other = (
                [flow(row_fields(row)) for row in some.rows if not any(_within(row, wide) for wide in rest.rows)]
                for some, rest in ((before, after), (after, before))
            )
            yield from listed(what, one, other, more=LOOSER)


def _rows(table: Table | None) -> str | None:
    return None if table is None else f"{len(table.rows)} row{'' if len(table.rows) == 1 else 's'}"


def _within(inner: Row, outer: Row) -> bool:
    """Tell whether a row admits nothing that another one does not."""
    return (
        outer.role in (EVERYBODY, inner.role)
        and inner.events <= outer.events
        and (outer.any_event or not inner.any_event)
        and all(_in(inside, outside) for inside, outside in _lists(inner, outer))
    )


def _lists(inner: Row, outer: Row) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    return (inner.refs, outer.refs), (inner.environments, outer.environments)


def _in(inner: tuple[str, ...], outer: tuple[str, ...]) -> bool:
    return ANY in outer or set(inner) <= set(outer)
