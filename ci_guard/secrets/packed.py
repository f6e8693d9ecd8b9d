"""Full history by way of the helper that reads packs: the same survey and the same places, many times as fast."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import IO, Any, Final

from ci_guard.errors import GitUnavailable
from ci_guard.git import ObjectsDamaged, Repository
from ci_guard.git import packs as packs_of
from ci_guard.git.packs import BLOB, Odd, Packs
from ci_guard.secrets import deltas, places, vendors
from ci_guard.secrets.content import BEGINNINGS, ContentKind
from ci_guard.secrets.keyfiles import MARK
from ci_guard.secrets.places import Place
from ci_guard.secrets.reading import NAME, Reading
from ci_guard.secrets.signs import groups
from ci_guard.secrets.survey import Secret, Survey
from ci_guard.secrets.workers import processors, spread

_FEW: Final = 2000
"""Objects that are not worth a process."""
_STEP: Final = 64 << 20
"""Bytes between two signs of life."""

_Share = tuple[int, int, IO[bytes]]
"""Which part of how many, and a file for what there is to tell that is long."""


class Packed:
    """The objects of a repository, looked at by several processes."""

    def __init__(self, repository: Repository, packs: Packs, reading: Reading, progress: Callable[[str], None]) -> None:
        """Look with the rules of a reading."""
        self._repository = repository
        self._packs = packs
        self._store = packs.store
        self._reading = reading
        self._progress = progress
        self._commits: list[bytes] = []
        """With their trees and parents, as the helper told them."""

    def survey(self) -> Survey:
        """
        Do what `survey.survey` does.

        Raises: `Odd` where the helper meets what it does not know.
        """
        matcher = self._reading.ready()
        vendors.load()
        self._store.contents(deltas.widths(matcher.triggers), BEGINNINGS, groups(), MARK)
        left = list(self._packs.left)
        found = Survey(blobs=set(_cut(self._store.ids(BLOB), self._packs.width)), marked=set())
        sets: dict[tuple[int, int], frozenset[Secret]] = {}
        done = 0
        with ExitStack() as files:
            shares = self._shares(files)
            with closing(spread(shares, lambda share: _known(self._look(*share)))) as said:
                for share, thing in said:
                    if not thing:
                        raise Odd
                    if len(thing) == 3:
                        size, oids, cut = thing
                        found.bytes += size
                        left += oids
                        file = _told(shares[share][2])
                        self._commits.append(file.read(cut))
                        self._reading.clean.update(_cut(file.read(), NAME))
                        continue
                    done += thing[0]
                    self._progress(f"reading history, {done} objects")
                    for oid, flags, number, new in thing[1]:
                        if new is not None:
                            sets[share, number] = frozenset((rule, bytes.fromhex(identity)) for rule, identity in new)
                        _note(found, oid, flags, sets[share, number])
        self._look_at_large(found, left)
        return found

    def walk(self, heads: bytes) -> bytes:
        """
        Return the ids of all commits that others lead to, as `history.commits` orders them, after the survey.

        `heads` are the others' ids in the order of `history.heads`. Raises: `Odd` where a commit is missing.
        """
        try:
            walk: bytes = self._store.order(self._commits, heads)
        except packs_of.native.Odd:
            raise Odd from None
        return walk

    def brought(self, walk: bytes, seen: Survey) -> Iterator[Place]:
        """
        Yield where what matters stands, the oldest commit first, and every content that is not here.

        `walk` are the ids of the commits in that order.
        Raises: `Odd` where a commit or a tree is missing, or the helper meets what it does not know.
        """
        wanted = seen.secrets.keys() | seen.special
        self._store.want(b"".join(map(bytes.fromhex, wanted | (seen.marked or set()))))
        parts = [(commits, b"", b"", b"") for commits in self._commits]
        with ExitStack() as files:
            shares = self._shares(files)
            with closing(spread(shares, lambda share: _known(self._read_trees(*share)))) as said:
                for share, thing in said:
                    if not thing:
                        raise Odd
                    if len(thing) == 3:
                        file = _told(shares[share][2])
                        rows, names, lost = map(file.read, thing)
                        parts.append((b"", rows, names, lost))
        try:
            found = self._store.walk(parts, walk)
        except packs_of.native.Odd:
            raise Odd from None
        for number, path, raw in found:
            oid = raw.hex()
            if oid in wanted or seen.is_suspect(places.text(path), oid) or raw not in seen.blobs:
                commit = walk[number * self._packs.width : (number + 1) * self._packs.width]
                yield Place(places.text(path), oid, commit.hex())

    def _shares(self, files: ExitStack) -> list[_Share]:
        parts = processors() if self._store.count() > _FEW else 1
        return [(part, parts, files.enter_context(tempfile.TemporaryFile())) for part in range(parts)]

    def _look(self, part: int, parts: int, file: IO[bytes]) -> Any:
        """
        Yield what a part of the contents and messages has.

        Shape: how many objects that were, and of each that has anything its id, its flags, the number of its set of
        secrets, and that set where the number is new; at the end the bytes that were read, the ids of what was not, and
        where in the file the commits end and the names of members without a secret begin.
        """
        visitor = deltas.Visitor(self._reading, self._reading.matcher.met)
        numbers: dict[frozenset[Secret], int] = {}
        for count, seen in self._steps(visitor, False, part, parts):
            lines: list[Any] = []
            for oid, flags, spans in seen:
                secrets = visitor.secrets(spans)
                new = None if secrets in numbers else [[rule, identity.hex()] for rule, identity in secrets]
                lines.append([oid.hex(), flags, numbers.setdefault(secrets, len(numbers)), new])
            yield count, lines
        size, left, commits, *_ = self._store.told()
        file.write(commits + b"".join(self._reading.clean))
        file.flush()
        yield size, [oid.hex() for oid in _cut(left, self._packs.width)], len(commits)

    def _read_trees(self, part: int, parts: int, file: IO[bytes]) -> Any:
        """Yield how many of a part of the trees were read; at the end the lengths of what the file has of them."""
        visitor = deltas.Visitor(self._reading, lambda _: [])
        size = 0
        for count, _ in self._steps(visitor, True, part, parts):
            size += file.write(self._store.rows())
            yield count, 0
        _, left, _, names, lost = self._store.told()
        if left:
            raise Odd
        file.write(names + lost)
        file.flush()
        yield size, len(names), len(lost)

    def _steps(self, visitor: deltas.Visitor, trees: bool, part: int, parts: int) -> Iterator[tuple[int, list[Any]]]:
        try:
            self._store.start(visitor, trees, part, parts)
            while (step := self._store.step(_STEP)) is not None:
                yield step
        except packs_of.native.Damaged as error:
            raise ObjectsDamaged(error.args[0].hex()) from None
        except packs_of.native.Odd:
            raise Odd from None

    def _look_at_large(self, found: Survey, oids: list[str]) -> None:
        """Look at what is too large for the helper."""
        with closing(self._repository.objects(oids)) as streams:
            for stream in streams:
                if stream.kind is None:
                    raise GitUnavailable(f"object {stream.oid} cannot be read", hint="check the clone with git fsck")
                content = self._reading.look(stream)
                if stream.kind == "blob":
                    found.blobs.add(bytes.fromhex(stream.oid))
                    found.bytes += stream.size
                special = deltas.SPECIAL if content.kind is not ContentKind.PLAIN else 0
                secrets = frozenset((match.rule.id, match.identity) for match in content.matches)
                _note(found, stream.oid, special | deltas.MARKED, secrets)


def _note(found: Survey, oid: str, flags: int, secrets: frozenset[Secret]) -> None:
    if flags & deltas.SPECIAL:
        found.special.add(oid)
    if flags & deltas.MARKED and found.marked is not None:
        found.marked.add(oid)
    if secrets:
        found.secrets[oid] = secrets


def _known(work: Iterator[Any]) -> Iterator[Any]:
    """Pass on what a process yields; what the helper does not know ends it with an empty list."""
    try:
        yield from work
    except Odd:
        yield []


def _cut(ids: bytes, width: int) -> Iterator[bytes]:
    return (ids[at : at + width] for at in range(0, len(ids), width))


def _told(file: IO[bytes]) -> IO[bytes]:
    """Return a reader of what another process wrote to a file, whose place in it this one does not know."""
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    return open(file.fileno(), "rb", closefd=False)
