"""Organisation policies that lie elsewhere, read as anybody may: no token goes to another server than the job's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ci_guard.evidence.rest.exchange import Answer, Exchange, Reply
from ci_guard.evidence.rest.transport import Transport
from ci_guard.model.fact import Cause, Fact, Known, Source, Unknown, unavailable
from ci_guard.model.layer_reference import LayerReference

if TYPE_CHECKING:
    import ssl

AGENT: Final = {"User-Agent": "ci-guard", "Accept": "*/*"}
KEPT: Final = frozenset({"retry-after"})


def get_public(reference: LayerReference, transport: Transport) -> Fact[str]:
    """
    Return the text at a reference's public address. The digest or the commit in it says which text is right.

    No redirect is followed, within the host neither: a forge answers by one to its sign-in page, with 200, where a
    project is not public. What may pass (5xx, a broken connection, 429 with a short `Retry-After`) is tried again.

    Source: GitHub, "raw.githubusercontent.com"; GitLab, "Raw file" below `/-/raw/`.
    Raises: `UsageError` for a CA bundle that holds no certificates.
    """
    url = urlsplit(reference.public_url)
    detail = f"GET {reference.public_url}"
    origin = f"{url.scheme}://{url.netloc}"
    exchange = Exchange(api_url=origin, tokens=1, transport=transport, dialect=_Anybody(origin, transport))
    reply = exchange.reply(0, url.path)
    if reply.failure:
        return unavailable(reply.failure, detail=detail)
    if reply.status == 200:
        return Known(value=reply.body, source=Source.API, detail=detail)
    answered = f"{url.netloc} answered {reply.status}"
    if reply.status in (401, 403, 404):
        return Unknown(
            reason=f"{answered}: it does not exist, or is not public",
            cause=Cause.UNAVAILABLE,
            needs="a public policy, or a copy (vendored)",
            detail=detail,
        )
    return unavailable(f"{answered}{' (too many requests)' if reply.limited else ''}", detail=detail)


class _Anybody:
    """How a server is asked by anybody: a `Dialect` whose one token is none."""

    def __init__(self, origin: str, transport: Transport) -> None:
        self._origin = origin
        self._transport = transport

    def load(self) -> None:
        """See `Dialect.load`."""
        import ci_guard.evidence.rest.session  # noqa: F401 - loaded only where somebody is asked

    def lane(self, token: int, context: ssl.SSLContext | None, count: Callable[[], None]) -> _Lane:
        """See `Dialect.lane`."""
        from ci_guard.evidence.rest.session import Carrier

        origin = urlsplit(self._origin)
        carrier = Carrier(origin=origin, transport=self._transport, context=context, count=count, kept=KEPT, hops=0)
        return _Lane(lambda target: carrier.carry("GET", self._origin + target, AGENT))

    def read(self, answer: Answer) -> Reply:
        """See `Dialect.read`: the text is the body, whatever it is."""
        return Reply(status=answer.status, headers=answer.headers, body=answer.body, limited=answer.status == 429)

    def left(self, headers: Mapping[str, str]) -> float:
        """See `Dialect.left`."""
        return float("inf")


class _Lane:
    """See `Lane`."""

    def __init__(self, get: Callable[[str], Answer]) -> None:
        self._get = get

    def ask(self, target: str, payload: Mapping[str, str] | None = None) -> Answer:
        """See `Lane.ask`."""
        return self._get(target)
