"""The table of GitLab's tokens is what the gate does: the same project, judged with one token and with both."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_guard.controls import branch_protection
from tests.e2e import gitlab_shop
from tests.e2e.consumer import ROOT
from tests.e2e.test_check import Guard, guard
from tests.e2e.test_gitlab import run, with_policy
from tests.e2e.test_tokens import everything
from tests.fakes.gitlab import FakeGitLab

__all__ = ["guard"]

pytestmark = pytest.mark.slow


def rows() -> dict[str, tuple[str, str]]:
    """Return what the page says of each requirement: seen by the job token, and by a stronger one."""
    text = (ROOT / "docs/tokens.md").read_text(encoding="utf-8").partition("## On GitLab\n")[2]
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[0].startswith("[`"):
            found[cells[0][2:].partition("`")[0]] = (cells[1], cells[2])
    return found


def undecided(gitlab: FakeGitLab, guard: Guard, path: Path, *, stronger: bool) -> set[str]:
    """Return the requirements of branch-protection that are unknown because nobody may see them."""
    shop = gitlab_shop.make(gitlab, path)
    shop.project.tier = "ultimate"
    job = shop.push()
    changes = {"CI_GUARD_TOKEN": gitlab.world.token("reader", "olivia").value} if stronger else {}
    told = run(
        guard,
        gitlab,
        shop.path,
        gitlab.job_environment(job, **changes),
        *with_policy(shop, everything()),
        "branch-protection",
    )
    judged = told.report["judgements"]
    assert {each["requirement"] for each in judged} == {each.id for each in branch_protection.META.requirements}
    return {each["requirement"] for each in judged if each["outcome"] == "unknown"}


def test_what_the_job_token_shows_is_known_with_it(gitlab: FakeGitLab, guard: Guard, tmp_path: Path) -> None:
    shown = {name for name, (job, _) in rows().items() if job == "yes"}
    assert shown
    assert undecided(gitlab, guard, tmp_path / "shop", stronger=False) & shown == set()


def test_what_it_does_not_show_is_unknown_with_it(gitlab: FakeGitLab, guard: Guard, tmp_path: Path) -> None:
    hidden = {name for name, (job, _) in rows().items() if job == "–"}
    assert hidden
    assert hidden - undecided(gitlab, guard, tmp_path / "shop", stronger=False) == set()


def test_a_stronger_token_shows_all(gitlab: FakeGitLab, guard: Guard, tmp_path: Path) -> None:
    assert {stronger for _, stronger in rows().values()} == {"yes", "not a setting of GitLab's"}
    assert undecided(gitlab, guard, tmp_path / "shop", stronger=True) == set()
