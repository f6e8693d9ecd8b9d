"""PyGithub, over our own connection to the server."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, ItemsView, Mapping
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from ci_guard import __version__
from ci_guard.evidence.github.pygithub import Requester, Token
from ci_guard.evidence.rest.exchange import Answer
from ci_guard.evidence.rest.session import Carrier
from ci_guard.evidence.rest.transport import Fault, Transport

API_VERSION: Final = "2022-11-28"
"""Pinned, because PyGithub sends none and the server's default moves (REST "API versions")."""

HEADERS_KEPT: Final = frozenset(
    {
        *("link", "retry-after", "x-accepted-github-permissions", "x-oauth-scopes"),
        *("x-ratelimit-limit", "x-ratelimit-remaining"),
    }
)

# Not from `getLogger`: nobody else may configure it.
_SILENT: Final = logging.Logger("ci_guard.silent", level=logging.CRITICAL + 1)  # noqa: LOG001


class _Response:
    """An answer in the form in which PyGithub reads it."""

    def __init__(self, answer: Answer) -> None:
        self.status = answer.status
        self._answer = answer

    def read(self) -> str:
        """Return the body."""
        return self._answer.body

    def getheaders(self) -> ItemsView[str, str]:
        """Return the headers that PyGithub may see: it parses the limits without a guard."""
        headers = self._answer.headers.items()
        return {name: value for name, value in headers if not name.startswith("x-ratelimit-")}.items()


class Connection:
    """Stands where PyGithub expects one of its connection classes; keep-alive, for one thread at a time."""

    def __init__(
        self, *, origin: SplitResult, transport: Transport, context: ssl.SSLContext | None, count: Callable[[], None]
    ) -> None:
        """`count` is called for every request that is about to be sent."""
        self._origin = origin
        self._carrier = Carrier(origin=origin, transport=transport, context=context, count=count, kept=HEADERS_KEPT)
        self._verb = "GET"
        self._url = ""
        self._body: str | None = None
        self._headers: dict[str, str] = {}
        self.answer: Answer | None = None
        """The last one, with the headers that PyGithub does not see."""

    def request(self, verb: str, url: str, body: str | None, headers: dict[str, str], _stream: bool) -> None:
        """Remember a request, as PyGithub's own classes do; `url` is a path with its query."""
        if (verb, body is None) not in (("GET", True), ("POST", False)):
            raise ValueError("requests read, or send a body")
        self.answer = None
        self._verb, self._body = verb, body
        self._url = f"{self._origin.scheme}://{self._origin.netloc}{url}"
        self._headers = {**headers, "Accept": "application/vnd.github+json"}

    def getresponse(self) -> _Response:
        """
        Send it and return the complete answer.

        PyGithub is shown no redirect: it would lose the query, ignore the port and wait on a 202 without end.

        Raises: `Fault`.
        """
        self.answer = self._carrier.carry(self._verb, self._url, self._headers, self._body)
        return _Response(self.answer)


class Lane:
    """
    A PyGithub client of one token with its connection.

    Never used by two threads at once: PyGithub was measured to return another address's body then.
    """

    def __init__(
        self,
        *,
        api_url: str,
        token: str,
        transport: Transport,
        context: ssl.SSLContext | None,
        count: Callable[[], None],
    ) -> None:
        """Nothing is sent yet."""
        # At DEBUG it would log whole bodies; it has no other setting for that.
        Requester.injectLogger(_SILENT)
        auth: Any = Token(token)  # it does what is asked of one, but has not PyGithub's base class
        self._requester = Requester(
            auth=auth,
            base_url=api_url,
            timeout=int(transport.total_seconds),
            user_agent=f"ci-guard/{__version__}",
            per_page=100,
            verify=True,
            retry=None,
            pool_size=None,
            seconds_between_requests=0,
            seconds_between_writes=0,
            lazy=True,
            api_version=API_VERSION,
        )
        self._connection = Connection(origin=urlsplit(api_url), transport=transport, context=context, count=count)

    def ask(self, target: str, payload: Mapping[str, str] | None = None) -> Answer:
        """
        Return the answer to `GET <api><target>`, whatever its status; with a payload to `POST`, which sends it as JSON.

        Shape: `target` is a path with its query.
        Raises: `Fault`.
        """
        connection: Any = self._connection  # it has all that PyGithub asks of a connection, but not its base class
        if payload is None:
            self._requester.requestJson("GET", target, cnx=connection)
        else:
            self._requester.requestJson("POST", target, input=dict(payload), cnx=connection)
        if self._connection.answer is None:
            raise Fault("no request was made")
        return self._connection.answer
