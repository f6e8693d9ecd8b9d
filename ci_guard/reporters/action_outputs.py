"""The outputs of the actions, as text for the file `GITHUB_OUTPUT`."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from ci_guard.model.decision import Result
from ci_guard.model.judgement import Outcome
from ci_guard.reporters import escape, telling


def render(
    result: Result, *, report: str, delimiter: Callable[[], str] = lambda: f"end-{secrets.token_hex(16)}"
) -> str:
    """
    Return the outputs: `verdict`, `report`, `failed` and `unknown`.

    Shape: `failed` and `unknown` count the judgements with that outcome that no waiver covers, tolerated ones too.
    """
    unwaived = telling.unwaived(result)
    outputs = {
        "verdict": result.decision.verdict.value,
        "report": report,
        "failed": str(unwaived[Outcome.FAIL]),
        "unknown": str(unwaived[Outcome.UNKNOWN]),
    }
    return "".join(escape.output_value(name, value, delimiter()) for name, value in outputs.items())
