"""Protected branches: which rules take in a branch, and what they allow together. Pure: answers in, rules out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from ci_guard.evidence.rest.shape import boolean, integer, optional, records, text
from ci_guard.model import refs
from ci_guard.model.branch import Bypass
from ci_guard.records import dataclass

MAINTAINER: Final = 40
ADMINISTRATOR: Final = 60
"""Access levels. Source: Protected branches API."""

EXCEPTIONS: Final = {"user_id": "User", "group_id": "Group", "deploy_key_id": "DeployKey"}
"""Entries that are no role, and how a policy's `no-bypass` names them: `User:5`. Source: Protected branches API."""

_STARS: Final = re.compile(r"\*+")


@dataclass(frozen=True, kw_only=True)
class Entries:
    """Whom one list of a rule lets in."""

    roles: frozenset[int]
    """The lowest access level of each entry that is a role; without any it is no role at all."""
    exceptions: tuple[str, ...]
    """Users, groups and deploy keys by number."""

    def lets_in(self, level: int) -> bool:
        """Tell whether the role of that level is let in."""
        return any(role <= level for role in self.roles)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One protected branch or wildcard, of the project or of a group."""

    name: str
    push: Entries
    merge: Entries
    unprotect: Entries
    force_push: bool
    code_owners: bool
    inherited: bool


@dataclass(frozen=True, kw_only=True)
class Combined:
    """
    All rules that take in one branch, together: the most permissive wins, of code owners the strictest.

    GitLab's page also says that rules of a group come before those of the project. Whatever of the two a server does,
    nothing is allowed that none of the rules allows; so what holds here holds either way.

    Source: "Protection rules and permissions", when a branch matches multiple rules; rules across groups and projects.
    """

    rules: tuple[Rule, ...]

    @property
    def force_push(self) -> bool:
        """Whether who may push may also force-push."""
        return any(rule.force_push for rule in self.rules)

    @property
    def code_owners(self) -> bool:
        """Whether code owners have to approve."""
        return any(rule.code_owners for rule in self.rules)

    @property
    def any_role_pushes(self) -> bool:
        """Whether any role may push directly; exceptions are told apart, by `bypasses`."""
        return any(rule.push.roles for rule in self.rules)

    @property
    def developers_push(self) -> bool:
        """Whether a role below Maintainer may push."""
        return any(rule.push.lets_in(MAINTAINER - 1) for rule in self.rules)

    @property
    def developers_merge(self) -> bool:
        """Whether a role below Maintainer may merge; who may push may also merge."""
        return self.developers_push or any(rule.merge.lets_in(MAINTAINER - 1) for rule in self.rules)

    @property
    def names_administrators(self) -> bool:
        """Whether a rule lets in the administrators of the instance, who have no exception otherwise."""
        return any(ADMINISTRATOR in entries.roles for rule in self.rules for entries in (rule.push, rule.merge))


def parse(value: Any) -> Rule:
    """Read a `ProtectedBranch`; what plans below Premium leave out is not there. Source: Protected branches API."""
    return Rule(
        name=text(value, "name"),
        push=_entries(records(value, "push_access_levels")),
        merge=_entries(records(value, "merge_access_levels")),
        unprotect=_entries(optional(value, "unprotect_access_levels", records) or []),
        force_push=boolean(value, "allow_force_push"),
        code_owners=optional(value, "code_owner_approval_required", boolean) or False,
        inherited=optional(value, "inherited", boolean) or False,
    )


def matching(rules: Sequence[Rule], branch: str) -> Combined:
    """Return the rules that take in a branch, by exact name or wildcard, with regard to letter case."""
    return Combined(rules=tuple(rule for rule in rules if takes_in(rule.name, branch)))


def takes_in(pattern: str, name: str) -> bool:
    """Tell whether a rule takes in a name: `*` stands for anything, slashes included. Source: "Protected branches"."""
    return refs.fits(everywhere(pattern), name)


def everywhere(pattern: str) -> str:
    """Return a wildcard of GitLab's in the language of policies."""
    return _STARS.sub("**", pattern)


def bypasses(rule: Rule) -> tuple[Bypass, ...]:
    """
    Return whom a rule names beside the roles, and who may take it away without being a Maintainer.

    Source: "Protected branches", add groups, deploy keys; Protected branches API, `unprotect_access_levels`.
    """
    level = "the group's rule" if rule.inherited else "the rule"
    found = [
        Bypass(name=name, source=f"{level} {rule.name} ({what})")
        for what, entries in (("push", rule.push), ("merge", rule.merge), ("unprotect", rule.unprotect))
        for name in entries.exceptions
    ]
    if rule.unprotect.lets_in(MAINTAINER - 1):
        found.append(Bypass(name="Role:Developer", source=f"{level} {rule.name} (unprotect)"))
    return tuple(found)


def _entries(values: Sequence[Any]) -> Entries:
    roles, exceptions = set(), []
    for value in values:
        named = {key: optional(value, key, integer) for key in EXCEPTIONS}
        found = [f"{EXCEPTIONS[key]}:{number}" for key, number in named.items() if number is not None]
        exceptions += found
        if not found and (level := integer(value, "access_level")) > 0:
            roles.add(level)
    return Entries(roles=frozenset(roles), exceptions=tuple(exceptions))
