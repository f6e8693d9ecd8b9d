"""
Checkpoints: what a log is at one size, as a signed note that other tools read too.

Source: C2SP, tlog-checkpoint.md and signed-note.md; RFC 8032 (Ed25519); RFC 6962.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Final, Protocol

from ci_guard.errors import AuditError
from ci_guard.records import dataclass

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519: Final = b"\1"
"""The algorithm byte of a key in a signed note."""

NAME: Final = re.compile(r"[^\s+\x00-\x1f\x7f]{1,200}")
"""A key's name: no space and no plus; by custom a host and a path without a scheme."""

_SIGNATURE: Final = re.compile(r"\u2014 (\S{1,200}) ([A-Za-z0-9+/=]{8,2000})")
_CHECKPOINT: Final = re.compile(r"([^\x00-\x1f\x7f]{1,500})\n(0|[1-9]\d{0,17})\n([A-Za-z0-9+/=]{44})\n")
_PRIVATE: Final = "PRIVATE+KEY+"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a log is at one size."""

    origin: str
    """Names the log, such as `github.com/acme/app/ci-guard`."""
    size: int
    root: bytes

    def text(self) -> str:
        """Return what is signed: origin, size and root, a line each."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


class Signs(Protocol):
    """What signs checkpoints."""

    def sign(self, checkpoint: Checkpoint) -> str:
        """Return the checkpoint as a signed note."""
        ...


class Verifies(Protocol):
    """What tells whose a signature is."""

    @property
    def name(self) -> str:
        """Whose it has to be, for messages."""
        ...

    def refusal(self, text: str, note: str) -> str:
        """Return why a note has no signature of theirs over a text, empty where it has."""
        ...


@dataclass(frozen=True)
class Signer:
    """A private key with its name."""

    name: str
    key: Ed25519PrivateKey

    def sign(self, checkpoint: Checkpoint) -> str:
        """Return the checkpoint as a signed note."""
        text = checkpoint.text()
        signature = key_hash(self.name, public_bytes(self.key.public_key())) + self.key.sign(text.encode())
        return f"{text}\n\u2014 {self.name} {base64.b64encode(signature).decode()}\n"

    def verifier(self) -> str:
        """Return the public key as a line that others verify with (`name+hash+key`)."""
        raw = public_bytes(self.key.public_key())
        return f"{self.name}+{key_hash(self.name, raw).hex()}+{base64.b64encode(ED25519 + raw).decode()}"


@dataclass(frozen=True)
class Verifier:
    """A public key with its name."""

    name: str
    key: Ed25519PublicKey

    def refusal(self, text: str, note: str) -> str:
        """See `Verifies.refusal`."""
        return "" if self.holds(text, note) else "no line of it holds"

    def holds(self, text: str, note: str) -> bool:
        """Tell whether a note has a signature of this key over a text."""
        from cryptography.exceptions import InvalidSignature

        wanted = key_hash(self.name, public_bytes(self.key))
        for line in note.split("\n"):
            match = _SIGNATURE.fullmatch(line)
            if match is None or match[1] != self.name:
                continue
            try:
                raw = base64.b64decode(match[2], validate=True)
            except binascii.Error:
                continue
            if raw[:4] != wanted:
                continue
            try:
                self.key.verify(raw[4:], text.encode())
            except InvalidSignature:
                return False
            return True
        return False


def parse(note: str, name: str = "This") -> Checkpoint:
    """
    Return the checkpoint that a note holds; signatures are the verifier's matter. `name` is what errors call it.

    Raises: `AuditError` for anything that is none.
    """
    match = _CHECKPOINT.match(note)
    try:
        root = base64.b64decode(match[3], validate=True) if match else b""
    except binascii.Error:
        root = b""
    if match is None or len(root) != 32:
        raise AuditError(f"{name} is no checkpoint.", hint="Expected three lines: the log's name, its size, its root.")
    return Checkpoint(origin=match[1], size=int(match[2]), root=root)


def signed_text(note: str) -> str:
    """Return the part of a note that its signatures are over: up to the last blank line."""
    head, separator, _ = note.rpartition("\n\n")
    return f"{head}\n" if separator else note


def generate(name: str) -> str:
    """
    Return a new private key as a line, to be kept where only the log's keeper reads it.

    Raises: `AuditError` for a name that no key can have.
    """
    check_name(name)
    keys = ed25519()
    from cryptography.hazmat.primitives import serialization

    key = keys.Ed25519PrivateKey.generate()
    seed = key.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    known = key_hash(name, public_bytes(key.public_key())).hex()
    return f"{_PRIVATE}{name}+{known}+{base64.b64encode(ED25519 + seed).decode()}"


def signer(line: str) -> Signer:
    """
    Return the signer of a private key's line, as `generate` and Go's note package write it.

    Raises: `AuditError`, which never quotes the line.
    """
    if not line.startswith(_PRIVATE):
        raise AuditError("The signing key was refused: it is no line that begins with PRIVATE+KEY.", hint=_KEYGEN)
    name, known, raw = parts_of(line.removeprefix(_PRIVATE), "The signing key")
    key = ed25519().Ed25519PrivateKey.from_private_bytes(raw)
    if key_hash(name, public_bytes(key.public_key())) != known:
        raise AuditError("The signing key was refused: its parts do not belong together.", hint=_KEYGEN)
    return Signer(name, key)


def verifier(line: str) -> Verifier:
    """
    Return the verifier of a public key's line.

    Raises: `AuditError` for anything that is none.
    """
    name, known, raw = parts_of(line, "The public key")
    if key_hash(name, raw) != known:
        raise AuditError("The public key was refused: its parts do not belong together.", hint=_KEYGEN)
    return Verifier(name, ed25519().Ed25519PublicKey.from_public_bytes(raw))


_KEYGEN: Final = "`ci-guard audit keygen NAME` makes a pair."


def ed25519() -> ModuleType:
    """
    Return the module of Ed25519 keys.

    Raises: `AuditError` where the package is missing: it is heavy, and the bootstrap brings it where a key is named.
    """
    try:
        return import_module("cryptography.hazmat.primitives.asymmetric.ed25519")
    except ImportError:
        hint = "Install cryptography beside ci-guard, or sign where the log is kept."
        raise AuditError("Signing and verifying need the package cryptography, which is not here.", hint=hint) from None


def parts_of(line: str, what: str) -> tuple[str, bytes, bytes]:
    """Return name, key hash and 32 bytes of a key's line."""
    name, _, rest = line.strip().partition("+")
    known, _, text = rest.partition("+")
    try:
        raw = base64.b64decode(text, validate=True)
        digest = bytes.fromhex(known)
    except (binascii.Error, ValueError):
        raw = digest = b""
    if not NAME.fullmatch(name) or len(digest) != 4 or len(raw) != 33 or raw[:1] != ED25519:
        raise AuditError(f"{what} was refused: expected NAME+HASH+KEY of an Ed25519 key.", hint=_KEYGEN)
    return name, digest, raw[1:]


def check_name(name: str) -> None:
    """Raise `AuditError` for a name that no key can have."""
    if not NAME.fullmatch(name):
        raise AuditError(
            f"The name {name[:80]!r} was refused: a key's name has no space and no plus.",
            hint="For example audit.example.com/acme.",
        )


def key_hash(name: str, public: bytes) -> bytes:
    """Return the first four bytes of SHA-256 over name, line feed, algorithm and key: how a signature names its key."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def public_bytes(key: Ed25519PublicKey) -> bytes:
    """Return the 32 bytes of a public key."""
    from cryptography.hazmat.primitives import serialization

    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
