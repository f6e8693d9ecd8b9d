"""A job in a fake repository, read as the adapter reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ci_guard.evidence.github import claims, event, people, provenance
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.job import Job, read_job
from ci_guard.evidence.rest.transport import Transport
from ci_guard.model.fact import Fact, Known, Unknown
from ci_guard.model.review import Change, Contribution, Origin, Provenance
from ci_guard.model.run import Claim, Part, Run, Seat
from tests.fakes.github import FakeGitHub
from tests.fakes.hub.events import Events
from tests.fakes.hub.repository import Repository
from tests.fakes.hub.runs import Run as ServerRun

T = TypeVar("T")

PERMISSIONS = {"metadata": "read", "contents": "read", "pull_requests": "read", "actions": "read"}


@dataclass
class Scene:
    """One repository on a fake server, and the job that runs in it."""

    github: FakeGitHub
    repo: Repository
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    tokens: tuple[str, ...] = ()
    _read: tuple[Client, Job, Run] | None = None

    @property
    def events(self) -> Events:
        return self.github.events(self.repo)

    def start(self, run: ServerRun, payload: Mapping[str, Any], **changes: str) -> Scene:
        """Let a job of this run begin with this event file; `changes` replaces variables."""
        self.environment = self.github.job_environment(self.repo, run, dict(payload), self.folder, **changes)
        self._read = None
        return self

    def push(self, sha: str, *, before: str, actor: str, branch: str = "main", **changes: str) -> Scene:
        """Let a push of this commit start a job."""
        run = self.repo.run("push", actor=actor, sha=sha, branch=branch)
        return self.start(run, self.events.push(branch, before=before, after=sha, sender=actor), **changes)

    def token(self, **permissions: str) -> Scene:
        """Give the job a token with these permissions only."""
        self.tokens = (self.github.token("narrow", permissions=permissions).value,)
        return self

    def read(self) -> tuple[Client, Job, Run]:
        """Return the client, the job and the run, read once."""
        if self._read is None:
            tokens = self.tokens or (self.github.token("job", permissions=PERMISSIONS).value,)
            client = Client(
                api_url=self.github.url, repository=self.repo.full_name, tokens=tokens, transport=Transport()
            )
            job = read_job(self.environment)
            self._read = client, job, event.identify(client, job)
        return self._read

    @property
    def run(self) -> Run:
        return self.read()[2]

    def seats(self, *parts: Part) -> tuple[Seat, ...]:
        return known(people.get_seats(*self.read(), parts=set(parts or Part)))

    def claims(self) -> dict[str, Claim]:
        return {claim.name: claim for claim in known(claims.get_claims(*self.read()))}

    def lies(self) -> dict[str, tuple[str, str]]:
        """Return the claims that the server contradicts; none may be unknown."""
        return {
            name: (claim.claimed, known(claim.truth))
            for name, claim in self.claims().items()
            if claim.claimed != known(claim.truth)
        }

    def provenance(
        self,
        *,
        history: bool = False,
        reviews: bool = True,
        owners: bool = False,
        circles: frozenset[str] = frozenset(),
    ) -> Provenance:
        return known(
            provenance.get_provenance(
                *self.read(),
                history=history,
                reviews=reviews,
                owners=owners,
                circles=circles,
                first_parents=no_checkout,
            )
        )

    def origin(self, **wanted: Any) -> Origin:
        return known(self.provenance(**wanted).commit)

    def changes(self, **wanted: Any) -> tuple[Change, ...]:
        return known(self.origin(**wanted).changes)

    def change(self, **wanted: Any) -> Change:
        (only,) = self.changes(**wanted)
        return only

    def contributors(self) -> dict[str, str]:
        """Return who contributed and how; an unknown one by what the commit claims."""
        return {name_of(share): share.how for share in known(self.change().contributions)}


def no_checkout(base: str, head: str) -> None:
    """Stand for a checkout that cannot tell what lies between two commits."""


def known(fact: Fact[T]) -> T:
    """Return the value of a fact that must be known."""
    assert isinstance(fact, Known), fact
    return fact.value


def present(fact: Fact[T | None]) -> T:
    """Return the value of a fact that must be known and not None."""
    value = known(fact)
    assert value is not None
    return value


def unknown(fact: Fact[Any]) -> Unknown:
    """Return a fact that must be unknown."""
    assert isinstance(fact, Unknown), fact
    return fact


def name_of(share: Contribution) -> str:
    return share.who.value.login if isinstance(share.who, Known) else f"unknown {share.also_login}".strip()


@pytest.fixture
def scene(github: FakeGitHub, tmp_path: Path) -> Scene:
    repo = github.repository("acme/shop", private=True)
    for login, role in (("alice", "write"), ("bob", "write"), ("carol", "maintain"), ("mallory", "none")):
        repo.user(login, role=role)
    return Scene(github, repo, tmp_path / "job")
