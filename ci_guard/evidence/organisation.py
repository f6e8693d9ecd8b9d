"""Organisation policies that lie elsewhere, read as anybody may: no token goes to another server than the job's own."""

from __future__ import annotations

from urllib.parse import urlsplit

from ci_guard.evidence.rest.anybody import ask
from ci_guard.evidence.rest.transport import Transport
from ci_guard.model.fact import Cause, Fact, Known, Source, Unknown, unavailable
from ci_guard.model.layer_reference import LayerReference


class Public:
    """Reads policies at their public addresses, and counts the requests for it, tried again ones included."""

    def __init__(self, transport: Transport) -> None:
        """Prepare; nothing is sent yet."""
        self.requests = 0
        self._transport = transport

    def get(self, reference: LayerReference) -> Fact[str]:
        """
        Return the text at a reference's public address. The digest or the commit in it says which text is right.

        No redirect is followed, within the host neither: a forge answers by one to its sign-in page, with 200, where a
        project is not public. What may pass (5xx, a broken connection, 429 with a short `Retry-After`) is tried again.

        Source: GitHub, "raw.githubusercontent.com"; GitLab, "Raw file" below `/-/raw/`.
        Raises: `UsageError` for a CA bundle that holds no certificates.
        """
        url = urlsplit(reference.public_url)
        detail = f"GET {reference.public_url}"
        reply, sent = ask(url, self._transport)
        self.requests += sent
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
