"""The reasons why a scan says less than it should, each in one place: code, kind, words and advice."""

from __future__ import annotations

from collections.abc import Collection

from ci_guard.errors import GitUnavailable
from ci_guard.git import ObjectsDamaged
from ci_guard.model.scan import Gap, GapKind

_SHOWN = 5
_FULL_CLONE = "Check the whole history out (`fetch-depth: 0`, `GIT_DEPTH: 0`), without a filter."


def other_head(head: str | None, commit: str) -> Gap:
    """Return the gap of a checkout that is not of the judged commit."""
    seen = f"commit {head[:12]}" if head else "no commit"
    message = (
        f"The checkout is at {seen}, and the run is for {commit[:12]}; the tree of {commit[:12]} was read all the same."
    )
    remedy = "Check out the commit of the run, without a `ref` of your own."
    return Gap(kind=GapKind.FAILS, code="head-differs", message=message, remedy=remedy)


def missing_commit(name: str, role: str) -> Gap:
    """Return the gap of a commit that is not in this clone."""
    message = f"{role} {name[:12]} is not in this clone." if name else f"{role} cannot be read."
    return Gap(kind=GapKind.UNKNOWN, code="commit-missing", message=message, remedy=_FULL_CLONE)


def unreadable(what: str, error: GitUnavailable) -> Gap:
    """Return the gap of a source that git could not read to the end."""
    if isinstance(error, ObjectsDamaged):
        return damaged(error.message)
    return Gap(
        kind=GapKind.UNKNOWN,
        code="objects-unreadable",
        message=f"The {what} could not be read: {error.message}.",
        remedy=_FULL_CLONE,
    )


def damaged(why: str) -> Gap:
    """Return the gap of an object database that does not hold what its ids say."""
    return Gap(
        kind=GapKind.FAILS,
        code="objects-damaged",
        message=f"The checkout is not what it says: {why}.",
        remedy="Clone anew; look at what ran in this job before, and check the clone with git fsck.",
    )


def missing_contents(count: int) -> Gap:
    """Return the gap of contents that a partial clone left out."""
    message = f"{_many(count, 'content')} of the commits that were asked for {_is(count)} not in this clone."
    return Gap(kind=GapKind.UNKNOWN, code="contents-missing", message=message, remedy=_FULL_CLONE)


def shallow_range() -> Gap:
    """Return the gap of a range that a shallow clone cuts short."""
    message = "The clone is shallow: the history of the range ends before its beginning."
    return Gap(kind=GapKind.UNKNOWN, code="shallow-range", message=message, remedy=_FULL_CLONE)


def shallow_history() -> Gap:
    """Return the gap of a history that a shallow clone cuts short."""
    message = "The clone is shallow: most of the history is not in it."
    return Gap(kind=GapKind.UNKNOWN, code="shallow-history", message=message, remedy=_FULL_CLONE)


def replaced_objects() -> Gap:
    """Return the gap of a repository that shows other objects than those that were named."""
    message = (
        "The clone has replacement objects (`refs/replace/`); they were ignored, and other tools see other content."
    )
    return Gap(kind=GapKind.FAILS, code="replaced-objects", message=message, remedy="Remove them: git replace -d.")


def grafts() -> Gap:
    """Return the gap of a repository with another history than its commits say."""
    message = "The clone has a graft file (`info/grafts`); it was ignored, and other tools see another history."
    return Gap(kind=GapKind.FAILS, code="grafts", message=message, remedy="Remove the file.")


def hidden_changes(paths: Collection[str]) -> Gap:
    """Return the gap of tracked files that were changed and that git was told not to look at."""
    message = (
        f"{_many(len(paths), 'tracked file')} {_is(len(paths))} changed and marked assume-unchanged or skip-worktree, "
        f"so git shows nothing of it: {_listed(paths)}."
    )
    remedy = "Clear the marks: git update-index --no-assume-unchanged --no-skip-worktree."
    return Gap(kind=GapKind.FAILS, code="hidden-changes", message=message, remedy=remedy)


def sparse_entries(count: int) -> Gap:
    """Return the note on tracked files that a sparse checkout leaves out of the work tree."""
    seen = f"{_many(count, 'tracked file')} {_is(count)} not in the work tree (sparse checkout)"
    message = f"{seen}; read from the object database."
    return Gap(kind=GapKind.NOTE, code="sparse-checkout", message=message)


def submodules(count: int) -> Gap:
    """Return the note on submodules."""
    message = f"{_many(count, 'submodule')} {_is(count)} another repository and not read here."
    return Gap(
        kind=GapKind.NOTE, code="submodules", message=message, remedy="Guard each submodule in its own repository."
    )


def bare() -> Gap:
    """Return the note on a repository without a work tree."""
    message = "The repository is bare: the tree of its head was read in place of a work tree."
    return Gap(kind=GapKind.NOTE, code="bare-repository", message=message)


def missing_lfs(paths: Collection[str]) -> Gap:
    """Return the gap of Git LFS contents that were not fetched."""
    message = f"{_many(len(paths), 'file')} {_is(len(paths))} kept in Git LFS and not fetched: {_listed(paths)}."
    remedy = "Fetch them: `lfs: true` for actions/checkout, or git lfs pull."
    return Gap(kind=GapKind.UNKNOWN, code="lfs-missing", message=message, remedy=remedy)


def past_lfs(paths: Collection[str]) -> Gap:
    """Return the note on Git LFS contents that only commits of the range name."""
    message = (
        f"{_many(len(paths), 'file')} had another Git LFS content in the range, which is not read: {_listed(paths)}."
    )
    return Gap(kind=GapKind.NOTE, code="lfs-past", message=message)


def nothing_staged() -> Gap:
    """Return the note on an index that brings no content that the last commit has not."""
    message = "Nothing is staged that the last commit has not."
    return Gap(kind=GapKind.NOTE, code="nothing-staged", message=message, remedy="Stage the change first: git add.")


def nothing_read(empty: bool) -> Gap:
    """Return the gap of a scan that read no content at all; that is never a clean one."""
    why = (
        "there is no commit, and no file that git does not ignore"
        if empty
        else "none of the files that should be there could be read"
    )
    return _nothing(why, "Check that this is the right folder.")


def no_commits() -> Gap:
    """Return the gap of a range alone that holds no commit, which is what two names in the wrong order give."""
    remedy = "Name the older one first, as in origin/main..HEAD. Where nothing is new, nothing is to be scanned."
    return _nothing("the first of the two commits has all that the second one has", remedy)


def _nothing(why: str, remedy: str) -> Gap:
    return Gap(kind=GapKind.FAILS, code="nothing-read", message=f"Nothing was read: {why}.", remedy=remedy)


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _listed(paths: Collection[str]) -> str:
    shown = sorted(paths)[:_SHOWN]
    return ", ".join(shown) + (f" and {len(paths) - len(shown)} more" if len(paths) > len(shown) else "")


def slow_engine() -> Gap:
    """Return the note that the engine in Python ran."""
    message = (
        "The scanner searched with its engine in Python, which finds the same and takes longer: hyperscan, "
        "the quicker one, is not installed or does not run on this machine."
    )
    return Gap(kind=GapKind.NOTE, code="slow-engine", message=message)
