"""Which pull requests a merge group holds."""

from __future__ import annotations

from typing import Any

from ci_guard.evidence.github import compare, landing, records
from ci_guard.evidence.github.client import Client, segment
from ci_guard.evidence.github.job import queue_of_ref
from ci_guard.evidence.github.records import Commit, Pull
from ci_guard.evidence.rest.shape import checked, record, text
from ci_guard.evidence.rest.together import two
from ci_guard.model.fact import Fact, Known, Unknown, unavailable
from ci_guard.model.review import ChangeState
from ci_guard.model.run import Run
from ci_guard.records import dataclass


@dataclass(frozen=True, kw_only=True)
class _Segment:
    """The commits that one pull request puts into the group."""

    number: int | None
    """Where a branch of the queue ends at the newest commit; None where only its second parent can tell."""
    commits: tuple[Commit, ...]
    """Newest first."""


def get_group(client: Client, run: Run) -> Fact[tuple[Pull, ...]]:
    """
    Return the open pull requests of the group, oldest first.

    Everything between the target branch and the built commit must belong to one of them, or the group is unknown.
    GitHub writes the names of the queue's branches (`pr-<number>-<commit it starts from>`); where one commit of the
    group has none, the second parent of its merge is the head of the pull request.

    Source: "Managing a merge queue"; webhook `merge_group`.
    """
    if isinstance(run.branch, Unknown) or isinstance(run.ref, Unknown) or isinstance(run.sha, Unknown):
        return next(fact for fact in (run.branch, run.ref, run.sha) if isinstance(fact, Unknown))
    own, target, sha = queue_of_ref(run.ref.value), run.branch.value, run.sha.value
    if own is None or target is None:
        return unavailable(f"{run.ref.value} is no branch of the merge queue", detail=run.ref.detail)
    names, walk = two(client, lambda: _get_queue_heads(client, target), lambda: _get_walk(client, target, sha))
    if isinstance(walk, Unknown):
        return walk
    # Without the other branches' names there are still the second parents.
    named = {**(names.value if isinstance(names, Known) else {}), sha: own.number}
    segments = _split(walk.value, named)
    if segments is None:
        return unavailable(
            "a commit of the merge group belongs to no pull request that can be told", detail=walk.detail
        )
    pulls = client.gather(*((lambda part=part: _get_pull(client, part, target)) for part in reversed(segments)))
    for pull in pulls:
        if isinstance(pull, Unknown):
            return pull
    found = tuple(pull.value for pull in pulls if isinstance(pull, Known))
    if len({pull.number for pull in found}) != len(found):
        return unavailable("two parts of the merge group name the same pull request", detail=walk.detail)
    return Known(value=found, source=walk.source, detail=walk.detail)


def _get_walk(client: Client, target: str, sha: str) -> Fact[tuple[Commit, ...]]:
    # By its commit: a tag of the branch's name must not shorten the way.
    head = records.get_branch_head(client, target)
    return head if isinstance(head, Unknown) else compare.get_first_parents(client, head.value, sha)


def _get_queue_heads(client: Client, target: str) -> Fact[dict[str, int]]:
    """Return the number that the name of each of the queue's branches gives, by the commit it points at."""

    def parse(items: Any) -> dict[str, int]:
        named: dict[str, set[int]] = {}
        for item in items:
            queue = queue_of_ref(text(item, "ref"))
            if queue is not None and queue.target == target:
                named.setdefault(records.sha(record(item, "object"), "sha"), set()).add(queue.number)
        return {commit: numbers.pop() for commit, numbers in named.items() if len(numbers) == 1}

    prefix = "/".join(segment(part) for part in f"gh-readonly-queue/{target}".split("/"))
    return checked(client.get_all(f"git/matching-refs/heads/{prefix}"), parse)


def _split(walk: tuple[Commit, ...], named: dict[str, int]) -> list[_Segment] | None:
    """Cut the first-parent line, newest first, into the part of each pull request; None where a commit has no owner."""
    segments: list[_Segment] = []
    for commit in walk:
        merge = len(commit.parents) > 1
        if commit.sha in named or merge:
            segments.append(_Segment(number=named.get(commit.sha), commits=(commit,)))
        elif segments and len(segments[-1].commits[0].parents) == 1:
            segments[-1] = _Segment(number=segments[-1].number, commits=(*segments[-1].commits, commit))
        else:
            return None
    return segments or None


def _get_pull(client: Client, part: _Segment, target: str) -> Fact[Pull]:
    newest = part.commits[0]
    pull = (
        _get_pull_of_head(client, newest.parents[1]) if part.number is None else records.get_pull(client, part.number)
    )
    if isinstance(pull, Unknown):
        return pull
    found = pull.value
    if found.state is not ChangeState.OPEN or found.base_ref != target:
        return unavailable(
            f"#{found.number} of the merge group is no open pull request for {target}", detail=pull.detail
        )
    if len(newest.parents) > 1 and newest.parents[1] != found.head_sha:
        return unavailable(f"#{found.number} has moved on since it was queued", detail=pull.detail)
    if len(part.commits) > 1:
        # Several commits without a merge are a rebased pull request, or a squashed one on top of another's.
        commits = records.get_commits_of_pull(client, found.number)
        if isinstance(commits, Unknown):
            return commits
        if len(landing.match_rebase(part.commits, commits.value)) != len(part.commits):
            return unavailable(f"not all commits of the merge group come from #{found.number}", detail=commits.detail)
    return pull


def _get_pull_of_head(client: Client, head: str) -> Fact[Pull]:
    pulls = records.get_pulls_of_commit(client, head)
    if isinstance(pulls, Unknown):
        return pulls
    fitting = [pull for pull in pulls.value if pull.head_sha == head and pull.state is ChangeState.OPEN]
    if len(fitting) != 1:
        return unavailable(f"no single open pull request has the head {head[:12]}", detail=pulls.detail)
    return Known(value=fitting[0], source=pulls.source, detail=pulls.detail)
