"""Turns what was found in contents into findings at places, each with a fingerprint that says nothing of the secret."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

from ci_guard.model.judgement import Location
from ci_guard.model.scan import SecretFinding, Skipped
from ci_guard.secrets.content import ContentKind
from ci_guard.secrets.keyfiles import KeyFile
from ci_guard.secrets.matcher import Match
from ci_guard.secrets.places import Place
from ci_guard.secrets.reading import Reading


def find_secrets(places: Iterable[Place], reading: Reading) -> tuple[SecretFinding, ...]:
    """
    Return the secrets of all places, sorted by where they stand.

    A secret that stands on several lines of a file is a finding for each line. Of several versions of a file, which
    places name in the order tree, work tree, range, the first one that has it counts.
    """
    placed: list[tuple[Place, Match]] = []
    known: set[tuple[str, str, bytes]] = set()
    for place in places:
        content = reading.contents.get(place.oid)
        if content is None or not content.matches:
            continue
        lines: dict[tuple[str, int, bytes], Match] = {}
        for match in content.matches:
            if (place.path, match.rule.id, match.identity) not in known:
                lines.setdefault((match.rule.id, match.line, match.identity), match)
        placed += ((place, match) for match in lines.values())
        known.update((place.path, match.rule.id, match.identity) for match in lines.values())
    placed.sort(key=lambda item: _order(item[0], item[1].rule.id, item[1].line, item[1].column))
    ordinals: Counter[tuple[str, str, bytes]] = Counter()
    findings = []
    for place, match in placed:
        same = (match.rule.id, place.path, match.context)
        findings.append(_secret(place, match, ordinals[same]))
        ordinals[same] += 1
    return tuple(findings)


def find_key_files(places: Iterable[Place], reading: Reading) -> tuple[SecretFinding, ...]:
    """Return the key files of all places, each path once for each kind, sorted."""
    found: dict[tuple[str, str], tuple[Place, KeyFile]] = {}
    for place in places:
        kind = reading.key_file(place.path, place.oid)
        if kind:
            found.setdefault((place.path, kind.id), (place, kind))
    return tuple(
        _key_file(place, kind) for place, kind in sorted(found.values(), key=lambda item: _order(item[0], item[1].id))
    )


def find_unread(places: Iterable[Place], reading: Reading) -> tuple[Skipped, ...]:
    """Return the places whose content was not read through."""
    archives = {place.path for place in places if _is(place, reading, ContentKind.ARCHIVE)}
    return tuple(Skipped(path=path, reason="an archive, whose members are not read") for path in sorted(archives))


def find_pointers(places: Iterable[Place], reading: Reading) -> set[str]:
    """Return the paths that have the name of a Git LFS content instead of the content."""
    return {place.path for place in places if _is(place, reading, ContentKind.LFS_POINTER)}


def _is(place: Place, reading: Reading, kind: ContentKind) -> bool:
    content = reading.contents.get(place.oid)
    return content is not None and content.kind is kind


def _order(place: Place, rule: str, line: int = 0, column: int = 0) -> tuple[str, int, int, str, str]:
    return (place.path, line, column, rule, place.commit or "")


def _secret(place: Place, match: Match, ordinal: int) -> SecretFinding:
    return SecretFinding(
        rule=match.rule.id,
        title=match.rule.title,
        severity=match.severity,
        location=Location(
            path=place.path or None, line=match.line, end_line=match.end_line, column=match.column, commit=place.commit
        ),
        preview=match.preview,
        fingerprint=fingerprint(match.rule.id, place.path, match.context, ordinal),
        detail=match.detail,
        remedy=match.rule.advice,
        remedy_url=match.rule.documentation,
    )


def _key_file(place: Place, kind: KeyFile) -> SecretFinding:
    return SecretFinding(
        rule=kind.id,
        title=kind.title,
        severity=kind.severity,
        location=Location(path=place.path, commit=place.commit),
        preview="…",
        fingerprint=fingerprint(kind.id, place.path, b"", 0),
        detail="its name and what it holds say so",
        remedy=kind.advice,
        remedy_url=kind.documentation,
    )


def fingerprint(rule: str, path: str, context: bytes, ordinal: int) -> str:
    """Return the contract's fingerprint; `context` is a digest of the line with its secrets masked."""
    parts = (rule.encode(), path.encode("utf-8", "surrogateescape"), context, str(ordinal).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()
