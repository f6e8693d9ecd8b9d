"""What on GitLab makes sure that the guard runs: a pipeline execution policy, or a pipeline's file elsewhere."""

from __future__ import annotations

from typing import Any, Final

from ci_guard.evidence.gitlab import identity
from ci_guard.evidence.gitlab.client import STRONGER, Client, Sight
from ci_guard.evidence.gitlab.merging import FROM_ULTIMATE
from ci_guard.evidence.gitlab.sources import Sources
from ci_guard.evidence.rest.shape import ShapeError, checked, optional, text
from ci_guard.model.fact import Fact, Known, Source, Unknown, invisible
from ci_guard.model.guard import Enforcement, Hold, HoldKind
from ci_guard.model.run import Run

RESERVED: Final = frozenset({".pipeline-policy-pre", ".pipeline-policy-post"})
"""Stages that only policies fill. Source: "Pipeline execution policies", `inject_policy`."""

REPORTER: Final = f"{STRONGER}, with the role Reporter"
OF_POLICY: Final = "the guard's job in the stage .pipeline-policy-pre, which shows it"


def get_enforcement(client: Client, sources: Sources, run: Run) -> Fact[Enforcement]:
    """
    Return what holds for the project.

    The stage of the job is the server's word; where the pipeline's file lies, the verified ID token says or, to a
    stronger token, the project. Whether a policy covers the project, no REST endpoint says: a job of one shows it by
    its stage, and a server without Ultimate has none.
    """
    stage = checked(client.get("/job", sight=Sight.OF_JOB), lambda body: text(body, "stage"))
    if isinstance(stage, Known) and stage.value in RESERVED:
        hold = Hold(kind=HoldKind.POLICY, name=stage.value, elsewhere=True, own=True)
        return Known(value=Enforcement(where=run.repository, holds=(hold,)), source=stage.source, detail=stage.detail)
    signed = _by_token(sources)
    if signed is not None and signed.elsewhere:
        found = Enforcement(where=run.repository, holds=(signed,))
        return Known(value=found, source=Source.SIGNED, detail=identity.DETAIL)
    answer = client.get("", sight=Sight.BY_STRONGER, needs=REPORTER)
    project = checked(answer, lambda body: _by_project(body, run))
    if isinstance(project, Unknown):
        holds = (signed,) if signed else ()
        found = Enforcement(where=run.repository, holds=holds, hidden=(project,))
        return Known(value=found, source=Source.SIGNED if signed else Source.NONE, detail=identity.DETAIL)
    hold, ultimate = project.value
    hidden: list[Unknown] = [stage] if isinstance(stage, Unknown) else []
    if ultimate:
        hidden.append(invisible("whether a pipeline execution policy covers the project is not shown", needs=OF_POLICY))
    found = Enforcement(where=run.repository, holds=(hold,), hidden=tuple(hidden))
    return Known(value=found, source=project.source, detail=project.detail)


def _by_token(sources: Sources) -> Hold | None:
    """
    Return the pipeline's file by the ID token: `host/group/project//file@ref`.

    Source: "OpenID Connect (OIDC) Authentication Using ID Tokens", `ci_config_ref_uri`: null where it is not a file of
    a project.
    """
    if not isinstance(sources.identity, Known) or not sources.identity.value.own:
        return None
    token = sources.identity.value
    where, said, rest = (token.text("ci_config_ref_uri") or "").partition("//")
    path = token.text("project_path")
    if not said or not path:
        return None
    home = where.partition("/")[2]
    elsewhere = home.lower() != path.lower()
    # Below a relative root, the project's path stands behind that of the instance.
    elsewhere = elsewhere and not home.lower().endswith(f"/{path.lower()}")
    name = rest.rpartition("@")[0]
    return Hold(kind=HoldKind.CONFIG, name=f"{name}@{home}", elsewhere=elsewhere, own=True)


def _by_project(body: Any, run: Run) -> tuple[Hold, bool]:
    """
    Read the pipeline's file of a project, `file@group/project:ref`, and whether the server has Ultimate.

    Raises: `ShapeError`.
    """
    if "ci_config_path" not in body:
        raise ShapeError("'ci_config_path' is not shown")
    path = optional(body, "ci_config_path", text) or ".gitlab-ci.yml"
    _, said, rest = path.partition("@")
    home = rest.partition(":")[0]
    elsewhere = bool(said) and "://" not in path and home.lower() != run.repository.lower()
    return Hold(kind=HoldKind.CONFIG, name=path, elsewhere=elsewhere), any(key in body for key in FROM_ULTIMATE)
