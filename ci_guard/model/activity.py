"""What a server knows to have happened: runs and deployments, whether anybody guarded them or not."""

from __future__ import annotations

from datetime import datetime

from ci_guard.records import dataclass


@dataclass(frozen=True, kw_only=True)
class Activity:
    """A workflow run, a pipeline or a deployment."""

    identity: str
    """The server's number of it."""
    time: datetime
    """When it was made; aware, UTC."""
    sha: str
    ref: str
    """A branch or tag, as the server shortens it; empty where it names none."""
    cause: str = ""
    """Of a run: the platform's word for what started it."""
    environment: str = ""
    """Of a deployment."""
    state: str = ""
    """The platform's word; empty where it says none."""
    going: bool = False
    """Whether it may not have come to its guard yet."""
    idle: bool = False
    """Whether it ended without starting any job."""
    url: str = ""
