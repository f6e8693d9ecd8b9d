"""
Reads tar archives forward only, with a bound on every part of a header.

The standard library's reader holds extended headers of any size and matches them with patterns that take quadratic
time; what it can do besides, to write files, is not wanted here at all. Source: POSIX.1-2017, pax (ustar and pax
interchange formats); the GNU tar manual, "Basic Tar Format" (long names, sparse members).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from zlib import adler32

from ci_guard.rows import NamedTuple
from ci_guard.secrets.pieces import Pieces

_BLOCK: Final = 512
_LONGEST_EXTENSION: Final = 1 << 20
"""Bytes of a long name or of a member's extended header; real ones have some hundred."""
_LINKS: Final = b"12"
_WITHOUT_DATA: Final = b"123456"
_LONG_NAME, _LONG_LINK, _PAX, _GLOBAL, _SPARSE = b"L", b"K", b"xX", b"g", b"S"
_MORE_OF_SPARSE, _MORE_IN_EXTENSION = 482, 504
_PIECE: Final = 1 << 20


class Malformed(Exception):
    """No tar archive, or one that was cut off."""


class Member(NamedTuple):
    """One member, to be read before the next one is asked for."""

    name: str
    """Verbatim; bytes that are not UTF-8 as surrogate escapes."""
    pieces: Iterator[bytes]
    """What is stored: a link's target; of a sparse member the parts between the holes."""


def members(source: Pieces) -> Iterator[Member]:
    """
    Yield the members of an archive, also those behind an end mark.

    Raises: `Malformed`.
    """
    said: dict[bytes, bytes] = {}
    ended = False
    while block := source.take(_BLOCK):
        if not block.strip(b"\0"):
            ended = True
            continue
        if len(block) < _BLOCK or not _is_header(block):
            if ended:
                return
            raise Malformed
        kind, size = block[156:157], _number(block[124:136])
        if kind == _LONG_NAME:
            said[b"path"] = _extension(source, size).rstrip(b"\0")
        elif kind == _LONG_LINK:
            said[b"linkpath"] = _extension(source, size).rstrip(b"\0")
        elif kind in _PAX:
            said |= _records(_extension(source, size))
        elif kind == _GLOBAL:
            _extension(source, size)
        else:
            yield from _member(source, block, kind, said)
            said = {}


def _member(source: Pieces, block: bytes, kind: bytes, said: dict[bytes, bytes]) -> Iterator[Member]:
    more = kind == _SPARSE and block[_MORE_OF_SPARSE]
    while more:
        extension = source.take(_BLOCK)
        if len(extension) < _BLOCK:
            raise Malformed
        more = extension[_MORE_IN_EXTENSION]
    size = _number(block[124:136])
    if b"size" in said:
        size = _decimal(said[b"size"])
    name = text(said.get(b"GNU.sparse.name") or said.get(b"path") or _name(block))
    if kind in _LINKS:
        yield Member(name, iter((said.get(b"linkpath") or block[157:257].partition(b"\0")[0],)))
    if kind in _WITHOUT_DATA:
        return
    data = _data(source, size)
    yield Member(name, data)
    for _ in data:
        pass
    source.take(-size % _BLOCK)


def _data(source: Pieces, size: int) -> Iterator[bytes]:
    while size:
        piece = bytes(source.some(min(size, _PIECE)))
        if not piece:
            raise Malformed
        size -= len(piece)
        yield piece


def _extension(source: Pieces, size: int) -> bytes:
    if size > _LONGEST_EXTENSION:
        raise Malformed
    content = source.take(size)
    source.take(-size % _BLOCK)
    if len(content) < size:
        raise Malformed
    return content


def _records(content: bytes) -> dict[bytes, bytes]:
    """Return the records of an extended header, each `length keyword=value` and a line feed."""
    records, at = {}, 0
    while at < len(content):
        space = content.find(b" ", at, at + 20)
        length = _decimal(content[at:space]) if space > at else 0
        keyword, equals, value = content[space + 1 : at + length].partition(b"=")
        if not equals or length <= space - at or not value.endswith(b"\n"):
            raise Malformed
        records[keyword] = value[:-1]
        at += length
    return records


def _is_header(block: bytes) -> bool:
    """Return whether the checksum is right: the sum of all bytes, with the checksum's own field as spaces."""
    try:
        field = block[148:156]
        return _number(field) == _sum(block[:256]) + _sum(block[256:]) - sum(field) + 8 * 32
    except Malformed:
        return False


def _sum(half: bytes) -> int:
    """Return the sum of at most 256 bytes: Adler-32 that begins with zero ends with it, modulo 65,521 (RFC 1950 9)."""
    return adler32(half, 0) & 0xFFFF


def _number(field: bytes) -> int:
    """Return an octal number, or one in base 256 as GNU tar writes what octal digits have no room for."""
    if field[0] & 0x80:
        number = int.from_bytes(bytes((field[0] & 0x7F,)) + field[1:], "big")
        if field[0] & 0x40:
            raise Malformed
        return number
    digits = field.partition(b"\0")[0].strip()
    if digits.strip(b"01234567"):
        raise Malformed
    return int(digits or b"0", 8)


def _decimal(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > 20:
        raise Malformed
    return int(digits)


def _name(block: bytes) -> bytes:
    name, prefix = (field.partition(b"\0")[0] for field in (block[:100], block[345:500]))
    is_posix = block[257:263] == b"ustar\0"
    return prefix + b"/" + name if prefix and is_posix else name


def text(name: bytes) -> str:
    """Return a name verbatim; bytes that are not UTF-8 as surrogate escapes."""
    return name.decode("utf-8", "surrogateescape")
