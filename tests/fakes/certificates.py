"""Certificates of an authority that exists for one test run."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def make_certificates(folder: Path) -> dict[str, str]:
    """
    Return paths of PEM files in the folder.

    Shape: `bundle`, the authority; `good`, a certificate of 127.0.0.1 by it; `other`, one of another host by it; `key`,
    the key of all of them.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(timezone.utc)
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Authority")])

    def issue(name: str, subject: x509.Name, extension: x509.ExtensionType) -> str:
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(extension, critical=True)
            .sign(key, hashes.SHA256())
        )
        path = folder / f"{name}.pem"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return str(path)

    nobody = x509.Name([])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return {
        "bundle": issue("bundle", authority, x509.BasicConstraints(ca=True, path_length=None)),
        "good": issue("good", nobody, x509.SubjectAlternativeName([address])),
        "other": issue("other", nobody, x509.SubjectAlternativeName([x509.DNSName("github.example")])),
        "key": str(folder / "key.pem"),
    }
