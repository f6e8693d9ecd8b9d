"""
Reads what archives hold, in memory and as a stream: no member is ever a file, and its name is nothing but text.

Every step is bounded, whatever the archive says of itself: how deep archives lie in each other, how many members and
bytes come out, how much is held at a time. Where a bound ends the reading, that is told and not passed over.
"""

from __future__ import annotations

import io
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING, Final, Protocol

from ci_guard.git import helper
from ci_guard.secrets import keyfiles, tar
from ci_guard.secrets.content import COMPRESSED, HEAD, READ, archive_format, plain_name
from ci_guard.secrets.matcher import PIECE, Match
from ci_guard.secrets.pieces import Pieces
from ci_guard.secrets.unpacked import LARGEST, Found, Left, Unpacked

if TYPE_CHECKING:
    import zipfile

DEPTH: Final = 3
"""Archives in each other; the compression around a tar is no archive of its own."""
MOST_MEMBERS: Final = 100_000
"""Of an archive, those of the archives in it included."""
MOST_BYTES: Final = 1 << 30
"""That come out of an archive, those of the archives in it included."""
RATIO: Final = 200
"""How many times its own size an archive may grow to …"""
ALWAYS: Final = 16 << 20
"""… beyond as many bytes as any may. Text shrinks to a tenth, and what shrinks to a thousandth is a bomb."""

_XZ_MEMORY: Final = 128 << 20
"""Bytes that a decoder may take; `xz -9` makes archives that need 65 MiB."""
_STEP: Final = 1 << 16
_CENTRAL_ENTRY: Final = b"PK\x01\x02"
_LOCAL_ENTRY: Final = struct.Struct("<4s2xHH4x12xHH")
"""Signature, flags, method, and the lengths of name and extra field (APPNOTE.TXT 4.3.7)."""
_STORED, _DEFLATED = 0, 8
"""Methods of a zip (APPNOTE.TXT 4.4.5)."""
_ENCRYPTED: Final = 1
_UNUSUAL: Final = 1 | 1 << 5 | 1 << 6
"""Flags of what is encrypted or a patch."""
_UTF8_NAME: Final = 1 << 11
_AT_ONCE: Final = ALWAYS
"""Bytes of the largest content that the helper in C unpacks as a whole."""
MOST_CLEAN: Final = 200_000
"""Contents of members that are remembered, 32 bytes of each."""
_DAMAGES: Final[tuple[type[Exception], ...]] = (
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,  # of bz2 and gzip; no file is read here
    OverflowError,
    RuntimeError,
    ValueError,
    zlib.error,
    tar.Malformed,
)
_MORE_DAMAGES: Final = (("lzma", "LZMAError"), ("zipfile", "BadZipFile"))
"""What modules raise that are loaded for the archives that need them."""


def _damages() -> tuple[type[Exception], ...]:
    """Return what reading a damaged archive raises."""
    return (*_DAMAGES, *(getattr(sys.modules[name], error) for name, error in _MORE_DAMAGES if name in sys.modules))


class _TooMuch(Exception):
    """A bound of the whole archive was met."""


class _Decoder(Protocol):
    """What `bz2` and `lzma` have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def unpack(data: bytes, scan: Callable[[Iterator[bytes]], list[Match]], clean: set[bytes] | None = None) -> Unpacked:
    """
    Return what `scan` finds in the members of an archive, in the order of the archive.

    `clean` are names of contents that are no archives and without a secret: versions of an archive have most of their
    members in common. Those that are met now are added.
    """
    work = _Unpacking(len(data), scan, set() if clean is None else clean)
    try:
        work.content("", iter((data,)), 0, data)
    except _TooMuch as bound:
        work.left.append(Left(work.at, str(bound)))
    return Unpacked(tuple(work.found), tuple(work.left))


def opened(head: bytes) -> bytes:
    """Return the beginning of what is compressed in a content that begins with `head`, or `head` where nothing is."""
    form = archive_format(head[:HEAD])
    if form not in COMPRESSED:
        return head
    try:
        return next(_decompressed(form, iter((head,))), b"")
    except _damages():
        return b""


class _Unpacking:
    """One archive on its way."""

    def __init__(self, size: int, scan: Callable[[Iterator[bytes]], list[Match]], clean: set[bytes]) -> None:
        self.found: list[Found] = []
        self.left: list[Left] = []
        self.at = ""
        """The path that is being read."""
        self._scan = scan
        self._clean = clean
        self._members = 0
        self._held = 0
        self._limit = min(MOST_BYTES, max(ALWAYS, RATIO * size))
        self._bytes = 0

    def content(self, path: str, pieces: Iterator[bytes], depth: int, data: bytes | None = None) -> None:
        """
        Read a content that stands in `depth` archives, and the members that it has itself.

        `data` is that content where it is here as a whole, which `pieces` yields then.
        """
        self.at = path
        head = next(pieces, b"")
        while head and len(head) < HEAD and (more := next(pieces, b"")):
            head += more
        whole = chain((head,), pieces)
        form = archive_format(head[:HEAD])
        if form in READ and depth < DEPTH:
            try:
                self._open(form, path, whole, depth, data)
            except _damages():
                self.left.append(Left(path, f"a damaged {form} archive"))
            return
        if form:
            reason = f"an archive in {DEPTH} others" if form in READ else f"a {form} archive, a format that is not read"
            self.left.append(Left(path, reason))
        self._search(path, head, whole, None if form else data)

    def _search(self, path: str, head: bytes, whole: Iterator[bytes], data: bytes | None) -> None:
        """Search a content; `data` is that where it is here as a whole, and no archive."""
        kinds = keyfiles.kinds_of(plain_name(path))
        key_file = keyfiles.judge(kinds, head) if kinds else None
        name = sha256(data).digest() if data is not None else None
        if name in self._clean:
            matches: tuple[Match, ...] = ()
        else:
            matches = tuple(self._scan(whole))
            if name and not matches:
                self._remember(name)
        if matches or key_file:
            self.found.append(Found(path, matches, key_file))

    def _open(self, form: str, path: str, pieces: Iterator[bytes], depth: int, data: bytes | None) -> None:
        if form == "zip":
            self._zip(path, pieces, depth)
        elif form == "tar":
            if data is None or helper.native is None or (listed := helper.native.tar_members(data)) is None:
                for member in tar.members(Pieces(pieces)):
                    self._member(f"{path}!/{member.name}", member.pieces, depth)
                return
            for name, start, size in listed:
                self._member_here(f"{path}!/{tar.text(name)}", data[start : start + size], depth)
        else:
            opened = None
            if form == "gzip" and data is not None and helper.native is not None:
                opened = helper.native.gunzipped(data, self._room())
            if opened is None:
                inside = self._counted(_decompressed(form, pieces))
            else:
                self._count(len(opened))
                inside = _cut(opened)
            head = next(inside, b"")
            around_tar = archive_format(head[:HEAD]) == "tar"
            self.content(path, chain((head,), inside), depth if around_tar else depth + 1, opened)

    def _zip(self, path: str, pieces: Iterable[bytes], depth: int) -> None:
        held = self._held
        try:
            data = self._hold(pieces)
            if data.count(_CENTRAL_ENTRY) > MOST_MEMBERS:  # before they are listed, which takes memory for each
                raise _TooMuch(f"it has more than {MOST_MEMBERS} members")
            import zipfile

            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for info in archive.infolist():
                    self._zip_member(f"{path}!/{_name(info)}", archive, info, depth, data)
        finally:
            self._held = held

    def _zip_member(self, path: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo, depth: int, data: bytes) -> None:
        if info.flag_bits & _ENCRYPTED:
            self.left.append(Left(path, "an encrypted member"))
        # `zipfile` would decode a whole step of any other method at once.
        elif info.compress_type not in (_STORED, _DEFLATED):
            self.left.append(Left(path, "a member packed with a method that is not read"))
        elif info.file_size <= self._room() and (content := _inflated(data, info)) is not None:
            self._count(len(content))
            self._member_here(path, content, depth)
        else:
            try:
                with archive.open(info) as member:
                    self._member(path, self._counted(iter(lambda: member.read(PIECE), b"")), depth)
            except _damages():
                self.left.append(Left(path, "a damaged member"))

    def _member(self, path: str, pieces: Iterator[bytes], depth: int) -> None:
        self._begin(path)
        self.content(path, pieces, depth + 1)

    def _member_here(self, path: str, data: bytes, depth: int) -> None:
        self._begin(path)
        if len(data) <= PIECE and archive_format(data[:HEAD]) is None:
            self._search(path, data, iter((data,)), data)
        else:
            self.content(path, _cut(data), depth + 1, data)

    def _begin(self, path: str) -> None:
        self._members += 1
        self.at = path
        if self._members > MOST_MEMBERS:
            raise _TooMuch(f"it has more than {MOST_MEMBERS} members")

    def _remember(self, name: bytes) -> None:
        if len(self._clean) < MOST_CLEAN:
            self._clean.add(name)

    def _hold(self, pieces: Iterable[bytes]) -> bytes:
        parts = []
        for piece in pieces:
            self._held += len(piece)
            if self._held > LARGEST:
                raise _TooMuch(f"archives in it have more than {LARGEST >> 20} MiB")
            parts.append(piece)
        return b"".join(parts)

    def _counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._count(len(piece))
            yield piece

    def _room(self) -> int:
        """Return how many bytes may be unpacked at once."""
        return min(_AT_ONCE, self._limit - self._bytes)

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._bytes > self._limit:
            raise _TooMuch(f"it unpacks to more than {self._limit >> 20} MiB")


def _name(info: zipfile.ZipInfo) -> str:
    """Return a member's name as its bytes say (APPNOTE.TXT 4.4.17): `zipfile` cuts and turns what it dislikes."""
    raw = info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8_NAME else "cp437")
    return raw.decode("utf-8", "surrogateescape")


def _inflated(data: bytes, info: zipfile.ZipInfo) -> bytes | None:
    """Return the content of a member of a zip that has nothing unusual, by the helper; None without it."""
    if helper.native is None or info.flag_bits & _UNUSUAL or info.compress_type != _DEFLATED:
        return None
    if not 0 <= info.header_offset <= len(data) - _LOCAL_ENTRY.size:
        return None
    start = info.header_offset + _LOCAL_ENTRY.size
    signature, flags, method, name, extra = _LOCAL_ENTRY.unpack_from(data, info.header_offset)
    if signature != b"PK\x03\x04" or method != info.compress_type or (flags ^ info.flag_bits) & _UTF8_NAME:
        return None
    raw = info.orig_filename.encode("utf-8" if flags & _UTF8_NAME else "cp437")
    begin = start + name + extra
    packed = data[begin : begin + info.compress_size]
    if data[start : start + name] != raw or len(packed) != info.compress_size:
        return None
    return helper.native.inflated(packed, info.file_size, info.CRC)  # type: ignore[no-any-return]


def _cut(data: bytes) -> Iterator[bytes]:
    return iter((data,)) if len(data) <= PIECE else (data[at : at + PIECE] for at in range(0, len(data), PIECE))


def _decompressed(form: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the content in pieces, streams that follow each other as one."""
    if form == "gzip":
        import gzip

        with gzip.GzipFile(fileobj=io.BufferedReader(Pieces(pieces))) as file:
            yield from iter(lambda: file.read1(PIECE), b"")
        return
    make = _bzip2_decoder if form == "bzip2" else _xz_decoder
    source = Pieces(pieces)
    rest = source.take(_STEP)
    while rest:
        decoder = make()
        while not decoder.eof:
            piece = decoder.decompress(rest if decoder.needs_input else b"", PIECE)
            if piece:
                yield piece
            if decoder.needs_input and not decoder.eof:
                rest = source.take(_STEP)
                if not rest:
                    raise EOFError
            else:
                rest = b""
        rest = (decoder.unused_data or source.take(_STEP)).lstrip(b"\0")  # xz pads with zeros


def _bzip2_decoder() -> _Decoder:
    import bz2

    return bz2.BZ2Decompressor()


def _xz_decoder() -> _Decoder:
    import lzma

    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
