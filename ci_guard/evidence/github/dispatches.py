"""Which dispatched runs were approved for the environment that breaks the glass, and who has reviewed them since."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Final

from ci_guard.evidence.aftermath import Traced, aftermath, last_of, reach
from ci_guard.evidence.github import glass, records
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.records import WorkflowRun
from ci_guard.evidence.glass import Answer
from ci_guard.evidence.rest.activity import older
from ci_guard.evidence.rest.shape import checked
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, unavailable, worst
from ci_guard.model.glass import Aftermath, Lookback
from ci_guard.model.run import Person

EVENTS: Final = ("workflow_dispatch", "repository_dispatch")

LISTED: Final = 300
"""Runs of each event that are looked through, the latest: three pages."""

ATTEMPTS: Final = 10
"""Attempts of a run whose starters are looked for; of those between the first and the last each is a request."""


def get_dispatches(client: Client, lookback: Lookback, teams: AbstractSet[str], now: datetime) -> Aftermath:
    """
    Return the runs that were dispatched within the days asked for and approved for the environment.

    A run breaks the glass for hours from when it was made, so the look goes back by as much more. It takes a list for
    each way to dispatch, and a request for each of the latest runs, which tells of the approval and of the review:
    nobody can change what they said there, nor whose answer it was. It takes `actions: read`.
    Source: REST "List workflow runs for a repository"; "Get the review history for a workflow run".
    """
    asked = now - timedelta(days=lookback.days, hours=lookback.hours)
    standing = glass.standing_of(client, teams)
    listings = client.gather(*(lambda event=event: _get_runs(client, event, asked) for event in EVENTS))
    if doubts := [each for each in listings if isinstance(each, Unknown)]:
        return aftermath(lookback, worst(doubts), asked, standing)
    lists = [each.value for each in listings if isinstance(each, Known)]
    ends = [runs[-1].created_at for runs in lists if len(runs) >= LISTED]
    workflow = lookback.means.workflow
    listed = [(run.created_at, run) for runs in lists for run in runs if run.is_of(workflow)]
    found = reach(listed, asked, listed_since=max(ends, default=asked))
    traced = client.gather(*(lambda run=run: _trace(client, run, lookback) for _, run in found.found))
    known = Known(value=traced, source=Source.API, detail="GET actions/runs")
    return aftermath(lookback, known, found.since, standing, cut=found.since > asked)


def _get_runs(client: Client, event: str, asked: datetime) -> Fact[tuple[WorkflowRun, ...]]:
    enough = older(asked)
    listed = client.get_all(
        "actions/runs",
        items="workflow_runs",
        params={"event": event},
        until=lambda found: len(found) >= LISTED or enough(found),
        counted=True,
    )
    return checked(listed, lambda items: tuple(records.parse_run(item) for item in items))


def _trace(client: Client, run: WorkflowRun, lookback: Lookback) -> Traced:
    approvals, reviews = (
        apply(glass.get_answers(client, run, name), lambda answers: tuple(each for each in answers if each.approved))
        for name in (lookback.means.name, lookback.reviewed)
    )
    return Traced(
        reference=f"run {run.id}",
        url=run.url,
        at=run.created_at,
        people=_get_people(client, run, approvals),
        marked=False,
        broken=apply(approvals, last_of),
        reviewed=reviews,
    )


def _get_people(client: Client, run: WorkflowRun, approvals: Fact[tuple[Answer, ...]]) -> Fact[tuple[Person, ...]]:
    """Return whoever started an attempt of the run or approved it; nothing is asked where nobody approved."""
    if isinstance(approvals, Unknown) or not approvals.value:
        return apply(approvals, lambda _: ())
    if run.attempt is None or run.attempt > ATTEMPTS:
        return unavailable(f"the starters of a run with more than {ATTEMPTS} attempts are not looked for")
    numbers = range(2, run.attempt)
    between = client.gather(*(lambda number=number: records.get_attempt(client, run.id, number) for number in numbers))
    if doubts := [each for each in between if isinstance(each, Unknown)]:
        return worst(doubts)
    attempts = [run, *(each.value for each in between if isinstance(each, Known))]
    starters = [person for each in attempts for person in (each.actor, each.triggering_actor) if person]
    return apply(approvals, lambda answers: (*starters, *(answer.person for answer in answers)))
