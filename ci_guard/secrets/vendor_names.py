"""
Which vendors a text names.

`vendor_words.txt` has the words by which they are named, in order; `scripts/generate.py` makes it of the table of
vendors, as reading all of that takes a while.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import accumulate
from typing import Final

from ci_guard import beside, late
from ci_guard.rows import NamedTuple

FILE: Final = "vendor_words.txt"
_KEY: Final = 3
"""Characters of the shortest word."""
_SHORT: Final = 5
"""Letters up to which the first part of a word ends others: `lob` in `blob`, `coder` in `decoder`."""
_SEPARATORS: Final = "_-. "
"""Of which one may stand between two parts of a word."""
_WITHOUT: Final = str.maketrans("", "", _SEPARATORS)
_BEGINS: Final = late.pattern(r"(?<![0-9A-Za-z])[0-9A-Za-z]|(?<=[a-z])[A-Z]")
"""Where a word begins, also within a name in camel case."""
_ROLE: Final = late.pattern(
    r"[_. -]?(?:api|app|access|auth|client|secret|private|account|project|personal|service|rest|live|oauth|consumer"
    r"|admin|bot|user|prod|test|master|key|token|pat|signing|server|licen[sc]e|pass|webhook)"
)
"""How a name goes on whose first part is a word of its own, such as `float` or `front`."""


class Word(NamedTuple):
    """A word by which a vendor is named."""

    letters: str
    """Without what may stand between its parts."""
    text: str
    """As the table has it."""
    row: int
    short: bool
    """Whether other words end like its first part, so that it has to begin where a word does."""


@cache
def lines() -> list[str]:
    """Return the lines of the file: letters, text and row of each word."""
    return beside.read(__file__, FILE).decode().splitlines()


@lru_cache(maxsize=4096)
def beginning(letters: str) -> list[Word]:
    """Return the words that begin with some letters, in the order of their rows."""
    words, found = lines(), []
    first = bisect_left(words, letters)
    while first < len(words) and words[first].startswith(letters):
        word, written, row = words[first].split(" ")
        found.append(Word(word, written, int(row), len(written.rstrip("+").partition("_")[0]) <= _SHORT))
        first += 1
    return sorted(found, key=lambda word: word.row)


def named(written: str, *, apart: bool = False) -> Iterator[tuple[int, list[int]]]:
    """Yield where a name of vendors ends in a text, if need be one where a word begins, and the rows that have it."""
    text = written.lower()
    places = [place for place, sign in enumerate(text) if sign not in _SEPARATORS]
    letters = text.translate(_WITHOUT)
    firsts = (
        (bisect_left(places, found.start()) for found in _BEGINS.finditer(written)) if apart else range(len(letters))
    )
    for first in firsts:
        head = letters[first : first + _KEY]
        candidates = beginning(head) if len(head) == _KEY else ()
        if not candidates:
            continue
        place = places[first]
        here: dict[int, dict[int, bool]] = {}
        """By where the name ends: the rows that have it, and whether it is a common word there."""
        for word in candidates:
            if letters.startswith(word.letters, first) and _is_written(word, places, first):
                if word.short and not _BEGINS.match(written, place):
                    continue  # `blob_key` is none of Lob
                rows = here.setdefault(places[first + len(word.letters) - 1] + 1, {})
                rows[word.row] = word.text.endswith("+") or rows.get(word.row, False)
        for end, rows in here.items():
            goes_on = _BEGINS.match(written, place) and _ROLE.match(text, end)
            told = [row for row, common in rows.items() if goes_on or not common]
            if told:
                yield end, told


def _is_written(word: Word, places: Sequence[int], first: int) -> bool:
    """Return whether separators stand only between the parts of a word, one at most between two."""
    last = first + len(word.letters) - 1
    if places[last] - places[first] == last - first:
        return True
    gaps = Counter(accumulate(map(len, word.text.split("_"))))
    return all(places[at + 1] - places[at] <= 1 + gaps[at - first + 1] for at in range(first, last))
