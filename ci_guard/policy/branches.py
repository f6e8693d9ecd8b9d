"""Which texts may stand in `branches`: `default`, `current`, names that git allows, and patterns with `*` and `**`."""

from __future__ import annotations

import re
from typing import Final

RULES: Final = (
    ("^$", "a name", "Leave the entry out."),
    (
        "[\\u0000-\\u0020\\u007f-\\u009f]",
        "a name without spaces and control characters",
        "git allows none of these in a branch.",
    ),
    ("^-", "a name that does not begin with '-'", "git takes such a name for an option."),
    ("^/?refs/", "the name without refs/heads/", "Write main, not refs/heads/main."),
    ("[?\\[]", "a name or a pattern with * and **", "Only * (stops at /) and ** (does not) are patterns."),
    ("\\*\\*\\*", "a pattern with * and **", "** already matches everything."),
    ("[~^:\\\\]|@\\{|^@$", "a name without ~ ^ : \\ and @{", "git allows none of these in a branch."),
    (
        "\\.\\.|(^|/)\\.|\\.lock(/|$)|\\.$",
        "a name without .., .lock and parts that begin or end with a dot",
        "git allows none of these in a branch.",
    ),
    ("^/|//|/$", "a name with single slashes inside", "git allows no empty part in a branch."),
)
"""
What an entry may not match, what is expected instead, and the advice.

The expressions mean the same in Python and in JSON Schema.

Source: git-check-ref-format(1).
"""


def objection(entry: str) -> tuple[str, str] | None:
    """Return what was expected of an entry that can name no branch, with the advice; None for one that can."""
    for pattern, expected, advice in RULES:
        if re.search(pattern, entry):
            return expected, advice
    return None
