"""What a push changes, between two ends of which only the server may say the first."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ci_guard.evidence.checkout import Checkout
from ci_guard.model.fact import Fact, Known, Source, Unknown, unavailable
from ci_guard.model.run import Run

CLAIMED = frozenset({Source.EVENT, Source.ENV})
"""Whoever chooses the start of a push chooses what has changed."""


def get_pushed_paths(
    run: Run,
    checkout: Checkout,
    *,
    unconfirmed: Callable[[str], Unknown],
    without_clone: Callable[[str, str], Fact[frozenset[str] | None]],
) -> Fact[frozenset[str] | None]:
    """
    Return what differs between the two ends of a push, of a new branch from the default one.

    `unconfirmed` makes the doubt about a start that the server does not say, of the place that does; `without_clone`
    answers where this clone lacks one of the ends.
    """
    start = run.before
    if isinstance(run.sha, Unknown):
        return run.sha
    if isinstance(start, Known) and start.source in CLAIMED:
        return unconfirmed(start.detail)
    if isinstance(start, Known) and start.value is None:
        start = run.default_head
    if isinstance(start, Unknown):
        return start
    if start.value is None:
        return unavailable("the push created the branch, and there is nothing to compare it with", detail=start.detail)
    base, head = start.value, run.sha.value
    here = checkout.changed(base, head)
    if here is None:
        return without_clone(base, head)
    detail = f"git diff-tree {base[:12]} {head[:12]}"
    return Known(value=frozenset(here), source=Source.GIT, detail=detail)


def united(lists: Iterable[Fact[tuple[str, ...]]], of: Known[object]) -> Fact[frozenset[str] | None]:
    """Return the paths of several changes together; `of` is the fact that says which changes."""
    paths: set[str] = set()
    for found in lists:
        if isinstance(found, Unknown):
            return found
        paths.update(found.value)
    return Known(value=frozenset(paths), source=of.source, detail=of.detail)
