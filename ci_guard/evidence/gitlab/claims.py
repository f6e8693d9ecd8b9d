"""What predefined variables say about the run, beside what the server and the ID token say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from ci_guard.errors import GitUnavailable
from ci_guard.evidence import remotes
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.gitlab import event, records
from ci_guard.evidence.gitlab.client import Client
from ci_guard.evidence.gitlab.records import Job, MergeRequest
from ci_guard.evidence.gitlab.sources import Sources, change_number, get_before
from ci_guard.evidence.gitlab.surroundings import VARIABLE
from ci_guard.evidence.gitlab.variables import TOKEN
from ci_guard.evidence.id_token import DETAIL, OF_THIS_JOB, Refused
from ci_guard.model.fact import Cause, Fact, Known, Source, Unknown, apply, unavailable
from ci_guard.model.run import Claim, Event, Run

OF_JOB: Final[Mapping[str, tuple[str, Callable[[Job], object]]]] = {
    "CI_PROJECT_ID": ("job_project_id", lambda job: job.pipeline.project_id),
    "CI_PIPELINE_ID": ("pipeline_id", lambda job: job.pipeline.id),
    "CI_JOB_ID": ("job_id", lambda job: job.id),
    "CI_PIPELINE_SOURCE": ("pipeline_source", lambda job: job.pipeline.source),
    "CI_COMMIT_SHA": ("sha", lambda job: job.pipeline.sha),
    "CI_COMMIT_TAG": ("", lambda job: job.pipeline.ref if job.tag else "no tag"),
    "GITLAB_USER_ID": ("user_id", lambda job: job.user.person.id if job.user else None),
    "GITLAB_USER_LOGIN": ("user_login", lambda job: job.user.person.login if job.user else None),
}
"""By variable: the ID token's claim that says the same, empty where there is none, and the server's word."""

OF_CHANGE: Final[Mapping[str, Callable[[MergeRequest], int | str | None]]] = {
    "CI_MERGE_REQUEST_PROJECT_ID": lambda change: change.target_project_id,
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": lambda change: change.source_project_id,
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": lambda change: change.source_branch,
}
"""Variables of a merge request that keep their value; its target can be changed at any time."""


def get_claims(client: Client, sources: Sources, run: Run, checkout: Checkout) -> Fact[tuple[Claim, ...]]:
    """
    Return every claim about who, what and where that the server can answer: by variables, ID token and clone.

    A pipeline variable, a schedule's, a project's or a dotenv file overwrites each variable. A claim stands here only
    where the two words must agree in every honest run: the project's path can be renamed while the job runs, and the
    id covers it. What is not set claims nothing.

    Source: "GitLab CI/CD variables", "CI/CD variable precedence"; "Predefined CI/CD variables reference".
    """
    if isinstance(run.event, Unknown):
        return run.event
    claims = [
        *_of_token(sources),
        *_of_environment(sources),
        *(_of_job(sources, variable) for variable in OF_JOB),
        *_of_ref(sources, run.event.value),
        *_of_branches(client, sources, run),
        *_of_change(client, sources, run),
        *_of_clone(client, run, checkout),
    ]
    made = tuple(claim for claim in claims if claim.claimed)
    return Known(value=made, source=run.event.source, detail=run.event.detail)


def _of_token(sources: Sources) -> Iterator[Claim]:
    """Yield the claim that the token makes by being there."""
    outcome = sources.identity
    if isinstance(outcome, Refused):
        refused = Known(value=f"no: {outcome.reason}", source=Source.API, detail=DETAIL)
        yield Claim(name=TOKEN, claimed=OF_THIS_JOB, truth=refused)
    elif outcome is not None:
        yield Claim(name=TOKEN, claimed=OF_THIS_JOB, truth=apply(outcome, lambda _: OF_THIS_JOB))


def _of_environment(sources: Sources) -> Iterator[Claim]:
    """Yield the claim which environment the job has, where a verified token answers it: one without names none."""
    if isinstance(sources.identity, Known):
        said = apply(sources.identity, lambda token: token.text("environment") or "no environment")
        yield Claim(name=VARIABLE, claimed=sources.variables.get(VARIABLE), truth=said)


def _of_job(sources: Sources, variable: str) -> Claim:
    """Return the claim of a variable about the job: signed where the ID token says the same as the server."""
    signed, pick = OF_JOB[variable]
    truth, outcome = _said(sources.job, pick), sources.identity
    if isinstance(truth, Known) and isinstance(outcome, Known) and outcome.value.text(signed) == truth.value:
        truth = Known(value=truth.value, source=outcome.source, detail=outcome.detail)
    return Claim(name=variable, claimed=sources.variables.get(variable), truth=truth)


def _of_ref(sources: Sources, kind: Event) -> Iterator[Claim]:
    """Yield the claims about the ref. That of a merge request's pipeline is named after the source branch."""
    of_change = kind in (Event.CHANGE, Event.QUEUE)
    branch = _said(sources.job, lambda job: "no branch" if job.tag or of_change else job.pipeline.ref)
    yield Claim(name="CI_COMMIT_BRANCH", claimed=sources.variables.get("CI_COMMIT_BRANCH"), truth=branch)
    if not of_change:
        ref = _said(sources.job, lambda job: job.pipeline.ref)
        yield Claim(name="CI_COMMIT_REF_NAME", claimed=sources.variables.get("CI_COMMIT_REF_NAME"), truth=ref)


def _of_branches(client: Client, sources: Sources, run: Run) -> Iterator[Claim]:
    """Yield the claims which branch is the default one, and where a push started, as far as a token shows that."""
    default = run.default_branch
    if isinstance(default, Known) or default.cause is Cause.UNAVAILABLE:
        # Nothing is judged by the variable: where the server hides the branch, there is no lie to be found.
        claimed = sources.variables.get("CI_DEFAULT_BRANCH")
        yield Claim(name="CI_DEFAULT_BRANCH", claimed=claimed, truth=default)
    if client.stronger and isinstance(run.event, Known) and run.event.value is Event.PUSH:
        claimed = sources.variables.get("CI_COMMIT_BEFORE_SHA")
        yield Claim(name="CI_COMMIT_BEFORE_SHA", claimed=claimed, truth=get_before(client, sources.job))


def _of_change(client: Client, sources: Sources, run: Run) -> Iterator[Claim]:
    """Yield the claims about the merge request. In a fork it is another project's, which the server does not show."""
    variables, job = sources.variables, sources.job
    number = change_number(run.ref.value) if isinstance(job, Known) and isinstance(run.ref, Known) else None
    if number is None:
        if isinstance(job, Unknown) or job.value.pipeline.source != event.OF_CHANGE:
            none = _said(job, lambda _: "no merge request")
            yield Claim(name="CI_MERGE_REQUEST_IID", claimed=variables.get("CI_MERGE_REQUEST_IID"), truth=none)
        return
    yield Claim(
        name="CI_MERGE_REQUEST_IID", claimed=variables.get("CI_MERGE_REQUEST_IID"), truth=_said(job, lambda _: number)
    )
    ref, claimed = _said(job, lambda found: found.pipeline.ref), variables.get("CI_MERGE_REQUEST_REF_PATH")
    yield Claim(name="CI_MERGE_REQUEST_REF_PATH", claimed=claimed, truth=ref)
    change = records.get_merge_request(client, number)
    for variable, pick in OF_CHANGE.items():
        if isinstance(change, Unknown):
            yield Claim(name=variable, claimed=variables.get(variable), truth=change)
        elif (real := pick(change.value)) is not None:
            # A fork that was deleted since is named by the variable alone.
            truth = Known(value=str(real), source=change.source, detail=change.detail)
            yield Claim(name=variable, claimed=variables.get(variable), truth=truth)


def _of_clone(client: Client, run: Run, checkout: Checkout) -> Iterator[Claim]:
    """
    Yield the claims about the clone: where it came from, and what is checked out.

    The runner makes it by what the server told it, not by variables. So it shows that the job's token, which is a
    variable too, is another job's: of a fork that protects everything, or of a reviewed commit. Without a clone, which
    a variable can leave out (`GIT_STRATEGY`), that cannot be told.
    """
    try:
        origin, head = checkout.repository.remotes().get("origin", ""), checkout.repository.head()
    except GitUnavailable as error:
        said = f"there is no clone to hold against the job: {error.message}"
        yield Claim(name="git HEAD", claimed="a clone", truth=unavailable(said.rstrip("."), detail="git HEAD"))
        return
    if isinstance(run.sha, Known) and run.sha.source is not Source.ENV and run.repository:
        truth = Known(value=run.repository, source=run.sha.source, detail=run.sha.detail)
        yield Claim(name="git remote origin", claimed=_cloned(origin, client.server_url, run.repository), truth=truth)
    yield Claim(name="git HEAD", claimed=head or "", truth=run.sha)


def _cloned(origin: str, server_url: str, repository: str) -> str:
    """
    Return the project that a remote names; the address of a server may have a path of its own in front.

    Runners may be told to clone by another address than the instance's own (`clone_url`), whose path is not known.
    """
    host, path = remotes.split(origin)
    path, server = path.strip("/").removesuffix(".git"), urlsplit(server_url)
    if host.strip("[]").lower() != server.hostname and path.endswith(f"/{repository}"):
        return repository
    prefix = server.path.strip("/")
    return path.removeprefix(f"{prefix}/" if prefix else "")


def _said(job: Fact[Job], pick: Callable[[Job], object]) -> Fact[str]:
    """Return as text what the server says of the job, unknown where it leaves that out."""
    if isinstance(job, Unknown):
        return job
    value = pick(job.value)
    if value is None:
        return unavailable("the server leaves this out", detail=job.detail)
    return Known(value=str(value), source=job.source, detail=job.detail)
