"""Endpoints: workflow runs, their attempts and approvals; the rate limit; GraphQL."""

from __future__ import annotations

import time
from typing import Any

from tests.fakes.hub.history import blob_sha
from tests.fakes.hub.repository import Repository
from tests.fakes.hub.router import REPO, Answer, ApiError, Context, Urls, route
from tests.fakes.hub.runs import Run
from tests.fakes.hub.shapes import Json, account, minimal_repository, node_id

RATE_WINDOW_SECONDS = 3600
ANONYMOUS_LIMIT = 60


def run_body(repo: Repository, run: Run, number: int, urls: Urls) -> Json:
    """Return a `workflow-run` as of one attempt (1-based)."""
    url = f"{urls.api}/repos/{repo.full_name}"
    this = f"{url}/actions/runs/{run.id}"
    page = f"{urls.html}/{repo.full_name}/actions/runs/{run.id}"
    attempt = run.attempts[number - 1]
    previous = f"{this}/attempts/{number - 1}" if number > 1 else None
    commit = repo.commits.get(run.head_sha)
    head_home = repo.world.repositories.get(run.head_repository.lower(), repo)
    return {
        "id": run.id,
        "name": run.name,
        "node_id": node_id("WorkflowRun", run.id),
        "head_branch": run.head_branch,
        "head_sha": run.head_sha,
        "path": run.path,
        "display_title": run.title,
        "run_number": run.number,
        "event": run.event,
        "status": attempt.status,
        "conclusion": attempt.conclusion,
        "workflow_id": run.workflow_id,
        "check_suite_id": run.id + 1,
        "check_suite_node_id": node_id("CheckSuite", run.id + 1),
        "url": this,
        "html_url": page,
        "pull_requests": [_pull_minimal(repo, n, urls) for n in run.pulls],
        "created_at": run.created_at,
        "updated_at": attempt.started_at,
        "actor": account(repo.world, run.actor, urls),
        "run_attempt": number,
        "referenced_workflows": [
            {"path": w.path, "sha": w.sha, **({"ref": w.ref} if w.ref else {})} for w in run.referenced_workflows
        ],
        "run_started_at": attempt.started_at,
        "triggering_actor": account(repo.world, attempt.triggering_actor, urls),
        "jobs_url": f"{this}/jobs",
        "logs_url": f"{this}/logs",
        "check_suite_url": f"{url}/check-suites/{run.id + 1}",
        "artifacts_url": f"{this}/artifacts",
        "cancel_url": f"{this}/cancel",
        "rerun_url": f"{this}/rerun",
        "previous_attempt_url": previous,
        "workflow_url": f"{url}/actions/workflows/{run.workflow_id}",
        "head_commit": {
            "id": commit.sha,
            "tree_id": commit.tree_sha,
            "message": commit.message,
            "timestamp": commit.committer.date,
            "author": {"name": commit.author.name, "email": commit.author.email},
            "committer": {"name": commit.committer.name, "email": commit.committer.email},
        }
        if commit
        else None,
        "repository": minimal_repository(repo, urls),
        "head_repository": minimal_repository(head_home, urls),
    }


def _pull_minimal(repo: Repository, number: int, urls: Urls) -> Json:
    pull = repo.pulls[str(number)]
    url = f"{urls.api}/repos/{repo.full_name}"
    home = {"id": repo.id, "url": url, "name": repo.name}
    return {
        "id": pull.id,
        "number": number,
        "url": f"{url}/pulls/{number}",
        "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": home},
        "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": home},
    }


def _run(context: Context) -> Run:
    found = context.repo.runs.get(context.parameters["run_id"])
    if found is None:
        raise ApiError(404, "Not Found")
    return found


@route(f"{REPO}/actions/workflows/{{workflow_id}}/runs", "actions")
def list_runs_of_workflow(context: Context) -> Json:
    """GET …/actions/workflows/{workflow_id}/runs: newest first, of a workflow's number or file."""
    query = context.call.query
    before = query.get("created", "").removeprefix("<=")
    found = [
        run
        for run in reversed(list(context.repo.runs.values()))
        if context.parameters["workflow_id"] in (str(run.workflow_id), run.path.rsplit("/", 1)[-1])
        and query.get("branch") in (None, run.head_branch)
        and query.get("event") in (None, run.event)
        and (not before or run.created_at <= before)
    ]
    page = [run_body(context.repo, run, len(run.attempts), context.urls) for run in context.page(found)]
    return {"total_count": len(found), "workflow_runs": page}


@route(f"{REPO}/actions/runs", "actions")
def list_runs(context: Context) -> Json:
    """GET …/actions/runs: as of their latest attempts, the newest first; `event` picks some."""
    event = context.call.query.get("event")
    found = [run for run in context.repo.runs.values() if event in (None, run.event)]
    found.sort(key=lambda run: run.created_at, reverse=True)
    bodies = [run_body(context.repo, run, len(run.attempts), context.urls) for run in found]
    return {"total_count": len(bodies), "workflow_runs": context.page(bodies)}


@route(f"{REPO}/actions/runs/{{run_id}}", "actions")
def get_run(context: Context) -> Json:
    """GET …/actions/runs/{run_id}: as of the latest attempt."""
    run = _run(context)
    return run_body(context.repo, run, len(run.attempts), context.urls)


@route(f"{REPO}/actions/runs/{{run_id}}/attempts/{{attempt_number}}", "actions")
def get_attempt(context: Context) -> Json:
    """GET …/actions/runs/{run_id}/attempts/{attempt_number}."""
    run = _run(context)
    text = context.parameters["attempt_number"]
    if not text.isdigit() or not 1 <= int(text) <= len(run.attempts):
        raise ApiError(404, "Not Found")
    return run_body(context.repo, run, int(text), context.urls)


@route(f"{REPO}/actions/runs/{{run_id}}/jobs", "actions")
def list_jobs(context: Context) -> Json:
    """GET …/actions/runs/{run_id}/jobs: one on each runner, and one that has ended. What waits, waits behind them."""
    run = _run(context)
    jobs = [_job(context, run, number, name, labels) for number, (name, labels) in enumerate(run.runners.items(), 1)]
    if jobs:
        jobs.append(
            {
                **jobs[0],
                "id": run.id + 900,
                "name": "job 0",
                "status": "completed",
                "conclusion": "success",
                "labels": ["done"],
            }
        )
    return {"total_count": len(jobs), "jobs": context.page(jobs)}


def _job(context: Context, run: Run, number: int, runner: str, labels: list[str]) -> Json:
    job = run.id + number
    latest = run.attempts[-1]
    ended = "success" if latest.status == "waiting" else latest.conclusion
    url = f"{context.repo_url}/actions"
    return {
        "id": job,
        "node_id": node_id("Job", job),
        "run_id": run.id,
        "run_url": f"{url}/runs/{run.id}",
        "run_attempt": len(run.attempts),
        "head_sha": run.head_sha,
        "head_branch": run.head_branch,
        "workflow_name": run.name,
        "name": f"job {number}",
        "url": f"{url}/jobs/{job}",
        "html_url": f"{context.urls.html}/{context.repo.full_name}/actions/runs/{run.id}/job/{job}",
        "check_run_url": f"{context.repo_url}/check-runs/{job}",
        "status": "completed" if ended else "in_progress",
        "conclusion": ended,
        "created_at": run.created_at,
        "started_at": run.created_at,
        "completed_at": None,
        "labels": labels,
        "runner_id": number,
        "runner_name": runner,
        "runner_group_id": 1,
        "runner_group_name": "Default",
        "steps": [],
    }


@route(f"{REPO}/actions/runs/{{run_id}}/approvals", "actions")
def list_approvals(context: Context) -> list[Json]:
    """GET …/actions/runs/{run_id}/approvals."""
    return [
        {
            "environments": [_environment(context, name) for name in approval.environments],
            "state": approval.state,
            "user": account(context.world, approval.user, context.urls),
            "comment": approval.comment,
        }
        for approval in _run(context).approvals
    ]


def _environment(context: Context, name: str) -> Json:
    number = int(blob_sha(name.encode())[:6], 16)
    return {
        "id": number,
        "node_id": node_id("Environment", number),
        "name": name,
        "url": f"{context.repo_url}/environments/{name}",
        "html_url": f"{context.urls.html}/{context.repo.full_name}/deployments/activity_log?environments_filter={name}",
        "created_at": context.repo.created_at,
        "updated_at": context.repo.created_at,
    }


def rate_limit(context: Context) -> Json:
    """Return the limit, what is left of it, and when it starts anew."""
    token = context.token
    limit, used = (token.rate_limit, token.used) if token else (ANONYMOUS_LIMIT, 0)
    return {
        "limit": limit,
        "used": used,
        "remaining": max(0, limit - used),
        "reset": int(time.time()) + RATE_WINDOW_SECONDS,
    }


@route("/rate_limit")
def get_rate_limit(context: Context) -> Json:
    """GET /rate_limit, which costs nothing itself."""
    limit = rate_limit(context)
    return {"resources": {"core": limit, "search": {**limit, "limit": 30}, "graphql": limit}, "rate": limit}


@route("/graphql", method="POST")
def graphql(context: Context) -> Any:
    """POST /graphql: the world's one answer, by default what a token without the right gets."""
    if context.token is None:
        raise ApiError(401, "This endpoint requires you to be authenticated.")
    if context.world.graphql is not None:
        return Answer(body=context.world.graphql)
    error = {"type": "FORBIDDEN", "path": ["repository"], "message": "Resource not accessible by integration"}
    return Answer(body={"data": {"repository": None}, "errors": [error]})
