"""A push that loosens the policy is judged by the one from before it, too; a change is told what merging alters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import consumer, gitlab_shop
from tests.e2e.consumer import Consumer
from tests.e2e.test_check import Guard, Told, guard, push_of
from tests.e2e.test_gitlab import run as run_on_gitlab
from tests.fakes import faults
from tests.fakes.github import FakeGitHub
from tests.fakes.gitlab import FakeGitLab
from tests.fakes.hub.runs import Run

__all__ = ["guard"]

STRICT = (
    "version: 1\ncontrols: {actor-permissions: {require: {actor: admin}}, secret-free: {require: {no-secrets: true}}}\n"
)
LOOSE = "version: 1\ncontrols: {secret-free: {require: {no-secrets: true}}}\n"
REPORT = "version: 1\nmode: report\ncontrols: {actor-permissions: {require: {actor: admin}}}\n"


def pushed(
    github: FakeGitHub, guard: Guard, folder: Path, policies: tuple[str | None, str | None], **more: Any
) -> Told:
    """Return what is told of a push that turns the one policy into the other; None for no file."""
    base, head = ({".ci-guard.yml": text} if text else {} for text in policies)
    actor = more.pop("actor", "bob")
    head["cart.py"] = "ITEMS = []\n"
    shop = consumer.make(github, folder / "shop", base_files=base, head_files=head, **more)
    return guard(push_of(github, shop, folder / "job", actor=actor), shop.path)


def test_a_requirement_that_a_push_drops_is_judged_by_the_policy_from_before(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    told = pushed(github, guard, tmp_path, (STRICT, LOOSE))
    assert (told.report["verdict"], told.exit_code) == ("deny", 1)
    assert told.of("actor")["outcome"] == "fail"
    assert "before this push" in " ".join(told.report["policy"]["layers"])
    assert "The policy changed" in " ".join(told.stdout.split())


def test_a_push_cannot_ask_for_report_mode(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    told = pushed(github, guard, tmp_path, (STRICT, REPORT))
    assert (told.report["verdict"], told.exit_code, told.report["policy"]["mode"]) == ("deny", 1, "enforce")


def test_the_first_policy_of_a_repository_cannot_ask_for_less_than_the_baseline_that_judged_before(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    told = pushed(github, guard, tmp_path, (None, LOOSE), approved_by=())
    assert (told.report["verdict"], told.exit_code) == ("deny", 1)
    assert told.of("approvals", "required-reviews")["outcome"] == "fail"


def test_what_the_policy_from_before_allows_counts_from_then_on(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    assert pushed(github, guard, tmp_path, (STRICT, LOOSE), actor="olivia").exit_code == 0


def test_a_push_that_leaves_the_policy_alone_is_judged_once_and_costs_nothing_more(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    told = pushed(github, guard, tmp_path, (LOOSE, None))
    assert told.exit_code == 0
    assert len(told.report["policy"]["layers"]) == 1


def test_a_stricter_policy_counts_at_once(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    told = pushed(github, guard, tmp_path, (LOOSE, STRICT))
    assert (told.report["verdict"], told.of("actor")["outcome"]) == ("deny", "fail")


def test_a_policy_from_before_that_could_not_be_asked_for_holds_an_allow_back(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    github.fault("GET /repos/*/activity", faults.status(502, "Bad Gateway"), times=100)
    told = pushed(github, guard, tmp_path, (LOOSE, None))
    assert (told.report["verdict"], told.exit_code) == ("undecided", 3)


OWN = ".github/workflows/ci.yml"
GUARDED = f"""on: push
jobs:
  guard:
    runs-on: ubuntu-latest
    steps:
      - uses: ci-guard/ci-guard@{"0" * 40}
"""


class TestPushesInARow:
    """A push is denied and lands all the same: what it loosens counts once a run has let it in, and not before."""

    def make(self, github: FakeGitHub, folder: Path, **files: str) -> Consumer:
        """Return a branch whose policy let a run in, and was loosened by a push that nothing let in yet."""
        base, head = {".ci-guard.yml": STRICT, **files}, {".ci-guard.yml": LOOSE}
        shop = consumer.make(github, folder / "shop", base_files=base, head_files=head)
        ended(shop.repo.run("push", actor="olivia", sha=shop.base), "success")
        return shop

    def pushed(
        self, github: FakeGitHub, guard: Guard, shop: Consumer, folder: Path, *, branch: str = "main", **files: str
    ) -> Told:
        """Return what is told of one more push of bob's, which may make the branch."""
        consumer.write(shop.path, {"cart.py": f"ITEMS = [{len(shop.repo.runs)}]\n", **files})
        consumer.git(shop.path, "commit", "-q", "-m", "Add an item", who="bob")
        after, branches, log = (
            consumer.git(shop.path, "rev-parse", "HEAD"),
            dict(shop.repo.branches),
            list(shop.repo.activities),
        )
        shop.repo.import_git(shop.path)
        shop.repo.activities[:], shop.repo.branches = log, branches
        before = branches.get(branch, "0" * 40)
        shop.repo.push(branch, after, by="bob")
        run = shop.repo.run("push", actor="bob", sha=after, branch=branch)
        payload = github.events(shop.repo).push(branch, before=before, sender="bob")
        environ = github.job_environment(shop.repo, run, payload, folder, RUNNER_NAME="runner-1")
        run.runners["runner-1"] = ["ubuntu-latest"]
        told = guard({**environ, "GITHUB_TOKEN": github.token("job").value}, shop.path)
        ended(run, "success" if told.exit_code == 0 else "failure")
        return told

    def test_the_second_push_does_not_inherit_what_the_first_loosened(
        self, github: FakeGitHub, guard: Guard, tmp_path: Path
    ) -> None:
        shop = self.make(github, tmp_path)
        ended(shop.repo.run("push", actor="bob", sha=shop.merge), "failure")
        for of_tag_called_main in (shop.head, shop.merge):
            ended(shop.repo.run("push", actor="bob", sha=of_tag_called_main, branch="main"), "success")
        for number in ("second", "third"):
            told = self.pushed(github, guard, shop, tmp_path / number)
            assert (told.report["verdict"], told.of("actor")["outcome"]) == ("deny", "fail")
            assert "in force before" in " ".join(told.report["policy"]["layers"])

    @pytest.mark.parametrize(
        "change",
        [
            lambda body: {**body, "workflow_runs": []},
            lambda body: {**body, "workflow_runs": [{**run, "conclusion": None} for run in body["workflow_runs"]]},
        ],
        ids=["none are shown", "how they ended is left out"],
    )
    def test_a_list_of_runs_that_leaves_something_out_holds_an_allow_back(
        self, github: FakeGitHub, guard: Guard, tmp_path: Path, change: Callable[[Any], Any]
    ) -> None:
        shop = self.make(github, tmp_path)
        github.fault("GET /repos/*/actions/workflows/*/runs", faults.altered(change, "cut"), times=100)
        told = self.pushed(github, guard, shop, tmp_path / "job")
        assert (told.report["verdict"], told.exit_code) == ("undecided", 3)

    def test_a_run_before_the_log_of_pushes_begins_counts(
        self, github: FakeGitHub, guard: Guard, tmp_path: Path
    ) -> None:
        shop = self.make(github, tmp_path)
        shop.repo.activities.clear()
        assert self.pushed(github, guard, shop, tmp_path / "job").report["verdict"] == "deny"

    def test_it_counts_after_a_run_whose_guard_passed_while_what_follows_waits(
        self, github: FakeGitHub, guard: Guard, tmp_path: Path
    ) -> None:
        shop = self.make(github, tmp_path)
        run = shop.repo.run("push", actor="olivia", sha=shop.merge)
        run.runners["runner-7"], run.attempts[-1].status = ["ubuntu-latest"], "waiting"
        assert self.pushed(github, guard, shop, tmp_path / "job").exit_code == 0

    def test_a_policy_that_was_refused_does_not_keep_its_mending_out(
        self, github: FakeGitHub, guard: Guard, tmp_path: Path
    ) -> None:
        shop = self.make(github, tmp_path)
        ended(shop.repo.run("push", actor="olivia", sha=shop.merge), "success")
        assert self.pushed(github, guard, shop, tmp_path / "1", **{".ci-guard.yml": "version: 7\n"}).exit_code == 2
        assert self.pushed(github, guard, shop, tmp_path / "2", **{".ci-guard.yml": LOOSE}).exit_code == 0

    @pytest.mark.parametrize("again", [False, True], ids=["the first attempt", "again"])
    def test_whoever_starts_an_old_run_again_is_held_to_what_was_let_in_since(
        self, github: FakeGitHub, guard: Guard, tmp_path: Path, *, again: bool
    ) -> None:
        base, head = {".ci-guard.yml": LOOSE}, {".ci-guard.yml": STRICT}
        shop = consumer.make(github, tmp_path / "shop", base_files=base, head_files=head)
        consumer.git(shop.path, "checkout", "-q", shop.base)
        old = shop.repo.run("push", actor="bob", sha=shop.base)
        ended(shop.repo.run("push", actor="olivia", sha=shop.merge), "success")
        if again:
            old.rerun(by="bob")
        old.runners["runner-1"] = ["ubuntu-latest"]
        payload = {**github.events(shop.repo).push("main", before="0" * 40, sender="bob"), "after": shop.base}
        environ = github.job_environment(shop.repo, old, payload, tmp_path / "job", RUNNER_NAME="runner-1")
        told = guard({**environ, "GITHUB_TOKEN": github.token("job").value}, shop.path)
        assert (told.report["verdict"], "actor" in told.outcomes("actor-permissions")) == (
            ("deny", True) if again else ("allow", False)
        )

    def test_another_branch_that_begins_at_what_nothing_let_in_does_not_either(
        self, github: FakeGitHub, guard: Guard, tmp_path: Path
    ) -> None:
        shop = self.make(github, tmp_path)
        ended(shop.repo.run("push", actor="bob", sha=shop.merge), "failure")
        shop.repo.push("release", shop.merge, by="olivia")
        ended(shop.repo.run("push", actor="olivia", branch="release"), "success")
        shop.repo.delete_branch("release")  # whoever makes it again has not been let in
        for number in ("first", "second"):
            told = self.pushed(github, guard, shop, tmp_path / number, branch="release")
            assert (told.report["verdict"], told.of("actor")["outcome"]) == ("deny", "fail")
            assert "in force before" in " ".join(told.report["policy"]["layers"])

    @pytest.mark.parametrize("path", [OWN, ".github/workflows/deploy.yml"], ids=["the same workflow", "another one"])
    def test_a_run_that_is_started_by_hand_does_not_either(
        self, github: FakeGitHub, guard: Guard, tmp_path: Path, path: str
    ) -> None:
        """A workflow that no push starts goes by the runs of those in which the guard stands."""
        shop = self.make(github, tmp_path, **{OWN: GUARDED})
        run = shop.repo.run("workflow_dispatch", actor="bob", path=path)
        payload = github.events(shop.repo).workflow_dispatch(sender="bob", ref="refs/heads/main")
        environ = github.job_environment(shop.repo, run, payload, tmp_path / "job")
        told = guard({**environ, "GITHUB_TOKEN": github.token("job").value}, shop.path)
        assert (told.report["verdict"], told.of("actor")["outcome"]) == ("deny", "fail")


@pytest.mark.parametrize("let_in", [False, True], ids=["nothing let it in", "a job did, and its pipeline waits"])
def test_on_gitlab_a_stronger_token_shows_which_pipeline_let_a_policy_in(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path, *, let_in: bool
) -> None:
    base, head = {".ci-guard.yml": STRICT}, {".ci-guard.yml": LOOSE}
    shop = gitlab_shop.make(gitlab, tmp_path / "shop", base_files=base, head_files=head)
    shop.project.run("push", user="olivia", sha=shop.base).pipeline.status = "success"
    loosened = shop.push()
    loosened.status = "success" if let_in else "failed"
    loosened.pipeline.status = "manual"
    for status in ("success", "manual"):
        of_tag = shop.project.run("push", user="bob", sha=shop.head, tag="main")
        of_tag.status, of_tag.pipeline.status = "success", status
    consumer.write(shop.path, {"cart.py": "ITEMS = [1]\n"})
    consumer.git(shop.path, "commit", "-q", "-m", "Add an item", who="bob")
    sha = consumer.git(shop.path, "rev-parse", "HEAD")
    shop.project.import_git(shop.path)
    job = shop.project.run("push", user="bob", sha=sha, before=shop.merge)
    token = gitlab.world.token("guard", "rita").value
    told = run_on_gitlab(guard, gitlab, shop.path, gitlab.job_environment(job, CI_GUARD_TOKEN=token))
    assert told.report["verdict"] == ("allow" if let_in else "deny"), told.stdout
    assert ("actor" in told.outcomes("actor-permissions")) is not let_in


def ended(run: Run, conclusion: str) -> None:
    """Let a run end."""
    run.attempts[-1].status, run.attempts[-1].conclusion = "completed", conclusion


def test_a_change_is_told_which_verdicts_its_policy_would_alter(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    shop = consumer.make(
        github,
        tmp_path / "shop",
        merged=False,
        base_files={".ci-guard.yml": LOOSE},
        head_files={".ci-guard.yml": STRICT},
    )
    run = shop.repo.run("pull_request", actor="alice", pull=shop.pull)
    payload = github.events(shop.repo).pull_request(shop.pull)
    environ = github.job_environment(shop.repo, run, payload, tmp_path / "job")
    environ["GITHUB_TOKEN"] = github.token("job").value
    told = guard(environ, shop.path)
    said = " ".join(told.stdout.split())
    assert told.exit_code == 0
    assert "This change edits the policy; after merging, these verdicts change" in said
    assert "actor-permissions/actor" in said


def test_a_change_cannot_ask_for_report_mode(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    shop = consumer.make(
        github,
        tmp_path / "shop",
        merged=False,
        base_files={".ci-guard.yml": STRICT},
        head_files={".ci-guard.yml": f"{STRICT}mode: report\n"},
    )
    run = shop.repo.run("pull_request", actor="alice", pull=shop.pull)
    payload = github.events(shop.repo).pull_request(shop.pull)
    environ = github.job_environment(shop.repo, run, payload, tmp_path / "job")
    environ["GITHUB_TOKEN"] = github.token("job").value
    told = guard(environ, shop.path)
    assert (told.report["verdict"], told.exit_code, told.report["policy"]["mode"]) == ("deny", 1, "enforce")


def test_what_is_started_on_an_old_branch_is_judged_by_the_default_branch_too(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    base, head = ({".ci-guard.yml": text} for text in (LOOSE, STRICT))
    shop = consumer.make(github, tmp_path / "shop", base_files=base, head_files=head)
    consumer.git(shop.path, "checkout", "-q", shop.base)
    shop.repo.branches["old"] = shop.base
    run = shop.repo.run("workflow_dispatch", actor="bob", sha=shop.base, branch="old")
    payload = github.events(shop.repo).workflow_dispatch(sender="bob", ref="refs/heads/old")
    environ = github.job_environment(shop.repo, run, payload, tmp_path / "job")
    environ["GITHUB_TOKEN"] = github.token("job").value
    told = guard(environ, shop.path)
    assert told.report["context"]["event"] == "manual"
    assert told.report["verdict"] == "deny"
    assert told.of("actor")["outcome"] == "fail"
    assert "(main)" in " ".join(told.report["policy"]["layers"])


def test_a_start_that_the_event_file_alone_names_is_told_as_its_word(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    github.fault("GET /repos/*/activity", faults.altered(lambda _: [], "not listed yet"), times=100)
    told = pushed(github, guard, tmp_path, (LOOSE, LOOSE))
    assert "Where this push began, and so which policy is the one from before it, is the event file's" in " ".join(
        told.stdout.split()
    )


def test_a_start_that_the_server_confirms_needs_no_note(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    assert "Where this push began" not in " ".join(pushed(github, guard, tmp_path, (LOOSE, LOOSE)).stdout.split())
