"""python-gitlab, over our own connection to the server."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from gitlab.exceptions import GitlabError
from requests.structures import CaseInsensitiveDict

from ci_guard import __version__
from ci_guard.evidence.gitlab.dialect import FILE_HEADERS
from ci_guard.evidence.gitlab.pygitlab import Requester
from ci_guard.evidence.rest.exchange import Answer
from ci_guard.evidence.rest.session import Carrier
from ci_guard.evidence.rest.transport import Fault, Transport

HEADERS_KEPT: Final = frozenset(
    {"link", "retry-after", "ratelimit-limit", "ratelimit-remaining", "x-next-page", "x-total", "content-type"}
    | {*FILE_HEADERS.values()}
)
HEADERS_SENT: Final = {"Accept": "application/json, */*;q=0.5", "User-Agent": f"ci-guard/{__version__}"}


class Session(requests.Session):
    """
    Stands where python-gitlab expects a session, and sends what it prepares itself.

    A session of requests would follow redirects to another host, and take GitLab's token headers along.
    """

    def __init__(self, carrier: Carrier) -> None:
        """Send everything with this carrier."""
        super().__init__()
        self.trust_env = False
        self.headers = CaseInsensitiveDict(HEADERS_SENT)
        self._carrier = carrier
        self.answer: Answer | None = None
        """The last one."""

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        """See `requests.Session.send`; timeouts and certificates are the carrier's."""
        if request.method != "GET":
            raise ValueError("requests read")
        self.answer = None
        self.answer = self._carrier.carry("GET", request.url or "", request.headers)
        response = requests.Response()
        response.status_code = self.answer.status
        response.headers.update(self.answer.headers)
        response._content = self.answer.body.encode()  # noqa: SLF001 - how responses are made by hand
        return response


class Lane:
    """A python-gitlab client of one token with its connection, for one thread at a time."""

    def __init__(
        self,
        *,
        api_url: str,
        token: str,
        of_job: bool,
        transport: Transport,
        context: ssl.SSLContext | None,
        count: Callable[[], None],
    ) -> None:
        """Nothing is sent yet."""
        origin = urlsplit(api_url)
        self._session = Session(
            Carrier(origin=origin, transport=transport, context=context, count=count, kept=HEADERS_KEPT)
        )
        self._requester = Requester(api_url=api_url, token=token, of_job=of_job, session=self._session)

    def ask(self, target: str, payload: Mapping[str, str] | None = None) -> Answer:
        """See `rest.exchange.Lane.ask`. A target may also be a whole address on the same server."""
        if payload is not None:
            raise ValueError("requests read")
        # It raises for a status that is no success; what that means is not for the library to say.
        with suppress(GitlabError):
            self._requester.http_request("get", target, obey_rate_limit=False, retry_transient_errors=False)
        if self._session.answer is None:
            raise Fault("no request was made")
        return self._session.answer
