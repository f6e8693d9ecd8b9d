"""How pull requests get onto a branch: merge, squash, rebase and the merge queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fakes.hub.history import merge_base, tree_changes
from tests.fakes.hub.people import MERGE_QUEUE, WEB_FLOW

if TYPE_CHECKING:
    from tests.fakes.hub.pulls import Pull
    from tests.fakes.hub.repository import Repository


@dataclass(frozen=True, kw_only=True)
class MergeGroup:
    """A group of the merge queue: what a `merge_group` event is about."""

    base_ref: str
    base_sha: str
    head_ref: str
    """Branch name without `refs/heads/`."""
    head_sha: str
    pulls: tuple[tuple[int, str, tuple[str, ...]], ...]
    """(number, merge commit, all commits that landed for it), in order."""
    by: str


def merge(repo: Repository, pull: Pull, *, by: str, method: str) -> str:
    """Merge at once and return the merge commit's sha."""
    by = repo.known(by)
    landed = _land_commits(repo, pull, onto=repo.branches[pull.base_ref], by=by, method=method)
    repo.push(pull.base_ref, landed[-1], by=by, activity="pr_merge")
    pull.record_merge(by=by, sha=landed[-1], landed=landed)
    return landed[-1]


def trial_merge(repo: Repository, pull: Pull) -> str:
    """Make the commit at `refs/pull/<number>/merge`, which runs of the pull request build."""
    onto = repo.branches[pull.base_ref]
    base = merge_base(repo.commits, onto, pull.head_sha)
    return repo.commit(
        f"Merge {pull.head_sha} into {onto}",
        author=pull.user or "ghost",
        committer=WEB_FLOW,
        parents=[onto, pull.head_sha],
        tree=_apply(repo, onto, base, pull.head_sha),
    )


def enqueue(repo: Repository, pulls: list[Pull], *, by: str, method: str) -> MergeGroup:
    """Build the group's commits on a synthetic branch, as GitHub does before the checks run."""
    base_ref = pulls[0].base_ref
    base_sha = tip = repo.branches[base_ref]
    entries = []
    for pull in pulls:
        landed = _land_commits(repo, pull, onto=tip, by=MERGE_QUEUE, method=method)
        tip = landed[-1]
        entries.append((pull.number, tip, tuple(landed)))
    head_ref = f"gh-readonly-queue/{base_ref}/pr-{pulls[-1].number}-{base_sha}"
    repo.push(head_ref, tip, by=MERGE_QUEUE)
    return MergeGroup(
        base_ref=base_ref, base_sha=base_sha, head_ref=head_ref, head_sha=tip, pulls=tuple(entries), by=repo.known(by)
    )


def land(repo: Repository, group: MergeGroup) -> str:
    """Fast-forward the base branch to the group and mark its pull requests as merged."""
    repo.push(group.base_ref, group.head_sha, by=MERGE_QUEUE, activity="merge_queue_merge")
    for number, sha, landed in group.pulls:
        repo.pulls[str(number)].record_merge(by=MERGE_QUEUE, sha=sha, landed=list(landed))
    repo.delete_branch(group.head_ref, by=MERGE_QUEUE)
    return group.head_sha


def _land_commits(repo: Repository, pull: Pull, *, onto: str, by: str, method: str) -> list[str]:
    """Make the commits that bring a pull request onto `onto`, oldest first."""
    own = repo.pull_commits(pull)
    base = merge_base(repo.commits, onto, pull.head_sha)
    tree = _apply(repo, onto, base, pull.head_sha)
    title = f"{pull.title} (#{pull.number})"
    if method == "merge":
        message = f"Merge pull request #{pull.number} from {pull.head_owner}/{pull.head_ref}\n\n{pull.title}"
        return [repo.commit(message, author=by, committer=WEB_FLOW, parents=[onto, pull.head_sha], tree=tree)]
    if method == "squash":
        author = pull.user or "ghost"
        writers = [repo.commits[sha].author for sha in own]
        others = dict.fromkeys(f"{w.name} <{w.email}>" for w in writers if w.login != author)
        return [
            repo.commit(title, author=author, committer=WEB_FLOW, parents=[onto], tree=tree, co_authors=list(others))
        ]
    if method != "rebase":
        raise ValueError(f"no merge method {method!r}")
    landed: list[str] = []
    for sha in own:
        commit = repo.commits[sha]
        parent = landed[-1] if landed else onto
        replayed = _apply(repo, parent, commit.parents[0] if commit.parents else None, sha)
        landed.append(repo.commit(commit.message, author=commit.author, committer=by, parents=[parent], tree=replayed))
    return landed


def _apply(repo: Repository, onto: str, base: str | None, head: str) -> dict[str, str]:
    """Return `onto`'s tree with the changes from `base` to `head`; the pull request wins a conflict."""
    tree = dict(repo.commits[onto].tree)
    wanted = repo.commits[head].tree
    for path, status, _ in tree_changes(repo.commits[base].tree if base else {}, wanted):
        if status == "removed":
            tree.pop(path, None)
        else:
            tree[path] = wanted[path]
    return tree
