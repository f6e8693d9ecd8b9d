"""Where the judged commit came from: its merge requests, who reviewed them and who contributed."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import partial
from typing import Final

from ci_guard.evidence.approvers import approvers
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.gitlab import landing, records, train
from ci_guard.evidence.gitlab.client import STRONGER, Client
from ci_guard.evidence.gitlab.contributions import get_contributions
from ci_guard.evidence.gitlab.memberships import get_memberships
from ci_guard.evidence.gitlab.owners import get_owned_paths
from ci_guard.evidence.gitlab.people import GHOST
from ci_guard.evidence.gitlab.records import MergeRequest
from ci_guard.evidence.gitlab.reviews import get_reviews
from ci_guard.evidence.rest.together import three, two
from ci_guard.model.fact import Fact, Known, Source, Unknown, invisible, unavailable
from ci_guard.model.review import NOT_ASKED, Change, Origin, Provenance
from ci_guard.model.run import Event, Run
from ci_guard.records import dataclass, replace

HISTORY_LIMIT: Final = 100
"""Commits of one push that are traced; each costs a request. Source: the contract, `reviewed-history`."""

DEVELOPER: Final = f"{STRONGER}, with the role Developer"

NOT_MERGED: Final = unavailable("no merge of the merge request made the commit")
NO_RECORD: Final = invisible("GitLab's list of events is not read", needs=STRONGER)


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What is fetched of the merge requests that brought the judged commit."""

    reviews: bool = False
    owners: bool = False
    circles: frozenset[str] = frozenset()


def get_provenance(
    client: Client,
    run: Run,
    checkout: Checkout,
    *,
    history: bool,
    reviews: bool,
    owners: bool,
    circles: AbstractSet[str] = frozenset(),
) -> Fact[Provenance]:
    """
    See `ProvenanceEvidence.provenance`.

    On a train the merge requests that are built together stand in for the commit, in a merge request pipeline that
    merge request itself.
    """
    if isinstance(run.event, Unknown):
        return run.event
    wanted = _Wanted(reviews=reviews, owners=owners, circles=frozenset(circles))
    standing_in = run.event.value in (Event.QUEUE, Event.CHANGE)
    commit, line = two(
        client,
        lambda: (_stand_in if standing_in else _judged)(client, run, checkout, wanted),
        lambda: _history(client, run, checkout) if history else NOT_ASKED,
    )
    provenance = Provenance(commit=commit, history=line, standing_in=standing_in)
    return Known(value=provenance, source=run.event.source, detail=run.event.detail)


def _judged(client: Client, run: Run, checkout: Checkout, wanted: _Wanted) -> Fact[Origin]:
    if isinstance(run.sha, Unknown):
        return run.sha
    origin = _origin(client, checkout, run.sha.value, wanted)
    return Known(value=origin, source=Source.API, detail=f"GET repository/commits/{run.sha.value}/merge_requests")


def _origin(client: Client, checkout: Checkout, sha: str, wanted: _Wanted) -> Origin:
    listed = records.get_merge_requests_of_commit(client, sha)
    if isinstance(listed, Unknown):
        return Origin(sha=sha, changes=listed, pusher=NOT_ASKED)
    # A commit that a fork shares may be in merge requests of that fork's own.
    ours = [one for one in listed.value if str(one.target_project_id) == client.project]
    changes = client.gather(*(partial(_of_commit, client, checkout, one, sha, wanted) for one in ours))
    return Origin(sha=sha, changes=Known(value=changes, source=listed.source, detail=listed.detail), pusher=NO_RECORD)


def _of_commit(client: Client, checkout: Checkout, listed: MergeRequest, sha: str, wanted: _Wanted) -> Change:
    """Return a merge request that a commit is in, whole only where it brought the commit."""
    results = landing.get_results(client, listed, sha, checkout)
    if isinstance(results, Known) and sha not in results.value:
        return _change(client, checkout, listed, results, _Wanted(), merged=False)
    # Lists leave out where a merge request starts, and what was built of its head.
    whole = records.get_merge_request(client, listed.iid)
    if isinstance(whole, Unknown):
        bare = _change(client, checkout, listed, results, _Wanted(), merged=False)
        return replace(bare, pushed_by=whole, reviews=whole, contributions=whole, owned_paths=whole, memberships=whole)
    again = landing.get_results(client, whole.value, sha, checkout)
    return _change(client, checkout, whole.value, again, wanted, merged=True)


def _change(
    client: Client,
    checkout: Checkout,
    found: MergeRequest,
    results: Fact[frozenset[str]],
    wanted: _Wanted,
    *,
    merged: bool,
    seen: datetime | None = None,
) -> Change:
    (reviews, contributions, owned_paths), pushed_by = two(
        client,
        lambda: three(
            client,
            lambda: get_reviews(client, found, seen) if wanted.reviews else NOT_ASKED,
            lambda: get_contributions(client, found, checkout) if wanted.reviews else NOT_ASKED,
            lambda: get_owned_paths(client, found, checkout, seen) if wanted.owners else NOT_ASKED,
        ),
        lambda: landing.get_pusher(client, found, checkout) if merged else NOT_MERGED,
    )
    return Change(
        number=found.iid,
        reference=f"!{found.iid}",
        url=found.url,
        author=found.author or GHOST,
        target=found.target_branch,
        state=found.state,
        head=found.head or "",
        merged_at=found.merged_at,
        results=results,
        pushed_by=pushed_by,
        reviews=reviews,
        contributions=contributions,
        owned_paths=owned_paths,
        memberships=get_memberships(client, approvers(reviews), wanted.circles) if wanted.circles else NOT_ASKED,
    )


def _stand_in(client: Client, run: Run, checkout: Checkout, wanted: _Wanted) -> Fact[Origin]:
    if isinstance(run.sha, Unknown):
        return run.sha
    found = _get_open(client, run)
    if isinstance(found, Unknown):
        return found
    nothing: Fact[frozenset[str]] = Known(value=frozenset(), source=found.source, detail=found.detail)
    changes = client.gather(
        *(
            partial(_change, client, checkout, one, nothing, wanted, merged=False, seen=_seen(client, run, one))
            for one in found.value
        )
    )
    known = Known(value=changes, source=found.source, detail=found.detail)
    origin = Origin(sha=run.sha.value, changes=known, pusher=NO_RECORD)
    return Known(value=origin, source=found.source, detail=found.detail)


def _seen(client: Client, run: Run, found: MergeRequest) -> datetime | None:
    """Return when the pipeline was made that runs, where it was made of a merge request's present head."""
    change = run.change.value if isinstance(run.change, Known) else None
    job = records.get_job(client)
    own = change is not None and (change.number, change.head) == (found.iid, found.head)
    return job.value.pipeline.created_at if own and isinstance(job, Known) else None


def _get_open(client: Client, run: Run) -> Fact[tuple[MergeRequest, ...]]:
    if isinstance(run.event, Known) and run.event.value is Event.QUEUE:
        return train.get_group(client, run)
    if isinstance(run.change, Unknown):
        return run.change
    if run.change.value is None:
        return unavailable("the run names no merge request", detail=run.change.detail)
    found = records.get_merge_request(client, run.change.value.number)
    if isinstance(found, Unknown):
        return found
    if found.value.head != run.change.value.head:
        # Its reviews may be about a head that this run does not build.
        return unavailable(f"!{found.value.iid} has moved on since this run started", detail=found.detail)
    return Known(value=(found.value,), source=found.source, detail=found.detail)


def _history(client: Client, run: Run, checkout: Checkout) -> Fact[tuple[Origin, ...]]:
    """Return where each commit came from that the push put on the branch, oldest first."""
    if isinstance(run.sha, Unknown):
        return run.sha
    if isinstance(run.before, Unknown):
        return run.before
    if run.before.value is None:
        return unavailable("the push created the branch, so nothing says where it starts", detail=run.before.detail)
    if run.before.source is Source.ENV:
        # Whoever sets it could leave commits out.
        return invisible("only a variable says where the push started", needs=DEVELOPER, detail=run.before.detail)
    known = checkout.first_parents(run.before.value, run.sha.value)
    if known is None:
        said = f"this clone does not reach back to {run.before.value[:12]}, where the push started (`GIT_DEPTH: 0`)"
        return unavailable(said, detail=run.before.detail)
    if len(known) > HISTORY_LIMIT:
        return unavailable(f"the push brought {len(known)} commits, more than the {HISTORY_LIMIT} that are traced")
    origins = client.gather(*(partial(_origin, client, checkout, sha, _Wanted()) for sha in known))
    return Known(value=origins, source=run.before.source, detail=run.before.detail)
