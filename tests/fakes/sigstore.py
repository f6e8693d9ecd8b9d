"""
A Sigstore of one test run: authority, certificate log and transparency log, whose trusted root it also writes.

Source: RFC 6962, 3.2 (signed certificate timestamps) and 2.1 (the tree); Sigstore, "Bundle Format", "Rekor" v1.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Any, Final

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SCT_LIST: Final = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
ISSUER: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
ISSUER_V2: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")

LOG: Final = "rekor.example"
SECOND: Final = timedelta(seconds=1)
PrivateKey = ec.EllipticCurvePrivateKey


class FakeSigstore:
    """Signs texts for whomever it is told, each with a certificate of ten minutes and an entry in its log."""

    def __init__(self) -> None:
        self.authority, self.certificate_log, self.log = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
        self.now = datetime.now(timezone.utc).replace(microsecond=0)

    @cached_property
    def root(self) -> x509.Certificate:
        """Return the authority's own certificate."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sigstore")])
        builder = _certificate(name, self.authority.public_key(), self.now - timedelta(days=1), timedelta(days=30))
        builder = builder.subject_name(name).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage("key_cert_sign"), critical=True)
        identifier = x509.SubjectKeyIdentifier.from_public_key(self.authority.public_key())
        return builder.add_extension(identifier, critical=False).sign(self.authority, hashes.SHA256())

    def trusted_root(self) -> str:
        """Return its trusted root as JSON."""
        valid = {"start": f"{self.now - timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"}

        def log(key: PrivateKey) -> dict[str, Any]:
            public = {"rawBytes": _base64(_spki(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": valid}
            return {
                "baseUrl": f"https://{LOG}",
                "hashAlgorithm": "SHA2_256",
                "publicKey": public,
                "logId": {"keyId": _base64(_id(key))},
            }

        chain = {"certificates": [{"rawBytes": _base64(self.root.public_bytes(serialization.Encoding.DER))}]}
        authority = {
            "subject": {"organization": "sigstore.example", "commonName": "sigstore"},
            "uri": "https://fulcio.example",
            "certChain": chain,
            "validFor": valid,
        }
        return json.dumps(
            {
                "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
                "tlogs": [log(self.log)],
                "certificateAuthorities": [authority],
                "ctlogs": [log(self.certificate_log)],
            }
        )

    def sign(
        self,
        content: bytes,
        identity: str,
        issuer: str,
        *,
        logged_after: timedelta = SECOND,
        certificate_log: PrivateKey | None = None,
        entry_of: Callable[[dict[str, Any]], dict[str, Any]] = lambda body: body,
    ) -> dict[str, Any]:
        """
        Return a bundle over a text.

        `logged_after` says how long after the certificate the log took the entry, `entry_of` what the entry says.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = self._leaf(key, identity, issuer, certificate_log or self.certificate_log)
        digest = hashlib.sha256(content).digest()
        signature = key.sign(content, ec.ECDSA(hashes.SHA256()))
        pem = leaf.public_bytes(serialization.Encoding.PEM)
        entry = {
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": digest.hex()}},
                "signature": {"content": _base64(signature), "publicKey": {"content": _base64(pem)}},
            },
        }
        body = rfc8785.dumps(entry_of(entry))
        return {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": _base64(leaf.public_bytes(serialization.Encoding.DER))},
                "tlogEntries": [self._entry(body, self.now + logged_after)],
            },
            "messageSignature": {
                "messageDigest": {"algorithm": "SHA2_256", "digest": _base64(digest)},
                "signature": _base64(signature),
            },
        }

    def _leaf(self, key: PrivateKey, identity: str, issuer: str, certificate_log: PrivateKey) -> x509.Certificate:
        name = (
            x509.UniformResourceIdentifier(identity) if identity.startswith("https://") else x509.RFC822Name(identity)
        )
        utf8 = bytes([0x0C, len(issuer)]) + issuer.encode()
        builder = _certificate(self.root.subject, key.public_key(), self.now, timedelta(minutes=10))
        builder = builder.subject_name(x509.Name([]))
        for extension, critical in (
            (_usage("digital_signature"), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False),
            (x509.SubjectAlternativeName([name]), True),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self.authority.public_key()), False),
            (x509.UnrecognizedExtension(ISSUER, issuer.encode()), False),
            (x509.UnrecognizedExtension(ISSUER_V2, utf8), False),
        ):
            builder = builder.add_extension(extension, critical=critical)
        logged = builder.sign(self.authority, hashes.SHA256()).tbs_certificate_bytes
        time = int(self.now.timestamp() * 1000)
        owner = hashlib.sha256(_spki(self.authority)).digest()
        said = struct.pack("!BBQH", 0, 0, time, 1) + owner + len(logged).to_bytes(3, "big") + logged + b"\0\0"
        signature = certificate_log.sign(said, ec.ECDSA(hashes.SHA256()))
        promise = struct.pack("!B32sQH", 0, _id(certificate_log), time, 0)
        promise += b"\4\3" + len(signature).to_bytes(2, "big") + signature
        listed = len(promise).to_bytes(2, "big") + promise
        listed = len(listed).to_bytes(2, "big") + listed
        octets = bytes([0x04, 0x81, len(listed)]) + listed if len(listed) > 127 else bytes([0x04, len(listed)]) + listed
        builder = builder.add_extension(x509.UnrecognizedExtension(SCT_LIST, octets), critical=False)
        return builder.sign(self.authority, hashes.SHA256())

    def _entry(self, body: bytes, time: datetime) -> dict[str, Any]:
        """Return an entry in a tree of two, with its promise, its proof and the signed checkpoint."""
        other = hashlib.sha256(b"another entry").digest()
        root = hashlib.sha256(b"\1" + hashlib.sha256(b"\0" + body).digest() + other).digest()
        note = f"{LOG} - 1\n2\n{_base64(root)}\n"
        signed = _id(self.log)[:4] + self.log.sign(note.encode(), ec.ECDSA(hashes.SHA256()))
        seconds = int(time.timestamp())
        promise: Any = {"body": _base64(body), "integratedTime": seconds, "logID": _id(self.log).hex(), "logIndex": 0}
        return {
            "logIndex": "0",
            "logId": {"keyId": _base64(_id(self.log))},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.1"},
            "integratedTime": str(seconds),
            "inclusionPromise": {
                "signedEntryTimestamp": _base64(self.log.sign(rfc8785.dumps(promise), ec.ECDSA(hashes.SHA256())))
            },
            "inclusionProof": {
                "logIndex": "0",
                "rootHash": _base64(root),
                "treeSize": "2",
                "hashes": [_base64(other)],
                "checkpoint": {"envelope": f"{note}\n\u2014 {LOG} {_base64(signed)}\n"},
            },
            "canonicalizedBody": _base64(body),
        }


def _certificate(issuer: x509.Name, key: Any, begin: datetime, lasts: timedelta) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(begin).not_valid_after(begin + lasts)


def _usage(name: str) -> x509.KeyUsage:
    names = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"]
    names += ["key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
    return x509.KeyUsage(**{each: each == name for each in names})


def _spki(key: PrivateKey) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.DER, form)


def _id(key: PrivateKey) -> bytes:
    return hashlib.sha256(_spki(key)).digest()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
