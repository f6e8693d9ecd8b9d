"""Who says which run this is: the variables, the server about the job, and the job's ID token."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ci_guard.evidence.gitlab import identity, records
from ci_guard.evidence.gitlab.client import Client, Sight
from ci_guard.evidence.gitlab.records import Job
from ci_guard.evidence.gitlab.variables import Variables
from ci_guard.evidence.rest.shape import checked
from ci_guard.evidence.rest.together import two
from ci_guard.model.fact import Fact, Known, Unknown, unavailable
from ci_guard.records import dataclass

CHANGE_REF: Final = re.compile(r"refs/merge-requests/([1-9][0-9]{0,17})/(head|merge|train)")
"""The refs of merge request pipelines: detached, merged results, merge train. Source: "Merge request pipelines"."""

BRANCHES: Final = "GET repository/branches"


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What is concluded from."""

    variables: Variables
    job: Fact[Job]
    identity: identity.Outcome


def read_sources(client: Client, variables: Variables, audience: str | None) -> Sources:
    """
    Ask about the job, and let the client ask from now on about the project that the server names.

    At the same time it is asked what will be asked next if the variables are true: the merge request, the default
    branch, the keys of the instance. Nothing is concluded from that; where the server names another project, that one
    is asked again.
    """
    job, _ = two(client, lambda: records.get_job(client), lambda: _ask_ahead(client, variables, audience))
    client.belongs_to(_project(job))
    return Sources(variables=variables, job=job, identity=identity.verify(client, variables.id_token, audience, job))


def change_number(ref: str) -> int | None:
    """Return the number in `refs/merge-requests/7/head`, None for any other ref."""
    found = CHANGE_REF.fullmatch(ref)
    return int(found[1]) if found else None


def get_default_branch(client: Client, variables: Variables) -> Fact[records.Branch]:
    """Return the default branch by the server's word; the variable only says where to look first."""
    claimed = variables.get("CI_DEFAULT_BRANCH")
    if claimed:
        branch = records.get_branch(client, claimed)
        if isinstance(branch, Unknown):
            return branch
        if branch.value is not None and branch.value.default:
            return Known(value=branch.value, source=branch.source, detail=BRANCHES)
    listed = records.get_branches(client)
    if isinstance(listed, Unknown):
        return listed
    found = next((branch for branch in listed.value if branch.default), None)
    if found is None:
        said = "the list shows no default branch" if listed.value else "the repository has no branch yet"
        return unavailable(said, detail=listed.detail)
    return Known(value=found, source=listed.source, detail=BRANCHES)


def get_before(client: Client, job: Fact[Job]) -> Fact[str]:
    """Return where a push started by the server's word, in zeros where it created the branch."""
    if isinstance(job, Unknown):
        return job
    number = job.value.pipeline.id
    needs = "a token with read_api and the role Reporter in CI_GUARD_TOKEN"
    answer = client.get(f"pipelines/{number}", sight=Sight.BY_STRONGER, needs=needs)
    return checked(answer, lambda body: records.sha(body, "before_sha"))


def _ask_ahead(client: Client, variables: Variables, audience: str | None) -> None:
    number = change_number(variables.get("CI_MERGE_REQUEST_REF_PATH"))
    calls: list[Callable[[], object]] = [lambda: get_default_branch(client, variables)]
    if number is not None:
        calls.append(lambda: records.get_merge_request(client, number))
    if variables.id_token and audience:
        calls.append(lambda: identity.get_keys(client))
    client.gather(*calls)


def _project(job: Fact[Job]) -> int | Unknown:
    """Return the project that the job is of by the server's word, and by nobody else's."""
    if isinstance(job, Unknown):
        return job
    found = job.value.pipeline.project_id
    return unavailable("the server leaves it out", detail=job.detail) if found is None else found
