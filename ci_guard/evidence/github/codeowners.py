"""CODEOWNERS as GitHub reads it: which line owns a path."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ci_guard.evidence.globbing import fits_all
from ci_guard.records import dataclass

PLACES: Final = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks, in its order; the first that exists counts. Source: "About code owners", file location."""

SIZE_LIMIT_BYTES: Final = 3 * 1024 * 1024
"""A larger file is not loaded at all. Source: "About code owners", CODEOWNERS file size."""

MANY: Final = "**"
"""Any number of folders, none included."""

_OWNER: Final = re.compile(
    r"@[A-Za-z0-9](?:[A-Za-z0-9_-]*)(?:/[A-Za-z0-9_.-]+)?|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}"
)
_PATTERN: Final = re.compile(r"((?:\\.|[^\\\s#])+)(?!\S)(.*)")
"""The pattern up to the first space that is not escaped; a `#` right behind it is no comment and no pattern either."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One line: a pattern and who owns what it matches; no owners make the path unowned."""

    line: int
    """1-based."""
    pattern: str
    """As written."""
    segments: tuple[str, ...]
    """The pattern in parts that each match one part of a path, or `MANY`."""
    owners: tuple[str, ...]
    """`@user`, `@organisation/team` or an e-mail address."""


def parse(content: bytes) -> tuple[Rule, ...]:
    """
    Return the rules of a file in its order; a file over the limit has none.

    A line with invalid syntax is skipped, as GitHub does: `!`, `[ ]`, an escaped leading `#`, `***`, something that is
    no owner. Source: "About code owners", CODEOWNERS syntax and syntax exceptions.
    """
    if len(content) > SIZE_LIMIT_BYTES:
        return ()
    lines = content.decode("utf-8-sig", "replace").split("\n")
    return tuple(rule for number, line in enumerate(lines, 1) if (rule := _parse_line(number, line)) is not None)


def owners_of(rules: Sequence[Rule], path: str) -> tuple[str, ...]:
    """Return the owners of a path: those of the last line that matches it, none where it is unowned."""
    parts = tuple(path.split("/"))
    for rule in reversed(rules):
        if fits_all(rule.segments, parts, MANY, _fits_segment):
            return rule.owners
    return ()


def _parse_line(number: int, line: str) -> Rule | None:
    found = _PATTERN.match(line.strip())
    if found is None:
        return None
    pattern, rest = found.group(1), found.group(2)
    owners = rest.partition("#")[0].split()
    if not _is_valid(pattern) or not all(_OWNER.fullmatch(owner) for owner in owners):
        return None
    return Rule(line=number, pattern=pattern, segments=_split(pattern), owners=tuple(owners))


def _is_valid(pattern: str) -> bool:
    if not pattern.strip("/") or pattern.startswith(("!", "\\#")):
        return False
    return not any(mark in pattern for mark in ("[", "]", "***"))


def _split(pattern: str) -> tuple[str, ...]:
    """
    Return a pattern in parts.

    A name without a slash counts at any depth. A last part that is more than `*` also takes in what lies below it,
    so `docs/*` means the files of that folder only, and `/docs` and `docs/` the whole folder.
    """
    anchored = pattern.startswith("/")
    folder = pattern.endswith("/")
    parts = [part for part in pattern.strip("/").split("/") if part]
    if not anchored and len(parts) == 1 and parts != [MANY]:
        parts.insert(0, MANY)
    if folder or (parts[-1] == MANY and len(parts) > 1):
        # Something inside the folder, at any depth: the folder's own name is no file.
        parts = [*(parts[:-1] if parts[-1] == MANY else parts), "*", MANY]
    elif parts[-1] not in ("*", MANY):
        parts.append(MANY)
    return tuple(parts)


def _fits_segment(pattern: str, name: str) -> bool:
    if "*" not in pattern and "?" not in pattern and "\\" not in pattern:
        return pattern == name
    return fits_all(_glob(pattern), name, "*", lambda glob, char: glob == "?" or glob[-1] == char)


def _glob(pattern: str) -> list[str]:
    """Return the parts of a glob: `*`, `?`, and every plain or quoted character behind a backslash."""
    tokens: list[str] = []
    quoted = False
    for char in pattern:
        if quoted or char not in "*?\\":
            tokens.append("\\" + char)
            quoted = False
        elif char == "\\":
            quoted = True
        else:
            tokens.append(char)
    return tokens
