"""The workflow of the run as its own commit has it: which file it is, by the server's word and the runner's."""

from __future__ import annotations

import re
from typing import Final

from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.commit_files import CommitFiles
from ci_guard.evidence.github import records
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.job import Job as Claims
from ci_guard.evidence.github.local_actions import files_elsewhere, files_of
from ci_guard.evidence.github.workflow_file import WorkflowReader, read_wiring
from ci_guard.evidence.rest.shape import checked, text
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, unavailable
from ci_guard.model.guard import Wiring
from ci_guard.model.run import Run
from ci_guard.object_ids import OBJECT_ID
from ci_guard.records import replace

REF: Final = re.compile(r"([^/@]+/[^/@]+)/(\.github/workflows/[^@\x00-\x1f]+)@(.+)")
"""`owner/name/path@ref`. Source: "Variables reference", `GITHUB_WORKFLOW_REF`."""


def held_in(job: Claims) -> str:
    """Return the repository of the run's workflow, which is another one where a ruleset requires it."""
    named = REF.fullmatch(job.workflow_ref)
    return named[1] if named else job.repository


def get_wiring(client: Client, job: Claims, run: Run, checkout: Checkout, holder: Client) -> Fact[Wiring]:
    """
    Return the workflow's jobs.

    Which file it is the server says (`path` of the run), and the variable only that the file is this repository's: a
    ruleset's workflow of another repository runs under its own name, and is read there, where the token may. The commit
    is what the runner says that the file was read at, else the judged one. `holder` asks the repository that holds it.
    """
    named = REF.fullmatch(job.workflow_ref)
    if named is not None and named[1].lower() != job.repository.lower():
        return _get_required(job, holder, named[2], apply(run.sha, lambda sha: files_of(client, sha, checkout)))
    path = _get_path(client, job)
    if isinstance(path, Unknown):
        return path
    if named is not None and named[2] != path.value:
        said = f"GITHUB_WORKFLOW_REF names {named[2]}, and the server {path.value}"
        return unavailable(said, detail=path.detail)
    commit = _commit(job) or run.sha
    if isinstance(commit, Unknown):
        return commit
    judged = isinstance(run.sha, Known) and run.sha.value == commit.value
    found = read_wiring(files_of(client, commit.value, checkout), path.value)
    if isinstance(found, Unknown):
        return found
    own = replace(found, value=replace(found.value, own=job.job))
    return own if judged else replace(own, source=commit.source)


def _get_required(job: Claims, holder: Client, path: str, files: Fact[CommitFiles]) -> Fact[Wiring]:
    """Return the jobs of a workflow that a ruleset requires of another repository, beside those of the judged one."""
    commit = _commit(job)
    if commit is None:
        said = f"the workflow is held in {holder.repository}, and GITHUB_WORKFLOW_SHA does not say at which commit"
        return unavailable(said, detail="GITHUB_WORKFLOW_SHA")
    found = read_wiring(files_elsewhere(holder, commit.value), path, beside=False)
    if isinstance(found, Unknown):
        return found
    labels = {one.label for one in found.value.jobs if one.guard}
    if isinstance(files, Unknown):
        wiring = replace(found.value, doubts=(*found.value.doubts, files))
    else:
        reader = WorkflowReader(files.value)
        names = reader.namesakes(labels, "")
        wiring = replace(found.value, namesakes=names, doubts=(*found.value.doubts, *reader.doubts))
    return Known(value=replace(wiring, own=job.job), source=Source.ENV, detail="GITHUB_WORKFLOW_REF")


def _commit(job: Claims) -> Known[str] | None:
    if not OBJECT_ID.fullmatch(job.workflow_sha):
        return None
    return Known(value=job.workflow_sha, source=Source.ENV, detail="GITHUB_WORKFLOW_SHA")


def _get_path(client: Client, job: Claims) -> Fact[str]:
    """Return which file the run is of, by the server's word."""
    if not records.NUMBER.fullmatch(job.run_id):
        return unavailable("the number of the run is not known", detail="GITHUB_RUN_ID")
    answer = client.get(f"actions/runs/{job.run_id}")
    return checked(answer, lambda body: text(body, "path").partition("@")[0])
