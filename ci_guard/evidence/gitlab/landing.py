"""Which commits the merge of a merge request put on the first-parent line of its target, and who put them there."""

from __future__ import annotations

from typing import Final

from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.gitlab import records
from ci_guard.evidence.gitlab.client import STRONGER, Client, Sight
from ci_guard.evidence.gitlab.people import GHOST
from ci_guard.evidence.gitlab.records import Commit, MergeRequest
from ci_guard.evidence.rest.shape import checked
from ci_guard.model.fact import Fact, Known, Source, Unknown, unavailable
from ci_guard.model.review import ChangeState
from ci_guard.model.run import Person

REPORTER: Final = f"{STRONGER}, with the role Reporter"


def get_commits(client: Client, change: MergeRequest) -> Fact[tuple[Commit, ...]]:
    """Return the commits of a merge request, which no job's token is shown. Source: Merge requests API."""
    return checked(
        client.get_all(f"merge_requests/{change.iid}/commits", sight=Sight.BY_STRONGER, needs=REPORTER),
        lambda items: tuple(records.parse_commit(item) for item in items),
    )


def get_results(client: Client, change: MergeRequest, sha: str, checkout: Checkout) -> Fact[frozenset[str]]:
    """
    Return the ids of what the merge made, as far as it takes to tell whether `sha` is one of them.

    A merge commit is the one result; without it a squashed commit is; without either the commits of the branch were
    put on the target as they are. Where GitLab rebases at the merge, it names no result, but knows the commit all the
    same: it is then one that the merge request itself does not have.

    Source: "Merge methods"; Merge requests API, `merge_commit_sha`, `squash_commit_sha`.
    """
    detail = f"GET repository/commits/{sha}/merge_requests"
    if change.state is not ChangeState.MERGED:
        return _known(frozenset(), detail)
    single = change.merge_commit or change.squash_commit
    if single is not None:
        return _known(frozenset({single}), detail)
    if change.head == sha:
        return _known(frozenset({sha}), detail)
    refs = change.diff_refs
    line = checkout.first_parents(refs.base, refs.head) if refs and refs.head == change.head else None
    if line is not None and sha in line:
        return Known(value=frozenset(line), source=Source.GIT, detail=detail)
    own = get_commits(client, change)
    if isinstance(own, Unknown):
        return own
    if any(commit.sha == sha for commit in own.value):
        said = f"whether {sha[:12]} is on the first-parent line of !{change.iid} is not known (`GIT_DEPTH: 0`)"
        return unavailable(said, detail=own.detail)
    return _known(frozenset({sha}), own.detail)


def get_pusher(client: Client, change: MergeRequest, checkout: Checkout) -> Fact[Person | None]:
    """
    Return who pushed the commit that merged a merge request, None where GitLab's own merge made it.

    GitLab calls a merge request merged, too, when its head arrives by a push, and takes the pushed commit that brought
    it for the merge commit, whatever else that holds.

    (1) Nobody can push a squashed commit: GitLab makes it, and a push would have to hold the head itself.
    (2) A merge commit is never the head, unless the head was pushed.
    (3) Without a merge commit it was a fast-forward by GitLab, as a push leaves its commit there.
    (4) A merge commit that holds the branch's changes and nothing else is as good as GitLab's own, which has no
    conflicts to resolve; git shows that. One with other parents or with more in it was pushed.

    Source: "Merge methods"; `MergeRequests::RefreshService`, manually merged.
    """
    detail = f"GET merge_requests/{change.iid}"
    pusher = Known(value=change.merged_by or GHOST, source=Source.DERIVED, detail=detail)
    if change.merge_commit is None:
        return Known(value=None, source=Source.DERIVED, detail=detail)
    if change.merge_commit == change.head:
        return pusher
    merge = records.get_commit(client, change.merge_commit)
    if isinstance(merge, Unknown):
        return merge
    parents = merge.value.parents
    if len(parents) == 2 and change.squash_commit == parents[1]:
        return Known(value=None, source=Source.DERIVED, detail=merge.detail)
    if len(parents) != 2 or parents[1] != change.head:
        return pusher
    refs = change.diff_refs
    base = refs.base if refs and refs.head == change.head else None
    plain = base and checkout.merges_plainly(change.merge_commit, base=base, first=parents[0], second=parents[1])
    if plain:
        return Known(value=None, source=Source.GIT, detail=f"git diff-tree {change.merge_commit[:12]}")
    if plain is False:
        return pusher
    said = f"this clone does not show whether {change.merge_commit[:12]} holds more than !{change.iid} (`GIT_DEPTH: 0`)"
    return unavailable(said, detail=merge.detail)


def get_base(client: Client, change: MergeRequest) -> Fact[str]:
    """Return the commit of the target branch that a merge request was, or would be, put on."""
    if change.state is not ChangeState.MERGED:
        branch = records.get_branch(client, change.target_branch)
        if isinstance(branch, Unknown):
            return branch
        if branch.value is None:
            return unavailable(f"the target branch {change.target_branch} does not exist", detail=branch.detail)
        return Known(value=branch.value.commit, source=branch.source, detail=branch.detail)
    single = change.merge_commit or change.squash_commit
    if single is None:
        if change.diff_refs is None:
            return unavailable("the server does not say where the merge request started")
        return _known_text(change.diff_refs.start, f"GET merge_requests/{change.iid}")
    made = records.get_commit(client, single)
    if isinstance(made, Unknown):
        return made
    if not made.value.parents:
        return unavailable(f"{single[:12]} has no parent", detail=made.detail)
    return _known_text(made.value.parents[0], made.detail)


def _known(value: frozenset[str], detail: str) -> Known[frozenset[str]]:
    return Known(value=value, source=Source.API, detail=detail)


def _known_text(value: str, detail: str) -> Known[str]:
    return Known(value=value, source=Source.API, detail=detail)
