"""
How far back a policy has to be looked for: to the last run that succeeded on the branch.

A push that loosens the policy is judged by the one from before, and lands all the same, so that the next push starts at
the looser one. It counts only after a run that the older one allowed, and what the server knows of that run is that it
succeeded, or that the guard's job in it did. That is as good as the pipeline's file at that commit: whoever may push an
edit of it can let a job of that name succeed without the guard, as they can take the guard out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ci_guard.model.fact import Fact, Known, Source, Unknown, then, unavailable
from ci_guard.model.run import NOTHING_SINCE, Event, Platform, Run
from ci_guard.rows import NamedTuple

PAGE: Final = 100
"""Runs that are looked at, the newest."""
ASKED: Final = 30
"""Of those that did not succeed, how many are asked for the guard's own job, one by one."""


class Past(NamedTuple):
    """A run of the same pipeline that a push to the branch started."""

    number: int
    sha: str
    succeeded: bool


def branch_of(run: Run) -> Fact[str] | None:
    """Return the branch whose pushes count: the built one, else the default one; None where no policy is its own."""
    if run.platform is Platform.LOCAL or isinstance(run.event, Unknown) or isinstance(run.sha, Unknown):
        return None
    match run.event.value:
        case Event.CHANGE | Event.TARGET_CHANGE | Event.QUEUE:
            return None
        case Event.PUSH:
            return then(run.branch, _named)
        case _:
            return run.default_branch


def _named(name: str | None) -> Fact[str]:
    return Known(value=name, source=Source.API) if name else unavailable("no branch was pushed")


def is_push(run: Run) -> bool:
    """Tell whether the run is itself one of those that are looked at."""
    return isinstance(run.event, Known) and run.event.value is Event.PUSH


def since_success(
    page: Fact[tuple[Past, ...]],
    run: Run,
    current: int,
    *,
    alike: Callable[[Sequence[str]], bool],
    passed: Callable[[int], Fact[bool]],
) -> Fact[tuple[str, ...]]:
    """
    Return `Run.since_success` from a page of runs, newest first; `current` is the number of the judged one.

    `alike` says whether the policy is the same at all of some commits, and `passed` whether the guard's job of a run
    succeeded: a run may fail, or wait for somebody, after it. Of a push, what came after it does not count.
    """
    if isinstance(page, Unknown):
        return page
    if isinstance(run.sha, Unknown):
        return run.sha
    runs = [each for each in page.value if (each.number < current if is_push(run) else each.number != current)]
    last = next((place for place, each in enumerate(runs) if each.succeeded), None)
    seen = runs if last is None else runs[: last + 1]
    whole = last is not None or len(page.value) < PAGE
    if whole and alike((run.sha.value, *(each.sha for each in seen))):
        return NOTHING_SINCE
    commits: dict[str, None] = {}
    for place, each in enumerate(seen):
        commits[each.sha] = None
        found = Known(value=True, source=page.source) if each.succeeded else passed(each.number)
        if isinstance(found, Unknown):
            return found
        if found.value:
            return Known(value=tuple(commits), source=page.source, detail=page.detail)
        if place >= ASKED:
            whole = False
            break
    if whole:
        # None ever succeeded, so no policy has let anything in yet: that from before the push is all there is.
        return NOTHING_SINCE
    said = f"no run of the last {len(commits)} pushes to the branch succeeded, and the policy may have changed in them"
    return unavailable(said, detail=page.detail)
