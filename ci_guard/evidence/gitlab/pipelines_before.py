"""
Which earlier pipelines succeeded on the branch whose policy judges.

Source: "Pipelines API", "List project pipelines", which no job's token is shown.
"""

from __future__ import annotations

from ci_guard.evidence import lookback
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.gitlab import records
from ci_guard.evidence.gitlab.client import STRONGER, Client, Sight
from ci_guard.evidence.gitlab.records import Job
from ci_guard.evidence.lookback import PAGE, Past
from ci_guard.evidence.rest.shape import checked, integer, text
from ci_guard.model.fact import Fact, Unknown, then
from ci_guard.model.run import NOTHING_SINCE, Run

NEEDS = f"{STRONGER} and the role Reporter"


def get_since_success(
    client: Client, job: Fact[Job], run: Run, checkout: Checkout, paths: tuple[str, ...]
) -> Fact[tuple[str, ...]]:
    """Return the commits of pushes since the last whose pipeline succeeded."""
    branch = lookback.branch_of(run)
    if branch is None:
        return NOTHING_SINCE
    if isinstance(job, Unknown):
        return job
    current = job.value.pipeline.id

    def ask(of: str) -> Fact[tuple[str, ...]]:
        params: dict[str, str | int] = {"ref": of, "source": "push", "order_by": "id", "sort": "desc", "per_page": PAGE}
        found = client.get("pipelines", sight=Sight.BY_STRONGER, needs=NEEDS, shape=list, params=params)
        page = checked(
            found,
            lambda items: tuple(
                Past(integer(one, "id"), records.sha(one, "sha"), text(one, "status") == "success") for one in items
            ),
        )
        return lookback.since_success(
            page,
            run,
            current,
            alike=lambda commits: checkout.alike(commits, paths),
            passed=lambda number: _passed(client, job.value.name, number),
        )

    return then(branch, ask)


def _passed(client: Client, name: str, number: int) -> Fact[bool]:
    """
    Tell whether in a pipeline a job of this name succeeded.

    Source: "Jobs API", "List all pipeline jobs", without those that were retried.
    """
    params = {"scope[]": "success"}
    found = client.get_all(f"pipelines/{number}/jobs", sight=Sight.BY_STRONGER, needs=NEEDS, params=params)
    return checked(found, lambda jobs: any(text(one, "name") == name for one in jobs))
