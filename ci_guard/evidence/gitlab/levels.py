"""GitLab's access levels as the policy's: the one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ci_guard.model.kinds import Level
from ci_guard.records import dataclass


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role of GitLab's."""

    name: str
    """As the pages of GitLab write it."""
    level: Level
    """What it counts as in a policy."""


ROLES: Final[Mapping[int, Role]] = {
    0: Role(name="No access", level=Level.NONE),
    5: Role(name="Minimal Access", level=Level.NONE),
    10: Role(name="Guest", level=Level.READ),
    15: Role(name="Planner", level=Level.READ),
    20: Role(name="Reporter", level=Level.TRIAGE),
    25: Role(name="Security Manager", level=Level.TRIAGE),
    30: Role(name="Developer", level=Level.WRITE),
    40: Role(name="Maintainer", level=Level.MAINTAIN),
    50: Role(name="Owner", level=Level.ADMIN),
    60: Role(name="Administrator", level=Level.ADMIN),
}
"""
By GitLab's number. Minimal Access shows nothing of a project. A custom role has the number of its base role, and rights
that are added to it are not counted.

Source: "Roles and permissions"; "Members API", roles.
"""

WORDS: Final[Mapping[str, int]] = {
    "no access": 0,
    "minimal access": 5,
    "guest": 10,
    "planner": 15,
    "reporter": 20,
    "security manager": 25,
    "developer": 30,
    "maintainer": 40,
    "owner": 50,
    "admin": 60,
}
"""The words of the ID token's `user_access_level`. Source: "OpenID Connect (OIDC) Authentication Using ID Tokens"."""


def role_of(number: int) -> Role:
    """Return the role of a number; one that GitLab has added since counts as the next lower that is known."""
    return ROLES[max((known for known in ROLES if known <= number), default=0)]
