"""
How far back a policy has to be looked for: to the last run that succeeded on the branch.

A push that loosens the policy is judged by the one from before, and lands all the same, so that the next push starts at
the looser one. It counts only after a run that the older one allowed, and what the server knows of that run is that it
succeeded, or that the guard's job in it did. That is as good as the pipeline's file at that commit: whoever may push an
edit of it can let a job of that name succeed without the guard, as they can take the guard out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, then, unavailable
from ci_guard.model.run import NOTHING_SINCE, Event, Platform, Run
from ci_guard.rows import NamedTuple

PAGE: Final = 100
"""Runs that are looked at, the newest."""
ASKED: Final = 30
"""Of those that did not succeed, how many are asked for the guard's own job, one by one."""


NEVER: Final[Fact[tuple[str, ...] | None]] = Known(value=None, source=Source.NONE)
"""No run ever passed."""


class Past(NamedTuple):
    """A run of the same pipeline that a push to the branch started."""

    number: int
    sha: str
    succeeded: bool
    of_branch: bool = True
    """False of a run of a tag that is called as the branch is, where that is known."""


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


def is_built(run: Run, branch: str) -> bool:
    """Tell whether the run is of a push to this branch, so that what came after it there does not count."""
    return is_push(run) and isinstance(run.branch, Known) and run.branch.value == branch


def look_back(
    run: Run, ask: Callable[[str], Fact[tuple[str, ...] | None]], tip: Callable[[str], Fact[str]]
) -> Fact[tuple[str, ...]]:
    """
    Return `Run.since_success`; `ask` says of a branch what `since_success` does, and `tip` what it points at.

    A branch that somebody makes starts at any commit, so where no run of it ever passed the default branch's policies
    count: they judged the push that made it, which lands whatever came of that.
    """
    own = branch_of(run)
    if own is None:
        return NOTHING_SINCE
    found = then(own, ask)
    if isinstance(own, Unknown) or isinstance(found, Unknown) or found.value is not None:
        return then(found, lambda value: _some(found, value))
    default = run.default_branch
    if isinstance(default, Unknown):
        return default
    if not is_push(run) or own.value == default.value:
        # No policy has let anything in yet: that from before the push, or of the default branch, is all there is.
        return NOTHING_SINCE
    found = ask(default.value)
    if isinstance(found, Known) and found.value is None:
        return apply(tip(default.value), lambda commit: (commit,))
    return then(found, lambda value: _some(found, value))


def _some(found: Fact[tuple[str, ...] | None], value: tuple[str, ...] | None) -> Fact[tuple[str, ...]]:
    return apply(found, lambda _: value or ())


def united(each: Iterable[Fact[tuple[str, ...] | None]]) -> Fact[tuple[str, ...] | None]:
    """Return the commits of several workflows together; None where in none of them any run ever passed."""
    commits: dict[str, None] | None = None
    for found in each:
        if isinstance(found, Unknown):
            return found
        if found.value is not None:
            commits = {**(commits or {}), **dict.fromkeys(found.value)}
    return NEVER if commits is None else Known(value=tuple(commits), source=Source.API)


def since_success(
    page: Fact[tuple[Past, ...]],
    sha: str,
    until: int | None,
    *,
    alike: Callable[[Sequence[str]], bool],
    passed: Callable[[int], Fact[bool]],
    default: bool = True,
) -> Fact[tuple[str, ...] | None]:
    """
    Return the commits since the last run that passed, that one last, from a page of runs, newest first.

    None where none ever passed; empty where the policy is the same in all, and in `sha`, the judged commit. `until` is
    the number of the judged run, where what came after it does not count.

    `alike` says whether the policy is the same at all of some commits, and `passed` whether the guard's job of a run
    succeeded: a run may fail, or wait for somebody, after it. Of the `default` branch nobody asks that where the policy
    never changed, because then it is in force in any case.
    """
    if isinstance(page, Unknown):
        return page
    runs: dict[str, list[Past]] = {}
    for each in page.value:
        if each.of_branch and (until is None or each.number < until):
            runs.setdefault(each.sha, []).append(each)
    pushed = list(runs)
    last = next((place for place, commit in enumerate(pushed) if all(one.succeeded for one in runs[commit])), None)
    seen = pushed if last is None else pushed[: last + 1]
    whole = last is not None or len(page.value) < PAGE
    same = whole and alike((sha, *seen))
    if same and last is not None:
        return NOTHING_SINCE
    if same and default:
        return NEVER
    for place, commit in enumerate(seen):
        found = _passed(runs[commit], passed)
        if isinstance(found, Unknown):
            return found
        if found.value:
            commits = tuple(seen[: place + 1])
            return NOTHING_SINCE if same else Known(value=commits, source=page.source, detail=page.detail)
        if place >= ASKED:
            whole = same
            break
    if whole:
        return NEVER
    asked = min(len(seen), ASKED + 1)
    said = f"no run of the last {asked} pushes to the branch succeeded, and the policy may have changed in them"
    return unavailable(said, detail=page.detail)


def _passed(runs: Sequence[Past], passed: Callable[[int], Fact[bool]]) -> Fact[bool]:
    """Tell whether all runs of a commit passed: one of them may be of a tag that is called as the branch is."""
    for each in runs:
        found = passed(each.number) if not each.succeeded else Known(value=True, source=Source.API)
        if isinstance(found, Unknown) or not found.value:
            return found
    return Known(value=True, source=Source.API)
