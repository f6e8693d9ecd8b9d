"""Rules that users write, in whichever file, as the scanner takes them."""

from __future__ import annotations

from collections.abc import Sequence

from ci_guard.model.judgement import Severity
from ci_guard.secrets import regexes
from ci_guard.secrets.rule import Rule


def rule_of(
    *,
    id: str,  # noqa: A002 - as `Rule` calls it
    title: str,
    pattern: regexes.Pattern,
    entropy: float = 0.0,
    severity: Severity = Severity.HIGH,
    keywords: Sequence[str] = (),
    ignore_case: bool = False,
    documentation: str = "",
    remedy: str = "",
) -> Rule:
    """
    Return a rule of the user's own.

    Raises: `ValueError`, with a clause, where nothing literal can be searched for.
    """
    words = pattern.literals or tuple(keywords)
    if not words:
        raise ValueError(
            f"every match must hold a literal of at least {regexes.SHORTEST_KEYWORD} signs, which is searched for first"
        )
    return Rule(
        id=id,
        title=" ".join(title.split())[:120],
        severity=severity,
        keywords=tuple(dict.fromkeys(word[:40] for word in words)),
        pattern=pattern.text,
        documentation=documentation,
        before=pattern.before if pattern.literals else pattern.width,
        reach=pattern.width,
        ignore_case=ignore_case or pattern.ignore_case,
        boundary=False,
        entropy=entropy,
        remedy=remedy or "Revoke it where it was issued, and issue a new one.",
    )
