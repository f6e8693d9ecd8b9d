"""Turns what was found in contents into findings at places, each with a fingerprint that says nothing of the secret."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from ci_guard import hashing
from ci_guard.model.judgement import Location
from ci_guard.model.scan import Confidence, SecretFinding, SecretPlace, Skipped
from ci_guard.records import replace
from ci_guard.rows import NamedTuple
from ci_guard.secrets.content import ContentKind

if TYPE_CHECKING:
    from ci_guard.secrets.excerpt import Excerpt
    from ci_guard.secrets.keyfiles import KeyFile
    from ci_guard.secrets.matcher import Match
    from ci_guard.secrets.places import Place
    from ci_guard.secrets.reading import Content, Reading


class PlacedSecret(NamedTuple):
    """A secret at one place."""

    finding: SecretFinding
    identity: bytes
    """Equal for equal secrets."""


Keeps: TypeAlias = "Callable[[SecretFinding, Excerpt | None], bool]"
"""Tells whether a finding counts, given what stands around its secret; that is None for a key file."""

Authors = Mapping[str, str]
"""Names of the authors of commits, by the commits' ids."""
_NOBODY: Authors = {}


def find_secrets(
    places: Iterable[Place], reading: Reading, keeps: Keeps, authors: Authors = _NOBODY
) -> tuple[SecretFinding, ...]:
    """Return the secrets of all places that count, each once, sorted by where they stand first."""
    return gather(place_secrets(places, reading, keeps), authors)


def place_secrets(places: Iterable[Place], reading: Reading, keeps: Keeps) -> list[PlacedSecret]:
    """
    Return the secrets of all places that count, sorted; one that stands on several lines is there for each.

    Of several versions of a file the first one that has a secret counts, in the order of the places.
    """
    placed: list[tuple[Place, Match]] = []
    known: set[tuple[str, str, str, bytes]] = set()
    for place in places:
        content = reading.contents.get(place.oid)
        if content is None:
            continue
        lines: dict[tuple[str, str, int, bytes], tuple[Place, Match]] = {}
        for path, match in _matches(place, content):
            if (path, place.what, match.rule.id, match.identity) not in known:
                there = place._replace(path=path)
                lines.setdefault((path, match.rule.id, match.line, match.identity), (there, match))
        placed += lines.values()
        known.update((there.path, there.what, match.rule.id, match.identity) for there, match in lines.values())
    placed.sort(key=lambda item: _order(item[0], item[1].rule.id, item[1].line, item[1].column))
    ordinals: Counter[tuple[str, str, bytes]] = Counter()
    secrets = []
    for place, match in placed:
        same = (match.rule.id, place.path, match.context)
        finding = _secret(place, match, ordinals[same])
        ordinals[same] += 1
        if keeps(finding, match.excerpt):
            secrets.append(PlacedSecret(finding, match.identity))
    return secrets


def gather(placed: Iterable[PlacedSecret], authors: Authors = _NOBODY) -> tuple[SecretFinding, ...]:
    """
    Return one finding for each secret, at the first of its places, with the others named.

    A place in a file that is there counts before one that only a commit of the range had. The finding is as severe and
    as sure as it is at its worst place. Where the first place is in history, the author of its commit is named.
    """
    groups: dict[tuple[str, bytes], list[SecretFinding]] = {}
    for secret in placed:
        groups.setdefault((secret.finding.rule, secret.identity), []).append(secret.finding)
    found = sorted(map(_gathered, groups.values()), key=lambda finding: _location_order(finding.location))
    return tuple(replace(each, detail=each.detail + _by(each.location.commit, authors)) for each in found)


def _gathered(findings: list[SecretFinding]) -> SecretFinding:
    first, *others = sorted(findings, key=lambda finding: finding.location.commit is not None)
    if not others:
        return first
    worst = min(findings, key=lambda finding: (finding.severity.rank, finding is not first))
    return replace(
        first,
        severity=worst.severity,
        confidence=min((finding.confidence for finding in findings), key=lambda confidence: confidence.rank),
        detail=worst.detail,
        others=tuple(
            SecretPlace(location=each.location, fingerprint=each.fingerprint, what=each.what) for each in others
        ),
    )


def find_key_files(
    places: Iterable[Place], reading: Reading, keeps: Keeps, authors: Authors = _NOBODY
) -> tuple[SecretFinding, ...]:
    """Return the key files of all places that count, each path once for each kind, sorted."""
    found: dict[tuple[str, str], tuple[Place, KeyFile]] = {}
    for place in places:
        for path, kind in _key_files(place, reading):
            found.setdefault((path, kind.id), (place._replace(path=path), kind))
    files = (
        _key_file(place, kind, authors)
        for place, kind in sorted(found.values(), key=lambda item: _order(item[0], item[1].id))
    )
    return tuple(finding for finding in files if keeps(finding, None))


def find_unread(places: Iterable[Place], reading: Reading) -> tuple[Skipped, ...]:
    """Return what was not read through of archives, at every place of theirs."""
    left = {
        (place.path + left.path, left.reason)
        for place in places
        if (content := reading.contents.get(place.oid))
        for left in content.unpacked.left
    }
    return tuple(Skipped(path=path, reason=reason) for path, reason in sorted(left))


def find_pointers(places: Iterable[Place], reading: Reading) -> set[str]:
    """Return the paths that have the name of a Git LFS content instead of the content."""
    return {place.path for place in places if _is(place, reading, ContentKind.LFS_POINTER)}


def _is(place: Place, reading: Reading, kind: ContentKind) -> bool:
    content = reading.contents.get(place.oid)
    return content is not None and content.kind is kind


def _matches(place: Place, content: Content) -> Iterator[tuple[str, Match]]:
    for match in content.matches:
        yield place.path, match
    for found in content.unpacked.found:
        for match in found.matches:
            yield place.path + found.path, match


def _key_files(place: Place, reading: Reading) -> Iterator[tuple[str, KeyFile]]:
    kind = reading.key_file(place.path, place.oid)
    if kind:
        yield place.path, kind
    content = reading.contents.get(place.oid)
    for found in content.unpacked.found if content else ():
        if found.key_file:
            yield place.path + found.path, found.key_file


def _order(place: Place, rule: str, line: int = 0, column: int = 0) -> tuple[str, int, int, str, str]:
    return (place.path, line, column, rule, place.commit or "")


def _location_order(location: Location) -> tuple[str, int, int, str]:
    return (location.path or "", location.line or 0, location.column or 0, location.commit or "")


def _secret(place: Place, match: Match, ordinal: int) -> SecretFinding:
    from ci_guard.secrets.paths import weighed

    severity, detail = weighed(place.path, match.severity, match.detail)
    return SecretFinding(
        rule=match.rule.id,
        title=match.rule.title,
        severity=severity,
        confidence=match.confidence,
        location=Location(
            path=place.path or None, line=match.line, end_line=match.end_line, column=match.column, commit=place.commit
        ),
        what=place.what,
        preview=match.preview,
        fingerprint=fingerprint(match.rule.id, place.path, match.context, ordinal),
        detail=detail,
        remedy=match.rule.advice,
        remedy_url=match.rule.documentation,
    )


def _key_file(place: Place, kind: KeyFile, authors: Authors) -> SecretFinding:
    from ci_guard.secrets.paths import weighed

    severity, detail = weighed(place.path, kind.severity, "its name and what it holds say so")
    return SecretFinding(
        rule=kind.id,
        title=kind.title,
        severity=severity,
        confidence=Confidence.HIGH,
        location=Location(path=place.path, commit=place.commit),
        preview="…",
        fingerprint=fingerprint(kind.id, place.path, b"", 0),
        detail=detail + _by(place.commit, authors),
        remedy=kind.advice,
        remedy_url=kind.documentation,
    )


def _by(commit: str | None, authors: Authors) -> str:
    """Return whose commit brought it: a stranger's words, which every reporter escapes."""
    author = authors.get(commit) if commit else None
    return f"; author of the commit: {author}" if author else ""


def fingerprint(rule: str, path: str, context: bytes, ordinal: int) -> str:
    """Return the contract's fingerprint; `context` is a digest of the line with its secrets masked."""
    parts = (rule.encode(), path.encode("utf-8", "surrogateescape"), context, str(ordinal).encode())
    return hashing.sha256(b"\0".join(parts))
