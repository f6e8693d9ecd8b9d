"""Whose suppressions count: in a change those of its target, never the ones that it brings itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timezone
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from ci_guard.errors import GitUnavailable
from ci_guard.git import Repository
from ci_guard.records import dataclass, field, replace
from ci_guard.secrets import keyfiles, rule
from ci_guard.secrets.suppression_files import read_book
from ci_guard.secrets.suppression_files.context import Context
from ci_guard.secrets.suppressions import Book, Sieve, Standard
from ci_guard.secrets.tree_files import CommitFiles, FolderFiles, NoPlainFile, TreeFiles

if TYPE_CHECKING:
    from ci_guard.model.scan import Suppressed
    from ci_guard.secrets.inline import Comment
    from ci_guard.secrets.rule import Rule


_SHOWN: Final = 5
"""Places that a note names."""


def _today() -> date:
    return datetime.now(timezone.utc).date()


@dataclass(frozen=True, kw_only=True)
class Review:
    """Which suppressions count in a scan."""

    judged: str | None = None
    """The commit whose own suppressions are looked at; None for the folder as it is."""
    trusted: str | None = None
    """The commit whose suppressions count; None for those of what is judged."""
    counts: bool = True
    """False where none may count, because it is not known which commit is to be trusted."""
    doubt: str = ""
    """Why it is not known whether those that count were reviewed, as a clause."""
    today: date = field(default_factory=_today)
    """In UTC."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """Suppressions and rules, read and checked."""

    sieve: Sieve
    rules: Iterable[Rule]
    """The scanner's."""
    own: tuple[Rule, ...]
    """The user's own, also the ones that a change brings, which only find more."""
    doubt: str
    folder: bool
    """Whether the files count as they are: what one says of a secret then holds for the commit's version of it, too."""


def open_review(review: Review, repository: Repository | None, root: str | None, prefix: bytes = b"") -> Opened:
    """
    Read the suppressions that count, and those that a change brings.

    `root` is the scanned folder, which `prefix` leads to from the root of the repository; None where there is none.

    Raises: `PolicyError` where a file of ci-guard's own cannot be accepted, on either side.
    """
    built_in = rule.load()

    @cache
    def known() -> frozenset[str]:
        return frozenset((*(one.id for one in built_in), *rule.vendor_ids(), *(kind.id for kind in keyfiles.KEY_FILES)))

    context = Context(known=known, line_at=_lines_of(repository) if repository else lambda *_: None)
    judged_files = _files(review.judged, repository, root)
    judged = Standard(book=read_book(judged_files, context) if judged_files else Book(), stood=lambda *_: True)
    sides: dict[str, Standard | None]
    if not review.counts:
        sides = {"trusted": None, "brought": judged}
    elif repository is None or review.trusted in (None, review.judged):
        sides = {"trusted": judged, "brought": None}
    else:
        files = CommitFiles(repository, str(review.trusted))
        sides = {"trusted": Standard(book=read_book(files, context), stood=_stood(files)), "brought": judged}
    own = [one for side in sides.values() if side for one in side.book.rules]
    sieve = Sieve(
        trusted=sides["trusted"],
        brought=sides["brought"],
        own_rules=own,
        today=review.today,
        known=lambda: known() | {one.rule.id for one in own},
        prefix=prefix.decode("utf-8", "surrogateescape"),
    )
    # A rule that both sides have is one rule.
    rules = tuple(replace(one, own=True) for one in dict.fromkeys(one.rule for one in own))
    return Opened(sieve=sieve, rules=built_in, own=rules, doubt=review.doubt, folder=review.judged is None)


def unheeded(unreviewed: Sequence[Suppressed], doubt: str) -> Iterator[str]:
    """Say which suppressions hide nothing yet: whoever has just written one would take it for a mistake of theirs."""
    places = list(dict.fromkeys(one.place for one in unreviewed))
    if not places:
        return
    shown = ", ".join(places[:_SHOWN]) + (f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else "")
    if doubt:
        reason = doubt.rstrip(".")
        yield f"It is not known whether these suppressions were reviewed, so they do not count: {shown}; {reason}."
    else:
        yield (
            f"What is judged brings these suppressions itself, so they do not count yet: {shown}. "
            "Merge them in a reviewed change of their own first."
        )


def _files(commit: str | None, repository: Repository | None, root: str | None) -> TreeFiles | None:
    """Return the files of a commit, else of the work tree, else of the head of a bare repository."""
    if repository is None:
        return FolderFiles(root) if root else None
    if commit is None and repository.work_tree is not None:
        return FolderFiles(repository.work_tree)
    found = repository.rev_parse(commit or "HEAD")
    return CommitFiles(repository, found) if found else None


def _stood(files: TreeFiles) -> Callable[[str, Comment], bool]:
    """Return whether lines stood at a path of a tree; contents are read once while findings go through a file."""
    from ci_guard.secrets.inline import stood_in

    @lru_cache(maxsize=8)
    def content(path: str) -> bytes | None:
        try:
            return files.read(path)
        except NoPlainFile:
            return None

    def stood(path: str, comment: Comment) -> bool:
        there = content(path) if path and "!/" not in path else None
        return there is not None and stood_in(there, comment)

    return stood


def _lines_of(repository: Repository) -> Callable[[str, str, int], bytes | None]:
    @lru_cache(maxsize=64)
    def lines(commit: str, path: str) -> list[bytes]:
        try:
            if repository.rev_parse(commit) != commit:
                return []
            return (CommitFiles(repository, commit).read(path) or b"").split(b"\n")
        except (GitUnavailable, NoPlainFile):
            return []

    def line_at(commit: str, path: str, number: int) -> bytes | None:
        found = lines(commit, path)
        return found[number - 1] if 0 < number <= len(found) else None

    return line_at
