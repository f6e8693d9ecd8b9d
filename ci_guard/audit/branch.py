"""
A log on a branch of a git repository: one commit a record, each continuing the one before.

    records/000000/000000123-ID.json   a record as its line in a log in a file, line end included

The message of a commit holds the head of the log and its checkpoint, so that appending reads names and no contents. The
files in their order are a log in a file, which is verified, asked and reported on as any other. Two writers at once are
told apart by the server, which takes only what continues the branch: whoever comes second begins anew.
"""

from __future__ import annotations

import base64
import errno
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ci_guard.audit.canonical import canonical
from ci_guard.audit.log import LONGEST, Head, parsed_head
from ci_guard.audit.note import Checkpoint
from ci_guard.audit.sinks import NotKept
from ci_guard.errors import AuditError, GitUnavailable, UsageError
from ci_guard.evidence.rest.transport import Transport, is_loopback, split_url
from ci_guard.git.scratch import Remote, Scratch, scratch
from ci_guard.git.ssh import Ssh, is_ssh
from ci_guard.records import dataclass, field

if TYPE_CHECKING:
    from ci_guard.audit.note import Signs

PREFIX: Final = "git+"
ATTEMPTS: Final = 12
"""Of a writer whom others overtake."""
PAUSE_MILLISECONDS: Final = 40
"""The longest pause before another attempt is a multiple of it."""

HEAD: Final = "Audit-Head: "
RECORD: Final = re.compile(r"records/\d{6}/(\d{9})-([0-9a-f]{32})\.json")
_NAME: Final = re.compile(r"(?!.*(?:\.\.|//|\.lock(?:/|$)|/\.|\.(?:/|$)))[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}(?<!/)")
"""A branch's name, rather too strictly than not. Source: git-check-ref-format(1)."""
_KEY: Final = re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s")


@dataclass(frozen=True, kw_only=True)
class Branch:
    """Fulfils `Sink`."""

    remote: Remote = field(repr=False)
    name: str
    origin: str
    signer: Signs | None = None

    @property
    def place(self) -> str:
        """See `Sink.place`."""
        return f"{self.remote.url}#{self.name}"

    def keep(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """See `Sink.keep`."""
        try:
            with scratch(self.remote) as repository:
                self._append(repository, record)
        except GitUnavailable as error:
            raise NotKept(error.message) from None
        except OSError as error:
            raise NotKept(f"there is no room to work in: {error.strerror}") from None
        return ()

    def _append(self, repository: Scratch, record: Mapping[str, Any]) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            tip = repository.fetch(self.name)
            head = self._head(repository, tip, str(record["id"]))
            if head is None:
                return  # an earlier run, or an answer that got lost, brought it there
            commit = self._commit(repository, tip, head, record)
            try:
                repository.push(commit, self.name)
            except GitUnavailable:
                now = repository.fetch(self.name)
                if now == tip:
                    raise  # nobody was faster: the server does not take it
                if now == commit:
                    return
                time.sleep(secrets.randbelow(PAUSE_MILLISECONDS * attempt) / 1000)
            else:
                return
        raise NotKept(f"others were faster {ATTEMPTS} times")

    def _head(self, repository: Scratch, tip: str | None, identity: str) -> Head | None:
        """
        Return where the log on the branch ends, None where the record is in it.

        Raises: `NotKept` for a branch that is no log, or whose files are not those that its last commit tells of.
        """
        if tip is None:
            return Head()
        head = head_of(repository.message(tip))
        if head is None:
            raise NotKept("its last commit is none of a log")
        found = [match for path in repository.files(tip) if (match := RECORD.fullmatch(path))]
        if [int(match[1]) for match in found] != list(range(head.size)):
            raise NotKept("its files are not those that its last commit tells of")
        return None if identity in {match[2] for match in found} else head

    def _commit(self, repository: Scratch, tip: str | None, head: Head, record: Mapping[str, Any]) -> str:
        """Return a commit that continues the log by a record."""
        index = head.size
        line = canonical({"chain": {"index": index, "previous": head.last}, "record": record})
        if len(line) > LONGEST:
            raise NotKept(f"a record of {len(line):,} bytes is more than a log takes", of_record=True)
        head.add(line)
        checkpoint = Checkpoint(origin=self.origin, size=head.size, root=head.tree.root())
        try:
            note = self.signer.sign(checkpoint) if self.signer else checkpoint.text()
        except AuditError as error:  # of a signer that asks others
            raise NotKept(error.message.rstrip(".")) from None
        files = {path_of(index, str(record["id"])): line + b"\n"}
        return repository.commit(tip, files, f"Record {index} of the audit log\n\n{HEAD}{head.text()}\n{note}")


def branch(
    address: str, transport: Transport, *, token: str, known_hosts: str = "", origin: str, signer: Signs | None
) -> Branch:
    """
    Return the sink at `git+URL#BRANCH`.

    Raises: `UsageError` for an address that records may not go to; `AuditError` for a key that cannot be used.
    """
    url, name = parse(address, known_hosts)
    return Branch(remote=remote_of(url, transport, token, known_hosts), name=name, origin=origin, signer=signer)


def remote_of(url: str, transport: Transport, token: str, known_hosts: str = "") -> Remote:
    """Return how a repository is reached: as the forges are, by a token or a key for SSH, which no argument holds."""
    import certifi

    if is_ssh(url):
        if not _KEY.match(token):
            raise AuditError(
                "The audit log over SSH needs a private key, and was given none.",
                hint="Put one without a passphrase, which may push to that repository alone, in CI_GUARD_AUDIT_TOKEN.",
            )
        return Remote(url=url, ssh=Ssh(key=token, known_hosts=known_hosts))
    pair = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return Remote(
        url=url,
        header=f"Authorization: Basic {pair}" if token and not url.startswith("file:") else "",
        proxy=transport.proxy or "",
        ca_bundle=transport.ca_bundle or certifi.where(),
    )


def parse(address: str, known_hosts: str = "") -> tuple[str, str]:
    """
    Return address and branch of `git+URL#BRANCH`.

    Raises: `UsageError`; the address is never quoted, it may hold credentials.
    """
    url, _, name = address.removeprefix(PREFIX).partition("#")
    if not _NAME.fullmatch(name):
        raise UsageError("The branch of the audit log was refused.", hint="For example git+https://host/repo#audit.")
    if url.startswith("file:///") and "\n" not in url:
        return url, name
    if is_ssh(url):
        if not known_hosts.strip():
            hint = "Say --known-hosts 'HOST ssh-ed25519 KEY' with the key that the server's owner publishes."
            raise UsageError("The audit log over SSH needs the key by which its server is known.", hint=hint)
        return url, name
    parts = split_url(url, "The repository of the audit log")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise UsageError("The audit log was refused: records would travel unencrypted.", hint="Use https://.")
    return url, name


def path_of(index: int, identity: str) -> str:
    """Return where a record lies."""
    return f"records/{index // 1000:06}/{index:09}-{identity}.json"


def head_of(message: bytes) -> Head | None:
    """Return the head that a commit's message holds, None where it holds none."""
    lines = message.decode("ascii", "replace").split("\n")
    return next((parsed_head(line.removeprefix(HEAD)) for line in lines if line.startswith(HEAD)), None)


def note_of(message: bytes) -> str:
    """Return the checkpoint that a commit's message holds behind the head, empty where it holds none."""
    _, _, rest = message.decode("utf-8", "replace").partition(f"\n{HEAD}")
    return rest.partition("\n\n")[2]


def export(address: str, transport: Transport, token: str, out: Path, known_hosts: str = "") -> int:
    """
    Write the log on a branch as a log in a file, with its checkpoint beside it, and return the number of records.

    Nothing is believed of what the branch says: `verify` reads the file as it reads any other. Both files are new, and
    neither is there where not all could be had.
    Raises: `AuditError` where there is no such branch, or the files cannot be written.
    """
    from ci_guard.audit.log import beside, replace

    url, name = parse(address, known_hosts)
    try:
        with scratch(remote_of(url, transport, token, known_hosts)) as repository:
            tip = repository.fetch(name, contents=True)
            if tip is None:
                raise AuditError(f"There is no branch {name!r} there.", hint="The first run that is recorded makes it.")
            if beside(out, "checkpoint").exists():
                raise FileExistsError(
                    errno.EEXIST, f"{beside(out, 'checkpoint').name} is there, and may be an earlier one"
                )
            lines = [oid for path, oid in repository.files(tip).items() if RECORD.fullmatch(path)]
            write(out, repository.read(lines, LONGEST + 1))
            replace(beside(out, "checkpoint"), note_of(repository.message(tip)))
    except GitUnavailable as error:
        hint = "Check the address, and whether the server lets CI_GUARD_AUDIT_TOKEN read that repository."
        raise AuditError(f"The audit log could not be fetched: {error.message}.", hint=hint) from None
    except OSError as error:
        raise AuditError(f"The audit log {str(out)!r} could not be written: {error.strerror}.") from None
    return len(lines)


def write(out: Path, lines: Iterator[bytes]) -> None:
    """Write a new file; one that is there is not touched, it may be the better copy."""
    with out.open("xb") as file:
        try:
            file.writelines(lines)
        except BaseException:  # half a log looks like a whole one
            out.unlink()
            raise
