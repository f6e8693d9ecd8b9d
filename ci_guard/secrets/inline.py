"""Comments beside a secret that say that it is meant: our own, gitleaks' and detect-secrets'."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from ci_guard import late
from ci_guard.model.scan import SuppressionKind
from ci_guard.records import dataclass
from ci_guard.secrets.excerpt import Excerpt

_OURS: Final = late.pattern(
    rb"\bci-guard:allow(?:[ \t]+([A-Za-z0-9_.-]{1,80}(?:,[A-Za-z0-9_.-]{1,80}){0,20})(?=\s|$))?"
    rb"(?:[ \t]+until=(\S{1,40})(?=\s|$))?([^\r\n]{0,300})"
)
_GITLEAKS: Final = late.pattern(rb"\bgitleaks:allow\b")
# Source: detect_secrets/filters/allowlist.py documents both spellings of the word and of the blank.
_DETECT_SECRETS: Final = late.pattern(rb"\bpragma: ?(?:allow|white)list[ -](nextline[ -])?secret\b", re.IGNORECASE)
_ALONE: Final = late.pattern(rb"[^0-9A-Za-z_]*(?:(?:rem|dnl)\s+)?[^0-9A-Za-z_]*", re.IGNORECASE)
"""What may stand before a comment that speaks of the next line: signs that begin comments, and no code."""
_WORD: Final = late.pattern(rb"[^\W\d_]{3}")
"""What a reason holds at least, in ASCII."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Comment:
    """One such comment. It never shows the file's text, which may hold other secrets."""

    kind: SuppressionKind
    lines: bytes
    """The comment's line to the secret's last one, as they stand in the file, with single line feeds between them."""
    whole: bool
    """Whether `lines` has them to their ends."""
    lines_above: int = 0
    rules: frozenset[str] | None = None
    """What it names; None for every rule, as the other tools' comments mean it."""
    reasoned: bool = True
    until: date | None = None
    bad_end: bool = False

    def objection(self, rule: str, known: frozenset[str], today: date) -> str:
        """Return why the comment does not count for a finding of a rule, as a clause; empty where it does."""
        if self.rules is None:
            return ""
        if not self.rules:
            return "it names no rule (ci-guard:allow RULE reason)"
        if rule not in self.rules:
            named = sorted(self.rules & known)
            return f"it names {', '.join(named)}, and found was {rule}" if named else f"it does not name {rule}"
        if self.bad_end:
            return "its end is no day as YYYY-MM-DD"
        if self.until is not None and today > self.until:
            return f"it ended on {self.until}"
        return "" if self.reasoned else "it gives no reason"


def comments(excerpt: Excerpt) -> list[Comment]:
    """Return the comments that could speak of a secret: on its own lines, or alone on the line before."""
    return [*_beside(excerpt), *_above(excerpt)]


def stood_in(content: bytes, comment: Comment) -> bool:
    """
    Return whether the lines of a comment and its secret stand, one after the other, in a content.

    The comment alone would not do: whoever puts another secret under an old comment leaves its line as it was.
    """
    if not comment.whole or not comment.lines:
        return False
    texts = [content]
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        texts.append(content.decode("utf-16", "replace").encode("utf-8", "replace"))
    wanted = b"\n" + comment.lines.replace(b"\r\n", b"\n") + b"\n"
    return any(wanted in b"\n" + text.replace(b"\r\n", b"\n") + b"\n" for text in texts)


def _beside(excerpt: Excerpt) -> Iterator[Comment]:
    line, stop = excerpt.line, excerpt.start + len(excerpt.secret)
    for found in _OURS.finditer(line):
        # Signs of the secret itself are no comment; what follows the comment may be code again, with the secret in it.
        if not excerpt.start <= found.start() < stop:
            yield _ours(found, line, excerpt.whole, 0, [excerpt.secret])
    for pattern, kind in (
        (_GITLEAKS, SuppressionKind.GITLEAKS_COMMENT),
        (_DETECT_SECRETS, SuppressionKind.DETECT_SECRETS_COMMENT),
    ):
        for found in pattern.finditer(line):
            if not (pattern.groups and found[1]) and not excerpt.start <= found.start() < stop:
                yield Comment(kind=kind, lines=line, whole=excerpt.whole)


def _above(excerpt: Excerpt) -> Iterator[Comment]:
    above = excerpt.above
    lines = above + b"\n" + excerpt.line
    for found in _OURS.finditer(above):
        if _ALONE.fullmatch(above, 0, found.start()):
            yield _ours(found, lines, excerpt.whole, 1, [])
    for found in _DETECT_SECRETS.finditer(above):
        if found[1] and _ALONE.fullmatch(above, 0, found.start()):
            kind = SuppressionKind.DETECT_SECRETS_COMMENT
            yield Comment(kind=kind, lines=lines, whole=excerpt.whole, lines_above=1)


def _ours(found: re.Match[bytes], lines: bytes, whole: bool, above: int, secrets: list[bytes]) -> Comment:
    reason = re.split(rb"\*/|-->|#\}|%>", found[3], maxsplit=1)[0]
    for secret in secrets:
        reason = reason.replace(secret, b"")
    rules = frozenset((found[1] or b"").decode("ascii").split(",")) - {""}
    end = _day(found[2])
    return Comment(
        kind=SuppressionKind.COMMENT,
        lines=lines,
        whole=whole,
        lines_above=above,
        rules=rules,
        reasoned=any(sign >= 0x80 for sign in reason) or bool(_WORD.search(reason)),
        until=end,
        bad_end=found[2] is not None and end is None,
    )


def _day(text: bytes | None) -> date | None:
    try:
        return date.fromisoformat(text.decode("ascii")) if text and len(text) == 10 else None
    except ValueError:
        return None
