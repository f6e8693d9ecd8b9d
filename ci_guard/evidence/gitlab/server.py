"""Which GitLab is asked: the server that the template pins, and what variables claim beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from ci_guard.errors import ServerMismatch, UsageError
from ci_guard.evidence.rest.transport import same_origin, split_url

API: Final = "/api/v4"
PUBLIC: Final = "https://gitlab.com"

CLAIMS: Final = {"CI_API_V4_URL": API, "CI_SERVER_URL": ""}
"""Variables that say where the server is, and what they add to its own address."""


def server_of(environ: Mapping[str, str], pinned: str | None) -> str:
    """
    Return the address of the instance, with the path below which it lies and without a slash at its end.

    A job whose variables name another server than the template is denied rather than judged by either: whoever set
    them wanted the answers to come from elsewhere. Without a pin the variables are all there is.

    Raises: `ServerMismatch` for variables that name another server than the pinned one, or two; `UsageError` for an
    address that is none.
    """
    claimed = {name: environ.get(name, "").strip() for name in CLAIMS}
    found = {name: base_of(url, name).removesuffix(CLAIMS[name]) for name, url in claimed.items() if url}
    expected = base_of(pinned, "The server").removesuffix(API) if pinned else next(iter(found.values()), PUBLIC)
    for name, url in found.items():
        if not same_server(url, expected):
            word = "the template names" if pinned else "another variable says"
            raise ServerMismatch(
                f"{name} says {shown(url)}, and {word} {shown(expected)}: nothing was asked.",
                hint="No pipeline, schedule or project variable may set where the server is; remove it.",
            )
    return expected


def base_of(url: str, what: str) -> str:
    """Return an address without slashes at its end, or raise for what is none."""
    parts = split_url(url, what)
    if not {".", ".."}.isdisjoint(parts.path.split("/")) or "//" in parts.path or "%" in parts.path:
        raise UsageError(f"{what} is no http(s) address.", hint="Expected for example https://gitlab.example/path.")
    return url.rstrip("/")


def same_server(one: str, other: str) -> bool:
    """Tell whether two addresses are of the same instance: scheme, host, port and path."""
    first, second = urlsplit(one), urlsplit(other)
    return same_origin(first, second) and first.path.rstrip("/") == second.path.rstrip("/")


def shown(url: str) -> str:
    """Return an address for people, at most a line long."""
    return url if len(url) <= 200 else f"{url[:200]}…"
