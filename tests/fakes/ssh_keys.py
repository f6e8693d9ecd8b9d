"""SSH keys that exist for one test run, made and used by the machine's own ssh-keygen."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from ci_guard.model.signature import NAMESPACE

KEYGEN = shutil.which("ssh-keygen")

needs_keygen = pytest.mark.skipif(KEYGEN is None, reason="there is no ssh-keygen (OpenSSH) here")


@dataclass(frozen=True, kw_only=True)
class SshKey:
    """A key pair in a folder."""

    path: Path

    @property
    def public(self) -> str:
        """Type and key, as a line of allowed signers ends."""
        kind, key, *_ = self.path.with_suffix(".pub").read_text(encoding="ascii").split()
        return f"{kind} {key}"

    def line(self, principals: str = "sec@acme.example", options: str = "") -> str:
        """Return a line of allowed signers."""
        return " ".join(part for part in (principals, options, self.public) if part)

    def sign(self, text: str, namespace: str = NAMESPACE) -> str:
        """Return an armored signature over a text."""
        file = self.path.with_name("message")
        file.write_bytes(text.encode())
        command = [str(KEYGEN), "-q", "-Y", "sign", "-f", str(self.path), "-n", namespace, str(file)]
        subprocess.run(command, check=True, capture_output=True)
        signature = file.with_suffix(".sig")
        armored = signature.read_text(encoding="ascii")
        signature.unlink()
        return armored


def make_key(folder: Path, name: str = "key", kind: str = "ed25519") -> SshKey:
    """Make a key pair without a passphrase."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [str(KEYGEN), "-q", "-t", kind, "-N", "", "-C", "", "-f", str(folder / name)]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return SshKey(path=folder / name)
