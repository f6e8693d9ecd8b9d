"""
Sigstore bundles, verified offline by sigstore-python, which is an extra: it is larger than all else that is installed.

What is trusted is the root that the policy names, else the one that came with the installed package. Its own ways to
fetch or keep a newer one are not used: they read the network and the home folder, where an earlier step can put one.

Source: Sigstore, "Sigstore Client Specification"; sigstore-python, `sigstore.verify`.
"""

from __future__ import annotations

import tempfile
from importlib import resources
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ci_guard.model.fact import Fact, Known, Source, unavailable
from ci_guard.model.signature import SigstoreSignature, Verified

PUBLIC_INSTANCE: Final = "https://tuf-repo-cdn.sigstore.dev"
LONGEST: Final = 240
INSTALL: Final = "the extra ci-guard[sigstore] beside ci-guard"


def verify(content: bytes, bundle: str, demand: SigstoreSignature) -> Fact[Verified]:
    """
    Return what sigstore-python says of a bundle over a text.

    It holds if the certificate was valid when the log took the entry and is of this identity and issuer, the log and
    the certificate log signed that they have both, and the certificate's key signed the text.

    Unknown where it is not installed or the trusted root cannot be used.
    """
    try:
        from sigstore.models import Bundle
        from sigstore.verify import Verifier
        from sigstore.verify.policy import Identity
    except ImportError:
        return unavailable("nothing that verifies Sigstore bundles is installed here", needs=INSTALL)
    try:
        verifier = Verifier(trusted_root=_trusted_root(demand))
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a root, nothing can be held against it
        return unavailable(f"the trusted root of Sigstore cannot be used ({_words(error)})")
    try:
        identity = Identity(identity=demand.identity, issuer=demand.issuer)
        verifier.verify_artifact(content, Bundle.from_json(bundle), identity)
    except Exception as error:  # noqa: BLE001 - a stranger's bundle: whatever it brings about, it was not verified
        return Known(value=Verified(refusal=_words(error)), source=Source.SIGNED, detail="sigstore-python")
    said = f"{demand.identity} (Sigstore, by {demand.issuer})"
    return Known(value=Verified(signer=said), source=Source.SIGNED, detail="sigstore-python")


def _trusted_root(demand: SigstoreSignature) -> Any:
    from sigstore.models import TrustedRoot

    if not demand.trusted_root:
        packaged = resources.files("sigstore._store") / quote(PUBLIC_INSTANCE, safe="") / "trusted_root.json"
        with resources.as_file(packaged) as file:
            return TrustedRoot.from_file(str(file))
    with tempfile.TemporaryDirectory(prefix="ci-guard-") as folder:
        file = Path(folder, "trusted_root.json")
        file.write_text(demand.trusted_root, encoding="utf-8")
        return TrustedRoot.from_file(str(file))


def _words(error: Exception) -> str:
    """Return what an exception says, short and on one line: it may quote what a stranger wrote."""
    said = " ".join(str(error).partition(" [type=")[0].split()) or type(error).__name__
    return "".join(sign if sign.isprintable() else "?" for sign in said)[:LONGEST].rstrip(".")
