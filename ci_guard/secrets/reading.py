"""Reads each content once, however often it stands somewhere, and keeps what was found in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, NamedTuple

from ci_guard.git import ObjectStream
from ci_guard.secrets import keyfiles
from ci_guard.secrets.content import HEAD, ContentKind, classify
from ci_guard.secrets.files import OpenFile
from ci_guard.secrets.keyfiles import KeyFile
from ci_guard.secrets.matcher import PIECE, Match, Matcher


class Content(NamedTuple):
    """What is known of a content that was read."""

    kind: ContentKind
    matches: tuple[Match, ...]


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
        """How many of the contents are messages of commits."""
        self._matcher = matcher
        self._hash = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}[object_format]
        self._judged: dict[tuple[str, str], KeyFile | None] = {}

    def file(self, file: OpenFile, path: str) -> str:
        """Read an open file and return its object id."""
        data = file.whole()
        if data is None:
            oid, head = self._in_pieces(file.pieces(), file.size)
        else:
            digest = self._digest(len(data))
            digest.update(data)
            oid, head = digest.hexdigest(), data
            self._keep(oid, data, len(data), lambda: self._matcher.scan(head))
        self._judge(oid, head, [path])
        return oid

    def stream(self, stream: BinaryIO) -> str:
        """Read a stream to its end and return a name for what it held."""
        return self._in_pieces(iter(lambda: stream.read(PIECE), b""), 0)[0]

    def object(self, stream: ObjectStream, paths: Iterable[str]) -> None:
        """Read an object of the database that stands at the given paths."""
        head = stream.read(PIECE)
        if stream.kind == "commit":
            self._read_message(head, stream)
            return

        def scan() -> list[Match]:
            if stream.size == len(head):
                return self._matcher.scan(head)
            return self._matcher.scan_pieces(_chain(head, stream))

        self._keep(stream.oid, head, stream.size, scan)
        self._judge(stream.oid, head, paths)

    @property
    def blobs(self) -> int:
        """How many contents of files were read."""
        return len(self.contents) - self.messages

    def lacks(self, oid: str, path: str) -> bool:
        """Return whether a content has yet to be read: not at all, or not for a path whose name makes it suspect."""
        return oid not in self.contents or ((path, oid) not in self._judged and bool(keyfiles.kinds_of(path)))

    def key_file(self, path: str, oid: str) -> KeyFile | None:
        """Return what kind of key file a content is at a path."""
        return self._judged.get((path, oid))

    def _read_message(self, head: bytes, stream: ObjectStream) -> None:
        """Read a commit from where its message begins (gitformat-commit: behind the first empty line)."""
        message = head.partition(b"\n\n")[2] or head
        self.contents[stream.oid] = Content(
            ContentKind.PLAIN, tuple(self._matcher.scan_pieces(_chain(message, stream)))
        )
        self.messages += 1

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

        matches = self._matcher.scan_pieces(passed_on())
        oid = digest.hexdigest()
        self._keep(oid, head, read, lambda: matches)
        return oid, head

    def _digest(self, size: int) -> hashlib._Hash:
        return self._hash(b"blob %d\0" % size, usedforsecurity=False)

    def _keep(self, oid: str, head: bytes, size: int, scan: Callable[[], list[Match]]) -> None:
        if oid not in self.contents:
            self.contents[oid] = Content(classify(head[:HEAD]), tuple(scan()))
            self.bytes += size

    def _judge(self, oid: str, head: bytes, paths: Iterable[str]) -> None:
        for path in paths:
            kinds = keyfiles.kinds_of(path)
            self._judged[path, oid] = keyfiles.judge(kinds, head) if kinds else None


def _chain(head: bytes, stream: ObjectStream) -> Iterator[bytes]:
    yield head
    while piece := stream.read(PIECE):
        yield piece
