"""Which pipelines somebody approved for the environment that breaks the glass, and who has reviewed them since."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from ci_guard.evidence.aftermath import Traced, aftermath, last_of, reach
from ci_guard.evidence.gitlab import glass, records, reviews
from ci_guard.evidence.gitlab.client import Client, Sight
from ci_guard.evidence.gitlab.event import EVENTS
from ci_guard.evidence.glass import Answer
from ci_guard.evidence.rest.shape import checked, integer, optional, record, text, when
from ci_guard.evidence.rest.together import two
from ci_guard.model.fact import Fact, Known, Unknown, apply, unavailable
from ci_guard.model.glass import Aftermath, Lookback
from ci_guard.model.run import Person

LISTED: Final = 100
"""Deployments for an environment that are looked through, those that were touched last: one page."""


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What a job of a pipeline deploys."""

    id: int
    pipeline: int
    url: str
    """Of the pipeline."""
    made_at: datetime
    """When the pipeline was made."""
    touched_at: datetime
    user: Person | None
    """Whoever started or played its job; None once deleted."""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """The deployments for an environment, those first that were touched last."""

    found: tuple[Deployment, ...]
    since: datetime
    """From when on all are among them."""
    cut: bool
    """Whether there may be older ones that were asked for."""


def get_dispatches(client: Client, lookback: Lookback, groups: AbstractSet[str], now: datetime) -> Aftermath:
    """
    Return the pipelines that were started by hand or by the API and approved for the environment.

    An approval touches the deployment, and so does the job that runs after it: by that time they are found within the
    days asked for, however long they had waited. A list for each of the two environments, which any token is shown that
    sees deployments; and for each of the latest pipelines a request for itself and for each of its deployments.
    Source: "Deployments API", "List project deployments"; "Get a specific deployment".
    """
    asked = now - timedelta(days=lookback.days)
    standing = glass.standing_of(client, groups)
    broken, reviewed = two(
        client,
        lambda: _get_deployments(client, lookback.means.name, asked),
        lambda: _get_deployments(client, lookback.reviewed, asked),
    )
    if isinstance(broken, Unknown):
        return aftermath(lookback, broken, asked, standing)
    pipelines = [tuple(some) for _, some in groupby(sorted(broken.value.found, key=_pipeline), key=_pipeline)]
    touched = [(max(each.touched_at for each in some), some) for some in pipelines]
    found = reach(touched, asked, listed_since=broken.value.since)
    traced = client.gather(*(lambda some=some: _trace(client, some, reviewed, lookback) for _, some in found.found))
    known = Known(value=traced, source=broken.source, detail=broken.detail)
    return aftermath(lookback, known, found.since, standing, cut=found.since > asked)


def _get_deployments(client: Client, environment: str, asked: datetime) -> Fact[Listed]:
    listed = client.get_all(
        "deployments",
        params={
            "environment": environment,
            "updated_after": f"{asked:%Y-%m-%dT%H:%M:%SZ}",
            "order_by": "updated_at",
            "sort": "desc",
        },
        needs=reviews.REPORTER,
        until=lambda found: len(found) >= LISTED,
    )

    def read(items: Sequence[Any]) -> Listed:
        found = tuple(found for item in items if (found := parse_deployment(item)))
        cut = len(items) >= LISTED
        return Listed(found=found, since=when(items[-1], "updated_at") if cut else asked, cut=cut)

    return checked(listed, read)


def parse_deployment(value: Any) -> Deployment | None:
    """Read a `Deployment`; None for one of no pipeline that somebody started by hand or by the API."""
    job = optional(value, "deployable", record)
    if job is None:
        return None
    pipeline, user = record(job, "pipeline"), optional(value, "user", record)
    source = optional(pipeline, "source", text)
    if source is not None and EVENTS.get(source) not in glass.DISPATCHED:
        return None
    return Deployment(
        id=integer(value, "id"),
        pipeline=integer(pipeline, "id"),
        url=text(pipeline, "web_url"),
        made_at=when(pipeline, "created_at"),
        touched_at=when(value, "updated_at"),
        user=records.person(user) if user else None,
    )


def _pipeline(deployment: Deployment) -> int:
    return deployment.pipeline


def _trace(client: Client, deployments: tuple[Deployment, ...], reviewed: Fact[Listed], lookback: Lookback) -> Traced:
    """Return what is known of one pipeline."""
    one = deployments[0]
    approvals = _get_approvals(client, deployments, lookback.means.name)
    return Traced(
        reference=f"pipeline {one.pipeline}",
        url=one.url,
        at=one.made_at,
        people=_get_people(client, deployments, approvals),
        marked=False,
        broken=apply(approvals, last_of),
        reviewed=_get_reviews(client, one, reviewed, lookback.reviewed),
    )


def _get_reviews(
    client: Client, broken: Deployment, reviewed: Fact[Listed], environment: str
) -> Fact[tuple[Answer, ...]]:
    if isinstance(reviewed, Unknown):
        return reviewed
    ours = tuple(each for each in reviewed.value.found if each.pipeline == broken.pipeline)
    if not ours and reviewed.value.cut:
        return unavailable(f"there are more deployments for {environment} than one run reads", detail=reviewed.detail)
    return _get_approvals(client, ours, environment)


def _get_approvals(client: Client, deployments: tuple[Deployment, ...], environment: str) -> Fact[tuple[Answer, ...]]:
    answers = glass.get_answers(client, [each.id for each in deployments], environment)
    return apply(answers, lambda found: tuple(each for each in found if each.approved))


def _get_people(
    client: Client, deployments: Sequence[Deployment], approvals: Fact[tuple[Answer, ...]]
) -> Fact[tuple[Person, ...]]:
    """Return whoever started the pipeline or a job of it, or approved one; nothing is asked where nobody approved."""
    if isinstance(approvals, Unknown) or not approvals.value:
        return apply(approvals, lambda _: ())
    number = deployments[0].pipeline
    starter = checked(
        client.get(f"pipelines/{number}", sight=Sight.BY_STRONGER, needs=reviews.REPORTER),
        lambda body: records.person(record(body, "user")),
    )
    others = [*(each.user for each in deployments if each.user), *(each.person for each in approvals.value)]
    return apply(starter, lambda person: (person, *others))
