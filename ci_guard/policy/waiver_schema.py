"""The JSON Schema of waivers and of the rules for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ci_guard.model.meta import Meta
from ci_guard.policy.baseline import BASELINE_NEEDS, PATH
from ci_guard.policy.context_schema import whole
from ci_guard.policy.shapes import TEXT, closed, listed
from ci_guard.policy.waivers import ACCOUNT, FINGERPRINT, LONGEST_LIFE, LONGEST_NAME, WAIVER_NEEDS

DAY: Final = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
NAME: Final = {"type": "string", "pattern": "\\S", "maxLength": LONGEST_NAME}

RULES: Final = {
    "title": "What every waiver of this layer and of nearer ones has to keep",
    "description": "Nearer layers can only ask for more.",
    "minProperties": 1,
    **closed(
        {
            "max-days": {
                "title": "Days that a waiver may last",
                "description": "From its since, or from the day of the run, to its until.",
                "type": "integer",
                "minimum": 1,
                "maximum": LONGEST_LIFE,
            },
            "needs": {"title": "What every waiver has to name", **listed({"enum": list(ACCOUNT)})},
        }
    ),
}

ACCOUNTED: Final = {
    "owner": {"title": "Who answers for it", **NAME},
    "ticket": {"title": "Where it is followed up", **NAME},
    "approved-by": {"title": "Who approved it, never the owner", **NAME},
}

BASELINE: Final = {
    "title": "Known failures, which are waived until a day",
    "description": "New ones deny. The file is read where this policy is.",
    **closed(
        {
            "file": {
                "title": "The path of the file",
                "type": "string",
                "pattern": whole(PATH.pattern),
                "not": {"pattern": "(?:^|/)\\.\\.?(?:/|$)|\\n"},
            },
            "until": {"title": "The last day on which it counts (UTC)", **DAY},
            **ACCOUNTED,
        },
        needs=BASELINE_NEEDS,
    ),
}


def waiver_schema(metas: Sequence[Meta]) -> dict[str, Any]:
    """Return the schema of a waiver; its requirement is one of its control's."""
    return {
        **closed(
            {
                "control": {"title": "The control", "enum": [meta.id for meta in metas]},
                "requirement": {"title": "Its requirement", **TEXT},
                "subject": {
                    "title": "The exact subject, such as a branch",
                    "description": "Absent: all of them.",
                    **TEXT,
                },
                "fingerprints": {
                    "title": "Fingerprints of single judgements or findings",
                    "description": "As a report has them. Absent: all of them.",
                    **listed({"type": "string", "pattern": whole(FINGERPRINT.pattern), "maxLength": 64}),
                },
                "reason": {"title": "Why this is accepted", "type": "string", "pattern": "\\S"},
                "since": {"title": "The first day on which it counts (UTC)", **DAY},
                "until": {"title": "The last day on which it counts (UTC)", **DAY},
                **ACCOUNTED,
            },
            needs=WAIVER_NEEDS,
        ),
        "anyOf": [
            {
                "properties": {
                    "control": {"const": meta.id},
                    "requirement": {"enum": [requirement.id for requirement in meta.requirements]},
                }
            }
            for meta in metas
        ],
    }
