"""What a token is, by the prefix that GitHub documents, and what the server says of its limits and scopes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ci_guard.model.token import TokenSight

KINDS: Final[Mapping[str, str]] = {
    "ghs_": "GitHub App installation token, as a job has",
    "ghp_": "classic personal access token",
    "github_pat_": "fine-grained personal access token",
    "gho_": "OAuth access token",
    "ghu_": "GitHub App user access token",
}
"""Source: "About authentication to GitHub", "GitHub's token formats"."""
UNKNOWN_KIND: Final = "token of a kind that its form does not tell"

READING: Final = frozenset(
    {
        *("read:audit_log", "read:discussion", "read:enterprise", "read:gpg_key", "read:network_configurations"),
        *("read:org", "read:packages", "read:project", "read:public_key", "read:repo_hook", "read:ssh_signing_key"),
        *("read:user", "user:email"),
    }
)
"""Scopes that only read. There is none that only reads private repositories. Source: "Scopes for OAuth apps"."""


def sight(name: str, value: str, headers: Mapping[str, str]) -> TokenSight:
    """
    Return what is known of a token.

    Source: REST "Rate limits for the REST API", `x-ratelimit-*`; "Scopes for OAuth apps", `X-OAuth-Scopes`, which only
    classic and OAuth tokens are answered with.
    """
    scopes = (scope.strip() for scope in headers.get("x-oauth-scopes", "").split(","))
    return TokenSight(
        name=name,
        kind=next((kind for prefix, kind in KINDS.items() if value.startswith(prefix)), UNKNOWN_KIND),
        excess=tuple(scope for scope in scopes if scope and scope not in READING),
        left=number(headers.get("x-ratelimit-remaining", "")),
        limit=number(headers.get("x-ratelimit-limit", "")),
    )


def number(text: str) -> int | None:
    """Return a header's number, None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
