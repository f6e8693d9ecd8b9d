"""GitLab's code quality report: what is not proven, for the widget of a merge request, which every tier shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from ci_guard.model.decision import Result, Ruling
from ci_guard.model.judgement import Location, Severity
from ci_guard.reporters import escape, telling
from ci_guard.reporters.telling import Standing

FILE: Final = ".gitlab-ci.yml"
"""Where an entry without a file is shown, if no policy lies in the repository: an entry without a path is dropped."""

ENTRIES: Final = 2_000
"""Entries that are written, worst first; the JSON report has them all."""

SEVERITIES: Final = {
    Severity.CRITICAL: "blocker",
    Severity.HIGH: "critical",
    Severity.MEDIUM: "major",
    Severity.LOW: "minor",
}
TOLD: Final = (Standing.TOLERATED, Standing.WAIVED, Standing.NOT_JUDGED)
"""What denies nothing and is no pass either: an entry of severity `info`."""


def render(result: Result) -> str:
    """
    Return the report as JSON, one entry a line, worst first.

    Shape: a list of `description`, `check_name`, `fingerprint`, `severity` and `location`; ASCII. Fingerprints are
    stable between runs and unique in one, because GitLab compares them with the target branch's report and merges equal
    ones. A run that denies is never an empty list.
    Source: GitLab, "Code Quality", code quality report format.
    """
    entries = list(entries_of(result))
    written = [json.dumps(each, ensure_ascii=True, separators=(",", ":")) for each in entries[:ENTRIES]]
    if len(entries) > ENTRIES:
        more = entry(f"{len(entries) - ENTRIES:,} more are left out here; the JSON report has them.", "more", "info")
        written.append(json.dumps({**more, "location": place(Location(), result)}, separators=(",", ":")))
    return escape.json_text("[" + ",".join(f"\n{each}" for each in written) + "\n]\n")


def entries_of(result: Result) -> Iterator[dict[str, Any]]:
    """Yield the entries with fingerprints that are unique."""
    taken: set[str] = set()
    for each in about(result):
        fingerprint = each["fingerprint"]
        number = 1
        while fingerprint in taken:
            number += 1
            fingerprint = digest(each["fingerprint"], str(number))
        taken.add(fingerprint)
        yield {**each, "fingerprint": fingerprint}


def about(result: Result) -> Iterable[dict[str, Any]]:
    """Yield what ended the run or denies without a requirement, then the rulings that did not pass."""
    if result.failure is not None or telling.rests_on_no_ruling(result):
        reason = " ".join(escape.visible(line) for line in telling.reason_lines(result))
        yield {**entry(escape.cut(reason, escape.SENTENCE), "run", "blocker"), "location": place(Location(), result)}
    for ruling in telling.worst_first(result.decision.rulings):
        state = telling.standing(ruling)
        if state in (Standing.PASSED, Standing.NOT_APPLICABLE):
            continue
        judgement = ruling.judgement
        severity = "info" if state in TOLD else SEVERITIES[judgement.severity]
        said = entry(description(ruling), f"{judgement.control}/{judgement.requirement}", severity)
        yield {
            **said,
            "fingerprint": judgement.fingerprint or said["fingerprint"],
            "location": place(judgement.location or Location(), result),
        }


def entry(text: str, check: str, severity: str) -> dict[str, Any]:
    """Return an entry without its place, fingerprinted by what it is about."""
    return {"description": text, "check_name": check, "fingerprint": digest(check), "severity": severity}


def description(ruling: Ruling) -> str:
    """Return the message on one line, with the state where it is another than refused and the setting to change."""
    judgement = ruling.judgement
    state = telling.standing(ruling)
    words = [] if state is Standing.REFUSED else [f"[{telling.outcome_word(ruling)}]"]
    if ruling.waived is not None:
        words.append(f"until {ruling.waived.until.isoformat()}: {ruling.waived.reason} -")
    words.append(judgement.message or telling.name(ruling))
    if state.denies and judgement.remedy:
        words.append(judgement.remedy)
    return escape.visible(" ".join(words))


def place(location: Location, result: Result) -> dict[str, Any]:
    """Return a path relative to the repository's root and a line; both have to be there."""
    named = location.path or (result.policy.path if result.policy else "") or FILE
    line = location.line if location.path and location.line and location.commit is None else 1
    return {"path": escape.visible(named, escape.PATH_LENGTH).removeprefix("./"), "lines": {"begin": line}}


def digest(*parts: str) -> str:
    """Return the SHA-256 in hex of some texts."""
    return hashlib.sha256("\0".join(("ci-guard", *parts)).encode()).hexdigest()
