"""Checks that an answer has the shape it should have, before anything in it becomes a fact."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, TypeVar

from ci_guard.model.fact import Fact, Known, Unknown, unavailable

T = TypeVar("T")


class ShapeError(Exception):
    """An answer lacks something or has it in another form; the message never holds a value of the answer."""


def checked(fact: Fact[Any], function: Callable[[Any], T]) -> Fact[T]:
    """Turn the answer of a known fact into a value; a `ShapeError` makes it unknown, an unknown stays what it is."""
    if isinstance(fact, Unknown):
        return fact
    try:
        return Known(value=function(fact.value), source=fact.source, detail=fact.detail)
    except ShapeError as error:
        return unavailable(f"wrongly shaped answer: {error}", detail=fact.detail)


def text(obj: Any, key: str) -> str:
    """Return the text at `key`, encodable and without a zero byte."""
    value = _value(obj, key)
    if not isinstance(value, str):
        raise ShapeError(f"{key!r} is no text")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ShapeError(f"{key!r} is no valid text") from None
    if "\0" in value:
        raise ShapeError(f"{key!r} holds a zero byte")
    return value


def encodable(value: str) -> str:
    """Return a text with `?` for what is half a character, which JSON and variables can hold and no report can."""
    return value.encode("utf-8", "replace").decode("utf-8")


def integer(obj: Any, key: str) -> int:
    """Return the whole number at `key`; `true` is none."""
    value = _value(obj, key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ShapeError(f"{key!r} is no whole number")
    return value


def boolean(obj: Any, key: str) -> bool:
    """Return the boolean at `key`."""
    value = _value(obj, key)
    if not isinstance(value, bool):
        raise ShapeError(f"{key!r} is neither true nor false")
    return value


def when(obj: Any, key: str) -> datetime:
    """Return the time at `key`, aware and in UTC; the text is ISO 8601 with an offset or `Z`."""
    value = text(obj, key)
    try:
        # `fromisoformat` takes the `Z` only since Python 3.11.
        moment = datetime.fromisoformat(value[:-1] + "+00:00" if value.endswith("Z") else value)
    except ValueError:
        raise ShapeError(f"{key!r} is no time") from None
    if moment.tzinfo is None:
        raise ShapeError(f"{key!r} is a time without its zone")
    return moment.astimezone(timezone.utc)


def record(obj: Any, key: str) -> dict[str, Any]:
    """Return the object at `key`."""
    value = _value(obj, key)
    if not isinstance(value, dict):
        raise ShapeError(f"{key!r} is no object")
    return value


def records(obj: Any, key: str) -> list[dict[str, Any]]:
    """Return the list of objects at `key`."""
    value = _value(obj, key)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ShapeError(f"{key!r} is no list of objects")
    return value


def texts(obj: Any, key: str) -> list[str]:
    """Return the list of texts at `key`."""
    value = _value(obj, key)
    if not isinstance(value, list):
        raise ShapeError(f"{key!r} is no list")
    return [text({key: item}, key) for item in value]


def optional(obj: Any, key: str, read: Callable[[Any, str], T]) -> T | None:
    """Return what `read` finds at `key`, or None where the key is absent or null."""
    if not isinstance(obj, dict):
        raise ShapeError(f"no object to read {key!r} of")
    return None if obj.get(key) is None else read(obj, key)


def _value(obj: Any, key: str) -> Any:
    if not isinstance(obj, dict):
        raise ShapeError(f"no object to read {key!r} of")
    if key not in obj:
        raise ShapeError(f"{key!r} is missing")
    return obj[key]
