"""The admission table of a policy file: a nearer layer's narrows those below it, as each of them has to admit a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ci_guard.model.admission import ANY, Row, Table
from ci_guard.model.kinds import Value
from ci_guard.model.run import Event
from ci_guard.policy.contexts import never_built, patterns, read_refs, role_name, words_of
from ci_guard.policy.document import Node
from ci_guard.policy.layer import Asked, Layer
from ci_guard.policy.place import Place, Stated
from ci_guard.policy.reading import LayerReader, distinct, fields_of, items_of
from ci_guard.policy.wording import refusal
from ci_guard.records import replace

CONTROL: Final = "admission"
REQUIREMENT: Final = "admitted"

ROW_KEYS: Final = ("role", "events", "refs", "environments")


def read_admission(reader: LayerReader, node: Node) -> Stated[Table]:
    """
    Return the table of a file.

    Raises: `PolicyError` for what a row cannot say, for one that admits nothing, and for a table without any.
    """
    rows = tuple(_row(reader, item) for item in items_of(node, CONTROL))
    if not rows:
        hint = "Without a row nothing is ever admitted; leave the line out."
        raise refusal(node.place, "admission was refused", saw="an empty list", expected="at least one row", hint=hint)
    return reader.said(Table(rows=rows, place=node.place.brief), node.place)


def enabled(layer: Layer, place: Place, rank: int) -> Layer:
    """
    Return a layer that has a table with the control that judges by it.

    Raises: `PolicyError` where the layer disables it.
    """
    if CONTROL in layer.disabled:
        what = f"{CONTROL} has a table at {place.brief} and is disabled"
        raise refusal(layer.disabled[CONTROL], what, hint="Leave one of them out.")
    asked = layer.controls.get(CONTROL) or Asked(place=place, rank=rank)
    admitted: Stated[Value] = Stated(value=True, places=(place,), rank=rank)
    require = {REQUIREMENT: admitted, **asked.require}
    return replace(layer, controls={**layer.controls, CONTROL: replace(asked, require=require)})


def check_locked(floor: Layer, nearer: Layer) -> None:
    """Refuse a table of a nearer layer where the one below is locked."""
    asked = floor.controls.get(CONTROL)
    if asked and asked.locked and nearer.admission:
        what = f"{CONTROL} would change what {asked.locked.brief} locked"
        raise refusal(nearer.admission[0].place, what, hint="Leave the table out.")


def check_tables(layer: Layer, controls: Mapping[str, Asked]) -> None:
    """Refuse to judge admission without a table."""
    if CONTROL in controls and not layer.admission:
        hint = "Write the table under admission of the policy, which enables the control."
        raise refusal(controls[CONTROL].place, f"{CONTROL} has no table", hint=hint)


def _row(reader: LayerReader, node: Node) -> Row:
    fields = fields_of(node, "a row of admission", ROW_KEYS, needs=ROW_KEYS)
    any_event = _is_any(fields["events"])
    any_ref = _is_any(fields["refs"])
    events = frozenset(Event) if any_event else words_of(Event, "an event")(reader, fields["events"])
    refs = (ANY,) if any_ref else read_refs(reader, fields["refs"])
    everywhere = _is_any(fields["environments"])
    environments = (ANY,) if everywhere else patterns("environments")(reader, fields["environments"])
    if not any_ref and not any_event and (why := never_built(refs, events)):
        what = f"refs and events ({node.keys['events'].brief}) never hold together: {why}"
        raise refusal(node.keys["refs"], what, hint="Leave the row out, or list more.")
    return Row(
        role=role_name(fields["role"]),
        events=events,
        any_event=any_event,
        refs=refs,
        environments=environments,
        place=node.place.brief,
    )


def _is_any(node: Node) -> bool:
    """
    Tell whether a list is `[any]`.

    Raises: `PolicyError` where it stands beside something else, which would mean nothing.
    """
    if not isinstance(node.value, tuple) or all(item.value != ANY for item in node.value):
        return False
    if len(distinct(node, "the list")) > 1:
        raise refusal(node.place, "a list was refused", saw="any beside others", expected="[any] alone")
    return True
