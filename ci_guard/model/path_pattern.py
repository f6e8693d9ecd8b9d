"""Paths with wildcards, matched in a time that no pattern can stretch."""

from __future__ import annotations

import re
from typing import Final

WILDCARDS: Final = re.compile(r"(\*+)")


def fits(pattern: str, path: str) -> bool:
    """
    Tell whether a path fits a pattern in which `*` stops at `/` and `**` does not.

    Both may be strangers' text, so that all ways are followed at once, a bit for each place in the pattern (Baeza-Yates
    and Gonnet, "A New Approach to Text Searching").
    """
    tokens = [sign for part in WILDCARDS.split(pattern) for sign in ([part[:2]] if part[:1] == "*" else part)]
    places: dict[str, int] = {}
    for at, token in enumerate(tokens):
        places[token] = places.get(token, 0) | 1 << at
    many, some = places.pop("**", 0), places.pop("*", 0)
    ways = 1
    for sign in path:
        ways |= (ways & (many | some)) << 1
        ways = (ways & places.get(sign, 0)) << 1 | ways & many | (ways & some if sign != "/" else 0)
    ways |= (ways & (many | some)) << 1
    return bool(ways >> len(tokens) & 1)
