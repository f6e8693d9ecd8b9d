"""Accounts, roles and teams of the fake GitHub."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

ROLES: Final = ("none", "read", "triage", "write", "maintain", "admin")
"""Built-in roles, weakest first."""

LEGACY: Final = {
    "none": "none",
    "read": "read",
    "triage": "read",
    "write": "write",
    "maintain": "write",
    "admin": "admin",
}
"""`permission` folds roles: REST "Get repository permissions for a user"."""

WEB_FLOW: Final = "web-flow"
"""The account that commits what is merged or edited in the browser."""

MERGE_QUEUE: Final = "github-merge-queue[bot]"


@dataclass(kw_only=True)
class User:
    """One account: a person, a bot or an organisation."""

    login: str
    id: int
    type: str = "User"
    name: str | None = None
    email: str | None = None
    """Public e-mail; commits made by the builders use it, or the account's noreply address."""
    is_user: bool = True
    """False: the permission endpoint answers 404 `<login> is not a user`, as for Copilot and the merge queue."""

    @property
    def display_name(self) -> str:
        """Return the name used in commits."""
        return self.name or self.login

    @property
    def git_email(self) -> str:
        """Return the address used in commits."""
        return self.email or f"{self.id}+{self.login}@users.noreply.github.com"


WELL_KNOWN: Final = {
    user.login: user
    for user in (
        User(login=WEB_FLOW, id=19864447, name="GitHub", email="noreply@github.com"),
        User(
            login=MERGE_QUEUE,
            id=118344674,
            type="Bot",
            name="github-merge-queue",
            email="118344674+github-merge-queue@users.noreply.github.com",
            is_user=False,
        ),
        User(login="github-actions[bot]", id=41898282, type="Bot"),
        User(login="dependabot[bot]", id=49699333, type="Bot"),
        User(login="Copilot", id=198982749, type="Bot", is_user=False),
    )
}
"""Accounts that are the same everywhere; nothing changes them."""


@dataclass(kw_only=True)
class Grant:
    """What an account may do on one repository."""

    role: str
    """`role_name`: a built-in role or the name of a custom one."""
    base: str
    """The built-in role that it amounts to."""


@dataclass(kw_only=True)
class Team:
    """A team of an organisation."""

    slug: str
    id: int
    organization: str
    members: dict[str, str] = field(default_factory=dict)
    """Login in lower case -> `member` or `maintainer`."""
    pending: list[str] = field(default_factory=list)
    """Logins in lower case that were invited but have not accepted."""


def permission_flags(base: str) -> dict[str, bool]:
    """Return the `permissions` object of a built-in role."""
    level = ROLES.index(base)
    return {"pull": level >= 1, "triage": level >= 2, "push": level >= 3, "maintain": level >= 4, "admin": level >= 5}
