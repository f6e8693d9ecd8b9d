"""The JSON report `ci-guard.report/v1`: a versioned copy of the result, with the schema that is published for it."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, Final, TypeVar

from ci_guard.model.decision import PolicySummary, Result, Ruling, Verdict
from ci_guard.model.fact import Cause, Fact, Known, Source
from ci_guard.model.glass import Broken, By, Unreviewed
from ci_guard.model.judgement import Location, Outcome, Severity
from ci_guard.model.run import Event, Platform, Run
from ci_guard.model.scan import SecretScan, SuppressionKind
from ci_guard.model.settings import Mode
from ci_guard.reporters import escape, record
from ci_guard.reporters.coverage import Coverage, ItemCoverage, coverage

SCHEMA_ID: Final = "ci-guard.report/v1"
EXAMPLES: Final = 20
"""Suppressed findings of one kind that are told one by one; all are counted."""

T = TypeVar("T")


def render(result: Result) -> str:
    r"""
    Return the report as JSON text with the keys in the contract's order and a line end.

    Shape: ASCII; what is not is escaped, so that a path with bytes that are not UTF-8 survives as `\udcXX`. What the
    run does not know is null.
    """
    return escape.json_text(json.dumps(report_of(result), indent=2, ensure_ascii=True, allow_nan=False)) + "\n"


def report_of(result: Result) -> dict[str, Any]:
    """Return the report as plain data."""
    return {
        "schema": SCHEMA_ID,
        "tool": {"name": "ci-guard", "version": result.version},
        "time": result.time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "verdict": result.decision.verdict.value,
        "exit_code": result.decision.exit_code,
        "advisory": result.advisory,
        "break_glass": break_glass_of(result.decision.break_glass),
        "unreviewed": [unreviewed_of(each) for each in result.decision.unreviewed],
        "controls": [meta.id for meta in result.controls],
        "context": context_of(result.run),
        "policy": policy_of(result.policy),
        "judgements": [judgement_of(ruling) for ruling in result.decision.rulings],
        "references": [reference_of(item) for item in coverage(result)],
        "scan": scan_of(result.scan),
        "evidence": {"requests": result.effort.requests, "seconds": round(result.effort.seconds, 3)},
    }


def break_glass_of(broken: Broken | None) -> dict[str, Any] | None:
    """Return who broke the glass; null where nothing was let through by that."""
    if broken is None:
        return None
    return {
        "by": broken.by.value,
        "who": broken.who,
        "how": broken.how,
        "at": moment(broken.at),
        "until": moment(broken.until),
        "reason": broken.reason or None,
        "asked": {"text": broken.asked.text, "source": broken.asked.source.value} if broken.asked else None,
    }


def unreviewed_of(each: Unreviewed) -> dict[str, Any]:
    """Return what was let through by break-glass and waits for its review; `merged_at` of a run is when it was made."""
    return {
        "change": each.reference,
        "url": each.url,
        "who": each.who or None,
        "at": moment(each.at) if each.at else None,
        "merged_at": moment(each.passed_at),
        "why": each.why,
    }


def moment(time: datetime) -> str:
    """Return a time in UTC."""
    return time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def context_of(run: Run) -> dict[str, Any]:
    """Return what is known of the run."""
    change = known(run.change)
    event = known(run.event)
    return {
        "platform": run.platform.value,
        "repository": run.repository or None,
        "repository_id": run.repository_id or None,
        "ref": known(run.ref),
        "sha": known(run.sha),
        "event": event.value if event is not None else None,
        "platform_event": run.platform_event or None,
        "actor": run.actor or None,
        "triggering_actor": run.triggering_actor or None,
        "environment": run.environment,
        "change": {"number": change.number, "head": change.head, "target": change.target}
        if change is not None
        else None,
        "run_url": run.run_url or None,
    }


def known(fact: Fact[T]) -> T | None:
    """Return the value of a known fact; null stands for an unknown."""
    return fact.value if isinstance(fact, Known) else None


def policy_of(policy: PolicySummary | None) -> dict[str, Any]:
    """Return the policy; all null where the run ended before one was read."""
    if policy is None:
        return {"source": None, "sha256": None, "mode": None, "layers": []}
    return {"source": policy.source, "sha256": policy.sha256, "mode": policy.mode.value, "layers": list(policy.layers)}


def judgement_of(ruling: Ruling) -> dict[str, Any]:
    """Return one judgement with its waiver."""
    judgement = ruling.judgement
    waived = ruling.waived
    return {
        "control": judgement.control,
        "requirement": judgement.requirement,
        "subject": judgement.subject,
        "outcome": judgement.outcome.value,
        "cause": judgement.cause.value if judgement.cause is not None else None,
        "severity": judgement.severity.value,
        "waived": {"reason": waived.reason, "until": waived.until.isoformat()} if waived is not None else None,
        "observed": judgement.observed,
        "expected": judgement.expected,
        "source": judgement.source.value,
        "detail": judgement.detail,
        "location": location_of(judgement.location),
        "message": judgement.message,
        "remedy": judgement.remedy,
        "remedy_url": judgement.remedy_url,
        "fingerprint": judgement.fingerprint,
    }


def location_of(location: Location | None) -> dict[str, Any] | None:
    """Return a place; null for a judgement that is about none."""
    if location is None:
        return None
    return {
        "path": location.path,
        "line": location.line,
        "end_line": location.end_line,
        "column": location.column,
        "commit": location.commit,
    }


def reference_of(item: ItemCoverage) -> dict[str, Any]:
    """Return one item of a framework: what the run is evidence for, and whose judgements count."""
    return {
        "framework": item.framework.id,
        "version": item.framework.version,
        "id": item.item,
        "status": item.coverage.value,
        "satisfied_by": list(item.satisfied_by),
        "supported_by": list(item.supported_by),
    }


def scan_of(scan: SecretScan | None) -> dict[str, Any]:
    """Return what the scan read; where none ran, nothing was read and nothing is complete."""
    if scan is None:
        return {"commits": 0, "blobs": 0, "bytes": 0, "skipped": [], "complete": False, "suppressed": []}
    return {
        "commits": scan.commits,
        "blobs": scan.blobs,
        "bytes": scan.bytes,
        "skipped": [{"path": skipped.path, "reason": skipped.reason} for skipped in scan.skipped],
        "complete": scan.complete,
        "suppressed": [suppressions_of(kind, scan) for kind in SuppressionKind if kind in record.suppressed(scan)],
    }


def suppressions_of(kind: SuppressionKind, scan: SecretScan) -> dict[str, Any]:
    """Return how many findings one kind of suppression covers, and the first of them."""
    covered = [one for one in scan.suppressed if one.kind is kind]
    return {
        "kind": kind.value,
        "count": len(covered),
        "examples": [
            {
                "rule": one.finding.rule,
                "location": location_of(one.finding.location),
                "fingerprint": one.finding.fingerprint,
                "suppressed_by": one.place,
                "reason": one.reason or None,
                "until": one.until.isoformat() if one.until else None,
            }
            for one in covered[:EXAMPLES]
        ],
    }


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the report."""
    text: dict[str, Any] = {"type": "string"}
    text_or_null: dict[str, Any] = {"type": ["string", "null"]}
    time: dict[str, Any] = {"type": "string", "format": "date-time"}
    number: dict[str, Any] = {"type": "integer", "minimum": 0}
    place_number: dict[str, Any] = {"type": ["integer", "null"], "minimum": 1}
    sha256: dict[str, Any] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    location = closed(
        path=text_or_null, line=place_number, end_line=place_number, column=place_number, commit=text_or_null
    )
    judgement = closed(
        control=text,
        requirement=text,
        subject=text,
        outcome=one_of(Outcome),
        cause=or_null(one_of(Cause)),
        severity=one_of(Severity),
        waived=or_null(closed(reason=text, until={"type": "string", "format": "date"})),
        observed=text,
        expected=text,
        source=one_of(Source),
        detail=text,
        location=or_null(location),
        message=text,
        remedy=text,
        remedy_url=text,
        fingerprint=sha256,
    )
    # A cause belongs to an unknown, and only to it.
    judgement["if"] = {"properties": {"outcome": {"const": Outcome.UNKNOWN.value}}}
    judgement["then"] = {"properties": {"cause": {"type": "string"}}}
    judgement["else"] = {"properties": {"cause": {"type": "null"}}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Report of ci-guard, {SCHEMA_ID}",
        "description": "What one run of ci-guard judged, and the verdict. Null stands for what the run does not know.",
        **closed(
            schema={"const": SCHEMA_ID},
            tool=closed(name={"const": "ci-guard"}, version=text),
            time={"type": "string", "format": "date-time", "pattern": "^[0-9-]{10}T[0-9:]{8}Z$"},
            verdict=one_of(Verdict),
            exit_code={"enum": [0, 1, 2, 3, 4]},
            advisory={"type": "boolean"},
            break_glass=or_null(
                closed(
                    by={"enum": [by.value for by in By]},
                    who=text,
                    how=text,
                    at=time,
                    until=time,
                    reason=text_or_null,
                    asked=or_null(closed(text=text, source=one_of(Source))),
                )
            ),
            unreviewed={
                "type": "array",
                "items": closed(change=text, url=text, who=text_or_null, at=or_null(time), merged_at=time, why=text),
            },
            controls={"type": "array", "items": text, "uniqueItems": True},
            context=closed(
                platform=one_of(Platform),
                repository=text_or_null,
                repository_id=text_or_null,
                ref=text_or_null,
                sha=text_or_null,
                event=or_null(one_of(Event)),
                platform_event=text_or_null,
                actor=text_or_null,
                triggering_actor=text_or_null,
                environment=text_or_null,
                change=or_null(closed(number=number, head=text, target=text)),
                run_url=text_or_null,
            ),
            policy=closed(
                source=text_or_null,
                sha256=or_null(sha256),
                mode=or_null(one_of(Mode)),
                layers={"type": "array", "items": text},
            ),
            judgements={"type": "array", "items": judgement},
            references={
                "type": "array",
                "items": closed(
                    framework=text,
                    version=text,
                    id=text,
                    status=one_of(Coverage),
                    satisfied_by={"type": "array", "items": text},
                    supported_by={"type": "array", "items": text},
                ),
            },
            scan=closed(
                commits=number,
                blobs=number,
                bytes=number,
                skipped={"type": "array", "items": closed(path=text, reason=text)},
                complete={"type": "boolean"},
                suppressed={
                    "type": "array",
                    "items": closed(
                        kind=one_of(SuppressionKind),
                        count={"type": "integer", "minimum": 1},
                        examples={
                            "type": "array",
                            "items": closed(
                                rule=text,
                                location=location,
                                fingerprint=sha256,
                                suppressed_by=text,
                                reason=text_or_null,
                                until=or_null({"type": "string", "format": "date"}),
                            ),
                        },
                    ),
                },
            ),
            evidence=closed(requests=number, seconds={"type": "number", "minimum": 0}),
        ),
    }


def closed(**properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with exactly these keys."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def one_of(
    words: type[Verdict | Outcome | Cause | Severity | Source | Platform | Event | Mode | Coverage | SuppressionKind],
) -> dict[str, Any]:
    """Return the schema of a word of an enum."""
    return {"enum": [word.value for word in words]}


def or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the same or null."""
    return {"anyOf": [schema, {"type": "null"}]}
