"""What a SARIF report says of a ruling that did not pass: message, place, fingerprint and suppression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ci_guard.model.decision import Result, Ruling
from ci_guard.model.judgement import Judgement, Location, Outcome
from ci_guard.reporters import escape, telling
from ci_guard.reporters.sarif_rules import LEVELS, Rules

SOURCE_ROOT: Final = "%SRCROOT%"

POLICY: Final = ".ci-guard.yml"
"""
Where a result without a file is shown. GitHub refuses a whole report for one result without a place, and the policy is
what asks for it.
"""

FINGERPRINT: Final = "ciGuardFingerprint/v1"
GITHUB_FINGERPRINT: Final = "primaryLocationLineHash"
"""The only one that GitHub reads; with the same content, so that an alert there is the same finding as everywhere."""


SENTENCES: Final = frozenset({"Seen", "Expected", "Change", "Waived"})
"""What stands under a message; where to read more is the rule's own."""


def result_of(ruling: Ruling, result: Result, rules: Rules) -> dict[str, Any]:
    """Return the result of a ruling that did not pass."""
    judgement = ruling.judgement
    rule, index = rules.of(judgement)
    kind, level = {
        Outcome.UNKNOWN: ("open", "none"),
        Outcome.ERROR: ("fail", "error"),
    }.get(judgement.outcome, ("fail", LEVELS[judgement.severity]))
    waived = ruling.waived
    return {
        "ruleId": rule,
        "ruleIndex": index,
        "kind": kind,
        "level": level,
        "message": {"text": "\n".join(escape.sarif_message(line) for line in lines_of(ruling, result))},
        "locations": [location_of(judgement, result)],
        "partialFingerprints": {FINGERPRINT: judgement.fingerprint, GITHUB_FINGERPRINT: judgement.fingerprint},
        "suppressions": [suppression(f"until {waived.until.isoformat()}: {waived.reason}")] if waived else [],
        "properties": properties_of(ruling),
    }


def lines_of(ruling: Ruling, result: Result) -> Iterator[str]:
    """Yield the message, of which GitHub shows the first sentence as a title, and what it does not say itself."""
    judgement = ruling.judgement
    yield judgement.message
    said = telling.repeats(judgement)
    if said:
        asked = f"; asked by {ruling.said_by}" if ruling.said_by else ""
        yield f"Seen by {telling.witness(ruling, result.run.platform)}{asked}."
    for line in telling.sentences(ruling, result):
        if line.label in SENTENCES and not (said and line.label in ("Seen", "Expected")):
            yield " ".join(part for part in (f"{line.label}:", line.text, escape.url(line.url)) if part)


def location_of(judgement: Judgement, result: Result) -> dict[str, Any]:
    """Return the place of a result: its file, else the policy, because every result must have one."""
    place = judgement.location or Location()
    path = place.path or (result.policy.path if result.policy else "") or POLICY
    physical: dict[str, Any] = {"artifactLocation": {"uri": escape.uri_path(path), "uriBaseId": SOURCE_ROOT}}
    if place.path and place.line and place.commit is None:
        # Of an older commit the line is another one, or none, in the file that is shown; it stands in the properties.
        region = {"startLine": place.line, "endLine": place.end_line, "startColumn": place.column}
        physical["region"] = {key: value for key, value in region.items() if value}
    subject = escape.visible(judgement.subject, escape.NAME)
    return {
        "physicalLocation": physical,
        **({"logicalLocations": [{"fullyQualifiedName": subject}]} if subject else {}),
    }


def properties_of(ruling: Ruling) -> dict[str, Any]:
    """Return what SARIF has no field for."""
    judgement = ruling.judgement
    place = judgement.location or Location()
    found = {
        "outcome": judgement.outcome.value,
        "cause": judgement.cause.value if judgement.cause else None,
        "standing": telling.standing(ruling).value,
        "severity": judgement.severity.value,
        "source": judgement.source.value,
        "commit": escape.visible(place.commit, escape.NAME) if place.commit else None,
        "lineInCommit": place.line if place.commit else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def suppression(justification: str) -> dict[str, Any]:
    """Return the suppression of a waived result; where one result has the property, all have it."""
    return {"kind": "external", "status": "accepted", "justification": escape.visible(justification)}
