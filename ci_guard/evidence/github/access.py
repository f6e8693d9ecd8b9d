"""What an account may do on the repository, asked by login and believed only for the numeric id that is meant."""

from __future__ import annotations

from typing import Any, Final

from ci_guard.evidence.github import records
from ci_guard.evidence.github.accounts import GONE
from ci_guard.evidence.github.client import Client, segment
from ci_guard.evidence.rest.shape import checked, optional, record, text
from ci_guard.model.fact import Fact, Known, Unknown, unavailable
from ci_guard.model.kinds import Level
from ci_guard.model.run import Access, AccountType, Person
from ci_guard.records import dataclass

PERMISSIONS: Final = {"admin": Level.ADMIN, "write": Level.WRITE, "read": Level.READ, "none": Level.NONE}
"""
The words of `permission`, in which maintain reads as write, triage as read, and a custom role as its base.

Source: REST "Get repository permissions for a user".
"""

ROLES: Final = {level.word: level for level in Level}


@dataclass(frozen=True, kw_only=True)
class _Grant:
    """The answer for a login."""

    person: Person | None
    access: Access


def get_access(client: Client, person: Person) -> Fact[Access]:
    """
    Return what the account holds now: the highest of repository, team, organisation and enterprise.

    A login may have been renamed, and taken by somebody else, since the event named it. Then the account is looked up
    by its id, so that nobody is judged by another one's rights. Apps are no users of the endpoint and hold nothing.
    """
    grant = _get_grant(client, person.login)
    if isinstance(grant, Unknown):
        return grant
    if grant.value is not None and grant.value.person is not None and grant.value.person.id == person.id:
        return Known(value=grant.value.access, source=grant.source, detail=grant.detail)
    if grant.value is None and person.type is not AccountType.USER:
        return Known(value=Access(level=Level.NONE, role="not a user"), source=grant.source, detail=grant.detail)
    account = records.get_account_by_id(client, person.id)
    if isinstance(account, Unknown):
        return account
    if account.value is None:
        return Known(value=GONE, source=account.source, detail=account.detail)
    if account.value.login.lower() == person.login.lower():
        if grant.value is None:
            return Known(value=Access(level=Level.NONE, role="not a user"), source=grant.source, detail=grant.detail)
        return unavailable(f"{person.login} was answered as another account than {person.id}", detail=grant.detail)
    return _get_renamed_access(client, account.value)


def _get_renamed_access(client: Client, person: Person) -> Fact[Access]:
    grant = _get_grant(client, person.login)
    if isinstance(grant, Unknown):
        return grant
    if grant.value is None or grant.value.person is None or grant.value.person.id != person.id:
        return unavailable(
            f"account {person.id} is renamed to {person.login}, which was not answered", detail=grant.detail
        )
    return Known(value=grant.value.access, source=grant.source, detail=grant.detail)


def _get_grant(client: Client, login: str) -> Fact[_Grant | None]:
    """Return what the server says about a login; None for one that is no user."""
    fact = client.get(
        f"collaborators/{segment(login)}/permission", absent=lambda message: message.endswith("is not a user")
    )
    return checked(fact, lambda value: None if value is None else _parse_grant(value))


def _parse_grant(value: Any) -> _Grant:
    permission = text(value, "permission")
    role = optional(value, "role_name", text) or permission
    user = optional(value, "user", record)
    rights = (optional(user, "permissions", record) if user else None) or {}
    return _Grant(
        person=records.person(user) if user else None,
        access=Access(level=_level(permission, role, rights), role=role),
    )


def _level(permission: str, role: str, rights: dict[str, Any]) -> Level:
    """
    Return the level of a role.

    A role of the platform's own speaks for itself as long as `permission` agrees; a custom one counts as `permission`
    says, with the two levels that it hides read from the rights. A word that is neither holds nothing.
    """
    base = PERMISSIONS.get(permission, Level.NONE)
    if role in ROLES and PERMISSIONS.get(_folded(ROLES[role])) is base:
        return ROLES[role]
    if base is Level.WRITE and rights.get("maintain") is True:
        return Level.MAINTAIN
    if base is Level.READ and rights.get("triage") is True:
        return Level.TRIAGE
    return base


def _folded(level: Level) -> str:
    return {Level.MAINTAIN: "write", Level.TRIAGE: "read"}.get(level, level.word)
