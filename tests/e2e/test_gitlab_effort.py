"""What a run of the gate costs a GitLab: how many requests, and how many of them have to wait for another's answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e import gitlab_shop
from tests.e2e.test_check import Guard, guard
from tests.e2e.test_gitlab import run
from tests.fakes.faults import Fault
from tests.fakes.gitlab import FakeGitLab
from tests.fakes.hub.router import Answer

__all__ = ["guard"]

PROJECT = "GET /projects/*"
FIRST = ("GET /job", "GET /oauth/discovery/keys", f"{PROJECT}/repository/branches")


def answer_together(gitlab: FakeGitLab, calls: Sequence[str]) -> None:
    """Hold back these answers until all calls have come; a call that waits for another's never does."""
    meeting = threading.Barrier(len(calls))

    def meet(answer: Answer) -> Answer:
        meeting.wait(timeout=8)
        return answer

    for call in calls:
        gitlab.fault(call, Fault(name="together", change=meet), times=1)


@pytest.mark.parametrize("kind", ["head", "merge"])
def test_a_change_costs_four_requests_in_one_round(gitlab: FakeGitLab, guard: Guard, tmp_path: Path, kind: str) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop", merged=False)
    job = shop.change(kind)
    answer_together(gitlab, (*FIRST, f"{PROJECT}/merge_requests/1"))
    told = run(guard, gitlab, shop.path, gitlab.job_environment(job, CI_GUARD_ID_TOKEN=gitlab.id_token(job)))
    assert (told.report["verdict"], told.exit_code) == ("allow", 0), told.stdout
    assert told.report["evidence"]["requests"] == gitlab.count() == 4
    assert all(call.status == 200 for call in gitlab.requests), "nothing is asked that this token may not see"


def test_a_merge_costs_no_more_than_twelve_requests(gitlab: FakeGitLab, guard: Guard, tmp_path: Path) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop", approved_by=("bob", "olivia"))
    job = shop.push()
    answer_together(gitlab, FIRST)
    told = run(guard, gitlab, shop.path, gitlab.job_environment(job, CI_GUARD_ID_TOKEN=gitlab.id_token(job)))
    assert told.report["evidence"]["requests"] == gitlab.count() <= 12
    assert all(call.status == 200 for call in gitlab.requests), "nothing is asked that this token may not see"


@pytest.mark.parametrize("merged", [False, True], ids=["change", "merge"])
def test_of_a_public_project_more_is_asked_and_still_no_more_than_twelve(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path, merged: bool
) -> None:
    """What anybody may read of it is worth a request, though the job's token counts for nothing there."""
    shop = gitlab_shop.make(gitlab, tmp_path / "shop", merged=merged)
    shop.project.visibility = "public"
    job = shop.push() if merged else shop.change()
    told = run(guard, gitlab, shop.path, gitlab.job_environment(job))
    assert told.report["evidence"]["requests"] == gitlab.count() <= 12
