"""`.gitleaksignore`: fingerprints of gitleaks, `commit:file:rule:line` or `file:rule:line`, one a line."""

from __future__ import annotations

import re
from typing import Final

from ci_guard.model.scan import SecretFinding, SuppressionKind
from ci_guard.secrets.excerpt import Excerpt
from ci_guard.secrets.suppression_files.context import Context
from ci_guard.secrets.suppression_files.gitleaks_rules import ours
from ci_guard.secrets.suppressions import Book, Covers, Suppression

MOST: Final = 100_000
"""Lines that are read."""
_ENTRY: Final = re.compile(
    r"(?:(?P<commit>[0-9a-f]{40}|[0-9a-f]{64}):)?(?P<file>.+):(?P<rule>[^:]+):(?P<line>[0-9]{1,9})"
)


def read(content: bytes, file: str, book: Book, context: Context) -> None:
    """
    Add the entries of the file to a book; a line that is no fingerprint is told.

    Source: gitleaks' README, ".gitleaksignore" (lines that begin with `#` are comments).
    """
    lines = content.decode("utf-8", "surrogateescape").splitlines()
    strange = []
    for number, line in enumerate(lines[:MOST], 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        found = _ENTRY.fullmatch(text)
        if found is None:
            strange.append(number)
            continue
        book.suppressions.append(
            Suppression(
                kind=SuppressionKind.GITLEAKS_IGNORE,
                place=f"{file}:{number}",
                path=found["file"].removeprefix("./"),
                # A rule that is none of ours is told apart by its line alone.
                rules=ours(found["rule"], context.known_rules) or None,
                covers=_covers(found["commit"], found["file"], int(found["line"]), context),
                reason="listed for gitleaks",
            )
        )
    if strange:
        more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
        book.remarks.append(f"{file}:{strange[0]}{more} is no fingerprint (commit:file:rule:line) and covers nothing.")
    if len(lines) > MOST:
        book.remarks.append(f"{file} has more than the {MOST} lines that are read.")


def _covers(commit: str | None, path: str, line: int, context: Context) -> Covers:
    """
    Return whether a finding stands on the line; with a commit, on that line as the commit had it.

    A secret that is still in the tree may have moved since, so what is compared is the secret itself.
    """

    def covers(finding: SecretFinding, excerpt: Excerpt | None) -> bool:
        where = finding.location
        if commit is None or where.commit == commit:
            return where.line == line
        if excerpt is None:
            return False
        then = context.line_at(commit, path, line)
        return then is not None and excerpt.secret.splitlines()[0] in then

    return covers
