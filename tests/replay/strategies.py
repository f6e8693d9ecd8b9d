"""Values of any type that evidence is made of, by the same type hints that the codec goes by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import date, datetime, timezone
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, get_args, get_origin

from hypothesis import strategies as st

from ci_guard.model import codec

TEXT = st.one_of(st.text(max_size=6), st.sampled_from(["::error::", "\udcff", "</script>", "#[x]", "\n", "main"]))
PLAIN: dict[type, st.SearchStrategy[Any]] = {
    str: TEXT,
    bool: st.booleans(),
    int: st.integers(min_value=-(2**40), max_value=2**40),
    float: st.floats(allow_nan=False, allow_infinity=False),
    date: st.dates(date(1900, 1, 1), date(2999, 12, 31)),
    datetime: st.datetimes(
        datetime(1900, 1, 1),  # noqa: DTZ001 - the zone is beside it
        datetime(2999, 12, 31),  # noqa: DTZ001
        timezones=st.just(timezone.utc),
    ),
}


@cache
def values(declared: Any) -> st.SearchStrategy[Any]:
    """Return a strategy of values of this type; those of a class that refuses a combination are left out."""
    # Hypothesis keeps what it finds out of a strategy with the strategy.
    if members := codec.union_of(declared):
        options = [values(member) for member in members]
        return st.one_of(*([st.none()] if NoneType in get_args(declared) else []), *options)
    kind, arguments = get_origin(declared) or declared, get_args(declared)
    if kind in PLAIN:
        return PLAIN[kind]
    if kind is tuple:
        return st.lists(st.deferred(lambda: values(arguments[0])), max_size=2).map(tuple)
    if kind is frozenset:
        return st.frozensets(values(arguments[0]), max_size=3)
    if kind is Mapping:
        return st.dictionaries(TEXT, st.deferred(lambda: values(arguments[1])), max_size=2)
    if issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    assert is_dataclass(kind)
    shape = codec.shape_of(declared)
    return st.fixed_dictionaries({name: later(each) for name, each in shape.items()}).map(
        lambda said: build(kind, said)
    )


def later(declared: Any) -> st.SearchStrategy[Any]:
    """Return a strategy that is made when it is asked: types lie deep in each other."""
    return st.deferred(lambda: values(declared))


def build(kind: Any, said: dict[str, Any]) -> Any:
    """Return an object of a class."""
    return kind(**said)
