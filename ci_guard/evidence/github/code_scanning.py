"""The one thing that a run sends: its SARIF report, to the platform's code scanning."""

from __future__ import annotations

import base64
import gzip
from typing import Final

from ci_guard.evidence.github.dialect import GitHubDialect
from ci_guard.evidence.github.limits import accepted_permissions
from ci_guard.evidence.rest.exchange import Exchange, Reply, harmless
from ci_guard.evidence.rest.transport import Transport
from ci_guard.records import dataclass

NEEDS: Final = "security-events: write"
TOOL: Final = "ci-guard"


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What is sent."""

    repository: str
    """`owner/name`."""
    commit: str
    ref: str
    """Full: `refs/heads/main`, `refs/tags/v1`, `refs/pull/7/merge`."""
    sarif: str
    folder: str
    """The checkout's address, `file:///…/`, to which absolute paths in the report would be relative."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """Why nothing was taken."""

    reason: str
    """A clause: `the server answered 403: …`."""
    needs: str = ""
    """The permission that would have done; empty where another one would not help."""
    by_rights: bool = False
    """Whether it was the token that may not send, rather than a fault or a report that cannot be used."""


def upload(analysis: Analysis, *, api_url: str, tokens: tuple[str, ...], transport: Transport) -> str | Refused:
    """
    Send a report and return the id that the platform gives it, or why it was not taken.

    The job's token is asked first, a stronger one only where that one may not send.

    Source: REST "Upload an analysis as SARIF data": 202 with `id`; 403 without the permission or where code scanning is
    not enabled; 404; 413 for a report that is too large; 422.
    Raises: `UsageError` for an address or a CA bundle that cannot be used.
    """
    dialect = GitHubDialect(api_url=api_url, tokens=tokens, transport=transport)
    exchange = Exchange(api_url=api_url, tokens=len(tokens), transport=transport, dialect=dialect)
    packed = base64.b64encode(gzip.compress(analysis.sarif.encode("utf-8"), mtime=0)).decode("ascii")
    payload = {
        "commit_sha": analysis.commit,
        "ref": analysis.ref,
        "sarif": packed,
        "checkout_uri": analysis.folder,
        "tool_name": TOOL,
    }
    outcome: str | Refused = Refused(reason="no token was given", needs=NEEDS, by_rights=True)
    for token in range(len(tokens)):
        reply = exchange.post(token, f"/repos/{analysis.repository}/code-scanning/sarifs", payload)
        outcome = outcome_of(reply, tokens)
        if isinstance(outcome, str) or not (outcome.by_rights or reply.of_this_token):
            break
    return outcome


def outcome_of(reply: Reply, tokens: tuple[str, ...]) -> str | Refused:
    """Return what a reply means."""
    if reply.failure:
        return Refused(reason=reply.failure)
    if 200 <= reply.status < 300:
        identifier = reply.body.get("id") if isinstance(reply.body, dict) else None
        return identifier if isinstance(identifier, str) else Refused(reason="the server's answer names no report")
    message: str = reply.body["message"]
    reason = f"the server answered {reply.status}: {harmless(message, tokens)}"
    if reply.status not in (401, 403, 404):
        return Refused(reason=reason)
    if "enabled" in message:
        # "Advanced Security must be enabled for this repository to use code scanning." No permission changes that.
        return Refused(reason=reason, by_rights=True)
    needs = accepted_permissions(reply.headers.get("x-accepted-github-permissions", ""))
    return Refused(reason=reason, needs=needs or NEEDS, by_rights=True)
