"""One answer of a server that is asked without the run's tokens, as anybody may, or with a header of the caller's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from ci_guard.evidence.rest.exchange import Answer, Exchange, Reply
from ci_guard.evidence.rest.transport import Transport

if TYPE_CHECKING:
    import ssl

AGENT: Final = {"User-Agent": "ci-guard", "Accept": "*/*"}
KEPT: Final = frozenset({"retry-after"})


def ask(url: SplitResult, transport: Transport, headers: Mapping[str, str] = AGENT) -> tuple[Reply, int]:
    """
    Return the reply to a GET, whose body is the answer's text under whatever status, and how many requests were sent.

    No redirect is followed. What may pass (5xx, a broken connection, 429 with a short `Retry-After`) is tried again.

    Raises: `UsageError` for an address that cannot be asked, and for a CA bundle that holds no certificates.
    """
    origin = f"{url.scheme}://{url.netloc}"
    exchange = Exchange(api_url=origin, tokens=1, transport=transport, dialect=_Anybody(origin, transport, headers))
    reply = exchange.reply(0, f"{url.path}?{url.query}" if url.query else url.path)
    return reply, exchange.sent


class _Anybody:
    """How a server is asked by anybody: a `Dialect` whose one token is none."""

    def __init__(self, origin: str, transport: Transport, headers: Mapping[str, str]) -> None:
        self._origin = origin
        self._transport = transport
        self._headers = headers

    def load(self) -> None:
        """See `Dialect.load`."""
        import ci_guard.evidence.rest.session  # noqa: F401 - loaded only where somebody is asked

    def lane(self, token: int, context: ssl.SSLContext | None, count: Callable[[], None]) -> _Lane:
        """See `Dialect.lane`."""
        from ci_guard.evidence.rest.session import Carrier

        origin = urlsplit(self._origin)
        carrier = Carrier(origin=origin, transport=self._transport, context=context, count=count, kept=KEPT, hops=0)
        return _Lane(lambda target: carrier.carry("GET", self._origin + target, self._headers))

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
