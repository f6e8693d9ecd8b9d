"""`ci-guard audit`: verify a log, ask it, report on it, make keys for its checkpoints."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ci_guard.controls.registry import CONTROLS
from ci_guard.entrypoints import auditing
from ci_guard.entrypoints.auditing import AuditOptions
from ci_guard.entrypoints.commands import Call, Said
from ci_guard.entrypoints.reconciling import reconcile
from ci_guard.entrypoints.screen import page_for
from ci_guard.errors import AuditError, UsageError
from ci_guard.model.judgement import Outcome
from ci_guard.reporters import escape

if TYPE_CHECKING:
    from ci_guard.audit.note import Verifies

OUTCOMES: Final = tuple(outcome.value for outcome in Outcome)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `audit`, each with options of its own."""
    auditing.add_actions(parser, {name: summary for name, (_, summary) in ACTIONS.items()})


def options(arguments: argparse.Namespace, _environ: Mapping[str, str]) -> AuditOptions:
    """Return the options of `audit`."""
    return auditing.options_of(arguments)


def run(options: AuditOptions, call: Call) -> Said:
    """
    Do what was asked.

    Raises: `AuditError`, `UsageError`.
    """
    return ACTIONS[options.action][0](options, call)


def verify(options: AuditOptions, call: Call) -> Said:
    """Tell whether the log is what it was; exit code 1 where something proves that it is not."""
    from ci_guard.audit.log import beside
    from ci_guard.audit.verify import settled
    from ci_guard.audit.verify import verify as verify_log

    log = Path(options.subject)
    kept = Path(options.checkpoint) if options.checkpoint else beside(log, "checkpoint")
    with settled(log) as length:
        checkpoint = read(kept) if options.checkpoint or os.path.isfile(kept) else None
    found = verify_log(
        log,
        checkpoint=checkpoint,
        earlier=[read(Path(each)) for each in options.earlier],
        verifiers=verifiers_of(options),
        origin=options.origin,
        length=length,
    )
    page = page_for(call.stdout, call.environ)
    page.write(f"{escape.plain(log.name)}: {'intact' if found.intact else 'NOT INTACT'}")
    if found.origin:
        page.labelled("Log", escape.plain(found.origin), 2)
    for label, lines in (("Broken", found.faults), ("Holds", found.proven), ("Open", found.open)):
        for line in lines:
            page.labelled(label, escape.plain(line), 2)
    page.labelled("Last", f"{found.last} (SHA-256 of record {found.size - 1})" if found.size else "no record", 2)
    page.labelled("Root", found.root, 2)
    return Said(page.text(), 0 if found.intact else 1)


def verifiers_of(options: AuditOptions) -> list[Verifies]:
    """Return what the signatures are held against."""
    from ci_guard.audit import note
    from ci_guard.audit.keyless import Identity

    found: list[Verifies] = [note.verifier(read(Path(options.key)))] if options.key else []
    if said := options.signed_by:
        root = read(Path(said["trusted_root"])) if "trusted_root" in said else ""
        found.append(Identity(identity=said["identity"], issuer=said["issuer"], trusted_root=root))
    return found


def query(options: AuditOptions, call: Call) -> Said:
    """List the records that are wanted; exit code 1 where there is none."""
    from ci_guard.entrypoints.answers import answer

    return answer(wanted(options, judged=options.form == "json"), options.form, call)


def report(options: AuditOptions, _call: Call) -> Said:
    """Write the report."""
    from ci_guard.audit import pages
    from ci_guard.audit.summary import summarise
    from ci_guard.entrypoints.delivery import write_whole

    today = datetime.now(timezone.utc).date()
    summary = summarise(wanted(options), [control.META for control in CONTROLS], today)
    text = pages.page(summary) if options.form == "html" else pages.markdown(summary)
    if options.out == "-":
        return Said(text, document=True)
    try:
        write_whole(Path(options.out), text)
    except OSError as error:
        raise AuditError(f"The report {options.out!r} could not be written: {error.strerror}.") from None
    return Said(f"{escape.visible(options.out)} was written: {summary.records:,} runs.\n")


def keygen(options: AuditOptions, _call: Call) -> Said:
    """Make a key pair; the private key goes into a file that only its owner reads, and nowhere else."""
    from ci_guard.audit import note

    line = note.generate(options.subject)
    path = Path(options.out)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(line + "\n")
        public = path.with_name(f"{path.name}.pub")
        public.write_text(note.signer(line).verifier() + "\n", encoding="utf-8")
    except OSError as error:
        raise AuditError(f"The key {options.out!r} could not be written: {error.strerror}.") from None
    return Said(f"{escape.visible(str(path))} holds the private key, {escape.visible(str(public))} the public one.\n")


def export(options: AuditOptions, call: Call) -> Said:
    """Write a log that lies on a branch into a file, as it is."""
    from ci_guard.audit.branch import export as fetch
    from ci_guard.entrypoints.recording import TOKEN
    from ci_guard.evidence.rest.transport import Transport

    transport = Transport(proxy=options.proxy, ca_bundle=options.ca_bundle)
    token = call.environ.get(TOKEN, "").strip()
    count = fetch(options.subject, transport, token, Path(options.out), options.known_hosts)
    told = f"{escape.visible(options.out)} was written: {count:,} record{'' if count == 1 else 's'}.\n"
    return Said(f"{told}Verify it with: ci-guard audit verify {escape.visible(options.out)}\n")


def wanted(options: AuditOptions, *, judged: bool = True) -> Iterator[dict[str, Any]]:
    """Yield the records that are asked for; see `query.records`."""
    from ci_guard.audit.query import Question, moment, records

    now = datetime.now(timezone.utc)
    asked = dict(options.question)
    for name in ("since", "until"):
        if name in asked:
            asked[name] = moment(asked[name], now)
    if asked.get("since", "") >= asked.get("until", "~"):
        raise UsageError(
            f"Nothing lies between {asked['since']} and {asked['until']}.", hint="--until has to be the later one."
        )
    requirement, _, outcome = asked.get("outcome", "").partition("=")
    if "outcome" in asked and ("/" not in requirement or outcome not in OUTCOMES):
        raise UsageError(
            f"outcome={asked['outcome'][:80]!r} was refused.",
            hint=f"For example outcome=secret-free/no-secrets=fail; outcomes: {', '.join(OUTCOMES)}.",
        )
    return records(Path(options.subject), Question(**asked), judged=judged)


def read(path: Path) -> str:
    """Return the text of a small file; raise for one that cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(100_000).decode("utf-8")
    except OSError as error:
        raise AuditError(f"{str(path)!r} could not be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise AuditError(f"{str(path)!r} is no text in UTF-8.") from None


ACTIONS: Final[Mapping[str, tuple[Callable[[AuditOptions, Call], Said], str]]] = {
    "verify": (verify, "tell whether a log is what it was"),
    "query": (query, "list the records that are wanted"),
    "report": (report, "report on runs, deployments, bypasses, waivers and coverage"),
    "reconcile": (reconcile, "list what the server knows to have happened and a log does not"),
    "export": (export, "write a log that lies on a branch into a file"),
    "keygen": (keygen, "make a key pair for checkpoints and webhooks"),
}
"""What can be done, in the order of the help."""
