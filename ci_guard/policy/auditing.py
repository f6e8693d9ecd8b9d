"""What a policy file says of the record of a run, under `audit`."""

from __future__ import annotations

from typing import Any, Final

from ci_guard.model.auditing import OnFailure
from ci_guard.policy.document import Node
from ci_guard.policy.layer import Layer
from ci_guard.policy.place import Place, Stated
from ci_guard.policy.reading import LayerReader, fields_of
from ci_guard.policy.shapes import closed
from ci_guard.records import replace

ON_FAILURE: Final = "on-failure"

AUDIT: Final[dict[str, Any]] = {
    "title": "The record of a run",
    "description": "Where it is kept, the caller says by --audit-log.",
    **closed(
        {
            ON_FAILURE: {
                "title": "What a record that could not be kept does to a run that may proceed",
                "description": "deny stops it with exit code 2, warn tells. A nearer layer may only put deny.",
                "enum": [word.value for word in OnFailure],
                "default": OnFailure.DENY.value,
            }
        },
        needs=(ON_FAILURE,),
    ),
}
"""Its JSON Schema."""


def read_audit(reader: LayerReader, node: Node) -> Stated[OnFailure] | None:
    """
    Return what a file says.

    Raises: `PolicyError` for anything but one of the two words.
    """
    fields = fields_of(node, "audit", (ON_FAILURE,), needs=(ON_FAILURE,))
    return reader.stated(OnFailure, fields[ON_FAILURE], f"audit {ON_FAILURE}")


def settled(floor: Layer, file: str, rank: int) -> Layer:
    """
    Write out the default of the layers below another one.

    A layer that says nothing asks for deny as firmly as one that writes it: a nearer one could put `warn` otherwise.
    """
    start = Place(file=file, line=1, column=1)
    return replace(floor, audit=floor.audit or Stated(value=OnFailure.DENY, places=(start,), rank=rank))
