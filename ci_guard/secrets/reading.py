"""Reads each content once, however often it stands somewhere, and keeps what was found in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, Final

from ci_guard import hashing
from ci_guard.git import ObjectStream
from ci_guard.rows import NamedTuple
from ci_guard.secrets import keyfiles
from ci_guard.secrets.content import COMPRESSED, HEAD, ContentKind, archive_format, classify, plain_name
from ci_guard.secrets.files import OpenFile
from ci_guard.secrets.keyfiles import KeyFile
from ci_guard.secrets.matcher import PIECE, Match, Matcher
from ci_guard.secrets.search import search, search_pieces
from ci_guard.secrets.unpacked import LARGEST, Unpacked

if TYPE_CHECKING:
    from hashlib import _Hash

_MOST_FOUND: Final = 20_000
"""Contents in which nothing was found that are remembered, for others that are the same."""
_SMALL: Final = 1 << 14
"""Bytes of a content that are soon copied."""
NAME: Final = 32
"""Bytes of what `unpack` calls the content of a member by."""


class Content(NamedTuple):
    """What is known of a content that was read."""

    kind: ContentKind
    matches: tuple[Match, ...]
    unpacked: Unpacked = Unpacked()
    """Of an archive."""


NOTHING: Final = Content(ContentKind.PLAIN, ())
"""Of a content in which there is nothing; most are such."""


class Reading:
    """
    The contents that were read, by git's object id of them.

    A work-tree file is named by the id that git would give its bytes, so a file that is as committed is not read again
    from the object database, and a file is never taken for unchanged because the index says so.
    """

    def __init__(self, matcher: Matcher, object_format: str) -> None:
        self.contents: dict[str, Content] = {}
        self.bytes = 0
        self.messages = 0
        """How many of the contents are no files: messages of commits and tags, names of branches and tags."""
        self.matcher = matcher
        self._algorithm = object_format
        self._found: dict[str, tuple[Match, ...]] = {}
        """What `nothing` found."""
        self.clean: set[bytes] = set()
        """Members of archives without a secret, as `unpack` names them."""
        self._judged: dict[tuple[str, str], KeyFile | None] = {}

    def file(self, file: OpenFile, path: str) -> str:
        """Read an open file and return its object id."""
        data = file.whole()
        if data is None:
            oid, head = self._in_pieces(file.pieces(), file.size)
        else:
            oid, head = self._oid(data), data
            self._keep(oid, len(data), lambda: self._content(head, self._found.pop(oid, None)))
        self._judge(oid, head, [path])
        return oid

    def nothing(self, data: bytes, path: str, expected: str | None) -> str | None:
        """
        Return the object id of a file in which there is nothing, and which has the expected one; else None.

        Nothing of that is kept but what spares `file` the same search.
        """
        kinds = _kinds_of(path)
        if classify(data[:HEAD]) is not ContentKind.PLAIN or (kinds and keyfiles.judge(kinds, data)):
            return None
        oid = self._oid(data)
        if expected not in (None, oid):
            return None
        found = self._found.get(oid)
        if found is None:
            found = tuple(self._scan(data))
            if found or len(self._found) < _MOST_FOUND:
                self._found[oid] = found
        return None if found else oid

    def nothing_in(self, stream: ObjectStream, paths: Iterable[str]) -> bool:
        """Return whether there is nothing in an object of the database that stands at some paths; nothing is kept."""
        head = stream.read(PIECE)
        if stream.kind in ("commit", "tag"):
            return not self._message(head, stream).matches
        if classify(head[:HEAD]) is not ContentKind.PLAIN:
            return False
        if any((kinds := _kinds_of(path)) and keyfiles.judge(kinds, head) for path in paths):
            return False
        return not self._stored(head, stream).matches

    def keep_nothing(self, contents: Iterable[tuple[str, int | None]]) -> None:
        """Keep that there is nothing in some contents, told by object id and size, which a message has none of."""
        for oid, size in contents:
            if oid not in self.contents:
                self.contents[oid] = NOTHING
                self.bytes += size or 0
                self.messages += size is None

    def stream(self, stream: BinaryIO) -> str:
        """Read a stream to its end and return a name for what it held."""
        return self._in_pieces(iter(lambda: stream.read(PIECE), b""), 0)[0]

    def name(self, name: bytes) -> str:
        """Read a name, such as that of a branch, and return a name for it."""
        oid = self._digest(len(name)).hexdigest() + name.hex()  # no object is called so
        if oid not in self.contents:
            self.contents[oid] = Content(ContentKind.PLAIN, tuple(self._scan(name)))
            self.messages += 1
        return oid

    def ready(self) -> Matcher:
        """
        Wait until contents can be searched, as must be before the process is forked, and return what searches them.

        Raises: `ScanFault` when the matching engine is missing or refuses the rules.
        """
        self.matcher.ready()
        hashing.expect_much()
        return self.matcher

    def search(self, pieces: Iterator[bytes]) -> list[Match]:
        """Return the secrets of a text that is no content, such as a list of names."""
        return self.matcher.scan_pieces(pieces)

    def object(self, stream: ObjectStream, paths: Iterable[str], *, clean: bool = False) -> None:
        """Read an object of the database that stands at the given paths; of one that is known to be clean, the kind."""
        head = stream.read(PIECE)
        if clean:
            self._keep(stream.oid, stream.size, lambda: Content(classify(head[:HEAD]), ()))
            self._judge(stream.oid, head, paths)
            return
        if stream.kind in ("commit", "tag"):
            self.contents[stream.oid] = self._message(head, stream)
            self.messages += 1
            return
        self._keep(stream.oid, stream.size, lambda: self._stored(head, stream))
        self._judge(stream.oid, head, paths)

    def look(self, stream: ObjectStream) -> Content:
        """Return what an object holds without keeping it; an archive is known as one, and not looked into."""
        head = stream.read(PIECE)
        if stream.kind in ("commit", "tag"):
            return self._message(head, stream)
        if classify(head[:HEAD]) is ContentKind.ARCHIVE:
            return Content(ContentKind.ARCHIVE, ())
        return self._stored(head, stream)

    def look_into(self, data: bytes) -> Content:
        """Return what a content holds without keeping it, with what is in it."""
        return self._content(data)

    @property
    def blobs(self) -> int:
        """How many contents of files were read."""
        return len(self.contents) - self.messages

    def lacks(self, oid: str, path: str) -> bool:
        """Return whether a content has yet to be read: not at all, or not for a path whose name makes it suspect."""
        return oid not in self.contents or ((path, oid) not in self._judged and is_suspect(path))

    def matters(self, oid: str, path: str) -> bool:
        """Return whether there is anything to say of a content at a path; of most there is nothing."""
        return self.contents.get(oid) != NOTHING or self.key_file(path, oid) is not None

    def key_file(self, path: str, oid: str) -> KeyFile | None:
        """Return what kind of key file a content is at a path."""
        return self._judged.get((path, oid))

    def _stored(self, head: bytes, stream: ObjectStream) -> Content:
        return self._content(head) if stream.size == len(head) else self._content_in_pieces(_chain(head, stream))

    def _message(self, head: bytes, stream: ObjectStream) -> Content:
        """Read a commit or a tag from where its message begins: behind the first empty line."""
        message = head.partition(b"\n\n")[2] or head
        if len(head) == stream.size:
            return Content(ContentKind.PLAIN, tuple(self._scan(message)))
        return Content(ContentKind.PLAIN, tuple(self._scan_pieces(_chain(message, stream))))

    def _in_pieces(self, pieces: Iterator[bytes], size: int) -> tuple[str, bytes]:
        """Read a content of the announced size and return its object id and its first piece."""
        digest = self._digest(size)
        head, read = b"", 0

        def passed_on() -> Iterator[bytes]:
            nonlocal head, read
            for piece in pieces:
                digest.update(piece)
                head = head or piece
                read += len(piece)
                yield piece

        content = self._content_in_pieces(passed_on())
        oid = digest.hexdigest()
        self._keep(oid, read, lambda: content)
        return oid, head

    def _digest(self, size: int) -> _Hash:
        return hashing.digest(self._algorithm, size, b"blob %d\0" % size)

    def _oid(self, data: bytes) -> str:
        if len(data) < _SMALL:  # a copy takes less than a second step
            content = b"blob %d\0%b" % (len(data), data)
            return hashing.digest(self._algorithm, len(content), content).hexdigest()
        digest = self._digest(len(data))
        digest.update(data)
        return digest.hexdigest()

    def _keep(self, oid: str, size: int, read: Callable[[], Content]) -> None:
        if oid not in self.contents:
            self.contents[oid] = read()
            self.bytes += size

    def _content(self, data: bytes, found: Sequence[Match] | None = None) -> Content:
        """Return what is known of a content that is here as a whole; `found` are its secrets, if it was searched."""
        kind = classify(data[:HEAD])
        matches = self._scan(data) if found is None else found
        if kind is not ContentKind.ARCHIVE:
            return Content(kind, tuple(matches))
        return _archive(matches, self._unpack(data))

    def _content_in_pieces(self, pieces: Iterator[bytes]) -> Content:
        """Return what is known of a content that comes in pieces; of an archive they are held, up to its limit."""
        first = next(pieces, b"")
        kind = classify(first[:HEAD])
        held: list[bytes] = []
        size = 0

        def holding() -> Iterator[bytes]:
            nonlocal size
            for piece in chain((first,), pieces):
                if kind is ContentKind.ARCHIVE:
                    size += len(piece)
                    held.append(piece)
                    if size > LARGEST:
                        held.clear()
                yield piece

        matches = self._scan_pieces(holding())
        if kind is not ContentKind.ARCHIVE:
            return Content(kind, tuple(matches))
        data = b"".join(held)
        held.clear()
        return _archive(matches, self._unpack(data) if size <= LARGEST else Unpacked.of_too_large())

    def _unpack(self, data: bytes) -> Unpacked:
        from ci_guard.secrets.unpack import unpack

        return unpack(data, self._scan_member, self.clean)

    def _scan_member(self, pieces: Iterator[bytes]) -> list[Match]:
        """Return the secrets of a member of an archive."""
        first = next(pieces, b"")
        second = next(pieces, b"")
        return self._scan_pieces(chain((first, second), pieces)) if second else self._scan(first)

    def _scan(self, data: bytes) -> list[Match]:
        """Return the secrets of a content, with those that are encoded in it."""
        return search(self.matcher, data)

    def _scan_pieces(self, pieces: Iterator[bytes]) -> list[Match]:
        return search_pieces(self.matcher, pieces)

    def _judge(self, oid: str, head: bytes, paths: Iterable[str]) -> None:
        for path in paths:
            kinds = _kinds_of(path)
            self._judged[path, oid] = keyfiles.judge(kinds, _opened(head)) if kinds else None


def is_suspect(path: str, *, marked: bool = True) -> bool:
    """Return whether a path is one that key files have, also compressed ones; `marked` is whether it has their mark."""
    return any(marked or not kind.marked for kind in _kinds_of(path))


def _kinds_of(path: str) -> tuple[KeyFile, ...]:
    return keyfiles.kinds_of(plain_name(path))


def _opened(head: bytes) -> bytes:
    """Return the beginning of a content, of one that is compressed that of what it holds."""
    if archive_format(head[:HEAD]) not in COMPRESSED:
        return head
    from ci_guard.secrets.unpack import opened

    return opened(head)


def _archive(plain: Sequence[Match], unpacked: Unpacked) -> Content:
    """Return what is known of an archive; what is stored in it as it is, counts for its member alone."""
    inside = {(match.rule.id, match.identity) for found in unpacked.found for match in found.matches}
    outside = tuple(match for match in plain if (match.rule.id, match.identity) not in inside)
    return Content(ContentKind.ARCHIVE, outside, unpacked)


def _chain(head: bytes, stream: ObjectStream) -> Iterator[bytes]:
    yield head
    while piece := stream.read(PIECE):
        yield piece
