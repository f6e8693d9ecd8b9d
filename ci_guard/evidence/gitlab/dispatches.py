"""Which pipelines somebody approved for the environment that breaks the glass, and who has reviewed them since."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Final, TypeAlias

from ci_guard.evidence.aftermath import Listed, Search, last_of, look_back
from ci_guard.evidence.gitlab import glass, records, reviews
from ci_guard.evidence.gitlab.client import Client, Sight
from ci_guard.evidence.gitlab.event import EVENTS
from ci_guard.evidence.glass import Answer, grants_of
from ci_guard.evidence.rest.shape import checked, integer, optional, record, text, when
from ci_guard.evidence.rest.together import two
from ci_guard.model.fact import Fact, Known, Unknown, apply, unavailable
from ci_guard.model.glass import Aftermath, Lookback, Passed
from ci_guard.model.run import Person
from ci_guard.records import dataclass

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


Deployments: TypeAlias = tuple[Deployment, ...]
"""Of one pipeline, at least one."""


def get_dispatches(client: Client, lookback: Lookback, groups: AbstractSet[str], now: datetime) -> Aftermath:
    """
    Return the pipelines that were started by hand or by the API and approved for the environment.

    An approval touches the deployment, and so does the job that runs after it: by that time they are found within the
    days asked for, however long they had waited. A list for each of the two environments, which any token is shown that
    sees deployments; and for each of the latest pipelines a request for itself and for each of its deployments.
    Source: "Deployments API", "List project deployments"; "Get a specific deployment".
    """
    search = Search(lookback=lookback, now=now, standing=glass.standing_of(client, groups))
    broken, reviewed = two(
        client,
        lambda: _get_pipelines(client, lookback.means.name, search.asked),
        lambda: _get_pipelines(client, lookback.reviewed, search.asked),
    )
    return look_back(client, search, broken, lambda _, some: _trace(client, some, reviewed, search))


def _get_pipelines(client: Client, environment: str, asked: datetime) -> Fact[Listed[Deployments]]:
    """Return the deployments for an environment by pipeline, with when one was touched last."""
    listing = client.get_all(
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

    def read(items: Sequence[Any]) -> Listed[Deployments]:
        found: dict[int, tuple[datetime, Deployments]] = {}
        for each in reversed([parsed for item in items if (parsed := parse_deployment(item))]):
            _, others = found.get(each.pipeline, (each.touched_at, ()))
            found[each.pipeline] = (each.touched_at, (*others, each))
        return Listed(found=found, since=when(items[-1], "updated_at") if len(items) >= LISTED else asked)

    return checked(listing, read)


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


def _trace(client: Client, deployments: Deployments, reviewed: Fact[Listed[Deployments]], search: Search) -> Passed:
    """Return what is known of one pipeline."""
    one = deployments[0]
    approvals = _get_approvals(client, deployments, search.lookback.means.name)
    return Passed(
        reference=f"pipeline {one.pipeline}",
        url=one.url,
        at=one.made_at,
        people=_get_people(client, deployments, approvals),
        marked=False,
        broken=apply(approvals, last_of),
        reviewed=grants_of(_get_reviews(client, one.pipeline, reviewed, search), search.standing),
    )


def _get_reviews(
    client: Client, pipeline: int, reviewed: Fact[Listed[Deployments]], search: Search
) -> Fact[tuple[Answer, ...]]:
    if isinstance(reviewed, Unknown):
        return reviewed
    environment = search.lookback.reviewed
    if pipeline in reviewed.value.found:
        _, ours = reviewed.value.found[pipeline]
        return _get_approvals(client, ours, environment)
    if reviewed.value.since > search.asked:
        return unavailable(f"there are more deployments for {environment} than one run reads", detail=reviewed.detail)
    return Known(value=(), source=reviewed.source, detail=reviewed.detail)


def _get_approvals(client: Client, deployments: Deployments, environment: str) -> Fact[tuple[Answer, ...]]:
    answers = glass.get_answers(client, [each.id for each in deployments], environment)
    return apply(answers, lambda found: tuple(each for each in found if each.approved))


def _get_people(
    client: Client, deployments: Deployments, approvals: Fact[tuple[Answer, ...]]
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
