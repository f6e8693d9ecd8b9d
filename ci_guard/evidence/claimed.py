"""
The run as the job's variables alone claim it, for one that ended before anything was asked: who, what and which run.

Nothing here is proven and nothing is judged by it. It lets people and logs find a run that an error ended; GitLab's
variables anybody can set who may start a pipeline with some.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from ci_guard.model.fact import Fact, Known, Source, Unknown
from ci_guard.model.run import ChangeReference, Platform, Run, unknown_run
from ci_guard.object_ids import OBJECT_ID
from ci_guard.records import replace

T = TypeVar("T")

NUMBER: Final = re.compile(r"[1-9][0-9]{0,18}")
CHANGE: Final = re.compile(r"refs/(?:pull|merge-requests)/([1-9][0-9]{0,17})/(?:merge|head|train)")


def claimed_run(platform: Platform, environ: Mapping[str, str], reason: str) -> Run:
    """Return the run with what the variables name; all else is unknown for that reason."""
    if platform is Platform.GITHUB:
        return _github(environ, reason)
    if platform is Platform.GITLAB:
        return _gitlab(environ, reason)
    return unknown_run(platform, reason)


def _run(
    platform: Platform, reason: str, *, ref: str = "", sha: str = "", head: str = "", target: str = "", **said: str
) -> Run:
    """Return a run of which these texts are claimed; a ref, a commit and a change only if they can be one."""
    facts: dict[str, Fact[Any]] = {}
    if ref.startswith("refs/"):
        facts["ref"] = _claim(ref)
    if OBJECT_ID.fullmatch(sha):
        facts["sha"] = _claim(sha)
    if (found := CHANGE.fullmatch(ref)) and OBJECT_ID.fullmatch(head):
        facts["change"] = _claim(ChangeReference(number=int(found[1]), head=head, target=target))
    told: dict[str, Any] = {**facts, **said}
    return replace(unknown_run(platform, reason), **told)


def _claim(value: T) -> Known[T]:
    return Known(value=value, source=Source.ENV, detail="a variable of the job")


def _github(environ: Mapping[str, str], reason: str) -> Run:
    from ci_guard.evidence.github import payload
    from ci_guard.evidence.github.job import read_job, run_url

    job = read_job(environ)
    event = None if isinstance(job.event, Unknown) else job.event.value
    return _run(
        Platform.GITHUB,
        reason,
        ref=job.ref,
        sha=job.sha,
        head=payload.text(event, "pull_request", "head", "sha"),
        target=job.base_ref,
        repository=job.repository,
        repository_id=job.repository_id,
        server_url=job.server_url,
        run_url=run_url(job) if NUMBER.fullmatch(job.run_id) else "",
        platform_event=job.event_name,
        actor=job.actor,
        triggering_actor=job.triggering_actor or job.actor,
    )


def _gitlab(environ: Mapping[str, str], reason: str) -> Run:
    from ci_guard.evidence.gitlab.variables import read_variables

    said = read_variables(environ).get
    name, tag, change = said("CI_COMMIT_REF_NAME"), said("CI_COMMIT_TAG"), said("CI_MERGE_REQUEST_REF_PATH")
    server, path, pipeline = said("CI_SERVER_URL").rstrip("/"), said("CI_PROJECT_PATH"), said("CI_PIPELINE_ID")
    branch = f"refs/heads/{name}" if name else ""
    return _run(
        Platform.GITLAB,
        reason,
        ref=change or (f"refs/tags/{tag}" if tag else branch),
        sha=said("CI_COMMIT_SHA"),
        head=said("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or said("CI_COMMIT_SHA"),
        target=said("CI_MERGE_REQUEST_TARGET_BRANCH_NAME"),
        repository=path,
        repository_id=said("CI_PROJECT_ID"),
        server_url=server,
        run_url=f"{server}/{path}/-/pipelines/{pipeline}" if server and path and NUMBER.fullmatch(pipeline) else "",
        platform_event=said("CI_PIPELINE_SOURCE"),
        actor=said("GITLAB_USER_LOGIN"),
        triggering_actor=said("GITLAB_USER_LOGIN"),
    )
