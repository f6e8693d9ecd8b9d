"""Turns the server's job and the variables into the run that is judged: commit, branch, trust, change."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from ci_guard.evidence.gitlab import identity, places, records
from ci_guard.evidence.gitlab.client import Client, Sight
from ci_guard.evidence.gitlab.records import Job, MergeRequest
from ci_guard.evidence.gitlab.variables import Variables
from ci_guard.evidence.rest.shape import checked
from ci_guard.evidence.rest.together import two
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, unavailable
from ci_guard.model.run import NOTHING, ChangeReference, Event, Platform, Run

T = TypeVar("T")

HEADS: Final = "refs/heads/"
TAGS: Final = "refs/tags/"

CHANGE_REF: Final = re.compile(r"refs/merge-requests/([1-9][0-9]{0,17})/(head|merge|train)")
"""The refs of merge request pipelines: detached, merged results, merge train. Source: "Merge request pipelines"."""

BRANCHES: Final = "GET repository/branches"
OF_CHANGE: Final = "merge_request_event"

EVENTS: Final = {
    "schedule": Event.SCHEDULE,
    "web": Event.MANUAL,
    "api": Event.API,
    "trigger": Event.API,
    "parent_pipeline": Event.UPSTREAM,
    "pipeline": Event.UPSTREAM,
}
"""
The vocabulary, besides `push`, which is about a branch or a tag, and merge requests, whose ref says more than the
source: a child pipeline of a merge request's builds the same commit under the same trust.

Source: "Predefined CI/CD variables reference", `CI_PIPELINE_SOURCE`.
"""


@dataclass(frozen=True, kw_only=True)
class _Sight:
    """What there is to conclude from."""

    variables: Variables
    job: Fact[Job]
    ref: Fact[str]
    event: Fact[Event]
    change: Fact[MergeRequest] | None
    """The merge request that the ref names; None where it names none."""

    @property
    def kind(self) -> Event | None:
        """The event, where it is known."""
        return self.event.value if isinstance(self.event, Known) else None


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Who says which run this is: the variables, the server about the job, and the job's ID token."""

    variables: Variables
    job: Fact[Job]
    identity: identity.Outcome


def read_sources(client: Client, variables: Variables, audience: str | None) -> Sources:
    """
    Ask about the job, and let the client ask from now on about the project that the server names.

    At the same time it is asked what will be asked next if the variables are true: the merge request, the default
    branch, the keys of the instance. Nothing is concluded from that; where the server names another project, that one
    is asked again.
    """
    job, _ = two(client, lambda: records.get_job(client), lambda: _ask_ahead(client, variables, audience))
    client.belongs_to(_project(job))
    return Sources(variables=variables, job=job, identity=identity.verify(client, variables.id_token, audience, job))


def _project(job: Fact[Job]) -> int | Unknown:
    """Return the project that the job is of by the server's word, and by nobody else's."""
    if isinstance(job, Unknown):
        return job
    found = job.value.pipeline.project_id
    return unavailable("the server leaves it out", detail=job.detail) if found is None else found


def identify(client: Client, sources: Sources) -> Run:
    """Return the run. What the server says of the job wins over every variable; the ID token can only confirm it."""
    variables, job = sources.variables, sources.job
    ref = _ref(job, variables)
    event = _event(sources, ref)
    change = _change_of(client, ref) if isinstance(event, Known) else None
    sight = _Sight(variables=variables, job=job, ref=ref, event=event, change=change)
    path = places.project_path(client, job, variables)
    branch = _branch(sight)
    sha = _of_job(sight, "CI_COMMIT_SHA", lambda found: found.pipeline.sha, records.SHA)
    before = _before(client, sight)
    default = get_default_branch(client, variables)
    user = job.value.user.person.login if isinstance(job, Known) and job.value.user else ""
    return Run(
        platform=Platform.GITLAB,
        repository=path,
        repository_id=client.project,
        server_url=client.server_url,
        run_url=places.run_url(client, job, path),
        platform_event=_source(job, variables),
        event=identity.signed(event, sources.identity, "pipeline_source", _source(job, variables)),
        ref=ref,
        sha=identity.signed(sha, sources.identity, "sha", sha.value) if isinstance(sha, Known) else sha,
        branch=branch,
        tag=apply(ref, lambda name: name.removeprefix(TAGS) if name.startswith(TAGS) else None),
        default_branch=apply(default, lambda found: found.name),
        before=before,
        default_head=_default_head(sight, default, branch, before),
        change=_reference(client, sight, sha),
        trusted=_trusted(client, sight),
        actor=user or variables.get("GITLAB_USER_LOGIN"),
        triggering_actor=user or variables.get("GITLAB_USER_LOGIN"),
        notes=tuple(_notes(path, variables)),
        pages=places.pages(client, path),
    )


def change_number(ref: str) -> int | None:
    """Return the number in `refs/merge-requests/7/head`, None for any other ref."""
    found = CHANGE_REF.fullmatch(ref)
    return int(found[1]) if found else None


def get_default_branch(client: Client, variables: Variables) -> Fact[records.Branch]:
    """Return the default branch by the server's word; the variable only says where to look first."""
    claimed = variables.get("CI_DEFAULT_BRANCH")
    if claimed:
        branch = records.get_branch(client, claimed)
        if isinstance(branch, Unknown):
            return branch
        if branch.value is not None and branch.value.default:
            return Known(value=branch.value, source=branch.source, detail=BRANCHES)
    listed = records.get_branches(client)
    if isinstance(listed, Unknown):
        return listed
    found = next((branch for branch in listed.value if branch.default), None)
    if found is None:
        said = "the list shows no default branch" if listed.value else "the repository has no branch yet"
        return unavailable(said, detail=listed.detail)
    return Known(value=found, source=listed.source, detail=BRANCHES)


def _ask_ahead(client: Client, variables: Variables, audience: str | None) -> None:
    number = change_number(variables.get("CI_MERGE_REQUEST_REF_PATH"))
    calls: list[Callable[[], object]] = [lambda: get_default_branch(client, variables)]
    if number is not None:
        calls.append(lambda: records.get_merge_request(client, number))
    if variables.id_token and audience:
        calls.append(lambda: identity.get_keys(client))
    client.gather(*calls)


def _change_of(client: Client, ref: Fact[str]) -> Fact[MergeRequest] | None:
    number = change_number(ref.value) if isinstance(ref, Known) else None
    return None if number is None else records.get_merge_request(client, number)


def _source(job: Fact[Job], variables: Variables) -> str:
    """Return the platform's own word for the event."""
    said = job.value.pipeline.source if isinstance(job, Known) else None
    return said or variables.get("CI_PIPELINE_SOURCE")


def _ref(job: Fact[Job], variables: Variables) -> Fact[str]:
    """Return the full ref of the pipeline."""
    if isinstance(job, Known):
        name = job.value.pipeline.ref
        full = name if name.startswith("refs/") else f"{TAGS if job.value.tag else HEADS}{name}"
        return Known(value=full, source=job.source, detail=job.detail)
    for variable, prefix in (("CI_MERGE_REQUEST_REF_PATH", ""), ("CI_COMMIT_TAG", TAGS), ("CI_COMMIT_BRANCH", HEADS)):
        if name := variables.get(variable):
            return Known(value=f"{prefix}{name}", source=Source.ENV, detail=variable)
    return job


def _event(sources: Sources, ref: Fact[str]) -> Fact[Event]:
    if isinstance(ref, Unknown):
        return ref
    job, variables = sources.job, sources.variables
    name = _source(job, variables)
    known = isinstance(job, Known) and job.value.pipeline.source is not None
    source, detail = (job.source, job.detail) if isinstance(job, Known) else (Source.ENV, "CI_PIPELINE_SOURCE")
    if not known and isinstance(job, Known):
        source, detail = Source.ENV, "CI_PIPELINE_SOURCE"
    built = CHANGE_REF.fullmatch(ref.value)
    if built is not None:
        event: Event | None = Event.QUEUE if built[2] == "train" else Event.CHANGE
    elif name == OF_CHANGE:
        event = Event.CHANGE
    elif name == "push":
        event = Event.TAG if ref.value.startswith(TAGS) else Event.PUSH
    else:
        event = EVENTS.get(name)
    if event is not Event.CHANGE and event is not Event.QUEUE and _deploys(sources.identity):
        event = Event.DEPLOYMENT
    if event is not None:
        return Known(value=event, source=source, detail=detail)
    if not name:
        return unavailable("nothing says what started the pipeline", detail=detail)
    return unavailable(f"the pipeline source {name} has no place in ci-guard's vocabulary", detail=detail)


def _deploys(outcome: identity.Outcome) -> bool:
    """Tell whether the guard's own job has an environment, which only the ID token proves."""
    return isinstance(outcome, Known) and bool(outcome.value.text("environment"))


def _of_job(sight: _Sight, variable: str, pick: Callable[[Job], str], form: re.Pattern[str]) -> Fact[str]:
    """Return what the server's job says, else what a variable of that form claims."""
    if isinstance(sight.job, Known):
        return Known(value=pick(sight.job.value), source=sight.job.source, detail=sight.job.detail)
    claimed = sight.variables.get(variable)
    if not form.fullmatch(claimed):
        return sight.job
    return Known(value=claimed, source=Source.ENV, detail=variable)


def _branch(sight: _Sight) -> Fact[str | None]:
    """Return the branch that is built: none of a tag or a change, and on a train the target."""
    if sight.kind is Event.QUEUE and sight.change is not None:
        return apply(sight.change, lambda found: found.target_branch)
    if sight.kind is Event.CHANGE:
        return apply(sight.ref, lambda _: None)
    return apply(sight.ref, lambda name: name.removeprefix(HEADS) if name.startswith(HEADS) else None)


def _before(client: Client, sight: _Sight) -> Fact[str | None]:
    """
    Return where the branch stood before a push: the server's word, else the variable's, which then is its source.

    Source: Pipelines API, `before_sha`; "Predefined CI/CD variables reference", `CI_COMMIT_BEFORE_SHA`.
    """
    if isinstance(sight.event, Unknown):
        return sight.event
    if sight.event.value is not Event.PUSH:
        return Known(value=None, source=sight.event.source, detail=sight.event.detail)
    said = get_before(client, sight.job)
    if isinstance(said, Unknown):
        claimed = sight.variables.get("CI_COMMIT_BEFORE_SHA")
        if not records.SHA.fullmatch(claimed):
            return said
        said = Known(value=claimed, source=Source.ENV, detail="CI_COMMIT_BEFORE_SHA")
    return apply(said, lambda before: before if before.strip("0") else None)


def get_before(client: Client, job: Fact[Job]) -> Fact[str]:
    """Return where a push started by the server's word, in zeros where it created the branch."""
    if isinstance(job, Unknown):
        return job
    number = job.value.pipeline.id
    needs = "a token with read_api and the role Developer in CI_GUARD_TOKEN"
    answer = client.get(f"pipelines/{number}", sight=Sight.BY_STRONGER, needs=needs)
    return checked(answer, lambda body: records.sha(body, "before_sha"))


def _default_head(
    sight: _Sight, default: Fact[records.Branch], branch: Fact[str | None], before: Fact[str | None]
) -> Fact[str | None]:
    """Return what the default branch points at by the server's word, where a new branch is measured against it."""
    created = isinstance(before, Known) and before.value is None
    if not created or sight.kind is not Event.PUSH:
        return NOTHING
    if isinstance(branch, Unknown):
        return branch
    if isinstance(default, Unknown):
        return default
    return NOTHING if branch.value == default.value.name else apply(default, lambda found: found.commit)


def _reference(client: Client, sight: _Sight, sha: Fact[str]) -> Fact[ChangeReference | None]:
    """Return the change with the head that this pipeline is of, which may have moved on since."""
    if isinstance(sight.event, Unknown):
        return sight.event
    if sight.kind not in (Event.CHANGE, Event.QUEUE):
        return Known(value=None, source=sight.event.source, detail=sight.event.detail)
    if sight.change is None:
        return unavailable("the pipeline runs in a fork, where its merge request is not shown", detail=sight.ref.detail)
    if isinstance(sight.change, Unknown):
        return sight.change
    found, ends = sight.change.value, _ends(client, sight, sha)
    if isinstance(ends, Unknown):
        return ends
    target, head = ends.value
    if target is None and found.diff_refs is not None and found.diff_refs.head == head:
        target = found.diff_refs.start
    reference = ChangeReference(number=found.iid, head=head, target=found.target_branch, target_commit=target)
    return Known(value=reference, source=ends.source, detail=sight.change.detail)


def _ends(client: Client, sight: _Sight, sha: Fact[str]) -> Fact[tuple[str | None, str]]:
    """
    Return the commit of the target that was merged, None where that is not built, and the head of the change.

    A merged result is a merge of the target and the head, and so is a link of a train. Where that squashes, the head is
    the present one, because whoever pushes to a merge request takes it off the train.

    Source: "Merged results pipelines"; "Merge trains".
    """
    if isinstance(sha, Unknown):
        return sha
    built = CHANGE_REF.fullmatch(sight.ref.value) if isinstance(sight.ref, Known) else None
    kind = built[2] if built else ""
    if kind == "head":
        return apply(sha, lambda commit: (None, commit))
    parents = _parents(client, sight, sha.value)
    if isinstance(parents, Unknown):
        return parents
    if len(parents.value) != 2:
        return unavailable(f"{sha.value[:12]} is no merge of a target and a head", detail=parents.detail)
    first, second = parents.value
    if kind == "train":
        return _train_head(sight.change, second)
    return Known(value=(first, second), source=parents.source, detail=parents.detail)


def _train_head(change: Fact[MergeRequest] | None, merged: str) -> Fact[tuple[str | None, str]]:
    if change is None or isinstance(change, Unknown):
        return change or unavailable("the merge request of the train is not known")
    head = change.value.head
    if head is None or (head != merged and not change.value.squash):
        return unavailable(f"!{change.value.iid} has moved on since it was put on the train", detail=change.detail)
    return Known(value=(None, head), source=change.source, detail=change.detail)


def _parents(client: Client, sight: _Sight, sha: str) -> Fact[tuple[str, ...]]:
    if isinstance(sight.job, Known) and sight.job.value.parents is not None and sight.job.value.commit == sha:
        return Known(value=sight.job.value.parents, source=sight.job.source, detail=sight.job.detail)
    return apply(records.get_commit(client, sha), lambda commit: commit.parents)


def _trusted(client: Client, sight: _Sight) -> Fact[bool]:
    """
    Tell whether the run has the project's trust: a change from a fork has not.

    Only the server may say that it has not: the roles of people do not matter then, so a variable that makes a change
    one of a fork would open the gate. A merge request pipeline whose ref is a branch runs in the fork itself, with the
    trust of that.
    """
    if isinstance(sight.event, Unknown):
        return sight.event
    if sight.kind is not Event.CHANGE:
        return Known(value=True, source=sight.event.source, detail=sight.event.detail)
    if sight.change is None:
        return Known(value=True, source=sight.event.source, detail=sight.event.detail)
    if isinstance(sight.change, Known):
        found = sight.change.value
        own = found.source_project_id == found.target_project_id and str(found.target_project_id) == client.project
        return Known(value=own, source=sight.change.source, detail=sight.change.detail)
    source = sight.variables.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID")
    if source and source == client.project:
        return Known(value=True, source=Source.ENV, detail="CI_MERGE_REQUEST_SOURCE_PROJECT_ID")
    reason = f"a variable says that the change comes from a fork, which only the server may say: {sight.change.reason}"
    return replace(sight.change, reason=reason)


def _notes(path: str, variables: Variables) -> list[str]:
    """Say that project or group were renamed since the job began: all that is judged goes by the number."""
    claimed = variables.get("CI_PROJECT_PATH")
    if not claimed or not path or claimed == path:
        return []
    return [f"The project is {path} by the server's word; a variable still calls it {claimed[:200]}."]
