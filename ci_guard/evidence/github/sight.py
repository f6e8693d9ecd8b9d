"""What a job shows of the run that is judged: environment, event file, the server's run and its pull request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ci_guard.evidence.github import payload
from ci_guard.evidence.github.job import Job, pull_of_ref, queue_of_ref
from ci_guard.evidence.github.records import Pull, WorkflowRun
from ci_guard.model.fact import Fact, Known, Unknown
from ci_guard.model.run import Event

BUILDS_HEAD: Final = frozenset({Event.PUSH, Event.TAG, Event.QUEUE, Event.SCHEDULE, Event.MANUAL, Event.API})
"""
Events where the run's `head_sha` and `head_branch` are `GITHUB_SHA` and the name of `GITHUB_REF`.

In a change they are the pull request's head while the job builds a merge commit. For the others the documentation does
not say so, and an honest run must not be doubted.
"""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What there is to conclude from."""

    job: Job
    run: Fact[WorkflowRun]
    pull: Fact[Pull | None] | None
    """The pull request that ref or event name; None where they name none, or what they name is an issue."""
    event: Fact[Event]

    @property
    def event_name(self) -> str:
        """The platform's own word for the event."""
        return self.run.value.event if isinstance(self.run, Known) else self.job.event_name


def pull_number(job: Job) -> int | None:
    """
    Return the pull request that the run is about, by the ref where it says so, else by the event file.

    Below an issue comment it may be an issue: that is the server's to say, as a step can cut the sign of a pull request
    out of the event file.
    """
    queue = queue_of_ref(job.ref)
    number = pull_of_ref(job.ref) or (queue.number if queue else None)
    if number is not None or isinstance(job.event, Unknown):
        return number
    subject = "issue" if job.event_name == "issue_comment" else "pull_request"
    number = payload.number(job.event.value, subject, "number")
    return number if number is None or number > 0 else None
