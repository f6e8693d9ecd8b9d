"""Who breaks the glass on GitLab: by a label on a merge request, or by approving a deployment of the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Final

from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.gitlab import access, memberships, notes, records, reviews
from ci_guard.evidence.gitlab.client import STRONGER, Client, Sight
from ci_guard.evidence.gitlab.contributions import get_contributions
from ci_guard.evidence.gitlab.records import Job, MergeRequest
from ci_guard.evidence.gitlab.sources import Sources
from ci_guard.evidence.glass import Answer, Standing, answer_of, sighting
from ci_guard.evidence.remark import remark
from ci_guard.evidence.rest.activity import older
from ci_guard.evidence.rest.shape import ShapeError, checked, integer, optional, record, text, when
from ci_guard.evidence.rest.shape import records as objects
from ci_guard.evidence.rest.together import three, two
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, invisible, unavailable, worst
from ci_guard.model.glass import By, Mark, Means, Sighting
from ci_guard.model.run import Event, Person, Run

DISPATCHED: Final = frozenset({Event.MANUAL, Event.API})

DEPLOYMENTS: Final = 5
"""Deployments of one pipeline for one environment that are looked at: a job for each, and its retries."""

ANSWERS: Final = ("approved", "rejected")
"""The states of an approval. Source: "Deployments API", "Approve or reject a blocked deployment"."""

MAINTAINER: Final = f"{STRONGER}, with the role Maintainer"
"""What shows the variables of a pipeline that somebody else started. Source: "Pipelines API"."""


def get_sighting(
    client: Client, sources: Sources, run: Run, checkout: Checkout, means: Means, *, groups: AbstractSet[str]
) -> Sighting:
    """Return what is known of the path in this pipeline."""
    standing = standing_of(client, groups)
    if means.by is By.LABEL:
        answers, since, contributors = three(
            client,
            lambda: _get_label(client, run, means.name),
            lambda: _get_pushed(client, run),
            lambda: _get_contributors(client, run, checkout, means.name),
        )
        return sighting(means, answers, standing, since=since, contributors=contributors)
    job = _get_dispatched(sources, run)
    answers, asked = two(
        client, lambda: _get_approvals(client, job, means.name), lambda: _get_asked(client, job, means.input)
    )
    return sighting(means, answers, standing, asked=asked)


def standing_of(client: Client, groups: AbstractSet[str]) -> Standing:
    """Return how it is asked what people may do."""
    return Standing(
        access=lambda people: access.get_members(client, people),
        memberships=lambda seats: memberships.get_memberships(client, seats, groups),
    )


# By label


def _get_label(client: Client, run: Run, label: str) -> Fact[tuple[Answer, ...]]:
    """
    Return who put the label there that is on the merge request now; nobody where there is none or no merge request.

    The labels any token sees; who put them there GitLab's own events say, which nobody can rewrite, to members only.
    On GitLab letter case tells labels apart. Source: "Resource label events API".
    """
    change = _get_change(client, run)
    if isinstance(change, Unknown):
        return change
    if change.value is None or label not in change.value.labels:
        return Known(value=(), source=change.source, detail=change.detail)
    iid = change.value.iid
    if isinstance(run.change, Known) and run.change.value and change.value.head != run.change.value.head:
        return unavailable(f"!{iid} has moved on since this pipeline started", detail=change.detail)
    put = checked(get_label_events(client, iid), lambda items: last_put(items, label))
    if isinstance(put, Known) and put.value is None:
        return unavailable(f"the events of !{iid} do not say who put it there", detail=put.detail)
    return apply(put, answer_of)


def get_label_events(client: Client, iid: int) -> Fact[tuple[Any, ...]]:
    """Return what happened to the labels of a merge request: to members only, who are signed in."""
    return client.get_all(f"merge_requests/{iid}/resource_label_events", sight=Sight.BY_MEMBER, needs=reviews.REPORTER)


def _get_change(client: Client, run: Run) -> Fact[MergeRequest | None]:
    if isinstance(run.event, Unknown):
        return run.event
    if run.event.value is not Event.CHANGE:
        return Known(value=None, source=run.event.source, detail=run.event.detail)
    if isinstance(run.change, Unknown):
        return run.change
    if run.change.value is None:
        return Known(value=None, source=run.change.source, detail=run.change.detail)
    return apply(records.get_merge_request(client, run.change.value.number), lambda change: change)


def last_put(items: Sequence[Any], label: str, *, ever_until: datetime | None = None) -> Mark | None:
    """
    Return who put the label there last, and when; None where nobody did, or where it was taken off since.

    With `ever_until` only what happened until then is of account, and it counts all the same once it was taken off.
    """
    put: Mark | None = None
    for item in sorted(items, key=lambda each: integer(each, "id")):
        found = optional(item, "label", record)  # null once the label was deleted
        if found is None or text(found, "name") != label:
            continue
        if ever_until and when(item, "created_at") > ever_until:
            continue
        action = text(item, "action")
        if action not in ("add", "remove"):
            raise ShapeError("'action' is neither add nor remove")
        if action == "add":
            put = Mark(who=records.person(record(item, "user")), at=when(item, "created_at"))
        elif not ever_until:
            put = None
    return put


def _get_pushed(client: Client, run: Run) -> Fact[datetime | None]:
    """Return when the head was pushed: the time of its version, newest first. Source: Merge requests API, versions."""
    change = _get_change(client, run)
    if isinstance(change, Unknown) or change.value is None:
        return apply(change, lambda _: None)
    versions = reviews.get_versions(client, change.value.iid)
    if isinstance(versions, Unknown):
        return versions
    if not versions.value or versions.value[0].head != change.value.head:
        return unavailable("the versions do not show the push of the head", detail=versions.detail)
    return Known(value=versions.value[0].since, source=versions.source, detail=versions.detail)


def _get_contributors(client: Client, run: Run, checkout: Checkout, label: str) -> Fact[tuple[Person, ...]]:
    """
    Return who contributed to the merge request, asked for only while the label is on it.

    GitLab's own notes name who added commits. What commits claim is held against those who touched its labels: GitLab
    does not say who pushed before the merge request was opened.
    """
    change = _get_change(client, run)
    if isinstance(change, Unknown) or change.value is None or label not in change.value.labels:
        return apply(change, lambda _: ())
    events = checked(
        get_label_events(client, change.value.iid),
        lambda items: notes.named(user for item in items if (user := optional(item, "user", record))),
    )
    if isinstance(events, Unknown):
        return events
    shares = get_contributions(client, change.value, checkout, events.value)
    if isinstance(shares, Unknown):
        return shares
    if doubts := [share.who for share in shares.value if isinstance(share.who, Unknown)]:
        return worst(doubts)
    people = tuple(share.who.value for share in shares.value if isinstance(share.who, Known))
    return Known(value=people, source=shares.source, detail=shares.detail)


# By dispatch


def _get_approvals(client: Client, job: Fact[Job | None], environment: str) -> Fact[tuple[Answer, ...]]:
    """
    Return who approved or rejected a deployment of this pipeline for the environment.

    On Premium and up, of a protected environment; below that there is nothing to approve. Any token that sees
    deployments is shown it. Source: "Deployments API", "List project deployments", "Get a specific deployment".
    """
    if isinstance(job, Unknown) or job.value is None:
        return apply(job, lambda _: ())
    pipeline = job.value.pipeline
    made = pipeline.created_at
    if made is None:
        return unavailable("the server does not say when the pipeline was made", detail=job.detail)

    listed = client.get_all(
        "deployments",
        params={"environment": environment, "order_by": "id", "sort": "desc"},
        needs=reviews.REPORTER,
        until=older(made),
    )
    ids = checked(listed, lambda items: [integer(item, "id") for item in items if _is_of(item, pipeline.id)])
    if isinstance(ids, Unknown):
        return ids
    return get_answers(client, ids.value, environment)


def get_answers(client: Client, deployments: Sequence[int], environment: str) -> Fact[tuple[Answer, ...]]:
    """Return who approved or rejected any of these deployments of one pipeline for an environment."""
    if len(deployments) > DEPLOYMENTS:
        return unavailable(f"the pipeline has more than {DEPLOYMENTS} deployments for {environment}")
    found = client.gather(*(lambda number=number: _get_answers(client, number) for number in deployments))
    if doubts := [answers for answers in found if isinstance(answers, Unknown)]:
        return worst(doubts)
    known = tuple(answer for answers in found if isinstance(answers, Known) for answer in answers.value)
    return Known(value=known, source=Source.API, detail=f"GET deployments?environment={environment}")


def _is_of(deployment: Any, pipeline: int) -> bool:
    """Tell whether a job of the pipeline made a deployment; one that was made through the API is of none."""
    job = optional(deployment, "deployable", record)
    return job is not None and integer(record(job, "pipeline"), "id") == pipeline


def _get_answers(client: Client, deployment: int) -> Fact[tuple[Answer, ...]]:
    def read(body: Any) -> tuple[Answer, ...]:
        return tuple(
            Answer(
                person=records.person(record(item, "user")),
                at=when(item, "created_at"),
                approved=text(item, "status") == "approved",
                reason=remark(optional(item, "comment", text) or ""),
            )
            for item in objects(body, "approvals")
            if text(item, "status") in ANSWERS
        )

    shown = client.get(f"deployments/{deployment}", needs=reviews.REPORTER)
    if isinstance(shown, Known) and "approvals" not in shown.value:
        said = "the server shows no approvals of the deployment"
        return invisible(
            said, needs="GitLab Premium, and a protected environment that asks for them", detail=shown.detail
        )
    return checked(shown, read)


def _get_asked(client: Client, job: Fact[Job | None], name: str) -> Fact[str | None]:
    """
    Return what whoever started the pipeline wrote into a variable of it, by the server's word.

    The job's own variable of that name says nothing: a job, a project or a group can set it as well.
    Source: "Pipelines API", "Get variables for a pipeline".
    """
    if isinstance(job, Unknown) or job.value is None or not name:
        return apply(job, lambda _: None)
    found = client.get_all(f"pipelines/{job.value.pipeline.id}/variables", sight=Sight.BY_MEMBER, needs=MAINTAINER)
    said = checked(found, lambda items: [text(item, "value") for item in items if text(item, "key") == name])
    return apply(said, lambda values: remark(values[0]) or None if values else None)


def _get_dispatched(sources: Sources, run: Run) -> Fact[Job | None]:
    """Return the job by the server's word, None where nobody started the pipeline by hand or by the API."""
    if isinstance(run.event, Unknown):
        return run.event
    if run.event.value not in DISPATCHED:
        return Known(value=None, source=run.event.source, detail=run.event.detail)
    return apply(sources.job, lambda job: job)
