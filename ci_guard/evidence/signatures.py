"""What verifies each kind of signature, loaded where one is asked for."""

from __future__ import annotations

from pathlib import Path

from ci_guard.model.fact import Fact
from ci_guard.model.signature import Signature, SigstoreSignature, Verified


def verify(content: bytes, signature: str, demand: Signature, workspace: Path) -> Fact[Verified]:
    """Return whether a signature over a text is what is asked for; unknown where nothing here can tell."""
    if isinstance(demand, SigstoreSignature):
        from ci_guard.evidence import sigstore_bundle

        return sigstore_bundle.verify(content, signature, demand)
    from ci_guard.evidence import ssh_signature

    return ssh_signature.verify(content, signature, demand, workspace)
