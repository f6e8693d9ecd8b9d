"""Turns the server's job and the variables into the run that is judged: event, commit, branch, change, trust."""

from __future__ import annotations

from typing import Final

from ci_guard.evidence import id_token
from ci_guard.evidence.gitlab import change, identity, places, records
from ci_guard.evidence.gitlab.client import Client
from ci_guard.evidence.gitlab.records import Job, MergeRequest
from ci_guard.evidence.gitlab.sources import (
    CHANGE_REF,
    Sources,
    change_number,
    get_before,
    get_default_branch,
)
from ci_guard.evidence.gitlab.variables import Variables
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, unavailable
from ci_guard.model.run import NOTHING, ChangeReference, Event, Platform, Run
from ci_guard.object_ids import OBJECT_ID
from ci_guard.records import dataclass

HEADS: Final = "refs/heads/"
TAGS: Final = "refs/tags/"

OF_CHANGE: Final = "merge_request_event"
CHILD: Final = "parent_pipeline"

EVENTS: Final = {
    "schedule": Event.SCHEDULE,
    "web": Event.MANUAL,
    "api": Event.API,
    "trigger": Event.API,
    CHILD: Event.UPSTREAM,
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

    sources: Sources
    ref: Fact[str]
    event: Fact[Event]
    change: Fact[MergeRequest] | None
    """The merge request that the ref names; None where it names none."""

    @property
    def job(self) -> Fact[Job]:
        """The server's word about the job."""
        return self.sources.job

    @property
    def variables(self) -> Variables:
        """The claims."""
        return self.sources.variables

    @property
    def kind(self) -> Event | None:
        """The event, where it is known."""
        return self.event.value if isinstance(self.event, Known) else None


def identify(client: Client, sources: Sources) -> Run:
    """Return the run. What the server says of the job wins over every variable; the ID token can only confirm it."""
    variables, job = sources.variables, sources.job
    ref = _ref(job, variables)
    event = _event(sources, ref)
    number = change_number(ref.value) if isinstance(ref, Known) and isinstance(event, Known) else None
    found = None if number is None else records.get_merge_request(client, number)
    sight = _Sight(sources=sources, ref=ref, event=event, change=found)
    path = places.project_path(client, job, variables)
    branch, sha, before = _branch(sight), _sha(sight), _before(client, sight)
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
        default_branch=apply(default, lambda known: known.name),
        before=before,
        default_head=_default_head(sight, default, branch, before),
        change=_change(client, sight, sha),
        trusted=_trusted(client, sight),
        actor=user or variables.get("GITLAB_USER_LOGIN"),
        triggering_actor=user or variables.get("GITLAB_USER_LOGIN"),
        notes=tuple(_notes(path, variables)),
        pages=places.pages(client, path),
    )


def _source(job: Fact[Job], variables: Variables) -> str:
    """Return the platform's own word for the event."""
    said = job.value.pipeline.source if isinstance(job, Known) else None
    return said or variables.get("CI_PIPELINE_SOURCE")


def _ref(job: Fact[Job], variables: Variables) -> Fact[str]:
    """
    Return the full ref of the pipeline.

    A branch may be called like the ref of a merge request; only pipelines that can be of one are taken for that.
    """
    if isinstance(job, Known):
        name, of_change = job.value.pipeline.ref, job.value.pipeline.source in (OF_CHANGE, CHILD, None)
        is_full = of_change and CHANGE_REF.fullmatch(name) is not None
        full = name if is_full else f"{TAGS if job.value.tag else HEADS}{name}"
        return Known(value=full, source=job.source, detail=job.detail)
    for variable, prefix in (("CI_MERGE_REQUEST_REF_PATH", ""), ("CI_COMMIT_TAG", TAGS), ("CI_COMMIT_BRANCH", HEADS)):
        if name := variables.get(variable):
            return Known(value=f"{prefix}{name}", source=Source.ENV, detail=variable)
    return job


def _event(sources: Sources, ref: Fact[str]) -> Fact[Event]:
    if isinstance(ref, Unknown):
        return ref
    job, name = sources.job, _source(sources.job, sources.variables)
    source, detail = Source.ENV, "CI_PIPELINE_SOURCE"
    if isinstance(job, Known) and job.value.pipeline.source is not None:
        source, detail = job.source, job.detail
    built = CHANGE_REF.fullmatch(ref.value)
    if built is not None:
        return Known(value=Event.QUEUE if built[2] == "train" else Event.CHANGE, source=source, detail=detail)
    if name == OF_CHANGE:
        return Known(value=Event.CHANGE, source=source, detail=detail)
    if isinstance(sources.identity, Known) and sources.identity.value.text("environment"):
        # Only the ID token proves that the guard's own job has one.
        return Known(value=Event.DEPLOYMENT, source=Source.SIGNED, detail=id_token.DETAIL)
    pushed = Event.TAG if ref.value.startswith(TAGS) else Event.PUSH
    event = pushed if name == "push" else EVENTS.get(name)
    if event is not None:
        return Known(value=event, source=source, detail=detail)
    if not name:
        return unavailable("nothing says what started the pipeline", detail=detail)
    return unavailable(f"the pipeline source {name} has no place in ci-guard's vocabulary", detail=detail)


def _sha(sight: _Sight) -> Fact[str]:
    """Return the commit that is built: of a merged result the merge, not its head."""
    if isinstance(sight.job, Known):
        return Known(value=sight.job.value.pipeline.sha, source=sight.job.source, detail=sight.job.detail)
    claimed = sight.variables.get("CI_COMMIT_SHA")
    if not OBJECT_ID.fullmatch(claimed):
        return sight.job
    return Known(value=claimed, source=Source.ENV, detail="CI_COMMIT_SHA")


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
        if not OBJECT_ID.fullmatch(claimed):
            return said
        said = Known(value=claimed, source=Source.ENV, detail="CI_COMMIT_BEFORE_SHA")
    return apply(said, lambda before: before if before.strip("0") else None)


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


def _change(client: Client, sight: _Sight, sha: Fact[str]) -> Fact[ChangeReference | None]:
    if isinstance(sight.event, Unknown):
        return sight.event
    if sight.kind not in (Event.CHANGE, Event.QUEUE):
        return Known(value=None, source=sight.event.source, detail=sight.event.detail)
    return change.get_reference(client, sight.job, sight.ref, sha, sight.change)


def _trusted(client: Client, sight: _Sight) -> Fact[bool]:
    """
    Tell whether the run has the project's trust, as every pipeline has but that of a change from a fork.

    A merge request pipeline whose ref is a branch runs in the fork itself, with the trust of that.
    """
    if isinstance(sight.event, Unknown):
        return sight.event
    if sight.kind is Event.CHANGE and sight.change is not None:
        return change.get_trust(client, sight.sources, sight.change)
    return Known(value=True, source=sight.event.source, detail=sight.event.detail)


def _notes(path: str, variables: Variables) -> list[str]:
    """Say that project or group were renamed since the job began: all that is judged goes by the number."""
    claimed = variables.get("CI_PROJECT_PATH")
    if not claimed or not path or claimed == path:
        return []
    return [f"The project is {path} by the server's word; a variable still calls it {claimed[:200]}."]
