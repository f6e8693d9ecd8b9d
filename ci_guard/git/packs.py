"""Opens the objects of a repository for the optional helper `ci_guard_native`, which reads packs faster than git."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from ci_guard.git import helper
from ci_guard.git.repository import Repository
from ci_guard.rows import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

native: Any = helper.native

COMMIT: Final = 1
TREE: Final = 2
BLOB: Final = 3
KINDS: Final = {"commit": COMMIT, "tree": TREE, "blob": BLOB, "tag": 4}
"""Numbers of kinds in a pack (gitformat-pack, "Object types")."""

LARGEST: Final = 32 << 20
"""Bytes of the largest object that the helper reads."""
MOST_LOOSE: Final = 20_000
"""Objects outside of packs; git packs them itself from some 7,000 on."""
_MOST_ALTERNATES: Final = 100
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
_FOLDER: Final = re.compile(r"[0-9a-f]{2}")
_NAME: Final = re.compile(r"[0-9a-f]{38}(?:[0-9a-f]{24})?")


class Odd(Exception):
    """Something about the objects that the helper does not know; git may."""


class Packs(NamedTuple):
    """The objects of a repository."""

    store: Any
    """A `ci_guard_native.Store` with every object that is not in `left`."""
    left: list[str]
    """Objects that are too large for it."""
    width: int
    """Bytes of an id."""


@contextmanager
def opened(repository: Repository) -> Iterator[Packs | None]:
    """Give the objects of a repository; None without the helper, or where there is anything that it does not know."""
    if native is None:
        yield None
        return
    with ExitStack() as files:
        try:
            packs = _opened(repository, files)
        except (Odd, OSError, native.Odd):
            packs = None
        yield packs


def _opened(repository: Repository, files: ExitStack) -> Packs:
    pairs: list[tuple[int, int]] = []
    loose: list[str] = []
    for folder in _databases(Path(repository.common_dir, "objects")):
        for index in sorted((folder / "pack").glob("*.idx")):
            data = index.with_suffix(".pack")
            if data.exists():
                pairs.append((_open(data, files), _open(index, files)))
        loose += _loose(folder)
    if len(loose) > MOST_LOOSE:
        raise Odd
    left: list[str] = []
    if loose:
        data_file = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - entered right here
        index_file = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        left = pack(repository, sorted(set(loose)), data_file, index_file)
        pairs.append((data_file.fileno(), index_file.fileno()))
    width = 32 if repository.object_format == "sha256" else 20
    return Packs(native.Store(pairs, width, _hash(repository.object_format)), left, width)


def _hash(object_format: str) -> Any:
    return partial({"sha1": hashlib.sha1, "sha256": hashlib.sha256}[object_format], usedforsecurity=False)


def _databases(first: Path) -> Iterator[Path]:
    """Yield the folders that hold objects: its own, and those that it borrows from (gitrepository-layout)."""
    known = {first}
    waiting = [first]
    while waiting:
        folder = waiting.pop()
        yield folder
        try:
            lines = (folder / "info" / "alternates").read_bytes().split(b"\n")
        except FileNotFoundError:
            continue
        for line in lines:
            if line.startswith(b'"') or len(known) > _MOST_ALTERNATES:
                raise Odd
            if line and not line.startswith(b"#"):
                other = folder / os.fsdecode(line)
                if other not in known:
                    known.add(other)
                    waiting.append(other)


def _open(path: Path, files: ExitStack) -> int:
    descriptor = os.open(path, _FLAGS)
    files.callback(os.close, descriptor)
    return descriptor


def _loose(folder: Path) -> Iterator[str]:
    for name in sorted(os.listdir(folder)):
        if _FOLDER.fullmatch(name):
            yield from (name + rest for rest in os.listdir(folder / name) if _NAME.fullmatch(rest))


def pack(repository: Repository, oids: Iterable[str], data: IO[bytes], index: IO[bytes]) -> list[str]:
    """
    Write objects as a pack, each whole, and its index; return those that are too large.

    The ids must be sorted. Only the helper reads these files, and proves the objects; so no check sums are in them.
    Source: gitformat-pack, "pack-*.pack files have the following format" and "Version 2 pack-*.idx files".
    """
    width = 32 if repository.object_format == "sha256" else 20
    left: list[str] = []
    places: list[tuple[bytes, int]] = []
    data.write(bytes(12))
    at = 12
    with closing(repository.objects(oids)) as streams:
        for stream in streams:
            if stream.kind is None:
                raise Odd
            if stream.size > LARGEST:
                left.append(stream.oid)
                continue
            entry = _header(KINDS[stream.kind], stream.size) + zlib.compress(stream.read(stream.size), 1)
            places.append((bytes.fromhex(stream.oid), at))
            data.write(entry)
            at += len(entry)
    data.write(bytes(max(width, 64)))
    data.seek(0)
    data.write(b"PACK\0\0\0\2" + len(places).to_bytes(4, "big"))
    data.flush()
    counts = [0] * 256
    for oid, _ in places:
        counts[oid[0]] += 1
    index.write(b"\xfftOc\0\0\0\2")
    total = 0
    for count in counts:
        total += count
        index.write(total.to_bytes(4, "big"))
    index.write(b"".join(oid for oid, _ in places) + bytes(4 * len(places)))
    large: list[int] = []
    for _, offset in places:
        if offset >> 31:
            large.append(offset)
        index.write((1 << 31 | len(large) - 1 if offset >> 31 else offset).to_bytes(4, "big"))
    index.write(b"".join(offset.to_bytes(8, "big") for offset in large) + bytes(2 * width))
    index.flush()
    return left


def _header(kind: int, size: int) -> bytes:
    first, size = kind << 4 | size & 15, size >> 4
    parts = []
    while size:
        parts.append(first | 128)
        first, size = size & 127, size >> 7
    return bytes([*parts, first])
