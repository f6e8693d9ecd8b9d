"""`.ci-guard-secrets-baseline.json`: fingerprints of findings that were there when ci-guard came, one a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from ci_guard.errors import PolicyError, unrevealing
from ci_guard.model.scan import SecretFinding, SuppressionKind
from ci_guard.secrets.suppression_files.context import LONGEST_REASON, Context, json_of, shown
from ci_guard.secrets.suppressions import Book, Suppression

KEYS: Final = frozenset({"fingerprint", "rule", "path", "reason", "until"})
NEEDS: Final = frozenset({"fingerprint", "rule", "path", "reason"})
_FINGERPRINT: Final = re.compile("[0-9a-f]{64}")
_DAY: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read(content: bytes, file: str, book: Book, context: Context) -> None:
    """
    Add the entries of the file to a book.

    Raises: `PolicyError` for anything that is not such a file; an entry of a rule that there is no more is told.
    """
    try:
        root = json_of(content)
    except ValueError as error:
        raise _refusal(file, str(error)) from None
    if not isinstance(root, dict) or set(root) != {"version", "findings"} or root["version"] != 1:
        raise _refusal(file, 'expected {"version": 1, "findings": […]} and no other key')
    if not isinstance(root["findings"], list):
        raise _refusal(file, "findings must be a list")
    for number, raw in enumerate(root["findings"], 1):
        place = f"{file}, finding {number}"
        entry = _entry(raw, place)
        if entry.rules and entry.rules.isdisjoint(context.known_rules | {own.rule.id for own in book.rules}):
            book.remarks.append(f"{place} is of the rule {shown(raw['rule'])}, which there is not, and covers nothing.")
        book.suppressions.append(entry)


def _entry(raw: Any, place: str) -> Suppression:
    if not isinstance(raw, dict):
        raise _refusal(place, "expected a map")
    if strange := sorted(set(raw) - KEYS):
        raise _refusal(place, f"an unknown key, {shown(strange[0])}")
    if missing := sorted(NEEDS - set(raw)):
        raise _refusal(place, f"it has no {missing[0]}")
    if bad := next((key for key in sorted(raw) if not isinstance(raw[key], str) or not raw[key].strip()), None):
        raise _refusal(place, f"{bad} must be text")
    if not _FINGERPRINT.fullmatch(raw["fingerprint"]):
        raise _refusal(place, "fingerprint must be 64 digits of lower-case hex")
    return Suppression(
        kind=SuppressionKind.BASELINE,
        place=place,
        fingerprint=raw["fingerprint"],
        path=raw["path"],
        rules=frozenset({raw["rule"]}),
        reason=unrevealing(raw["reason"].strip())[:LONGEST_REASON],
        until=_day(raw["until"], place) if "until" in raw else None,
    )


def _day(text: str, place: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # a day that no calendar has
    raise _refusal(place, "until must be a day as YYYY-MM-DD")


def _refusal(place: str, why: str) -> PolicyError:
    hint = "Move it away: `ci-guard scan --init-baseline` writes one anew."
    return PolicyError(f"{place} was refused: {why}.", hint=hint)


def render(findings: Iterable[tuple[SecretFinding, str, str, date | None]]) -> str:
    """Return the file for findings with their paths from the root, their reasons and ends; one entry a line."""
    entries = [
        {
            "fingerprint": finding.fingerprint,
            "rule": finding.rule,
            "path": path,
            "reason": reason,
            **({"until": until.isoformat()} if until else {}),
        }
        for finding, path, reason, until in findings
    ]
    lines = ",\n".join(f"  {json.dumps(entry)}" for entry in entries)
    return '{"version": 1, "findings": [\n' + (lines + "\n" if lines else "") + "]}\n"
