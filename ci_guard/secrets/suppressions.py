"""What is not to count as a finding: each suppression covers what it names and nothing else, and is never silent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from ci_guard.model.scan import SecretFinding, Suppressed, SuppressionKind
from ci_guard.model.waiver import ENDS_SOON
from ci_guard.records import dataclass, field, replace
from ci_guard.rows import NamedTuple

if TYPE_CHECKING:
    from datetime import date

    from ci_guard.secrets.excerpt import Excerpt
    from ci_guard.secrets.inline import Comment
    from ci_guard.secrets.rule import Rule

Covers: TypeAlias = "Callable[[SecretFinding, Excerpt | None], bool]"
"""Tells of a finding, with what stands around the secret; None for a key file, which is a secret as a whole."""


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """One entry of a file. All that it names must hold; what is None names nothing."""

    kind: SuppressionKind
    place: str
    fingerprint: str | None = None
    path: str | None = None
    """Exact, relative to the root of the repository."""
    rules: frozenset[str] | None = None
    covers: Covers | None = None
    reason: str = ""
    until: date | None = None


@dataclass(frozen=True, kw_only=True)
class OwnRule:
    """A rule of the user's own, and where it applies."""

    rule: Rule
    place: str
    applies: Callable[[str], bool] | None = None
    """Tells of a path; None for everywhere."""


@dataclass(kw_only=True)
class Book:
    """Everything that the files of one tree say."""

    suppressions: list[Suppression] = field(default_factory=list)
    rules: list[OwnRule] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def indexed(self, today: date) -> Index:
        """Return what counts today, ready to be asked."""
        return Index([one for one in self.suppressions if one.until is None or today <= one.until])

    def ends(self, today: date) -> Iterator[str]:
        """Say which suppressions have ended or end soon, in the words that waivers have."""
        for one in self.suppressions:
            if one.until is not None and today > one.until:
                yield f"The suppression at {one.place} ended on {one.until} and does nothing."
            elif one.until is not None and one.until - today <= ENDS_SOON:
                yield f"The suppression at {one.place} ends on {one.until}."


class Index:
    """Suppressions by what they name, so that thousands of them cost nothing."""

    def __init__(self, suppressions: Iterable[Suppression]) -> None:
        self._by_fingerprint: dict[str, list[Suppression]] = {}
        self._by_path: dict[str, list[Suppression]] = {}
        self._others: list[Suppression] = []
        for one in suppressions:
            if one.fingerprint is not None:
                self._by_fingerprint.setdefault(one.fingerprint, []).append(one)
            elif one.path is not None:
                self._by_path.setdefault(one.path, []).append(one)
            else:
                self._others.append(one)

    def find(self, finding: SecretFinding, excerpt: Excerpt | None) -> Suppression | None:
        """Return the first suppression that covers a finding, whose path is relative to the root of the repository."""
        path = finding.location.path or ""
        candidates: tuple[Suppression, ...] = (
            *self._by_fingerprint.get(finding.fingerprint, ()),
            *self._by_path.get(path, ()),
            *self._others,
        )
        for one in candidates:
            named = one.path in (None, path) and (one.rules is None or finding.rule in one.rules)
            if named and (one.covers is None or one.covers(finding, excerpt)):
                return one
        return None


@dataclass(frozen=True, kw_only=True)
class Standard:
    """One side that suppressions are taken from: its files, and the contents in which comments must have stood."""

    book: Book
    stood: Callable[[str, Comment], bool]
    """Tells whether the lines of a comment and its secret stood at a path there."""


class _Sight(NamedTuple):
    """What suppressions are asked about."""

    finding: SecretFinding
    """With its path from the root of the repository."""
    excerpt: Excerpt | None
    comments: Sequence[Comment]


class Sieve:
    """Holds every finding against the suppressions, and remembers what became of it."""

    def __init__(
        self,
        *,
        trusted: Standard | None,
        brought: Standard | None,
        own_rules: Sequence[OwnRule],
        today: date,
        known: Callable[[], frozenset[str]],
        prefix: str = "",
    ) -> None:
        """
        Count what `trusted` suppresses; only report what `brought` would.

        `known` returns the ids of all rules. `prefix` is where the scanned folder lies in the repository, with a final
        `/`, as findings do not say it.
        """
        self.suppressed: list[Suppressed] = []
        self.unreviewed: list[Suppressed] = []
        self.remarks: dict[str, None] = {}
        self._today = today
        self._known = known
        self._prefix = prefix
        self._sides = [(side, side.book.indexed(today)) for side in (trusted,) if side]
        self._brought = [(side, side.book.indexed(today)) for side in (brought,) if side]
        self._applies: dict[str, list[OwnRule]] = {}
        for own in own_rules:
            self._applies.setdefault(own.rule.id, []).append(own)
        for side in (trusted, brought):
            if side:
                self.remarks.update(dict.fromkeys((*side.book.ends(today), *side.book.remarks)))

    def keeps(self, finding: SecretFinding, excerpt: Excerpt | None) -> bool:
        """Return whether a finding counts; `finding.location` is relative to the scanned folder."""
        path = self._prefix + (finding.location.path or "")
        if not self._applies_to(finding.rule, path):
            return False
        said = _comments(excerpt) if excerpt else []
        # What the files say is relative to the root of the repository.
        seen = replace(finding, location=replace(finding.location, path=path)) if self._prefix and path else finding
        for side, index in self._sides:
            if found := self._suppressed(finding, _Sight(seen, excerpt, said), side, index):
                self.suppressed.append(found)
                return False
        for side, index in self._brought:
            if found := self._suppressed(finding, _Sight(seen, excerpt, said), side, index):
                self.unreviewed.append(found)
        return True

    def _applies_to(self, rule: str, path: str) -> bool:
        owners = self._applies.get(rule)
        return not owners or any(own.applies is None or own.applies(path) for own in owners)

    def _suppressed(self, finding: SecretFinding, sight: _Sight, side: Standard, index: Index) -> Suppressed | None:
        seen, excerpt, said = sight
        path = seen.location.path or ""
        for comment in said:
            where = f"{path or 'a message'}:{(finding.location.line or 1) - comment.lines_above}"
            if why := comment.objection(finding.rule, self._known(), self._today):
                self.remarks[f"The comment at {where} suppresses nothing: {why}."] = None
            elif side.stood(path, comment):
                if comment.until and comment.until - self._today <= ENDS_SOON:
                    self.remarks[f"The suppression at {where} ends on {comment.until}."] = None
                return Suppressed(finding=finding, kind=comment.kind, place=where, until=comment.until)
        one = index.find(seen, excerpt)
        if one is None:
            return None
        return Suppressed(finding=finding, kind=one.kind, place=one.place, reason=one.reason, until=one.until)


def _comments(excerpt: Excerpt) -> Sequence[Comment]:
    from ci_guard.secrets.inline import comments

    return comments(excerpt)
