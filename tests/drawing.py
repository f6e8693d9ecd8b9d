"""How many examples a property draws: few where everybody waits, more with `--hypothesis-profile=thorough`."""

from __future__ import annotations

from typing import Final

from hypothesis import settings

USUAL: Final = 40
"""How many a property draws that names no number; the numbers that others name are in proportion to it."""

PROFILES: Final = {"tests": USUAL // 2, "thorough": USUAL}
"""Each run draws others, and many runs make up for few. `.ci/run` is thorough."""


def register() -> None:
    """Make the profiles known, and load the first."""
    for name, drawn in PROFILES.items():
        settings.register_profile(name, deadline=None, max_examples=drawn)  # machines are shared: time is no claim
    settings.load_profile("tests")


def examples(number: int) -> int:
    """Return what to draw in this run where `number` is usual."""
    return max(1, number * settings().max_examples // USUAL)
