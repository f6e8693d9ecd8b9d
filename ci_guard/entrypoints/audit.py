"""`ci-guard audit`: verify a log, ask it, report on it, make keys for its checkpoints."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from ci_guard.controls.registry import CONTROLS
from ci_guard.entrypoints.commands import Call, Said
from ci_guard.entrypoints.screen import page_for
from ci_guard.errors import AuditError, UsageError
from ci_guard.reporters import escape

COLUMNS: Final = ("index", "time", "verdict", "who", "event", "repository", "ref", "sha", "environment", "why")
"""What a row of an answer shows."""

QUESTION: Final = frozenset({"since", "until", "actor", "environment", "verdict", "where", "form"})
TAKES: Final = {
    "verify": frozenset({"checkpoint", "earlier", "key"}),
    "query": QUESTION,
    "report": QUESTION | {"out"},
    "keygen": frozenset({"out"}),
}
"""The options of each action."""

WHERE: Final = ("repository", "ref", "sha", "event", "outcome")
"""What else a record can be asked for."""

VERDICTS: Final = ("allow", "deny", "undecided", "error")


@dataclass(frozen=True, kw_only=True)
class AuditOptions:
    """What `ci-guard audit` was asked."""

    action: str
    subject: str
    """The log; of `keygen` the name of the key."""
    checkpoint: str | None = None
    earlier: tuple[str, ...] = ()
    key: str | None = None
    question: Mapping[str, str] = field(default_factory=dict)
    form: str = "table"
    out: str = "-"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `audit`; which of them an action takes, `TAKES` says."""
    parser.usage = "ci-guard audit ACTION LOG|NAME [OPTIONS]"
    parser.add_argument("action", choices=tuple(TAKES), metavar="ACTION", help=", ".join(TAKES))
    parser.add_argument("subject", metavar="LOG|NAME", help="the log; for keygen the key's name")
    parser.add_argument("--checkpoint", metavar="FILE", help="verify: instead of the one beside the log")
    parser.add_argument("--earlier", action="append", metavar="FILE", help="verify: one that the log must continue")
    parser.add_argument("--key", metavar="FILE", help="verify: the public key of the checkpoints")
    parser.add_argument("--since", metavar="WHEN", help="yesterday, 24h, 7d, a date or time, in UTC")
    parser.add_argument("--until", metavar="WHEN", help="exclusive")
    parser.add_argument("--actor", metavar="LOGIN", help="who acted, or pressed re-run")
    parser.add_argument("--environment", metavar="NAME", help="where it was deployed")
    parser.add_argument("--verdict", choices=VERDICTS, metavar="WORD", help=", ".join(VERDICTS))
    parser.add_argument("--where", action="append", metavar="KEY=VALUE", help=", ".join(WHERE))
    parser.add_argument("--format", dest="form", metavar="FORM", help="query: table, json, csv; report: markdown, html")
    parser.add_argument("--out", metavar="FILE", help="report, keygen: the file to write")


def options(arguments: argparse.Namespace, _environ: Mapping[str, str]) -> AuditOptions:
    """Return the options of `audit`."""
    said = {name: value for name, value in vars(arguments).items() if value is not None and name != "command"}
    action, subject = said.pop("action"), said.pop("subject")
    strange = sorted(set(said) - TAKES[action])
    if strange:
        option = f"--{'format' if strange[0] == 'form' else strange[0]}"
        raise UsageError(f"ci-guard audit {action} takes no {option}.", hint="Try 'ci-guard audit --help'.")
    if action == "keygen" and "out" not in said:
        raise UsageError("ci-guard audit keygen needs --out FILE.", hint="The public key is written to FILE.pub.")
    forms = {"query": ("table", "json", "csv"), "report": ("markdown", "html")}.get(action, ("",))
    form = said.get("form", forms[0])
    if form not in forms:
        raise UsageError(f"--format {form[:40]!r} was refused.", hint=f"{action} writes {', '.join(forms)}.")
    asked: dict[str, str] = {
        name: said[name] for name in ("since", "until", "actor", "environment", "verdict") if name in said
    }
    for text in said.get("where", ()):
        key, separator, value = text.partition("=")
        if key not in WHERE or not separator or not value:
            raise UsageError(
                f"--where {text[:80]!r} was refused.", hint=f"Expected KEY=VALUE; keys: {', '.join(WHERE)}."
            )
        asked[key] = value
    return AuditOptions(
        action=action,
        subject=subject,
        checkpoint=said.get("checkpoint"),
        earlier=tuple(said.get("earlier", ())),
        key=said.get("key"),
        question=asked,
        form=form,
        out=said.get("out", "-"),
    )


def run(options: AuditOptions, call: Call) -> Said:
    """
    Do what was asked.

    Raises: `AuditError`, `UsageError`.
    """
    actions: dict[str, Callable[[AuditOptions, Call], Said]] = {
        "verify": verify,
        "query": query,
        "report": report,
        "keygen": keygen,
    }
    return actions[options.action](options, call)


def verify(options: AuditOptions, call: Call) -> Said:
    """Tell whether the log is what it was; exit code 1 where something proves that it is not."""
    from ci_guard.audit import note
    from ci_guard.audit.log import beside
    from ci_guard.audit.verify import verify as verify_log

    log = Path(options.subject)
    kept = Path(options.checkpoint) if options.checkpoint else beside(log, "checkpoint")
    checkpoint = read(kept) if options.checkpoint or kept.exists() else None
    found = verify_log(
        log,
        checkpoint=checkpoint,
        earlier=[read(Path(each)) for each in options.earlier],
        verifier=note.verifier(read(Path(options.key))) if options.key else None,
    )
    page = page_for(call.stdout, call.environ)
    page.write(f"{log.name}: {'intact' if found.intact else 'NOT INTACT'}")
    for label, lines in (("Broken", found.faults), ("Holds", found.proven), ("Open", found.open)):
        for line in lines:
            page.labelled(label, escape.plain(line), 2)
    page.labelled("Last", f"{found.last} (SHA-256 of record {found.size - 1})" if found.size else "no record", 2)
    page.labelled("Root", found.root, 2)
    return Said(page.text(), 0 if found.intact else 1)


def query(options: AuditOptions, call: Call) -> Said:
    """List the records that are wanted; exit code 1 where there is none."""
    rows = list(wanted(options))
    match options.form:
        case "json":
            text = escape.json_text(json.dumps(rows, ensure_ascii=True, indent=1)) + "\n"
        case "csv":
            text = as_csv([row_of(each) for each in rows])
        case _:
            text = as_table([row_of(each) for each in rows], call)
    return Said(text, 0 if rows else 1)


def report(options: AuditOptions, _call: Call) -> Said:
    """Write the report."""
    from ci_guard.audit import pages
    from ci_guard.audit.summary import summarise
    from ci_guard.entrypoints.delivery import write_whole

    today = datetime.now(timezone.utc).date()
    summary = summarise(wanted(options), [control.META for control in CONTROLS], today)
    text = pages.page(summary) if options.form == "html" else pages.markdown(summary)
    if options.out == "-":
        return Said(text)
    try:
        write_whole(Path(options.out), text)
    except OSError as error:
        raise AuditError(f"The report {options.out!r} could not be written: {error.strerror}.") from None
    return Said(f"{escape.visible(options.out)} was written: {summary.records:,} runs.\n")


def keygen(options: AuditOptions, _call: Call) -> Said:
    """Make a key pair; the private key goes into a file that only its owner reads, and nowhere else."""
    import os

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


def wanted(options: AuditOptions) -> Iterator[dict[str, Any]]:
    """Yield the records that are asked for."""
    from ci_guard.audit.query import Question, moment, records

    now = datetime.now(timezone.utc)
    asked = dict(options.question)
    for name in ("since", "until"):
        if name in asked:
            asked[name] = moment(asked[name], now)
    if "outcome" in asked and asked["outcome"].count("=") != 1:
        raise UsageError(
            f"outcome={asked['outcome'][:80]!r} was refused.", hint="For example outcome=secret-free/no-secrets=fail."
        )
    return records(Path(options.subject), Question(**asked))


def row_of(record: dict[str, Any]) -> tuple[str, ...]:
    """Return a record as a row; why it went as it did is the reason of its verdict."""
    what, who = record["what"], record["who"]
    cells = (
        record["index"],
        record["time"],
        record["verdict"],
        who["triggering_actor"] or who["actor"],
        what["event"] or what["platform_event"],
        what["repository"],
        what["ref"],
        (what["sha"] or "")[:12],
        what["environment"],
        record["reason"],
    )
    return tuple("" if each is None else str(each) for each in cells)


def as_table(rows: list[tuple[str, ...]], call: Call) -> str:
    """Return rows in columns as wide as they need, the last one free; every cell on one line and harmless."""
    cells = [tuple(escape.plain(cell, escape.NAME) for cell in row) for row in (COLUMNS, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(COLUMNS))]
    page = page_for(call.stdout, call.environ)
    for row in cells:
        page.write("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
    page.write(f"{len(rows):,} record{'' if len(rows) == 1 else 's'}.")
    return page.text()


def as_csv(rows: list[tuple[str, ...]]) -> str:
    """Return rows as CSV (RFC 4180); a cell that a spreadsheet would take for a formula begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(tuple(harmless(escape.plain(cell)) for cell in row) for row in rows)
    return out.getvalue()


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula. Source: OWASP, "CSV Injection"."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell


def read(path: Path) -> str:
    """Return the text of a small file; raise for one that cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(100_000).decode("utf-8")
    except OSError as error:
        raise AuditError(f"{str(path)!r} could not be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise AuditError(f"{str(path)!r} is no text in UTF-8.") from None
