"""A job in a fake project, read as the adapter reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.gitlab.adapter import GitLab
from ci_guard.evidence.gitlab.client import Client
from ci_guard.evidence.gitlab.dialect import Token
from ci_guard.evidence.rest.transport import Transport
from ci_guard.model.fact import Fact, Known, Source
from ci_guard.model.run import Claim, Part, Run, Seat
from tests.evidence.github.scene import known, present, unknown
from tests.fakes.gitlab import FakeGitLab
from tests.fakes.lab.project import Project
from tests.fakes.lab.state import DEVELOPER, MAINTAINER, Job, MergeRequest

__all__ = ["Scene", "client_of", "known", "present", "scene", "source_of", "unknown"]


@dataclass
class Scene:
    """One project on a fake server, and the job that runs in it."""

    gitlab: FakeGitLab
    shop: Project
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    """Further arguments of the adapter."""
    _read: GitLab | None = None

    def start(self, job: Job, **changes: str) -> Scene:
        """Let this job begin; `changes` replaces variables, and adds the stronger token as `CI_GUARD_TOKEN`."""
        self.environ = self.gitlab.job_environment(job, **changes)
        self._read = None
        return self

    def open(self, author: str = "alice", **settings: Any) -> MergeRequest:
        """Open a merge request."""
        return self.shop.merge_request(author=author, **settings)

    @property
    def reader(self) -> str:
        """Return the value of a read_api token of the owner's."""
        return self.gitlab.world.token("reader", "olivia").value

    @property
    def adapter(self) -> GitLab:
        """Return the adapter of the job, made once."""
        if self._read is None:
            self._read = GitLab(self.environ, Checkout(self.folder), **self.settings)
        return self._read

    @property
    def run(self) -> Run:
        """Return the run."""
        return self.adapter.run()

    def seats(self, *parts: Part) -> tuple[Seat, ...]:
        """Return who fills these parts, by default all."""
        return known(self.adapter.people(set(parts or Part)))

    def claims(self) -> dict[str, Claim]:
        """Return the claims by name."""
        return {claim.name: claim for claim in known(self.adapter.claims())}

    def lies(self) -> dict[str, tuple[str, str]]:
        """Return the claims that the server contradicts; none may be unknown but the clone, which most tests lack."""
        return {
            name: (claim.claimed, known(claim.truth))
            for name, claim in self.claims().items()
            if claim.claimed not in ("a clone", known_or(claim.truth))
        }


def known_or(fact: Fact[str]) -> str:
    """Return the value of a fact, something that nobody claims where it is unknown."""
    return fact.value if isinstance(fact, Known) else "unknown"


def source_of(fact: Fact[Any]) -> Source:
    """Return who vouches for a fact that must be known."""
    known(fact)
    assert isinstance(fact, Known)
    return fact.source


def client_of(gitlab: FakeGitLab, project: Project, *tokens: str, public: bool = False, **limits: Any) -> Client:
    """Return a client with these tokens, which the fake knows; of them a job's is one that starts `fake-job`."""
    return Client(
        server_url=gitlab.url,
        project=str(project.id),
        tokens=[Token(value=value, of_job=value.startswith("fake-job")) for value in tokens],
        transport=Transport(**limits),
        public=public,
    )


@pytest.fixture
def scene(gitlab: FakeGitLab, tmp_path: Path) -> Scene:
    shop = gitlab.project("acme/shop")
    for username, level in (("alice", DEVELOPER), ("bob", DEVELOPER), ("carol", MAINTAINER)):
        shop.user(username, level)
    shop.user("mallory")
    return Scene(gitlab, shop, tmp_path)
