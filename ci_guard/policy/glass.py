"""Break-glass in a policy file."""

from __future__ import annotations

from typing import Final

from ci_guard import records
from ci_guard.model.glass import BreakGlass, By
from ci_guard.policy.context_schema import NAMED
from ci_guard.policy.document import Node
from ci_guard.policy.layer import Layer
from ci_guard.policy.place import Stated
from ci_guard.policy.reading import LayerReader, fields_of, text_of, word_of
from ci_guard.policy.shapes import closed
from ci_guard.policy.wording import refusal, seen

GLASS_KEYS: Final = ("by", "label", "role", "hours")

LONGEST: Final = 72
"""Hours that it may last: a long weekend."""

LONGEST_LABEL: Final = 50
"""Characters. Source: GitHub, "Managing labels"."""

GLASS: Final = {
    "title": "The one declared path past what denies",
    "description": "It is shown in every report, and stands in the audit log.",
    **closed(
        {
            "by": {"title": "How", "enum": [by.value for by in By]},
            "label": {
                "title": "The label on the change",
                "type": "string",
                "minLength": 1,
                "maxLength": LONGEST_LABEL,
            },
            "role": {"title": "Whose label counts, of a second person", **NAMED},
            "hours": {"title": "How long it lasts", "type": "integer", "minimum": 1, "maximum": LONGEST},
        },
        needs=GLASS_KEYS,
    ),
}


def read_glass(reader: LayerReader, node: Node) -> Stated[BreakGlass]:
    """Return what a file says of break-glass; raise `PolicyError` for what it cannot say."""
    fields = fields_of(node, "break-glass", GLASS_KEYS, needs=GLASS_KEYS)
    hours = fields["hours"]
    if type(hours.value) is not int or not 1 <= hours.value <= LONGEST:
        expected = f"a number of hours from 1 to {LONGEST}"
        raise refusal(hours.place, "hours was refused", saw=seen(hours.value), expected=expected)
    label = text_of(fields["label"], "label")
    if len(label) > LONGEST_LABEL:
        expected = f"at most {LONGEST_LABEL} characters"
        raise refusal(fields["label"].place, "label was refused", saw=f"{len(label)} characters", expected=expected)
    return reader.said(
        BreakGlass(
            by=word_of(By, fields["by"].value, fields["by"].place, "by"),
            label=label,
            role=text_of(fields["role"], "role"),
            hours=hours.value,
            place=node.place.brief,
        ),
        node.place,
    )


def settled(layer: Layer) -> BreakGlass | None:
    """Return the break-glass of a whole policy: it breaks what its own layer and nearer ones ask, and nothing else."""
    stated = layer.break_glass
    if stated is None:
        return None
    covers = frozenset(
        f"{control}/{name}"
        for control, asked in layer.controls.items()
        for name, required in asked.require.items()
        if required.rank >= stated.rank
    )
    return records.replace(stated.value, covers=covers)
