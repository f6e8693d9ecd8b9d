"""Which CI a run is in, and the tokens that it was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ci_guard import late
from ci_guard.errors import UsageError
from ci_guard.model.run import Platform

STRONGER_TOKEN: Final = "CI_GUARD_TOKEN"  # noqa: S105 - a variable's name
JOB_TOKENS: Final = {Platform.GITHUB: "GITHUB_TOKEN", Platform.GITLAB: "CI_JOB_TOKEN"}

_SENDABLE: Final = late.pattern(r"[\x21-\x7e]+")


def detect(environ: Mapping[str, str]) -> Platform:
    """
    Return the CI that set these variables, `local` where none did.

    A later variable can pretend another CI, so two at once are refused rather than ranked; wiring names its platform.

    Raises: `UsageError` where more than one claims the run.
    """
    claims = {
        Platform.GITHUB: environ.get("GITHUB_ACTIONS") == "true",
        Platform.GITLAB: environ.get("GITLAB_CI") == "true",
        Platform.JENKINS: bool(environ.get("JENKINS_URL")),
        Platform.CIRCLECI: environ.get("CIRCLECI") == "true",
    }
    found = [platform for platform, claimed in claims.items() if claimed]
    if len(found) > 1:
        names = ", ".join(platform.value for platform in found)
        raise UsageError(
            f"The environment claims several CI systems: {names}.", hint="Name the right one with --platform."
        )
    return found[0] if found else Platform.LOCAL


def tokens(environ: Mapping[str, str], platform: Platform) -> tuple[str, ...]:
    """
    Return the tokens of a run, the weaker (the job's) first; may be empty.

    Raises: `UsageError`, without the value, for one that could not stand in a header.
    """
    return tuple(named_tokens(environ, platform).values())


def named_tokens(environ: Mapping[str, str], platform: Platform) -> dict[str, str]:
    """Return the same by the variable that holds it; one that two variables hold is the weaker's."""
    found: dict[str, str] = {}
    for name in (JOB_TOKENS.get(platform, ""), STRONGER_TOKEN):
        value = environ.get(name, "").strip()
        if value and not _SENDABLE.fullmatch(value):
            raise UsageError(f"{name} holds characters that no token has.", hint="Store the token again, on one line.")
        if value and value not in found.values():
            found[name] = value
    return found
