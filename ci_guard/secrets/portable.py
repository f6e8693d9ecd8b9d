"""
The second engine, in Python alone, for where hyperscan has no wheel: slower, and it meets the same.

What a match can begin with is a few words. They are searched for all at once, and where one is, what it stands for is
tried there. A test holds the two engines together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from ci_guard.secrets import patterns
from ci_guard.secrets.automaton import Automaton

if TYPE_CHECKING:
    from ci_guard.secrets.engines import Expression

_MOST_SIGNS: Final = 10
"""Bytes of a class that are written out as so many words."""
_MOST_WORDS: Final = 500
"""Words of an expression; where it takes more, a search for the expression itself is quicker."""

Ends = Callable[[bytes, int], Iterable[int]]
"""Returns where the matches end that begin at an offset."""


class Portable:
    """Python's `re` for the words, and for what begins with none."""

    slow = True

    def __init__(self, expressions: Sequence[Expression]) -> None:
        """Prepare to search for expressions."""
        tried: dict[bytes, list[tuple[int, Ends]]] = {}
        self._once: list[tuple[int, re.Pattern[bytes]]] = []
        self._searched: list[tuple[int, re.Pattern[bytes], Ends]] = []
        for number, expression in enumerate(expressions):
            compiled = re.compile(expression.pattern, re.IGNORECASE if expression.ignore_case else 0)
            if expression.once:
                self._once.append((number, compiled))
                continue
            ends, words = _ends(expression, compiled), beginnings(expression)
            if not words:
                self._searched.append((number, compiled, ends))
            for word in words:
                tried.setdefault(word, []).append((number, ends))
        self._words = re.compile(_longest_of(sorted(tried)))
        # At one place only the longest word is met; those that it begins with are there, too.
        self._tried = {
            word: [one for length in range(1, len(word) + 1) for one in tried.get(word[:length], ())] for word in tried
        }

    def scan(self, data: bytes, /) -> list[tuple[int, int]]:
        """See `Engine.scan`."""
        found = {(match.end(), number) for number, sign in self._once if (match := sign.search(data))}
        folded = data.lower()
        for start, word in _places(self._words, folded) if self._tried else ():
            for number, ends in self._tried[word]:
                found.update((end, number) for end in ends(data, start))
        for number, pattern, ends in self._searched:
            for start, _ in _places(pattern, data):
                found.update((end, number) for end in ends(data, start))
        return [(number, end) for end, number in sorted(found)]


def _places(pattern: re.Pattern[bytes], data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each offset at which a match begins, and what is matched there."""
    match = pattern.search(data)
    while match:
        yield match.start(), match[0]
        match = pattern.search(data, match.start() + 1)


def _ends(expression: Expression, compiled: re.Pattern[bytes]) -> Ends:
    tree = patterns.parsed(expression.pattern)
    shortest, longest = tree.getwidth()
    if shortest != longest:
        return Automaton(expression.pattern, ignore_case=expression.ignore_case).ends
    if all(str(operator) == "LITERAL" for operator, _ in tree):
        if expression.ignore_case:
            return lambda _, start: (start + longest,)  # the word says it all
        literal = bytes(value for _, value in tree)
        return lambda data, start: (start + longest,) if data.startswith(literal, start) else ()
    return lambda data, start: (start + longest,) if compiled.match(data, start) else ()


def beginnings(expression: Expression) -> frozenset[bytes]:
    """Return words, in lower case, with one of which every match begins; none where there are too many or too short."""
    words = frozenset(word.lower() for word, _ in _beginnings(patterns.parsed(expression.pattern)))
    words = frozenset(word for word in words if not any(word[:cut] in words for cut in range(len(word))))
    # A single sign is everywhere; one such word is tried quicker than all is searched for the expression.
    return words if b"" not in words and sum(len(word) == 1 for word in words) <= 1 else frozenset()


def _beginnings(tree: Iterable[tuple[Any, Any]]) -> list[tuple[bytes, bool]]:
    """Return what a sequence can begin with, and of each whether that is a match of all of it."""
    found = [(b"", True)]
    for operator, value in tree:
        more = _part(str(operator), value)
        longer = [
            (word + other, whole) for word, ended in found for other, whole in (more if ended else [(b"", False)])
        ]
        if len(longer) > _MOST_WORDS:
            return [(word, False) for word, _ in found]
        found = longer
        if not any(whole for _, whole in found):
            break
    return found


def _part(name: str, value: Any) -> list[tuple[bytes, bool]]:
    if name in ("LITERAL", "IN"):
        signs = patterns.signs_of(name, value, ignore_case=False)
        return [(bytes((sign,)), True) for sign in sorted(signs)] if len(signs) <= _MOST_SIGNS else [(b"", False)]
    if name == "SUBPATTERN":
        return _beginnings(value[-1])
    if name == "BRANCH":
        return [word for branch in value[1] for word in _beginnings(branch)]
    if name == "MAX_REPEAT" and value[:2] == (0, 1):
        return [(b"", True), *_beginnings(value[2])]
    return [(b"", False)]


def _longest_of(words: Sequence[bytes]) -> bytes:
    """Return a pattern that matches the longest of some words, which are sorted; it looks at each byte once."""
    ends = words[:1] == [b""]
    following: dict[int, list[bytes]] = {}
    for word in words[ends:]:
        following.setdefault(word[0], []).append(word[1:])
    if not following:
        return b""
    choices = b"|".join(re.escape(bytes((sign,))) + _longest_of(rest) for sign, rest in following.items())
    return b"(?:%b)%b" % (choices, b"?" if ends else b"") if ends or len(following) > 1 else choices
