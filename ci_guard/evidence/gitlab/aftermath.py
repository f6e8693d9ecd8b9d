"""Which merge requests were merged with the label that breaks the glass, and who has reviewed them since."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any, Final

from ci_guard.evidence.aftermath import Traced, aftermath, answer_of, reach
from ci_guard.evidence.gitlab import glass, records
from ci_guard.evidence.gitlab.client import Client
from ci_guard.evidence.gitlab.records import MergeRequest
from ci_guard.evidence.rest.shape import checked, when
from ci_guard.model.fact import Fact, Known, Source, Unknown
from ci_guard.model.glass import Aftermath, Lookback, Mark
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
    asked = now - timedelta(days=lookback.days)
    standing = glass.standing_of(client, groups)
    listed = client.get_all(
        "merge_requests",
        params={
            "state": "merged",
            "labels": lookback.means.name,
            "updated_after": f"{asked:%Y-%m-%dT%H:%M:%SZ}",
            "order_by": "updated_at",
            "sort": "desc",
        },
        until=lambda found: len(found) >= LISTED,
    )
    changes = checked(listed, lambda items: [records.parse_merge_request(item) for item in items])
    oldest = checked(listed, lambda items: when(items[-1], "updated_at") if len(items) >= LISTED else asked)
    brought = _brought(client, run)
    if isinstance(changes, Unknown) or isinstance(oldest, Unknown) or isinstance(brought, Unknown):
        doubt = next(fact for fact in (changes, oldest, brought) if isinstance(fact, Unknown))
        return aftermath(lookback, doubt, asked, standing)
    known = {change.iid: (change.merged_at, change) for change in (*changes.value, *brought.value)}
    found = reach(known.values(), asked, listed_since=oldest.value)
    traced = client.gather(*(lambda at=at, one=one: _trace(client, one, at, lookback) for at, one in found.found))
    known_traces = Known(value=traced, source=changes.source, detail=changes.detail)
    return aftermath(lookback, known_traces, found.since, standing, cut=found.since > asked)


def _brought(client: Client, run: Run) -> Fact[tuple[MergeRequest, ...]]:
    """Return the merge requests by which the pushed commit came, whatever labels they have now."""
    if isinstance(run.event, Unknown):
        return run.event
    if run.event.value is not Event.PUSH or isinstance(run.sha, Unknown):
        return Known(value=(), source=run.event.source)
    return records.get_merge_requests_of_commit(client, run.sha.value)


def _trace(client: Client, change: MergeRequest, merged_at: datetime, lookback: Lookback) -> Traced:
    log = glass.get_label_events(client, change.iid)

    def before(items: Sequence[Any]) -> Mark | None:
        then = [item for item in items if when(item, "created_at") <= merged_at]
        return glass.last_put(then, lookback.means.name, ever=True)

    return Traced(
        reference=f"!{change.iid}",
        url=change.url,
        at=merged_at,
        people=Known(value=(change.author,) if change.author else (), source=Source.API),
        marked=lookback.means.name in change.labels,
        broken=checked(log, before),
        reviewed=checked(log, lambda items: answer_of(glass.last_put(items, lookback.reviewed))),
    )
