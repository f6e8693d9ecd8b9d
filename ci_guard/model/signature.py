"""Signatures that vouch for an organisation's policy: whose one has to be, and what came of verifying it."""

from __future__ import annotations

from typing import Final, TypeAlias

from ci_guard.records import dataclass

NAMESPACE: Final = "ci-guard-policy"
"""What a signing key says that it signed (`ssh-keygen -Y sign -n …`), so that a signed commit or mail is no policy."""


@dataclass(frozen=True, kw_only=True)
class SshSignature:
    """An SSH signature beside the policy, in `FILE.sig`. Source: OpenSSH, PROTOCOL.sshsig."""

    signer: str
    """The principal that has to have signed."""
    allowed_signers: tuple[str, ...]
    """Lines that say which keys are whose. Source: ssh-keygen(1), ALLOWED SIGNERS."""

    @property
    def suffix(self) -> str:
        """What stands behind the policy's path."""
        return ".sig"

    @property
    def expected(self) -> str:
        """Whose it has to be, for messages."""
        return f"one by {self.signer}"

    @property
    def how(self) -> str:
        """How one is made."""
        return f"Sign with `ssh-keygen -Y sign -n {NAMESPACE} -f KEY FILE`, and commit FILE.sig beside FILE."


@dataclass(frozen=True, kw_only=True)
class SigstoreSignature:
    """A Sigstore bundle beside the policy, in `FILE.sigstore.json`. Source: Sigstore, "Bundle Format"."""

    identity: str
    """Of the certificate, exactly: an address of mail, or a workflow with its ref."""
    issuer: str
    """Who says so: the address of the OpenID provider."""
    trusted_root: str = ""
    """The JSON text of the instance's trusted root; empty for the public one."""

    @property
    def suffix(self) -> str:
        """What stands behind the policy's path."""
        return ".sigstore.json"

    @property
    def expected(self) -> str:
        """Whose it has to be, for messages."""
        return f"one by {self.identity} of {self.issuer}"

    @property
    def how(self) -> str:
        """How one is made."""
        return "Sign with `sigstore sign FILE`, and commit FILE.sigstore.json beside FILE."


Signature: TypeAlias = SshSignature | SigstoreSignature


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What a verifier said of a signature that it could judge."""

    signer: str = ""
    """Whose it is; empty where it was refused."""
    refusal: str = ""
    """Why it was refused, a clause; empty where it holds."""
