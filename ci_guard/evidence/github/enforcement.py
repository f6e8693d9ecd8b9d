"""What on GitHub makes sure that the guard runs: workflows that rulesets require, and required checks."""

from __future__ import annotations

from typing import Any, Final

from ci_guard.evidence.github.branch_rules import rules_of
from ci_guard.evidence.github.client import Client, segment
from ci_guard.evidence.github.job import Job
from ci_guard.evidence.github.workflow import REF
from ci_guard.evidence.rest.shape import checked, integer, optional, record, records, text
from ci_guard.model.fact import Fact, Known, Source, Unknown
from ci_guard.model.guard import Enforcement, Hold, HoldKind
from ci_guard.model.run import Run

RULE: Final = "workflows"


def get_enforcement(client: Client, job: Job, run: Run) -> Fact[Enforcement]:
    """
    Return what holds for the branch that is built or aimed at, of anything else for the default one.

    Which workflow this run is of, the runner says, which lets no step set `GITHUB_WORKFLOW_REF`.

    Source: REST "Rules", "Get rules for a branch": only active ones are listed.
    """
    branch = _branch(run)
    if isinstance(branch, Unknown):
        return branch
    name = branch.value
    listed = client.get_all(f"rules/branches/{segment(name)}")
    required = checked(listed, lambda items: [hold for item in items for hold in _workflows(item, job)])
    if isinstance(required, Unknown):
        return required
    checks = rules_of(client, name, run).status_checks
    holds, hidden = list(required.value), []
    if isinstance(checks, Unknown):
        hidden.append(checks)
    else:
        holds += [Hold(kind=HoldKind.CHECK, name=one.context, app=one.app_id) for one in checks.value.value]
        hidden += [checks.value.hidden] if checks.value.hidden else []
    found = Enforcement(where=name, holds=tuple(holds), hidden=tuple(hidden))
    source = Source.ENV if any(hold.own for hold in holds) else required.source
    return Known(value=found, source=source, detail=required.detail)


def _branch(run: Run) -> Fact[str]:
    if isinstance(run.change, Known) and run.change.value is not None:
        return Known(value=run.change.value.target, source=run.change.source, detail=run.change.detail)
    if isinstance(run.branch, Known) and run.branch.value is not None:
        return Known(value=run.branch.value, source=run.branch.source, detail=run.branch.detail)
    return run.branch if isinstance(run.branch, Unknown) else run.default_branch


def _workflows(item: Any, job: Job) -> list[Hold]:
    """
    Read the workflows of a rule that requires any.

    Raises: `ShapeError`.
    """
    if text(item, "type") != RULE:
        return []
    named = REF.fullmatch(job.workflow_ref)
    holds = []
    for one in records(record(item, "parameters"), "workflows"):
        path, repository = text(one, "path"), integer(one, "repository_id")
        elsewhere = str(repository) != job.repository_id
        own = named is not None and named[2] == path and (named[1].lower() != job.repository.lower()) is elsewhere
        sha = optional(one, "sha", text) or ""
        holds.append(Hold(kind=HoldKind.WORKFLOW, name=path, elsewhere=elsewhere, own=own, commit=sha))
    return holds
