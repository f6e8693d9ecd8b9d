"""Results that take up as much room as any can."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ci_guard.model.decision import Result, Ruling

WIDEST: Final = "\U0001f600@#1|<" * 300
"""Text that grows most in UTF-8 and in entities."""


def widened(result: Result, times: int) -> tuple[Ruling, ...]:
    """Return the rulings of a result so many times, all of them and then the first, with the widest text in each."""
    return tuple(
        replace(
            ruling,
            said_by=WIDEST,
            judgement=replace(
                ruling.judgement,
                subject=f"{number}{WIDEST}",
                observed=WIDEST,
                expected=f"{WIDEST}!",
                message=WIDEST,
                remedy=WIDEST,
            ),
        )
        for number in range(times)
        for ruling in result.decision.rulings[: 40 if number else None]
    )
