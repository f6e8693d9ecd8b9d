"""The merge request that a pipeline builds: its head, its target, and whether it comes from a fork."""

from __future__ import annotations

from ci_guard.evidence.gitlab import records
from ci_guard.evidence.gitlab.client import Client
from ci_guard.evidence.gitlab.records import Job, MergeRequest
from ci_guard.evidence.gitlab.sources import CHANGE_REF, Sources
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, unavailable
from ci_guard.model.run import ChangeReference
from ci_guard.records import replace


def get_reference(
    client: Client, job: Fact[Job], ref: Fact[str], sha: Fact[str], change: Fact[MergeRequest] | None
) -> Fact[ChangeReference | None]:
    """Return the change with the head that this pipeline is of, which may have moved on since."""
    if change is None:
        return unavailable("the pipeline runs in a fork, where its merge request is not shown", detail=ref.detail)
    if isinstance(change, Unknown):
        return change
    found, ends = change.value, _ends(client, job, ref, sha, found=change)
    if isinstance(ends, Unknown):
        return ends
    target, head = ends.value
    if target is None and found.diff_refs is not None and found.diff_refs.head == head:
        target = found.diff_refs.start
    reference = ChangeReference(number=found.iid, head=head, target=found.target_branch, target_commit=target)
    return Known(value=reference, source=ends.source, detail=change.detail)


def get_trust(client: Client, sources: Sources, change: Fact[MergeRequest]) -> Fact[bool]:
    """
    Tell whether the run of a change has the project's trust: one from a fork has not.

    Only the server may say that it has not: the roles of people do not matter then, so a variable that makes a change
    one of a fork would open the gate.
    """
    if isinstance(change, Known):
        found = change.value
        own = found.source_project_id == found.target_project_id and str(found.target_project_id) == client.project
        return Known(value=own, source=change.source, detail=change.detail)
    source = sources.variables.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID")
    if source and source == client.project:
        return Known(value=True, source=Source.ENV, detail="CI_MERGE_REQUEST_SOURCE_PROJECT_ID")
    reason = f"a variable says that the change comes from a fork, which only the server may say: {change.reason}"
    return replace(change, reason=reason)


def _ends(
    client: Client, job: Fact[Job], ref: Fact[str], sha: Fact[str], *, found: Known[MergeRequest]
) -> Fact[tuple[str | None, str]]:
    """
    Return the commit of the target that was merged, None where that is not built, and the head of the change.

    A merged result is a merge of the target and the head, and so is a link of a train. Where that squashes, the head is
    the present one, because whoever pushes to a merge request takes it off the train.

    Source: "Merged results pipelines"; "Merge trains".
    """
    if isinstance(sha, Unknown):
        return sha
    built = CHANGE_REF.fullmatch(ref.value) if isinstance(ref, Known) else None
    kind = built[2] if built else ""
    if kind == "head":
        return apply(sha, lambda commit: (None, commit))
    parents = _parents(client, job, sha.value)
    if isinstance(parents, Unknown):
        return parents
    if len(parents.value) != 2:
        return unavailable(f"{sha.value[:12]} is no merge of a target and a head", detail=parents.detail)
    first, second = parents.value
    if kind != "train":
        return Known(value=(first, second), source=parents.source, detail=parents.detail)
    head = found.value.head
    if head is None or (head != second and not found.value.squash):
        return unavailable(f"!{found.value.iid} has moved on since it was put on the train", detail=found.detail)
    return Known(value=(None, head), source=found.source, detail=found.detail)


def _parents(client: Client, job: Fact[Job], sha: str) -> Fact[tuple[str, ...]]:
    if isinstance(job, Known) and job.value.parents is not None and job.value.commit == sha:
        return Known(value=job.value.parents, source=job.source, detail=job.detail)
    return apply(records.get_commit(client, sha), lambda commit: commit.parents)
