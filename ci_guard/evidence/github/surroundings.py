"""What surrounds a run on GitHub: visibility, labels, changed paths, the runner, the environment of a deployment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.github import payload, queue, records
from ci_guard.evidence.github.client import Client, segment
from ci_guard.evidence.github.identity import NOT_PERMITTED, Outcome, refused
from ci_guard.evidence.github.job import Job
from ci_guard.evidence.github.owners import get_paths
from ci_guard.evidence.github.records import Pull
from ci_guard.evidence.id_token import DETAIL, Identity, Refused
from ci_guard.evidence.pushed import get_pushed_paths, united
from ci_guard.evidence.rest.shape import ShapeError, checked, optional, text, texts
from ci_guard.evidence.rest.shape import records as objects
from ci_guard.model.circumstances import Host, Runner, Visibility
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, unavailable
from ci_guard.model.run import Event, Run

COMPARED: Final = 300
"""Files that a comparison shows. Source: REST "Compare two commits"."""

HOSTS: Final = {"github-hosted": Host.HOSTED, "self-hosted": Host.SELF_HOSTED}
"""Source: "Variables reference", `RUNNER_ENVIRONMENT`."""

ABOUT_A_CHANGE: Final = frozenset({Event.CHANGE, Event.TARGET_CHANGE, Event.COMMENT})


def get_environments(job: Job, run: Run, identity: Outcome) -> tuple[Fact[str], ...]:
    """
    Return the environment of the job by the verified ID token, and the one that a deployment is for by the event file.

    To which environment a job belongs that has `environment:`, neither a variable nor the API tells the job: where it
    may ask for no ID token, it is not known, and nothing is said of it here.
    """
    return (*_of_token(identity), *_of_deployment(job, run))


def get_signed_environment(identity: Outcome) -> Fact[str | None]:
    """Return the environment that the verified ID token names, None where it names none."""
    if isinstance(identity, Refused):
        return refused(identity)
    return apply(identity, lambda token: token.text("environment") or None)


def _of_token(identity: Outcome) -> Iterator[Fact[str]]:
    if isinstance(identity, Known):
        if named := identity.value.text("environment"):
            yield Known(value=named, source=Source.SIGNED, detail=_described(identity.value))
    elif identity is not NOT_PERMITTED:
        # A token was asked for, and what it would say is not known.
        yield identity if isinstance(identity, Unknown) else refused(identity)


def _described(token: Identity) -> str:
    """Return where an environment was read, with the reusable workflow that the job is of, if it is of one."""
    called = token.text("job_workflow_ref")
    if not called or called == token.text("workflow_ref"):
        return DETAIL
    commit = (token.text("job_workflow_sha") or "")[:12]
    return f"{DETAIL} of a job of {called[:200]}{f' at {commit}' if commit else ''}"


def _of_deployment(job: Job, run: Run) -> tuple[Fact[str], ...]:
    if isinstance(run.event, Unknown):
        return (run.event,)
    if run.event.value is not Event.DEPLOYMENT:
        return ()
    if isinstance(job.event, Unknown):
        return (job.event,)
    detail = "event.deployment.environment"
    named = payload.text(job.event.value, "deployment", "environment")
    if not named:
        return (unavailable("the event file does not name the environment of the deployment", detail=detail),)
    return (Known(value=named, source=Source.EVENT, detail=detail),)


def get_visibility(client: Client) -> Fact[Visibility]:
    """Return who may see the repository."""
    return apply(records.get_repository(client), lambda found: found.visibility)


def get_labels(client: Client, run: Run) -> Fact[frozenset[str]]:
    """Return the labels as they are now. Whoever may triage sets and removes them."""
    return apply(_get_pulls(client, run), lambda pulls: frozenset(label for pull in pulls for label in pull.labels))


def get_changed_paths(client: Client, run: Run, checkout: Checkout) -> Fact[frozenset[str] | None]:
    """Return what a change, a merge group or a push changes."""
    if isinstance(run.event, Unknown):
        return run.event
    if run.event.value is Event.PUSH:
        return get_pushed_paths(
            run,
            checkout,
            unconfirmed=lambda detail: unavailable("where the push started, only the event file says", detail=detail),
            without_clone=lambda base, head: checked(
                client.get(f"compare/{segment(base)}...{segment(head)}", params={"per_page": 1}), _compared
            ),
        )
    pulls = _get_pulls(client, run)
    if isinstance(pulls, Unknown):
        return pulls
    if not pulls.value:
        return Known(value=None, source=pulls.source, detail=pulls.detail)
    lists = client.gather(*((lambda pull=pull: get_paths(client, pull)) for pull in pulls.value))
    return united(lists, pulls)


def get_runner(client: Client, job: Job, identity: Outcome) -> Fact[Runner]:
    """
    Return the runner: its kind by the ID token or the variable, and the labels by the job that runs on it.

    No step can set the variable; whoever owns the machine of a runner can.

    Source: "OpenID Connect reference", `runner_environment`; REST "List jobs for a workflow run".
    """
    host: Fact[Host] = unavailable("RUNNER_ENVIRONMENT does not say whose the runner is", detail="RUNNER_ENVIRONMENT")
    if job.runner_environment in HOSTS:
        host = Known(value=HOSTS[job.runner_environment], source=Source.ENV, detail="RUNNER_ENVIRONMENT")
    said = identity.value.text("runner_environment") if isinstance(identity, Known) else None
    if said in HOSTS:
        host = Known(value=HOSTS[said], source=Source.SIGNED, detail=DETAIL)
    return Known(value=Runner(host=host, labels=_get_runner_labels(client, job)), source=Source.ENV)


def _get_runner_labels(client: Client, job: Job) -> Fact[frozenset[str]]:
    if not records.NUMBER.fullmatch(job.run_id) or not job.runner_name:
        return unavailable("the number of the run or the name of the runner is not known")

    def parse(items: Any) -> list[frozenset[str]]:
        return [
            frozenset(texts(item, "labels"))
            for item in items
            if text(item, "status") == "in_progress" and optional(item, "runner_name", text) == job.runner_name
        ]

    found = checked(client.get_all(f"actions/runs/{job.run_id}/jobs", items="jobs"), parse)
    if isinstance(found, Unknown):
        return found
    if len(found.value) != 1:
        return unavailable("the server does not show which job runs on this runner", detail=found.detail)
    return Known(value=found.value[0], source=found.source, detail=found.detail)


def _get_pulls(client: Client, run: Run) -> Fact[tuple[Pull, ...]]:
    """Return the changes that the event is about, at the heads that it is about."""
    if isinstance(run.event, Unknown):
        return run.event
    if run.event.value is Event.QUEUE:
        return queue.get_group(client, run)
    if run.event.value not in ABOUT_A_CHANGE:
        return Known(value=(), source=run.event.source, detail=run.event.detail)
    if isinstance(run.change, Unknown):
        return run.change
    if run.change.value is None:
        return Known(value=(), source=run.change.source, detail=run.change.detail)
    pull = records.get_pull(client, run.change.value.number)
    if isinstance(pull, Known) and pull.value.head_sha != run.change.value.head:
        return unavailable(f"#{pull.value.number} has moved on since this run started", detail=pull.detail)
    return apply(pull, lambda found: (found,))


def _compared(value: Any) -> frozenset[str]:
    """Read a `commit-comparison`, whose files are those since the two parted: only ahead, that is the difference."""
    if text(value, "status") not in ("ahead", "identical"):
        raise ShapeError("the push does not continue the branch, so that the comparison leaves files out")
    files = objects(value, "files")
    if len(files) >= COMPARED:
        raise ShapeError(f"the comparison shows at most {COMPARED} files")
    names = {text(item, "filename") for item in files}
    return frozenset(names | {text(item, "previous_filename") for item in files if item.get("previous_filename")})
