"""Where the judged commit, and what a push brought with it, came from: pull requests, direct pushes, merge groups."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Final

from ci_guard.evidence.approvers import approvers
from ci_guard.evidence.github import compare, landing, memberships, queue, records
from ci_guard.evidence.github.accounts import GHOST
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.contributions import get_contributions
from ci_guard.evidence.github.job import Job
from ci_guard.evidence.github.owners import get_owned_paths
from ci_guard.evidence.github.records import MERGES, Pull, Push
from ci_guard.evidence.github.reviews import get_reviews
from ci_guard.evidence.rest.together import three, two
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, unavailable
from ci_guard.model.review import NOT_ASKED, Change, Origin, Provenance, Review
from ci_guard.model.roles import Membership
from ci_guard.model.run import Event, Run
from ci_guard.records import dataclass

FirstParents = Callable[[str, str], list[str] | None]
"""The first-parent commits of base..head, oldest first; None where the checkout cannot tell."""

HISTORY_LIMIT: Final = 100
"""Commits of one push that are traced; each costs a call. Source: the contract, `reviewed-history`."""

NOT_MERGED: Final = unavailable("no merge of the pull request made the commit")
BROUGHT: Final = unavailable("a pull request brought the commit, so nobody asked who pushed it")


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What is fetched of the changes that brought the judged commit."""

    reviews: bool = False
    owners: bool = False
    circles: frozenset[str] = frozenset()


def get_provenance(
    client: Client,
    job: Job,
    run: Run,
    *,
    history: bool,
    reviews: bool,
    owners: bool,
    circles: AbstractSet[str] = frozenset(),
    first_parents: FirstParents,
) -> Fact[Provenance]:
    """
    Return the origin of the judged commit, and with `history` of all that the push brought.

    In a queue the open pull requests of the group stand in for the commit, in a change the pull request itself.
    """
    if isinstance(run.event, Unknown):
        return run.event
    wanted = _Wanted(reviews=reviews, owners=owners, circles=frozenset(circles))
    standing_in = run.event.value in (Event.QUEUE, Event.CHANGE, Event.TARGET_CHANGE)
    commit, line = two(
        client,
        lambda: _stand_in(client, job, run, wanted) if standing_in else _judged(client, job, run, wanted),
        lambda: _history(client, job, run, first_parents) if history else NOT_ASKED,
    )
    provenance = Provenance(commit=commit, history=line, standing_in=standing_in)
    return Known(value=provenance, source=run.event.source, detail=run.event.detail)


def _judged(client: Client, job: Job, run: Run, wanted: _Wanted) -> Fact[Origin]:
    if isinstance(run.sha, Unknown):
        return run.sha
    origin = _origin(client, job, run, run.sha.value, wanted)
    return Known(value=origin, source=Source.API, detail=f"GET commits/{run.sha.value}/pulls")


def _origin(client: Client, job: Job, run: Run, sha: str, wanted: _Wanted) -> Origin:
    pulls = records.get_pulls_of_commit(client, sha)
    if isinstance(pulls, Unknown):
        return Origin(sha=sha, changes=pulls, pusher=NOT_ASKED)
    if not run.repository_id:
        nameless = unavailable("the repository's id is not known", detail=pulls.detail)
        return Origin(sha=sha, changes=nameless, pusher=NOT_ASKED)
    # The list of a commit that a fork shares may hold that fork's own pull requests.
    ours = [pull for pull in pulls.value if str(pull.base_repository_id) == run.repository_id]
    results = client.gather(*(lambda pull=pull: landing.get_results(client, pull, sha) for pull in ours))
    brought = [isinstance(found, Unknown) or sha in found.value for found in results]
    changes = client.gather(
        *(
            lambda pull=pull, found=found, asked=asked: _change(
                client, job, pull, found, wanted if asked else _Wanted(), merged=asked
            )
            for pull, found, asked in zip(ours, results, brought, strict=True)
        )
    )
    if any(brought):
        return Origin(sha=sha, changes=Known(value=changes, source=pulls.source, detail=pulls.detail), pusher=BROUGHT)
    push = _get_push(client, run)
    pusher = apply(push, lambda entry: entry.actor if entry is not None else None)
    known = push.value if isinstance(push, Known) else None
    if not changes and known is not None and known.after == sha and known.kind in MERGES:
        lag = unavailable("the activity log tells of a merge whose pull request is not listed yet", detail=pulls.detail)
        return Origin(sha=sha, changes=lag, pusher=pusher)
    return Origin(sha=sha, changes=Known(value=changes, source=pulls.source, detail=pulls.detail), pusher=pusher)


def _get_push(client: Client, run: Run) -> Fact[Push | None]:
    """Return the entry of the log that moved the branch to the judged commit, None where it does not show one."""
    if isinstance(run.branch, Unknown):
        return run.branch
    if run.branch.value is None or isinstance(run.sha, Unknown):
        return unavailable("the log of pushes is kept for branches")
    sha = run.sha.value
    pushes = records.get_pushes(client, run.branch.value)
    return apply(pushes, lambda entries: next((entry for entry in entries if entry.after == sha), None))


def _change(
    client: Client, job: Job, pull: Pull, results: Fact[frozenset[str]], wanted: _Wanted, *, merged: bool
) -> Change:
    (reviews, contributions, owned_paths), pushed_by = two(
        client,
        lambda: three(
            client,
            lambda: get_reviews(client, pull) if wanted.reviews else NOT_ASKED,
            lambda: get_contributions(client, job, pull) if wanted.reviews else NOT_ASKED,
            lambda: get_owned_paths(client, job, pull) if wanted.owners else NOT_ASKED,
        ),
        lambda: landing.get_pusher(client, job, pull) if merged else NOT_MERGED,
    )
    return Change(
        number=pull.number,
        reference=f"#{pull.number}",
        url=pull.url,
        author=pull.author or GHOST,
        target=pull.base_ref,
        state=pull.state,
        head=pull.head_sha,
        merged_at=pull.merged_at,
        results=results,
        pushed_by=pushed_by,
        reviews=reviews,
        contributions=contributions,
        owned_paths=owned_paths,
        memberships=_get_memberships(client, reviews, wanted),
    )


def _get_memberships(
    client: Client, reviews: Fact[tuple[Review, ...]], wanted: _Wanted
) -> Fact[tuple[Membership, ...]]:
    return memberships.get_memberships(client, approvers(reviews), wanted.circles) if wanted.circles else NOT_ASKED


def _stand_in(client: Client, job: Job, run: Run, wanted: _Wanted) -> Fact[Origin]:
    if isinstance(run.sha, Unknown):
        return run.sha
    pulls = _get_open_pulls(client, run)
    if isinstance(pulls, Unknown):
        return pulls
    nothing: Fact[frozenset[str]] = Known(value=frozenset(), source=pulls.source, detail=pulls.detail)
    changes = client.gather(
        *(lambda pull=pull: _change(client, job, pull, nothing, wanted, merged=False) for pull in pulls.value)
    )
    origin = Origin(
        sha=run.sha.value,
        changes=Known(value=changes, source=pulls.source, detail=pulls.detail),
        pusher=BROUGHT,
    )
    return Known(value=origin, source=pulls.source, detail=pulls.detail)


def _get_open_pulls(client: Client, run: Run) -> Fact[tuple[Pull, ...]]:
    if isinstance(run.event, Known) and run.event.value is Event.QUEUE:
        return queue.get_group(client, run)
    if isinstance(run.change, Unknown):
        return run.change
    if run.change.value is None:
        return unavailable("the run names no pull request", detail=run.change.detail)
    pull = records.get_pull(client, run.change.value.number)
    if isinstance(pull, Unknown):
        return pull
    if pull.value.head_sha != run.change.value.head:
        # Its reviews may be about a head that this run does not build.
        return unavailable(f"#{pull.value.number} has moved on since this run started", detail=pull.detail)
    return Known(value=(pull.value,), source=pull.source, detail=pull.detail)


def _history(client: Client, job: Job, run: Run, first_parents: FirstParents) -> Fact[tuple[Origin, ...]]:
    """Return where each commit came from that the push put on the branch, oldest first."""
    if isinstance(run.sha, Unknown):
        return run.sha
    head = run.sha.value
    start = _get_start(client, run)
    if isinstance(start, Unknown):
        return start
    known = first_parents(start.value, head)
    if known is None:
        walk = compare.get_first_parents(client, start.value, head)
        if isinstance(walk, Unknown):
            return walk
        known = [commit.sha for commit in reversed(walk.value)]
    if len(known) > HISTORY_LIMIT:
        return unavailable(f"the push brought {len(known)} commits, more than the {HISTORY_LIMIT} that are traced")
    origins = client.gather(*(lambda sha=sha: _origin(client, job, run, sha, _Wanted()) for sha in known))
    return Known(value=origins, source=start.source, detail=start.detail)


def _get_start(client: Client, run: Run) -> Fact[str]:
    """
    Return the commit that the branch pointed at before the push.

    The event file says so, which an earlier step can rewrite to leave commits out; the activity log must not contradict
    it.
    """
    if isinstance(run.event, Unknown) or run.event.value is not Event.PUSH:
        return unavailable("only a push brings a history")
    if isinstance(run.before, Unknown):
        return run.before
    if run.before.value is None:
        return unavailable("the push created the branch, so nothing says where it starts", detail=run.before.detail)
    if isinstance(run.branch, Unknown):
        return run.branch
    if run.branch.value is None or isinstance(run.sha, Unknown):
        return unavailable("no branch was pushed", detail=run.branch.detail)
    pushes = records.get_pushes(client, run.branch.value)
    if isinstance(pushes, Unknown):
        return pushes
    started = {push.before for push in pushes.value if push.after == run.sha.value}
    if run.before.value in started:
        return Known(value=run.before.value, source=pushes.source, detail=pushes.detail)
    if started:
        return unavailable("the event file and the activity log differ on where the push started", detail=pushes.detail)
    return Known(value=run.before.value, source=run.before.source, detail=run.before.detail)
