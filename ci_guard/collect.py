"""Fetch the facts that the enabled controls need, at the same time and each once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import reduce
from typing import TypeVar

from ci_guard.controls.interface import Control
from ci_guard.errors import GitUnavailable
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.interface import Forge
from ci_guard.model.fact import Fact, Known, Source, Unknown, unavailable
from ci_guard.model.facts import NOT_COLLECTED, Facts, Needs
from ci_guard.model.run import ChangeReference, Event, Part, Platform, Run
from ci_guard.model.scan import SecretScan
from ci_guard.model.settings import Settings
from ci_guard.secrets.scan import ScanRequest, scan

T = TypeVar("T")


def collect(
    *, run: Run, wants: Sequence[tuple[Control, Settings]], forge: Forge, scan: Callable[[], Fact[SecretScan]]
) -> Facts:
    """Return the facts of this run; what no control wants stays `NOT_COLLECTED` and costs nothing."""
    needs = reduce(Needs.__or__, (control.needs(settings, run) for control, settings in wants), Needs())
    with ThreadPoolExecutor(thread_name_prefix="collect") as pool:

        def start(wanted: object, fetch: Callable[[], Fact[T]]) -> Future[Fact[T]] | None:
            return pool.submit(fetch) if wanted else None

        branches = start(needs.branches, lambda: forge.branches(needs.branches))
        tags = start(needs.tags, forge.tags)
        people = start(needs.people, lambda: forge.people({Part(part) for part in needs.people}))
        claims = start(needs.claims, forge.claims)
        provenance = start(
            needs.provenance,
            lambda: forge.provenance(history=needs.history, reviews=needs.reviews, owners=needs.owners),
        )
        # Matching is work for this thread's core while the others wait for the network.
        found = scan() if needs.scan else NOT_COLLECTED
        return Facts(
            run=run,
            branches=result_of(branches),
            tags=result_of(tags),
            people=result_of(people),
            claims=result_of(claims),
            provenance=result_of(provenance),
            scan=found,
        )


def result_of(future: Future[Fact[T]] | None) -> Fact[T]:
    """Wait for a fact; one that nobody wanted is `NOT_COLLECTED`."""
    return NOT_COLLECTED if future is None else future.result()


def scan_checkout(checkout: Checkout, run: Run) -> Fact[SecretScan]:
    """
    Return what the scanner finds in the judged commit's tree, the work tree and the change's range.

    Outside git and CI the folder is all there is.
    """
    if run.platform is Platform.LOCAL and not checkout.exists:
        request = ScanRequest(root=checkout.folder, work_tree=True)
    elif isinstance(run.sha, Unknown) and run.platform is not Platform.LOCAL:
        return run.sha
    else:
        span = range_of(run, checkout)
        if isinstance(span, Unknown):
            return span
        commit = run.sha.value if isinstance(run.sha, Known) else None
        request = ScanRequest(
            root=checkout.folder, commit=commit, tree=commit is not None, work_tree=True, range=span.value
        )
    try:
        found = scan(request)
    except GitUnavailable as error:
        return unavailable(f"nothing was scanned: {error.message}" + (f" ({error.hint})" if error.hint else ""))
    return Known(value=found, source=Source.GIT, detail=", ".join(found.sources))


def range_of(run: Run, checkout: Checkout) -> Fact[tuple[str | None, str] | None]:
    """
    Return which commits the run's change brought, as (base, head); None where the tree alone is judged.

    A base of None is the whole history of the head: a branch that was pushed to a repository without another one.
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
            if isinstance(run.before, Unknown):
                return run.before
            base = run.before.value or first_push_base(run, checkout)
            return Known(value=(base, run.sha.value), source=run.before.source)
        case Event.CHANGE | Event.TARGET_CHANGE | Event.QUEUE:
            if isinstance(run.change, Unknown):
                return run.change
            change = run.change.value
            if change is None or change.target_commit is None:
                return unavailable("the commit of the target branch is not known, so neither is what the change brings")
            return Known(
                value=(change.target_commit, brought_head(run.event.value, change, run.sha.value)),
                source=run.change.source,
            )
        case _:
            return tree_alone


def brought_head(event: Event, change: ChangeReference, sha: str) -> str:
    """Return the end of what a change brings: its merge as built, or its own head where the target is built instead."""
    return change.head if event is Event.TARGET_CHANGE else sha


def first_push_base(run: Run, checkout: Checkout) -> str | None:
    """Return where a new branch left the default branch, as the checkout knows it; None makes all its history new."""
    if isinstance(run.default_branch, Unknown) or run.branch == run.default_branch:
        return None
    try:
        return checkout.repository.rev_parse(f"refs/remotes/origin/{run.default_branch.value}")
    except GitUnavailable:
        return None
