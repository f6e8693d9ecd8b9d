"""What variables and event file say about the run, beside what the server says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from ci_guard.evidence.github import payload, pushes, records
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.identity import NOT_PERMITTED, Outcome
from ci_guard.evidence.github.job import HEADS, TAGS, Job, pull_of_ref
from ci_guard.evidence.github.payload import Payload
from ci_guard.evidence.github.records import Pull, Repository, WorkflowRun
from ci_guard.evidence.github.sight import BUILDS_HEAD, pull_number
from ci_guard.evidence.github.token_request import BEARER
from ci_guard.evidence.id_token import DETAIL, OF_THIS_JOB, Refused
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, unavailable
from ci_guard.model.run import Claim, Event, Person, Run
from ci_guard.records import dataclass

T = TypeVar("T")

SENT_BY_ACTOR: Final = frozenset(
    {Event.PUSH, Event.TAG, Event.CHANGE, Event.TARGET_CHANGE, Event.MANUAL, Event.API, Event.COMMENT}
)
"""
Events whose sender is the run's actor: somebody pushes, changes, comments or starts it, and GitHub names them for both.
A schedule has none; whom GitHub names for a queue, a release, a deployment or a run that follows another is not
documented, and an honest run must not be failed for it: there a sender that is not the actor is unknown.

Source: "Contexts reference", `github.actor`.
"""


@dataclass(frozen=True, kw_only=True)
class _Server:
    """What the server says."""

    run: Fact[WorkflowRun]
    repository: Fact[Repository]


def get_claims(client: Client, job: Job, run: Run) -> Fact[tuple[Claim, ...]]:
    """
    Return every claim about who, what and where that the server can answer.

    A claim stands here only where the two words must agree in every honest run. Left out, because they may differ: a
    login that nobody has any more while the id agrees (it was renamed), the name of the repository (asked for by it, so
    that the id covers it), `GITHUB_SHA` and `GITHUB_REF` of a change (a trial merge, while the run is of the head) and
    of events for which the documentation does not say, the base of a pull request (it can be aimed elsewhere), and the
    start of a push that the activity log does not show. What is not set claims nothing.

    Where the token may not read the run, each of its claims is unknown: `actions: read` shows it.
    """
    if isinstance(run.event, Unknown):
        return run.event
    server = _Server(run=records.get_run(client, job.run_id), repository=records.get_repository(client))
    claims = [
        *_of_environment(client, job, run.event.value, server),
        *_of_event(client, job, run, run.event.value, server),
    ]
    made = tuple(claim for claim in claims if claim.claimed)
    return Known(value=made, source=run.event.source, detail=run.event.detail)


def of_token(identity: Outcome) -> Iterator[Claim]:
    """Yield the claim that there is an ID token of this job, where the job could ask for one and it does not hold."""
    if isinstance(identity, Refused):
        truth: Fact[str] = Known(value=f"no: {identity.reason}", source=Source.API, detail=DETAIL)
        yield Claim(name=BEARER, claimed=OF_THIS_JOB, truth=truth)
    elif isinstance(identity, Unknown) and identity is not NOT_PERMITTED:
        yield Claim(name=BEARER, claimed=OF_THIS_JOB, truth=identity)


def _of_environment(client: Client, job: Job, event: Event, server: _Server) -> Iterator[Claim]:
    run = server.run
    yield Claim(
        name="GITHUB_REPOSITORY_ID",
        claimed=job.repository_id,
        truth=apply(server.repository, lambda found: str(found.id)),
    )
    yield Claim(name="GITHUB_RUN_ID", claimed=job.run_id, truth=apply(run, lambda found: str(found.id)))
    # The latest attempt, or an older one's people could be claimed.
    yield Claim(name="GITHUB_RUN_ATTEMPT", claimed=job.run_attempt, truth=_named(run, lambda found: found.attempt))
    yield Claim(name="GITHUB_EVENT_NAME", claimed=job.event_name, truth=apply(run, lambda found: found.event))
    yield Claim(name="GITHUB_ACTOR_ID", claimed=job.actor_id, truth=_named(run, lambda found: _id(found.actor)))
    yield from _login(client, "GITHUB_ACTOR", job.actor, run, lambda found: found.actor)
    yield from _login(
        client, "GITHUB_TRIGGERING_ACTOR", job.triggering_actor, run, lambda found: found.triggering_actor
    )
    if event in BUILDS_HEAD:
        yield Claim(name="GITHUB_SHA", claimed=job.sha, truth=apply(run, lambda found: found.head_sha))
        yield Claim(name="GITHUB_REF", claimed=job.ref, truth=_named(run, lambda found: _ref(job.ref, found)))
    if event is Event.CHANGE:
        yield Claim(name="GITHUB_HEAD_REF", claimed=job.head_ref, truth=_named(run, lambda found: found.head_branch))


def _of_event(client: Client, job: Job, judged: Run, event: Event, server: _Server) -> Iterator[Claim]:
    if isinstance(job.event, Unknown):
        yield Claim(name="GITHUB_EVENT_PATH", claimed="the event", truth=job.event)
        return
    said, run = job.event.value, server.run
    yield _field(said, apply(server.repository, lambda found: str(found.id)), "repository", "id")
    if event in SENT_BY_ACTOR:
        yield _field(said, _named(run, lambda found: _id(found.actor)), "sender", "id")
    # Of a deleted branch there is no commit, and the run is of the default branch.
    if event is Event.PUSH and payload.text(said, "after").strip("0"):
        yield _field(said, apply(run, lambda found: found.head_sha), "after")
        yield _field(said, _named(run, lambda found: _ref(payload.text(said, "ref"), found)), "ref")
        yield from _of_start(client, judged, said)
    if event is Event.QUEUE:
        yield _field(said, apply(run, lambda found: found.head_sha), "merge_group", "head_sha")
        ref = payload.text(said, "merge_group", "head_ref")
        yield _field(said, _named(run, lambda found: _ref(ref, found)), "merge_group", "head_ref")
    if event is Event.CHANGE:
        yield from _of_change(client, job, said, run)
    if event is Event.TARGET_CHANGE:
        yield from _of_target_change(client, job, said)
    if event is Event.UPSTREAM:
        yield from _of_upstream(client, said)


def _of_start(client: Client, run: Run, said: Payload) -> Iterator[Claim]:
    """Yield the claim where the push started, unless the activity log does not show the push."""
    if isinstance(run.branch, Unknown) or isinstance(run.sha, Unknown) or run.branch.value is None:
        return
    before = payload.text(said, "before")
    starts = pushes.get_starts(client, run.branch.value, run.sha.value)
    if isinstance(starts, Unknown) or starts.value:
        yield _field(said, apply(starts, lambda found: before if before in found else found[0]), "before")


def _of_change(client: Client, job: Job, said: Payload, run: Fact[WorkflowRun]) -> Iterator[Claim]:
    """Yield the claims about the pull request. Its head may have moved on since; the run keeps its own."""
    yield _field(said, apply(run, lambda found: found.head_sha), "pull_request", "head", "sha")
    if not (isinstance(run, Known) and run.value.head_repository_id is None):
        # A fork that was deleted since is named by one of the two only.
        truth = _named(run, lambda found: found.head_repository_id)
        yield _field(said, truth, "pull_request", "head", "repo", "id")
    number = pull_of_ref(job.ref)
    if number is None:
        return
    pull = records.get_pull(client, number)
    yield _field(said, apply(pull, lambda found: str(found.number)), "pull_request", "number")
    yield from _of_author(said, pull)


def _of_target_change(client: Client, job: Job, said: Payload) -> Iterator[Claim]:
    """Yield the claims about a pull request whose target is built. Which one that is only the event file knows."""
    number = pull_number(job)
    if number is None:
        missing = unavailable("the event file does not name its pull request", detail="event.pull_request")
        yield Claim(name="event.pull_request", claimed="a pull request", truth=missing)
        return
    pull = records.get_pull(client, number)
    head = apply(pull, lambda found: found.head_sha)
    if isinstance(head, Known) and head.value != payload.text(said, "pull_request", "head", "sha"):
        # An honest one may have moved on since.
        head = unavailable(f"the server has {head.value[:12]} as the head", detail=head.detail)
    yield _field(said, head, "pull_request", "head", "sha")
    if not (isinstance(pull, Known) and pull.value.head_repository_id is None):
        yield _field(said, _named(pull, lambda found: found.head_repository_id), "pull_request", "head", "repo", "id")
    yield from _of_author(said, pull)


def _of_author(said: Payload, pull: Fact[Pull]) -> Iterator[Claim]:
    """Yield the claim of a pull request's author, unless the account was deleted since."""
    if not (isinstance(pull, Known) and pull.value.author is None):
        yield _field(said, _named(pull, lambda found: _id(found.author)), "pull_request", "user", "id")


def _of_upstream(client: Client, said: Payload) -> Iterator[Claim]:
    """Yield the claims about the run that this one follows. Which one that is only the event file knows."""
    number = payload.number(said, "workflow_run", "id")
    if number is None:
        missing = unavailable("the event file does not name the run that this one follows", detail="event.workflow_run")
        yield Claim(name="event.workflow_run", claimed="a run", truth=missing)
        return
    run = records.get_run(client, str(number))
    yield _field(said, apply(run, lambda found: found.event), "workflow_run", "event")
    yield _field(said, apply(run, lambda found: found.head_sha), "workflow_run", "head_sha")
    yield _field(said, _named(run, lambda found: _id(found.actor)), "workflow_run", "actor", "id")


def _field(said: Payload, truth: Fact[str], *keys: str) -> Claim:
    number = payload.number(said, *keys)
    claimed = payload.text(said, *keys) if number is None else str(number)
    return Claim(name=".".join(("event", *keys)), claimed=claimed, truth=truth)


def _login(
    client: Client, name: str, claimed: str, run: Fact[WorkflowRun], pick: Callable[[WorkflowRun], Person | None]
) -> Iterator[Claim]:
    """Yield the claim of a login, unless it is one that the account had when the run began and nobody has now."""
    truth = _named(run, lambda found: person.login if (person := pick(found)) is not None else None)
    if claimed and isinstance(run, Known) and isinstance(truth, Known) and truth.value != claimed:
        account = records.get_account(client, claimed)
        if isinstance(account, Unknown):
            truth = account
        elif account.value is None or account.value == pick(run.value):
            return
    yield Claim(name=name, claimed=claimed, truth=truth)


def _named(fact: Fact[T], pick: Callable[[T], str | int | None]) -> Fact[str]:
    """Return as text what the server says of something, unknown where it leaves that out."""
    if isinstance(fact, Unknown):
        return fact
    value = pick(fact.value)
    if value is None:
        return unavailable("the server leaves this out", detail=fact.detail)
    return Known(value=str(value), source=fact.source, detail=fact.detail)


def _id(person: Person | None) -> int | None:
    return None if person is None else person.id


def _ref(claimed: str, run: WorkflowRun) -> str | None:
    """Return the full ref of a run, which tells no branch from a tag: as what it was claimed."""
    if run.head_branch is None:
        return None
    return f"{TAGS if claimed.startswith(TAGS) else HEADS}{run.head_branch}"
