"""A first look at every stored object: which hold what secret. What it finds is read again before it is reported."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any, Final

from ci_guard.errors import GitUnavailable
from ci_guard.git import Repository
from ci_guard.git.history import stored
from ci_guard.records import dataclass, field
from ci_guard.secrets.content import ContentKind
from ci_guard.secrets.reading import Reading, is_suspect
from ci_guard.secrets.workers import processors, spread

_SMALL_SHARE: Final = 8 << 20
"""Bytes that are not worth a process."""
_TOLD: Final = 2000
"""Objects between two signs of life."""

Secret = tuple[str, bytes]
"""A rule's id and the secret's identity, as `Match` has them."""


@dataclass
class Survey:
    """What the first look showed."""

    secrets: dict[str, frozenset[Secret]] = field(default_factory=dict)
    """By object: what it seems to hold."""
    special: set[str] = field(default_factory=set)
    """Contents that are more than they look: archives, pointers, ciphertext."""
    marked: set[str] | None = None
    """Contents that may have `keyfiles.MARK`; None where any may."""
    blobs: set[bytes] = field(default_factory=set)
    """Ids, not in hex, of the blobs that were looked at."""
    bytes: int = 0

    def is_suspect(self, path: str, oid: str) -> bool:
        """Return whether a content can be a key file at a path."""
        return is_suspect(path, marked=self.marked is None or oid in self.marked)


def survey(repository: Repository, reading: Reading, progress: Callable[[str], None]) -> Survey:
    """
    Look at every blob, commit and tag that is stored, also those that no ref leads to any more.

    Raises: `GitUnavailable` when git cannot read one.
    """
    found = Survey()
    ids, sizes = bytearray(), array("Q")
    for item in stored(repository):
        if item.kind != "tree":
            oid = bytes.fromhex(item.oid)
            ids += oid
            sizes.append(item.size)
            if item.kind == "blob":
                found.blobs.add(oid)
                found.bytes += item.size
    reading.ready()
    width = len(ids) // max(len(sizes), 1)
    shares = _shares(sizes)
    done = 0
    with closing(spread(shares, lambda share: _look(repository, reading, ids, width, share))) as said:
        for _, (count, seen) in said:
            done += count
            progress(f"reading history, {done} of {len(sizes)} objects")
            note(found, seen)
    return found


def note(found: Survey, seen: list[Any]) -> None:
    """Take over what a process saw."""
    for oid, special, secrets in seen:
        if special:
            found.special.add(oid)
        if secrets:
            found.secrets[oid] = frozenset((rule, bytes.fromhex(identity)) for rule, identity in secrets)


def _shares(sizes: Sequence[int]) -> list[range]:
    """Return parts of about the same size, in the order of what is stored."""
    total = sum(sizes)
    count = max(1, min(processors(), total // _SMALL_SHARE))
    ends: list[int] = []
    size = 0
    for number, each in enumerate(sizes):
        while len(ends) < size * count // (total + 1):
            ends.append(number)
        size += each
    ends += [len(sizes)] * (count - len(ends))
    return [range(start, end) for start, end in zip((0, *ends), ends, strict=False)]


def _look(
    repository: Repository, reading: Reading, ids: bytes | bytearray, width: int, share: range
) -> Iterator[tuple[int, list[Any]]]:
    """Yield how many objects were looked at since, and what was seen in them; `ids` are of `width` bytes each."""
    count, seen = 0, []
    with closing(repository.objects(ids[width * each : width * (each + 1)].hex() for each in share)) as streams:
        for stream in streams:
            if stream.kind is None:
                raise GitUnavailable(f"object {stream.oid} cannot be read", hint="check the clone with git fsck")
            content = reading.look(stream)
            special = content.kind is not ContentKind.PLAIN
            if content.matches or special:
                secrets = [(match.rule.id, match.identity.hex()) for match in content.matches]
                seen.append((stream.oid, special, secrets))
            count += 1
            if count == _TOLD:
                yield count, seen
                count, seen = 0, []
    yield count, seen
