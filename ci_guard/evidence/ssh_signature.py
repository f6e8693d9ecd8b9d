"""
SSH signatures, verified by the machine's own ssh-keygen.

OpenSSH's program reads allowed-signers files with all that they can say (patterns, namespaces, days, authorities) and
is where git reads from servers; the lock of a job on GitHub has no cryptography, and a second reader of that format
would be ours to get wrong. It is started as git is: by an absolute path that is not in the workspace, blind to the
environment, on files in a folder of this user alone.

Source: ssh-keygen(1), `-Y verify` and ALLOWED SIGNERS; OpenSSH, PROTOCOL.sshsig.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ci_guard.git import find_program
from ci_guard.model.fact import Fact, Known, Source, unavailable
from ci_guard.model.signature import NAMESPACE, SshSignature, Verified

SECONDS: Final = 30.0
"""For one run of `ssh-keygen`."""
ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
"""With days of allowed-signers read as UTC where they name no zone."""

_OF_A_LINE: Final = re.compile(r"^.{0,4096}/signers:(\d+): (.*)$")
_SOUND: Final = re.compile(rf'Good "{NAMESPACE}" signature with (\S+ key \S+)')
_TOO_OLD: Final = re.compile(r"(unknown|illegal|invalid) option -- '?Y")


def verify(content: bytes, signature: str, demand: SshSignature, workspace: Path) -> Fact[Verified]:
    """
    Return what ssh-keygen says of a signature over a text, by the clock of this machine: an SSH signature has no time.

    Unknown where no ssh-keygen can say anything.
    """
    program = find_program("ssh-keygen", workspace)
    if program is None:
        return unavailable("there is no ssh-keygen on PATH to verify its SSH signature", needs="OpenSSH in this image")
    try:
        with tempfile.TemporaryDirectory(prefix="ci-guard-") as folder:
            signers, signed = Path(folder, "signers"), Path(folder, "signature")
            signers.write_text("".join(f"{line}\n" for line in demand.allowed_signers), encoding="ascii")
            signed.write_text(signature, encoding="utf-8", errors="replace")
            asked = ["-n", NAMESPACE, "-s", str(signed)]
            done = _run([program, "-Y", "verify", "-f", str(signers), "-I", demand.signer, *asked], content)
            if done.returncode == 0 and done.stdout.startswith(f'Good "{NAMESPACE}" signature for {demand.signer} '):
                said = f"{demand.signer} ({done.stdout.strip().rpartition(' with ')[2]})"
                return Known(value=Verified(signer=said), source=Source.SIGNED, detail=program)
            if _TOO_OLD.search(done.stderr):
                return unavailable(f"{program} cannot verify signatures", needs="OpenSSH 8.2 or newer in this image")
            sound = _SOUND.match(_run([program, "-Y", "check-novalidate", *asked], content).stdout)
    except (OSError, subprocess.SubprocessError) as error:
        why = error.strerror if isinstance(error, OSError) else f"it did not end within {SECONDS:g} seconds"
        return unavailable(f"{program} could not verify its SSH signature ({why})")
    reasons = list(_reasons(done.stderr)) or ["no line of allowed-signers has both this signer and the key that signed"]
    by = f"it is a sound signature by {sound[1]}, but " if sound else ""
    return Known(value=Verified(refusal=by + "; ".join(reasons[:3])), source=Source.SIGNED, detail=program)


def _run(command: list[str], content: bytes) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, input=content, capture_output=True, env=ENVIRONMENT, timeout=SECONDS, check=False)
    texts = (each.decode("ascii", "replace") for each in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(command, done.returncode, *texts)


def _reasons(complaints: str) -> Iterator[str]:
    """Yield what ssh-keygen complains of, without our own paths."""
    for line in complaints.splitlines():
        found = _OF_A_LINE.match(line)
        said = f"line {found[1]} of allowed-signers: {found[2]}" if found else line
        if said and not said.startswith("sig_verify:"):
            yield "".join(sign if sign.isprintable() else "?" for sign in said)[:200]
