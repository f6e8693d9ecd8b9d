"""
Which earlier pipelines succeeded on the branch whose policy judges.

Source: "Pipelines API", "List project pipelines", which no job's token is shown.
"""

from __future__ import annotations

from ci_guard.evidence import lookback
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.gitlab import policy_file, records
from ci_guard.evidence.gitlab.client import STRONGER, Client, Sight
from ci_guard.evidence.gitlab.records import Job
from ci_guard.evidence.lookback import PAGE, Past
from ci_guard.evidence.rest.shape import boolean, checked, integer, text
from ci_guard.model.fact import Fact, Known, Source, Unknown, then
from ci_guard.model.run import NOTHING_SINCE, Run

NEEDS = f"{STRONGER} and the role Reporter"


def get_since_success(
    client: Client, job: Fact[Job], run: Run, checkout: Checkout, paths: tuple[str, ...]
) -> Fact[tuple[str, ...]]:
    """Return the commits of pushes since the last whose pipeline succeeded."""
    if lookback.branch_of(run) is None:
        return NOTHING_SINCE
    if isinstance(job, Unknown):
        return job
    if isinstance(run.sha, Unknown):
        return run.sha
    sha, current = run.sha.value, job.value.pipeline.id
    default = run.default_branch.value if isinstance(run.default_branch, Known) else None

    def ask(of: str) -> Fact[tuple[str, ...] | None]:
        params: dict[str, str | int] = {"ref": of, "source": "push", "order_by": "id", "sort": "desc", "per_page": PAGE}
        found = client.get("pipelines", sight=Sight.BY_STRONGER, needs=NEEDS, shape=list, params=params)
        listed = checked(
            found,
            lambda items: [
                Past(integer(one, "id"), records.sha(one, "sha"), text(one, "status") == "success") for one in items
            ],
        )
        return lookback.since_success(
            then(listed, lambda pasts: _of_branch(client, pasts)),
            sha,
            current if lookback.is_built(run, of) else None,
            alike=lambda commits: checkout.alike(commits, paths),
            passed=lambda number: _passed(client, job.value.name, number),
            default=of == default,
        )

    return lookback.look_back(run, ask, lambda name: policy_file.get_tip(client, name))


def _of_branch(client: Client, pasts: list[Past]) -> Fact[tuple[Past, ...]]:
    """
    Return the pipelines, those that succeeded for a tag of the branch's name as none of the branch.

    The list gives the last part of a ref. Source: "Get a single pipeline", `tag`. No more are asked for than count.
    """
    failed = {past.sha for past in pasts if not past.succeeded}
    for place, past in enumerate(pasts):
        if past.succeeded:
            answer = client.get(f"pipelines/{past.number}", sight=Sight.BY_STRONGER, needs=NEEDS)
            of_tag = checked(answer, lambda body: boolean(body, "tag"))
            if isinstance(of_tag, Unknown):
                return of_tag
            pasts[place] = past._replace(of_branch=not of_tag.value)
            if not of_tag.value and past.sha not in failed:
                break
    return Known(value=tuple(pasts), source=Source.API)


def _passed(client: Client, name: str, number: int) -> Fact[bool]:
    """
    Tell whether in a pipeline of a branch a job of this name succeeded.

    Source: "Jobs API", "List all pipeline jobs", without those that were retried.
    """
    params = {"scope[]": "success"}
    found = client.get_all(f"pipelines/{number}/jobs", sight=Sight.BY_STRONGER, needs=NEEDS, params=params)
    return checked(found, lambda jobs: any(text(one, "name") == name and not boolean(one, "tag") for one in jobs))
