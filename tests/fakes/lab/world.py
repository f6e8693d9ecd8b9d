"""Everything the fake GitLab knows, and one clock."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.fakes.lab.project import Project
from tests.fakes.lab.state import OWNER, Job, Token, User

EPOCH = datetime(2026, 3, 2, 9, 0, tzinfo=timezone.utc)


@dataclass(kw_only=True)
class World:
    """All accounts, projects and tokens of an instance."""

    version: tuple[int, int] = (18, 6)
    """What a job's token may read depends on it."""
    clock: int = 0
    """Minutes since `EPOCH`; every recorded act moves it on by one."""
    counter: int = 1000
    users: dict[str, User] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    projects: dict[int, Project] = field(default_factory=dict)
    group_rules: dict[int, list[Any]] = field(default_factory=dict)
    """By group: rules as `GET /groups/:id/protected_branches` lists them."""
    group_members: dict[str, dict[str, int]] = field(default_factory=dict)
    """By the full path of a group: access levels by username, of direct members."""
    _lock: Any = field(default_factory=threading.RLock, repr=False, compare=False)

    def tick(self) -> str:
        """Move the clock on by a minute and return the new time."""
        self.clock += 1
        return (EPOCH + timedelta(minutes=self.clock)).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def next_id(self) -> int:
        """Return a number that nothing else has."""
        with self._lock:
            self.counter += 1
            return self.counter

    def user(self, username: str, **account: Any) -> User:
        """Add an account, or return the one of that name; `account` are fields of `User`."""
        with self._lock:
            user = self.users.get(username)
            if user is None:
                number = account.pop("id", None) or self.next_id()
                user = User(username=username, id=number, name=account.pop("name", None) or username.title())
                self.users[username] = user
            for key, value in account.items():
                setattr(user, key, value)
            return user

    def project(self, path: str = "acme/shop", *, fork_of: Project | None = None, **settings: Any) -> Project:
        """Add a project with one commit by its owner `olivia`, or return the one of that path; `empty=True`: none."""
        for project in self.projects.values():
            if project.path == path:
                return project
        empty = settings.pop("empty", False)
        number = settings.pop("id", None) or self.next_id()
        made = Project(id=number, path=path, world=self, **settings)
        self.projects[made.id] = made
        if fork_of is not None:
            made.forked_from = fork_of.id
            made.branches = dict(fork_of.branches)
        else:
            made.user("olivia", OWNER)
            if not empty:
                made.commit("Begin", author="olivia", files={"README.md": f"# {path}\n"}, on=made.default_branch)
        return made

    def job_token(self, job: Job, name: str = "job") -> Token:
        """Give a job its token."""
        token = Token(name=name, value=f"fake-{name}-credential", kind="job", username=job.user, job=job.id, scopes=())
        self.tokens[name] = token
        return token

    def token(self, name: str, username: str, *, scopes: tuple[str, ...] = ("read_api",)) -> Token:
        """Add an access token of an account, or replace the one of that name."""
        self.user(username)
        token = Token(name=name, value=f"fake-{name}-credential", username=username, scopes=scopes)
        self.tokens[name] = token
        return token
