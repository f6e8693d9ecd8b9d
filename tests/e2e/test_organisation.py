"""An organisation's policy judges a repository: by extends, by the floor, from a copy; what cannot be read denies."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.e2e import consumer
from tests.e2e.test_check import ACTION, Guard, Told, guard, push_of
from tests.fakes import faults
from tests.fakes.github import FakeGitHub

__all__ = ["guard"]

FLOOR = "version: 1\ncontrols: {actor-permissions: {require: {actor: admin}}}\n"
DIGEST = hashlib.sha256(FLOOR.encode()).hexdigest()
VENDORED = f"version: 1\nextends: {{policy: 'https://policies.invalid/p.yml#sha256={DIGEST}', vendored: org/p.yml}}\n"
LOOSE = "version: 1\ncontrols: {secret-free: {require: {no-secrets: true}}}\n"


def organisation(github: FakeGitHub, content: str = FLOOR, *, private: bool = False) -> str:
    """Make the organisation's policy and return its reference."""
    repo = github.repository("acme/security", private=private)
    repo.user("olivia", role="admin")
    commit = repo.commit("Policy", files={"ci-guard.yml": content}, on="main")
    return f"github:acme/security//ci-guard.yml@{commit}"


def judged(
    github: FakeGitHub, guard: Guard, folder: Path, policy: str | None, *more: str, copy: str | None = None
) -> Told:
    """Return what is told of a push in a repository with this policy."""
    base = {**({".ci-guard.yml": policy} if policy else {}), **({"org/p.yml": copy} if copy else {})}
    shop = consumer.make(github, folder / "shop", base_files=base)
    return guard(push_of(github, shop, folder / "job", actor="bob"), shop.path, *ACTION, *more)


@pytest.mark.parametrize("policy", [None, LOOSE, "version: 1\nextends: builtin:baseline\n"])
def test_the_floor_judges_whatever_the_repository_says(
    github: FakeGitHub, guard: Guard, tmp_path: Path, policy: str | None
) -> None:
    named = organisation(github)
    told = judged(github, guard, tmp_path, policy, "--floor", named)
    assert told.of("actor")["outcome"] == "fail"
    assert (told.report["verdict"], told.exit_code) == ("deny", 1)
    assert named in told.report["policy"]["layers"]


def test_a_repository_extends_its_organisation_by_commit(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    named = organisation(github)
    told = judged(github, guard, tmp_path, f"version: 1\nextends: {named}\n")
    assert told.of("actor")["outcome"] == "fail"


@pytest.mark.parametrize(
    "fault",
    [faults.status(404, "Not Found"), faults.forbidden("Resource not accessible"), faults.status(502, "Bad Gateway")],
    ids=["404", "403", "502"],
)
def test_an_organisation_policy_that_cannot_be_read_is_never_left_out(
    github: FakeGitHub, guard: Guard, tmp_path: Path, fault: faults.Fault
) -> None:
    named = organisation(github)
    github.fault("GET /repos/acme/security/**", fault, times=100)
    told = judged(github, guard, tmp_path, LOOSE, "--floor", named, "--mode", "report")
    assert (told.report["verdict"], told.exit_code) == ("undecided", 3), "it might have said enforce"
    assert "could not be read" in told.stdout


def test_a_private_policy_is_asked_for_by_the_name_of_its_repository(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    """The job has `contents: read` already, of its own repository."""
    named = organisation(github, private=True)
    github.token("job", repositories=["acme/shop"])
    shop = consumer.make(github, tmp_path / "shop")
    environ = push_of(github, shop, tmp_path / "job", token=None)
    environ["GITHUB_TOKEN"] = "fake-job-credential"
    told = guard(environ, shop.path, *ACTION, "--floor", named)
    assert told.exit_code == 3
    assert "Needed: contents: read on acme/security, which a job's token" in " ".join(told.stdout.split())


def test_a_copy_in_the_repository_counts_when_its_digest_is_the_one_that_was_said(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    told = judged(github, guard, tmp_path, VENDORED, copy=FLOOR)
    assert told.of("actor")["outcome"] == "fail"


def test_a_copy_that_somebody_edited_is_refused(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    told = judged(github, guard, tmp_path, VENDORED, copy=FLOOR.replace("admin", "read"))
    assert (told.report["verdict"], told.exit_code) == ("error", 2)
    assert "another text than was said" in told.stdout


def test_a_floor_that_can_be_moved_is_refused(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    told = judged(github, guard, tmp_path, LOOSE, "--floor", "github:acme/security//ci-guard.yml@main")
    assert told.exit_code == 2
    assert "was refused" in told.stdout


SILENT = "version: 1\nmode: report\ncontrols: {secret-free: {require: {no-secrets: true}}}\n"


@pytest.mark.parametrize(
    ("said", "exit_code"),
    [
        (("", SILENT), 1),
        (("", None, "--mode", "report"), 1),
        (("mode: report\n", SILENT), 0),
        (("mode: report\n", None, "--mode", "report"), 0),
        (("mode: report\n", "version: 1\nmode: enforce\n", "--mode", "report"), 1),
    ],
    ids=["silent-floor-and-project", "silent-floor-and-caller", "looking", "looking-alone", "project-enforces"],
)
def test_only_the_organisation_says_that_its_floor_stops_nothing_yet(
    github: FakeGitHub, guard: Guard, tmp_path: Path, said: tuple[str | None, ...], exit_code: int
) -> None:
    mode, policy, *asked = said
    named = organisation(github, f"{FLOOR}{mode}")
    told = judged(github, guard, tmp_path, policy, "--floor", named, *map(str, asked))
    assert told.report["verdict"] == "deny"
    assert told.exit_code == exit_code
    assert told.report["policy"]["mode"] == ("enforce" if exit_code else "report")
