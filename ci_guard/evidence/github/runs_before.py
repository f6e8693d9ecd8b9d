"""
Which earlier runs of the same workflow succeeded on the branch whose policy judges.

Source: REST "List workflow runs for a workflow" (`actions: read`), newest first; "List repository activities".
"""

from __future__ import annotations

from typing import Any

from ci_guard.evidence import lookback
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.github import records
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.job import Job
from ci_guard.evidence.lookback import PAGE, Past
from ci_guard.evidence.rest.shape import checked, integer, optional, text
from ci_guard.evidence.rest.shape import records as objects
from ci_guard.model.fact import Fact, Known, Unknown, apply, then, unavailable
from ci_guard.model.run import NOTHING_SINCE, Run


def get_since_success(
    client: Client, job: Job, run: Run, checkout: Checkout, paths: tuple[str, ...]
) -> Fact[tuple[str, ...]]:
    """
    Return the commits of pushes since the last whose run of this workflow succeeded.

    Nothing is asked where the branch's log goes back to its beginning and the policy never changed in it.
    """
    branch = lookback.branch_of(run)
    if branch is None:
        return NOTHING_SINCE
    if (
        lookback.is_push(run)
        and isinstance(branch, Known)
        and _never_changed(client, run, branch.value, checkout, paths)
    ):
        return NOTHING_SINCE
    if not records.NUMBER.fullmatch(job.run_id):
        return unavailable("the number of the run is not known", detail="GITHUB_RUN_ID")
    answer = client.get(f"actions/runs/{job.run_id}")
    workflow = checked(answer, lambda body: (integer(body, "workflow_id"), text(body, "created_at")))

    def ask(of: str, known: tuple[int, str]) -> Fact[tuple[str, ...]]:
        number, created = known
        params: dict[str, str | int] = {"branch": of, "event": "push", "per_page": PAGE}
        if lookback.is_push(run):
            params["created"] = f"<={created}"
        found = client.get(f"actions/workflows/{number}/runs", params=params)
        page = checked(found, lambda body: tuple(map(_past, objects(body, "workflow_runs"))))
        return lookback.since_success(
            page,
            run,
            int(job.run_id),
            alike=lambda commits: checkout.alike(commits, paths),
            passed=lambda number: _passed(client, job, number),
        )

    return then(branch, lambda of: then(workflow, lambda known: ask(of, known)))


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


def _past(raw: Any) -> Past:
    """Read a `workflow-run`, which is as of its latest attempt."""
    return Past(integer(raw, "id"), records.sha(raw, "head_sha"), optional(raw, "conclusion", text) == "success")


def _never_changed(client: Client, run: Run, branch: str, checkout: Checkout, paths: tuple[str, ...]) -> bool:
    """Tell whether the log shows this push and all before it, and the same policy at each of their ends."""
    pushes = records.get_pushes(client, branch)
    if isinstance(pushes, Unknown) or isinstance(run.sha, Unknown):
        return False
    if not pushes.value or pushes.value[-1].kind != "branch_creation":
        return False
    ends = {commit for push in pushes.value for commit in (push.before, push.after) if commit.strip("0")}
    return run.sha.value in ends and checkout.alike(tuple(ends), paths)
