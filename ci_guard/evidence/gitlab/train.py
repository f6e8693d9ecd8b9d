"""Which merge requests a link of a merge train builds: its own, and those before it that have not landed."""

from __future__ import annotations

from typing import Final

from ci_guard.evidence.gitlab import records
from ci_guard.evidence.gitlab.client import Client
from ci_guard.evidence.gitlab.records import MergeRequest
from ci_guard.model.fact import Fact, Known, Unknown, unavailable
from ci_guard.model.review import ChangeState
from ci_guard.model.run import Run

LONGEST: Final = 20
"""Merge requests that GitLab builds of one train at the same time. Source: "Merge trains"."""


def get_group(client: Client, run: Run) -> Fact[tuple[MergeRequest, ...]]:
    """
    Return the merge requests that the built commit adds to its target, oldest first; the last is the run's own.

    Each link is a merge of the head (or its squashed commit) into what is before it, which is the target for the first.
    Where a link is none, as after a rebase, or its merge request cannot be told, the group is unknown.
    """
    if isinstance(run.branch, Unknown) or isinstance(run.sha, Unknown) or isinstance(run.change, Unknown):
        return next(fact for fact in (run.branch, run.sha, run.change) if isinstance(fact, Unknown))
    target, change = run.branch.value, run.change.value
    if target is None or change is None:
        return unavailable("the target of the merge train is not known", detail=run.change.detail)
    own, tip = records.get_merge_request(client, change.number), records.get_branch(client, target)
    if isinstance(own, Unknown):
        return own
    if isinstance(tip, Unknown):
        return tip
    if tip.value is None:
        return unavailable(f"the target {target} of the merge train does not exist", detail=tip.detail)
    found, commit = [own.value], run.sha.value
    for _ in range(LONGEST):
        link = records.get_commit(client, commit)
        if isinstance(link, Unknown):
            return link
        if len(link.value.parents) != 2:
            return unavailable(f"{commit[:12]} is no link of a merge train that can be told", detail=link.detail)
        commit, head = link.value.parents
        if link.value.sha != run.sha.value:
            other = _of_head(client, head, target)
            if isinstance(other, Unknown):
                return other
            found.append(other.value)
        if commit == tip.value.commit:
            return Known(value=tuple(reversed(found)), source=link.source, detail=link.detail)
    return unavailable(f"the merge train is longer than {LONGEST}", detail=tip.detail)


def _of_head(client: Client, head: str, target: str) -> Fact[MergeRequest]:
    """Return the open merge request of a head."""
    listed = records.get_merge_requests_of_commit(client, head)
    if isinstance(listed, Unknown):
        return listed
    fitting = [
        one
        for one in listed.value
        if one.state is ChangeState.OPEN and one.target_branch == target and head in (one.head, one.squash_commit)
    ]
    if len(fitting) != 1:
        return unavailable(f"no single open merge request has the head {head[:12]}", detail=listed.detail)
    return Known(value=fitting[0], source=listed.source, detail=listed.detail)
