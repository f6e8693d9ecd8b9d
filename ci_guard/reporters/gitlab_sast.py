"""GitLab's SAST report: every requirement that denies, apart from secrets."""

from __future__ import annotations

from typing import Any

from ci_guard.model.decision import Result, Ruling, Verdict
from ci_guard.reporters import escape, telling
from ci_guard.reporters.gitlab_codequality import FILE
from ci_guard.reporters.gitlab_security import FINDINGS, denying, document, reasons, vulnerability
from ci_guard.reporters.telling import Standing


def render(result: Result) -> str:
    """
    Return the SAST report: every requirement that denies, apart from secrets; an unknown one has severity `Unknown`.

    Shape: ASCII JSON. A run that an error ended is a failed scan, with the error as a message.
    Source: GitLab's security report schemas, SAST.
    """
    denials = (ruling for ruling in denying(result) if ruling.judgement.requirement not in FINDINGS)
    succeeded = result.failure is None and result.decision.verdict is not Verdict.ERROR
    return document(
        result, "sast", (weakness(each, result) for each in denials), succeeded=succeeded, messages=reasons(result)
    )


def weakness(ruling: Ruling, result: Result) -> dict[str, Any]:
    """Return the vulnerability of a requirement that denies; one without a file stands at the policy."""
    judgement = ruling.judgement
    name = f"{judgement.control}/{judgement.requirement}"
    meta = next((meta for meta in result.controls if meta.id == judgement.control), None)
    asked = meta.requirement(judgement.requirement) if meta else None
    title = f"Not proven: {asked.title}" if asked else name
    entry = vulnerability(ruling, title, {"type": "ci_guard_requirement", "value": name}, result)
    if telling.standing(ruling) is not Standing.REFUSED:
        entry["severity"] = "Unknown"
    if "file" not in entry["location"]:
        path = (result.policy.path if result.policy else "") or FILE
        entry["location"] = {"file": escape.visible(path, escape.PATH_LENGTH), "start_line": 1}
    return entry
