"""
Evidence as JSON and back: every frozen dataclass of this room, by its type hints alone.

What is read back is checked as strictly as it was written, because a recorded run may have been in anybody's hands.
Our own code, as a fact is a generic union (`Known[T] | Unknown`), which serialisers for dataclasses either do not take
or take only with as many hooks as this module has lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime, timezone
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{6})?(\+00:00)?")
DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
YEARS: Final = range(1900, 3000)
"""Behind and before them clocks of other zones would leave what a date can say."""

PLAIN: Final = (bool, int, float, str)


def encode(value: Any, declared: Any) -> Any:
    """
    Return a value of the declared type as plain data.

    Shape: a dataclass is a map by field; in a union of several classes it stands alone in a map under its class's name.
    Sets are sorted, times are ISO 8601 in UTC or, of a policy's clocks, without a zone, an enum is its text. A field
    whose metadata says `recorded: False` is left out.
    Raises: `TypeError` for a type that this room does not use.
    """
    if members := union_of(declared):
        return encode_member(value, members)
    origin, arguments = get_origin(declared) or declared, get_args(declared)
    if origin in PLAIN:
        return value
    if origin is tuple:
        return [encode(each, arguments[0]) for each in value]
    if origin is frozenset:
        return sorted(encode(each, arguments[0]) for each in value)
    if origin is Mapping:
        return {key: encode(each, arguments[1]) for key, each in value.items()}
    if origin is datetime:
        return (value.astimezone(timezone.utc) if value.tzinfo else value).isoformat()
    if origin is date:
        return value.isoformat()
    if issubclass(origin, Enum):
        return word_of(value)
    return {name: encode(getattr(value, name), kind) for name, kind in shape_of(declared).items()}


def encode_member(value: Any, members: tuple[Any, ...]) -> Any:
    """Return a value of a union: null, plain as it is, anything else under its class's name if there are several."""
    if value is None:
        return None
    for member in members:
        origin = get_origin(member) or member
        if type(value) is origin:
            data = encode(value, member)
            return data if origin in PLAIN or len(members) == 1 else {origin.__name__: data}
    if len(members) == 1:  # a tuple, a set or a mapping, or null
        return encode(value, members[0])
    raise TypeError(f"{type(value).__name__} is none of {members}")


def decode(data: Any, declared: Any, path: str = "") -> Any:
    """
    Return the value that `encode` made this data of.

    A field that is absent has its default: it is newer than what was recorded.
    Raises: `ValueError` with the path, what was expected and what kind of thing was seen; never the thing itself.
    """
    if members := union_of(declared):
        return decode_member(data, members, NoneType in get_args(declared), path)
    origin, arguments = get_origin(declared) or declared, get_args(declared)
    if origin in PLAIN:
        if type(data) is origin or (origin is float and type(data) is int):
            try:
                return origin(data)
            except OverflowError:
                pass  # a whole number beyond every float
        raise refused(path, origin.__name__, data)
    if origin in (tuple, frozenset):
        expect(data, list, path)
        return origin(decode(each, arguments[0], f"{path}[{index}]") for index, each in enumerate(data))
    if origin is Mapping:
        expect(data, dict, path)
        return {key: decode(each, arguments[1], f"{path}.{key}") for key, each in data.items()}
    if origin in (date, datetime):
        return decode_time(data, origin, path)
    if issubclass(origin, Enum):
        for member in origin:
            if word_of(member) == data and isinstance(data, str):
                return member
        raise refused(path, "one of " + ", ".join(word_of(member) for member in origin), data)
    return decode_fields(data, declared, path)


def decode_member(data: Any, members: tuple[Any, ...], nullable: bool, path: str) -> Any:
    """Return a value of a union; see `encode_member`."""
    if data is None and nullable:
        return None
    if len(members) == 1:
        return decode(data, members[0], path)
    by_name = {(get_origin(member) or member).__name__: member for member in members}
    if type(data) in PLAIN and type(data).__name__ in by_name:
        return data
    if isinstance(data, dict) and len(data) == 1:
        (name,) = data
        if name in by_name and by_name[name] not in PLAIN:
            return decode(data[name], by_name[name], f"{path}.{name}")
    raise refused(path, "one of " + ", ".join(by_name), data)


def decode_time(data: Any, kind: Any, path: str) -> Any:
    """Return a day, or a time in UTC or without a zone."""
    form = MOMENT if kind is datetime else DAY
    if isinstance(data, str) and form.fullmatch(data):
        try:
            found = kind.fromisoformat(data)
        except ValueError:
            pass  # a day that no calendar has
        else:
            if found.year in YEARS:
                return found
    raise refused(path, "a time in UTC" if kind is datetime else "a day as YYYY-MM-DD", data)


def decode_fields(data: Any, declared: Any, path: str) -> Any:
    """Return a dataclass by its fields."""
    expect(data, dict, path)
    kind = get_origin(declared) or declared
    shape = shape_of(declared)
    if strange := next((key for key in data if key not in shape), None):
        raise ValueError(f"{path}: {kind.__name__} has no {strange[:40]!r}")
    needed = {field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING}
    if missing := next((name for name in shape if name in needed and name not in data), None):
        raise ValueError(f"{path}: {kind.__name__} lacks {missing!r}")
    values = {name: decode(data[name], shape[name], f"{path}.{name}") for name in shape if name in data}
    try:
        return kind(**values)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


@cache
def shape_of(declared: Any) -> dict[str, Any]:
    """Return the fields of a dataclass with their types, those of a generic one filled in."""
    kind = get_origin(declared) or declared
    if not is_dataclass(kind):
        raise TypeError(f"{declared} is no dataclass")
    filled = dict(zip(getattr(kind, "__parameters__", ()), get_args(declared), strict=True))
    kept = [field for field in fields(kind) if field.metadata.get("recorded", True)]
    hints = get_type_hints(kind, localns=elsewhere())
    return {field.name: fill(hints[field.name], filled) for field in kept}


def elsewhere() -> dict[str, Any]:
    """Return classes that others of this room name only for the type checker, to load less or not in a circle."""
    from ci_guard.model.admission import Table
    from ci_guard.model.branch import BranchSelection, TagRules
    from ci_guard.model.context import Context
    from ci_guard.model.glass import Aftermath, BreakGlass, Sighting
    from ci_guard.model.origin import LayerOrigin
    from ci_guard.model.review import Provenance
    from ci_guard.model.roles import Membership, Role

    named = (Aftermath, BranchSelection, BreakGlass, Context, LayerOrigin, Membership, Provenance, Role, Sighting)
    return {each.__name__: each for each in (*named, Table, TagRules)}


def fill(declared: Any, filled: Mapping[Any, Any]) -> Any:
    """Return a type with its type variables replaced."""
    if isinstance(declared, TypeVar):
        return filled[declared]
    parameters = getattr(declared, "__parameters__", ())
    return declared[tuple(filled[each] for each in parameters)] if parameters and filled else declared


def union_of(declared: Any) -> tuple[Any, ...]:
    """Return the members of a union but for None; nothing for any other type."""
    if get_origin(declared) not in (Union, UnionType):
        return ()
    return tuple(member for member in get_args(declared) if member is not NoneType)


def word_of(member: Enum) -> str:
    """Return the text of an enum's member."""
    return member.value if isinstance(member.value, str) else member.name.lower()


def expect(data: Any, kind: Callable[..., Any], path: str) -> None:
    """Raise unless the data is of that kind."""
    if type(data) is not kind:
        raise refused(path, {"dict": "a map", "list": "a list"}[kind.__name__], data)


def refused(path: str, expected: str, data: Any) -> ValueError:
    """Return the error for data of another kind; what it holds is not quoted."""
    seen = {dict: "a map", list: "a list", str: "a text", NoneType: "null", bool: "true or false"}
    return ValueError(f"{path.lstrip('.') or 'the whole'}: expected {expected}, saw {seen.get(type(data), 'a number')}")
