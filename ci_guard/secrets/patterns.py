"""Says whether a pattern of a rule is safe to run on any text: bounded, and without the means to backtrack for long."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from ci_guard.rows import NamedTuple

try:
    from re import _parser as sre  # type: ignore[attr-defined]
except ImportError:  # Python 3.10
    import sre_parse as sre

ALL: Final = frozenset(range(256))
"""Every byte."""
UNBOUNDED: Final = sre.MAXREPEAT
"""As the upper bound of a repetition: there is none."""
MOST_STEPS: Final = 100_000
"""Ways to divide a text between repetitions that overlap, of which a pattern that fails tries every one."""

_REPEATS: Final = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
_NO_WIDTH: Final = ("AT", "ASSERT", "ASSERT_NOT")


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
        parsed = sre.parse(pattern.encode("ascii"))
    except UnicodeEncodeError:
        raise ValueError("it holds a character beyond ASCII; write its bytes as \\xNN") from None
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"it is no regular expression: {error}") from None
    _refuse_unbounded(parsed, repeated=False)
    items = list(_items(parsed, ignore_case=ignore_case))
    steps = max((_steps(items, number) for number in range(len(items))), default=1)
    if steps > MOST_STEPS:
        raise ValueError(
            f"repetitions that take the same characters follow each other, which makes {steps:,} ways to try; "
            f"at most {MOST_STEPS:,} are allowed: lower their upper bounds, or put between them what none takes"
        )
    shortest, longest = parsed.getwidth()
    secret = _group(parsed, compiled.groupindex["secret"]) if "secret" in compiled.groupindex else parsed
    inner = secret.getwidth() if secret else (0, 0)
    return Shape(shortest, longest, inner[0], inner[1], _first(items))


def parsed(pattern: bytes, flags: int = 0) -> Any:
    """
    Return a pattern as `re` reads it: a sequence of operators, each with its value.

    Raises: what `re.compile` raises.
    """
    return sre.parse(pattern, flags)


def width_of(pattern: bytes) -> int:
    """Return how many bytes a match of a pattern has at most."""
    return int(sre.parse(pattern).getwidth()[1])


def keeps_to_line(*patterns: str) -> bool:
    """Return whether no match of these patterns has a line feed."""
    parsed = (sre.parse(pattern.encode("ascii")) for pattern in patterns)
    return not any(ord("\n") in item.signs for one in parsed for item in _items(one, ignore_case=False))


def fixed_length(pattern: str) -> int:
    """
    Return how many bytes every match of a pattern has.

    Raises: `ValueError` with one clause, also where matches differ in length.
    """
    shape = shape_of(pattern)
    if shape.shortest != shape.longest:
        raise ValueError(f"its matches have from {shape.shortest} to {shape.longest} bytes, not always as many")
    return shape.longest


def _refuse_unbounded(parsed: Any, *, repeated: bool) -> None:
    for operator, value in parsed:
        name = str(operator)
        if name in ("GROUPREF", "GROUPREF_EXISTS"):
            raise ValueError("it refers back to a group, which no bound holds for")
        if name in _REPEATS:
            low, high, inner = value
            if high == sre.MAXREPEAT:
                raise ValueError("a repetition has no upper bound; write {1,80} rather than + and {0,80} rather than *")
            if repeated and low != high:
                raise ValueError("a repetition stands inside a repetition, which can take for ever on some text")
            _refuse_unbounded(inner, repeated=repeated or high > 1)
        else:
            for part in _parts(name, value):
                _refuse_unbounded(part, repeated=repeated)


def _parts(name: str, value: Any) -> list[Any]:
    """Return the patterns inside of an operator that is no repetition."""
    if name == "BRANCH":
        return list(value[1])
    if name == "SUBPATTERN":
        return [value[-1]]
    if name in ("ASSERT", "ASSERT_NOT"):
        return [value[1]]
    if name == "ATOMIC_GROUP":
        return [value]
    return []


def _group(parsed: Any, number: int) -> Any:
    """Return the pattern of a group, or None."""
    for operator, value in parsed:
        name = str(operator)
        if name == "SUBPATTERN" and value[0] == number:
            return value[-1]
        for part in [value[2]] if name in _REPEATS else _parts(name, value):
            found = _group(part, number)
            if found is not None:
                return found
    return None


def _items(parsed: Any, *, ignore_case: bool) -> Iterator[_Item]:
    for operator, value in parsed:
        name = str(operator)
        if name in ("SUBPATTERN", "ATOMIC_GROUP"):
            yield from _items(_parts(name, value)[0], ignore_case=ignore_case)
        elif name in _REPEATS:
            low, high, inner = value
            least, most = inner.getwidth()
            yield _Item(_union(_items(inner, ignore_case=ignore_case)), low * least, high * most, high - low + 1)
        elif name == "BRANCH":
            branches = [list(_items(part, ignore_case=ignore_case)) for part in value[1]]
            widths = [part.getwidth() for part in value[1]]
            signs = _union(item for branch in branches for item in branch)
            yield _Item(signs, min(low for low, _ in widths), max(high for _, high in widths), len(set(widths)))
        elif name not in _NO_WIDTH:
            yield _Item(signs_of(name, value, ignore_case=ignore_case), 1, 1, 1)


def _union(items: Iterator[_Item]) -> frozenset[int]:
    return frozenset[int]().union(*(item.signs for item in items))


def signs_of(name: str, value: Any, *, ignore_case: bool) -> frozenset[int]:
    """Return the bytes that an operator for one byte takes, told by its name; `ANY` is any byte at all."""
    if not ignore_case:
        return _signs(name, value)
    # What is excluded is excluded in both cases, so a negation is taken last, as `re` does.
    if name == "NOT_LITERAL":
        return ALL - _both(frozenset((value,)))
    if name == "IN" and str(value[0][0]) == "NEGATE":
        return ALL - _both(_signs(name, value[1:]))
    return _both(_signs(name, value))


def _both(signs: frozenset[int]) -> frozenset[int]:
    return signs | frozenset(bytes(signs).swapcase())


def _signs(name: str, value: Any) -> frozenset[int]:
    """Return the bytes that an operator for one byte takes."""
    if name == "LITERAL":
        return frozenset((value,))
    if name == "NOT_LITERAL":
        return ALL - {value}
    if name == "RANGE":
        return frozenset(range(value[0], value[1] + 1))
    if name == "CATEGORY":
        return _category(str(value).removeprefix("CATEGORY_"))
    if name == "IN":
        members = frozenset[int]().union(*(_signs(str(one), inner) for one, inner in value if str(one) != "NEGATE"))
        return ALL - members if str(value[0][0]) == "NEGATE" else members
    return ALL


_CLASSES: Final = {"DIGIT": rb"\d", "SPACE": rb"\s", "WORD": rb"\w"}


@cache
def _category(name: str) -> frozenset[int]:
    inside = re.compile(_CLASSES[name.removeprefix("NOT_")])
    signs = frozenset(sign for sign in ALL if inside.match(bytes((sign,))))
    return ALL - signs if name.startswith("NOT_") else signs


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
