"""What on GitHub makes sure that the guard runs: workflows that rulesets require, and required checks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from ci_guard.evidence.github.branch_rules import rules_of
from ci_guard.evidence.github.client import Client, segment
from ci_guard.evidence.github.job import Job
from ci_guard.evidence.github.local_actions import files_elsewhere
from ci_guard.evidence.github.workflow import REF
from ci_guard.evidence.github.workflow_file import read_wiring
from ci_guard.evidence.rest.shape import checked, integer, optional, record, records, text
from ci_guard.model.branch import StatusCheck
from ci_guard.model.fact import Cause, Fact, Known, Source, Unknown
from ci_guard.model.guard import Enforcement, Hold, HoldKind
from ci_guard.model.run import Run
from ci_guard.records import replace
from ci_guard.rows import NamedTuple

RULE: Final = "workflows"
GITHUB: Final = "https://github.com"
ACTIONS: Final = 15368
"""The app of GitHub Actions on github.com, which stands for that of any server."""


def get_enforcement(
    client: Client, job: Job, run: Run, elsewhere: Callable[[str], Client] | None = None
) -> Fact[Enforcement]:
    """
    Return what holds for the branch that is built or aimed at, of anything else for the default one.

    A workflow of another repository that this run is not of is read there; `elsewhere` makes the client for that.
    Which workflow this run is of, the runner says, which lets no step set `GITHUB_WORKFLOW_REF`.

    Source: REST "Rules", "Get rules for a branch": only active ones are listed.
    """
    branch = _branch(run)
    if isinstance(branch, Unknown):
        return branch
    name = branch.value
    listed = client.get_all(f"rules/branches/{segment(name)}")
    required = checked(listed, lambda items: [one for item in items for one in _workflows(item, job)])
    if isinstance(required, Unknown):
        return required
    workflows = client.gather(*(partial(_read, client, one, elsewhere) for one in required.value))
    checks = rules_of(client, name, run).status_checks
    holds, hidden = list(workflows), []
    if isinstance(checks, Unknown):
        hidden.append(checks)
    else:
        bound = any(one.app_id is not None for one in checks.value.value)
        actions = _get_actions(client, job) if bound else None
        hidden += [actions] if isinstance(actions, Unknown) else []
        holds += [_required_check(one, actions) for one in checks.value.value]
        hidden += [checks.value.hidden] if checks.value.hidden else []
    found = Enforcement(where=name, holds=tuple(holds), hidden=tuple(hidden))
    source = Source.ENV if any(hold.own for hold in holds) else required.source
    return Known(value=found, source=source, detail=required.detail)


def _get_actions(client: Client, job: Job) -> Fact[int]:
    """
    Return the number of the app as which every workflow reports its checks: each server gives it one of its own.

    Source: REST "Apps", "Get an app", which anybody may ask.
    """
    if job.server_url == GITHUB:
        return Known(value=ACTIONS, source=Source.DERIVED, detail=GITHUB)
    found = checked(client.get("/apps/github-actions"), lambda body: integer(body, "id"))
    if isinstance(found, Known):
        return found
    said = f"as which app every workflow of this server reports its checks is not known: {found.reason}"
    return replace(found, reason=said, cause=Cause.UNAVAILABLE)


def _required_check(check: StatusCheck, actions: Fact[int] | None) -> Hold:
    app = check.app_id
    if isinstance(actions, Unknown):
        app = None  # it may be that very app
    elif actions is not None and app == actions.value:
        app = ACTIONS
    return Hold(kind=HoldKind.CHECK, name=check.context, app=app)


def _branch(run: Run) -> Fact[str]:
    if isinstance(run.change, Known) and run.change.value is not None:
        return Known(value=run.change.value.target, source=run.change.source, detail=run.change.detail)
    if isinstance(run.branch, Known) and run.branch.value is not None:
        return Known(value=run.branch.value, source=run.branch.source, detail=run.branch.detail)
    return run.branch if isinstance(run.branch, Unknown) else run.default_branch


class _Required(NamedTuple):
    """A workflow that a rule requires."""

    hold: Hold
    repository: int
    ref: str


def _workflows(item: Any, job: Job) -> list[_Required]:
    """
    Read the workflows of a rule that requires any.

    Raises: `ShapeError`.
    """
    if text(item, "type") != RULE:
        return []
    named = REF.fullmatch(job.workflow_ref)
    found = []
    for one in records(record(item, "parameters"), "workflows"):
        path, repository = text(one, "path"), integer(one, "repository_id")
        elsewhere = str(repository) != job.repository_id
        own = named is not None and named[2] == path and (named[1].lower() != job.repository.lower()) is elsewhere
        sha = optional(one, "sha", text) or ""
        hold = Hold(kind=HoldKind.WORKFLOW, name=path, elsewhere=elsewhere, own=own, commit=sha)
        found.append(_Required(hold, repository, sha or optional(one, "ref", text) or ""))
    return found


def _read(client: Client, required: _Required, elsewhere: Callable[[str], Client] | None) -> Hold:
    """
    Return what is required, with what the workflow does where that is not judged as this run's own.

    Source: REST, repositories by their id, to which it redirects and links.
    """
    hold = required.hold
    if hold.own or not hold.elsewhere or elsewhere is None:
        return hold
    shown = checked(
        client.get(f"/repositories/{required.repository}"),
        lambda body: (text(body, "full_name"), text(body, "default_branch")),
    )
    if isinstance(shown, Unknown):
        said = f"contents: read on the repository with the id {required.repository}"
        return replace(hold, wiring=replace(shown, needs=said) if shown.cause is Cause.INVISIBLE else shown)
    name, branch = shown.value
    files = files_elsewhere(elsewhere(name), required.ref or branch)
    return replace(hold, wiring=read_wiring(files, hold.name, beside=False))
