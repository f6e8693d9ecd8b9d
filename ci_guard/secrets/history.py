"""Full history: where in it each secret stood first, and what of it cannot be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from functools import lru_cache
from typing import Any, Final

from ci_guard import late
from ci_guard.git import Repository
from ci_guard.git.history import Tips, begin, commits, heads, introduced, tips
from ci_guard.records import dataclass, field, replace
from ci_guard.secrets import places
from ci_guard.secrets.places import NO_FILE, Place
from ci_guard.secrets.reading import Reading, is_suspect
from ci_guard.secrets.survey import Secret, Survey, survey
from ci_guard.secrets.workers import processors, spread

_FEW_COMMITS: Final = 1000
"""Commits that are not worth a process."""
_TOLD: Final = 2000
_PATIENCE_SECONDS: Final = 3600.0
_AUTHOR: Final = late.pattern(rb"^author ([^\n]*?) ?<", re.MULTILINE)
_LONGEST_NAME: Final = 80
_AS_GIT: Final = ("utf-8", "surrogateescape")


@dataclass
class History:
    """What a repository's history holds."""

    places: list[Place] = field(default_factory=list)
    """Where what was found stands, and first of all; oldest first. Their contents were read."""
    names: list[Place] = field(default_factory=list)
    """Names of branches and tags."""
    commits: int = 0
    blobs: int = 0
    bytes: int = 0
    missing: int = 0
    """Contents that commits name and this clone does not have."""
    authors: dict[str, str] = field(default_factory=dict)
    """Names of the authors of the places' commits, as they stand there: strangers' text."""


def read(repository: Repository, reading: Reading, prefix: bytes, progress: Callable[[str], None]) -> History:
    """
    Read all that refs and the head lead to, each content once, and keep in `reading` what is to be reported.

    A first look at all stored objects tells which hold a secret; the history of the trees tells where these stand. Of
    several contents that have a secret at one path, the one that the oldest commit brought is then read as a whole, and
    proved by its id; only what that shows is reported. What no ref leads to is no part of the history.
    Raises: `GitUnavailable` when git cannot read an object.
    """
    patient = replace(repository, timeout_seconds=_PATIENCE_SECONDS)
    progress("listing history")
    seen, brought, walk = _seen(patient, reading, progress)
    others = tips(patient)
    found = [*brought, *_outside(patient, others)]
    missing = {place.oid for place in found if bytes.fromhex(place.oid) not in seen.blobs}
    found = [place for place in found if place.oid not in missing and place.path.encode(*_AS_GIT).startswith(prefix)]
    if not prefix:
        for what, oids in ((places.COMMIT_MESSAGE, walk), (places.TAG_MESSAGE, others.tags)):
            found += [Place(NO_FILE, oid, oid, what) for oid in oids if oid in seen.secrets]
    cut = len(places.text(prefix))
    found = [place._replace(path=place.path[cut:]) for place in found]
    progress("reading what was found")
    chosen = _settle(patient, reading, found, seen)
    return History(
        places=chosen,
        names=[] if prefix else _names(patient, reading, walk),
        commits=len(walk),
        blobs=len(seen.blobs),
        bytes=seen.bytes,
        missing=len(missing),
        authors=_authors(patient, {place.commit for place in chosen if place.commit}),
    )


def _seen(
    repository: Repository, reading: Reading, progress: Callable[[str], None]
) -> tuple[Survey, list[Place], list[str]]:
    """Return what a first look shows, where that stands, and all commits: by the helper where it can, else by git."""
    from ci_guard.git import packs

    # A shallow clone's commits name parents that are not to be there.
    walked = packs.native is None or repository.is_shallow()
    begin(repository, walked=walked)  # git lists while contents are read
    with packs.opened(repository) as here:
        if here is not None:
            from ci_guard.secrets.packed import Packed

            work = Packed(repository, here, reading, progress)
            with suppress(packs.Odd, packs.native.Odd):
                seen = work.survey()
                progress("finding where things stand")
                ids = bytes.fromhex("".join(commits(repository) if walked else heads(repository)))
                ids = ids if walked else work.walk(ids)
                return seen, list(work.brought(ids, seen)), ids.hex(" ", here.width).split()
    seen = survey(repository, reading, progress)
    progress("finding where things stand")
    walk = commits(repository)
    return seen, list(_brought(repository, walk, seen)), walk


def _brought(repository: Repository, walk: list[str], seen: Survey) -> Iterator[Place]:
    """Yield where what matters stands, the oldest commit first, and every content that is not here."""
    share = max(_FEW_COMMITS, -(-len(walk) // processors()))
    shares = [walk[start : start + share] for start in range(0, len(walk), share)]
    by_share: list[list[Any]] = [[] for _ in shares]
    with closing(spread(shares, lambda part: _rows(repository, part, seen))) as said:
        for number, rows in said:
            by_share[number] += rows
    known = set()
    for rows in by_share:
        for path, oid, commit in rows:
            if (path, oid) not in known:
                known.add((path, oid))
                yield Place(path, oid, commit)


def _rows(repository: Repository, walk: list[str], seen: Survey) -> Iterator[list[tuple[str, str, str]]]:
    suspect = lru_cache(1 << 16)(lambda path: is_suspect(places.text(path)))
    wanted = seen.secrets.keys() | seen.special
    known: set[tuple[bytes, str]] = set()
    rows: list[tuple[str, str, str]] = []
    with closing(introduced(repository, walk)) as brought:
        for commit, path, oid in brought:
            if oid in wanted or suspect(path) or bytes.fromhex(oid) not in seen.blobs:
                if (path, oid) in known:
                    continue
                known.add((path, oid))
                rows.append((places.text(path), oid, commit))
                if len(rows) == _TOLD:
                    yield rows
                    rows = []
    yield rows


def _outside(repository: Repository, others: Tips) -> Iterator[Place]:
    """Yield what refs lead to without a commit; a blob stands at no path, so the ref's object is its place."""
    with repository.reader() as reader:
        for oid in others.trees:
            for entry in reader.below(oid):
                if entry.mode != places.GITLINK:
                    yield Place(places.text(entry.path), entry.oid, oid)
    for oid in others.blobs:
        yield Place(NO_FILE, oid, oid, places.REF_CONTENT)


def _names(repository: Repository, reading: Reading, walk: list[str]) -> list[Place]:
    named = places.names(repository, set(walk))
    return [Place(NO_FILE, reading.name(each.name), each.commit, each.what) for each in named]


def _settle(repository: Repository, reading: Reading, found: list[Place], seen: Survey) -> list[Place]:
    """Read what is to be reported, and return its places in the given order."""
    chosen: dict[Place, None] = {}
    waiting: dict[tuple[str, Secret], list[Place]] = {}
    for place in found:
        if place.oid in seen.special or seen.is_suspect(place.path, place.oid):
            chosen[place] = None
        for secret in seen.secrets.get(place.oid, ()):
            waiting.setdefault((place.path, secret), []).append(place)
    while chosen or waiting:
        for candidates in waiting.values():
            chosen[candidates[0]] = None
        _read(repository, reading, chosen, seen)
        left = {}
        for (path, secret), candidates in waiting.items():
            content = reading.contents.get(candidates[0].oid)
            held = {(match.rule.id, match.identity) for match in content.matches} if content else set()
            # What the first look took for a secret may be none where it stands; then the next content may have it.
            if secret not in held and candidates[1:]:
                left[path, secret] = candidates[1:]
        if not left:
            break
        waiting = left
    return [place for place in dict.fromkeys(found) if place in chosen]


def _read(repository: Repository, reading: Reading, chosen: Iterable[Place], seen: Survey) -> None:
    wanted: dict[str, list[str]] = {}
    for place in chosen:
        if reading.lacks(place.oid, place.path):
            wanted.setdefault(place.oid, []).append(place.path)
    with closing(repository.objects(wanted)) as streams:
        for stream in streams:
            # One that is only suspect for its name was searched, and has nothing.
            clean = stream.oid not in seen.secrets and stream.oid not in seen.special
            reading.object(stream, wanted[stream.oid], clean=clean)


def _authors(repository: Repository, oids: set[str]) -> dict[str, str]:
    names = {}
    with closing(repository.objects(sorted(oids))) as streams:
        for stream in streams:
            author = _AUTHOR.search(stream.whole()) if stream.kind == "commit" else None
            if author:
                names[stream.oid] = author[1].decode("utf-8", "replace")[:_LONGEST_NAME]
    return names
