"""Requests and replies: each distinct request sent once, in bounded time, again where that may help, and parsed."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

from ci_guard.evidence.rest.deadline import within
from ci_guard.evidence.rest.pauses import Pauses, retry_after
from ci_guard.evidence.rest.transport import Fault, Transport, context_for, same_origin
from ci_guard.model.fact import Cause, Fact, Known, Unknown
from ci_guard.records import dataclass

if TYPE_CHECKING:
    import ssl

T = TypeVar("T")

RETRIES: Final = 2
"""Of one request, after the first attempt."""
RETRIES_PER_RUN: Final = 10
"""Of all requests together, so that a server that is down does not cost minutes."""
BACKOFF_SECONDS: Final = 0.3
"""Before the first retry of a request, twice as long before the second."""

_NEXT: Final = re.compile(r'<([^<>]*)>\s*;[^,<]*\brel="?next\b"?')


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the server said, complete and decoded."""

    status: int
    headers: dict[str, str]
    """Names in lower case, only those that somebody reads."""
    body: str


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came of one request: a JSON body with its status, or why there is none."""

    status: int = 0
    headers: Mapping[str, str]
    body: Any = None
    """For a status that is no success: an object that holds the platform's message as a text."""
    failure: str = ""
    limited: bool = False
    """This token may not ask any more for a while; another may."""

    @property
    def of_this_token(self) -> bool:
        """Whether another token may be answered: this one is limited, or it is no valid token at all."""
        return self.limited or self.status == 401


class Lane(Protocol):
    """One connection with one token, for one thread at a time."""

    def ask(self, target: str, payload: Mapping[str, str] | None = None) -> Answer:
        """
        Return the answer to `GET <api><target>`, whatever its status; with a payload to `POST`, which sends it as JSON.

        Shape: `target` is a path with its query.
        Raises: `Fault`.
        """
        ...


class Dialect(Protocol):
    """How a platform is spoken to, and what its answers mean."""

    def load(self) -> None:
        """Import what lanes are made of."""
        ...

    def lane(self, token: int, context: ssl.SSLContext | None, count: Callable[[], None]) -> Lane:
        """Return a new connection with that token; `count` is called for every request that is about to be sent."""
        ...

    def read(self, answer: Answer) -> Reply:
        """Parse an answer. Whatever is not the platform's own form is a failure."""
        ...

    def left(self, headers: Mapping[str, str]) -> float:
        """Return how many requests the token has left by an answer, infinitely many where it does not say."""
        ...


class Exchange:
    """Sends requests with one of several tokens. For any number of threads; nobody gets another's answer."""

    def __init__(self, *, api_url: str, tokens: int, transport: Transport, dialect: Dialect) -> None:
        """
        Prepare; nothing is sent yet, and without a token no forge library is imported. `tokens` is their number.

        Raises: `UsageError` for an address or a CA bundle that cannot be used.
        """
        self.sent = 0
        """Number of HTTP requests so far."""
        self.headers: dict[int, Mapping[str, str]] = {}
        """By token: the headers of the answer that left it the fewest requests; answers overtake each other."""
        self._origin = transport.origin(api_url)
        self._transport = transport
        self._dialect = dialect
        self._context = context_for(transport, api_url)
        if tokens:
            # Now, while nothing else is done: the first requests are sent as soon as this is loaded.
            dialect.load()
        self._lanes: tuple[deque[Lane], ...] = tuple(deque() for _ in range(tokens))
        """Idle ones, by token: whoever sends takes one and puts it back."""
        self._lock = threading.Lock()
        self._replies: dict[tuple[int, str], Future[Reply]] = {}
        self._pauses = Pauses(transport.wait_seconds)
        self._retries_left = RETRIES_PER_RUN

    def reply(self, token: int, target: str, read: Callable[[Answer], Reply] | None = None) -> Reply:
        """
        Return the reply to `GET <api><target>` with that token, asking once for all who want it.

        `read` parses it instead of the dialect; one target is always read in the same way.
        """
        with self._lock:
            future = self._replies.get((token, target))
            mine = future is None
            if future is None:
                future = self._replies[(token, target)] = Future()
        if mine:
            try:
                future.set_result(self._ask(token, target, read=read or self._dialect.read))
            except BaseException as error:  # noqa: BLE001 - passed on to everybody who waits, this thread included
                future.set_exception(error)
        return future.result()

    def post(self, token: int, target: str, payload: Mapping[str, str]) -> Reply:
        """Return the reply to `POST <api><target>` with that token; the same may be sent again after a fault."""
        return self._ask(token, target, payload, read=self._dialect.read)

    def next_target(self, reply: Reply) -> str | None:
        """Return the page after this one, empty for one outside of the API, or None after the last."""
        found = _NEXT.search(reply.headers.get("link", ""))
        if found is None:
            return None
        prefix = self._origin.path.rstrip("/")
        try:
            url = urlsplit(found[1])
            if same_origin(self._origin, url) and url.path.startswith(f"{prefix}/"):
                return f"{url.path[len(prefix) :]}?{url.query}"
        except ValueError:
            pass
        return ""

    def _ask(
        self,
        token: int,
        target: str,
        payload: Mapping[str, str] | None = None,
        *,
        read: Callable[[Answer], Reply],
    ) -> Reply:
        """Ask, and ask again where that may help and the run can afford it."""
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = self._send(token, target, payload)
            except Fault as fault:
                reply, again, pause = Reply(headers={}, failure=fault.reason), fault.transient, None
            else:
                reply, again, pause = read(answer), answer.status >= 500, retry_after(answer.headers)
            if attempt > RETRIES or not (again or reply.limited):
                return reply
            if pause is not None:
                if not self._pauses.wait(pause):
                    return reply
            elif not again or not self._may_retry():
                return reply
            else:
                time.sleep(BACKOFF_SECONDS * attempt)

    def _may_retry(self) -> bool:
        with self._lock:
            self._retries_left -= 1
            return self._retries_left >= 0

    def _send(self, token: int, target: str, payload: Mapping[str, str] | None) -> Answer:
        """
        Send one request, in bounded time.

        Raises: `Fault`.
        """

        def ask() -> Answer:
            lane = self._take_lane(token)
            answer = lane.ask(target, payload)
            self._keep(token, answer.headers)
            self._lanes[token].append(lane)
            return answer

        return within(self._transport.total_seconds, ask)

    def _take_lane(self, token: int) -> Lane:
        try:
            return self._lanes[token].pop()
        except IndexError:
            return self._dialect.lane(token, self._context, self._count)

    def _keep(self, token: int, headers: Mapping[str, str]) -> None:
        with self._lock:
            kept = self.headers.setdefault(token, headers)
            if self._dialect.left(headers) <= self._dialect.left(kept):
                self.headers[token] = headers

    def _count(self) -> None:
        with self._lock:
            self.sent += 1


def best(
    ask: Callable[[int], tuple[Fact[Any], bool]],
    tokens: int,
    complete: Callable[[Any], bool] | None = None,
    *,
    stronger_first: bool = False,
) -> Fact[Any]:
    """
    Ask with one token after the other, the weaker first; `ask` also tells whether it was only this token that failed.

    Where an answer is refused, limited or not `complete`, the next token is asked; a trouble on the way then counts
    more than a refusal, because whoever can cause it must not gain by it.
    """
    order = range(tokens)
    answers: dict[int, Fact[Any]] = {}
    for token in reversed(order) if stronger_first else order:
        fact, of_this_token = ask(token)
        if isinstance(fact, Known) and (fact.value is None or complete is None or complete(fact.value)):
            return fact
        answers[token] = fact
        if isinstance(fact, Unknown) and fact.cause is Cause.UNAVAILABLE and not of_this_token:
            return fact
    for fact in answers.values():
        if isinstance(fact, Unknown) and fact.cause is Cause.UNAVAILABLE:
            return fact
    for fact in answers.values():
        if isinstance(fact, Known):
            return fact
    return answers[max(answers)]


def decode(answer: Answer) -> Reply:
    """Return the reply with its JSON; a fault of the server, or what is no JSON under whatever status, is a failure."""
    status, headers = answer.status, answer.headers
    if status >= 500:
        return failed(answer, f"answered {status}")
    if status == 204:
        return Reply(status=status, headers=headers)
    if not answer.body:
        return failed(answer, f"answered {status} with nothing")
    try:
        body = json.loads(answer.body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        page = answer.body.lstrip().startswith("<")
        said = "a web page instead of" if page else "something that is no"
        return failed(answer, f"answered {status} with {said} JSON")
    return Reply(status=status, headers=headers, body=body)


def failed(answer: Answer, how: str, *, limited: bool = False) -> Reply:
    """Return the reply for an answer that cannot be used."""
    return Reply(status=answer.status, headers=answer.headers, failure=f"the server {how}", limited=limited)


def harmless(message: str, tokens: Iterable[str]) -> str:
    """Return a server's message as one short line that cannot hold a token, should a server echo one."""
    for token in tokens:
        message = message.replace(token, "***")
    return " ".join(message.split())[:200].rstrip(".")


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
