"""Fulcio and Rekor over HTTP, as sigstore-python speaks to them: certificates for ID tokens, entries for signatures."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any, cast

import jwt
import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.fakes.hub.router import Answer, Call
from tests.fakes.lab import issuer
from tests.fakes.server import LoopbackServer, Reply
from tests.fakes.sigstore import FakeSigstore, PrivateKey

KEY = "sigstore"
"""The name of the issuer's key."""


@dataclass(frozen=True)
class Requested:
    """The public half of a key of which nobody here has the other."""

    public: Any

    def public_key(self) -> Any:
        return self.public


@dataclass
class Instance:
    """An instance of one's own, with an OpenID issuer that GitHub's runners would ask."""

    identity: str
    sigstore: FakeSigstore = field(default_factory=FakeSigstore)
    calls: list[Call] = field(default_factory=list)
    trouble: dict[str, Answer] = field(default_factory=dict)
    """Answers instead, by the end of the path."""
    bearer: str = "runner" + "0" * 16

    def __post_init__(self) -> None:
        self.server = LoopbackServer(self.receive)

    @property
    def issuer(self) -> str:
        return self.server.origin

    def config(self) -> str:
        """Return what a client is configured by."""
        service = {"url": self.server.origin, "majorApiVersion": 1, "operator": "here"}
        service |= cast("dict[str, Any]", {"validFor": {"start": "2020-01-01T00:00:00Z"}})
        signing = {
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [service],
            "rekorTlogUrls": [service],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaConfig": {"selector": "ANY"},
        }
        kind = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
        root = json.loads(self.sigstore.trusted_root())
        return json.dumps({"mediaType": kind, "trustedRoot": root, "signingConfig": signing})

    def token(self, **changed: Any) -> str:
        """Return an ID token of a job."""
        now = int(self.sigstore.now.timestamp())
        claims = {"iss": self.issuer, "aud": "sigstore", "sub": "job", "iat": now, "exp": now + 300}
        return jwt.encode({**claims, **changed}, issuer.key(KEY), algorithm="RS256", headers={"kid": KEY})

    def receive(self, call: Call) -> Reply:
        self.calls.append(call)
        name = call.path.rpartition("/")[2]
        if name in self.trouble:
            return Reply(answer=self.trouble[name])
        match name:
            case "token":
                allowed = call.headers.get("authorization") == f"Bearer {self.bearer}"
                return Reply(answer=Answer(body={"value": self.token(aud=call.query["audience"])} if allowed else {}))
            case "signingCert":
                return Reply(answer=self._certify(call))
            case _:
                return Reply(answer=self._log(call))

    def _certify(self, call: Call) -> Answer:
        raw = call.headers["authorization"].removeprefix("Bearer ")
        try:
            jwt.decode(raw, issuer.key(KEY).public_key(), algorithms=["RS256"], audience="sigstore", issuer=self.issuer)
        except jwt.PyJWTError as error:
            return Answer(status=401, body={"message": str(error)})
        asked = base64.b64decode(json.loads(call.body)["certificateSigningRequest"])
        request = x509.load_pem_x509_csr(asked)
        key = cast("PrivateKey", Requested(request.public_key()))
        leaf = self.sigstore._leaf(key, self.identity, self.issuer, self.sigstore.certificate_log)
        chain = [each.public_bytes(serialization.Encoding.PEM).decode() for each in (leaf, self.sigstore.root)]
        return Answer(body={"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}})

    def _log(self, call: Call) -> Answer:
        body = rfc8785.dumps(json.loads(call.body))
        entry = self.sigstore._entry(body, self.sigstore.now)
        proof = entry["inclusionProof"]

        def as_hex(text: str) -> str:
            return base64.b64decode(text).hex()

        verification = {
            "inclusionProof": {
                "checkpoint": proof["checkpoint"]["envelope"],
                "hashes": [as_hex(each) for each in proof["hashes"]],
                "logIndex": 0,
                "rootHash": as_hex(proof["rootHash"]),
                "treeSize": 2,
            },
            "signedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
        }
        said = {"body": entry["canonicalizedBody"], "integratedTime": int(entry["integratedTime"]), "logIndex": 0}
        return Answer(
            status=201, body={"1": {**said, "logID": as_hex(entry["logId"]["keyId"]), "verification": verification}}
        )
