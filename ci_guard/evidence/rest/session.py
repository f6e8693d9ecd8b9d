"""Carries requests to one server: blind to the environment, within its host, bounded in time and size."""

from __future__ import annotations

import http.cookiejar
import ssl
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from ci_guard.evidence.rest.exchange import Answer
from ci_guard.evidence.rest.transport import MAXIMUM_BODY_BYTES, Fault, Transport, same_origin

REDIRECTS: Final = frozenset({301, 302, 307, 308})
MAXIMUM_REDIRECTS: Final = 3


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


class Carrier:
    """A keep-alive session with one server, for one thread at a time."""

    def __init__(
        self,
        *,
        origin: SplitResult,
        transport: Transport,
        context: ssl.SSLContext | None,
        count: Callable[[], None],
        kept: frozenset[str],
        hops: int = MAXIMUM_REDIRECTS,
    ) -> None:
        """
        Prepare; nothing is sent yet.

        `count` is called for every request that is about to be sent; `kept` names the headers of answers to keep;
        `hops` is how many redirects are followed.
        """
        self._origin = origin
        self._transport = transport
        self._count = count
        self._kept = kept
        self._hops = hops
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers = requests.structures.CaseInsensitiveDict({"Accept-Encoding": "gzip"})
        if transport.proxy is not None:
            self._session.proxies = {"http": transport.proxy, "https": transport.proxy}
        adapter = _Adapter(context)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def carry(self, verb: str, url: str, headers: Mapping[str, str], body: str | bytes | None = None) -> Answer:
        """
        Send a request and return the complete answer.

        Redirects (a renamed repository or branch) are followed here, on the same scheme, host and port only: a library
        would send the token along to wherever they lead. What sends a body follows none.

        Raises: `Fault`.
        """
        deadline = time.monotonic() + self._transport.total_seconds
        for _ in range(1 + self._hops):
            try:
                self._count()
                with self._session.request(
                    verb,
                    url,
                    data=body,
                    headers=dict(headers),
                    timeout=(self._transport.connect_seconds, self._transport.read_seconds),
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    if response.status_code in REDIRECTS:
                        if verb != "GET":
                            raise Fault("the server redirected what was sent, which was not followed")
                        url = self._next_hop(url, response.headers.get("location", ""))
                        if not self._hops:
                            raise Fault("the server redirected to another of its pages, which was not followed")
                        continue
                    if response.status_code == 202 and verb == "GET":
                        raise Fault("the server is still computing the answer", transient=True)
                    text = _body(response, deadline)
                    named = {name.lower(): value for name, value in response.headers.items()}
                    kept = {name: value for name, value in named.items() if name in self._kept}
                    return Answer(status=response.status_code, headers=kept, body=text)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                raise self._fault(error) from None
        raise Fault(f"the server redirected more than {self._hops} times")

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
