"""`ci-guard audit reconcile`: what the server knows to have happened and a log does not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from ci_guard.entrypoints.auditing import AuditOptions
from ci_guard.entrypoints.commands import Call, Said
from ci_guard.entrypoints.screen import page_for
from ci_guard.errors import UsageError
from ci_guard.model.fact import Fact, Unknown
from ci_guard.reporters import escape

JOBS: Final = {"github": "GITHUB_REPOSITORY", "gitlab": "CI_PROJECT_ID"}
"""The variables that name a job's own repository."""

MISSING_EXIT: Final = 1
SOME: Final = 10
"""Runs that a note names."""
UNKNOWN_EXIT: Final = 3
"""Where nothing is missing of what can be seen, and not all can be seen."""


def named_by(options: AuditOptions, environ: Mapping[str, str]) -> str:
    """Return the repository that is asked about; raise `UsageError` where neither the caller nor a job names one."""
    named = options.repository or environ.get(JOBS[options.platform], "")
    if not named:
        raise UsageError("No repository was named.", hint="Say --repository, as in acme/shop; only a job has one.")
    return named


def reconcile(options: AuditOptions, call: Call) -> Said:
    """
    List what is missing; unknown is never a pass.

    Raises: `AuditError`, `UsageError`.
    """
    from ci_guard.audit import reconcile as held
    from ci_guard.audit.query import records

    named = named_by(options, call.environ)
    log = held.logged(records(Path(options.subject)), named)
    since = since_of(options) or log.begins
    if since is None:
        raise UsageError(
            "The log holds no record of this repository, so nothing says where to begin.", hint="Say --since, as in 7d."
        )
    runs, deployments = server_s(options, call, since)
    gaps, unknown, counts, going = [], [], {}, 0
    for name, fact, find in (
        ("runs", runs, held.missing_runs),
        ("deployments", deployments, held.missing_deployments),
    ):
        if isinstance(fact, Unknown):
            unknown.append((name, fact))
        else:
            counts[name] = len(fact.value)
            going += sum(each.going for each in fact.value)
            gaps += find(log, fact.value)
    exit_code = MISSING_EXIT if gaps else UNKNOWN_EXIT if unknown else 0
    rows = [row_of(gap) for gap in gaps]
    if options.form == "json":
        cannot = {name: {"reason": fact.reason, "needs": fact.needs} for name, fact in unknown}
        whole = {"since": since.isoformat(), "counts": counts, "going": going, "missing": rows, "unknown": cannot}
        whole |= {"claimed": log.claimed, "nameless": log.nameless, "elsewhere": log.elsewhere}
        return Said(escape.json_text(json.dumps(whole, ensure_ascii=True, indent=1)) + "\n", exit_code, document=True)
    page = page_for(call.stdout, call.environ)
    for row in rows:
        page.write(line_of(row))
    for name, fact in unknown:
        page.labelled("Unknown", f"{name}: {escape.plain(fact.reason)}", 2)
        if fact.needs:
            page.labelled("Needed", escape.plain(fact.needs), 2)
    if going:
        page.labelled("Note", f"{going:,} of them still go on and may come to the log", 2)
    if log.claimed:
        some = ", ".join(log.claimed[:SOME]) + (" …" if len(log.claimed) > SOME else "")
        page.labelled("Note", f"{len(log.claimed):,} runs are named by their variables alone: {some}", 2)
    if log.nameless:
        page.labelled("Note", f"{log.nameless:,} records name no run: they ended before theirs was read", 2)
    if log.elsewhere:
        page.labelled("Note", f"{log.elsewhere:,} records are of other repositories and were left out", 2)
    seen = " and ".join(f"{count:,} {name}" for name, count in counts.items()) or "nothing"
    page.write(f"Seen since {since:%Y-%m-%d %H:%M} UTC: {seen}; {len(gaps):,} not as in the log.")
    return Said(page.text(), exit_code)


def since_of(options: AuditOptions) -> datetime | None:
    """Return the moment that was said, None for the log's first record: what was before it, no log can hold."""
    from ci_guard.audit.query import moment

    if "since" not in options.question:
        return None
    said = moment(options.question["since"], datetime.now(timezone.utc))
    return datetime.fromisoformat(said.replace("Z", "+00:00"))


def server_s(options: AuditOptions, call: Call, since: datetime) -> tuple[Fact[Any], Fact[Any]]:
    """Return what the server knows; a platform is loaded by the runs that ask it."""
    from importlib import import_module

    from ci_guard.evidence.rest.transport import Transport

    platform = import_module(f"ci_guard.evidence.{options.platform}.activity")
    transport = Transport(proxy=options.proxy, ca_bundle=options.ca_bundle)
    found: tuple[Fact[Any], Fact[Any]] = platform.activity(call.environ, options.repository, transport, since)
    return found


def row_of(gap: Any) -> dict[str, str]:
    """Return what is missing as plain data."""
    each = gap.activity
    return {
        "kind": gap.kind,
        "id": each.identity,
        "time": each.time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "sha": each.sha,
        "ref": each.ref,
        "cause": each.cause,
        "environment": each.environment,
        "state": each.state,
        "url": each.url,
        "why": gap.why,
    }


def line_of(row: dict[str, str]) -> str:
    """Return what is missing as a line; strangers' text is on it, harmless."""
    return "  ".join(words(row))


def words(row: dict[str, str]) -> Iterator[str]:
    """Yield the words of a line."""
    yield f"{row['kind']} {row['id']}"
    for name in ("time", "sha", "cause", "environment", "ref", "state", "url"):
        if row[name]:
            yield escape.plain(row[name][:12] if name == "sha" else row[name], escape.NAME)
    yield f"{row['why']}"
