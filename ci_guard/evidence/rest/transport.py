"""How requests travel: proxy, certificates, limits, and the refusal to send a token where it could be read."""

from __future__ import annotations

import ipaddress
import os
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from ci_guard.errors import UsageError
from ci_guard.records import dataclass, field

if TYPE_CHECKING:
    import ssl

MAXIMUM_BODY_BYTES: Final = 20 << 20
"""Of one answer, unpacked; a hundred pull request files with their patches are a few megabytes."""

_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")


class Fault(Exception):
    """A request brought no answer that could be used. The message is ours and never holds what was sent."""

    def __init__(self, reason: str, *, transient: bool = False) -> None:
        """`transient` says that the same request may succeed in a moment."""
        super().__init__(reason)
        self.reason = reason
        self.transient = transient


@dataclass(frozen=True, kw_only=True)
class Transport:
    """
    Proxy, certificates and limits of a run.

    Nothing of this comes from the environment: an earlier step that sets `HTTPS_PROXY` and `SSL_CERT_FILE` could forge
    every fact.

    Raises: `UsageError` for a proxy or bundle that cannot be used.
    """

    proxy: str | None = field(default=None, repr=False)
    """`http://host:port` or `https://…`, credentials included where it wants any."""
    ca_bundle: str | None = None
    """A PEM file that replaces the public authorities."""
    connect_seconds: float = 10.0
    read_seconds: float = 10.0
    """Longest silence within an answer."""
    total_seconds: float = 30.0
    """Longest time for one answer, however steadily it drips."""
    wait_seconds: float = 10.0
    """Longest time that a run spends obeying `Retry-After`, all requests together."""

    def __post_init__(self) -> None:
        """Refuse what cannot work before the first request is made."""
        if self.proxy is not None:
            split_url(self.proxy, "The proxy", credentials=True)
        if self.ca_bundle is not None and not os.path.isfile(self.ca_bundle):
            raise UsageError(f"The CA bundle {self.ca_bundle!r} is no file.", hint="Name a PEM file of certificates.")

    def describe(self) -> tuple[str, ...]:
        """Return the lines that a report shows; a proxy's credentials are left out."""
        lines = []
        if self.proxy is not None:
            parts = split_url(self.proxy, "The proxy", credentials=True)
            lines.append(f"proxy {parts.scheme}://{_authority(parts)}")
        if self.ca_bundle is not None:
            lines.append(f"CA bundle {self.ca_bundle}")
        return tuple(lines)

    def needs_tls(self, api_url: str) -> bool:
        """Tell whether the server or the proxy is spoken to over TLS."""
        return any(urlsplit(url).scheme == "https" for url in (api_url, self.proxy or ""))

    def origin(self, api_url: str) -> SplitResult:
        """
        Return the parts of the API's address.

        Raises: `UsageError` for one that is none, and for plain http beyond this machine, where a token could be read.
        """
        parts = split_url(api_url, "The address of the API")
        hosts = [parts] + ([split_url(self.proxy, "The proxy", credentials=True)] if self.proxy else [])
        if parts.scheme == "http" and not all(is_loopback(host.hostname) for host in hosts):
            raise UsageError(
                f"The API at {parts.scheme}://{_authority(parts)} was refused: a token would travel unencrypted.",
                hint="Use the https:// address of the server.",
            )
        return parts


def context_for(transport: Transport, url: str) -> ssl.SSLContext | None:
    """
    Return the context for an address, None where neither it nor the proxy is spoken to over TLS.

    Raises: `UsageError` for a CA bundle that holds no certificates.
    """
    if not transport.needs_tls(url):
        return None
    import ssl

    from ci_guard.evidence.rest.tls import tls_context

    try:
        return tls_context(transport.ca_bundle)
    except (OSError, ssl.SSLError):
        raise UsageError(
            f"The CA bundle {transport.ca_bundle!r} holds no certificates.",
            hint="Name a file with certificates in PEM form.",
        ) from None


def split_url(url: str, what: str, *, credentials: bool = False) -> SplitResult:
    """
    Return the parts of an http(s) address without query or fragment.

    Raises: `UsageError`, which never shows the address: it may hold credentials.
    """
    try:
        parts = urlsplit(url)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_one = urlsplit(""), False
    good = (
        _PRINTABLE.fullmatch(url) is not None
        and parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and port_is_one
        and not parts.query
        and not parts.fragment
        and "\\" not in url
        and (credentials or "@" not in parts.netloc)
    )
    if not good:
        raise UsageError(f"{what} is no http(s) address.", hint="Expected for example https://host.example:8080.")
    return parts


def same_origin(one: SplitResult, other: SplitResult) -> bool:
    """Tell whether two addresses have the same scheme, host and port."""
    ports = {"http": 80, "https": 443}
    return (one.scheme, one.hostname, one.port or ports.get(one.scheme)) == (
        other.scheme,
        other.hostname,
        other.port or ports.get(other.scheme),
    )


def is_loopback(host: str | None) -> bool:
    """Tell whether a host is this machine by its very name, without looking it up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _authority(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]
