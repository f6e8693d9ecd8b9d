"""Who takes part in the run: the people that the server names, each with what they may do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import Final

from ci_guard.evidence.gitlab import access, records, train
from ci_guard.evidence.gitlab.client import STRONGER, Client, Sight
from ci_guard.evidence.gitlab.records import Job, MergeRequest
from ci_guard.evidence.gitlab.sources import Sources
from ci_guard.evidence.rest.shape import checked, record
from ci_guard.model.fact import Fact, Known, Source, Unknown, invisible, unavailable
from ci_guard.model.kinds import Level
from ci_guard.model.run import Access, AccountType, Event, Part, Participant, Person, Run, Seat

_Named = tuple[Fact[Person], str]
"""Somebody and the note of the seat."""

GHOST: Final = Person(login="ghost", id=0, type=AccountType.OTHER)
"""Stands for an account that was deleted; no account has this id."""

TOGETHER: Final = timedelta(seconds=5)
"""
How far apart a pipeline and its jobs are created at most: both in one transaction. A job that is retried is made anew,
by whoever retries it, once the first one has ended.
"""


def get_seats(client: Client, sources: Sources, run: Run, parts: AbstractSet[Part]) -> Fact[tuple[Seat, ...]]:
    """
    Return who fills these parts; a part that a pipeline does not have has no seat.

    GitLab has no sender of an event: who caused a pipeline is the one whom it runs as. Everybody's access is asked for
    in one request.
    """
    if isinstance(run.event, Unknown):
        return run.event
    event = run.event.value
    name: dict[Part, Callable[[], Iterable[_Named]]] = {
        Part.ACTOR: lambda: _actors(client, sources, run, event),
        Part.TRIGGERING_ACTOR: lambda: [(_triggering_actor(sources), "")],
        Part.SENDER: tuple,
        Part.AUTHOR: lambda: _authors(client, run, event),
        Part.UPSTREAM_ACTOR: lambda: _upstream(client, sources, event),
    }
    wanted = [part for part in Part if part in parts]
    named = client.gather(*((lambda part=part: _distinct(name[part]())) for part in wanted))
    people = [(part, who, note) for part, found in zip(wanted, named, strict=True) for who, note in found]
    held = _accesses(client, sources, run, [who.value for _, who, _ in people if isinstance(who, Known)])
    seats = tuple(_seat(part, who, note, held) for part, who, note in people)
    return Known(value=seats, source=run.event.source, detail=run.event.detail)


def _distinct(named: Iterable[_Named]) -> list[_Named]:
    """Return each account once; every unknown stays, as it may be anybody."""
    found: dict[object, _Named] = {}
    for who, note in named:
        found.setdefault(who.value.id if isinstance(who, Known) else (who, note), (who, note))
    return list(found.values())


def _accesses(client: Client, sources: Sources, run: Run, people: list[Person]) -> dict[int, Fact[Access]]:
    """Return what each of these accounts holds."""
    own = sources.job.value.user.person.id if isinstance(sources.job, Known) and sources.job.value.user else None
    gone: Fact[Access] = Known(value=Access(level=Level.NONE, role="no such account"), source=Source.API)
    held: dict[int, Fact[Access]] = {GHOST.id: gone}
    held |= access.get_members(client, [person for person in people if person.id not in (own, GHOST.id)])
    if own is not None and isinstance(sources.job, Known) and any(person.id == own for person in people):
        held[own] = access.of_job_user(client, sources.job, run, sources.identity)
    return held


def _seat(part: Part, who: Fact[Person], note: str, held: dict[int, Fact[Access]]) -> Seat:
    if isinstance(who, Unknown):
        return Seat(part=part, who=who, note=note)
    participant = Participant(person=who.value, access=held[who.value.id])
    return Seat(part=part, who=Known(value=participant, source=who.source, detail=who.detail), note=note)


def _triggering_actor(sources: Sources) -> Fact[Person]:
    """Return whom the job runs as: whoever started the pipeline, or played or retried this job."""
    job = sources.job
    if isinstance(job, Unknown):
        return job
    if job.value.user is None:
        return unavailable("the server does not name whom the job runs as", detail=job.detail)
    person = job.value.user.person
    if isinstance(sources.identity, Known):
        return Known(value=person, source=sources.identity.source, detail=sources.identity.detail)
    return Known(value=person, source=job.source, detail=job.detail)


def _actors(client: Client, sources: Sources, run: Run, event: Event) -> Iterable[_Named]:
    """Return who started the pipeline; on a train also whoever added what is before this merge request."""
    note = "added the merge request to the train" if event is Event.QUEUE else ""
    named: list[_Named] = [(_starter(client, sources), note)]
    if event is not Event.QUEUE:
        return named
    group = train.get_group(client, run)
    if isinstance(group, Unknown):
        return [*named, (group, "added the merge requests before this one")]
    return [*named, *(_adder(group, found) for found in group.value[:-1])]


def _adder(group: Known[tuple[MergeRequest, ...]], found: MergeRequest) -> _Named:
    note = f"added !{found.iid} to the merge train"
    if found.merged_by is None:
        return unavailable(f"the server does not say who added !{found.iid}", detail=group.detail), note
    return Known(value=found.merged_by, source=group.source, detail=group.detail), note


def _starter(client: Client, sources: Sources) -> Fact[Person]:
    """
    Return who started the pipeline, whom only a stronger token is shown.

    Without one it is the job's user, where the job was made with the pipeline: nobody can have retried it by then.
    """
    job = sources.job
    if isinstance(job, Unknown):
        return job
    needs = f"{STRONGER}, with the role Reporter"
    shown = client.get(f"pipelines/{job.value.pipeline.id}", sight=Sight.BY_STRONGER, needs=needs)
    if isinstance(shown, Known):
        return checked(shown, lambda body: records.person(record(body, "user")))
    if client.stronger:
        return shown
    if not _made_together(job.value):
        said = "the job was started after its pipeline, maybe by somebody else"
        return invisible(said, needs=needs, detail=shown.detail)
    user = _triggering_actor(sources)
    return Known(value=user.value, source=Source.DERIVED, detail=user.detail) if isinstance(user, Known) else user


def _made_together(job: Job) -> bool:
    """Tell whether the job was made with its pipeline."""
    made, begun = job.created_at, job.pipeline.created_at
    return made is not None and begun is not None and abs(made - begun) <= TOGETHER


def _authors(client: Client, run: Run, event: Event) -> Iterable[_Named]:
    """Return the author of the merge request that is built; on a train those of all that are built with it."""
    if event is Event.QUEUE:
        group = train.get_group(client, run)
        if isinstance(group, Unknown):
            return [(group, "authors of the merge requests on the train")]
        return [_author(found, group.source, group.detail) for found in group.value]
    if event is not Event.CHANGE:
        return []
    if isinstance(run.change, Unknown):
        return [(run.change, "author of the merge request")]
    if run.change.value is None:
        return []
    change = records.get_merge_request(client, run.change.value.number)
    if isinstance(change, Unknown):
        return [(change, f"author of !{run.change.value.number}")]
    return [_author(change.value, change.source, change.detail)]


def _author(found: MergeRequest, source: Source, detail: str) -> _Named:
    return Known(value=found.author or GHOST, source=source, detail=detail), f"author of !{found.iid}"


def _upstream(client: Client, sources: Sources, event: Event) -> Iterable[_Named]:
    """
    Return who is behind the pipeline that this one follows: GitLab runs it as whoever ran the job that triggers it.

    Source: "Downstream pipelines", permissions.
    """
    return [(_starter(client, sources), "ran the trigger job upstream")] if event is Event.UPSTREAM else []
