"""Says whether a pattern of a rule is safe to run on any text: bounded, and without the means to backtrack for long."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from ci_guard.secrets.patterns import NO_WIDTH, REPEATS, UNBOUNDED, parsed, parts, signs_of

MOST_STEPS: Final = 100_000
"""Ways to divide a text between repetitions that overlap, of which a pattern that fails tries every one."""


class Shape(NamedTuple):
    """What is known of a pattern without running it."""

    shortest: int
    longest: int
    """Bytes that a match has at least and at most."""
    secret_shortest: int
    secret_longest: int
    """Bytes that the group `secret` has at least and at most, or the match where there is none."""
    first: frozenset[int]
    """Bytes that a match may begin with."""


class _Item(NamedTuple):
    """A part of a pattern: which bytes it takes, and how many."""

    signs: frozenset[int]
    low: int
    high: int
    ways: int
    """In how many lengths it can be taken."""


def shape_of(pattern: str, *, ignore_case: bool = False) -> Shape:
    """
    Return the shape of a pattern, as `re` reads it over bytes.

    Raises: `ValueError` with one clause that says what is wrong with it.
    """
    try:
        compiled = re.compile(pattern.encode("ascii"), re.IGNORECASE if ignore_case else 0)
        tree = parsed(pattern.encode("ascii"))
    except UnicodeEncodeError:
        raise ValueError("it holds a character beyond ASCII; write its bytes as \\xNN") from None
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"it is no regular expression: {error}") from None
    _refuse_unbounded(tree, repeated=False)
    items = list(_items(tree, ignore_case=ignore_case))
    steps = max((_steps(items, number) for number in range(len(items))), default=1)
    if steps > MOST_STEPS:
        raise ValueError(
            f"repetitions that take the same characters follow each other, which makes {steps:,} ways to try; "
            f"at most {MOST_STEPS:,} are allowed: lower their upper bounds, or put between them what none takes"
        )
    shortest, longest = tree.getwidth()
    secret = _group(tree, compiled.groupindex["secret"]) if "secret" in compiled.groupindex else tree
    inner = secret.getwidth() if secret else (0, 0)
    return Shape(shortest, longest, inner[0], inner[1], _first(items))


def fixed_length(pattern: str) -> int:
    """
    Return how many bytes every match of a pattern has.

    Raises: `ValueError` with one clause, also where matches differ in length.
    """
    shape = shape_of(pattern)
    if shape.shortest != shape.longest:
        raise ValueError(f"its matches have from {shape.shortest} to {shape.longest} bytes, not always as many")
    return shape.longest


def _refuse_unbounded(tree: Any, *, repeated: bool) -> None:
    for operator, value in tree:
        name = str(operator)
        if name in ("GROUPREF", "GROUPREF_EXISTS"):
            raise ValueError("it refers back to a group, which no bound holds for")
        if name in REPEATS:
            low, high, inner = value
            if high == UNBOUNDED:
                raise ValueError("a repetition has no upper bound; write {1,80} rather than + and {0,80} rather than *")
            if repeated and low != high:
                raise ValueError("a repetition stands inside a repetition, which can take for ever on some text")
            _refuse_unbounded(inner, repeated=repeated or high > 1)
        else:
            for part in parts(name, value):
                _refuse_unbounded(part, repeated=repeated)


def _group(tree: Any, number: int) -> Any:
    """Return the pattern of a group, or None."""
    for operator, value in tree:
        name = str(operator)
        if name == "SUBPATTERN" and value[0] == number:
            return value[-1]
        for part in [value[2]] if name in REPEATS else parts(name, value):
            found = _group(part, number)
            if found is not None:
                return found
    return None


def _items(tree: Any, *, ignore_case: bool) -> Iterator[_Item]:
    for operator, value in tree:
        name = str(operator)
        if name in ("SUBPATTERN", "ATOMIC_GROUP"):
            yield from _items(parts(name, value)[0], ignore_case=ignore_case)
        elif name in REPEATS:
            low, high, inner = value
            least, most = inner.getwidth()
            yield _Item(_union(_items(inner, ignore_case=ignore_case)), low * least, high * most, high - low + 1)
        elif name == "BRANCH":
            branches = [list(_items(part, ignore_case=ignore_case)) for part in value[1]]
            widths = [part.getwidth() for part in value[1]]
            signs = _union(item for branch in branches for item in branch)
            yield _Item(signs, min(low for low, _ in widths), max(high for _, high in widths), len(set(widths)))
        elif name not in NO_WIDTH:
            yield _Item(signs_of(name, value, ignore_case=ignore_case), 1, 1, 1)


def _union(items: Iterator[_Item]) -> frozenset[int]:
    return frozenset[int]().union(*(item.signs for item in items))


def _steps(items: list[_Item], number: int) -> int:
    """Return how many ways there are to divide a text between a repetition and those behind it that it runs into."""
    item = items[number]
    if item.ways == 1:
        return 1
    for following in range(number + 1, len(items)):
        other = items[following]
        meets = bool(item.signs & other.signs)
        if meets and other.ways > 1:
            return item.ways * _steps(items, following)
        if other.low and not meets:
            break
    return item.ways


def _first(items: list[_Item]) -> frozenset[int]:
    signs = frozenset[int]()
    for item in items:
        signs |= item.signs
        if item.low:
            break
    return signs
