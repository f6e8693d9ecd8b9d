"""Parts that the JSON Schema of a policy is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

TEXT: Final = {"type": "string", "minLength": 1}


def closed(properties: dict[str, Any], *, needs: Sequence[str] = ()) -> dict[str, Any]:
    """Return the schema of a map that has these keys and no others."""
    schema: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**schema, "required": list(needs)} if needs else schema


def listed(items: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list that holds something, and nothing twice."""
    return {"type": "array", "minItems": 1, "uniqueItems": True, "items": items}
