"""Which merge requests were merged with the label that breaks the glass, and who has reviewed them since."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Final

from ci_guard.evidence.aftermath import Listed, Search, joined, look_back
from ci_guard.evidence.gitlab import glass, records
from ci_guard.evidence.gitlab.client import Client
from ci_guard.evidence.gitlab.records import MergeRequest
from ci_guard.evidence.glass import answer_of, grants_of
from ci_guard.evidence.rest.shape import checked, when
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply
from ci_guard.model.glass import Aftermath, Lookback, Passed
from ci_guard.model.run import Event, Run

LISTED: Final = 100
"""Merge requests with the label that are listed, those that were touched last: one page."""


def get_aftermath(client: Client, run: Run, lookback: Lookback, groups: AbstractSet[str], now: datetime) -> Aftermath:
    """
    Return the merge requests that were merged with the label within the days asked for, or came by the judged push.

    The list is by the label that they have now, which whoever may report can take off; those of the push are looked at
    whether they still have it or not. Who put it there takes a member's token.
    Source: "Merge requests API", "List project merge requests"; "Resource label events API".
    """
    search = Search(lookback=lookback, now=now, standing=glass.standing_of(client, groups))
    listing = client.get_all(
        "merge_requests",
        params={
            "state": "merged",
            "labels": lookback.means.name,
            "updated_after": f"{search.asked:%Y-%m-%dT%H:%M:%SZ}",
            "order_by": "updated_at",
            "sort": "desc",
        },
        until=lambda found: len(found) >= LISTED,
    )

    def read(items: Sequence[Any]) -> Listed[MergeRequest]:
        changes = map(records.parse_merge_request, items)
        return _listed(changes, since=when(items[-1], "updated_at") if len(items) >= LISTED else search.asked)

    listed = joined(
        checked(listing, read), apply(_brought(client, run), lambda found: _listed(found, since=search.asked))
    )
    return look_back(client, search, listed, lambda at, change: _trace(client, change, at, search))


def _listed(changes: Iterable[MergeRequest], *, since: datetime) -> Listed[MergeRequest]:
    merged = {change.iid: (change.merged_at, change) for change in changes if change.merged_at}
    return Listed(found=merged, since=since)


def _brought(client: Client, run: Run) -> Fact[tuple[MergeRequest, ...]]:
    """Return the merge requests by which the pushed commit came, whatever labels they have now."""
    if isinstance(run.event, Unknown):
        return run.event
    if run.event.value is not Event.PUSH or isinstance(run.sha, Unknown):
        return Known(value=(), source=run.event.source)
    return records.get_merge_requests_of_commit(client, run.sha.value)


def _trace(client: Client, change: MergeRequest, merged_at: datetime, search: Search) -> Passed:
    log = glass.get_label_events(client, change.iid)
    broke = search.lookback.means.name
    reviewed = checked(log, lambda items: answer_of(glass.last_put(items, search.lookback.reviewed)))
    return Passed(
        reference=f"!{change.iid}",
        url=change.url,
        at=merged_at,
        people=Known(value=(change.author,) if change.author else (), source=Source.API),
        marked=broke in change.labels,
        broken=checked(log, lambda items: glass.last_put(items, broke, ever_until=merged_at)),
        reviewed=grants_of(reviewed, search.standing),
    )
