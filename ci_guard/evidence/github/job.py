"""What a job is told about itself by variables and the event file: claims, until the server confirms them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from ci_guard.evidence.github import payload
from ci_guard.evidence.github.payload import Payload
from ci_guard.evidence.rest.shape import encodable
from ci_guard.model.fact import Fact
from ci_guard.records import dataclass

HEADS: Final = "refs/heads/"
TAGS: Final = "refs/tags/"

_PULL_REF: Final = re.compile(r"refs/pull/([1-9][0-9]{0,17})/(?:merge|head)")
_QUEUE_REF: Final = re.compile(r"refs/heads/gh-readonly-queue/(.+)/pr-([1-9][0-9]{0,17})-[0-9a-f]{40,64}")


@dataclass(frozen=True, kw_only=True)
class Job:
    """
    The claims, as they are. The runner refuses to let a step set `GITHUB_*`; the event file any step can rewrite.

    Source: "Variables reference", default environment variables.
    """

    repository: str
    """`owner/name`."""
    repository_id: str
    server_url: str
    event_name: str
    ref: str
    sha: str
    run_id: str
    run_attempt: str
    actor: str
    actor_id: str
    triggering_actor: str
    base_ref: str
    head_ref: str
    mail_domain: str
    """The domain of the platform's own e-mail addresses: `noreply@<domain>`, `…@users.noreply.<domain>`."""
    event: Fact[Payload]
    runner_environment: str = ""
    runner_name: str = ""
    workflow_ref: str = ""
    workflow_sha: str = ""
    action_ref: str = ""
    check_run_id: str = ""
    """The number of the job's check, which an expression of the action tells, where the server has it."""
    job: str = ""
    """The id of the job in its workflow."""


def read_job(environment: Mapping[str, str]) -> Job:
    """Return what the environment and the event file claim; what is missing is empty or unknown."""

    def variable(name: str) -> str:
        return encodable(environment.get(name, "")).strip()

    return Job(
        repository=variable("GITHUB_REPOSITORY"),
        repository_id=variable("GITHUB_REPOSITORY_ID"),
        server_url=variable("GITHUB_SERVER_URL").rstrip("/"),
        event_name=variable("GITHUB_EVENT_NAME"),
        ref=variable("GITHUB_REF"),
        sha=variable("GITHUB_SHA"),
        run_id=variable("GITHUB_RUN_ID"),
        run_attempt=variable("GITHUB_RUN_ATTEMPT"),
        actor=variable("GITHUB_ACTOR"),
        actor_id=variable("GITHUB_ACTOR_ID"),
        triggering_actor=variable("GITHUB_TRIGGERING_ACTOR"),
        base_ref=variable("GITHUB_BASE_REF"),
        head_ref=variable("GITHUB_HEAD_REF"),
        mail_domain=_mail_domain(variable("GITHUB_API_URL"), variable("GITHUB_SERVER_URL")),
        runner_environment=variable("RUNNER_ENVIRONMENT"),
        runner_name=variable("RUNNER_NAME"),
        workflow_ref=variable("GITHUB_WORKFLOW_REF"),
        workflow_sha=variable("GITHUB_WORKFLOW_SHA"),
        action_ref=variable("GITHUB_ACTION_REF"),
        check_run_id=variable("CI_GUARD_CHECK_RUN_ID"),
        job=variable("GITHUB_JOB"),
        event=payload.read(variable("GITHUB_EVENT_PATH")),
    )


def _mail_domain(api_url: str, server_url: str) -> str:
    """Return `github.com`, or the host of an Enterprise Server, whose API lies below `/api/v3`."""
    try:
        host = urlsplit(server_url).hostname
    except ValueError:
        host = None
    return host if host and api_url.rstrip("/").endswith("/api/v3") else "github.com"


def run_url(job: Job) -> str:
    """Return the page of the run and its attempt, empty where the variables do not name it."""
    if not (job.server_url and job.repository and job.run_id):
        return ""
    attempt = "" if job.run_attempt in ("", "1") else f"/attempts/{job.run_attempt}"
    return f"{job.server_url}/{job.repository}/actions/runs/{job.run_id}{attempt}"


@dataclass(frozen=True, kw_only=True)
class QueueRef:
    """A branch that the merge queue made: `gh-readonly-queue/<target>/pr-<number>-<commit it starts from>`."""

    target: str
    number: int
    """The last pull request of the group."""


def pull_of_ref(ref: str) -> int | None:
    """Return the number in `refs/pull/7/merge`, None for any other ref."""
    found = _PULL_REF.fullmatch(ref)
    return int(found[1]) if found else None


def queue_of_ref(ref: str) -> QueueRef | None:
    """Return what the name of a merge queue's branch says, None for any other ref."""
    found = _QUEUE_REF.fullmatch(ref)
    return QueueRef(target=found[1], number=int(found[2])) if found else None
