"""
Finds what is encoded in a content: base64, URL-encoding and the escapes of string literals, also in each other.

All decoded texts of a content are searched at once, as one buffer; a finding stands where the encoded text begins.
Source: RFC 4648 4 and 5 (base64, also the variant for URLs), RFC 2045 6.8 (lines of 76 characters), RFC 3986 2.1.
"""

from __future__ import annotations

import binascii
import re
from bisect import bisect
from collections.abc import Container, Iterable, Iterator
from typing import Final

from ci_guard import late
from ci_guard.rows import NamedTuple
from ci_guard.secrets.matcher import Match, Matcher
from ci_guard.secrets.signs import ALPHABET, BASE64, ESCAPE, FIRST, GROUP, PERCENT, SHORTEST, SIGNS
from ci_guard.secrets.triggers import BY_NAME

DEPTH: Final = 2
"""Encodings in each other."""
_GROUPS: Final = late.pattern(b"(?:%b){%d,}" % (GROUP, SHORTEST // 4))
_CAN_BE_FIRST: Final = re.sub(b"[^A]", b" ", re.sub(FIRST, b"A", bytes(range(256))))
_LANE: Final = b"A" * (SHORTEST // 4)
_VAIN_TRIES: Final = 1000

_LINE: Final = late.pattern(rb"[A-Za-z0-9+/_-]*={0,2}")
_FOLLOWING: Final = late.pattern(
    rb"(?:(?:\\n|\r?\n[ \t]*)[A-Za-z0-9+/_-]{16,}={0,2})*(?:(?:\\n|\r?\n[ \t]*)[A-Za-z0-9+/_-]{1,15}={1,2})?"
)
_BREAKS: Final = b" \t\n\v\f\r="
_FOR_URLS: Final = bytes.maketrans(b"-_", b"+/")
_GROUPS_BEFORE: Final = 64
"""How far ahead of the first text its base64 is decoded: over some letters that are not ASCII."""
_IN_ALPHABET: Final = frozenset(ALPHABET + b"-_")

_PERCENT: Final = late.pattern(PERCENT)
_PERCENT_ANY: Final = late.pattern(rb"%([0-9A-Fa-f]{2})")
_ESCAPE: Final = late.pattern(ESCAPE)
_ESCAPE_ANY: Final = late.pattern(rb"\\(?:x|u00)([0-9A-Fa-f]{2})")
_TOKEN: Final = late.pattern(rb"[^\s\"'<>`]{0,8192}")
_ENDS_TOKEN: Final = (b" ", b"\n", b"\t", b'"', b"'", b"<", b">", b"`")
_FURTHEST: Final = 1024
"""Bytes ahead of its first encoded sign that a token may begin."""

_MOST_WORDS: Final = 4096

_BETWEEN: Final = b"\n\x01\n"
_TAIL: Final = 4096
_LONGEST_TAIL: Final = 1 << 16


class Encoded(NamedTuple):
    """An encoded text."""

    start: int
    end: int
    how: str
    text: bytes
    """Decoded."""


class Decoding:
    """A content on its way through the decoders, in pieces."""

    def __init__(self, matcher: Matcher) -> None:
        """Search decoded texts with a matcher."""
        self._matcher = matcher
        self._found: list[Match] = []
        self._kept = b""
        self._line, self._column = 1, 1
        """Of the first byte of what is kept."""

    def passing(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Pass the pieces of a content on, and look at each."""
        for piece in pieces:
            self._feed(piece, last=False)
            yield piece
        self._feed(b"", last=True)

    def whole(self, data: bytes, signs: Container[bytes] = SIGNS) -> None:
        """Look at a content that is here as a whole, and has no signs of encoding but these."""
        parts = encoded(data, signs)
        if parts:
            self._search(data, parts)

    def added_to(self, plain: list[Match]) -> list[Match]:
        """
        Return what was found in plain and encoded, nothing twice.

        What an encoded text holds says more than the name that it is given to, and less than a format of the text.
        """
        decoded = self._beside([match for match in plain if match.rule.check not in BY_NAME])
        places = {(match.line, match.column) for match in decoded}
        kept = [m for m in plain if m.rule.check not in BY_NAME or (m.line, m.column) not in places]
        return kept + decoded

    def _beside(self, plain: list[Match]) -> list[Match]:
        known = {(match.rule.id, match.identity) for match in plain}
        places = {(match.line, match.column) for match in plain}
        found: dict[tuple[str, bytes, int, int], Match] = {}
        for match in self._found:
            if (match.rule.id, match.identity) not in known and (match.line, match.column) not in places:
                found.setdefault((match.rule.id, match.identity, match.line, match.column), match)
        return list(found.values())

    def _feed(self, piece: bytes, *, last: bool) -> None:
        data = self._kept + piece if self._kept else piece
        parts = encoded(data)
        keep = len(data)
        if not last:
            keep = max(parts[-1].end if parts else 0, len(data) - _TAIL)
            if parts and parts[-1].end == len(data) and len(data) - parts[-1].start < _LONGEST_TAIL:
                keep = parts.pop().start  # it may go on
        if parts:
            self._search(data, parts)
        if not last:
            self._line, self._column = self._position(data, keep)
            self._kept = data[keep:]

    def _search(self, data: bytes, parts: list[Encoded]) -> None:
        for part, match in searched(self._matcher, parts):
            self._found.append(self._placed(match, data, part.start, part.how))

    def _placed(self, match: Match, data: bytes, start: int, how: str) -> Match:
        line, column = self._position(data, start)
        return match._replace(line=line, end_line=line, column=column, detail=f"{match.detail}, decoded from {how}")

    def _position(self, data: bytes, offset: int) -> tuple[int, int]:
        """Return line and column of `data[offset]`; columns are characters of UTF-8."""
        feed = data.rfind(b"\n", 0, offset)
        characters = len(data[feed + 1 : offset].decode("utf-8-sig", "surrogateescape"))
        if feed < 0:
            return self._line, self._column + characters
        return self._line + data.count(b"\n", 0, offset), 1 + characters


def searched(matcher: Matcher, parts: list[Encoded]) -> Iterator[tuple[Encoded, Match]]:
    """Yield what is found in decoded texts and in what is encoded in these, with the outer text and its encoding."""
    origins = parts
    for depth in range(1, DEPTH + 1):
        if not parts:
            return
        buffer = b"".join(part.text + _BETWEEN for part in parts)
        offsets, lines, offset, line = [], [], 0, 1
        for part in parts:
            offsets.append(offset)
            lines.append(line)
            offset += len(part.text) + len(_BETWEEN)
            line += part.text.count(b"\n") + _BETWEEN.count(b"\n")
        seen = matcher.look(buffer)
        found = [(bisect(lines, match.line) - 1, match) for match in matcher.scan(buffer, seen)]
        if found:
            # One that goes on in another text is none, and hides what is in that. What a check looks at beside a match
            # may be another text, too, so each text in which something was found is searched alone.
            crossing = any(bisect(lines, match.end_line) - 1 != number for number, match in found)
            alone = range(len(parts)) if crossing else sorted({number for number, _ in found})
            found = [(number, match) for number in alone for match in matcher.scan(parts[number].text + _BETWEEN)]
        for number, match in found:
            yield origins[number], match
        if depth < DEPTH:
            parts = encoded(buffer, seen.signs)
            above = [origins[bisect(offsets, part.start) - 1] for part in parts]
            origins = [
                outer._replace(how=f"{part.how} in {outer.how}") for part, outer in zip(parts, above, strict=True)
            ]


def encoded(data: bytes, signs: Container[bytes] = SIGNS) -> list[Encoded]:
    """
    Return the encoded texts of a content by where they begin; no byte is decoded more than a few times.

    `signs` are those of `SIGNS` that the content may have.
    """
    parts: list[Encoded] = []
    if BASE64 in signs:
        parts += _base64(data)
    if PERCENT in signs:
        parts += _tokens(data, "URL-encoding", _PERCENT, _PERCENT_ANY)
    if ESCAPE in signs:
        parts += _tokens(data, "escapes", _ESCAPE, _ESCAPE_ANY)
    return sorted(parts) if parts else parts


def _base64(data: bytes) -> Iterator[Encoded]:
    if len(data) < SHORTEST:
        return
    through = 0
    seen = [0, 0, 0, 0]
    """Up to where the text of each lane was decoded."""
    for text in sorted(_text_in_base64(data)):
        start, lane = text, text % 4
        if start < max(through, seen[lane]):
            continue
        for _ in range(_GROUPS_BEFORE):
            if start < seen[lane] + 4 or not _IN_ALPHABET.issuperset(data[start - 4 : start]):
                break
            start -= 4
        line = _LINE.match(data, start)
        end = seen[lane] = line.end() if line else start
        following = _FOLLOWING.match(data, end) if (end - start) % 4 == 0 else None
        if following and following.end() > end:
            end = through = following.end()
        yield Encoded(start, end, "base64", _decoded(data[start:end]))


def _text_in_base64(data: bytes) -> Iterator[int]:
    """
    Yield where six or more groups stand that are text.

    The first signs of groups are four characters from each other, so those of six groups are neighbours in one of four
    lanes, where a plain search finds them ten times as fast as the pattern would.
    """
    can_be_first = data.translate(_CAN_BE_FIRST)
    tries = _VAIN_TRIES + len(data) // 256
    found = []
    for phase in range(4):
        lane = can_be_first[phase::4]
        at = lane.find(_LANE)
        while at >= 0:
            groups = _GROUPS.match(data, 4 * at + phase)
            if groups:
                found.append(groups.start())
                at = (groups.end() - phase) // 4
            else:
                tries -= 1
                at += 1
                if not tries:  # as somebody might want it: made to be slow here
                    return (match.start() for match in _GROUPS.finditer(data))
            at = lane.find(_LANE, at)
    return iter(found)


def _decoded(text: bytes) -> bytes:
    text = text.replace(rb"\n", b"").translate(_FOR_URLS, _BREAKS)
    text = text[: len(text) - (len(text) % 4 == 1)]
    content = binascii.a2b_base64(text + b"=" * (-len(text) % 4))
    # UTF-16, as PowerShell takes its commands
    return content.replace(b"\0", b"") if content.count(b"\0") * 3 > len(content) else content


def _tokens(data: bytes, how: str, sign: re.Pattern[bytes], any_sign: re.Pattern[bytes]) -> Iterator[Encoded]:
    """Yield the words that have an encoded sign; where there are very many, the rest is one."""
    done = 0
    words = 0
    for found in sign.finditer(data):
        if found.start() < done:
            continue
        words += 1
        if words > _MOST_WORDS:
            yield Encoded(found.start(), len(data), how, any_sign.sub(_sign, data[found.start() :]))
            return
        nearest = max(done, found.start() - _FURTHEST)
        start = max(nearest, *(data.rfind(end, nearest, found.start()) + 1 for end in _ENDS_TOKEN))
        word = _TOKEN.match(data, found.start())
        done = word.end() if word else found.end()
        yield Encoded(start, done, how, any_sign.sub(_sign, data[start:done]))


def _sign(found: re.Match[bytes]) -> bytes:
    return bytes((int(found[1], 16),))
