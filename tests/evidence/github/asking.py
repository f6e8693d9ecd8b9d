"""Clients of a fake GitHub, as tests need them."""

from __future__ import annotations

from typing import Any

from ci_guard.evidence.github.client import Client
from ci_guard.evidence.rest.transport import Transport
from ci_guard.model.fact import Known, Source
from ci_guard.model.run import ChangeReference, Event, Platform, Run
from tests.fakes.github import FakeGitHub

ADMIN = {"metadata": "read", "contents": "read", "administration": "write", "organization_administration": "write"}
"""What a token needs that sees everything about branches."""


def client_of(github: FakeGitHub, *tokens: str, repository: str = "acme/shop", **limits: Any) -> Client:
    """Return a client with these tokens, by default the job's own."""
    return Client(
        api_url=github.url,
        repository=repository,
        tokens=tokens or (github.token("job").value,),
        transport=Transport(**limits),
    )


def with_admin(github: FakeGitHub, **limits: Any) -> Client:
    """Return a client with the job's token and a stronger one that administers."""
    job, admin = github.token("job"), github.token("admin", permissions=ADMIN)
    return client_of(github, job.value, admin.value, **limits)


def run_of(
    github: FakeGitHub,
    *,
    event: Event = Event.PUSH,
    sha: str = "0" * 40,
    branch: str | None = "main",
    default_branch: str = "main",
    change: ChangeReference | None = None,
) -> Run:
    """Return a run of `acme/shop` as the event's adapter would describe it."""
    return Run(
        platform=Platform.GITHUB,
        repository="acme/shop",
        server_url=github.html_url,
        event=_said(event),
        ref=_said(f"refs/heads/{branch}" if branch else "refs/tags/v1"),
        sha=_said(sha),
        branch=_said(branch),
        tag=_said(None if branch else "v1"),
        default_branch=_said(default_branch, Source.API),
        before=_said(None),
        change=_said(change),
        trusted=_said(True),
    )


def _said(value: Any, source: Source = Source.EVENT) -> Known[Any]:
    return Known(value=value, source=source)
