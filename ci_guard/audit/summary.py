"""What a log says as a whole: verdicts over time, deployments, waivers, unknowns, bypasses, coverage by framework."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final

from ci_guard.audit.query import of_each
from ci_guard.model.judgement import Outcome
from ci_guard.model.meta import Meta
from ci_guard.records import dataclass, field
from ci_guard.reporters.coverage import Coverage, items

LISTED: Final = 200
"""Deployments and bypasses that are listed, the newest; all are counted."""

OPEN: Final = 500
"""Waivers and unknowns that are told apart."""


@dataclass(frozen=True)
class Line:
    """One run in a list."""

    index: int
    time: str
    verdict: str
    actor: str
    repository: str
    ref: str
    sha: str
    environment: str
    reason: str
    run_url: str


@dataclass(frozen=True)
class OpenWaiver:
    """A waiver that covered something and has not ended."""

    control: str
    requirement: str
    subject: str
    reason: str
    until: str
    owner: str = ""
    ticket: str = ""


@dataclass
class Summary:
    """What was counted."""

    records: int = 0
    first: str = ""
    last: str = ""
    """Times of the first and the last record."""
    verdicts: Counter[str] = field(default_factory=Counter)
    days: dict[str, Counter[str]] = field(default_factory=dict)
    """Verdicts by day, in UTC."""
    deployments: deque[Line] = field(default_factory=lambda: deque(maxlen=LISTED))
    """Runs that named an environment."""
    deployed: int = 0
    bypasses: deque[Line] = field(default_factory=lambda: deque(maxlen=LISTED))
    """Runs that went on although the verdict was no `allow`: report mode, and break-glass."""
    bypassed: int = 0
    waivers: dict[OpenWaiver, int] = field(default_factory=dict)
    """Open ones, with the index of the last record that they covered something in."""
    unknowns: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By cause and `control/requirement`."""
    signed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By kind of place and what signed there, empty for nothing."""
    claimed: int = 0
    """Runs that ended before anything vouched for who they were."""
    coverage: dict[tuple[str, str, str], Counter[Coverage]] = field(default_factory=dict)
    """By framework, item and title: in how many records it stood how."""


def summarise(records: Iterable[dict[str, Any]], controls: Sequence[Meta], today: date) -> Summary:
    """Return the summary of records as `query.records` yields them; raise `AuditError` for one that is none."""
    summary = Summary()
    stood: Counter[frozenset[tuple[str, frozenset[Outcome | None]]]] = Counter()

    def take_in(record: dict[str, Any]) -> None:
        add(summary, record, today)
        stood[seen(record)] += 1

    for _ in of_each(records, take_in):
        pass
    # Runs are much alike, so the frameworks are judged once for each way in which they went.
    for outcomes, count in stood.items():
        for item in items(controls, dict(outcomes)):
            key = (f"{item.framework.title} {item.framework.version}", item.item, item.title)
            summary.coverage.setdefault(key, Counter())[item.coverage] += count
    return summary


def add(summary: Summary, record: dict[str, Any], today: date) -> None:
    """Count a record."""
    summary.records += 1
    summary.first = summary.first or record["time"]
    summary.last = record["time"]
    verdict = str(record["verdict"])
    summary.verdicts[verdict] += 1
    summary.days.setdefault(record["time"][:10], Counter())[verdict] += 1
    if record["what"]["environment"] and not record["advisory"]:
        summary.deployments.append(line_of(record))
        summary.deployed += 1
    went_on = verdict != "allow" and record["exit_code"] == 0 and not record["advisory"]
    if went_on or record.get("break_glass"):
        summary.bypasses.append(line_of(record))
        summary.bypassed += 1
    summary.claimed += bool(record.get("claimed"))
    for place in record.get("recorded_in") or ():
        summary.signed[str(place["kind"]), str(place["signed_by"] or "")] += 1
    for each in record["judgements"]:
        name = f"{each['control']}/{each['requirement']}"
        if each["outcome"] == "unknown" and len(summary.unknowns) < OPEN:
            summary.unknowns[str(each["cause"]), name] += 1
        waived = each["waived"]
        if waived and waived["until"] >= today.isoformat():
            said = (*(each[key] for key in ("control", "requirement", "subject")), waived["reason"], waived["until"])
            # Records of before have neither.
            waiver = OpenWaiver(*map(str, (*said, waived.get("owner") or "", waived.get("ticket") or "")))
            if waiver in summary.waivers or len(summary.waivers) < OPEN:
                summary.waivers[waiver] = record["index"]


def line_of(record: dict[str, Any]) -> Line:
    """Return a record as a line of a list."""
    what, who = record["what"], record["who"]
    return Line(
        index=record["index"],
        time=str(record["time"]),
        verdict=str(record["verdict"]),
        actor=str(who["triggering_actor"] or who["actor"] or ""),
        repository=str(what["repository"] or ""),
        ref=str(what["ref"] or ""),
        sha=str(what["sha"] or "")[:12],
        environment=str(what["environment"] or ""),
        reason=str(record["reason"]) + glass_of(record),
        run_url=str(what["run_url"] or ""),
    )


def glass_of(record: dict[str, Any]) -> str:
    """Return who broke the glass and until when it lasts, as a clause; empty where nobody did."""
    broken = record.get("break_glass")
    if not isinstance(broken, dict):
        return ""
    why = f": {broken['reason']}" if broken.get("reason") else ""
    return f" (break-glass by {broken.get('who')}, until {broken.get('until')}{why})"


def seen(record: dict[str, Any]) -> frozenset[tuple[str, frozenset[Outcome | None]]]:
    """Return the outcomes of each requirement; None stands for a waived one."""
    outcomes: dict[str, set[Outcome | None]] = {}
    for each in record["judgements"]:
        name = f"{each['control']}/{each['requirement']}"
        outcomes.setdefault(name, set()).add(None if each["waived"] else Outcome(each["outcome"]))
    return frozenset((name, frozenset(found)) for name, found in outcomes.items())
