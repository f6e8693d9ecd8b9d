"""
Checkpoints signed without a key of anybody's: by the job's ID token, over a certificate of minutes, by Sigstore.

The bundle (certificate, signature, entry of the transparency log) stands in a signature line of the note, as one of a
kind that other tools skip, so that it goes wherever the checkpoint goes. sigstore-python, an extra, signs and verifies.

Source: Sigstore, "Client Specification" and "Bundle Format"; C2SP, signed-note.md, "Signature types"; GitHub, "OpenID
Connect reference"; GitLab, "ID token authentication".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from ci_guard.errors import AuditError, unrevealing
from ci_guard.evidence.rest.transport import Fault, Transport
from ci_guard.records import dataclass, field

if TYPE_CHECKING:
    from ci_guard.audit.note import Checkpoint

AUDIENCE: Final = "sigstore"
TOKEN: Final = "SIGSTORE_ID_TOKEN"  # noqa: S105 - a variable's name, the one that GitLab's documentation uses

NAME: Final = "sigstore-bundle"
KIND: Final = b"\xffapplication/vnd.dev.sigstore.bundle+json"
"""The byte of a kind that nobody has assigned, and its name."""
KEY_HASH: Final = hashlib.sha256(NAME.encode() + b"\n" + KIND).digest()[:4]
_LINE: Final = re.compile(rf"\u2014 {NAME} ([A-Za-z0-9+/=]{{8,80000}})")

SECONDS: Final = 60.0
"""For certificate, signature and entry together; the log is locked meanwhile."""
PUBLIC: Final = "https://tuf-repo-cdn.sigstore.dev"
INSTALL: Final = "Install ci-guard[sigstore] beside ci-guard, or sign by a key."


@dataclass(frozen=True, kw_only=True)
class Keyless:
    """Signs a checkpoint as `note.Signer` does."""

    token: str = field(repr=False)
    """The ID token, whose audience is Sigstore's."""
    config: str
    """The client's trust configuration as JSON: whom to ask, and what their answers are held against."""
    transport: Transport

    def sign(self, checkpoint: Checkpoint) -> str:
        """
        Return the checkpoint as a signed note.

        Raises: `AuditError`, which never holds the token.
        """
        from ci_guard.evidence.rest.deadline import within

        text = checkpoint.text()
        try:
            with _surroundings(self.transport):
                bundle = within(SECONDS, lambda: self._bundle(text.encode()))
        except ImportError:
            raise AuditError("Signing by an ID token needs sigstore-python, which is not here.", hint=INSTALL) from None
        except Fault as fault:
            raise AuditError(f"Sigstore did not sign the checkpoint: {fault.reason}.") from None
        except Exception as error:  # noqa: BLE001 - a library's and its libraries' own, whatever went wrong there
            said = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": .")
            raise AuditError(f"Sigstore did not sign the checkpoint ({unrevealing(said)[:300]}).") from None
        signature = base64.b64encode(KEY_HASH + bundle.encode()).decode()
        return f"{text}\n\u2014 {NAME} {signature}\n"

    def _bundle(self, text: bytes) -> str:
        from sigstore.models import ClientTrustConfig
        from sigstore.oidc import IdentityToken
        from sigstore.sign import SigningContext

        context = SigningContext.from_trust_config(ClientTrustConfig.from_json(self.config))
        with context.signer(IdentityToken(self.token)) as signer:
            return str(signer.sign_artifact(text).to_json())


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who has to have signed; verifies a note as `note.Verifier` does."""

    identity: str
    """Of the certificate, exactly: a workflow or CI configuration with its ref."""
    issuer: str
    """The address of the OpenID provider that says so."""
    trusted_root: str = ""
    """JSON; empty for the public instance's."""

    @property
    def name(self) -> str:
        """Who it is, for messages."""
        return f"{self.identity} (Sigstore, by {self.issuer})"

    def refusal(self, text: str, note: str) -> str:
        """
        Return why a note has no signature of this identity over a text, empty where it has.

        Raises: `AuditError` where nothing here can tell.
        """
        from ci_guard.evidence import sigstore_bundle
        from ci_guard.model.fact import Unknown
        from ci_guard.model.signature import SigstoreSignature

        bundle = bundle_of(note)
        if bundle is None:
            return "there is no Sigstore bundle in it"
        demand = SigstoreSignature(identity=self.identity, issuer=self.issuer, trusted_root=self.trusted_root)
        found = sigstore_bundle.verify(text.encode(), bundle, demand)
        if isinstance(found, Unknown):
            raise AuditError(f"The signature cannot be verified: {found.reason}.", hint=INSTALL)
        return found.value.refusal


def bundle_of(note: str) -> str | None:
    """Return the bundle in a note's signatures, None where there is none."""
    for line in note.split("\n"):
        if match := _LINE.fullmatch(line):
            try:
                raw = base64.b64decode(match[1], validate=True)
                if raw[:4] == KEY_HASH:
                    return raw[4:].decode("utf-8")
            except (binascii.Error, UnicodeDecodeError):
                continue
    return None


def keyless(file: str, environ: Mapping[str, str], transport: Transport) -> Keyless:
    """
    Return the signer by this job's ID token, at the public instance where no file is named.

    Raises: `AuditError` where there is no token or no configuration.
    """
    try:
        config = _public_config() if not file else Path(file).read_text("utf-8")
    except ImportError:
        raise AuditError("Signing by an ID token needs sigstore-python, which is not here.", hint=INSTALL) from None
    except (OSError, UnicodeDecodeError):
        raise AuditError(f"The configuration of Sigstore {file[:200]!r} could not be read.") from None
    return Keyless(token=_token(environ, transport), config=config, transport=transport)


def _token(environ: Mapping[str, str], transport: Transport) -> str:
    """Return the job's ID token for Sigstore: a variable's, else one that GitHub's runner is asked for."""
    if given := environ.get(TOKEN, "").strip():
        return given
    from ci_guard.evidence.github.token_request import PERMISSION, get_token, read_request

    request = read_request(environ)
    if request is None:
        raise AuditError(
            "There is no ID token to sign by.",
            hint=f"GitHub: permissions: {{{PERMISSION}}}. GitLab: id_tokens: {{{TOKEN}: {{aud: {AUDIENCE}}}}}.",
        )
    answered = get_token(request, AUDIENCE, transport)
    if answered.failure:
        raise AuditError(f"The runner gave no ID token: {answered.failure}.")
    return answered.token


def _public_config() -> str:
    """Return the public instance's configuration as it came with the installed package: nothing is fetched for it."""
    packaged = resources.files("sigstore._store") / quote(PUBLIC, safe="")
    parts = {"trustedRoot": "trusted_root.json", "signingConfig": "signing_config.v0.2.json"}
    config = {key: json.loads((packaged / name).read_text("utf-8")) for key, name in parts.items()}
    return json.dumps({"mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json", **config})


@contextmanager
def _surroundings(transport: Transport) -> Iterator[None]:
    """
    Let requests, by which sigstore-python speaks, hear our proxy and authorities and nothing of the environment's.

    Else an earlier step could have the token sent its way. The work is done by then: no other thread reads these.
    """
    heard = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC")
    names = {*heard, *(name.lower() for name in heard)}
    before = {name: os.environ.pop(name) for name in names if name in os.environ}
    os.environ["NETRC"] = os.devnull
    if transport.proxy:
        os.environ["HTTP_PROXY"] = os.environ["HTTPS_PROXY"] = transport.proxy
    if transport.ca_bundle:
        os.environ["REQUESTS_CA_BUNDLE"] = transport.ca_bundle
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name, None)
        os.environ.update(before)
