"""A record with every text in it passed through a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, TypeVar

from ci_guard.records import names_of, replace

T = TypeVar("T")


def rewritten(value: T, change: Callable[[str], str]) -> T:
    """Return the same value with changed texts, at any depth; keys of maps are texts, words of enums are not."""
    return _rewritten(value, change)  # type: ignore[no-any-return]


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a value."""
    found: dict[str, None] = {}

    def note(text: str) -> str:
        found[text] = None
        return text

    _rewritten(value, note)
    yield from found


def _rewritten(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return change(value)
    if isinstance(value, tuple):
        parts = [_rewritten(each, change) for each in value]
        return type(value)._make(parts) if hasattr(value, "_make") else tuple(parts)
    if isinstance(value, frozenset):
        return frozenset(_rewritten(each, change) for each in value)
    if isinstance(value, Mapping):
        return {_rewritten(key, change): _rewritten(each, change) for key, each in value.items()}
    changed = {}
    for name in names_of(value):
        old = getattr(value, name)
        new = _rewritten(old, change)
        if new is not old and new != old:
            changed[name] = new
    return replace(value, **changed) if changed else value
