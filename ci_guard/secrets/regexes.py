"""Rules that users write: whether `re` stays fast on any text, and which literal text every match holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from ci_guard.rows import NamedTuple

try:
    from re import _constants as constants  # type: ignore[attr-defined]
    from re import _parser as parser  # type: ignore[attr-defined]
except ImportError:  # Python 3.10
    import sre_constants as constants
    import sre_parse as parser

LONGEST: Final = 2_000
"""Characters of a pattern."""
WIDEST: Final = 2_000
"""Bytes that a match may extend to; a token of more is cut by what looks for it."""
SHORTEST_KEYWORD: Final = 3
"""Characters of a literal that is searched for; a shorter one is met everywhere."""
MOST_WAYS: Final = 20_000
"""Ways in which neighbouring repetitions can share a text between them, which bounds what `re` can try at one place."""


class Pattern(NamedTuple):
    """What is known of a pattern that was accepted."""

    text: str
    """As `re` reads it."""
    literals: tuple[str, ...]
    """Literals of which every match holds one; empty where there is none that is long enough."""
    width: int
    """Bytes that a match has at most, no more than `WIDEST`."""
    before: int
    """Bytes that a match may have ahead of the literal."""
    ignore_case: bool


def check(text: str) -> Pattern:
    """
    Return what is known of a pattern over bytes.

    Raises: `ValueError`, with a clause, for one that `re` does not understand, that could keep it busy, or that matches
    a text of no length.
    """
    if len(text) > LONGEST:
        raise ValueError(f"it has {len(text)} characters, more than the {LONGEST} that are read")
    if not text.isascii():
        raise ValueError("it holds signs that are not ASCII; contents are matched as bytes, so write \\xNN")
    try:
        compiled = re.compile(text.encode("ascii"))
        tree = parser.parse(text.encode("ascii"))
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"it is not understood: {error}") from None
    _look(list(tree), repeated=None)
    _share(tree)
    low, high = tree.getwidth()
    if low == 0:
        raise ValueError("it matches a text of no length, and so everything")
    literals, before = _literals(tree)
    width = min(int(high), WIDEST)
    return Pattern(text, tuple(sorted(literals)), width, min(before, width), bool(compiled.flags & re.IGNORECASE))


def _look(tree: Any, *, repeated: frozenset[int] | None) -> None:
    """
    Refuse what takes `re` more than a time in proportion to the text: references, and repetitions of what varies.

    `repeated` are the signs that the rest of a repeated group can hold; None outside of one.
    """
    for operator, value in tree:
        if operator in (constants.GROUPREF, constants.GROUPREF_EXISTS):
            raise ValueError("it refers back to a group, which no bound holds")
        if operator in (constants.ASSERT, constants.ASSERT_NOT):
            raise ValueError("it looks ahead or behind; write what stands there, with the secret as the group `secret`")
        rest = [part for part in tree if part is not None and part != (operator, value)]
        around = None if repeated is None else repeated | _signs(rest)
        if operator in _REPEATS:
            low, high, inner = value
            many = high is constants.MAXREPEAT or int(high) > 1
            if around is not None and low != high and (many or _signs(inner) & around):
                raise ValueError("it repeats a repetition, which can keep a machine busy for hours")
            _look(inner, repeated=(around or frozenset()) if many else around)
        elif operator is constants.BRANCH:
            if around is not None and not _distinct(value[1]):
                raise ValueError("it repeats alternatives that begin alike, which can keep a machine busy for hours")
            for branch in value[1]:
                _look(branch, repeated=around)
        else:
            for part in _parts(operator, value):
                _look(part, repeated=around)


def _share(tree: Any) -> None:
    """
    Refuse repetitions and alternatives that can take each other's text in more ways than can be tried.

    In one sequence, each repetition whose signs an earlier one can take multiplies the ways; a sign that none of them
    takes holds them apart, and leaves what is ambiguous among them.
    """
    settled, ways, widest, signs = 1, 1, 1, frozenset[int]()
    for operator, value in _flat(tree):
        if operator in _REPEATS:
            low, high, inner = value
            mine = _signs(inner)
            span = (WIDEST if high is constants.MAXREPEAT else min(int(high), WIDEST)) - int(low) + 1
            ways = ways * span if mine & signs else ways if span == 1 else max(ways, span)
            widest = max(widest, span)
            signs |= mine if span > 1 else frozenset()
        elif operator is constants.BRANCH:
            settled *= 1 if _distinct(value[1]) else len(value[1])
        elif not _signs([(operator, value)]) & signs:
            settled *= max(1, ways // widest)
            ways, widest, signs = 1, 1, frozenset()
        if settled * ways > MOST_WAYS:
            raise ValueError("its parts can share the same text in too many ways; bound its repetitions")


def _distinct(branches: Sequence[Any]) -> bool:
    """Return whether the first sign of a text tells which of some alternatives it is."""
    taken: set[int] = set()
    for branch in branches:
        first = _first(branch)
        if not first or not taken.isdisjoint(first):
            return False
        taken |= first
    return True


def _first(tree: Any) -> frozenset[int]:
    """Return the signs that a sequence can begin with; none where it can be empty or begins in a way too intricate."""
    for operator, value in tree:
        if operator is constants.SUBPATTERN:
            return _first(value[-1])
        if operator in (constants.LITERAL, constants.IN):
            return _signs([(operator, value)])
        if operator in _REPEATS and value[0] > 0:
            return _first(value[2])
        return frozenset()
    return frozenset()


def _flat(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the parts of a sequence, with groups opened; alternatives follow one another, which is too careful."""
    for operator, value in tree:
        if operator is constants.SUBPATTERN:
            yield from _flat(value[-1])
        elif operator is constants.BRANCH:
            yield operator, value
            for branch in value[1]:
                yield from _flat(branch)
        else:
            yield operator, value


_REPEATS: Final = tuple(
    operator
    for name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
    if (operator := getattr(constants, name, None)) is not None
)
_ALL: Final = frozenset(range(256))


def _signs(tree: Any) -> frozenset[int]:
    """Return the bytes that a pattern can hold anywhere, rather too many than too few."""
    found: set[int] = set()
    for operator, value in tree:
        if operator is constants.LITERAL:
            found.update({value, *(ord(sign) for sign in (chr(value).lower(), chr(value).upper()) if ord(sign) < 256)})
        elif operator is constants.IN:
            found |= _members(value)
        elif operator in _REPEATS:
            found |= _signs(value[2])
        elif operator is constants.SUBPATTERN:
            found |= _signs(value[-1])
        elif operator is constants.BRANCH:
            for branch in value[1]:
                found |= _signs(branch)
        elif operator is not constants.AT:
            return _ALL
    return frozenset(found)


def _members(members: Iterable[tuple[Any, Any]]) -> frozenset[int]:
    """Return the bytes of a class, told by `re` itself."""
    parts = list(members)
    if any(operator is constants.CATEGORY for operator, _ in parts) or parts[0][0] is constants.NEGATE:
        negated = parts[0][0] is constants.NEGATE
        found: set[int] = set()
        for operator, value in parts:
            if operator is constants.CATEGORY:
                word = _CATEGORIES.get(str(value))
                found |= {byte for byte in range(256) if word and re.match(word, bytes([byte]))}
            elif operator is not constants.NEGATE:
                found |= _plain(operator, value)
        return _ALL - frozenset(found) if negated else frozenset(found)
    return frozenset().union(*(_plain(operator, value) for operator, value in parts))


def _plain(operator: Any, value: Any) -> frozenset[int]:
    codes = range(value[0], value[1] + 1) if operator is constants.RANGE else (value,)
    return frozenset(
        ord(sign)
        for code in codes
        for sign in (chr(code), chr(code).lower(), chr(code).upper())
        if len(sign) == 1 and ord(sign) < 256
    )


_CATEGORIES: Final = {
    "CATEGORY_DIGIT": rb"\d",
    "CATEGORY_NOT_DIGIT": rb"\D",
    "CATEGORY_SPACE": rb"\s",
    "CATEGORY_NOT_SPACE": rb"\S",
    "CATEGORY_WORD": rb"\w",
    "CATEGORY_NOT_WORD": rb"\W",
}


def _parts(operator: Any, value: Any) -> Sequence[Any]:
    if operator is constants.SUBPATTERN:
        return (value[-1],)
    if operator is constants.BRANCH:
        return tuple(value[1])
    if str(operator) == "ATOMIC_GROUP":
        return (value,)
    return ()


def _literals(tree: Any) -> tuple[frozenset[str], int]:
    """Return the literals of which every match of a sequence holds one, and how many bytes a match may have before."""
    best: tuple[frozenset[str], int] = (frozenset(), 0)
    run, before, position = "", 0, 0

    def consider(words: frozenset[str], ahead: int) -> None:
        nonlocal best
        shortest = min(map(len, words), default=0)
        if shortest >= SHORTEST_KEYWORD and shortest > min(map(len, best[0]), default=0):
            best = (words, ahead)

    for operator, value in tree:
        if operator is constants.LITERAL and 32 < value < 127:
            before = before if run else position
            run += chr(value)
            position += 1
            continue
        consider(frozenset({run}) if run else frozenset(), before)
        run = ""
        if operator is constants.SUBPATTERN:
            words, ahead = _literals(value[-1])
            consider(words, position + ahead)
        elif operator in _REPEATS and value[0] > 0:
            words, ahead = _literals(value[2])
            consider(words, position + ahead)
        elif operator is constants.BRANCH:
            each = [_literals(branch) for branch in value[1]]
            if all(words for words, _ in each):
                consider(frozenset().union(*(words for words, _ in each)), position + max(ahead for _, ahead in each))
        position += _width((operator, value))
    consider(frozenset({run}) if run else frozenset(), before)
    return best


def _width(part: tuple[Any, Any]) -> int:
    """Return how many bytes one part of a pattern has at most."""
    state = parser.State()
    whole = parser.SubPattern(state, [part])
    return min(int(whole.getwidth()[1]), WIDEST)
