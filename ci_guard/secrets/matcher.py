"""Finds secrets in bytes: one pass for the keywords of all rules, then pattern and checks of those that were met."""

from __future__ import annotations

import codecs
import hashlib
import os
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from ci_guard.errors import ScanFault
from ci_guard.model.judgement import Severity
from ci_guard.model.scan import Confidence
from ci_guard.secrets.excerpt import Excerpt
from ci_guard.secrets.formats import CHECKS
from ci_guard.secrets.rule import Rule

PIECE: Final = 1 << 21
"""Bytes that are looked at together. A larger content comes in pieces, which bounds memory whatever it holds."""
OVERLAP: Final = 1 << 15
"""Bytes at the end of a piece that are left to the next one; more than any match extends to."""
_CONTEXT: Final = 2_048
"""Bytes ahead of the first new one that a piece repeats, for what stands on the same line and on the one before."""
_LONGEST_CHARACTER: Final = 4
"""Bytes of a character in UTF-8."""
_LINE_CONTEXT: Final = 200
"""Bytes of the line on either side of a secret that its fingerprint is made of."""

_SAMPLE: Final = 1024
"""Bytes at the beginning of a content that tell its encoding."""

BY_NAME: Final = frozenset(("generic-assignment", "generic-address"))
"""Checks of the rules for which a value is a secret by its name."""

_WORD: Final = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_ESCAPE_BEFORE: Final = re.compile(rb"(?:\\[nrtbf]|\\u00[0-9A-Fa-f]{2}|%[0-9A-Fa-f]{2})\Z")

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Match(NamedTuple):
    """A confirmed secret; its excerpt alone holds it, for suppressions to look at."""

    rule: Rule
    severity: Severity
    confidence: Confidence
    detail: str
    preview: str
    line: int
    end_line: int
    column: int
    """1-based like the lines; characters, where the text is UTF-8, UTF-16 or UTF-32, else bytes."""
    context: bytes
    """SHA-256 of the line with every secret masked."""
    identity: bytes
    """Equal for equal secrets within this process; keyed with a random number, so it says nothing outside."""
    excerpt: Excerpt


@dataclass(frozen=True, kw_only=True)
class _Span:
    """Where a secret stands in the bytes at hand."""

    rule: Rule
    start: int
    end: int
    severity: Severity
    confidence: Confidence
    detail: str


class Matcher:
    """All rules, ready to search."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """
        Start to compile the keywords, beside the caller's first reads.

        That takes some 50 ms, so nothing is cached: there is no file that could be tampered with.
        """
        self._key = os.urandom(16)
        self._triggers = [trigger for rule in rules for trigger in _triggers(rule)]
        self._engine: Any = None
        self._fault: ScanFault | None = None
        self._compiler = threading.Thread(target=self._compile)
        self._compiler.start()

    def _compile(self) -> None:
        try:
            import hyperscan
        except ImportError:
            hint = "install ci-guard with its locked packages"
            self._fault = ScanFault("the matching engine hyperscan cannot be loaded", hint=hint)
            return
        engine = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        try:
            engine.compile(
                expressions=[trigger.expression for trigger in self._triggers],
                ids=list(range(len(self._triggers))),
                flags=[hyperscan.HS_FLAG_CASELESS if trigger.rule.ignore_case else 0 for trigger in self._triggers],
            )
            engine.scratch = hyperscan.Scratch(engine)
        except hyperscan.HyperscanError as error:
            self._fault = ScanFault(f"the matching engine refuses the rules: {error}")
            return
        self._engine = engine

    def ready(self) -> None:
        """
        Wait until the engine can search, as must be before the process is forked.

        Raises: `ScanFault` when it is missing or refuses the rules.
        """
        self._compiled()

    def _compiled(self) -> Any:
        """
        Return the engine when it is ready.

        Raises: `ScanFault` when it is missing or refuses the rules.
        """
        self._compiler.join()
        if self._engine is None:
            raise self._fault or ScanFault("the matching engine did not start")
        return self._engine

    def scan(self, data: bytes) -> list[Match]:
        """Return the secrets of a content that is here as a whole."""
        found = _Flow(self).feed(data, last=True)
        encoding = _encoding(data)
        if encoding:
            # What claims to be UTF-16 was searched as it is, too: two bytes at its beginning must not hide plain text.
            found += _Flow(self).feed(data.decode(encoding, "replace").encode("utf-8", "replace"), last=True)
        return found

    def scan_pieces(self, pieces: Iterator[bytes]) -> list[Match]:
        """Return the secrets of a content that comes in pieces of any size."""
        piece = next(pieces, b"")
        plain, decoded = _Flow(self), _Flow(self)
        encoding = _encoding(piece)
        decoder = codecs.getincrementaldecoder(encoding)("replace") if encoding else None
        found: list[Match] = []
        while piece:
            following = next(pieces, b"")
            last = not following
            found += plain.feed(piece, last=last)
            if decoder:
                found += decoded.feed(decoder.decode(piece, last).encode("utf-8", "replace"), last=last)
            piece = following
        return found

    def spans(self, data: bytes) -> list[_Span]:
        """Return the secrets in some bytes, in order and without overlaps."""
        events: list[tuple[int, int]] = []

        def note(trigger: int, _start: int, end: int, _flags: int, _context: object) -> None:
            events.append((trigger, end))

        (self._engine or self._compiled()).scan(data, match_event_handler=note)
        if not events:
            return []
        found: list[_Span] = []
        tried: dict[int, int] = {}
        for number, end in events:
            trigger = self._triggers[number]
            rule, begin = trigger.rule, end - trigger.length
            # No place is tried twice for a trigger, so the work stays in proportion to the content.
            for start in range(max(begin - rule.before, tried.get(number, 0)), begin + 1):
                tried[number] = start + 1
                match = rule.regex.match(data, start, start + rule.reach)
                span = _confirm(rule, data, match) if match else None
                if span:
                    found.append(span)
                    tried[number] = span.end
                    break
        return _without_overlaps(found)

    def identity(self, secret: bytes) -> bytes:
        """Return what `Match.identity` holds for a secret."""
        return hashlib.blake2b(secret, key=self._key, digest_size=16).digest()


class _Trigger(NamedTuple):
    """Something to search for, of a fixed length."""

    rule: Rule
    expression: bytes
    length: int


def _triggers(rule: Rule) -> Iterator[_Trigger]:
    if rule.anchor:
        yield _Trigger(rule, rule.anchor.encode("ascii"), rule.anchor_length)
    else:
        for word in rule.keywords:
            yield _Trigger(rule, re.escape(word.encode("ascii")), len(word))


class _Place(NamedTuple):
    """Where a byte stands: its line, and how many characters of that line precede it."""

    line: int
    before: int


_BEGINNING: Final = _Place(1, 0)


@dataclass
class _Flow:
    """A content on its way through the matcher, with what is kept of earlier pieces."""

    matcher: Matcher
    kept: bytes = b""
    low: int = 0
    """Where in `kept` the part begins that was not looked at yet."""
    place: _Place = _BEGINNING
    """Of the first byte of `kept`."""

    def feed(self, piece: bytes, *, last: bool) -> list[Match]:
        data = self.kept + piece if self.kept else piece
        if not last and len(data) < 2 * OVERLAP:
            self.kept = data
            return []
        high = len(data) if last else len(data) - OVERLAP
        spans = self.matcher.spans(data)
        found = list(self._located(data, spans, high)) if spans else []
        if not last:
            cut = high - _CONTEXT
            while cut > high - _CONTEXT - _LONGEST_CHARACTER and data[cut] & 0xC0 == 0x80:
                cut -= 1  # within a character of UTF-8, which is to be counted once
            self.place = _moved(self.place, data, 0, cut)
            self.kept, self.low = data[cut:], high - cut
        return found

    def _located(self, data: bytes, spans: list[_Span], high: int) -> Iterator[Match]:
        """Yield what begins in `data[self.low:high]`; what is outside of that was or will be found in another piece."""
        place, offset = self.place, 0
        for number, span in enumerate(spans):
            if not self.low <= span.start < high:
                continue
            place, offset = _moved(place, data, offset, span.start), span.start
            secret = data[span.start : span.end]
            yield Match(
                rule=span.rule,
                severity=span.severity,
                confidence=span.confidence,
                detail=span.detail,
                preview=f"{span.rule.public_prefix(secret)}…",
                line=place.line,
                end_line=place.line + secret.count(b"\n"),
                column=place.before + 1,
                context=_masked(data, spans, number),
                identity=self.matcher.identity(secret),
                excerpt=Excerpt(data, span.start, span.end),
            )


def _moved(place: _Place, data: bytes, start: int, stop: int) -> _Place:
    """Return the place of `data[stop]`, given that of `data[start]`."""
    feed = data.rfind(b"\n", start, stop)
    characters = len(data[max(start, feed + 1) : stop].decode("utf-8-sig", "surrogateescape"))
    if feed < 0:
        return _Place(place.line, place.before + characters)
    return _Place(place.line + data.count(b"\n", start, stop), characters)


def _confirm(rule: Rule, data: bytes, match: re.Match[bytes]) -> _Span | None:
    """Return the secret that a pattern matched, unless the checks say that it is none."""
    start, end = match.span("secret" if "secret" in rule.regex.groupindex else 0)
    if rule.check in BY_NAME:
        from ci_guard.secrets import generic  # its patterns take 10 ms to compile, which most runs on few files save

        verdict = generic.judge(str(rule.check), data, start)
        return _Span(rule=rule, **verdict._asdict()) if verdict else None
    if rule.boundary and (_continues_word(data, start) or (end < len(data) and data[end] in _WORD)):
        return None
    verdict = CHECKS[rule.check](rule, data, match, start, end)
    if verdict is None:
        return None
    if rule.documented and hashlib.sha256(data[verdict.start : verdict.end]).hexdigest() in rule.documented:
        return None
    return _Span(rule=rule, **verdict._asdict())


def _continues_word(data: bytes, start: int) -> bool:
    """Return whether a word goes on across an offset; the end of a written-out line feed or of `%3D` is none of it."""
    return start > 0 and data[start - 1] in _WORD and not _ESCAPE_BEFORE.search(data, max(0, start - 6), start)


def _without_overlaps(spans: list[_Span]) -> list[_Span]:
    """
    Return spans in order; of two that overlap, the first, then the longer, then the surer, then the worse one.

    What only its name makes a secret gives way to what has a format of its own. A rule of the user's own takes no other
    rule's place: a change could bring one that begins earlier and holds for no path.
    """
    kept: list[_Span] = []
    own: dict[str, _Span] = {}
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
        elif before.rule.check in BY_NAME and span.rule.check not in BY_NAME:
            kept[kept.index(before)] = span
    return sorted(kept, key=lambda span: span.start)


def _rank(span: _Span) -> tuple[int, int, str]:
    return span.confidence.rank, span.severity.rank, span.rule.id


def _masked(data: bytes, spans: list[_Span], number: int) -> bytes:
    """Return the SHA-256 of the line around a secret, with that secret and every other on it left out."""
    this = spans[number]
    nearest = max(0, this.start - _LINE_CONTEXT)
    begin = max(data.rfind(b"\n", nearest, this.start) + 1, nearest)
    stop = data.find(b"\n", this.end, this.end + _LINE_CONTEXT)
    stop = stop if stop >= 0 else min(len(data), this.end + _LINE_CONTEXT)
    first = number
    while first > 0 and spans[first - 1].end > begin:
        first -= 1
    digest = hashlib.sha256()
    position = begin
    while first < len(spans) and spans[first].start < stop:
        digest.update(data[position : max(position, spans[first].start)])
        digest.update(b"\0this\0" if first == number else b"\0other\0")
        position = spans[first].end
        first += 1
    digest.update(data[position : max(position, stop)].rstrip(b"\r"))
    return digest.digest()


def _encoding(data: bytes) -> str | None:
    """Return the codec of a text in units of two or four bytes, told by its byte order mark, else by its zeros."""
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return codec
    sample = data[:_SAMPLE]
    if b"\0" not in sample:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > len(sample) // 4 and even * 8 < odd:
        return "utf-16-le"
    if even > len(sample) // 4 and odd * 8 < even:
        return "utf-16-be"
    return None
