"""
A log in a file: JSON Lines, each record with the digest of the one before, and a checkpoint beside it.

    LOG             a record a line, `{"chain":{"index":0,"previous":"…"},"record":{…}}`, canonical JSON
    LOG.head        size in records and bytes, the last line's digest, the tree's frontier: appending reads no log
    LOG.checkpoint  the tree's head as a note, signed where there is a key
    LOG.lock        locked while somebody appends
    LOG.torn-…      what stood behind the last whole line, from a writer that was killed

A record is in the log when its line, line end included, is on the disk. The head follows; where it is behind or gone
it is made again from the log, whose chain is checked on the way.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from ci_guard import whole
from ci_guard.audit.canonical import canonical
from ci_guard.audit.merkle import Frontier, leaf_hash
from ci_guard.audit.note import Checkpoint
from ci_guard.errors import AuditError
from ci_guard.evidence.checkout import read_plain_file
from ci_guard.records import dataclass, field

if TYPE_CHECKING:
    from ci_guard.audit.note import Signs

START: Final = "0" * 64
"""In place of the digest of a record before the first one."""

LONGEST: Final = 4_000_000
"""Bytes of one line; a record is bounded far below."""

CHAIN: Final = re.compile(rb'\{"chain":\{"index":(\d{1,15}),"previous":"([0-9a-f]{64})"\},"record":\{')
"""What every line begins with; canonical JSON puts `chain` first."""


@dataclass
class Head:
    """Where a log ends."""

    size: int = 0
    """In records."""
    length: int = 0
    """In bytes."""
    last: str = START
    """SHA-256 of the last line without its line end, in hex."""
    tree: Frontier = field(default_factory=Frontier)

    def add(self, line: bytes) -> None:
        """Go on behind a line, given without its line end."""
        self.size += 1
        self.length += len(line) + 1
        self.last = hashlib.sha256(line).hexdigest()
        self.tree.append(leaf_hash(line))

    def text(self) -> str:
        """Return the head as it is kept."""
        nodes = [node.hex() for node in self.tree.nodes]
        return json.dumps({"size": self.size, "length": self.length, "last": self.last, "frontier": nodes}) + "\n"


@dataclass(frozen=True)
class Appended:
    """What became of a record."""

    index: int
    checkpoint: str
    """The note, as it is beside the log now."""
    notes: tuple[str, ...] = ()
    """What was found and mended on the way."""


def append(path: Path, record: dict[str, Any], *, origin: str, signer: Signs | None = None) -> Appended:
    """
    Append a record and return its place.

    Whole and on the disk, or not at all; writers wait for one another. A torn last line is moved into a file beside the
    log first. Raises: `AuditError` for a log that is no log or whose chain is broken, and where the system refuses.
    """
    notes: list[str] = []
    try:
        with locked(path), opened(path) as file:
            head = read_head(path, file, notes)
            line = canonical({"chain": {"index": head.size, "previous": head.last}, "record": record})
            if len(line) > LONGEST:
                raise AuditError(f"A record of {len(line):,} bytes is more than a log takes ({LONGEST:,}).")
            index, end = head.size, head.length
            head.add(line)
            checkpoint = Checkpoint(origin=origin, size=head.size, root=head.tree.root())
            note = signer.sign(checkpoint) if signer else checkpoint.text()
            write_line(file, line, end)
            # The record is safe now; a head or a checkpoint that cannot be written is made again the next time.
            try:
                replace(beside(path, "head"), head.text())
                replace(beside(path, "checkpoint"), note)
            except OSError as error:
                notes.append(f"the checkpoint beside {path.name} could not be written: {error.strerror}")
    except OSError as error:
        raise AuditError(
            f"The audit log {str(path)!r} could not be written: {error.strerror}.",
            hint="Earlier records are as they were.",
        ) from None
    return Appended(index, note, tuple(notes))


def write_line(file: BinaryIO, line: bytes, end: int) -> None:
    """Write a line at the end of the log and wait for the disk; what was written of half a line is taken back."""
    try:
        file.seek(end)
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            os.ftruncate(file.fileno(), end)
        raise


def read_head(path: Path, file: BinaryIO, notes: list[str]) -> Head:
    """Return where the log ends, mending a torn end; from the kept head where that fits, else from the log itself."""
    length = file.seek(0, os.SEEK_END)
    head = kept_head(path)
    if head is not None and head.length > length:
        raise AuditError(
            f"The audit log {path.name!r} is shorter than it was: {length:,} bytes, and {head.length:,} were written.",
            hint="Records are missing at its end. Restore it, or begin another log and keep this one as evidence.",
        )
    if head is None or not fits(head, file):
        if head is not None:
            notes.append(f"the head beside {path.name} did not fit and was made again")
        head = Head()
    for line in whole_lines(file, head):
        check_chain(line, head, path)
        head.add(line)
    if length - head.length > LONGEST + 1:
        raise AuditError(
            f"The audit log {path.name!r} is broken at its line {head.size + 1}: it is longer than any record.",
            hint=f"`ci-guard audit verify {path}` says more. Nothing was appended.",
        )
    if head.length < length:
        put_aside(path, file, head.length, length, notes)
    return head


def kept_head(path: Path) -> Head | None:
    """Return the head that is kept beside the log; None where there is none to be read."""
    try:
        return parsed_head(read_plain_file(beside(path, "head")).decode("ascii"))
    except (OSError, ValueError):
        return None


def parsed_head(text: str) -> Head | None:
    """Return the head that `Head.text` wrote; None for anything else."""
    try:
        raw = json.loads(text)
        nodes = [bytes.fromhex(node) for node in raw["frontier"]]
        head = Head(int(raw["size"]), int(raw["length"]), str(raw["last"]), Frontier(int(raw["size"]), nodes))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    whole = len(nodes) == head.size.bit_count() and all(len(node) == 32 for node in nodes) and head.length >= 0
    return head if whole else None


def fits(head: Head, file: BinaryIO) -> bool:
    """Tell whether the line that ends where the head says is the one that it names, and has its number."""
    if head.size == 0:
        return head.length == 0 and head.last == START
    start = max(0, head.length - LONGEST - 2)
    file.seek(start)
    tail = file.read(head.length - start)
    if not tail.endswith(b"\n"):
        return False
    line = tail[:-1].rpartition(b"\n")[2]
    match = CHAIN.match(line)
    return match is not None and int(match[1]) == head.size - 1 and hashlib.sha256(line).hexdigest() == head.last


def whole_lines(file: BinaryIO, head: Head) -> Iterator[bytes]:
    """Yield the lines behind the head that have their line end."""
    file.seek(head.length)
    while (line := file.readline(LONGEST + 1)).endswith(b"\n"):
        yield line[:-1]


def check_chain(line: bytes, head: Head, path: Path) -> None:
    """Raise where a line does not continue the log."""
    match = CHAIN.match(line)
    if match is None or int(match[1]) != head.size or match[2].decode() != head.last:
        raise AuditError(
            f"The audit log {path.name!r} is broken at its line {head.size + 1}: it does not continue the one before.",
            hint=f"`ci-guard audit verify {path}` says more. Nothing was appended.",
        )


def put_aside(path: Path, file: BinaryIO, start: int, length: int, notes: list[str]) -> None:
    """Move a torn last line into a file beside the log: it may be the only trace of a run."""
    file.seek(start)
    torn = file.read(length - start)
    aside = beside(path, f"torn-{hashlib.sha256(torn).hexdigest()[:12]}")
    replace(aside, torn.decode("utf-8", "backslashreplace"))
    os.ftruncate(file.fileno(), start)
    notes.append(f"a torn last line of {path.name} was moved to {aside.name}")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a log: writers in other processes wait."""
    import fcntl

    handle = os.open(beside(path, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a log to read and append; a link is not followed, and what is no plain file is refused."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "r+b") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise AuditError(f"The audit log {str(path)!r} is no plain file.")
        yield file


def beside(path: Path, what: str) -> Path:
    """Return the path of a file that belongs to a log."""
    return path.with_name(f"{path.name}.{what}")


def replace(path: Path, text: str) -> None:
    """Write a file of a log: whole, on the disk, for its owner alone."""
    whole.write(path, text, mode=0o600, synced=True)
