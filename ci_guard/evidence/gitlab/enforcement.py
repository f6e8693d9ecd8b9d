"""What on GitLab makes sure that the guard runs: a pipeline execution policy, or a pipeline's file elsewhere."""

from __future__ import annotations

from typing import Final

from ci_guard.evidence import id_token
from ci_guard.evidence.gitlab import config_file
from ci_guard.evidence.gitlab.client import Client, Sight
from ci_guard.evidence.gitlab.config_file import ConfigFile
from ci_guard.evidence.gitlab.merging import FROM_ULTIMATE
from ci_guard.evidence.gitlab.sources import Sources
from ci_guard.evidence.rest.shape import checked, text
from ci_guard.model.fact import Fact, Known, Source, Unknown, invisible
from ci_guard.model.guard import Enforcement, Hold, HoldKind
from ci_guard.model.run import Run

RESERVED: Final = frozenset({".pipeline-policy-pre", ".pipeline-policy-post"})
"""Stages that only policies fill. Source: "Pipeline execution policies", `inject_policy`."""

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
    named = config_file.read_token(sources)
    signed = _hold(named, own=True) if named else None
    if signed is not None and signed.elsewhere:
        found = Enforcement(where=run.repository, holds=(signed,))
        return Known(value=found, source=Source.SIGNED, detail=id_token.DETAIL)
    answer = client.get("", sight=Sight.BY_STRONGER, needs=config_file.REPORTER)
    project = checked(
        answer,
        lambda body: (_hold(config_file.read_project(body, run)), any(key in body for key in FROM_ULTIMATE)),
    )
    if isinstance(project, Unknown):
        holds = (signed,) if signed else ()
        found = Enforcement(where=run.repository, holds=holds, hidden=(project,))
        return Known(value=found, source=Source.SIGNED if signed else Source.NONE, detail=id_token.DETAIL)
    hold, ultimate = project.value
    hidden: list[Unknown] = [stage] if isinstance(stage, Unknown) else []
    if ultimate:
        hidden.append(invisible("whether a pipeline execution policy covers the project is not shown", needs=OF_POLICY))
    found = Enforcement(where=run.repository, holds=(hold,), hidden=tuple(hidden))
    return Known(value=found, source=project.source, detail=project.detail)


def _hold(file: ConfigFile, *, own: bool = False) -> Hold:
    return Hold(kind=HoldKind.CONFIG, name=str(file), elsewhere=file.elsewhere, own=own)
