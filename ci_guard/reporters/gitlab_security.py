"""What GitLab's two security reports have in common: the document, and a vulnerability without its place."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from ci_guard.model import project
from ci_guard.model.decision import Result, Ruling
from ci_guard.model.judgement import Location, Severity
from ci_guard.reporters import escape, telling

VERSION: Final = "15.0.7"
"""Of the report schemas. GitLab drops a report whose version it does not know; this one is known since 16.1."""

ENTRIES: Final = 5_000
"""Vulnerabilities that are written, worst first."""

TITLE: Final = 255
"""Characters of a name that the schema allows."""

FINDINGS: Final = frozenset({"no-secrets", "no-key-files"})
"""The requirements that the secret detection report is about, and the other one is not."""

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, project.HOME)
_SEVERITIES: Final = {
    Severity.CRITICAL: "Critical",
    Severity.HIGH: "High",
    Severity.MEDIUM: "Medium",
    Severity.LOW: "Low",
}


def denying(result: Result) -> Iterator[Ruling]:
    """Yield the rulings that deny, worst first; what is waived is none, because a report cannot say so."""
    return (each for each in telling.worst_first(result.decision.rulings) if telling.standing(each).denies)


def reasons(result: Result) -> list[str]:
    """Return why the run ended or denies, where no ruling says it."""
    if result.failure is None and not telling.rests_on_no_ruling(result):
        return []
    return telling.reason_lines(result)


def document(
    result: Result,
    kind: str,
    vulnerabilities: Iterable[dict[str, Any]],
    *,
    succeeded: bool,
    messages: Iterable[str],
    notes: Iterable[str] = (),
) -> str:
    """Return a whole report, one vulnerability a line; what has no room is counted in a message, as are the notes."""
    written = [json.dumps(each, ensure_ascii=True, separators=(",", ":")) for each in vulnerabilities]
    said = [{"level": "info", "value": escape.visible(each)} for each in notes if each]
    said += [{"level": "info" if succeeded else "warn", "value": escape.visible(each)} for each in messages if each]
    if len(written) > ENTRIES:
        more = f"{len(written) - ENTRIES:,} more are left out here; the JSON report has them."
        said.append({"level": "warn", "value": more})
    tool = {
        "id": "ci-guard",
        "name": "ci-guard",
        "url": project.HOME,
        "vendor": {"name": "ci-guard"},
        "version": escape.visible(result.version, escape.NAME) or "0",
    }
    head = {
        "version": VERSION,
        "scan": {
            "analyzer": tool,
            "scanner": tool,
            "type": kind,
            "start_time": moment(result.time - timedelta(seconds=result.effort.seconds)),
            "end_time": moment(result.time),
            "status": "success" if succeeded else "failure",
            "messages": said,
        },
    }
    text = json.dumps(head, ensure_ascii=True, separators=(",", ":")).removesuffix("}")
    listed = ",".join(f"\n{each}" for each in written[:ENTRIES])
    return escape.json_text(f'{text},"vulnerabilities":[{listed}\n]}}') + "\n"


def vulnerability(ruling: Ruling, title: str, identifier: dict[str, str], result: Result) -> dict[str, Any]:
    """Return what all vulnerabilities have; the id is made from the fingerprint, so it is the same in every run."""
    judgement = ruling.judgement
    value = escape.visible(identifier["value"], escape.NAME) or "unnamed"
    page = project.requirement_page(judgement.control, judgement.requirement)
    told = telling.sentences(ruling, result)
    lines = [judgement.message, *(f"{each.label}: {each.text}" for each in told if each.label in ("Seen", "Expected"))]
    links = [address for address in (escape.url(judgement.remedy_url), page) if address]
    key = judgement.fingerprint or f"{judgement.control}/{judgement.requirement}/{judgement.subject}"
    return {
        "id": str(uuid.uuid5(_NAMESPACE, key.encode("utf-8", "backslashreplace").decode())),
        "name": escape.visible(title, TITLE) or value,
        "description": "  \n".join(escape.markdown(line) for line in lines),
        "severity": _SEVERITIES[judgement.severity],
        "solution": escape.markdown(judgement.remedy, escape.SENTENCE),
        "identifiers": [{"type": identifier["type"], "name": value, "value": value, "url": page}],
        "links": [{"url": each} for each in links],
        "location": location_of(judgement.location or Location()),
    }


def location_of(location: Location) -> dict[str, Any]:
    """Return file and lines, as far as there are any."""
    if not location.path:
        return {}
    where: dict[str, Any] = {"file": escape.visible(location.path, escape.PATH_LENGTH)}
    if location.line:
        where["start_line"] = location.line
        where["end_line"] = location.end_line or location.line
    return where


def moment(time: datetime) -> str:
    """Return a time in UTC as the schema wants it, without a zone."""
    return time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
