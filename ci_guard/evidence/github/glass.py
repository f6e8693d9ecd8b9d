"""Who breaks the glass on GitHub: by a label on a pull request, or by approving a run that was dispatched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Final

from ci_guard.evidence.github import memberships, payload, records
from ci_guard.evidence.github.access import get_access
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.job import Job
from ci_guard.evidence.github.records import Pull, Push, WorkflowRun
from ci_guard.evidence.glass import Answer, Standing, answer_of, sighting
from ci_guard.evidence.remark import remark
from ci_guard.evidence.rest.shape import checked, record, text, when
from ci_guard.evidence.rest.shape import records as objects
from ci_guard.evidence.rest.together import two
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, unavailable
from ci_guard.model.glass import By, Mark, Means, Sighting
from ci_guard.model.run import Access, Event, Person, Run

CHANGES: Final = frozenset({Event.CHANGE, Event.TARGET_CHANGE})
DISPATCHED: Final = frozenset({Event.MANUAL, Event.API})

LABELLING: Final = ("labeled", "unlabeled")
"""Entries of a timeline that are about labels."""

ANSWERS: Final = ("approved", "rejected")
"""The states of an approval in which somebody has answered."""


def get_sighting(client: Client, job: Job, run: Run, means: Means, teams: AbstractSet[str]) -> Sighting:
    """Return what is known of the path in this run."""
    standing = standing_of(client, teams)
    if means.by is By.LABEL:
        answers, pushes = two(client, lambda: _get_label(client, run, means.name), lambda: _get_pushes(client, run))
        since = apply(pushes, lambda entries: entries[0].at if entries else None)
        return sighting(means, answers, standing, since=since, contributors=_get_contributors(pushes))
    answers, asked = two(
        client, lambda: _get_approvals(client, job, run, means.name), lambda: _get_asked(client, job, run, means)
    )
    return sighting(means, answers, standing, asked=asked, elsewhere=_get_elsewhere(client, job, run, means))


def standing_of(client: Client, teams: AbstractSet[str]) -> Standing:
    """Return how it is asked what people may do."""
    return Standing(
        access=lambda people: _get_accesses(client, people),
        memberships=lambda seats: memberships.get_memberships(client, seats, teams),
    )


def _get_accesses(client: Client, people: Sequence[Person]) -> Mapping[int, Fact[Access]]:
    held = client.gather(*(lambda person=person: get_access(client, person) for person in people))
    return {person.id: access for person, access in zip(people, held, strict=True)}


# By label


def _get_label(client: Client, run: Run, label: str) -> Fact[tuple[Answer, ...]]:
    """
    Return who put the label there that is on the change now; nobody where there is no such label or no change.

    By the timeline, which nobody can rewrite. It takes `issues: read` or `pull-requests: read`.
    Source: REST "List timeline events for an issue", `labeled`.
    """
    pull = _get_pull(client, run)
    if isinstance(pull, Unknown):
        return pull
    if pull.value is None or not any(same(name, label) for name in pull.value.labels):
        return Known(value=(), source=pull.source, detail=pull.detail)
    number = pull.value.number
    if isinstance(run.change, Known) and run.change.value and pull.value.head_sha != run.change.value.head:
        return unavailable(f"#{number} has moved on since this run started", detail=pull.detail)
    put = checked(client.get_all(f"issues/{number}/timeline"), lambda timeline: last_put(timeline, label))
    if isinstance(put, Known) and put.value is None:
        return unavailable(f"the timeline of #{number} does not say who put it there", detail=put.detail)
    return apply(put, answer_of)


def _get_pull(client: Client, run: Run) -> Fact[Pull | None]:
    if isinstance(run.event, Unknown):
        return run.event
    if run.event.value not in CHANGES:
        return Known(value=None, source=run.event.source, detail=run.event.detail)
    if isinstance(run.change, Unknown):
        return run.change
    if run.change.value is None:
        return Known(value=None, source=run.change.source, detail=run.change.detail)
    return apply(records.get_pull(client, run.change.value.number), lambda pull: pull)


def last_put(timeline: Sequence[Any], label: str, *, ever_until: datetime | None = None) -> Mark | None:
    """
    Return who put the label there last, and when; None where nobody did, or where it was taken off since.

    With `ever_until` only what happened until then is of account, and it counts all the same once it was taken off.
    """
    put: Mark | None = None
    for entry in timeline:
        if entry.get("event") not in LABELLING or not same(text(record(entry, "label"), "name"), label):
            continue
        if ever_until and when(entry, "created_at") > ever_until:
            continue
        if entry["event"] == "labeled":
            put = Mark(who=records.person(entry.get("actor")), at=when(entry, "created_at"))
        elif not ever_until:
            put = None
    return put


def _get_pushes(client: Client, run: Run) -> Fact[tuple[Push, ...]]:
    """
    Return what happened to the head branch, newest first, its present head among it; nothing where there is no change.

    By the activity log (`contents: read`), which of a fork is not shown.
    """
    pull = _get_pull(client, run)
    if isinstance(pull, Unknown) or pull.value is None:
        return apply(pull, lambda _: ())
    if str(pull.value.head_repository_id) != run.repository_id:
        return unavailable("the log of a fork is not shown")
    pushes = records.get_pushes(client, pull.value.head_ref)
    if isinstance(pushes, Unknown):
        return pushes
    if not pushes.value or pushes.value[0].after != pull.value.head_sha:
        return unavailable("the activity log does not show the push of the head", detail=pushes.detail)
    return pushes


def _get_contributors(pushes: Fact[tuple[Push, ...]]) -> Fact[tuple[Person, ...]]:
    """
    Return everybody in the log of the head branch, whatever they did to it.

    Those of an earlier branch of that name count, too: it can have been restored with what they had put there.
    """
    if isinstance(pushes, Unknown):
        return pushes
    entries, detail = pushes.value, pushes.detail
    if entries and entries[-1].kind != "branch_creation":
        return unavailable("the activity log that is shown does not go back to the branch's creation", detail=detail)
    if any(each.kind in records.MERGES for each in entries):
        return unavailable("the activity log does not say whose work was merged into the branch", detail=detail)
    people = [each.actor for each in entries if each.actor]
    if len(people) < len(entries):
        return unavailable("the activity log does not name everybody who pushed to the branch", detail=detail)
    return Known(value=tuple({person.id: person for person in people}.values()), source=pushes.source, detail=detail)


# By dispatch


def _get_approvals(client: Client, job: Job, run: Run, environment: str) -> Fact[tuple[Answer, ...]]:
    """Return who approved or rejected this run for the environment."""
    server = _get_dispatched(client, job, run)
    if isinstance(server, Unknown):
        return server
    if server.value is None:
        return Known(value=(), source=server.source, detail=server.detail)
    return get_answers(client, server.value, environment)


def get_answers(client: Client, run: WorkflowRun, environment: str) -> Fact[tuple[Answer, ...]]:
    """
    Return who approved or rejected a run for the environment.

    The server does not say when. It was not before the run was made, so it counts from then on, the earliest that it
    can have been: of a run that is started again, too. It takes `actions: read`.
    Source: REST "Get the review history for a workflow run".
    """

    def read(items: Any) -> tuple[Answer, ...]:
        return tuple(
            Answer(
                person=records.person(record(item, "user")),
                at=run.created_at,
                approved=text(item, "state") == "approved",
                reason=remark(text(item, "comment")),
            )
            for item in items
            if text(item, "state") in ANSWERS
            and any(same(text(each, "name"), environment) for each in objects(item, "environments"))
        )

    return checked(client.get(f"actions/runs/{run.id}/approvals", shape=list), read)


def _get_asked(client: Client, job: Job, run: Run, means: Means) -> Fact[str | None]:
    """
    Return what whoever dispatched the run wrote into an input, or into the payload of a repository dispatch.

    The API does not show inputs. The event file does, which is the runner's word; the server's it is where the whole
    title of the run says nothing else, as `run-name: "emergency: ${{ inputs.reason }}"` makes it. A title that only
    holds the text somewhere proves nothing: a part of a longer reason would do, or a word of the workflow's name.
    Source: "Workflow syntax", `run-name`.
    """
    server, name = _get_dispatched(client, job, run), means.input
    if isinstance(server, Unknown) or server.value is None or not name:
        return apply(server, lambda _: None)
    if isinstance(job.event, Unknown):
        return job.event
    below = "inputs" if isinstance(run.event, Known) and run.event.value is Event.MANUAL else "client_payload"
    detail = f"event.{below}.{name}"
    said = payload.text(job.event.value, below, name)
    if not said.strip():
        return Known(value=None, source=Source.EVENT, detail=detail)
    if server.value.title.split() == f"{means.name}: {said}".split():
        return Known(value=remark(said), source=server.source, detail=f"{server.detail}: display_title")
    return Known(value=remark(said), source=Source.EVENT, detail=detail)


def _get_elsewhere(client: Client, job: Job, run: Run, means: Means) -> str:
    """Return the workflow of a dispatched run that is not of the declared one; of an unknown run nobody answered."""
    server = _get_dispatched(client, job, run)
    if isinstance(server, Unknown) or server.value is None or server.value.is_of(means.workflow):
        return ""
    return server.value.path or "no workflow"


def _get_dispatched(client: Client, job: Job, run: Run) -> Fact[WorkflowRun | None]:
    """Return the run by the server's word, None where nobody dispatched it."""
    if isinstance(run.event, Unknown):
        return run.event
    if run.event.value not in DISPATCHED:
        return Known(value=None, source=run.event.source, detail=run.event.detail)
    return apply(records.get_run(client, job.run_id), lambda found: found)


def same(name: str, other: str) -> bool:
    """Tell whether two labels or two environments are the same; on GitHub letter case does not tell them apart."""
    return name.casefold() == other.casefold()
