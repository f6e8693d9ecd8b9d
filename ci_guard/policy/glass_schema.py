"""The JSON Schema of break-glass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ci_guard.model.glass import By
from ci_guard.policy.context_schema import NAMED, whole
from ci_guard.policy.glass import DAYS, GLASS_NEEDS, LONGEST, LONGEST_NAMES, PLACES, REVIEW_NEEDS, TAKEN, WORKFLOW
from ci_guard.policy.shapes import closed


def _names(titles: Mapping[str, str]) -> dict[str, Any]:
    return {
        key: {"title": title, "type": "string", "minLength": 1, "maxLength": LONGEST_NAMES[key]}
        for key, title in titles.items()
    }


def _way(by: By) -> dict[str, Any]:
    place = PLACES[by]
    others = [name for name in PLACES.values() if name != place]
    foreign = sorted({*others, *(key for keys in TAKEN.values() for key in keys)}.difference(TAKEN[by]))
    return {
        "properties": {
            "by": {"const": by.value},
            "review": {"required": [place], "not": {"anyOf": [{"required": [name]} for name in others]}},
        },
        "required": [place],
        "not": {"anyOf": [{"required": [key]} for key in foreign]},
    }


GLASS: Final = {
    "title": "The one declared path past what denies",
    "description": "It is shown in every report, and stands in the audit log.",
    **closed(
        {
            "by": {"title": "How", "enum": [by.value for by in By]},
            **_names(
                {
                    "label": "The label on the change",
                    "environment": "The environment for which the run is approved; used for nothing else",
                    "input": "The input of the dispatch, or the pipeline's variable, that says why",
                }
            ),
            "workflow": {
                "title": "On GitHub, the file of the one workflow by which it can be done",
                "type": "string",
                "pattern": whole(WORKFLOW.pattern),
            },
            "review": {
                "title": "How later runs know that what was let through was reviewed",
                **closed(
                    {
                        **_names(
                            {
                                "label": "The label on the merged change",
                                "environment": "The environment for which the same run is approved again",
                            }
                        ),
                        "role": {
                            "title": "Whose label or approval counts, of a third person",
                            **NAMED,
                        },
                        "days": {"title": "How far back they look", "type": "integer", "minimum": 1, "maximum": DAYS},
                    },
                    needs=REVIEW_NEEDS,
                ),
            },
            "role": {"title": "Whose label or approval counts, of a second person", **NAMED},
            "hours": {"title": "How long it lasts", "type": "integer", "minimum": 1, "maximum": LONGEST},
        },
        needs=GLASS_NEEDS,
    ),
    "anyOf": [_way(by) for by in By],
}
