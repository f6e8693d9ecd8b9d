"""Which pull requests were merged with the label that breaks the glass, and who has reviewed them since."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Final

from ci_guard.evidence.aftermath import Listed, Search, joined, look_back
from ci_guard.evidence.github import glass, records
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.records import Pull
from ci_guard.evidence.glass import answer_of, grants_of
from ci_guard.evidence.rest.shape import checked, when
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply
from ci_guard.model.glass import Aftermath, Lookback, Passed
from ci_guard.model.run import Event, Run

LISTED: Final = 300
"""Closed pull requests that are looked through, those that were touched last: three pages."""


def get_aftermath(client: Client, run: Run, lookback: Lookback, teams: AbstractSet[str], now: datetime) -> Aftermath:
    """
    Return the pull requests that were merged with the label within the days asked for, or came by the judged push.

    The list is by the label that they have now, which whoever may triage can take off; those of the push are looked at
    whether they still have it or not. It takes `pull-requests: read`.
    Source: REST "List pull requests"; "List timeline events for an issue".
    """
    search = Search(lookback=lookback, now=now, standing=glass.standing_of(client, teams))
    listing = client.get_all(
        "pulls",
        params={"state": "closed", "sort": "updated", "direction": "desc"},
        until=lambda found: (
            len(found) >= LISTED
            or str(found[-1].get("updated_at") if found else "") < f"{search.asked:%Y-%m-%dT%H:%M:%SZ}"
        ),
    )

    def read(items: Sequence[Any]) -> Listed[Pull]:
        pulls = [pull for pull in map(records.parse_pull, items) if _has(pull, lookback.means.name)]
        return _listed(pulls, since=when(items[-1], "updated_at") if len(items) >= LISTED else search.asked)

    listed = joined(
        checked(listing, read), apply(_brought(client, run), lambda found: _listed(found, since=search.asked))
    )
    return look_back(client, search, listed, lambda at, pull: _trace(client, pull, at, search))


def _listed(pulls: Iterable[Pull], *, since: datetime) -> Listed[Pull]:
    merged = {pull.number: (pull.merged_at, pull) for pull in pulls if pull.merged_at}
    return Listed(found=merged, since=since)


def _has(pull: Pull, label: str) -> bool:
    return any(glass.same(name, label) for name in pull.labels)


def _brought(client: Client, run: Run) -> Fact[tuple[Pull, ...]]:
    """Return the pull requests by which the pushed commit came, whatever labels they have now."""
    if isinstance(run.event, Unknown) or run.event.value is not Event.PUSH or isinstance(run.sha, Unknown):
        return Known(value=(), source=run.event.source) if isinstance(run.event, Known) else run.event
    ours = records.get_pulls_of_commit(client, run.sha.value)
    return apply(ours, lambda found: tuple(p for p in found if str(p.base_repository_id) == run.repository_id))


def _trace(client: Client, pull: Pull, merged_at: datetime, search: Search) -> Passed:
    timeline = client.get_all(f"issues/{pull.number}/timeline")
    broke = search.lookback.means.name
    reviewed = checked(timeline, lambda items: answer_of(glass.last_put(items, search.lookback.reviewed)))
    return Passed(
        reference=f"#{pull.number}",
        url=pull.url,
        at=merged_at,
        people=Known(value=(pull.author,) if pull.author else (), source=Source.API),
        marked=_has(pull, broke),
        broken=checked(timeline, lambda items: glass.last_put(items, broke, ever_until=merged_at)),
        reviewed=grants_of(reviewed, search.standing),
    )
