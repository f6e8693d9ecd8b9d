"""Record a run in an audit log; what is not recorded must not go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ci_guard.entrypoints.options import AuditLog
from ci_guard.errors import AuditError
from ci_guard.model.decision import Result

if TYPE_CHECKING:
    from ci_guard.audit.note import Signer

KEY: Final = "CI_GUARD_AUDIT_KEY"
"""The private key, where there is no file for it. Every step of a job can read a secret that one step is given."""

LONGEST_KEY: Final = 1_000


WEAK: Final = (
    f"The key that signs the audit log's checkpoint is in {KEY}: whoever can run a step of this job can sign, too. "
    "Sign where the log is kept instead."
)


@dataclass(frozen=True)
class Recorded:
    """What came of it, in sentences."""

    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def record(result: Result, log: AuditLog, environ: Mapping[str, str]) -> Recorded:
    """Append a record of the run; nothing is raised, because there is a verdict to tell."""
    from ci_guard.audit.log import append
    from ci_guard.audit.record import record_of

    try:
        signer = signer_of(log, environ)
        appended = append(Path(log.path), record_of(result), origin=origin_of(result), signer=signer)
    except AuditError as error:
        return Recorded((" ".join(part for part in ("This run was not recorded.", error.message, error.hint) if part),))
    except ValueError as error:  # a value that canonical JSON cannot say
        return Recorded((f"This run was not recorded: {error}.",))
    weak = (WEAK,) if signer and not log.key else ()
    return Recorded(notes=(*(f"Audit log: {note}." for note in appended.notes), *weak))


def signer_of(log: AuditLog, environ: Mapping[str, str]) -> Signer | None:
    """
    Return the signer, if there is a key.

    Raises: `AuditError` for a key that cannot be read or used; it is never quoted.
    """
    line = environ.get(KEY, "").strip()
    if log.key:
        try:
            with Path(log.key).open("rb") as file:
                line = file.read(LONGEST_KEY).decode("ascii", "replace").strip()
        except OSError as error:
            raise AuditError(f"The signing key {log.key!r} could not be read: {error.strerror}.") from None
    if not line:
        return None
    from ci_guard.audit import note

    return note.signer(line)


def origin_of(result: Result) -> str:
    """Return the name of the log: where the repository is, and by whom it is judged."""
    host = urlsplit(result.run.server_url).netloc or "localhost"
    parts = (host, result.run.repository, "ci-guard")
    text = "/".join(part for part in parts if part)
    return "".join(sign if sign.isprintable() else "_" for sign in text)[:400]
