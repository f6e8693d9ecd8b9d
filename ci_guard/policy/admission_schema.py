"""The JSON Schema of the admission table."""

from __future__ import annotations

from typing import Any, Final

from ci_guard.model.admission import ANY
from ci_guard.model.run import Event
from ci_guard.policy.admission import ROW_KEYS
from ci_guard.policy.context_schema import NAMED, PATTERN, REF
from ci_guard.policy.shapes import closed


def or_any(items: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list that holds something, or `any` alone."""
    return {
        "type": "array",
        "minItems": 1,
        "uniqueItems": True,
        "items": {"anyOf": [{"enum": [ANY]}, items]},
        "anyOf": [{"maxItems": 1}, {"items": {"not": {"enum": [ANY]}}}],
    }


ADMISSION: Final = {
    "title": "Who may run which event, on which ref, for which environment",
    "description": "A run that no row admits is denied. Every layer's table has to admit it.",
    "type": "array",
    "minItems": 1,
    "items": closed(
        {
            "role": {"title": "A role of the policy, or everybody", **NAMED},
            "events": {"title": "Events, or any", **or_any({"enum": [event.value for event in Event]})},
            "refs": {"title": "Branches, tags behind tag:, or any", **or_any(REF)},
            "environments": {"title": "Environments, none for a run without one, or any", **or_any(PATTERN)},
        },
        needs=ROW_KEYS,
    ),
}
"""Of a list, one entry has to fit; of the environments, every one that is named for the run."""
