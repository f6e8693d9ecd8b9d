"""A push that loosens the policy is judged by the one from before it, too; a change is told what merging alters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.e2e import consumer
from tests.e2e.test_check import Guard, Told, guard, push_of
from tests.fakes import faults
from tests.fakes.github import FakeGitHub

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
