"""Where secrets stand in some bytes: what the rules make of the places that were met, each byte counted once."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Final

from ci_guard import beside, hashing, late
from ci_guard.rows import NamedTuple
from ci_guard.secrets.formats import CHECKS
from ci_guard.secrets.triggers import BY_NAME, VENDOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ci_guard.model.judgement import Severity
    from ci_guard.model.scan import Confidence
    from ci_guard.secrets.checks import Verdict
    from ci_guard.secrets.rule import Rule
    from ci_guard.secrets.triggers import Trigger

_LINE_CONTEXT: Final = 200
"""Bytes of the line on either side of a secret that its fingerprint is made of."""
_WORD: Final = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_ESCAPE_BEFORE: Final = late.pattern(rb"(?:\\[nrtbf]|\\u00[0-9A-Fa-f]{2}|%[0-9A-Fa-f]{2})\Z")


class Span(NamedTuple):
    """Where a secret stands in the bytes at hand."""

    rule: Rule
    start: int
    end: int
    severity: Severity
    confidence: Confidence
    detail: str


def confirmed(
    data: bytes, met: Iterable[tuple[int, int]], triggers: Mapping[int, Trigger] | Sequence[Trigger]
) -> list[Span]:
    """Return the secrets where triggers were met, told by number and end, in order and without overlaps."""
    found: list[Span] = []
    tried: dict[int, int] = {}
    for number, end in met:
        rule, _, length, by_name = triggers[number]
        begin = end - length
        low = begin - rule.before
        if number in tried and tried[number] > low:
            # No place is tried twice for a trigger, so the work stays in proportion to the content.
            low = tried[number]
            if low > begin:
                continue
        span = _named(rule, data, low, begin) if by_name else _formed(rule, data, low, begin)
        if span:
            found.append(span)
        tried[number] = span.end if span else begin + 1
    found = [span for span in found if not _is_printed(data, span)]
    return without_overlaps(found) if found else found


def _named(rule: Rule, data: bytes, low: int, high: int) -> Span | None:
    """Return the first secret that begins at an offset of `low` to `high`, and whose name makes it one."""
    if rule.check == VENDOR:
        vendor = _find()(data, low, high)
        return Span(vendor[0], *vendor[1]) if vendor else None
    judge = _judge()
    for start in range(low, high + 1):
        verdict = judge(rule.check, data, start)
        if verdict:
            return Span(rule, *verdict)
    return None


def _formed(rule: Rule, data: bytes, low: int, high: int) -> Span | None:
    """Return the first secret that begins at an offset of `low` to `high`, and has the form of a rule."""
    match, reach = rule.regex.match, rule.reach
    for start in range(low, high + 1):
        matched = match(data, start, start + reach)
        span = _matched(rule, data, matched) if matched else None
        if span:
            return span
    return None


def _is_printed(data: bytes, span: Span) -> bool:
    """Return whether a standard or a manual prints a secret as an example; rules of the user's own know better."""
    return not span.rule.own and hashing.sha256(data[span.start : span.end]) in _printed()


@cache
def _printed() -> frozenset[str]:
    """
    Return the SHA-256 of values that standards and manuals print as examples, whatever rule finds them.

    They are copied into tests and manuals everywhere, and open nothing. `printed.json` has them by where they stand.
    """
    printed: dict[str, list[str]] = json.loads(beside.read(__file__, "printed.json"))
    return frozenset(digest for digests in printed.values() for digest in digests)


@cache
def _judge() -> Callable[[str, bytes, int], Verdict | None]:
    """Return what judges by names, which few contents need, and which takes its time to load."""
    from ci_guard.secrets.generic import judge

    return judge


@cache
def _find() -> Callable[[bytes, int, int], tuple[Rule, Verdict] | None]:
    """Return what judges by the names of vendors."""
    from ci_guard.secrets.vendors import find

    return find


def _matched(rule: Rule, data: bytes, match: re.Match[bytes]) -> Span | None:
    """Return the secret that a pattern matched, unless the checks say that it is none."""
    start, end = match.span("secret" if "secret" in rule.regex.groupindex else 0)
    if rule.boundary and (_continues_word(data, start) or (end < len(data) and data[end] in _WORD)):
        return None
    verdict = CHECKS[rule.check](rule, data, match, start, end)
    if verdict is None:
        return None
    if rule.documented and hashing.sha256(data[verdict.start : verdict.end]) in rule.documented:
        return None
    return Span(rule, *verdict)


def _continues_word(data: bytes, start: int) -> bool:
    """Return whether a word goes on across an offset; the end of a written-out line feed or of `%3D` is none of it."""
    return start > 0 and data[start - 1] in _WORD and not _ESCAPE_BEFORE.search(data, max(0, start - 6), start)


def without_overlaps(spans: list[Span]) -> list[Span]:
    """
    Return spans in order; of two that overlap, the first, then the longer, then the surer, then the worse one.

    What only its name makes a secret gives way to what a vendor's name makes one, and both to a format. A rule of the
    user's own takes no other rule's place: a change could bring one that begins earlier and holds for no path.
    """
    kept: list[Span] = []
    own: dict[str, Span] = {}
    for span in sorted(spans, key=lambda span: (span.start, -span.end, *_rank(span))):
        if span.rule.own:
            last = own.get(span.rule.id)
            if last is None or span.start >= last.end:
                own[span.rule.id] = span
                kept.append(span)
            continue
        before = next((each for each in reversed(kept) if not each.rule.own), None)
        if before is None or span.start >= before.end:
            kept.append(span)
        elif _standing(span.rule) > _standing(before.rule):
            kept[kept.index(before)] = span
    return sorted(kept, key=lambda span: span.start)


def _standing(rule: Rule) -> int:
    """Return how much says that a secret is of this rule's kind: its name, that of a vendor, or a format."""
    return 1 if rule.check == VENDOR else 0 if rule.check in BY_NAME else 2


def _rank(span: Span) -> tuple[int, int, str]:
    return span.confidence.rank, span.severity.rank, span.rule.id


def masked(data: bytes, spans: list[Span], number: int) -> bytes:
    """Return the SHA-256 of the line around a secret, with that secret and every other on it left out."""
    this = spans[number]
    nearest = max(0, this.start - _LINE_CONTEXT)
    begin = max(data.rfind(b"\n", nearest, this.start) + 1, nearest)
    stop = data.find(b"\n", this.end, this.end + _LINE_CONTEXT)
    stop = stop if stop >= 0 else min(len(data), this.end + _LINE_CONTEXT)
    first = number
    while first > 0 and spans[first - 1].end > begin:
        first -= 1
    digest = hashing.digest("sha256", stop - begin)
    position = begin
    while first < len(spans) and spans[first].start < stop:
        digest.update(data[position : max(position, spans[first].start)])
        digest.update(b"\0this\0" if first == number else b"\0other\0")
        position = spans[first].end
        first += 1
    digest.update(data[position : max(position, stop)].rstrip(b"\r"))
    return digest.digest()
