"""Packs made by hand, with deltas that no git would make, and the helper that reads them."""

from __future__ import annotations

import hashlib
import importlib.util
import random
import sys
import tempfile
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
_KINDS: Final = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
_OFS_DELTA, _REF_DELTA = 6, 7


@cache
def native() -> Any:
    """Return the helper, built from this checkout; None where there is no compiler."""
    build = _load("native_build", ROOT / "native" / "build.py")
    if build.find_compiler() is None:
        return None
    if "ci_guard_native" in sys.modules:
        return sys.modules["ci_guard_native"]
    return _load("ci_guard_native", build.build(Path(tempfile.mkdtemp(prefix="ci-guard-native-"))))


def _load(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Item(NamedTuple):
    """Something to put into a pack."""

    content: bytes
    base: int | None = None
    """The number of an item before this one that it is a delta of."""
    delta: bytes = b""
    kind: str = "blob"
    by_id: bool = False
    """Whether the base is named by its id rather than by its distance."""


def oid_of(content: bytes, kind: str = "blob", *, sha256: bool = False) -> bytes:
    digest = hashlib.sha256 if sha256 else hashlib.sha1
    return digest(b"%b %d\0%b" % (kind.encode(), len(content), content)).digest()


def pack(items: list[Item], *, sha256: bool = False) -> tuple[bytes, bytes]:
    """Return a pack and its index (gitformat-pack, version 2 of both)."""
    width = 32 if sha256 else 20
    data = b"PACK\0\0\0\2" + len(items).to_bytes(4, "big")
    places: list[tuple[bytes, int]] = []
    ids = [oid_of(item.content, item.kind, sha256=sha256) for item in items]
    for oid, item in zip(ids, items, strict=True):
        places.append((oid, len(data)))
        if item.base is None:
            data += _header(_KINDS[item.kind], len(item.content)) + zlib.compress(item.content)
        elif item.by_id:
            data += _header(_REF_DELTA, len(item.delta)) + ids[item.base] + zlib.compress(item.delta)
        else:
            back = _distance(len(data) - places[item.base][1])
            data += _header(_OFS_DELTA, len(item.delta)) + back + zlib.compress(item.delta)
    data += bytes(width)
    places = sorted(dict(places).items())
    data = data[:8] + len(places).to_bytes(4, "big") + data[12:]
    counts = [sum(oid[0] <= first for oid, _ in places) for first in range(256)]
    index = b"\xfftOc\0\0\0\2" + b"".join(count.to_bytes(4, "big") for count in counts)
    index += b"".join(oid for oid, _ in places) + bytes(4 * len(places))
    index += b"".join(offset.to_bytes(4, "big") for _, offset in places) + bytes(2 * width)
    return data, index


def store(
    data: bytes, index: bytes, files: ExitStack, *, sha256: bool = False, told: Callable[[int], None] | None = None
) -> Any:
    """Return the helper's view of a pack; `told` gets the descriptors of the pack and its index."""
    descriptors = []
    for content in (data, index):
        file = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - entered right here
        file.write(content)
        file.flush()
        descriptors.append(file.fileno())
        if told:
            told(file.fileno())
    hashed = partial(hashlib.sha256 if sha256 else hashlib.sha1, usedforsecurity=False)
    return native().Store([tuple(descriptors)], 32 if sha256 else 20, hashed)


def edited(chance: random.Random, base: bytes, pieces: list[bytes]) -> tuple[bytes, bytes]:
    """Return a content that shares parts with a base, and the delta that says so."""
    steps: list[bytes | tuple[int, int]] = []
    at = 0
    for _ in range(chance.randrange(1, 6)):
        kind = chance.randrange(5)
        if kind <= 1 and at < len(base):  # on, in one step or in several
            size = min(len(base) - at, chance.choice((1, 3, 30, 200, 3000)))
            cut = chance.randrange(size + 1)
            steps += [(at, cut), (at + cut, size - cut)] if 0 < cut < size else [(at, size)]
            at += size
        elif kind == 2:  # leave out
            at = min(len(base), at + chance.choice((1, 2, 20, 300)))
        elif kind == 3:
            steps.append(chance.choice(pieces))
        elif base:  # from elsewhere
            start = chance.randrange(len(base))
            steps.append((start, min(len(base) - start, chance.choice((5, 80, 900)))))
    if at < len(base):
        steps.append((at, len(base) - at))
    content = b"".join(step if isinstance(step, bytes) else base[step[0] : step[0] + step[1]] for step in steps)
    return content, delta_of(len(base), steps)


def delta_of(base: int, steps: list[bytes | tuple[int, int]]) -> bytes:
    """Return a delta on a base of so many bytes: new bytes, and parts of the base given by their start and size."""
    delta, total = b"", 0
    for step in steps:
        if isinstance(step, bytes):
            total += len(step)
            delta += b"".join(bytes((len(step[i : i + 127]),)) + step[i : i + 127] for i in range(0, len(step), 127))
        else:
            start, size = step
            total += size
            while size:
                part = min(size, 0xFFFFFF)
                delta += b"\xff" + start.to_bytes(4, "little") + part.to_bytes(3, "little")
                start, size = start + part, size - part
    return _size(base) + _size(total) + delta


def _size(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def _distance(value: int) -> bytes:
    parts = [value & 127]
    while value := value >> 7:
        value -= 1
        parts.append(value & 127 | 128)
    return bytes(reversed(parts))


def _header(kind: int, size: int) -> bytes:
    first, size = kind << 4 | size & 15, size >> 4
    parts = []
    while size:
        parts.append(first | 128)
        first, size = size & 127, size >> 7
    return bytes([*parts, first])
