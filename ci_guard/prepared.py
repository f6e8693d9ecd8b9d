"""
Regular expressions whose compiled form ships, so that no start compiles them (decision 0021).

`scripts/generate.py` makes the table. It is used where Python's engine has one of the marks that it is for, and of it
what was made of the very text and flags; anything else is compiled as ever.
"""

from __future__ import annotations

import re
import struct
import sys
from array import array
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final

from ci_guard import beside, hashing
from ci_guard.rows import NamedTuple

FILE: Final = "prepared.regexes"
MARKS: Final = frozenset((20220615, 20221023, 20230612))
"""`_sre.MAGIC` of CPython 3.11, 3.12 and 3.13, whose compilers make the same of all patterns."""
_HEAD: Final = struct.Struct("<4sI")
"""A mark of ours, and how many entries there are."""
_MARK: Final = b"cire"
_DIGEST: Final = 12
"""Bytes of a SHA-256 that tell."""
_ENTRY: Final = struct.Struct("<12s12sII")
"""Of each entry, sorted: digests of what it was made of and of its body, which is so many bytes behind all entries."""
_LENGTH: Final = struct.Struct("<I")


class Prepared(NamedTuple):
    """What the engine makes a pattern of, besides its text."""

    flags: int
    groups: int
    names: dict[str, int]
    """Numbers of the groups that have names."""
    code: list[int]


def compiled(text: str | bytes, flags: int = 0) -> re.Pattern[Any]:
    """Return what `re.compile` does, which is asked where nothing was prepared."""
    return _table().pattern(text, flags) or re.compile(text, flags)


def table_of(entries: Mapping[tuple[str | bytes, int], Prepared]) -> bytes:
    """Return a table of patterns."""
    bodies = {}
    for (text, flags), entry in entries.items():
        named = "".join(f" {name} {number}" for name, number in entry.names.items())
        told = f"{entry.flags} {entry.groups}{named}".encode("ascii")
        bodies[_key(text, flags)] = _LENGTH.pack(len(told)) + told + struct.pack(f"<{len(entry.code)}I", *entry.code)
    head, end = [_HEAD.pack(_MARK, len(bodies))], 0
    for key in sorted(bodies):
        head.append(_ENTRY.pack(key, _digest(key + bodies[key]), end, end + len(bodies[key])))
        end += len(bodies[key])
    return b"".join(head) + b"".join(bodies[key] for key in sorted(bodies))


def is_for(engine: Any) -> bool:
    """Return whether the table is for Python's engine, the module `_sre`."""
    mark, size = getattr(engine, "MAGIC", None), getattr(engine, "CODESIZE", None)
    return mark in MARKS and size == 4 and sys.byteorder == "little"


class Table:
    """What was prepared, each read when it is asked for."""

    def __init__(self, content: bytes, engine: Any) -> None:
        """Read what `table_of` wrote; what is none of it, or for another engine, has nothing."""
        self._engine = engine
        self._content = content
        self._count = 0
        if len(content) >= _HEAD.size:
            ours, count = _HEAD.unpack_from(content)
            if ours == _MARK and is_for(engine):
                self._count = min(count, (len(content) - _HEAD.size) // _ENTRY.size)

    def __len__(self) -> int:
        return self._count

    def pattern(self, text: str | bytes, flags: int) -> re.Pattern[Any] | None:
        """Return the pattern of a text, or None where it is not prepared."""
        found = self._find(_key(text, flags)) if self._count else None
        if found is None:
            return None
        try:
            numbers: list[str | None] = [None] * (found.groups + 1)
            for name, number in found.names.items():
                numbers[number] = name
            pattern: re.Pattern[Any] = self._engine.compile(
                text, found.flags, found.code, found.groups, found.names, tuple(numbers)
            )
        except (IndexError, RuntimeError, TypeError, ValueError, OverflowError):  # it looks whether code can be one
            return None
        return pattern

    def _find(self, key: bytes) -> Prepared | None:
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            here, digest, start, end = _ENTRY.unpack_from(self._content, _HEAD.size + middle * _ENTRY.size)
            if here == key:
                first = _HEAD.size + self._count * _ENTRY.size
                body = self._content[first + start : first + end]
                return _read(body) if _digest(key + body) == digest else None
            low, high = (middle + 1, high) if here < key else (low, middle)
        return None


def _read(body: bytes) -> Prepared | None:
    try:
        told = _LENGTH.size + _LENGTH.unpack_from(body)[0]
        flags, groups, *named = body[_LENGTH.size : told].decode("ascii").split(" ")
        names = dict(zip(named[::2], map(int, named[1::2]), strict=True))
        return Prepared(int(flags), int(groups), names, array("I", body[told:]).tolist())
    except (ValueError, TypeError, struct.error):
        return None


def _key(text: str | bytes, flags: int) -> bytes:
    kind, content = ("t", text.encode("utf-8", "surrogatepass")) if isinstance(text, str) else ("b", text)
    return _digest(b"%b%d " % (kind.encode(), flags) + content)


def _digest(content: bytes) -> bytes:
    return hashing.digest("sha256", 0, content).digest()[:_DIGEST]  # few are, however much else is hashed


@cache
def _table() -> Table:
    engine: Any = import_module("_sre") if sys.implementation.name == "cpython" else None
    try:
        content = beside.read(__file__, FILE)
    except OSError:
        content = b""
    return Table(content, engine)
