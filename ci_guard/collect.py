"""Fetch the facts that the enabled controls need, at the same time and each once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import date, datetime
from functools import reduce
from typing import Final, TypeVar

from ci_guard.controls.interface import Control
from ci_guard.errors import GitUnavailable
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.interface import Enough, Forge
from ci_guard.evidence.pool import Pool
from ci_guard.evidence.surroundings import get_circumstances
from ci_guard.git import Repository
from ci_guard.model.circumstances import Circumstances
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, unavailable
from ci_guard.model.facts import NOT_COLLECTED, Facts, Needs
from ci_guard.model.guard import Guard
from ci_guard.model.run import Event, Part, Platform, Run
from ci_guard.model.scan import Gap, GapKind, SecretScan
from ci_guard.model.settings import Settings
from ci_guard.records import replace
from ci_guard.secrets.review import Review
from ci_guard.secrets.scan import ScanRequest, scan, unheard

T = TypeVar("T")

NO_NEEDS: Final = Needs()

UNCONFIRMED: Final = frozenset({Source.EVENT, Source.ENV, Source.NONE})
"""Who vouches for what an earlier step of the same job could have said."""


def collect(
    *,
    run: Run,
    wants: Sequence[tuple[Control, Settings]],
    forge: Forge,
    scan: Callable[[], Fact[SecretScan]],
    also: Needs = NO_NEEDS,
    enough: Enough = lambda _: False,
    now: datetime | None = None,
) -> Facts:
    """
    Return the facts of this run; what no control wants, nor `also`, stays `NOT_COLLECTED` and costs nothing.

    `enough` is as in `BranchEvidence.branches`; by default all that can be known is. `also` is wanted besides what the
    controls want. Units: `now` is aware.
    """
    needs = reduce(Needs.__or__, (control.needs(settings, run) for control, settings in wants), also)
    with Pool(thread_name_prefix="collect") as pool:

        def start(wanted: object, fetch: Callable[[], Fact[T]]) -> Future[Fact[T]] | None:
            return pool.submit(fetch) if wanted else None

        branches = start(needs.branches, lambda: forge.branches(needs.branches, enough))
        tags = start(needs.tags, forge.tags)
        people = start(needs.people, lambda: forge.people({Part(part) for part in needs.people}))
        memberships = start(
            needs.circles, lambda: forge.memberships({Part(part) for part in needs.people}, needs.circles)
        )
        claims = start(needs.claims, lambda: forge.claims(run.environment))
        provenance = start(
            needs.provenance,
            lambda: forge.provenance(
                history=needs.history, reviews=needs.reviews, owners=needs.owners, circles=needs.reviewer_circles
            ),
        )
        guard = pool.submit(forge.guard, needs.guard) if needs.guard else None
        glass = [pool.submit(forge.break_glass, means, needs.glass_circles) for means in needs.glass]
        aftermath = [pool.submit(forge.aftermath, back, needs.glass_circles, now) for back in needs.aftermath if now]
        around = pool.submit(get_circumstances, forge, run, needs.circumstances, now)
        # Matching is work for this thread's core while the others wait for the network.
        found = scan() if needs.scan else NOT_COLLECTED
        circumstances = around.result()
        return Facts(
            run=named(run, circumstances),
            branches=result_of(branches),
            tags=result_of(tags),
            people=result_of(people),
            memberships=result_of(memberships),
            claims=result_of(claims),
            provenance=result_of(provenance),
            scan=found,
            circumstances=circumstances,
            guard=guard.result() if guard else Guard(),
            glass=tuple(each.result() for each in glass),
            aftermath=tuple(each.result() for each in aftermath),
        )


def named(run: Run, circumstances: Circumstances) -> Run:
    """Return the run by the name of its environment: where the caller gives none, the one that is signed."""
    told = [one for one in circumstances.environments if isinstance(one, Known) and one.source is Source.SIGNED]
    return run if run.environment or not told else replace(run, environment=told[0].value)


def result_of(future: Future[Fact[T]] | None) -> Fact[T]:
    """Wait for a fact; one that nobody wanted is `NOT_COLLECTED`."""
    return NOT_COLLECTED if future is None else future.result()


def scan_checkout(
    checkout: Checkout,
    run: Run,
    *,
    target: Callable[[], Fact[str]],
    today: date,
    progress: Callable[[str], None] = unheard,
) -> Fact[SecretScan]:
    """
    Return what the scanner finds in the judged commit's tree, the work tree and the change's range.

    Outside git and CI the folder is all there is. What is not known of the run, its commit or its range, is a gap of
    the scan; everything else is read all the same. `target` returns the commit of a change's target.

    Raises: `PolicyError` for suppressions or rules of the repository's own that cannot be accepted.
    """
    try:
        if run.platform is Platform.LOCAL and not checkout.exists:
            found = scan(ScanRequest(root=checkout.folder, work_tree=True, review=Review(today=today)), progress)
        else:
            span = range_of(run, checkout)
            review = review_of(run, span, checkout, target, today)
            found = scan_repository(checkout.repository, run, span, review, progress)
    except GitUnavailable as error:
        return unavailable(f"nothing was scanned: {error.message}" + (f" ({error.hint})" if error.hint else ""))
    found = replace(found, reviewable=run.platform is not Platform.LOCAL)
    return Known(value=found, source=Source.GIT, detail=", ".join(found.sources))


def review_of(
    run: Run,
    span: Fact[tuple[str | None, str] | None],
    checkout: Checkout,
    target: Callable[[], Fact[str]],
    today: date,
) -> Review:
    """
    Return whose suppressions count: in a change its target's, on a push those from before it, else the commit's own.

    A change whose target is not known, and an event that may be one, suppress nothing. Where a push started matters
    less: who pushes has the repository's trust, so the commit's own count, and that they were reviewed is unknown.
    """
    if run.platform is Platform.LOCAL:
        return Review(today=today)
    sha = run.sha.value if isinstance(run.sha, Known) else None
    if isinstance(run.event, Unknown) or sha is None or not checkout.has_commit(sha):
        reason = next((fact.reason for fact in (run.event, run.sha) if isinstance(fact, Unknown)), "")
        return Review(judged=sha, counts=False, doubt=reason or "the judged commit is not in this clone", today=today)
    brought = span.value[1] if isinstance(span, Known) and span.value else sha
    judged = brought if checkout.has_commit(brought) else sha
    if run.event.value in (Event.CHANGE, Event.TARGET_CHANGE, Event.QUEUE):
        trusted = target()
        if isinstance(trusted, Unknown):
            return Review(judged=judged, counts=False, doubt=trusted.reason, today=today)
        return Review(judged=judged, trusted=trusted.value, today=today)
    if run.event.value is not Event.PUSH:
        return Review(judged=sha, today=today)
    if isinstance(span, Unknown):
        return Review(judged=sha, doubt=span.reason, today=today)
    before = span.value[0] if span.value else None
    if before is None:
        return Review(judged=sha, doubt="there is no commit from before this push to compare with", today=today)
    if not checkout.has_commit(before):
        said = f"the commit before the push, {before[:12]}, is not in this clone (`fetch-depth: 0`)"
        return Review(judged=sha, doubt=said, today=today)
    return Review(judged=sha, trusted=before, today=today)


def scan_repository(
    repository: Repository,
    run: Run,
    span: Fact[tuple[str | None, str] | None],
    review: Review,
    progress: Callable[[str], None] = unheard,
) -> SecretScan:
    """Scan the whole repository, wherever in it the run was started."""
    commit = run.sha.value if isinstance(run.sha, Known) else None
    found = scan(
        ScanRequest(
            root=repository.work_tree or repository.git_dir,
            commit=commit,
            tree=commit is not None or run.platform is Platform.LOCAL,
            work_tree=True,
            range=span.value if isinstance(span, Known) else None,
            review=review,
        ),
        progress,
    )
    doubts = [span] if run.platform is Platform.LOCAL else [run.sha, span]
    gaps = [
        Gap(kind=GapKind.UNKNOWN, code="run-unknown", message=f"What the run brings is not known: {doubt.reason}.")
        for doubt in dict.fromkeys(doubt for doubt in doubts if isinstance(doubt, Unknown))
    ]
    return replace(found, gaps=(*found.gaps, *gaps))


def range_of(run: Run, checkout: Checkout) -> Fact[tuple[str | None, str] | None]:
    """
    Return which commits the run's change brought, as (base, head); None where the tree alone is judged.

    A base of None is the whole history of the head: a branch that was pushed to a repository without another one. A
    commit that is not in this clone is left to the scanner, which reports it as missing.
    """
    tree_alone: Fact[tuple[str | None, str] | None] = Known(value=None, source=Source.GIT)
    if run.platform is Platform.LOCAL:
        return tree_alone
    if isinstance(run.event, Unknown):
        return run.event
    if isinstance(run.sha, Unknown):
        return run.sha
    match run.event.value:
        case Event.PUSH:
            return pushed_range(run, run.sha.value, checkout)
        case Event.CHANGE | Event.TARGET_CHANGE | Event.QUEUE:
            return changed_range(run, run.event.value, run.sha.value, checkout)
        case _:
            return tree_alone


def pushed_range(run: Run, sha: str, checkout: Checkout) -> Fact[tuple[str | None, str] | None]:
    """
    Return what a push brought; of a new branch what the default branch has not.

    A push that set the branch back brings nothing, which only the server may say. So may a new branch, as it is
    measured by the server's word about the default branch.
    """
    if isinstance(run.before, Unknown):
        return run.before
    start = run.before.value
    if start is None:
        return apply(run.default_head, lambda head: (head, sha))
    if start == sha:
        return unavailable(f"the push is said to start where it ends, at {sha[:12]}", detail=run.before.detail)
    if run.before.source in UNCONFIRMED and checkout.brings(sha, start) is not False:
        said = f"only the event file says that the push started at {start[:12]}, and this clone does not show that"
        return unavailable(f"{said} {sha[:12]} descends from it", detail=run.before.detail)
    return Known(value=(start, sha), source=run.before.source, detail=run.before.detail)


def changed_range(run: Run, event: Event, sha: str, checkout: Checkout) -> Fact[tuple[str | None, str] | None]:
    """Return what a change brings, which is never nothing: its merge as built, or its head where the target is."""
    if isinstance(run.change, Unknown):
        return run.change
    change = run.change.value
    if change is None or change.target_commit is None:
        return unavailable("the commit of the target branch is not known, so neither is what the change brings")
    head = change.head if event is Event.TARGET_CHANGE else sha
    if checkout.brings(change.target_commit, head) is False:
        said = f"the change #{change.number} is said to bring nothing that {change.target_commit[:12]} has not"
        return unavailable(said, detail=run.change.detail)
    return Known(value=(change.target_commit, head), source=run.change.source, detail=run.change.detail)
