"""Everything the fake GitHub knows, as data that a JSON file can hold."""

from __future__ import annotations

import base64
import dataclasses
import sys
import threading
import types
import typing
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.fakes.hub.people import WEB_FLOW, WELL_KNOWN, Team, User
from tests.fakes.hub.repository import Repository

JOB_PERMISSIONS = {"metadata": "read", "contents": "read", "pull_requests": "read", "actions": "read"}
"""What the README asks a workflow to grant."""


@dataclass(kw_only=True)
class Token:
    """
    A credential and what it may do.

    `kind`: `installation` (a job's own token or an app's), `user` (a classic personal token) or `fine-grained`.
    They differ in how a refusal reads: 403 "not accessible by integration", 404, 403 "by personal access token".
    """

    name: str
    value: str
    kind: str = "installation"
    permissions: dict[str, str] = field(default_factory=lambda: dict(JOB_PERMISSIONS))
    login: str | None = None
    """The account of a user's token."""
    repositories: list[str] | None = None
    """Full names that an installation token is limited to; None: all."""
    rate_limit: int = 1000
    used: int = 0
    scopes: list[str] | None = None
    """What a classic token's answers say in `X-OAuth-Scopes`; other kinds have no such header."""

    def may(self, permission: str, level: str) -> bool:
        """Tell whether the token was granted `read` or `write` on something; `metadata: read` always is."""
        granted = self.permissions.get(permission, "none")
        if permission == "metadata" and level == "read":
            return True
        return granted == level or granted in ("write", "admin")


@dataclass(kw_only=True)
class FaultSpec:
    """A fault of the server as a state file names it: `kind` is a function of `tests.fakes.faults`."""

    match: str
    kind: str
    arguments: dict[str, Any] = field(default_factory=dict)
    times: int | None = None
    skip: int = 0


@dataclass(kw_only=True)
class World:
    """All accounts, repositories and tokens, and one clock."""

    clock: int = 0
    """Minutes since `EPOCH`; every recorded act moves it on by one."""
    counter: int = 1000
    actions_app: int = 15368
    """The number of the app of GitHub Actions, which differs from server to server."""
    users: dict[str, User] = field(default_factory=dict)
    teams: list[Team] = field(default_factory=list)
    tokens: dict[str, Token] = field(default_factory=dict)
    """By name."""
    repositories: dict[str, Repository] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    """Old full name in lower case -> new full name."""
    graphql: dict[str, Any] | None = None
    """The answer to every GraphQL query; None: the error that a token without the right gets."""
    faults: list[FaultSpec] = field(default_factory=list)
    _lock: Any = field(default_factory=threading.RLock, repr=False, compare=False, metadata={"stored": False})
    """Answers may add accounts that a test only mentioned, and they come from many threads."""

    def __post_init__(self) -> None:
        """Give each repository its way back to the world."""
        for repo in self.repositories.values():
            repo.join(self)
        if WEB_FLOW not in self.users:
            self.user(WEB_FLOW)

    def tick(self) -> str:
        """Move the clock on by a minute and return the new time."""
        self.clock += 1
        return self.now()

    def now(self) -> str:
        """Return the present time, ISO 8601 in UTC."""
        return (EPOCH + timedelta(minutes=self.clock)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def next_id(self) -> int:
        """Return a number that nothing else has."""
        with self._lock:
            self.counter += 1
            return self.counter

    def user(
        self,
        login: str,
        *,
        id: int | None = None,  # noqa: A002 - the platform's word
        type: str | None = None,  # noqa: A002 - the platform's word
        name: str | None = None,
        email: str | None = None,
        is_user: bool = True,
    ) -> User:
        """Add an account, or return the one of that login; `…[bot]` are bots, GitHub's own have their real ids."""
        with self._lock:
            user = self.users.get(login.lower())
            if user is None and login in WELL_KNOWN:
                user = dataclasses.replace(WELL_KNOWN[login])
            if user is None:
                kind = type or ("Bot" if login.endswith("[bot]") else "User")
                number = self.next_id() if id is None else id
                user = User(login=login, id=number, type=kind, name=name, email=email, is_user=is_user)
            self.users[login.lower()] = user
            return user

    def organization(self, login: str) -> User:
        """Add an organisation."""
        return self.user(login, type="Organization")

    def team(self, organization: str, slug: str, *members: str, maintainers: tuple[str, ...] = ()) -> Team:
        """Add a team, or people to the one of that name."""
        roles = {m.lower(): "member" for m in members} | {m.lower(): "maintainer" for m in maintainers}
        with self._lock:
            for team in self.teams:
                if team.slug == slug and team.organization.lower() == organization.lower():
                    team.members.update(roles)
                    return team
            made = Team(slug=slug, id=self.next_id(), organization=organization, members=roles)
            self.teams.append(made)
            return made

    def repository(
        self,
        full_name: str = "acme/shop",
        *,
        private: bool = False,
        default_branch: str = "main",
        empty: bool = False,
        fork_of: str | None = None,
        owner_type: str = "Organization",
        id: int | None = None,  # noqa: A002 - the platform's word
    ) -> Repository:
        """
        Add a repository, or return the one of that name.

        Unless `empty` it starts with one commit by its admin `olivia` on the default branch; a fork starts with
        its parent's branches and shares its objects.
        """
        if full_name.lower() in self.repositories:
            return self.repositories[full_name.lower()]
        owner, _, name = full_name.partition("/")
        self.user(owner, type=owner_type)
        repo = Repository(
            id=self.next_id() if id is None else id,
            owner=owner,
            name=name,
            private=private,
            default_branch=default_branch,
            parent=fork_of,
            created_at=self.now(),
        )
        self.repositories[full_name.lower()] = repo
        repo.join(self)
        if fork_of is not None:
            repo.branches.update(self.repository_named(fork_of).branches)
        elif not empty:
            repo.user("olivia", role="admin")
            repo.commit("Begin", author="olivia", files={"README.md": f"# {name}\n"}, on=default_branch)
        return repo

    def repository_named(self, full_name: str) -> Repository:
        """Return a repository that must exist."""
        return self.repositories[full_name.lower()]

    def token(
        self,
        name: str = "job",
        *,
        kind: str = "installation",
        permissions: dict[str, str] | None = None,
        login: str | None = None,
        repositories: list[str] | None = None,
        rate_limit: int | None = None,
        scopes: list[str] | None = None,
    ) -> Token:
        """Add a token, or replace the one of that name; its value is `fake-<name>-credential`."""
        granted = JOB_PERMISSIONS if permissions is None else {k.replace("-", "_"): v for k, v in permissions.items()}
        limit = rate_limit if rate_limit is not None else 1000 if kind == "installation" else 5000
        token = Token(
            name=name,
            value=f"fake-{name}-credential",
            kind=kind,
            permissions=dict(granted),
            login=self.user(login).login if login else None,
            repositories=repositories,
            rate_limit=limit,
            scopes=scopes,
        )
        self.tokens[name] = token
        return token

    def rename(self, repo: Repository, new_name: str) -> None:
        """Rename a repository; the old name answers 301 from now on."""
        old = repo.full_name
        del self.repositories[old.lower()]
        repo.owner, _, repo.name = new_name.partition("/")
        self.repositories[new_name.lower()] = repo
        self.renamed[old.lower()] = new_name

    def to_json(self) -> dict[str, Any]:
        """Return the whole state as JSON values; `from_json` reads it back."""
        dumped: dict[str, Any] = _dump(self)
        return dumped

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> World:
        """Build a world from `to_json`'s form; keys that have a default may be left out, unknown keys are errors."""
        world: World = _load(cls, data)
        return world


EPOCH = datetime(2026, 3, 2, 9, 0, tzinfo=timezone.utc)


def _dump(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {
            f.name: _dump(getattr(value, f.name)) for f in dataclasses.fields(value) if f.metadata.get("stored", True)
        }
    if isinstance(value, dict):
        return {key: _dump(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_dump(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value


def _load(kind: Any, value: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return None if value is None else _load(next(a for a in arguments if a is not type(None)), value)
    if origin is list:
        return [_load(arguments[0], item) for item in value]
    if origin is dict:
        return {key: _load(arguments[1], item) for key, item in value.items()}
    if kind is bytes:
        return base64.b64decode(value)
    if dataclasses.is_dataclass(kind):
        # Back references are typed with names that exist for the type checker only.
        unseen = {name: Any for name in ("Repository", "World") if name not in vars(sys.modules[kind.__module__])}
        hints = typing.get_type_hints(kind, localns=unseen)
        stored = {f.name for f in dataclasses.fields(kind) if f.metadata.get("stored", True)}
        if unknown := value.keys() - stored:
            raise ValueError(f"{kind} has no {', '.join(sorted(unknown))}")
        return typing.cast("type[Any]", kind)(**{key: _load(hints[key], item) for key, item in value.items()})
    return value
