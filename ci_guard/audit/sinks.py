"""Where a record goes besides a file on this machine: what every such place has in common."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ci_guard.errors import AuditError
from ci_guard.records import dataclass

if TYPE_CHECKING:
    from ci_guard.audit.spool import Spool


class NotKept(Exception):
    """A sink did not take a record. The message is ours and never holds what was sent, nor a key."""

    def __init__(self, reason: str, *, of_record: bool = False) -> None:
        """`of_record` says that this record will never be taken, and another may be."""
        super().__init__(reason)
        self.reason = reason
        self.of_record = of_record


class Sink(Protocol):
    """A place that takes records, each as often as it is sent and once by its `id`."""

    @property
    def place(self) -> str:
        """Its name for people; no credentials."""
        ...

    def keep(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """
        Send a record and return notes.

        Raises: `NotKept`.
        """
        ...


@dataclass(frozen=True)
class Kept:
    """What came of a record, in clauses."""

    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def deliver(sink: Sink, record: Mapping[str, Any], spool: Spool | None = None) -> Kept:
    """
    Send what waits in the spool and then this record; what is not taken waits there.

    Shape: a spooled record is a failure, because it is not yet where it has to be.
    """
    notes: list[str] = []
    try:
        if spool is not None:
            notes += send_waiting(sink, spool)
        notes += sink.keep(record)
    except NotKept as refusal:
        why = f"{sink.place} did not take it: {refusal.reason}"
        if spool is None:
            return Kept((f"{why}; there is no --audit-spool in which it could wait",), tuple(notes))
        try:
            file = spool.put(record)
        except OSError as error:
            return Kept((f"{why}; and it could not be spooled: {error.strerror}",), tuple(notes))
        return Kept((f"{why}; it waits in {str(file)!r} and is sent by the next run",), tuple(notes))
    except (AuditError, OSError) as error:
        said = error.message if isinstance(error, AuditError) else f"the spool cannot be used: {error.strerror}"
        return Kept((said.rstrip("."),), tuple(notes))
    return Kept(notes=tuple(notes))


def send_waiting(sink: Sink, spool: Spool) -> list[str]:
    """
    Send what waits, the oldest first, and return notes.

    Raises: `NotKept` where the sink takes nothing at all now: the rest waits on, behind which the new record belongs.
    """
    notes: list[str] = []
    outcomes = [send_one(sink, spool, file, record) for file, record in spool.waiting(notes)]
    if sent := outcomes.count(""):
        notes.append(f"{sent} record{'' if sent == 1 else 's'} that had waited {'was' if sent == 1 else 'were'} sent")
    return notes + [note for note in outcomes if note]


def send_one(sink: Sink, spool: Spool, file: Path, record: Mapping[str, Any]) -> str:
    """Send a record that waits and return a note, empty where it was taken; raise as `send_waiting`."""
    try:
        sink.keep(record)
    except NotKept as refusal:
        if not refusal.of_record:
            raise
        aside = spool.refuse(file)
        return f"{sink.place} refused a record that had waited ({refusal.reason}); it is kept as {aside!r}"
    spool.remove(file)
    return ""
