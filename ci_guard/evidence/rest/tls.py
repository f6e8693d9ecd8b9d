"""The certificates that a run trusts: a given bundle or the public authorities, and nothing from the environment."""

from __future__ import annotations

import ssl

import certifi


def tls_context(ca_bundle: str | None) -> ssl.SSLContext:
    """
    Return a context that verifies against this bundle or the public authorities.

    `ssl.create_default_context` and urllib3's own would read `SSL_CERT_FILE` or `SSLKEYLOGFILE`. One serves the whole
    run, because loading the authorities takes longer than a handshake.

    Raises: `OSError` or `ssl.SSLError` for a bundle that cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=ca_bundle or certifi.where())
    return context
