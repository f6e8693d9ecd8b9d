"""Searches a content for secrets, plain and encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_guard.secrets.matcher import NOTHING, encoding_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_guard.secrets.matcher import Match, Matcher


def search(matcher: Matcher, data: bytes) -> list[Match]:
    """Return the secrets of a content that is here as a whole, with those that are encoded in it."""
    seen = matcher.look(data)
    if seen is NOTHING and not encoding_of(data):
        return []
    plain = matcher.scan(data, seen)
    if not seen.signs:
        return plain
    from ci_guard.secrets.decode import Decoding

    decoding = Decoding(matcher)
    decoding.whole(data, seen.signs)
    return decoding.added_to(plain)


def search_pieces(matcher: Matcher, pieces: Iterator[bytes]) -> list[Match]:
    """Return the secrets of a content that comes in pieces, with those that are encoded in it."""
    from ci_guard.secrets.decode import Decoding

    decoding = Decoding(matcher)
    return decoding.added_to(matcher.scan_pieces(decoding.passing(pieces)))
