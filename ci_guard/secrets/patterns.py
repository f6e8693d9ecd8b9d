"""What the operators of a pattern take, as `re` reads it over bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

try:
    from re import _parser as sre  # type: ignore[attr-defined]
except ImportError:  # Python 3.10
    import sre_parse as sre

ALL: Final = frozenset(range(256))
"""Every byte."""
UNBOUNDED: Final = sre.MAXREPEAT
"""As the upper bound of a repetition: there is none."""
REPEATS: Final = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
NO_WIDTH: Final = ("AT", "ASSERT", "ASSERT_NOT")
"""Operators that take no byte."""


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
    trees = (sre.parse(pattern.encode("ascii")) for pattern in patterns)
    return not any(ord("\n") in signs for tree in trees for signs in _taken(tree))


def _taken(tree: Any) -> Iterator[frozenset[int]]:
    """Yield what each operator for one byte takes."""
    for operator, value in tree:
        name = str(operator)
        inner = [value[2]] if name in REPEATS else parts(name, value)
        if name in NO_WIDTH:
            continue
        if inner:
            for part in inner:
                yield from _taken(part)
        else:
            yield signs_of(name, value, ignore_case=False)


def parts(name: str, value: Any) -> list[Any]:
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
