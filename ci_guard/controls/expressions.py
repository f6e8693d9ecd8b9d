"""What an `if` of a workflow lets happen after the guard denied, judged by its form; what is not understood denies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Final

REGARDLESS: Final = frozenset({"always()", "!cancelled()"})
"""Conditions under which the guard runs whatever became of the jobs that it needs."""
HARMLESS: Final = REGARDLESS | {"", "true", "success()"}
"""Conditions under which it runs whenever its run does and nothing before it has failed."""

DEEPEST: Final = 50
"""Brackets in brackets; nobody writes that many."""

LONGEST: Final = 4000
"""Signs of a condition that are looked at."""

_TEXT: Final = re.compile(r"'(?:[^']|'')*'")
_STATUS: Final = re.compile(r"(?<![\w.-])(always|cancelled|failure)\s*\(", re.IGNORECASE)
_SUCCESS: Final = re.compile(r"(?<![\w.-])success\s*\(\s*\)", re.IGNORECASE)
_VERDICT: Final = re.compile(r"\.\s*(?:outputs|result)\b", re.IGNORECASE)
_TEST: Final = re.compile(
    r"(?:needs\.(?P<job>[A-Za-z_][\w-]*)\.outputs\.verdict\s*==\s*'allow'"
    r"|'allow'\s*==\s*needs\.(?P<turned>[A-Za-z_][\w-]*)\.outputs\.verdict"
    r"|needs\.(?P<passed>[A-Za-z_][\w-]*)\.result\s*==\s*'success')",
    re.IGNORECASE,
)


def bare(condition: str) -> str | None:
    """
    Return a condition without `${{ }}`, None where GitHub would read it as a text, which is always true.

    Source: "Contexts and expression syntax"; a line break behind the brackets is enough to make a text of it.
    """
    if "${{" not in condition:
        return condition.strip()
    if condition.startswith("${{") and condition.endswith("}}") and condition.count("${{") == 1:
        return condition[3:-2].strip()
    return None


def is_harmless(condition: str) -> bool:
    """Tell whether a guard with this condition runs whenever its run does and nothing before it has failed."""
    return _is_one_of(condition, HARMLESS)


def is_regardless(condition: str) -> bool:
    """Tell whether it runs whatever became of what goes before it."""
    return _is_one_of(condition, REGARDLESS)


def _is_one_of(condition: str, known: AbstractSet[str]) -> bool:
    found = bare(condition)
    return found is not None and "".join(found.split()).lower() in known


def runs_anyway(condition: str) -> str:
    """
    Return by which function a job would run although what it needs has failed; empty where there is none.

    Only where no such function stands, `success()` is asked for besides: one in an alternative takes that away. Source:
    "Expressions", "Status check functions".
    """
    found = bare(condition)
    if found is None:
        return "a text that is always true"
    said = _TEXT.sub("''", found)
    if status := _STATUS.search(said):
        return f"{status[1].lower()}()"
    return "an alternative to success()" if _SUCCESS.search(said) and not guarantees(condition, ()) else ""


def tests_verdict(condition: str, guards: AbstractSet[str]) -> bool:
    """Tell whether a condition looks at the outputs or the result of one of these jobs."""
    found = _TEXT.sub("''", condition).lower()
    return any(f"needs.{name.lower()}." in found for name in guards) and _VERDICT.search(found) is not None


def guarantees(condition: str, guards: Iterable[str]) -> bool:
    """Tell whether a condition is false unless one of these jobs has said `allow`, or all that is needed succeeded."""
    found = bare(condition)
    return found is not None and len(found) <= LONGEST and _holds(found, frozenset(name.lower() for name in guards), 0)


def _holds(expression: str, guards: AbstractSet[str], depth: int) -> bool:
    """Every alternative has to ask for it, and of a conjunction one part is enough. What is not understood does not."""
    if depth > DEEPEST:
        return False
    inner = expression.strip()
    if (alternatives := split(inner, "||")) is None:
        return False
    if len(alternatives) > 1:
        return all(_holds(one, guards, depth + 1) for one in alternatives)
    parts = split(inner, "&&") or []
    if len(parts) > 1:
        return any(_holds(one, guards, depth + 1) for one in parts)
    if inner.startswith("(") and inner.endswith(")"):
        return _holds(inner[1:-1], guards, depth + 1)
    if _SUCCESS.fullmatch(inner):
        return True
    found = _TEST.fullmatch(inner)
    return found is not None and (found["job"] or found["turned"] or found["passed"]).lower() in guards


def split(expression: str, operator: str) -> list[str] | None:
    """Return the parts between an operator outside of brackets and texts; None where brackets or quotes do not end."""
    parts, start, depth = [], 0, 0
    for place, sign in _signs(expression):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(sign, 0)
        if depth < 0 or sign == "'":
            return None
        if depth == 0 and expression.startswith(operator, place) and place >= start:
            parts.append(expression[start:place])
            start = place + len(operator)
    return None if depth else [*parts, expression[start:]]


def _signs(expression: str) -> Iterator[tuple[int, str]]:
    """Yield the signs outside of texts with their places; a quote only where its text does not end."""
    place = 0
    while place < len(expression):
        text = _TEXT.match(expression, place)
        if text:
            place = text.end()
        else:
            yield place, expression[place]
            place += 1
