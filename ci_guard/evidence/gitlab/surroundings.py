"""What surrounds a pipeline on GitLab: environment, visibility, labels, changed paths and the runner."""

from __future__ import annotations

from typing import Final

from ci_guard.evidence import id_token
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.gitlab import records, train
from ci_guard.evidence.gitlab.client import STRONGER, Client, Sight
from ci_guard.evidence.gitlab.identity import Identity
from ci_guard.evidence.gitlab.owners import get_paths
from ci_guard.evidence.gitlab.records import MergeRequest
from ci_guard.evidence.gitlab.sources import Sources
from ci_guard.evidence.id_token import Refused
from ci_guard.evidence.pushed import get_pushed_paths, united
from ci_guard.evidence.rest.shape import checked, text
from ci_guard.model.circumstances import Host, Runner, Visibility
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, invisible, unavailable
from ci_guard.model.run import Event, Run

HOSTS: Final = {"gitlab-hosted": Host.HOSTED, "self-hosted": Host.SELF_HOSTED}
"""Source: "OpenID Connect (OIDC) Authentication Using ID Tokens", `runner_environment`."""

REPORTER: Final = f"{STRONGER}, with the role Reporter"
TIERS: Final = ("production", "staging", "testing", "development", "other")
"""Source: "Environments", deployment tier of environments."""

VARIABLE: Final = "CI_ENVIRONMENT_NAME"
TOKEN: Final = "an ID token for ci-guard"  # noqa: S105 - no password


def get_environments(sources: Sources) -> tuple[Fact[str], ...]:
    """
    Return the environment of the job: by the verified ID token, else by a variable, which a pipeline variable sets.

    The API does not tell a job's own token about it.
    """
    outcome = sources.identity
    if isinstance(outcome, Known):
        named = outcome.value.text("environment")
        return (Known(value=named, source=Source.SIGNED, detail=_described(outcome.value)),) if named else ()
    claimed = sources.variables.get(VARIABLE)
    told: tuple[Fact[str], ...] = (Known(value=claimed, source=Source.ENV, detail=VARIABLE),) if claimed else ()
    if outcome is None:
        return told
    # A token was given, and what it would say is not known.
    return (*told, outcome if isinstance(outcome, Unknown) else _refused(outcome))


def get_signed_environment(sources: Sources) -> Fact[str | None]:
    """Return the environment that the verified ID token names, None where it names none."""
    outcome = sources.identity
    if outcome is None:
        said = "which environment the job is of, only an ID token proves"
        return invisible(said, needs=TOKEN, detail=id_token.DETAIL)
    if isinstance(outcome, Refused):
        return _refused(outcome)
    return apply(outcome, lambda token: token.text("environment") or None)


def _described(token: Identity) -> str:
    """Return where an environment was read, and what else the token says of it. Source: "ID token payload"."""
    tier, protected = token.text("deployment_tier"), token.text("environment_protected")
    kept = {"true": ", protected", "false": ", not protected"}.get(protected or "", "")
    return f"{id_token.DETAIL}{f', tier {tier}' if tier in TIERS else ''}{kept}"


def _refused(outcome: Refused) -> Unknown:
    return unavailable(f"the ID token was refused: {outcome.reason}", detail=id_token.DETAIL)


def get_visibility(client: Client, sources: Sources) -> Fact[Visibility]:
    """Return who may see the project: by the ID token, else by the project, which no job's token is shown."""
    known = {visibility.value: visibility for visibility in Visibility}
    token = _identity(sources)
    if token and token.own and token.text("project_visibility") in known:
        said = known[str(token.text("project_visibility"))]
        return Known(value=said, source=Source.SIGNED, detail=id_token.DETAIL)
    shown = checked(
        client.get("", sight=Sight.BY_STRONGER, needs=f"{TOKEN}, or {STRONGER}"),
        lambda body: known.get(text(body, "visibility")),
    )
    if isinstance(shown, Known) and shown.value is None:
        return unavailable("the visibility of the project is none that is known", detail=shown.detail)
    return apply(shown, lambda found: found or Visibility.PUBLIC)


def get_labels(client: Client, run: Run) -> Fact[frozenset[str]]:
    """Return the labels as they are now. Whoever may plan or report sets and removes them."""
    return apply(_get_changes(client, run), lambda found: frozenset(label for one in found for label in one.labels))


def get_changed_paths(client: Client, run: Run, checkout: Checkout) -> Fact[frozenset[str] | None]:
    """
    Return what a merge request, a merge train or a push changes.

    Where a push started, no job's token is told: `GET /job` has the commit and its parents, which are the start only of
    a push of one commit, and no endpoint that such a token may see says how many were pushed. The clone tells what lies
    between two commits, and not which two: a `CI_COMMIT_BEFORE_SHA` that a pipeline variable sets to a commit of this
    branch would hide what came before that. Source: "Jobs API"; "CI/CD job token", Job token access.
    """
    if isinstance(run.event, Unknown):
        return run.event
    if run.event.value is Event.PUSH:
        return get_pushed_paths(
            run,
            checkout,
            unconfirmed=lambda detail: invisible(
                "where the push started, only a variable says", needs=REPORTER, detail=detail
            ),
            without_clone=lambda base, head: unavailable(
                "this clone lacks an end of the push (`GIT_DEPTH: 0`)", detail=f"git diff-tree {base[:12]} {head[:12]}"
            ),
        )
    changes = _get_changes(client, run)
    if isinstance(changes, Unknown):
        return changes
    if not changes.value:
        return Known(value=None, source=changes.source, detail=changes.detail)
    lists = client.gather(*((lambda change=change: get_paths(client, change, checkout)) for change in changes.value))
    return united(lists, changes)


def get_runner(sources: Sources) -> Fact[Runner]:
    """
    Return the runner: whose it is by the ID token, and the tags that the server says the job asks for.

    Source: Jobs API, `tag_list`.
    """
    job, token = sources.job, _identity(sources)
    said = token.text("runner_environment") if token else None
    host: Fact[Host] = invisible("whose the runner is, only an ID token says", needs=TOKEN, detail=id_token.DETAIL)
    if said in HOSTS:
        host = Known(value=HOSTS[said], source=Source.SIGNED, detail=id_token.DETAIL)
    if isinstance(job, Unknown):
        return Known(value=Runner(host=host, labels=job), source=Source.NONE)
    labels: Fact[frozenset[str]] = unavailable("the server leaves out the tags of the job", detail=job.detail)
    if job.value.tags is not None:
        labels = Known(value=frozenset(job.value.tags), source=job.source, detail=job.detail)
    return Known(value=Runner(host=host, labels=labels), source=job.source, detail=job.detail)


def _identity(sources: Sources) -> Identity | None:
    return sources.identity.value if isinstance(sources.identity, Known) else None


def _get_changes(client: Client, run: Run) -> Fact[tuple[MergeRequest, ...]]:
    """Return the merge requests that the pipeline is about, at the heads that it is about."""
    if isinstance(run.event, Unknown):
        return run.event
    if run.event.value is Event.QUEUE:
        return train.get_group(client, run)
    if run.event.value is not Event.CHANGE:
        return Known(value=(), source=run.event.source, detail=run.event.detail)
    if isinstance(run.change, Unknown):
        return run.change
    if run.change.value is None:
        return unavailable("the pipeline names no merge request", detail=run.change.detail)
    found = records.get_merge_request(client, run.change.value.number)
    if isinstance(found, Known) and found.value.head != run.change.value.head:
        return unavailable(f"!{found.value.iid} has moved on since this pipeline started", detail=found.detail)
    return apply(found, lambda change: (change,))
