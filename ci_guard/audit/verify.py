"""Whether a log is what it was: chain, tree, checkpoint, and an earlier checkpoint that it must continue."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ci_guard.audit import note as notes
from ci_guard.audit.log import CHAIN, LONGEST, START, beside
from ci_guard.audit.merkle import Frontier, leaf_hash
from ci_guard.audit.note import Checkpoint
from ci_guard.errors import AuditError
from ci_guard.records import dataclass, field

if TYPE_CHECKING:
    from ci_guard.audit.note import Verifies

WEAK: Final = b'"signed_by":"variable"'
"""Of a record. No text can look like it: in JSON its quotes would be escaped."""


@dataclass
class Verification:
    """What was found."""

    size: int = 0
    """Whole records that continue one another from the first one on."""
    root: str = ""
    """Of the tree of these records, in hex."""
    last: str = START
    """SHA-256 of the last of them, in hex: whoever keeps it can tell whether anything before it changes."""
    faults: list[str] = field(default_factory=list)
    """What proves that the log is not what it was, one sentence each."""
    proven: list[str] = field(default_factory=list)
    """What holds, one sentence each."""
    open: list[str] = field(default_factory=list)
    """What could not be told, and what would tell it."""
    weak: int = 0
    """Records of runs whose own job held the key."""
    vouched: int = 0
    """Records that a checkpoint speaks of whose root and signatures hold."""
    origin: str = ""
    """The log's name by its newest checkpoint; empty without one."""

    @property
    def intact(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.faults


def verify(
    path: Path,
    *,
    checkpoint: str | None,
    earlier: Sequence[str] = (),
    verifiers: Sequence[Verifies] = (),
    origin: str = "",
    length: int | None = None,
) -> Verification:
    """
    Check a log against its checkpoint and against earlier ones; memory stays the same for any length.

    `checkpoint` and `earlier` are the texts of notes. A checkpoint beside a log proves no more than the log, unless it
    is signed by a key that the writer of the log does not have, or kept where the writer cannot change it. Where
    somebody has to have signed, what no signature speaks of is a fault. `origin` is the name that each checkpoint must
    have: one key can sign many logs. `length` in bytes is where the log ended when its checkpoint was read.
    Raises: `AuditError` where the log cannot be read or a checkpoint is none.
    """
    found = Verification()
    points = [("The checkpoint", checkpoint)] if checkpoint is not None else []
    points += [(f"The earlier checkpoint {number}", text) for number, text in enumerate(earlier, 1)]
    wanted = {name: notes.parse(text, name) for name, text in points}
    found.origin = max(wanted.values(), key=lambda each: each.size).origin if wanted else ""
    roots = walk(path, found, {each.size for each in wanted.values()}, length)
    for name, text in points:
        before = len(found.faults)
        compare(found, roots, wanted[name], name)
        sign(found, text, name, verifiers)
        if origin and wanted[name].origin != origin:
            found.faults.append(f"{name} is of another log: {wanted[name].origin}.")
        if len(found.faults) == before:
            found.vouched = max(found.vouched, wanted[name].size)
    if origin and not points:
        found.faults.append(f"There is no checkpoint, so nothing says that this is {origin}.")
    if verifiers:
        demand(found, " and ".join(each.name for each in verifiers))
    size = wanted["The checkpoint"].size if checkpoint is not None else found.size
    if found.size > size and not verifiers:
        found.open.append(f"{found.size - size:,} records are behind the checkpoint.")
    if found.weak:
        found.open.append(
            f"The key of {found.weak:,} records was in a variable of their job: whoever could run a step of it could "
            "sign, too."
        )
    if checkpoint is None:
        found.open.append("There is no checkpoint: whether records are missing at the end cannot be told.")
    return found


def demand(found: Verification, names: str) -> None:
    """Add a fault for records that nothing speaks of which those signed who have to have."""
    if found.intact and not found.vouched:
        found.faults.append(f"There is no checkpoint that {names} signed.")
    elif found.intact and found.vouched < found.size:
        behind = found.size - found.vouched
        found.faults.append(
            f"{behind:,} records are behind the checkpoint: {names} signed nothing that speaks of them."
        )


def walk(path: Path, found: Verification, sizes: set[int], length: int | None) -> dict[int, bytes]:
    """Follow the chain through the log and return the tree's root at each of the sizes."""
    tree = Frontier()
    roots = {0: tree.root()} if 0 in sizes else {}
    try:
        with path.open("rb") as file:
            while (length is None or file.tell() < length) and (line := file.readline(LONGEST + 1)):
                fault = fault_of(line, found)
                if fault:
                    found.faults.append(f"Line {found.size + 1}: {fault}")
                    found.root = tree.root().hex()
                    return roots
                record = line[:-1]
                found.last = hashlib.sha256(record).hexdigest()
                found.size += 1
                found.weak += WEAK in record
                tree.append(leaf_hash(record))
                if found.size in sizes:
                    roots[found.size] = tree.root()
    except OSError as error:
        raise AuditError(f"The audit log {os.fspath(path)!r} could not be read: {error.strerror}.") from None
    found.root = tree.root().hex()
    found.proven.append(f"{found.size:,} records, each naming the one before.")
    return roots


def fault_of(line: bytes, found: Verification) -> str:
    """Return what is wrong with a line, or nothing."""
    if not line.endswith(b"\n"):
        return "it is torn: it has no line end. `ci-guard check` moves it aside before it appends."
    match = CHAIN.match(line)
    if match is None or not line.endswith(b"}}\n"):
        return "it is no record of this log."
    if int(match[1]) != found.size:
        return f"it says that it is record {int(match[1])}, and stands where record {found.size} belongs."
    if match[2].decode() != found.last:
        return (
            "the record before it was changed, or another one was removed or put in: its digest is not the one named."
        )
    return ""


def compare(found: Verification, roots: dict[int, bytes], point: Checkpoint, name: str) -> None:
    """Hold the log against a checkpoint: the same root at its size."""
    if point.size > found.size:
        if not found.faults:
            missing = point.size - found.size
            found.faults.append(f"{name} speaks of {point.size:,} records: {missing:,} are missing at the end.")
        return
    if roots.get(point.size) != point.root:
        where = f"one of the first {point.size:,} records"
        found.faults.append(f"{name} has another root: {where} is not what it was, even if the chain was made again.")
        return
    found.proven.append(f"{name} holds for the first {point.size:,} records.")


def sign(found: Verification, text: str, name: str, verifiers: Sequence[Verifies]) -> None:
    """Check a checkpoint's signatures, where there is something to check them with."""
    if not verifiers:
        signed = text != notes.signed_text(text)
        missing = "its signature was not checked: no --key, no --identity" if signed else "it is not signed"
        found.open.append(f"{name}: {missing}. It proves no more than the place that it was kept in.")
    for verifier in verifiers:
        if refusal := verifier.refusal(notes.signed_text(text), text):
            found.faults.append(f"{name} has no valid signature of {verifier.name}: {refusal}.")
        else:
            found.proven.append(f"{name} is signed by {verifier.name}.")


@contextmanager
def settled(path: Path) -> Iterator[int | None]:
    """
    Keep writers waiting, so that a log's checkpoint can be read with its length in bytes, which is returned.

    Where there is no lock to hold, nobody is waited for; None stands for what is no file, such as a pipe.
    """
    import fcntl

    handle = None
    try:
        with suppress(OSError):
            handle = os.open(beside(path, "lock"), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            fcntl.flock(handle, fcntl.LOCK_SH)
        yield os.path.getsize(path) if os.path.isfile(path) else None
    finally:
        if handle is not None:
            os.close(handle)
