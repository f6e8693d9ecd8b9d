"""
Pipelines and deployments as GitLab lists them.

Source: "Pipelines API", "List project pipelines"; "Deployments API", "List project deployments"; "CI/CD job token",
whose endpoints have deployments among them and no list of pipelines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from ci_guard.errors import UsageError
from ci_guard.evidence import environment
from ci_guard.evidence.gitlab.client import STRONGER, Client, Sight, segment
from ci_guard.evidence.gitlab.dialect import Token
from ci_guard.evidence.gitlab.server import server_of
from ci_guard.evidence.rest.activity import older, read
from ci_guard.evidence.rest.shape import checked, integer, optional, record, text, when
from ci_guard.evidence.rest.together import two
from ci_guard.evidence.rest.transport import Transport
from ci_guard.model.activity import Activity
from ci_guard.model.fact import Fact, Unknown
from ci_guard.model.run import Platform

GOING: Final = frozenset(
    {
        *("created", "waiting_for_resource", "preparing", "waiting_for_callback", "pending", "running"),
        *("canceling", "scheduled", "blocked"),
    }
)
"""States of what may not have come to its guard. `manual` is none of them: jobs before the manual one have run."""
NEEDS: Final = f"{STRONGER} and the role Reporter"
NEWEST_FIRST: Final = {"order_by": "id", "sort": "desc"}

Facts = tuple[Fact[tuple[Activity, ...]], Fact[tuple[Activity, ...]]]


def activity(environ: Mapping[str, str], repository: str | None, transport: Transport, since: datetime) -> Facts:
    """
    Return the pipelines and the deployments since a moment; `repository` is a project's id or its path.

    Raises: `ServerMismatch`; `UsageError` for an address, project or token that cannot be used.
    """
    named = repository or environ.get("CI_PROJECT_ID", "")
    if not named:
        raise UsageError("No project is named.", hint="For example --repository acme/shop, or the project's id.")
    of_job = environment.JOB_TOKENS[Platform.GITLAB]
    tokens = environment.named_tokens(environ, Platform.GITLAB)
    client = Client(
        server_url=server_of(environ, None),
        project=named,
        tokens=[Token(value=value, of_job=name == of_job) for name, value in tokens.items()],
        transport=transport,
    )
    if not re.fullmatch(r"[0-9]{1,18}", named):
        found = checked(client.get(f"/projects/{segment(named)}", needs=NEEDS), lambda raw: integer(raw, "id"))
        if isinstance(found, Unknown):
            return found, found
        client.belongs_to(found.value)
    return two(
        client,
        lambda: checked(
            client.get_all(
                "pipelines", sight=Sight.BY_STRONGER, until=older(since), needs=NEEDS, params=NEWEST_FIRST, counted=True
            ),
            lambda found: read(found, pipeline, since),
        ),
        lambda: checked(
            client.get_all("deployments", until=older(since), needs=NEEDS, params=NEWEST_FIRST, counted=True),
            lambda found: read(found, deployment, since),
        ),
    )


def pipeline(raw: Any) -> Activity:
    """Return a pipeline; raise `ShapeError`."""
    status = text(raw, "status")
    return Activity(
        identity=str(integer(raw, "id")),
        time=when(raw, "created_at"),
        sha=text(raw, "sha"),
        ref=optional(raw, "ref", text) or "",
        cause=optional(raw, "source", text) or "",
        state=status,
        going=status in GOING,
        idle=status == "skipped",
        url=text(raw, "web_url"),
    )


def deployment(raw: Any) -> Activity:
    """Return a deployment; raise `ShapeError`."""
    status = text(raw, "status")
    return Activity(
        identity=str(integer(raw, "id")),
        time=when(raw, "created_at"),
        sha=text(raw, "sha"),
        ref=text(raw, "ref"),
        environment=text(record(raw, "environment"), "name"),
        state=status,
        going=status in GOING,
        idle=status == "skipped",
    )
