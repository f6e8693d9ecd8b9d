"""
Workflow runs and deployments as GitHub lists them.

Source: REST "List workflow runs for a repository" (`actions: read`; without a filter the list is not cut at 1,000),
"List deployments" (`deployments: read`); both newest first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from ci_guard.errors import UsageError
from ci_guard.evidence import environment
from ci_guard.evidence.github.adapter import PUBLIC_API
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.rest.activity import older, read
from ci_guard.evidence.rest.shape import checked, integer, optional, text, when
from ci_guard.evidence.rest.together import two
from ci_guard.evidence.rest.transport import Transport
from ci_guard.model.activity import Activity
from ci_guard.model.fact import Fact
from ci_guard.model.run import Platform

IDLE: Final = frozenset({"skipped", "action_required", "startup_failure"})
"""Conclusions of runs that started no job."""

Facts = tuple[Fact[tuple[Activity, ...]], Fact[tuple[Activity, ...]]]


def activity(environ: Mapping[str, str], repository: str | None, transport: Transport, since: datetime) -> Facts:
    """
    Return the runs and the deployments since a moment.

    Raises: `UsageError` for an address, repository or token that cannot be used.
    """
    named = repository or environ.get("GITHUB_REPOSITORY", "")
    if not named:
        raise UsageError("No repository is named.", hint="For example --repository acme/shop.")
    client = Client(
        api_url=environ.get("GITHUB_API_URL") or PUBLIC_API,
        repository=named,
        tokens=environment.tokens(environ, Platform.GITHUB),
        transport=transport,
    )
    return two(
        client,
        lambda: checked(
            client.get_all("actions/runs", items="workflow_runs", until=older(since), counted=True),
            lambda found: read(found, run, since),
        ),
        lambda: checked(
            client.get_all("deployments", until=older(since)), lambda found: read(found, deployment, since)
        ),
    )


def run(raw: Any) -> Activity:
    """Return a workflow run; raise `ShapeError`."""
    status, conclusion = optional(raw, "status", text), optional(raw, "conclusion", text)
    return Activity(
        identity=str(integer(raw, "id")),
        time=when(raw, "created_at"),
        sha=text(raw, "head_sha"),
        ref=optional(raw, "head_branch", text) or "",
        cause=text(raw, "event"),
        state=conclusion or status or "",
        going=status != "completed",
        idle=conclusion in IDLE,
        url=text(raw, "html_url"),
    )


def deployment(raw: Any) -> Activity:
    """Return a deployment; raise `ShapeError`."""
    return Activity(
        identity=str(integer(raw, "id")),
        time=when(raw, "created_at"),
        sha=text(raw, "sha"),
        ref=text(raw, "ref"),
        environment=text(raw, "environment"),
    )
