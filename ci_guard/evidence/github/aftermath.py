"""Which pull requests were merged with the label that breaks the glass, and who has reviewed them since."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any, Final

from ci_guard.evidence.aftermath import Traced, aftermath, answer_of, reach
from ci_guard.evidence.github import glass, records
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.records import Pull
from ci_guard.evidence.rest.shape import checked, when
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply
from ci_guard.model.glass import Aftermath, Lookback, Mark
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
    asked = now - timedelta(days=lookback.days)
    standing = glass.standing_of(client, teams)
    listed = client.get_all(
        "pulls",
        params={"state": "closed", "sort": "updated", "direction": "desc"},
        until=lambda found: (
            len(found) >= LISTED or str(found[-1].get("updated_at") if found else "") < f"{asked:%Y-%m-%dT%H:%M:%SZ}"
        ),
    )
    pulls = checked(listed, lambda items: _labelled(items, lookback.means.name))
    oldest = checked(listed, lambda items: when(items[-1], "updated_at") if len(items) >= LISTED else asked)
    brought = _brought(client, run)
    if isinstance(pulls, Unknown) or isinstance(oldest, Unknown) or isinstance(brought, Unknown):
        doubt = next(fact for fact in (pulls, oldest, brought) if isinstance(fact, Unknown))
        return aftermath(lookback, doubt, asked, standing)
    known = {pull.number: (pull.merged_at, pull) for pull in (*pulls.value, *brought.value)}
    found = reach(known.values(), asked, listed_since=oldest.value)
    traced = client.gather(*(lambda at=at, pull=pull: _trace(client, pull, at, lookback) for at, pull in found.found))
    known_traces = Known(value=traced, source=pulls.source, detail=pulls.detail)
    return aftermath(lookback, known_traces, found.since, standing, cut=found.since > asked)


def _labelled(items: Sequence[Any], label: str) -> list[Pull]:
    pulls = [records.parse_pull(item) for item in items]
    return [pull for pull in pulls if _has(pull, label)]


def _has(pull: Pull, label: str) -> bool:
    return any(glass.same(name, label) for name in pull.labels)


def _brought(client: Client, run: Run) -> Fact[tuple[Pull, ...]]:
    """Return the pull requests by which the pushed commit came, whatever labels they have now."""
    if isinstance(run.event, Unknown) or run.event.value is not Event.PUSH or isinstance(run.sha, Unknown):
        return Known(value=(), source=run.event.source) if isinstance(run.event, Known) else run.event
    ours = records.get_pulls_of_commit(client, run.sha.value)
    return apply(ours, lambda found: tuple(p for p in found if str(p.base_repository_id) == run.repository_id))


def _trace(client: Client, pull: Pull, merged_at: datetime, lookback: Lookback) -> Traced:
    timeline = client.get_all(f"issues/{pull.number}/timeline")

    def before(items: Sequence[Any]) -> Mark | None:
        labelling = [item for item in items if item.get("event") in glass.LABELLING]
        then = [item for item in labelling if when(item, "created_at") <= merged_at]
        return glass.last_put(then, lookback.means.name, ever=True)

    return Traced(
        reference=f"#{pull.number}",
        url=pull.url,
        at=merged_at,
        people=Known(value=(pull.author,) if pull.author else (), source=Source.API),
        marked=_has(pull, lookback.means.name),
        broken=checked(timeline, before),
        reviewed=checked(timeline, lambda items: answer_of(glass.last_put(items, lookback.reviewed))),
    )
