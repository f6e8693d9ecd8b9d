"""What surrounds a run and is no part of its evidence: what contexts and the admission table ask about."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Final

from ci_guard.model.fact import Cause, Fact, Unknown
from ci_guard.records import dataclass

UNASKED: Final = Unknown(reason="nothing in the policy asked for it", cause=Cause.UNAVAILABLE)


class Visibility(str, Enum):
    """Who may see the repository."""

    PUBLIC = "public"
    INTERNAL = "internal"
    PRIVATE = "private"


class Host(str, Enum):
    """Whose machine the job runs on."""

    HOSTED = "hosted"
    """The platform's own, made anew for each job."""
    SELF_HOSTED = "self-hosted"


@dataclass(frozen=True, kw_only=True)
class Runner:
    """The machine that the job runs on, as far as the platform shows it."""

    host: Fact[Host]
    labels: Fact[frozenset[str]]
    """What the job asked of a runner: labels on GitHub, tags on GitLab."""


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What surrounds one run. What nothing in the policy asks for stays `UNASKED`."""

    now: Fact[datetime] = UNASKED
    """Aware, UTC."""
    environments: tuple[Fact[str], ...] = (UNASKED,)
    """
    Every environment that somebody names for the run, each with who vouches for it; empty where nobody names one. Two
    may contradict each other, and then the run is of both.
    """
    signed_environment: Fact[str | None] = UNASKED
    """The environment that a verified ID token names, None where it names none."""
    visibility: Fact[Visibility] = UNASKED
    labels: Fact[frozenset[str]] = UNASKED
    """Of the change, or of all changes in the queue; empty where the event has none."""
    changed_paths: Fact[frozenset[str] | None] = UNASKED
    """Verbatim, with `/`, a renamed file by both its names; None where the event brings no change."""
    runner: Fact[Runner] = UNASKED
