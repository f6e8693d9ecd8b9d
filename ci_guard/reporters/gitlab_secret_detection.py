"""GitLab's secret detection report: secrets and key files that deny."""

from __future__ import annotations

from typing import Any, Final

from ci_guard.model.decision import Result, Ruling
from ci_guard.model.fact import Known
from ci_guard.model.judgement import Location, Outcome
from ci_guard.model.scan import SecretFinding
from ci_guard.reporters import escape, record
from ci_guard.reporters.gitlab_security import FINDINGS, denying, document, reasons, vulnerability

SCAN: Final = "complete-scan"

PLACES: Final = 50
"""Other places of one secret that are listed."""

NO_COMMIT: Final = "0000000"
"""What GitLab's own analyzers write where there is no commit to name; the field may not be left out."""


def render(result: Result) -> str:
    """
    Return the secret detection report: secrets and key files that deny, never with any part of a secret.

    Shape: ASCII JSON. A scan that did not run or is not complete is a failed one, with the reason as a message.
    Source: GitLab's security report schemas, secret detection.
    """
    found = {each.fingerprint: each for each in (*result.scan.findings, *result.scan.key_files)} if result.scan else {}
    denials = [ruling for ruling in denying(result) if ruling.judgement.requirement in FINDINGS]
    whole = result.failure is None and result.scan is not None and result.scan.complete
    doubts = [
        ruling.judgement.message for ruling in denying(result) if ruling.judgement.requirement in (*FINDINGS, SCAN)
    ]
    unread = [] if whole else [*reasons(result), *(doubts if not denials else []), "The scan is not complete."]
    notes = record.scan_notes(result.scan) if result.scan else []
    vulnerabilities = (
        secret(ruling, found.get(ruling.judgement.fingerprint), result)
        for ruling in denials
        if ruling.judgement.outcome is Outcome.FAIL
    )
    return document(result, "secret_detection", vulnerabilities, succeeded=whole, messages=unread, notes=notes)


def secret(ruling: Ruling, finding: SecretFinding | None, result: Result) -> dict[str, Any]:
    """Return the vulnerability of a secret or key file; its other places are details."""
    judgement = ruling.judgement
    rule = finding.rule if finding else judgement.subject
    title = finding.title if finding else rule
    others = [each.location for each in finding.others] if finding else []
    places = [file_location(each) for each in others[:PLACES] if each.path]
    entry = vulnerability(ruling, title, {"type": "ci_guard_secret_rule", "value": rule}, result)
    where = entry["location"]
    # A place without a file, such as a commit message, has only its commit.
    entry["location"] = {**where, "commit": {"sha": commit_of(judgement.location or Location(), result)}}
    if places:
        entry["details"] = {"places": {"name": "Other places", "type": "list", "items": places}}
    return entry


def file_location(location: Location) -> dict[str, Any]:
    """Return a place as an item of details."""
    path = escape.visible(location.path or "", escape.PATH_LENGTH)
    return {"type": "file-location", "file_name": path, "line_start": location.line or 1}


def commit_of(location: Location, result: Result) -> str:
    """Return the commit that a secret stands in: of a finding in history its own, else the judged one."""
    judged = result.run.sha.value if isinstance(result.run.sha, Known) else ""
    return escape.visible(location.commit or judged or NO_COMMIT, escape.NAME)
