"""Record a run in audit logs; what is not recorded must not go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ci_guard.entrypoints.sink_options import Audit, AuditLog
from ci_guard.errors import AuditError, UsageError
from ci_guard.model.decision import Result
from ci_guard.records import dataclass

if TYPE_CHECKING:
    from ci_guard.audit.note import Signs
    from ci_guard.audit.sinks import Sink
    from ci_guard.evidence.rest.transport import Transport

KEY: Final = "CI_GUARD_AUDIT_KEY"
"""The key, where there is no file for it. Every step of a job can read a secret that one step is given."""

TOKEN: Final = "CI_GUARD_AUDIT_TOKEN"  # noqa: S105 - a variable's name
"""What may push to the branch that records are committed onto: a token, or a private key for SSH."""

LONGEST_KEY: Final = 1_000
"""Characters of a key's file that are read; a key has some 150."""


WEAK: Final = (
    f"The key that signs the audit log is in {KEY}: whoever can run a step of this job can sign, too. "
    "Sign where the log is kept instead."
)


@dataclass(frozen=True)
class Recorded:
    """What came of it, in sentences."""

    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def record(result: Result, audit: Audit, environ: Mapping[str, str]) -> Recorded:
    """Record the run in every log that was named; nothing is raised, because there is a verdict to tell."""
    from ci_guard.audit.artifacts import described
    from ci_guard.audit.record import record_of

    artifacts, unread = described(audit.artifacts)
    whole = record_of(result, artifacts, [place_of(log, environ) for log in audit.logs])
    told = [recorded_in(log, whole, audit, environ, origin=origin_of(result)) for log in audit.logs]
    failures = unique((*unread, *(text for each in told for text in each.failures)))
    return Recorded(failures, unique(note for each in told for note in each.notes))


def recorded_in(
    log: AuditLog, whole: dict[str, Any], audit: Audit, environ: Mapping[str, str], *, origin: str
) -> Recorded:
    """Record the run in one log."""
    try:
        key = key_of(log, environ)
        if log.is_webhook or log.is_branch:
            from ci_guard.audit import sinks
            from ci_guard.audit.spool import Spool

            sink = sink_of(log, key, audit, environ, origin=origin)
            kept = sinks.deliver(sink, whole, Spool(Path(audit.spool), log.path, key) if audit.spool else None)
            failures, notes = tuple(f"This run was not recorded: {each}." for each in kept.failures), kept.notes
        else:
            from ci_guard.audit.log import append

            failures, notes = (
                (),
                append(Path(log.path), whole, origin=origin, signer=signer_of(log, key, audit, environ)).notes,
            )
    except (AuditError, UsageError) as error:
        return Recorded((" ".join(part for part in ("This run was not recorded.", error.message, error.hint) if part),))
    except ValueError as error:  # a value that canonical JSON cannot say
        return Recorded((f"This run was not recorded: {error}.",))
    if unsuited(log, key):
        notes = (*notes, f"the shared secret in {KEY} signs webhooks, so the checkpoint is not signed")
    return Recorded(failures, tuple(f"Audit log: {note}." for note in notes))


def place_of(log: AuditLog, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return where a record goes and what signs there: a key from a `file` or a `variable`, `sigstore`, or null."""
    variable = environ.get(KEY, "").strip()
    by_variable = "variable" if variable and not unsuited(log, variable) else None
    signed_by = "sigstore" if log.is_keyless else "file" if log.key else by_variable
    return {"kind": log.kind, "place": log.place, "signed_by": signed_by}


def weak(audit: Audit, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a reader of any report has to know of the keys, a sentence."""
    return (WEAK,) if any(place_of(log, environ)["signed_by"] == "variable" for log in audit.logs) else ()


def sink_of(log: AuditLog, key: str, audit: Audit, environ: Mapping[str, str], *, origin: str) -> Sink:
    """
    Return the sink at an address.

    Raises: `AuditError` for a key, `UsageError` for an address, a proxy or a CA bundle that cannot be used.
    """
    transport = transport_of(audit)
    if log.is_branch:
        from ci_guard.audit.branch import branch

        token = environ.get(TOKEN, "").strip()
        signer = signer_of(log, key, audit, environ)
        return branch(log.path, transport, token=token, known_hosts=audit.known_hosts, origin=origin, signer=signer)
    from ci_guard.audit.webhook import webhook

    return webhook(log.path, key, transport)


def key_of(log: AuditLog, environ: Mapping[str, str]) -> str:
    """
    Return the text of the key, empty where there is none.

    Raises: `AuditError` for a file that cannot be read.
    """
    if log.is_keyless:
        return ""
    if not log.key:
        return environ.get(KEY, "").strip()
    try:
        with Path(log.key).open("rb") as file:
            return file.read(LONGEST_KEY).decode("ascii", "replace").strip()
    except OSError as error:
        raise AuditError(f"The signing key {log.key!r} could not be read: {error.strerror}.") from None


def transport_of(audit: Audit) -> Transport:
    """Return what sinks are reached by."""
    from ci_guard.evidence.rest.transport import Transport

    return Transport(proxy=audit.proxy, ca_bundle=audit.ca_bundle)


def signer_of(log: AuditLog, key: str, audit: Audit, environ: Mapping[str, str]) -> Signs | None:
    """
    Return the signer of checkpoints, if there is a key or the ID token is asked for.

    Raises: `AuditError` for a key or token that cannot be used; it is never quoted.
    """
    if log.is_keyless:
        from ci_guard.audit.keyless import keyless

        return keyless((log.key or "").partition("=")[2], environ, transport_of(audit))
    if not key or unsuited(log, key):
        return None
    from ci_guard.audit import note

    return note.signer(key)


def unsuited(log: AuditLog, key: str) -> bool:
    """Tell whether the one key of the environment is a webhook's, and this log has checkpoints to sign."""
    from ci_guard.audit.webhook import SECRET

    return key.startswith(SECRET) and not log.key and not log.is_webhook


def unique(texts: Iterable[str]) -> tuple[str, ...]:
    """Return texts in their order, each once."""
    return tuple(dict.fromkeys(texts))


def origin_of(result: Result) -> str:
    """Return the name of the log: where the repository is, and by whom it is judged."""
    host = urlsplit(result.run.server_url).netloc or "localhost"
    parts = (host, result.run.repository, "ci-guard")
    text = "/".join(part for part in parts if part)
    return "".join(sign if sign.isprintable() else "_" for sign in text)[:400]
