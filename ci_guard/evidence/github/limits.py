"""What a refusal means: a limit or a missing permission, and which permission it asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_PERMISSION: Final = re.compile(r"[a-z_]+=[a-z]+")

# For refusals that do not name what they want, such as a personal token's 404.
# Source: "Permissions required for GitHub Apps".
_DEFAULTS: Final = (
    (r"branches/[^/]+/protection", "administration: read"),
    (r"teams\b", "administration: read"),
    (r"/orgs/|/organizations/", "members: read"),
    (r"actions/", "actions: read"),
    (r"deployments\b", "deployments: read"),
    (r"pulls\b|commits/[^/]+/pulls", "pull-requests: read"),
    (r"issues/", "pull-requests: read"),
    (r"rules/|rulesets|collaborators/|/users?/|$", "metadata: read"),
)


def is_limited(status: int, headers: Mapping[str, str], message: str) -> bool:
    """
    Tell whether a refusal is a limit.

    One that could be either counts as a limit, because only a missing permission can ever be tolerated.

    Source: REST "Rate limits for the REST API", "Exceeding the rate limit".
    """
    if status == 429:
        return True
    words = message.lower()
    return status == 403 and (
        "retry-after" in headers
        or headers.get("x-ratelimit-remaining") == "0"
        or "rate limit" in words
        or "abuse detection" in words
    )


def requests_left(headers: Mapping[str, str]) -> float:
    """Return how many requests the token has left by an answer, infinitely many where it does not say."""
    text = headers.get("x-ratelimit-remaining", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else float("inf")


def accepted_permissions(header: str) -> str:
    """
    Return `X-Accepted-GitHub-Permissions` as people write it: `pull-requests: read + contents: read, or issues: read`.

    Source: REST "Troubleshooting the REST API", "Resource not accessible".
    """
    ways = [[item.strip() for item in way.split(",")] for way in header[:500].split(";")]
    if not all(_PERMISSION.fullmatch(item) for way in ways for item in way):
        return ""
    return ", or ".join(" + ".join(item.replace("_", "-").replace("=", ": ") for item in way) for way in ways)


def default_permission(path: str) -> str:
    """Return the permission that shows what is at a path."""
    for pattern, permission in _DEFAULTS:
        if re.match(pattern, path):
            return permission
    return "contents: read"
