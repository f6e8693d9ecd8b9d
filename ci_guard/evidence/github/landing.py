"""Which commits the merge of a pull request put on the first-parent line of its target branch."""

from __future__ import annotations

from collections.abc import Sequence

from ci_guard.evidence.github import compare, records
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.records import Commit, Pull
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, unavailable


def get_results(client: Client, pull: Pull, sha: str) -> Fact[frozenset[str]]:
    """
    Return the ids of what the merge made, as far as it takes to tell whether `sha` is one of them.

    A pull request that is not merged has made nothing, whatever its trial merge says.
    """
    if pull.merged_at is None:
        return Known(value=frozenset(), source=Source.API, detail=f"GET commits/{sha}/pulls")
    if pull.merge_commit == sha:
        return Known(value=frozenset({sha}), source=Source.API, detail=f"GET commits/{sha}/pulls")
    return apply(get_landing(client, pull), lambda line: frozenset(commit.sha for commit in line))


def get_landing(client: Client, pull: Pull) -> Fact[tuple[Commit, ...]]:
    """
    Return the commits that the merge made, newest first: the merge or squash commit, or all rebased ones.

    GitHub names the newest of them only, and no method. One with two parents is a merge. Otherwise the commits below it
    are compared with those of the pull request: a rebase keeps author, date and message of each, and leaves merges out.

    Source: "About merge methods on GitHub".
    """
    if pull.merge_commit is None:
        return unavailable(
            f"the server does not say which commit merged #{pull.number}", detail=f"GET pulls/{pull.number}"
        )
    newest = records.get_commit(client, pull.merge_commit)
    if isinstance(newest, Unknown) or len(newest.value.parents) != 1:
        return apply(newest, lambda commit: (commit,))
    own = records.get_commits_of_pull(client, pull.number)
    if isinstance(own, Unknown):
        return own
    replayed = _without_merges(own.value)
    if len(replayed) < 2:
        return apply(newest, lambda commit: (commit,))
    line = compare.get_first_parents(client, pull.base_sha, pull.merge_commit)
    if isinstance(line, Unknown):
        return line
    rebased = match_rebase(line.value, own.value)
    if rebased:
        return Known(value=rebased, source=line.source, detail=line.detail)
    if _is_replay(newest.value, replayed[0]):
        return unavailable(f"the rebased commits of #{pull.number} cannot be told from others", detail=line.detail)
    return apply(newest, lambda commit: (commit,))


def match_rebase(line: Sequence[Commit], own: Sequence[Commit]) -> tuple[Commit, ...]:
    """
    Return the newest commits of a first-parent line (newest first) that are a pull request's (oldest first), rebased.

    All of them in their order or nothing: were one allowed to be missing, a directly pushed commit that borrows its
    author and message could take its place.
    """
    replayed = _without_merges(own)
    if len(line) < len(replayed) or not all(map(_is_replay, line, replayed)):
        return ()
    return tuple(line[: len(replayed)])


def _without_merges(own: Sequence[Commit]) -> list[Commit]:
    return [commit for commit in reversed(own) if len(commit.parents) < 2]


def _is_replay(one: Commit, other: Commit) -> bool:
    def claims(commit: Commit) -> tuple[str, str, str, str]:
        return commit.author.name, commit.author.email, commit.author.date, commit.message.strip()

    return len(one.parents) < 2 and claims(one) == claims(other)
