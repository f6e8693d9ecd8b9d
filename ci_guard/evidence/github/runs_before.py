"""
Which earlier runs of the same workflow succeeded on the branch whose policy judges.

Source: REST "List workflow runs for a workflow" (`actions: read`), newest first; "List repository activities".
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from ci_guard.evidence import lookback
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.github import policy_file, records
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.job import Job
from ci_guard.evidence.github.local_actions import files_of
from ci_guard.evidence.github.records import Push
from ci_guard.evidence.github.workflow_file import guards_beside
from ci_guard.evidence.lookback import PAGE, Past
from ci_guard.evidence.rest.shape import ShapeError, checked, integer, optional, text, when
from ci_guard.evidence.rest.shape import records as objects
from ci_guard.model.fact import Fact, Known, Unknown, apply, then, unavailable
from ci_guard.model.run import NOTHING_SINCE, Run
from ci_guard.rows import NamedTuple

NEW: Final = frozenset({"branch_creation", "branch_deletion"})
"""Kinds of entries of the log before which a branch was another one, or none."""


class _This(NamedTuple):
    """The judged run, as of its latest attempt."""

    number: int
    workflow: int
    path: str
    created: str
    attempt: int


class _Look(NamedTuple):
    """Where is looked, and what for."""

    client: Client
    run: Run
    sha: str
    checkout: Checkout
    paths: tuple[str, ...]

    def since(
        self, workflow: str, branch: str, passed: Callable[[int], Fact[bool]], until: _This | None
    ) -> Fact[tuple[str, ...] | None]:
        """Return what `lookback.since_success` makes of the runs of a workflow, of those before one, or of all."""
        params: dict[str, str | int] = {"branch": branch, "event": "push", "per_page": PAGE}
        if until:
            params["created"] = f"<={until.created}"
        listed = checked(self.client.get(f"actions/workflows/{workflow}/runs", params=params), _page)
        default = isinstance(self.run.default_branch, Known) and branch == self.run.default_branch.value
        log = records.get_pushes(self.client, branch)
        return lookback.since_success(
            then(listed, lambda page: apply(log, lambda pushes: _pasts(page, pushes, default=default))),
            self.sha,
            until.number if until else None,
            alike=lambda commits: self.checkout.alike(commits, self.paths),
            passed=passed,
            default=default,
        )


def get_since_success(
    client: Client, job: Job, run: Run, checkout: Checkout, paths: tuple[str, ...]
) -> Fact[tuple[str, ...]]:
    """
    Return the commits of pushes since the last whose run of this workflow succeeded.

    A workflow that no push to the branch ever starts, as one that deploys by hand or for a tag, or in which none ever
    passed, counts the runs of those in which the guard stands. Nothing is asked where the logs of the branch and of the
    default one go back to their beginning and the policy never changed in them.
    """
    if lookback.branch_of(run) is None or _never_changed(client, run, checkout, paths):
        return NOTHING_SINCE
    if isinstance(run.sha, Unknown):
        return run.sha
    if not records.NUMBER.fullmatch(job.run_id):
        return unavailable("the number of the run is not known", detail="GITHUB_RUN_ID")
    look = _Look(client=client, run=run, sha=run.sha.value, checkout=checkout, paths=paths)
    this = checked(client.get(f"actions/runs/{int(job.run_id)}"), _this)
    return lookback.look_back(
        run,
        lambda branch: then(this, lambda known: _ask(look, job, known, branch)),
        lambda branch: policy_file.get_tip(client, branch),
    )


def _this(raw: Any) -> _This:
    return _This(
        number=integer(raw, "id"),
        workflow=integer(raw, "workflow_id"),
        path=text(raw, "path").partition("@")[0],
        created=text(raw, "created_at"),
        attempt=integer(raw, "run_attempt"),
    )


def _ask(look: _Look, job: Job, this: _This, branch: str) -> Fact[tuple[str, ...] | None]:
    """Return what has not been let in on a branch; whoever starts a run again is held to what was let in since, too."""
    workflow, built = str(this.workflow), lookback.is_built(look.run, branch)

    def passed(number: int) -> Fact[bool]:
        return _passed(look.client, job, number)

    found = look.since(workflow, branch, passed, this if built else None)
    if built and this.attempt > 1:
        now = apply(look.since(workflow, branch, passed, None), lambda commits: commits and commits[-1:])
        found = lookback.united((found, now))
    default = look.run.default_branch
    if isinstance(found, Unknown) or found.value is not None or isinstance(default, Unknown) or branch != default.value:
        return found
    others = _guards(look.client, branch, look.checkout, this.path)
    return then(
        others,
        lambda guards: lookback.united(
            look.since(name, branch, each, this if built else None) for name, each in guards
        ),
    )


def _guards(
    client: Client, branch: str, checkout: Checkout, own: str
) -> Fact[list[tuple[str, Callable[[int], Fact[bool]]]]]:
    """Return each other workflow that has the guard, as the branch's tip has it, with what says whether that passed."""
    tip = policy_file.get_tip(client, branch)
    if isinstance(tip, Unknown):
        return tip
    found = guards_beside(files_of(client, tip.value, checkout), own)

    def passed(labels: frozenset[str]) -> Callable[[int], Fact[bool]]:
        needed = {(label, "success") for label in labels}
        return lambda number: apply(
            _jobs(client, number), lambda jobs: {(name, end) for name, _, end in jobs} >= needed
        )

    return apply(found, lambda guards: [(posixpath.basename(path), passed(labels)) for path, labels in guards.items()])


def _passed(client: Client, job: Job, number: int) -> Fact[bool]:
    """
    Tell whether in a run the job succeeded that in the judged one runs on this runner.

    Source: REST "List jobs for a workflow run", of the latest attempt.
    """
    own = _jobs(client, int(job.run_id))
    names = apply(own, lambda jobs: {name for name, runner, end in jobs if runner == job.runner_name and not end})

    def read(found: set[str]) -> Fact[bool]:
        if not job.runner_name or len(found) != 1:
            return unavailable("the server does not show which job runs on this runner", detail="RUNNER_NAME")
        return apply(
            _jobs(client, number), lambda jobs: {(name, end) for name, _, end in jobs} >= {(*found, "success")}
        )

    return then(names, read)


def _jobs(client: Client, number: int) -> Fact[tuple[tuple[str, str | None, str | None], ...]]:
    """Return of each job of a run its name, its runner and how it ended."""
    found = client.get_all(f"actions/runs/{number}/jobs", items="jobs")
    return checked(
        found,
        lambda jobs: tuple(
            (text(one, "name"), optional(one, "runner_name", text), optional(one, "conclusion", text)) for one in jobs
        ),
    )


def _page(body: Any) -> list[tuple[Past, datetime]]:
    listed = [_listed(one) for one in objects(body, "workflow_runs")]
    if not listed and integer(body, "total_count"):
        raise ShapeError("the server counts runs and shows none")
    return listed


def _listed(raw: Any) -> tuple[Past, datetime]:
    """Read a `workflow-run`, which is as of its latest attempt, and when it began; only one that ended has an end."""
    succeeded = text(raw, "status") == "completed" and text(raw, "conclusion") == "success"
    return Past(integer(raw, "id"), records.sha(raw, "head_sha"), succeeded), when(raw, "created_at")


def _pasts(listed: Sequence[tuple[Past, datetime]], log: Sequence[Push], *, default: bool) -> tuple[Past, ...]:
    """
    Return the runs, those whose commit was never pushed to the branch as none of it, as far back as the log shows.

    The list names a run's ref by its last part, and so a tag's like a branch's. Nor does it tell a branch from one of
    the same name that was deleted before somebody made it, which happens to no default one.
    """
    ends = {commit for push in log for commit in (push.before, push.after)}
    made = None if default else max((push.at for push in log if push.kind in NEW), default=None)
    whole = bool(log) and log[-1].kind in NEW

    def of_branch(past: Past, at: datetime) -> bool:
        earlier = not whole and (not log or at < log[-1].at)
        return (earlier or past.sha in ends) and (made is None or at >= made)

    return tuple(past._replace(of_branch=of_branch(past, at)) for past, at in listed)


def _never_changed(client: Client, run: Run, checkout: Checkout, paths: tuple[str, ...]) -> bool:
    """
    Tell whether the log shows this push and all before it, and the same policy at each of their ends.

    So it has to be with the pushes to the default branch, at a commit of which another one began.
    """
    own = lookback.branch_of(run)
    if not lookback.is_push(run) or own is None or not isinstance(run.sha, Known):
        return False
    ends = {run.sha.value}
    for branch in (own, run.default_branch):
        pushes = then(branch, lambda name: records.get_pushes(client, name))
        if isinstance(pushes, Unknown) or not pushes.value or pushes.value[-1].kind != "branch_creation":
            return False
        seen = {commit for push in pushes.value for commit in (push.before, push.after) if commit.strip("0")}
        if branch is own and run.sha.value not in seen:
            return False
        ends |= seen
        if not checkout.alike(tuple(ends), paths):
            return False
    return True
