"""Accounts that mean something to the platform itself, and the account behind one of its noreply addresses."""

from __future__ import annotations

import re
from typing import Final

from ci_guard.model.kinds import Level
from ci_guard.model.run import Access, AccountType, Person

DEPENDABOT_ID: Final = 49699333
"""`dependabot[bot]`. Its runs get a read-only token and no secrets. Source: "Dependabot on GitHub Actions"."""

MERGE_QUEUE_ID: Final = 118344674
"""
`github-merge-queue[bot]` on github.com, as in the noreply address of the commits that it makes. Enterprise Server
numbers its accounts itself, so there the queue is a bot like any other, for the policy to list.
"""

WEB_FLOW_ID: Final = 19864447
"""`web-flow`, the committer of what is merged or edited in the browser, on github.com."""

GHOST: Final = Person(login="ghost", id=0, type=AccountType.OTHER)
"""Stands for an account that was deleted, as the web pages show it; no account has this id."""

GONE: Final = Access(level=Level.NONE, role="no such account")

_NOREPLY: Final = re.compile(r"(?:([0-9]{1,18})\+)?([A-Za-z0-9-]+(?:\[bot\])?)@(.+)")


def read_noreply(email: str, domain: str) -> tuple[int | None, str] | None:
    """
    Return id and login of `<id>+<login>@<domain>`, None for any other address; addresses from before 2017 have no id.

    Source: "Setting your commit email address", about your noreply email address.
    """
    found = _NOREPLY.fullmatch(email)
    if found is None or found[3].lower() != domain:
        return None
    return int(found[1]) if found[1] else None, found[2]
