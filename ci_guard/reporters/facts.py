"""The facts of a run, kept so that it can be judged again, by this policy or another."""

from __future__ import annotations

import json
from typing import Any

from ci_guard.model import codec
from ci_guard.model.decision import Result
from ci_guard.model.recorded import SCHEMA, Recorded
from ci_guard.reporters import escape


def render(result: Result) -> str:
    """
    Return the record as JSON text with a line end; where there was nothing to judge, why.

    Shape: ASCII, as of the JSON report; the same facts are the same bytes. No text is part of a secret: findings have
    previews.
    """
    return escape.json_text(json.dumps(document(result), indent=1, ensure_ascii=True, allow_nan=False)) + "\n"


def document(result: Result) -> Any:
    """Return the record as plain data."""
    if result.recorded is not None:
        return codec.encode(result.recorded, Recorded)
    failure = result.failure.message if result.failure else "nothing was judged"
    return {"schema": SCHEMA, "version": result.version, "failure": failure}
