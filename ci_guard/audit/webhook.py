"""
A sink over HTTPS: each record POSTed as canonical JSON, signed, and sent again where that may help.

Source: Standard Webhooks 1.0 (headers, `v1` and `v1a` signatures); CloudEvents 1.0, "HTTP Protocol Binding", structured
mode; RFC 9110, 15 (which answers are worth another attempt).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from ci_guard import __version__
from ci_guard.audit.canonical import canonical
from ci_guard.audit.sinks import NotKept
from ci_guard.errors import AuditError, UsageError
from ci_guard.evidence.rest.pauses import Pauses, retry_after
from ci_guard.evidence.rest.transport import Fault, Transport, context_for, is_loopback, split_url
from ci_guard.records import dataclass

if TYPE_CHECKING:
    from ci_guard.audit.note import Signer
    from ci_guard.evidence.rest.exchange import Answer

CLOUD: Final = "cloudevents+"
"""In front of an address whose receiver wants the envelope; the scheme of the address follows."""
EVENT_TYPE: Final = "ci-guard.audit.v1"
SECRET: Final = "whsec_"  # noqa: S105 - how a shared secret begins
SHORTEST_SECRET: Final = 24
"""Bytes. Source: Standard Webhooks, "Signing secret"."""

ATTEMPTS: Final = 4
BACKOFF_SECONDS: Final = 0.5
"""Before the second attempt, and twice as long before each further one."""
ALL_SECONDS: Final = 60.0
"""No attempt is begun after so long."""

OF_RECORD: Final = frozenset({400, 413, 415, 422})
"""Answers that speak of what was sent; all others of the sender or the server."""


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """Fulfils `Sink`."""

    url: str
    cloud: bool
    sign: Callable[[bytes], str]
    """Returns the value of the signature header for the signed text."""
    transport: Transport
    backoff_seconds: float = BACKOFF_SECONDS

    @property
    def place(self) -> str:
        """See `Sink.place`; the path is left out, because receivers keep secrets there."""
        return split_url(self.url, "The audit webhook").netloc

    def keep(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """See `Sink.keep`: 2xx takes it, 429, 5xx and a broken connection are tried again, all else refuses it."""
        body = canonical(envelope(record) if self.cloud else record)
        pauses, end = Pauses(self.transport.wait_seconds), time.monotonic() + ALL_SECONDS
        attempt = 0
        while True:
            attempt += 1
            pause = None
            try:
                answer = self._post(str(record["id"]), body)
            except Fault as fault:
                reason, again = fault.reason, fault.transient
            except UsageError as error:  # a CA bundle without certificates: the record has to wait all the same
                reason, again = error.message.rstrip("."), False
            else:
                if 200 <= answer.status < 300:
                    return ()
                reason = f"it answered {answer.status}"
                again, pause = answer.status == 429 or answer.status >= 500, retry_after(answer.headers)
                if answer.status in OF_RECORD:
                    raise NotKept(reason, of_record=True)
            tried = f" ({attempt} attempts)" if attempt > 1 else ""
            if not again or attempt == ATTEMPTS or time.monotonic() > end:
                raise NotKept(f"{reason}{tried}")
            if not pauses.wait(self.backoff_seconds * 2 ** (attempt - 1) if pause is None else pause):
                raise NotKept(f"{reason}{tried}")

    def _post(self, identity: str, body: bytes) -> Answer:
        """Send it once, over a connection of its own: one that was left behind may still be in use."""
        from ci_guard.evidence.rest.deadline import within
        from ci_guard.evidence.rest.session import Carrier

        carrier = Carrier(
            origin=split_url(self.url, "The audit webhook"),
            transport=self.transport,
            context=context_for(self.transport, self.url),
            count=lambda: None,
            kept=frozenset({"retry-after"}),
        )
        moment = str(int(time.time()))
        headers = {
            "Content-Type": "application/cloudevents+json" if self.cloud else "application/json",
            "User-Agent": f"ci-guard/{__version__}",
            "webhook-id": identity,
            "webhook-timestamp": moment,
            "webhook-signature": self.sign(f"{identity}.{moment}.".encode() + body),
        }
        return within(self.transport.total_seconds, lambda: carrier.carry("POST", self.url, headers, body))


def webhook(address: str, key: str, transport: Transport) -> Webhook:
    """
    Return the sink at an address, which may begin with `cloudevents+`; `key` is the text of a key's file.

    Raises: `UsageError` for an address that records may not go to; `AuditError` for a key that cannot be used.
    """
    url = checked(address)
    return Webhook(url=url, cloud=address.startswith(CLOUD), sign=signature_of(key), transport=transport)


def checked(address: str) -> str:
    """Return the plain address; raise `UsageError` for one that is none, or that anybody on the way could read."""
    url = address.removeprefix(CLOUD)
    parts = split_url(url, "The audit webhook")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise UsageError("The audit webhook was refused: records would travel unencrypted.", hint="Use https://.")
    return url


def signature_of(key: str) -> Callable[[bytes], str]:
    """
    Return what signs: HMAC-SHA256 by a shared secret (`whsec_…`), Ed25519 by a private key as `audit keygen` makes it.

    Raises: `AuditError`, which never quotes the key.
    """
    if not key:
        raise AuditError("A webhook needs a key to sign by.", hint="Name its file behind a comma, as in URL,KEY.")
    if not key.startswith(SECRET):
        from ci_guard.audit import note

        signer: Signer = note.signer(key)
        return lambda text: "v1a," + base64.b64encode(signer.key.sign(text)).decode()
    try:
        secret = base64.b64decode(key.removeprefix(SECRET), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) < SHORTEST_SECRET:
        raise AuditError(
            "The shared secret was refused: expected whsec_ and the Base64 of 24 bytes or more.",
            hint="For example from `echo whsec_$(openssl rand -base64 32)`.",
        )
    return lambda text: "v1," + base64.b64encode(hmac.new(secret, text, hashlib.sha256).digest()).decode()


def envelope(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record as a CloudEvent; source and id together name it once in the world."""
    what = record["what"]
    home = "/".join(part for part in ((what["server"] or "urn:ci-guard").rstrip("/"), what["repository"]) if part)
    return {
        "specversion": "1.0",
        "id": record["id"],
        "source": quote(home, safe="/:@!$&'()*+,;=~", errors="backslashreplace"),
        "type": EVENT_TYPE,
        "time": record["time"],
        "datacontenttype": "application/json",
        "data": dict(record),
    }
