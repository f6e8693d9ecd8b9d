"""Where things are on this instance: the pages on which somebody sets what a run was refused for."""

from __future__ import annotations

from typing import Final

from ci_guard.evidence.gitlab.client import Client
from ci_guard.evidence.gitlab.records import Job
from ci_guard.evidence.gitlab.variables import Variables
from ci_guard.model import project
from ci_guard.model.fact import Fact, Known
from ci_guard.model.run import Pages

JOBS: Final = "/-/jobs/"


def project_path(client: Client, job: Fact[Job], variables: Variables) -> str:
    """Return `group/project`: as the address of the job has it, else as a variable claims it; for people alone."""
    if isinstance(job, Known):
        base, jobs, _ = job.value.web_url.partition(JOBS)
        if jobs and base.startswith(f"{client.server_url}/"):
            return base[len(client.server_url) + 1 :]
    return variables.get("CI_PROJECT_PATH")


def run_url(client: Client, job: Fact[Job], path: str) -> str:
    """Return the page of the pipeline, empty where the server does not say which it is."""
    return f"{client.server_url}/{path}/-/pipelines/{job.value.pipeline.id}" if isinstance(job, Known) and path else ""


def pages(client: Client, path: str) -> Pages:
    """Return where things are set in the project, and read about."""
    home = f"{client.server_url}/{path}"
    return Pages(
        access=f"{home}/-/project_members",
        branches=f"{home}/-/branches",
        rules=f"{home}/-/settings/repository#js-protected-branches-settings",
        checkout=project.page("docs/gitlab.md", "checkout"),
        token=project.page("docs/gitlab.md", "tokens"),
    )
