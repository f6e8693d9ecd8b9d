"""Named roles in a policy file: who holds them, defined once and by nobody nearer the project again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ci_guard.model import kinds
from ci_guard.model.kinds import Names
from ci_guard.model.roles import EVERYBODY, Role
from ci_guard.model.settings import Bot
from ci_guard.policy.contexts import NAME, read_levels
from ci_guard.policy.document import Node
from ci_guard.policy.layer import Asked, Layer
from ci_guard.policy.place import Place, Stated
from ci_guard.policy.reading import LayerReader, distinct, fields_of, items_of, text_of
from ci_guard.policy.wording import listed, perhaps, quoted, refusal

ROLE_KEYS: Final = ("name", "users", "bots", "teams", "groups", "levels")

TEAM: Final = re.compile("[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_.-]+")
"""`organisation/slug`. Source: REST "Get team membership for a user"."""
GROUP: Final = re.compile("[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
"""The full path. Source: GitLab, "Limitations on project and group names"."""

REQUIREMENTS: Final = ("role", "policy-unchanged")
"""Of the controls that have them, those whose names are roles."""


def read_roles(reader: LayerReader, node: Node) -> dict[str, Stated[Role]]:
    """
    Return the roles of a file by name, in its order.

    Raises: `PolicyError` for what a role cannot say.
    """
    found: dict[str, Stated[Role]] = {}
    for item in items_of(node, "roles"):
        role = _role(reader, item)
        if other := found.get(role.name):
            saw = f"it at {other.said_by} too"
            raise refusal(item.place, f"the role {quoted(role.name)} stands here twice", saw=saw, expected="each once")
        found[role.name] = reader.said(role, item.place)
    return found


def check_names(layer: Layer, known: Mapping[str, Stated[Role]]) -> None:
    """
    Refuse names of roles that neither the layer nor one below it defines.

    Raises: `PolicyError` with the place of the name.
    """
    for name, place in _named(layer):
        if name not in known:
            hint = perhaps(name, known) if known else "Define it under roles."
            raise refusal(place, "a role was refused", saw=quoted(name), expected="one that is defined", hint=hint)


def _named(layer: Layer) -> Iterator[tuple[str, Place]]:
    yield from _required(layer.controls)
    if layer.break_glass:
        glass = layer.break_glass.value
        yield glass.role, layer.break_glass.place
        if glass.review:
            yield glass.review.role, layer.break_glass.place
    for table in layer.admission:
        yield from ((row.role, table.place) for row in table.value.rows if row.role != EVERYBODY)
    for each in layer.contexts:
        yield from _required(each.adds.controls)
        for who in (each.context.when.actor, each.context.when.author):
            yield from ((name, each.place) for name in (who.roles if who else ()))


def _required(controls: Mapping[str, Asked]) -> Iterator[tuple[str, Place]]:
    for stated in (asked.require.get(name) for asked in controls.values() for name in REQUIREMENTS):
        if stated and isinstance(stated.value, Names):
            yield from ((name, stated.place) for name in sorted(kinds.names(stated.value)))


def _role(reader: LayerReader, node: Node) -> Role:
    fields = fields_of(node, "a role", ROLE_KEYS, needs=("name",))
    name = text_of(fields["name"], "name")
    if not NAME.fullmatch(name) or name == EVERYBODY:
        expected = f"small letters, digits and hyphens, and not {EVERYBODY}"
        raise refusal(fields["name"].place, "name was refused", saw=quoted(name), expected=expected)
    if len(fields) == 1:
        raise refusal(node.place, f"the role {quoted(name)} is nobody's", expected=listed(ROLE_KEYS[1:]))
    return Role(
        name=name,
        users=_accounts(reader, fields["users"], "users") if "users" in fields else (),
        bots=_accounts(reader, fields["bots"], "bots") if "bots" in fields else (),
        teams=_circles(fields["teams"], "teams", TEAM, "organisation/team") if "teams" in fields else (),
        groups=_circles(fields["groups"], "groups", GROUP, "the full path of a group") if "groups" in fields else (),
        levels=read_levels(fields["levels"]) if "levels" in fields else frozenset(),
    )


def _accounts(reader: LayerReader, node: Node, what: str) -> tuple[Bot, ...]:
    items: Sequence[Node] = items_of(node, what)
    if not items:
        raise refusal(node.place, f"{what} was refused", saw="an empty list", expected="at least one account")
    return tuple(reader.bot(item, "an account").value for item in items)


def _circles(node: Node, what: str, form: re.Pattern[str], expected: str) -> tuple[str, ...]:
    entries = distinct(node, what)
    for entry, place in entries.items():
        if not form.fullmatch(entry) or {".", ".."} & set(entry.split("/")):
            raise refusal(place, f"an entry of {what} was refused", saw=quoted(entry), expected=expected)
    return tuple(entries)
