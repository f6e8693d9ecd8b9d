"""Finds secrets in bytes: one pass for the keywords of all rules, then pattern and checks of those that were met."""

from __future__ import annotations

import codecs
import os
from functools import cached_property
from typing import TYPE_CHECKING, Final

from ci_guard import hashing
from ci_guard.git import helper
from ci_guard.rows import NamedTuple
from ci_guard.secrets.engines import Opening
from ci_guard.secrets.signs import SETS, SIGNS, groups
from ci_guard.secrets.triggers import ByNumber, Searched

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ci_guard.model.judgement import Severity
    from ci_guard.model.scan import Confidence
    from ci_guard.secrets.excerpt import Excerpt
    from ci_guard.secrets.rule import Rule
    from ci_guard.secrets.spans import Span
    from ci_guard.secrets.triggers import Trigger

PIECE: Final = 1 << 21
"""Bytes that are looked at together. A larger content comes in pieces, which bounds memory whatever it holds."""
OVERLAP: Final = 1 << 15
"""Bytes at the end of a piece that are left to the next one; more than any match extends to."""
_CONTEXT: Final = 2_048
"""Bytes ahead of the first new one that a piece repeats, for what stands on the same line and on the one before."""
_LONGEST_CHARACTER: Final = 4
"""Bytes of a character in UTF-8."""
_SAMPLE: Final = 1024
"""Bytes at the beginning of a content that tell its encoding."""

_MARKS: Final = {  # those of UTF-32 first, of which one begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_ANY_MARK: Final = tuple(_MARKS)


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


class Seen(NamedTuple):
    """What one pass over some bytes told."""

    met: list[tuple[int, int]]
    """Numbers of triggers, and the offsets behind them."""
    signs: frozenset[bytes]
    """Which of `SIGNS` are there."""


NOTHING: Final = Seen([], frozenset())
"""What most contents have."""


class Matcher:
    """All rules, ready to search."""

    def __init__(self, rules: Iterable[Rule], own: Iterable[Rule] = ()) -> None:
        """
        Open the engine; where its database does not ship, that goes on beside the caller's first reads.

        The user's own rules have one of their own, so that the one for the scanner's stays what ships.
        """
        self._key = os.urandom(16)
        self._openings: list[tuple[Opening, int]] = []
        self._helper = helper.native
        """What tells the signs of encoded text; for an engine they are half of its work."""
        self._signs = () if self._helper else SIGNS
        self._groups = groups() if self._helper else b""
        self._searched: list[Searched] = []
        for side in filter(None, (rules, own)):
            searched = Searched(side, self._signs)
            offset = sum(map(len, self._searched))
            self._openings.append((Opening(searched.expressions, searched.sources), offset))
            self._searched.append(searched)
        self._met = ByNumber(self._searched)

    def ready(self) -> None:
        """
        Wait until the engine can search, as must be before the process is forked.

        Raises: `ScanFault` when it refuses the rules.
        """
        from ci_guard.secrets import spans  # noqa: F401 - loaded once, rather than in each copy of the process

        for opening, _ in self._openings:
            opening.engine()

    @property
    def slow(self) -> bool:
        """Whether the engine is the one for where there is no other."""
        return any(opening.engine().slow for opening, _ in self._openings)

    def look(self, data: bytes) -> Seen:
        """
        Return what some bytes have, in one pass.

        Raises: `ScanFault` when the engine refuses the rules.
        """
        if self._helper:
            met, signs = self.met(data), self.signs(data)
            return Seen(met, signs) if met or signs else NOTHING
        met, found, first = [], set(), len(self._signs)
        for opening, offset in self._openings:
            for number, end in opening.engine().scan(data):
                if number < first:
                    found.add(SIGNS[number])
                else:
                    met.append((number - first + offset, end))
        return Seen(met, frozenset(found)) if met or found else NOTHING

    def signs(self, data: bytes) -> frozenset[bytes]:
        """Return which of `SIGNS` some bytes have; without the helper this takes as long as `look`."""
        return SETS[self._helper.signs(data, self._groups)] if self._helper else self.look(data).signs

    def met(self, data: bytes) -> list[tuple[int, int]]:
        """
        Return numbers of the triggers that some bytes have, and the offsets behind them.

        Raises: as `look`.
        """
        if not self._helper:
            return self.look(data).met
        met: list[tuple[int, int]] = []
        for opening, offset in self._openings:
            found = opening.engine().scan(data)
            met += [(number + offset, end) for number, end in found] if offset else found
        return met

    def scan(self, data: bytes, seen: Seen | None = None) -> list[Match]:
        """Return the secrets of a content that is here as a whole; `seen` is what `look` said of it."""
        spans = self.spans(data, seen)
        found = list(_Flow(self).located(data, spans, len(data))) if spans else []
        encoding = encoding_of(data)
        if encoding:
            # What claims to be UTF-16 was searched as it is, too: two bytes at its beginning must not hide plain text.
            found += _Flow(self).feed(data.decode(encoding, "replace").encode("utf-8", "replace"), last=True)
        return found

    def scan_pieces(self, pieces: Iterator[bytes]) -> list[Match]:
        """Return the secrets of a content that comes in pieces of any size."""
        piece = next(pieces, b"")
        plain, decoded = _Flow(self), _Flow(self)
        encoding = encoding_of(piece)
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

    def spans(self, data: bytes, seen: Seen | None = None) -> list[Span]:
        """Return the secrets in some bytes, in order and without overlaps."""
        met = seen.met if seen else self.met(data)
        if not met:
            return []
        from ci_guard.secrets.spans import confirmed  # with all checks, which a scan that meets nothing need not load

        return confirmed(data, met, self._met)

    @cached_property
    def triggers(self) -> Sequence[Trigger]:
        """What is searched for, by number."""
        return [trigger for searched in self._searched for trigger in searched.triggers]

    def identity(self, secret: bytes) -> bytes:
        """Return what `Match.identity` holds for a secret."""
        return hashing.keyed(self._key, secret)


class _Place(NamedTuple):
    """Where a byte stands: its line, and how many characters of that line precede it."""

    line: int
    before: int


_BEGINNING: Final = _Place(1, 0)


class _Flow:
    """A content on its way through the matcher, with what is kept of earlier pieces."""

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher
        self.kept = b""
        self.low = 0
        """Where in `kept` the part begins that was not looked at yet."""
        self.place = _BEGINNING
        """Of the first byte of `kept`."""

    def feed(self, piece: bytes, *, last: bool) -> list[Match]:
        data = self.kept + piece if self.kept else piece
        if not last and len(data) < 2 * OVERLAP:
            self.kept = data
            return []
        high = len(data) if last else len(data) - OVERLAP
        spans = self.matcher.spans(data)
        found = list(self.located(data, spans, high)) if spans else []
        if not last:
            cut = high - _CONTEXT
            while cut > high - _CONTEXT - _LONGEST_CHARACTER and data[cut] & 0xC0 == 0x80:
                cut -= 1  # within a character of UTF-8, which is to be counted once
            self.place = _moved(self.place, data, 0, cut)
            self.kept, self.low = data[cut:], high - cut
        return found

    def located(self, data: bytes, spans: list[Span], high: int) -> Iterator[Match]:
        """Yield what begins in `data[self.low:high]`; what is outside of that was or will be found in another piece."""
        from ci_guard.secrets.excerpt import Excerpt
        from ci_guard.secrets.spans import masked

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
                context=masked(data, spans, number),
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


def encoding_of(data: bytes) -> str | None:
    """Return the codec of a text in units of two or four bytes, told by its byte order mark, else by its zeros."""
    if data.startswith(_ANY_MARK):
        return next(codec for mark, codec in _MARKS.items() if data.startswith(mark))
    if data.find(b"\0", 0, _SAMPLE) < 0:
        return None
    sample = data[:_SAMPLE]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > len(sample) // 4 and even * 8 < odd:
        return "utf-16-le"
    if even > len(sample) // 4 and odd * 8 < even:
        return "utf-16-be"
    return None
