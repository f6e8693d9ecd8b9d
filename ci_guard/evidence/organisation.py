"""Organisation policies that lie elsewhere, read as anybody may: no token goes to another server than the job's own."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from ci_guard.evidence.rest.transport import Fault, Transport
from ci_guard.model.fact import Cause, Fact, Known, Source, Unknown, unavailable
from ci_guard.model.layer_reference import LayerReference

AGENT: Final = {"User-Agent": "ci-guard", "Accept": "*/*"}


def get_public(reference: LayerReference, transport: Transport) -> Fact[str]:
    """
    Return the text at a reference's public address. The digest or the commit in it says which text is right.

    Source: GitHub, "raw.githubusercontent.com"; GitLab, "Raw file" below `/-/raw/`.
    """
    from ci_guard.evidence.rest.session import Carrier
    from ci_guard.evidence.rest.tls import tls_context

    url = reference.public_url
    detail = f"GET {url}"
    context = tls_context(transport.ca_bundle)
    carrier = Carrier(origin=urlsplit(url), transport=transport, context=context, count=lambda: None, kept=frozenset())
    try:
        answer = carrier.carry("GET", url, AGENT)
    except Fault as fault:
        return unavailable(fault.reason, detail=detail)
    if answer.status == 200:
        return Known(value=answer.body, source=Source.API, detail=detail)
    if answer.status in (401, 403, 404):
        reason = f"{urlsplit(url).netloc} answered {answer.status}: it does not exist, or is not public"
        return Unknown(
            reason=reason, cause=Cause.UNAVAILABLE, needs="a public policy, or a copy (vendored)", detail=detail
        )
    return unavailable(f"{urlsplit(url).netloc} answered {answer.status}", detail=detail)
