"""
The signs of encoded text, by which a content that has none is known in the one pass that looks for all else.

Source: RFC 4648 4 and 5 (base64, also the variant for URLs), RFC 3986 2.1 (URL-encoding).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

SHORTEST: Final = 24
"""Characters of base64 that are looked at."""

ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_TEXT: Final = (0, 9, 10, 13, *range(0x20, 0x7F))
"""Bytes of ASCII text, and the zero that UTF-16 puts between them."""


def _signs(values: Iterable[int]) -> bytes:
    """Return the signs for some values; `-` and `_` stand for the last two as well."""
    signs = bytes(sorted({ALPHABET[value] for value in values}))
    return signs + (b"-" if b"+" in signs else b"") + (b"_" if b"/" in signs else b"")


# Three bytes are four signs. What is text cannot have all signs in all places: of six groups, chance passes one in
# 250,000, so that names and hashes are left alone.
_PLACES: Final = (
    _signs(one >> 2 for one in _TEXT),
    _signs(low << 4 | high for low in {one & 3 for one in _TEXT} for high in {two >> 4 for two in _TEXT}),
    _signs(low << 2 | high for low in {two & 15 for two in _TEXT} for high in {three >> 6 for three in _TEXT}),
    _signs(three & 63 for three in _TEXT),
)
"""What can stand at the four places of a group that is text."""
FIRST, *_OTHERS = (b"[" + re.escape(signs) + b"]" for signs in _PLACES)
"""What the first sign of a group can be."""
GROUP: Final = FIRST + b"".join(_OTHERS)
"""Four signs that are three bytes of text."""

BASE64: Final = b"(?:%b){%d}" % (GROUP, SHORTEST // 4)
"""Base64 of ASCII text."""
PERCENT: Final = rb"%[2-7][0-9A-Fa-f]"
"""A character of ASCII text in URL-encoding."""
ESCAPE: Final = rb"\\(?:x|u00)[2-7][0-9A-Fa-f]"
"""A character of ASCII text as an escape of a string literal."""
SIGNS: Final = (BASE64, PERCENT, ESCAPE)
"""Patterns of which a content with encoded text has one; the helper tells them by their bits."""
SETS: Final = tuple(
    frozenset(sign for bit, sign in enumerate(SIGNS) if bits >> bit & 1) for bits in range(1 << len(SIGNS))
)
"""The sets of them, by the sum of their bits."""


def groups() -> bytes:
    """Return, as the helper takes it, which bytes can stand at the four places of a group of base64 that is text."""
    return b"".join(bytes(byte in signs for byte in range(256)) for signs in map(frozenset, _PLACES))
