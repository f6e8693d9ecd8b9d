"""What a token is, by the prefix that GitLab documents, and what the server says of its limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ci_guard.model.token import TokenSight

KINDS: Final[Mapping[str, str]] = {
    "glcbt-": "CI/CD job token",
    "glpat-": "access token of a person, project or group",
    "gldt-": "deploy token",
    "gloas-": "secret of an OAuth application",
    "glptt-": "pipeline trigger token",
    "glrt-": "runner authentication token",
    "glsoat-": "SCIM token",
}
"""Source: "Security overview of tokens", "Token prefixes"; an instance may have prefixes of its own."""
UNKNOWN_KIND: Final = "token of a kind that its form does not tell"


def sight(name: str, value: str, headers: Mapping[str, str], *, of_job: bool) -> TokenSight:
    """
    Return what is known of a token. Its scopes no answer tells.

    Source: "User and IP rate limits", response headers.
    """
    kind = next((kind for prefix, kind in KINDS.items() if value.startswith(prefix)), UNKNOWN_KIND)
    return TokenSight(
        name=name,
        kind=KINDS["glcbt-"] if of_job else kind,
        left=number(headers.get("ratelimit-remaining", "")),
        limit=number(headers.get("ratelimit-limit", "")),
    )


def number(text: str) -> int | None:
    """Return a header's number, None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
