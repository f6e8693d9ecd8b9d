"""Which dispatched runs were approved for the environment that breaks the glass, and who has reviewed them since."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Final

from ci_guard.evidence.aftermath import Listed, Search, joined, last_of, look_back
from ci_guard.evidence.github import glass, records
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.records import WorkflowRun
from ci_guard.evidence.glass import Answer, grants_of
from ci_guard.evidence.rest.activity import older
from ci_guard.evidence.rest.shape import checked, when
from ci_guard.model.fact import Fact, Known, Unknown, apply, unavailable, worst
from ci_guard.model.glass import Aftermath, Lookback, Passed
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
    search = Search(lookback=lookback, now=now, standing=glass.standing_of(client, teams))
    listings = client.gather(*(lambda event=event: _get_runs(client, event, search) for event in EVENTS))
    return look_back(client, search, joined(*listings), lambda _, run: _trace(client, run, search))


def _get_runs(client: Client, event: str, search: Search) -> Fact[Listed[WorkflowRun]]:
    enough = older(search.asked)
    listing = client.get_all(
        "actions/runs",
        items="workflow_runs",
        params={"event": event},
        until=lambda found: len(found) >= LISTED or enough(found),
        counted=True,
    )

    def read(items: Sequence[Any]) -> Listed[WorkflowRun]:
        runs = [run for run in map(records.parse_run, items) if run.is_of(search.lookback.means.workflow)]
        since = when(items[-1], "created_at") if len(items) >= LISTED else search.asked
        return Listed(found={run.id: (run.created_at, run) for run in runs}, since=since)

    return checked(listing, read)


def _trace(client: Client, run: WorkflowRun, search: Search) -> Passed:
    approvals, reviews = (
        apply(glass.get_answers(client, run, name), lambda answers: tuple(each for each in answers if each.approved))
        for name in (search.lookback.means.name, search.lookback.reviewed)
    )
    return Passed(
        reference=f"run {run.id}",
        url=run.url,
        at=run.created_at,
        people=_get_people(client, run, approvals),
        marked=False,
        broken=apply(approvals, last_of),
        reviewed=grants_of(reviews, search.standing),
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
