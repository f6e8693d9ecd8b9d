"""The JSON Schema of roles."""

from __future__ import annotations

import re
from typing import Any, Final

from ci_guard.model.kinds import Level
from ci_guard.model.roles import EVERYBODY
from ci_guard.policy.context_schema import NAMED, whole
from ci_guard.policy.roles import GROUP, TEAM
from ci_guard.policy.shapes import closed, listed


def circles(title: str, form: re.Pattern[str]) -> dict[str, Any]:
    """Return the schema of a list of teams or groups."""
    segments = {"not": {"pattern": "(?:^|/)\\.\\.?(?:/|$)"}}
    return {"title": title, **listed({"type": "string", "pattern": whole(form.pattern), **segments})}


def accounts(title: str, bots: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list of accounts, by that of `bots`, which here holds at least one."""
    return {"title": title, "type": "array", "minItems": 1, "items": bots["items"]}


def roles_schema(bots: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of `roles`."""
    return {
        "title": "Who is who",
        "description": "Controls, contexts and admission speak of these names.",
        "type": "array",
        "items": {
            "minProperties": 2,
            **closed(
                {
                    "name": {"title": "Its name", **NAMED, "not": {"enum": [EVERYBODY]}},
                    "users": accounts("People, by numeric id", bots),
                    "bots": accounts("Accounts of apps and tokens, by login, id and type", bots),
                    "teams": circles("Teams of GitHub, organisation/team", TEAM),
                    "groups": circles("Groups of GitLab, by their full path", GROUP),
                    "levels": LEVELS,
                },
                needs=("name",),
            ),
        },
    }


LEVELS: Final = {
    "title": "Whoever holds one of these levels",
    "description": "The levels themselves: list every one.",
    **listed({"enum": [level.word for level in Level]}),
}
