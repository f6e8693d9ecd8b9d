"""
How git speaks SSH: with one key and the server's keys as they are given, and nothing of this machine's or of anybody's.

Source: ssh_config(5); git(1), `GIT_SSH_COMMAND` and `GIT_SSH_VARIANT`; sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ci_guard.errors import GitUnavailable
from ci_guard.git.command import find_program
from ci_guard.records import dataclass, field

URL: Final = re.compile(
    r"ssh://(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,63}@)?[A-Za-z0-9][A-Za-z0-9.-]{0,252}(?::[0-9]{1,5})?(?:/[A-Za-z0-9_.~][A-Za-z0-9_.~-]*)+"
)
SCP_LIKE: Final = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}@[A-Za-z0-9][A-Za-z0-9.-]{0,252}:[A-Za-z0-9_.~][A-Za-z0-9_.~-]*(?:/[A-Za-z0-9_.~][A-Za-z0-9_.~-]*)*"
)
"""`git@host:path`, which is below the home of that user. Neither form can hold an option or a password."""

SETTINGS: Final = (
    "BatchMode=yes",  # no prompt: nobody is there
    "StrictHostKeyChecking=yes",  # a server whose key is not given is not asked a second time
    "GlobalKnownHostsFile=none",
    "UpdateHostKeys=no",
    "VerifyHostKeyDNS=no",
    "CheckHostIP=no",
    "CanonicalizeHostname=no",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "PreferredAuthentications=publickey",
    "ControlMaster=no",
    "ControlPath=none",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "ProxyCommand=none",
    "ConnectTimeout=15",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=2",
    "LogLevel=ERROR",
)


@dataclass(frozen=True, kw_only=True)
class Ssh:
    """By what a server is known, and who asks."""

    key: str = field(repr=False)
    """A private key as its file holds it; without a passphrase, as nobody is there to be asked."""
    known_hosts: str
    """Lines as in a file `known_hosts`: a host, the kind of key, the key."""


def is_ssh(url: str) -> bool:
    """Tell whether an address is one of SSH, in either of the two forms."""
    return URL.fullmatch(url) is not None or SCP_LIKE.fullmatch(url) is not None


def environment(folder: Path, ssh: Ssh) -> Mapping[str, str]:
    """
    Write both keys into a folder of ours, read by its owner alone, and return the variables by which git uses them.

    Raises: `OSError`; `GitUnavailable` where there is no ssh.
    """
    program = find_program("ssh", Path.cwd())
    if program is None:
        raise GitUnavailable("there is no ssh on PATH", hint="Install OpenSSH in this image, or use https://.")
    key, known = folder / "key", folder / "known_hosts"
    for file, text in ((key, ssh.key), (known, ssh.known_hosts)):
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as opened:
            opened.write(text.replace("\r\n", "\n").strip() + "\n")
    files = (f"IdentityFile={quoted(key)}", f"UserKnownHostsFile={quoted(known)}")
    words = [program, "-F", "none", *(part for each in (*files, *SETTINGS) for part in ("-o", each))]
    return {"GIT_SSH_COMMAND": shlex.join(words), "GIT_SSH_VARIANT": "ssh"}


def quoted(path: Path) -> str:
    """Return a path as ssh reads it: blanks would divide it, and a percent sign stands for something else."""
    return '"{}"'.format(os.fspath(path).replace("%", "%%"))
