"""How a step asks GitHub's runner for an ID token, which its job may where it has `id-token: write`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, urlencode, urlsplit

from ci_guard.evidence.rest.anybody import AGENT, ask
from ci_guard.evidence.rest.transport import Transport, is_loopback
from ci_guard.records import dataclass, field

URL: Final = "ACTIONS_ID_TOKEN_REQUEST_URL"
BEARER: Final = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
PERMISSION: Final = "id-token: write"

_SENDABLE: Final = re.compile(r"[\x21-\x7e]+")
_NOT_ASKED: Final = "the runner's address for ID tokens was refused: it is not https://"


@dataclass(frozen=True, kw_only=True)
class TokenRequest:
    """Where the runner is asked, and what it knows the job by. Both are set anew for every step by the runner."""

    url: str = field(repr=False)
    bearer: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the runner gave: a token, or why there is none."""

    token: str = field(default="", repr=False)
    failure: str = ""
    """A clause; empty where there is a token."""
    sent: int = 0
    """Requests that it took."""


def read_request(environ: Mapping[str, str]) -> TokenRequest | None:
    """Return how to ask, None where the job may not: the runner sets neither variable then."""
    url, bearer = (environ.get(name, "").strip() for name in (URL, BEARER))
    return TokenRequest(url=url, bearer=bearer) if url and bearer else None


def get_token(request: TokenRequest, audience: str, transport: Transport) -> Given:
    """
    Ask for a token for this audience. Nothing vouches for it until it is verified.

    Source: GitHub, "OpenID Connect reference", "Methods for requesting the OIDC token".
    Raises: `UsageError` for a CA bundle that holds no certificates.
    """
    parts = _parts(request)
    if parts is None:
        return Given(failure=_NOT_ASKED)
    query = "&".join(filter(None, (parts.query, urlencode({"audience": audience}))))
    headers = {**AGENT, "Authorization": f"Bearer {request.bearer}", "Accept": "application/json"}
    reply, sent = ask(parts._replace(query=query), transport, headers)
    if reply.failure:
        return Given(failure=reply.failure, sent=sent)
    try:
        value = json.loads(reply.body)["value"] if reply.status == 200 else ""
    except (ValueError, KeyError, TypeError, RecursionError):
        value = ""
    if not isinstance(value, str) or not value:
        return Given(failure=f"it answered {reply.status}", sent=sent)
    return Given(token=value, sent=sent)


def _parts(request: TokenRequest) -> SplitResult | None:
    """Return the parts of an address that the bearer may be sent to, None for any other."""
    try:
        parts = urlsplit(request.url)
        good = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    sendable = _SENDABLE.fullmatch(request.url) and _SENDABLE.fullmatch(request.bearer)
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
    return parts._replace(fragment="") if good and sendable and safe and "@" not in parts.netloc else None
