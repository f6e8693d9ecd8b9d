"""Faults that a fake platform can be told to have: refusals, limits, broken bodies and broken connections."""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from tests.fakes.hub.router import Answer

Change = Callable[[Answer], Answer]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with one answer."""

    name: str
    change: Change | None = None
    """Turns the true answer into the faulty one."""
    delay_seconds: float = 0.0
    """Waited before the first byte."""
    wire: str | None = None
    """`reset`: the connection is cut before an answer; `truncate`: half of the body; `drip`: slowly, in pieces."""
    drip_seconds: float = 0.0
    """How long the whole body takes when it drips."""


@dataclass
class Planned:
    """A fault and the calls it is meant for."""

    match: str
    fault: Fault
    times: int | None
    skip: int = 0


@dataclass
class Plan:
    """All faults of a server; thread-safe. The first that fits a call applies."""

    planned: list[Planned] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, match: str, fault: Fault, *, times: int | None, skip: int = 0) -> None:
        """Plan a fault for the calls that `match`: `GET /repos/*/pulls/*`, or an operation with its {names}."""
        with self._lock:
            self.planned.append(Planned(match, fault, times, skip))

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self.planned.clear()

    def take(self, line: str, operation: str | None) -> Fault | None:
        """Return the fault for a call, counting it."""
        with self._lock:
            for item in self.planned:
                if item.times == 0 or not matches(item.match, line, operation):
                    continue
                if item.skip:
                    item.skip -= 1
                    continue
                if item.times is not None:
                    item.times -= 1
                return item.fault
        return None


def matches(match: str, line: str, operation: str | None) -> bool:
    """Tell whether a pattern means a call: `*` also spans slashes, a bare path means every method."""
    if not match.partition(" ")[2]:
        match = f"* {match}"
    return match == operation or fnmatchcase(line, match)


def latency(seconds: float) -> Fault:
    """Answer truly, but late."""
    return Fault(name="latency", delay_seconds=seconds)


def status(code: int, message: str, headers: dict[str, str] | None = None, body: Any = None) -> Fault:
    """Answer with a status and GitHub's error body."""
    content = {"message": message, "documentation_url": "https://docs.github.com/rest"} if body is None else body
    return Fault(name=f"status {code}", change=lambda _: Answer(status=code, body=content, headers=dict(headers or {})))


def forbidden(message: str = "Resource not accessible by integration", accepted: str | None = None) -> Fault:
    """Answer 403, with the permissions that would have done where `accepted` names them."""
    headers = {"X-Accepted-GitHub-Permissions": accepted} if accepted else {}
    return status(403, message, headers)


def not_found() -> Fault:
    """Answer 404."""
    return status(404, "Not Found")


def too_many(retry_after: int | None = 1) -> Fault:
    """Answer 429, with `Retry-After` in seconds unless that is None."""
    return status(429, "Too many requests", {} if retry_after is None else {"Retry-After": str(retry_after)})


def primary_limit(code: int = 403, reset_in: int = 3600) -> Fault:
    """Answer that the hour's requests are used up; `reset_in` seconds until there are new ones."""
    headers = {
        "X-RateLimit-Limit": "1000",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Used": "1000",
        "X-RateLimit-Reset": str(int(time.time()) + reset_in),
        "X-RateLimit-Resource": "core",
    }
    return status(code, "API rate limit exceeded for installation ID 1.", headers)


def secondary_limit(retry_after: int | None = None, code: int = 403) -> Fault:
    """Answer that requests come too fast."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return status(
        code, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.", headers
    )


def server_error(code: int = 502) -> Fault:
    """Answer 5xx with GitHub's page."""
    return raw(b"<html><body><h1>Unicorn!</h1></body></html>", "text/html; charset=utf-8", code=code)


def raw(data: bytes, content_type: str = "application/json; charset=utf-8", *, code: int = 200) -> Fault:
    """Answer with exactly these bytes."""
    return Fault(name="raw", change=lambda _: Answer(status=code, body=data, headers={"Content-Type": content_type}))


def html() -> Fault:
    """Answer 200 with a web page, as a proxy's log-in screen does."""
    return raw(b"<!DOCTYPE html><html><body>Please sign in</body></html>", "text/html; charset=utf-8")


def invalid_json() -> Fault:
    """Answer 200 with something that is almost JSON."""
    return raw(b'{"protected": true, "name": "ma')


def empty_body() -> Fault:
    """Answer 200 with nothing."""
    return raw(b"")


def redirect(url: str, code: int = 302) -> Fault:
    """Send the client somewhere else."""
    return Fault(name="redirect", change=lambda _: Answer(status=code, body=b"", headers={"Location": url}))


def gzip_bomb(size: int = 200 * 1024 * 1024) -> Fault:
    """Answer 200 with a small compressed body that unpacks to `size` bytes of JSON text."""

    def change(_: Answer) -> Answer:
        headers = {"Content-Type": "application/json; charset=utf-8", "Content-Encoding": "gzip"}
        return Answer(body=_bomb(size), headers=headers)

    return Fault(name="gzip bomb", change=change)


def _bomb(size: int) -> bytes:
    chunk = b" " * (1024 * 1024)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(b"[")]
    parts += [packer.compress(chunk) for _ in range(size // len(chunk))]
    parts += [packer.compress(b"]"), packer.flush()]
    return b"".join(parts)


def altered(change: Callable[[Any], Any], name: str = "altered") -> Fault:
    """Change the true JSON body; `change` gets a copy that it may modify, and returns the new one."""

    def apply(answer: Answer) -> Answer:
        copied = json.loads(json.dumps(answer.body))
        return Answer(status=answer.status, body=change(copied), headers=answer.headers)

    return Fault(name=name, change=apply)


def null_body() -> Fault:
    """Answer `null`."""
    return altered(lambda _: None, "null body")


def dict_for_list() -> Fault:
    """Answer an object where a list belongs."""
    return altered(lambda body: {"data": body}, "dict for list")


def list_for_dict() -> Fault:
    """Answer a list where an object belongs."""
    return altered(lambda body: [body], "list for dict")


def without(*keys: str) -> Fault:
    """Leave keys out, at every depth."""
    return altered(lambda body: _walk(body, lambda k, v: _DROP if k in keys else v), "missing keys")


def nulls(*keys: str) -> Fault:
    """Set keys to null, at every depth."""
    return altered(lambda body: _walk(body, lambda k, v: None if k in keys else v), "nulls")


def replaced(**values: Any) -> Fault:
    """Set keys to something else, at every depth."""
    return altered(lambda body: _walk(body, values.get), "replaced")


def numbers_as_strings() -> Fault:
    """Write every number as text."""

    def change(_: str, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    return altered(lambda body: _walk(body, change), "numbers as strings")


def reset() -> Fault:
    """Cut the connection before anything is sent."""
    return Fault(name="reset", wire="reset")


def truncated() -> Fault:
    """Announce the whole body and send half of it."""
    return Fault(name="truncated", wire="truncate")


def drip(seconds: float) -> Fault:
    """Send the true answer in small pieces over that time."""
    return Fault(name="drip", wire="drip", drip_seconds=seconds)


_DROP = object()


def _walk(body: Any, change: Callable[[str, Any], Any]) -> Any:
    if isinstance(body, list):
        return [_walk(item, change) for item in body]
    if not isinstance(body, dict):
        return body
    changed = {key: change(key, _walk(value, change)) for key, value in body.items()}
    return {key: value for key, value in changed.items() if value is not _DROP}
