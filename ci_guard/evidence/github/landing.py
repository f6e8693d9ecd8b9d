"""Which commits the merge of a pull request put on the first-parent line of its target branch, and who put them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from ci_guard.evidence.github import compare, records
from ci_guard.evidence.github.accounts import GHOST
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.contributions import is_platform
from ci_guard.evidence.github.job import Job
from ci_guard.evidence.github.records import MERGES, Commit, Pull, Push
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, unavailable
from ci_guard.model.run import Person

SAME_MOMENT: Final = timedelta(minutes=10)
"""The log and the pull request may tell the time of one merge a little differently."""


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

    GitHub names the newest of them only, and no method. One with two parents is a merge. For the others the activity
    log says where the branch was before. Where it does not, or the queue merged several at once, the commits below are
    compared with those of the pull request: a rebase keeps author, date and message of each, and leaves merges out.

    Source: "About merge methods on GitHub".
    """
    if pull.merge_commit is None:
        return unavailable(
            f"the server does not say which commit merged #{pull.number}", detail=f"GET pulls/{pull.number}"
        )
    newest = records.get_commit(client, pull.merge_commit)
    if isinstance(newest, Unknown) or len(newest.value.parents) != 1:
        return apply(newest, lambda commit: (commit,))
    merge = get_merge(client, pull)
    if isinstance(merge, Unknown):
        return merge
    entry = merge.value
    base = entry.before if entry is not None else pull.base_sha
    if entry is not None and base == newest.value.parents[0]:
        return apply(newest, lambda commit: (commit,))
    if entry is not None and entry.kind == "pr_merge":
        return compare.get_first_parents(client, base, pull.merge_commit)
    own = records.get_commits_of_pull(client, pull.number)
    if isinstance(own, Unknown):
        return own
    replayed = _without_merges(own.value)
    if len(replayed) < 2:
        return apply(newest, lambda commit: (commit,))
    line = compare.get_first_parents(client, base, pull.merge_commit)
    if isinstance(line, Unknown):
        return line
    rebased = match_rebase(line.value, own.value)
    if rebased:
        return Known(value=rebased, source=line.source, detail=line.detail)
    if _is_replay(newest.value, replayed[0]):
        return unavailable(f"the rebased commits of #{pull.number} cannot be told from others", detail=line.detail)
    return apply(newest, lambda commit: (commit,))


def get_pusher(client: Client, job: Job, pull: Pull) -> Fact[Person | None]:
    """
    Return who pushed the commit that merged a pull request, None where the platform's own merge made it.

    GitHub marks a pull request as merged, too, when its head arrives by a push, and takes the pushed commit for its
    merge. The activity log tells the two apart. Where it does not show the commit, a merge or squash commit that GitHub
    signed was made by GitHub.

    Source: "About pull request merges", indirect merges; REST "List repository activities".
    """
    merge, log = get_merge(client, pull), _get_log(client, pull)
    if isinstance(merge, Unknown):
        return merge
    if isinstance(log, Unknown):
        return log
    if merge.value is not None:
        return Known(value=None, source=merge.source, detail=merge.detail)
    moves = [push for push in log.value if push.after == pull.merge_commit]
    if moves:
        return Known(value=moves[-1].actor or GHOST, source=log.source, detail=log.detail)
    commit = records.get_commit(client, pull.merge_commit or "")
    if isinstance(commit, Unknown):
        return commit
    if _is_made_by_platform(job, pull, commit.value):
        return Known(value=None, source=commit.source, detail=commit.detail)
    return unavailable(f"the activity log does not show how #{pull.number} was merged", detail=log.detail)


def get_merge(client: Client, pull: Pull) -> Fact[Push | None]:
    """
    Return the entry of the activity log in which the platform merged a pull request, None where it shows none.

    An entry of the queue may stand for several pull requests, and then ends at the last one's commit.
    """
    log = _get_log(client, pull)
    if isinstance(log, Unknown):
        return log
    moves = [push for push in log.value if push.after == pull.merge_commit]
    own = next((push for push in moves if push.kind in MERGES), None)
    if moves:
        return Known(value=own, source=log.source, detail=log.detail)
    groups = [push for push in log.value if push.kind == "merge_queue_merge" and _gap(push, pull) <= SAME_MOMENT]
    for group in sorted(groups, key=lambda push: _gap(push, pull))[:2]:
        line = compare.get_first_parents(client, group.before, group.after)
        if isinstance(line, Unknown):
            return line
        if any(commit.sha == pull.merge_commit for commit in line.value):
            return Known(value=group, source=log.source, detail=log.detail)
    return Known(value=None, source=log.source, detail=log.detail)


def _get_log(client: Client, pull: Pull) -> Fact[tuple[Push, ...]]:
    if pull.merged_at is None or pull.merge_commit is None:
        return unavailable(
            f"the server does not say which commit merged #{pull.number}", detail=f"GET pulls/{pull.number}"
        )
    return records.get_pushes_since(client, pull.base_ref, pull.merged_at, pull.merge_commit)


def _gap(push: Push, pull: Pull) -> timedelta:
    return abs(push.at - (pull.merged_at or push.at))


def _is_made_by_platform(job: Job, pull: Pull, commit: Commit) -> bool:
    """
    Tell whether GitHub signed a commit that looks like its merge of the pull request.

    It signs what people edit in the browser as well, so that a commit on top of the pull request's own is none, nor a
    merge of anything else.
    """
    fits = commit.parents[1:] == (pull.head_sha,) or (len(commit.parents) == 1 and commit.parents[0] != pull.head_sha)
    return commit.verified and is_platform(job, commit.committer) and fits


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
