"""How GitHub is spoken to: over PyGithub, with its limits and its messages."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ci_guard.evidence.github.limits import is_limited, requests_left
from ci_guard.evidence.rest.exchange import Answer, Reply, decode, failed
from ci_guard.evidence.rest.transport import Transport

if TYPE_CHECKING:
    import ssl

    from ci_guard.evidence.github.connection import Lane


class GitHubDialect:
    """Fulfils `Dialect`."""

    def __init__(self, *, api_url: str, tokens: tuple[str, ...], transport: Transport) -> None:
        """Prepare; PyGithub is not imported yet."""
        self._api_url = api_url.rstrip("/")
        self._tokens = tokens
        self._transport = transport

    def load(self) -> None:
        """See `Dialect.load`."""
        importlib.import_module("ci_guard.evidence.github.connection")

    def lane(self, token: int, context: ssl.SSLContext | None, count: Callable[[], None]) -> Lane:
        """See `Dialect.lane`."""
        from ci_guard.evidence.github.connection import Lane

        return Lane(
            api_url=self._api_url,
            token=self._tokens[token],
            transport=self._transport,
            context=context,
            count=count,
        )

    def read(self, answer: Answer) -> Reply:
        """See `Dialect.read`: a refusal is an object with a message."""
        reply = decode(answer)
        if reply.failure or 200 <= answer.status < 300:
            return reply
        message = reply.body.get("message") if isinstance(reply.body, dict) else None
        if not isinstance(message, str):
            return failed(answer, f"answered {answer.status} without GitHub's message")
        if is_limited(answer.status, answer.headers, message):
            return failed(answer, f"limits the requests of this token ({answer.status})", limited=True)
        return reply

    def left(self, headers: Mapping[str, str]) -> float:
        """See `Dialect.left`."""
        return requests_left(headers)
