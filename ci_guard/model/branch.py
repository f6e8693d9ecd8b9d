"""What the platform enforces on a branch and on tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from ci_guard.model.fact import Fact, Unknown
from ci_guard.records import dataclass, field

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Enforced(Generic[T]):
    """What the readable sources enforce together, where a source that cannot be read may only add to it."""

    value: T
    hidden: Unknown | None = None
    """Why a source that may enforce more could not be read; None when all were."""


@dataclass(frozen=True, kw_only=True)
class StatusCheck:
    """A required status check."""

    context: str
    app_id: int | None = None
    """The app that alone may report it; None when anybody may."""


@dataclass(frozen=True, kw_only=True)
class Bypass:
    """Somebody whom a rule does not bind."""

    name: str
    """
    `OrganizationAdmin`, `RepositoryRole:5`, `Team:7`, `Integration:12`, `DeployKey`; on GitLab as its adapter
    documents.
    """
    source: str
    """The rule that they may pass, for people."""
    administrator: bool = False


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where one thing is set on this server."""

    name: str
    """The platform's own words, such as `Block force pushes`."""
    url: str
    plan: str = ""
    """The plan that offers it, such as `GitLab Premium`; empty where every one does."""


@dataclass(frozen=True, kw_only=True)
class BranchRules:
    """
    The rules that apply to one branch, combined as the platform combines them.

    Shape: every flag requirement of `branch-protection` that is a yes or a no has its id in `flags`; a control treats a
    missing id as
    something that the platform does not offer.
    """

    name: str
    exists: Fact[bool]
    flags: Mapping[str, Fact[bool]]
    approvals: Fact[Enforced[int]]
    required_reviewers: Fact[Enforced[frozenset[str]]]
    """Teams, as `slug`, `organisation/slug` or the platform's numeric id in text."""
    status_checks: Fact[Enforced[tuple[StatusCheck, ...]]]
    bypass: tuple[Fact[tuple[Bypass, ...]], ...]
    """One for each source of rules, as a readable list proves nothing about another's; empty where no rule applies."""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """By requirement id; the id `""` for all others."""
    lacking: Mapping[str, str] = field(default_factory=dict)
    """By requirement id, for what is not enforced: why, as a clause, where there is more to say than that it is not."""
    foreign: Mapping[str, str] = field(default_factory=dict)
    """By requirement id, for what the platform has no counterpart of: why, as a clause. It is not applicable then."""


@dataclass(frozen=True, kw_only=True)
class BranchSelection:
    """What one entry of the policy's `branches` stands for."""

    entry: str
    """As the policy wrote it: `default`, `current`, a name or a pattern."""
    branches: Fact[tuple[BranchRules, ...]]
    """A pattern that matches nothing has none; a literal name always has one, existing or not."""


@dataclass(frozen=True, kw_only=True)
class TagRule:
    """A rule that keeps the tags it covers from being moved and deleted."""

    include: tuple[str, ...]
    """Patterns on tag names without `refs/tags/`, in the language of `refs`: `*` stops at `/`, `**` stands for all."""
    exclude: tuple[str, ...]
    """Likewise, or in the platform's own words: what `refs` does not know is taken to exclude more, never less."""
    source: str


@dataclass(frozen=True, kw_only=True)
class TagRules:
    """Every readable rule about tags."""

    rules: Fact[Enforced[tuple[TagRule, ...]]]
    setting: Setting
