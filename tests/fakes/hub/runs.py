"""Workflow runs and their attempts in the fake GitHub."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fakes.hub.repository import Repository


@dataclass(kw_only=True)
class Attempt:
    """One attempt of a run; the first actor stays, whoever pressed re-run triggers."""

    triggering_actor: str
    started_at: str
    status: str = "in_progress"
    conclusion: str | None = None


@dataclass(kw_only=True)
class ReferencedWorkflow:
    """A reusable workflow that the run calls."""

    path: str
    sha: str
    ref: str | None = None


@dataclass(kw_only=True)
class Approval:
    """A reviewer's answer to an environment's question."""

    user: str
    environments: list[str]
    state: str = "approved"
    comment: str = ""


@dataclass(kw_only=True)
class Run:
    """One workflow run."""

    id: int
    number: int
    event: str
    actor: str
    head_sha: str
    head_branch: str | None
    head_repository: str
    path: str
    workflow_id: int
    name: str
    created_at: str
    title: str
    pulls: list[int] = field(default_factory=list)
    referenced_workflows: list[ReferencedWorkflow] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    approvals: list[Approval] = field(default_factory=list)
    runners: dict[str, list[str]] = field(default_factory=dict)
    """The labels that the jobs in progress ask for, by the name of the runner."""
    repository: Repository | None = field(default=None, repr=False, compare=False, metadata={"stored": False})

    def rerun(self, *, by: str) -> Attempt:
        """Add an attempt started by `by`."""
        assert self.repository is not None, "a run is made by Repository.run"
        self.attempts[-1].status, self.attempts[-1].conclusion = "completed", "failure"
        attempt = Attempt(triggering_actor=self.repository.known(by), started_at=self.repository.world.tick())
        self.attempts.append(attempt)
        return attempt

    def approve(self, by: str, *environments: str, state: str = "approved", comment: str = "") -> None:
        """Record an answer to the question whether the run may use these environments."""
        assert self.repository is not None, "a run is made by Repository.run"
        user = self.repository.known(by)
        self.approvals.append(Approval(user=user, environments=list(environments), state=state, comment=comment))
