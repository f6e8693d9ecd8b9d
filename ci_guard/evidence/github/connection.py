"""One connection of PyGithub's to the server: blind to the environment, within its host, bounded in time and size."""

from __future__ import annotations

import http.cookiejar
import logging
import ssl
import time
import zlib
from collections.abc import Callable, ItemsView, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from ci_guard import __version__
from ci_guard.evidence.github.pygithub import Requester, Token
from ci_guard.evidence.github.transport import MAXIMUM_BODY_BYTES, Fault, Transport, same_origin

API_VERSION: Final = "2022-11-28"
"""Pinned, because PyGithub sends none and the server's default moves (REST "API versions")."""

REDIRECTS: Final = frozenset({301, 302, 307, 308})
MAXIMUM_REDIRECTS: Final = 3
HEADERS_KEPT: Final = frozenset(
    {
        *("link", "retry-after", "x-accepted-github-permissions", "x-oauth-scopes"),
        *("x-ratelimit-limit", "x-ratelimit-remaining"),
    }
)

# Not from `getLogger`: nobody else may configure it.
_SILENT: Final = logging.Logger("ci_guard.silent", level=logging.CRITICAL + 1)  # noqa: LOG001


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the server said, complete and decoded, in the form in which PyGithub reads it."""

    status: int
    headers: dict[str, str]
    """Names in lower case, only those of `HEADERS_KEPT`."""
    body: str

    def read(self) -> str:
        """Return the body."""
        return self.body

    def getheaders(self) -> ItemsView[str, str]:
        """Return the headers that PyGithub may see: it parses the limits without a guard."""
        return {name: value for name, value in self.headers.items() if not name.startswith("x-ratelimit-")}.items()


class _Adapter(HTTPAdapter):
    """Uses one context for the server and for an https proxy, and never retries by itself."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        super().__init__(max_retries=urllib3.Retry(0, read=False, respect_retry_after_header=False))

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        if self._context is not None:
            pool |= {"ssl_context": self._context, "cert_reqs": "CERT_REQUIRED"}
        return host, pool

    def proxy_manager_for(self, proxy: str, **settings: Any) -> Any:
        return super().proxy_manager_for(proxy, proxy_ssl_context=self._context, **settings)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave the pool as it is: the base class would add the public authorities to a given bundle, every time."""


class Connection:
    """Stands where PyGithub expects one of its connection classes; keep-alive, for one thread at a time."""

    def __init__(
        self, *, origin: SplitResult, transport: Transport, context: ssl.SSLContext | None, count: Callable[[], None]
    ) -> None:
        """`count` is called for every request that is about to be sent."""
        self._origin = origin
        self._transport = transport
        self._count = count
        self._verb = "GET"
        self._url = ""
        self._body: str | None = None
        self._headers: dict[str, str] = {}
        self.answer: Answer | None = None
        """The last one, with the headers that PyGithub does not see."""
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers = requests.structures.CaseInsensitiveDict({"Accept-Encoding": "gzip"})
        if transport.proxy is not None:
            self._session.proxies = {"http": transport.proxy, "https": transport.proxy}
        adapter = _Adapter(context)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def request(self, verb: str, url: str, body: str | None, headers: dict[str, str], _stream: bool) -> None:
        """Remember a request, as PyGithub's own classes do; `url` is a path with its query."""
        if (verb, body is None) not in (("GET", True), ("POST", False)):
            raise ValueError("requests read, or send a body")
        self.answer = None
        self._verb, self._body = verb, body
        self._url = f"{self._origin.scheme}://{self._origin.netloc}{url}"
        self._headers = {**headers, "Accept": "application/vnd.github+json"}

    def getresponse(self) -> Answer:
        """
        Send it and return the complete answer.

        Redirects (a renamed repository or branch) are followed here, on the same scheme, host and port only: PyGithub
        would lose the query, ignore the port and wait on a 202 without end. What sends a body follows none.

        Raises: `Fault`.
        """
        deadline = time.monotonic() + self._transport.total_seconds
        url = self._url
        for _ in range(1 + MAXIMUM_REDIRECTS):
            try:
                self._count()
                with self._session.request(
                    self._verb,
                    url,
                    data=self._body,
                    headers=self._headers,
                    timeout=(self._transport.connect_seconds, self._transport.read_seconds),
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    if response.status_code in REDIRECTS:
                        if self._verb != "GET":
                            raise Fault("the server redirected what was sent, which was not followed")
                        url = self._next_hop(url, response.headers.get("location", ""))
                        continue
                    if response.status_code == 202 and self._verb == "GET":
                        raise Fault("the server is still computing the answer", transient=True)
                    body = _body(response, deadline)
                    headers = {name.lower(): value for name, value in response.headers.items()}
                    kept = {name: value for name, value in headers.items() if name in HEADERS_KEPT}
                    self.answer = Answer(status=response.status_code, headers=kept, body=body)
                    return self.answer
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                raise self._fault(error) from None
        raise Fault(f"the server redirected more than {MAXIMUM_REDIRECTS} times")

    def _next_hop(self, url: str, location: str) -> str:
        """Return where a redirect leads, or raise: nothing is sent anywhere else, a token least of all."""
        try:
            target = urlsplit(urljoin(url, location))
            if location and same_origin(self._origin, target) and "@" not in target.netloc:
                return target.geturl()
        except ValueError:
            pass
        raise Fault("the server redirected to another host, which was not followed")

    def _fault(self, error: Exception) -> Fault:
        """Say what happened in our own words: texts of the libraries can hold addresses with credentials."""
        transport = self._transport
        via = " through the proxy" if transport.proxy else ""
        host = self._origin.netloc
        causes = list(_causes(error))
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return Fault(f"the certificate of {host} was not accepted{via}: {cause.verify_message}")
        for kinds, reason, transient in (
            ((ssl.SSLError,), f"no encrypted connection to {host}{via}", False),
            ((urllib3.exceptions.ProxyError,), "the proxy did not connect", True),
            ((urllib3.exceptions.NewConnectionError,), f"no connection to {host}{via}", True),
            (
                (requests.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError),
                f"no connection to {host}{via} within {transport.connect_seconds:g} s",
                True,
            ),
            (
                (requests.Timeout, urllib3.exceptions.TimeoutError),
                f"{host} was silent for {transport.read_seconds:g} s{via}",
                True,
            ),
        ):
            if any(isinstance(cause, kinds) for cause in causes):
                return Fault(reason, transient=transient)
        return Fault(f"the connection to {host} broke{via}", transient=True)


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


def _body(response: requests.Response, deadline: float) -> str:
    """Read what was sent, unpacked, within the limits. `read1` returns what there is, so that a drip is noticed."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip"):
        raise Fault(f"an answer in an encoding that was not asked for ({encoding[:20]})")
    unpacker = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    parts: list[bytes] = []
    left = MAXIMUM_BODY_BYTES
    while piece := response.raw.read1(1 << 16, decode_content=False):
        if time.monotonic() > deadline:
            raise Fault("the answer came too slowly")
        try:
            data = piece if unpacker is None else unpacker.decompress(piece, left + 1)
        except zlib.error:
            raise Fault("the compressed answer is damaged", transient=True) from None
        left -= len(data)
        if left < 0:
            raise Fault(f"the answer is larger than {MAXIMUM_BODY_BYTES >> 20} MiB")
        parts.append(data)
    if unpacker is not None and not unpacker.eof and parts:
        raise Fault("the compressed answer is cut short", transient=True)
    try:
        return b"".join(parts).decode("utf-8")
    except UnicodeDecodeError:
        raise Fault("the answer is not UTF-8") from None


def _causes(error: BaseException) -> list[BaseException]:
    """Return an exception with everything that it wraps, by cause, reason or argument."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(found) < 20:
        current = waiting.pop(0)
        if isinstance(current, BaseException) and current not in found:
            found.append(current)
            waiting += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
    return found
