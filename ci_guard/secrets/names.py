"""Secrets in names of files and branches: found like others, and taken out of every text that is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, Final, TypeAlias

from ci_guard import late
from ci_guard.model.judgement import Location
from ci_guard.model.scan import Confidence, SecretFinding, SecretScan, Skipped, Suppressed
from ci_guard.records import replace
from ci_guard.secrets.findings import fingerprint
from ci_guard.secrets.places import FILE_NAME, Place, text

if TYPE_CHECKING:
    from ci_guard.secrets.matcher import Match
    from ci_guard.secrets.suppressions import Sieve

Search: TypeAlias = "Callable[[Iterator[bytes]], list[Match]]"
"""Finds the secrets of a text that comes in pieces."""

Hide = Callable[[str], str]
"""Returns a text with the preview of each secret in its place."""

_LONG: Final = late.pattern(r"[A-Za-z0-9]{12,}")
"""What every secret has that names tell for sure."""
_ID: Final = late.pattern(r"[0-9a-f]{40}|[0-9a-f]{64}|[0-9]+")
_TOGETHER: Final = 10_000
"""Names that are searched at once."""


def judged(
    found: SecretScan, places: Iterable[Place], clean: Iterable[bytes], search: Search, sieve: Sieve
) -> SecretScan:
    """
    Return a scan with the secrets of the names of its files, which no text in it holds any more.

    `clean` are the paths of the files in which there is nothing, most of all, and not among the places.

    Only what is sure counts: a name is short, and much in it looks random. Rules of the user's own have no say, because
    a change could bring one that blacks out paths. Members of archives count where something of theirs is told.
    """
    paths = chain(
        ((_raw(place.path), place.commit) for place in places),
        zip(clean, repeat(None)),
        ((_raw(path), None) for path in _told(found)),
    )
    matches = [(path, commit, match) for path, commit, match in _search(paths, search) if _counts(match)]
    if not matches:
        return found
    hide = _hiding(match for _, _, match in matches)
    named: dict[tuple[str, str | None], SecretFinding] = {}
    for path, commit, match in matches:
        finding = _finding(match, hide(path), commit)
        named.setdefault((finding.rule, finding.location.path), finding)
    before = len(sieve.suppressed), len(sieve.unreviewed)
    kept = [finding for finding in named.values() if sieve.keeps(finding, None)]
    found = _hidden(found, hide)
    return replace(
        found,
        findings=tuple(sorted((*found.findings, *kept), key=_order)),
        suppressed=(*found.suppressed, *sieve.suppressed[before[0] :]),
        unreviewed=(*found.unreviewed, *sieve.unreviewed[before[1] :]),
    )


def hiding(names: Iterable[str]) -> Hide | None:
    """
    Return what takes the secrets in these names out of any text; None where they have none that is sure.

    Raises: `ScanFault` where the scanner cannot search.
    """
    suspect = [name for name in names if any(not _ID.fullmatch(word[0]) for word in _LONG.finditer(name))]
    if not suspect:
        return None  # Mostly: and then no engine is opened for a policy that asks for no scan.
    from ci_guard.secrets.matcher import Matcher
    from ci_guard.secrets.rule import load

    found = _search(((_raw(name), None) for name in suspect), lambda pieces: Matcher(load()).scan_pieces(pieces))
    matches = [match for _, _, match in found if _counts(match)]
    return _hiding(matches) if matches else None


def _hiding(matches: Iterable[Match]) -> Hide:
    from urllib.parse import quote

    secrets = {match.excerpt.secret.decode("utf-8", "surrogateescape"): match.preview for match in matches}
    # In an address that was asked, signs of a secret are escaped.
    secrets |= {quote(secret, safe="", errors="surrogateescape"): preview for secret, preview in secrets.items()}

    def hide(text: str) -> str:
        for secret, preview in secrets.items():
            text = text.replace(secret, preview)
        return text

    return hide


def _search(paths: Iterator[tuple[bytes, str | None]], search: Search) -> Iterator[tuple[str, str | None, Match]]:
    """Yield each secret with its path and the commit that brought it; few paths are held at a time."""
    while part := list(islice(paths, _TOGETHER)):
        lines = b"\n".join([path for path, _ in part])
        if lines.count(b"\n") >= len(part):
            lines = b"\n".join([path.replace(b"\n", b"\r") for path, _ in part])
        for match in search(iter((lines + b"\n",))):
            path, commit = part[match.line - 1]
            yield text(path), commit, match


def _raw(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _counts(match: Match) -> bool:
    return match.confidence is Confidence.HIGH and not match.rule.own and match.line == match.end_line


def _told(found: SecretScan) -> Iterator[str]:
    """Yield every path that a scan tells."""
    covered = (one.finding for one in (*found.suppressed, *found.unreviewed))
    for finding in (*found.findings, *found.key_files, *covered):
        for location in (finding.location, *(other.location for other in finding.others)):
            if location.path:
                yield location.path
    yield from (skip.path for skip in found.skipped)


def _finding(match: Match, path: str, commit: str | None) -> SecretFinding:
    return SecretFinding(
        rule=match.rule.id,
        title=match.rule.title,
        severity=match.severity,
        confidence=match.confidence,
        location=Location(path=path, commit=commit),
        what=FILE_NAME,
        preview=match.preview,
        fingerprint=fingerprint(match.rule.id, path, FILE_NAME.encode(), 0),
        detail=match.detail,
        remedy=match.rule.advice,
        remedy_url=match.rule.documentation,
    )


def _hidden(found: SecretScan, hide: Hide) -> SecretScan:
    """Return a scan in which every text that holds a path was passed through `hide`."""

    def place(location: Location) -> Location:
        return replace(location, path=hide(location.path)) if location.path else location

    def finding(one: SecretFinding) -> SecretFinding:
        others = tuple(replace(other, location=place(other.location)) for other in one.others)
        return replace(one, location=place(one.location), others=others)

    def suppressed(one: Suppressed) -> Suppressed:
        return replace(one, finding=finding(one.finding), place=hide(one.place), reason=hide(one.reason))

    return replace(
        found,
        findings=tuple(map(finding, found.findings)),
        key_files=tuple(map(finding, found.key_files)),
        skipped=tuple(Skipped(path=hide(skip.path), reason=skip.reason) for skip in found.skipped),
        gaps=tuple(replace(gap, message=hide(gap.message)) for gap in found.gaps),
        suppressed=tuple(map(suppressed, found.suppressed)),
        unreviewed=tuple(map(suppressed, found.unreviewed)),
        remarks=tuple(map(hide, found.remarks)),
    )


def _order(finding: SecretFinding) -> tuple[str, int, int, str]:
    location = finding.location
    return (location.path or "", location.line or 0, location.column or 0, location.commit or "")
