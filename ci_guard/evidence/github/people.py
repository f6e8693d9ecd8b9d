"""Who takes part in the run: the people that event, server and change name, each with what they may do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet

from ci_guard.evidence.github import payload, queue, records
from ci_guard.evidence.github.access import get_access
from ci_guard.evidence.github.accounts import GHOST, GONE, MERGE_QUEUE_ID
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.job import Job
from ci_guard.evidence.github.records import Pull, WorkflowRun
from ci_guard.evidence.rest.shape import ShapeError
from ci_guard.evidence.rest.together import two
from ci_guard.model.fact import Fact, Known, Source, Unknown, unavailable
from ci_guard.model.kinds import Level
from ci_guard.model.run import Access, AccountType, Event, Part, Participant, Person, Run, Seat

_Named = tuple[Fact[Person], str]
"""Somebody and the note of the seat."""


def get_seats(client: Client, job: Job, run: Run, parts: AbstractSet[Part]) -> Fact[tuple[Seat, ...]]:
    """
    Return who fills these parts; a part that the event does not have has no seat.

    Only what the parts need is fetched: the run (shared with the other facts), one call for each account, and on a
    queue the timeline of each pull request.
    """
    if isinstance(run.event, Unknown):
        return run.event
    event = run.event.value
    name: dict[Part, Callable[[], Iterable[_Named]]] = {
        Part.ACTOR: lambda: _actors(client, job, run, event),
        Part.TRIGGERING_ACTOR: lambda: [(_triggering_actor(client, job), "")],
        Part.SENDER: lambda: _senders(client, job, event),
        Part.AUTHOR: lambda: _authors(client, run, event),
        Part.UPSTREAM_ACTOR: lambda: _upstream(client, job, event),
    }
    wanted = [part for part in Part if part in parts]
    named = client.gather(*((lambda part=part: list(name[part]())) for part in wanted))
    people = [(part, who, note) for part, found in zip(wanted, named, strict=True) for who, note in _distinct(found)]
    seats = client.gather(
        *((lambda part=part, who=who, note=note: _seat(client, part, who, note)) for part, who, note in people)
    )
    return Known(value=seats, source=run.event.source, detail=run.event.detail)


def _distinct(named: Iterable[_Named]) -> list[_Named]:
    """Return each account once; every unknown stays, as it may be anybody."""
    found: dict[object, _Named] = {}
    for who, note in named:
        found.setdefault(who.value.id if isinstance(who, Known) else (who, note), (who, note))
    return list(found.values())


def _seat(client: Client, part: Part, who: Fact[Person], note: str) -> Seat:
    if isinstance(who, Unknown):
        return Seat(part=part, who=who, note=note)
    person = who.value
    queue_itself = person.id == MERGE_QUEUE_ID and person.type is AccountType.BOT
    access: Fact[Access]
    if queue_itself:
        access = Known(value=Access(level=Level.NONE, role="the merge queue"), source=who.source, detail=who.detail)
    elif person == GHOST:
        access = Known(value=GONE, source=who.source, detail=who.detail)
    else:
        access = get_access(client, person)
    participant = Participant(person=person, access=access, automation_of_platform=queue_itself)
    return Seat(part=part, who=Known(value=participant, source=who.source, detail=who.detail), note=note)


def _actors(client: Client, job: Job, run: Run, event: Event) -> Iterable[_Named]:
    """Return who started the run; of a queue also whoever put each change into it, as it starts its runs itself."""
    named: list[_Named] = [(_actor(client, job), "")]
    if event is Event.QUEUE:
        group = queue.get_group(client, run)
        if isinstance(group, Unknown):
            return [*named, (group, "added the changes to the merge queue")]
        enqueuers = client.gather(*((lambda pull=pull: _enqueuer(client, pull)) for pull in group.value))
        named += [(who, f"added #{p.number} to the merge queue") for p, who in zip(group.value, enqueuers, strict=True)]
    return named


def _actor(client: Client, job: Job) -> Fact[Person]:
    run = records.get_run(client, job.run_id)
    if isinstance(run, Known):
        return _of_server(run.value.actor, run, "whoever started the run")
    if not records.NUMBER.fullmatch(job.actor_id):
        return run
    # The runner does not let a step set this variable, and an id cannot be taken over by somebody else.
    return _of_environment(records.get_account_by_id(client, job.actor_id), "GITHUB_ACTOR_ID")


def _triggering_actor(client: Client, job: Job) -> Fact[Person]:
    run = records.get_run(client, job.run_id)
    if isinstance(run, Known):
        return _of_server(run.value.triggering_actor, run, "whoever started this attempt")
    if not job.triggering_actor:
        return run
    if job.triggering_actor == job.actor:
        return _actor(client, job)
    return _of_environment(records.get_account(client, job.triggering_actor), "GITHUB_TRIGGERING_ACTOR")


def _of_server(person: Person | None, run: Known[records.WorkflowRun], who: str) -> Fact[Person]:
    if person is None:
        return unavailable(f"the server does not name {who}", detail=run.detail)
    return Known(value=person, source=run.source, detail=run.detail)


def _of_environment(account: Fact[Person | None], variable: str) -> Fact[Person]:
    if isinstance(account, Unknown):
        return account
    if account.value is None:
        return unavailable(f"{variable} names no account", detail=account.detail)
    return Known(value=account.value, source=Source.ENV, detail=variable)


def _senders(client: Client, job: Job, event: Event) -> Iterable[_Named]:
    """
    Return who sent the event. A schedule has no sender; in any other event file a missing one is a hole.

    The event file alone proves nobody: the run's actor, who caused the event of its first attempt, must be the same
    account. Where the two differ, either may be the sender.

    Source: "Contexts reference", `github.actor`; "Webhook events and payloads", `sender`.
    """
    if isinstance(job.event, Unknown):
        return [] if event is Event.SCHEDULE else [(job.event, "")]
    sender = payload.dig(job.event.value, "sender")
    if sender is None and event is Event.SCHEDULE:
        return []
    try:
        claimed = records.person(sender)
    except ShapeError:
        return [(unavailable("the event file does not name its sender", detail="event.sender"), "")]
    actor = _actor(client, job)
    if isinstance(actor, Known) and actor.value.id != claimed.id:
        said = f"the event file names {claimed.login} with the id {claimed.id}, whom the server does not confirm"
        return [(unavailable(said, detail="event.sender"), "")]
    return [(actor, "")]


def _authors(client: Client, run: Run, event: Event) -> Iterable[_Named]:
    """Return the author of the change that is built or commented on; on a queue those of all changes in the group."""
    if event is Event.QUEUE:
        group = queue.get_group(client, run)
        if isinstance(group, Unknown):
            return [(group, "authors of the merge group")]
        return [_author(pull, group.source, group.detail) for pull in group.value]
    if event not in (Event.CHANGE, Event.TARGET_CHANGE, Event.COMMENT):
        return []
    if isinstance(run.change, Unknown):
        return [(run.change, "author of the change")]
    if run.change.value is None:
        return []
    pull = records.get_pull(client, run.change.value.number)
    if isinstance(pull, Unknown):
        return [(pull, f"author of #{run.change.value.number}")]
    return [_author(pull.value, pull.source, pull.detail)]


def _author(pull: Pull, source: Source, detail: str) -> _Named:
    return Known(value=pull.author or GHOST, source=source, detail=detail), f"author of #{pull.number}"


def _enqueuer(client: Client, pull: Pull) -> Fact[Person]:
    """Return who put a pull request into the queue, last: `added_to_merge_queue` of its timeline."""
    timeline = client.get_all(f"issues/{pull.number}/timeline")
    if isinstance(timeline, Unknown):
        return timeline
    added = [entry for entry in timeline.value if entry.get("event") == "added_to_merge_queue"]
    if not added:
        return unavailable(f"the timeline of #{pull.number} does not say who queued it", detail=timeline.detail)
    try:
        return Known(value=records.person(added[-1].get("actor")), source=timeline.source, detail=timeline.detail)
    except ShapeError as error:
        return unavailable(f"wrongly shaped answer: {error}", detail=timeline.detail)


def _upstream(client: Client, job: Job, event: Event) -> Iterable[_Named]:
    """
    Return who started the run that this one follows, and who started it again.

    Which run that is only the event file knows; who is behind it is the server's word. The two runs are bound by their
    people: whom the server names for this run must be behind the other one, or the event file may name anybody's.
    """
    if event is not Event.UPSTREAM:
        return []
    if isinstance(job.event, Unknown):
        return [(job.event, "")]
    number = payload.number(job.event.value, "workflow_run", "id")
    if number is None:
        return [(unavailable("the event file does not name the upstream run", detail="event.workflow_run.id"), "")]
    run, own = two(client, lambda: records.get_run(client, str(number)), lambda: _first_attempt(client, job))
    if isinstance(run, Unknown) or isinstance(own, Unknown):
        return [(fact, f"actor of run {number}") for fact in (run, own) if isinstance(fact, Unknown)]
    if not _follows(own.value, run.value):
        doubt = unavailable("the server does not confirm that this run follows it", detail="event.workflow_run.id")
        return [(doubt, f"actor of run {number}")]
    return [
        (_of_server(run.value.actor, run, f"whoever started run {number}"), f"actor of run {number}"),
        (_of_server(run.value.triggering_actor, run, f"whoever started run {number}"), f"last started run {number}"),
    ]


def _first_attempt(client: Client, job: Job) -> Fact[WorkflowRun]:
    """Return this run as of the attempt that the other run caused; who started it again has nothing to do with that."""
    run = records.get_run(client, job.run_id)
    if isinstance(run, Unknown) or run.value.attempt in (None, 1):
        return run
    return records.get_attempt(client, run.value.id, 1)


def _follows(run: WorkflowRun, other: WorkflowRun) -> bool:
    """Tell whether the people of a run that another caused are those of the other, in the same repository."""
    people, behind = ({found.actor, found.triggering_actor} - {None} for found in (run, other))
    ids = {person.id for person in behind if person is not None}
    return (
        run.id != other.id
        and run.repository_id == other.repository_id
        and bool(people)
        and all(person is not None and person.id in ids for person in people)
    )
