"""What a repository of the fake GitHub is: its fields, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes.hub.history import Activity, Commit, Tag, ancestors, between
from tests.fakes.hub.people import Grant
from tests.fakes.hub.pulls import Pull
from tests.fakes.hub.rules import Protection, Rule, Ruleset
from tests.fakes.hub.runs import Run

if TYPE_CHECKING:
    from tests.fakes.hub.world import World


@dataclass(kw_only=True)
class SarifUpload:
    """A report that code scanning took."""

    id: str
    commit: str
    ref: str
    sarif: str
    """Unpacked."""
    tool: str
    folder: str
    token: str
    """The name of the token that sent it."""


@dataclass(kw_only=True)
class RepositoryState:
    """One repository. Branches, tags and so on are plain fields: a test may also set them directly."""

    id: int
    owner: str
    name: str
    private: bool = False
    internal: bool = False
    """Of an enterprise, beside `private`."""
    default_branch: str = "main"
    parent: str | None = None
    created_at: str = "2026-03-02T09:00:00Z"
    archived: bool = False
    plan_limited: bool = False
    """True: a private repository on a plan without protection (403 "Upgrade to GitHub Pro …")."""
    grants: dict[str, Grant] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    renamed_branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, Tag] = field(default_factory=dict)
    protections: list[Protection] = field(default_factory=list)
    rulesets: list[Ruleset] = field(default_factory=list)
    """The repository's own and those of its organisation and enterprise that take it in."""
    objects: dict[str, Commit] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    submodules: dict[str, str] = field(default_factory=dict)
    """Path -> address."""
    pulls: dict[str, Pull] = field(default_factory=dict)
    """By number, as text because JSON has no other keys."""
    runs: dict[str, Run] = field(default_factory=dict)
    activities: list[Activity] = field(default_factory=list)
    codeowners_errors: list[dict[str, Any]] = field(default_factory=list)
    code_scanning: bool = True
    """False: a repository without it (403 "Advanced Security must be enabled …")."""
    sarif_limit: int = 10 << 20
    """Bytes that a report may have as it is sent."""
    uploads: list[SarifUpload] = field(default_factory=list)
    _world: World | None = field(default=None, repr=False, compare=False, metadata={"stored": False})

    @property
    def world(self) -> World:
        """Return the world that the repository lives in."""
        assert self._world is not None, "a repository is made by World.repository"
        return self._world

    @property
    def full_name(self) -> str:
        """Return `owner/name`."""
        return f"{self.owner}/{self.name}"

    @property
    def root(self) -> RepositoryState:
        """Return the repository whose objects a fork shares."""
        return self.world.repository_named(self.parent).root if self.parent else self

    @property
    def commits(self) -> dict[str, Commit]:
        """Return all commits of the network."""
        return self.root.objects

    def known(self, login: str) -> str:
        """Return the login as its account spells it; an account that does not exist yet is added."""
        return self.world.user(login).login

    def role_of(self, login: str) -> Grant:
        """Return what somebody may do: a grant, else reading a public repository for people, else nothing."""
        grant = self.grants.get(login.lower())
        if grant is not None:
            return grant
        user = self.world.users.get(login.lower())
        if login.lower() == self.owner.lower() and user is not None and user.type == "User":
            return Grant(role="admin", base="admin")
        base = "read" if not self.private and user is not None and user.type == "User" else "none"
        return Grant(role=base, base=base)

    def reachable(self, branch: str) -> set[str]:
        """Return every commit on a branch."""
        return ancestors(self.commits, self.branches.get(branch))

    def protection_of(self, branch: str) -> Protection | None:
        """Return the classic rule in force: one that names the branch before patterns, then the oldest."""
        fitting = [p for p in self.protections if p.applies_to(branch)]
        return next((p for p in fitting if p.pattern == branch), fitting[0] if fitting else None)

    def rules_of(self, branch: str) -> list[tuple[Ruleset, Rule]]:
        """Return each rule of an active ruleset that takes in the branch."""
        ref = f"refs/heads/{branch}"
        return [
            (ruleset, item)
            for ruleset in self.rulesets
            if ruleset.target == "branch"
            and ruleset.enforcement == "active"
            and ruleset.applies_to(ref, self.default_branch)
            for item in ruleset.rules
        ]

    def pull_commits(self, pull: Pull) -> list[str]:
        """Return the commits that a pull request brings, oldest first."""
        return between(self.commits, pull.base_sha, pull.head_sha)
