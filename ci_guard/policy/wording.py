"""How errors about a policy speak: what was seen, harmless and short, and what was perhaps meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ci_guard.errors import PolicyError, unrevealing
from ci_guard.policy.place import Place

LONGEST_QUOTE: Final = 60
"""Characters of a text that an error repeats: enough to find it, too few to flood a log."""


def refusal(place: Place, what: str, *, saw: str = "", expected: str = "", hint: str = "") -> PolicyError:
    """Return the error `PLACE: what; saw X, expected Y`."""
    seen = ", ".join(part for part in (saw and f"saw {saw}", expected and f"expected {expected}") if part)
    return PolicyError(f"{place}: {what}" + (f"; {seen}" if seen else ""), hint=hint)


def harmless(text: str, longest: int = LONGEST_QUOTE) -> str:
    """Return a stranger's text, unrevealing, with control and invisible characters escaped, cut to `longest`."""
    whole = unrevealing(text)
    shown = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in whole[:longest])
    return shown if len(whole) <= longest else f"{shown}… ({len(text)} characters)"


def quoted(text: str) -> str:
    """Return a stranger's text, harmless and in quotes."""
    return f"'{harmless(text)}'"


def seen(value: object) -> str:
    """Return what a node holds, in the words of the file."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case Mapping():
            return "a map"
        case tuple():
            return "a list" if value else "an empty list"
        case _:
            return harmless(str(value))


def listed(words: Iterable[str], conjunction: str = "or") -> str:
    """Return `a, b or c`."""
    *rest, last = words
    return f"{', '.join(rest)} {conjunction} {last}" if rest else last


def perhaps(word: object, known: Iterable[str]) -> str:
    """Return a hint that names the known word closest to `word`, or all of them."""
    words = list(known)
    if isinstance(word, str) and len(word) <= LONGEST_QUOTE:
        import difflib

        close = difflib.get_close_matches(word.lower().replace("_", "-"), words, n=1)
        if close:
            return f"Perhaps you meant {close[0]}."
    return f"It can be {listed(words)}."
