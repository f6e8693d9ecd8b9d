"""How GitLab is spoken to: over python-gitlab, with its limits and its messages."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from ci_guard.evidence.rest.exchange import Answer, Reply, decode, failed
from ci_guard.evidence.rest.transport import Transport
from ci_guard.records import dataclass, field

if TYPE_CHECKING:
    import ssl

    from ci_guard.evidence.gitlab.connection import Lane


FILE_HEADERS: Final = {"blob": "x-gitlab-blob-id", "commit": "x-gitlab-commit-id"}
"""What the answer to a file says of it."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token and the header that it belongs into."""

    value: str = field(repr=False)
    of_job: bool
    """True for the job's own (`JOB-TOKEN`), false for one of a person, project or group (`PRIVATE-TOKEN`)."""


class GitLabDialect:
    """Fulfils `Dialect`."""

    def __init__(self, *, api_url: str, tokens: Sequence[Token], transport: Transport) -> None:
        """Prepare; python-gitlab is not imported yet."""
        self._api_url = api_url
        self._tokens = tokens
        self._transport = transport

    def load(self) -> None:
        """See `Dialect.load`."""
        importlib.import_module("ci_guard.evidence.gitlab.connection")

    def lane(self, token: int, context: ssl.SSLContext | None, count: Callable[[], None]) -> Lane:
        """See `Dialect.lane`."""
        from ci_guard.evidence.gitlab.connection import Lane

        held = self._tokens[token]
        return Lane(
            api_url=self._api_url,
            token=held.value,
            of_job=held.of_job,
            transport=self._transport,
            context=context,
            count=count,
        )

    def read(self, answer: Answer) -> Reply:
        """
        See `Dialect.read`: a refusal is an object with a message, or with an error and its description.

        Source: REST API "Troubleshooting", "Status codes"; "User and IP rate limits", whose 429 is plain text.
        """
        return limited(answer) or refused(answer, decode(answer))

    def left(self, headers: Mapping[str, str]) -> float:
        """See `Dialect.left`; the header is `RateLimit-Remaining`."""
        text = headers.get("ratelimit-remaining", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else float("inf")


def read_file(answer: Answer) -> Reply:
    """Parse the answer to a file as it is: its text, and the ids of blob and commit that the server names for it."""
    if 200 <= answer.status < 300:
        named = {name: answer.headers.get(header, "") for name, header in FILE_HEADERS.items()}
        return Reply(status=answer.status, headers=answer.headers, body={"content": answer.body, **named})
    return limited(answer) or refused(answer, decode(answer))


def limited(answer: Answer) -> Reply | None:
    """Return the reply where the answer is a limit."""
    if answer.status != 429:
        return None
    return failed(answer, "limits the requests of this token (429)", limited=True)


def refused(answer: Answer, reply: Reply) -> Reply:
    """Return the reply with the message of a refusal as its body, or as a failure where there is none."""
    if reply.failure or 200 <= answer.status < 300:
        return reply
    body = reply.body if isinstance(reply.body, dict) else {}
    said = next((body[key] for key in ("message", "error_description", "error") if isinstance(body.get(key), str)), "")
    if not said:
        return failed(answer, f"answered {answer.status} without GitLab's message")
    return Reply(status=answer.status, headers=answer.headers, body={"message": said})
