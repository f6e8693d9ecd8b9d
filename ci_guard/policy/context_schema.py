"""The JSON Schema of contexts: their conditions, and the controls that they add to."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from ci_guard.model.calendar import WEEKDAYS
from ci_guard.model.circumstances import Host, Visibility
from ci_guard.model.kinds import Level
from ci_guard.model.run import Event, Platform
from ci_guard.policy.branches import RULES
from ci_guard.policy.calendars import DAY, FREEZE_KEYS, HOURS, MOMENT
from ci_guard.policy.contexts import CONTEXT_KEYS, NAME
from ci_guard.policy.shapes import TEXT, closed, listed

NOT_ADDED: Final = ("enabled", "locked", "bots")
"""Keys of a control that have no place in a context."""


def contexts_schema(controls: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the schema of `contexts`, by the schemas of the controls."""
    added = {
        name: {
            **schema,
            "properties": {key: part for key, part in schema["properties"].items() if key not in NOT_ADDED},
        }
        for name, schema in controls.items()
    }
    return {
        "title": "What is required besides, and when",
        "description": "Every context applies whose conditions all hold; it can only ask for more.",
        "type": "array",
        "items": closed(
            {
                "name": {"title": "Its name", **NAMED},
                "when": {
                    "title": "Conditions, all of which have to hold",
                    "description": "Of a list, one entry has to.",
                    "minProperties": 1,
                    **closed(WHEN),
                },
                "controls": {"title": "What it adds", "minProperties": 1, **closed(added)},
            },
            needs=CONTEXT_KEYS,
        ),
    }


def whole(expression: str) -> str:
    """Return an expression that has to match all of a text."""
    return f"^(?:{expression})$"


def words(kind: type[Enum]) -> dict[str, Any]:
    """Return the schema of a list of an enum's words."""
    return listed({"enum": [word.value for word in kind]})


NAMED: Final = {"type": "string", "pattern": whole(NAME.pattern)}
PATTERN: Final = {**TEXT, "not": {"pattern": "\\*\\*\\*"}}
PATH: Final = {**TEXT, "allOf": [{"not": {"pattern": "\\*\\*\\*|^\\.?/|/$|(?:^|/)\\.\\.(?:/|$)"}}]}
REF: Final = {
    "type": "string",
    "anyOf": [
        {"pattern": "^tag:."},
        {"allOf": [{"not": {"pattern": pattern}} for pattern in (*(rule for rule, _, _ in RULES), "^current$")]},
    ],
}

WHO: Final = {
    "minProperties": 1,
    **closed(
        {
            "login": {"title": "Logins, in any letter case", **listed(TEXT)},
            "id": {"title": "Numeric ids", **listed({"type": "integer", "minimum": 1})},
            "level": {
                "title": "The levels themselves",
                "description": "Whoever holds more is not meant: list every level.",
                **listed({"enum": [level.word for level in Level]}),
            },
            "role": {"title": "Roles of the policy", **listed(NAMED)},
        }
    ),
}

DAYS: Final = {"type": "string", "pattern": whole(DAY.pattern)}
MOMENTS: Final = {"type": "string", "pattern": whole(f"{DAY.pattern}|{MOMENT.pattern}")}

TIME: Final = {
    "minProperties": 2,
    **closed(
        {
            "zone": {"title": "The zone whose clocks count", "description": "Of the IANA database.", **TEXT},
            "weekdays": {
                "title": "Days of the week",
                "description": "Without it: all of them.",
                **listed({"enum": list(WEEKDAYS)}),
            },
            "hours": {
                "title": "Hours of these days",
                "description": "HH:MM-HH:MM; over midnight they belong to the day on which they begin.",
                **listed({"type": "string", "pattern": whole(HOURS.pattern)}),
            },
            "freezes": {
                "title": "Times from one day to another, besides",
                "type": "array",
                "items": closed(
                    {
                        "from": {"title": "The first day, or YYYY-MM-DDTHH:MM", **MOMENTS},
                        "to": {"title": "The last day, or YYYY-MM-DDTHH:MM", **MOMENTS},
                    },
                    needs=FREEZE_KEYS,
                ),
            },
            "holidays": {"title": "Single days, besides", **listed(DAYS)},
        },
        needs=("zone",),
    ),
}

RUNNER: Final = {
    "minProperties": 1,
    **closed(
        {
            "host": {"title": "Whose machine it is", **words(Host)},
            "labels": {"title": "Labels or tags that the job asks for", **listed(PATTERN)},
        }
    ),
}

WHEN: Final = {
    "environment": {"title": "Environments that are named for the run", **listed(PATTERN)},
    "ref": {
        "title": "The branch that is built or changed, or behind tag: the tag",
        "description": "default is the default branch; * stops at /, ** does not.",
        **listed(REF),
    },
    "event": {"title": "What started the run", **words(Event)},
    "platform": {"title": "The platform", **words(Platform)},
    "visibility": {"title": "Who may see the repository", **words(Visibility)},
    "actor": {"title": "Whoever caused the run or started it again", **WHO},
    "author": {"title": "An author of the change", **WHO},
    "changed-paths": {
        "title": "Paths that are changed",
        "description": "From the root of the repository; site/** is a folder.",
        **listed(PATH),
    },
    "labels": {"title": "Labels of the change", **listed(PATTERN)},
    "time": {"title": "Times on the clocks of a zone", **TIME},
    "runner": {"title": "The runner", **RUNNER},
}
"""Its keys are those of `CONDITIONS`, which a test compares."""
