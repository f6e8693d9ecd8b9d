"""Every predefined variable that says who, what or where is compared with the server, and every lie is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_guard.evidence.gitlab import claims
from ci_guard.model.fact import Cause, Source, Unknown
from tests.e2e.consumer import git
from tests.evidence.gitlab.scene import Scene, known, source_of
from tests.evidence.gitlab.test_run import STARTS
from tests.fakes.lab.state import OWNER


@pytest.mark.parametrize("name", STARTS)
@pytest.mark.parametrize("strong", [False, True], ids=["job token", "read_api"])
def test_an_honest_job_of_any_source_lies_nowhere(scene: Scene, name: str, strong: bool) -> None:
    job = STARTS[name][0](scene)
    scene.settings["audience"] = "ci-guard"
    changes = {"CI_GUARD_TOKEN": scene.reader} if strong else {}
    scene.start(job, CI_GUARD_ID_TOKEN=scene.gitlab.id_token(job), **changes)
    assert scene.lies() == {}
    assert {"CI_PROJECT_ID", "CI_JOB_ID", "CI_COMMIT_SHA", "GITLAB_USER_LOGIN"} <= scene.claims().keys()


def test_an_honest_job_in_a_fork_lies_nowhere(scene: Scene) -> None:
    fork = scene.gitlab.project("mallory/shop", fork_of=scene.shop)
    fork.user("mallory", OWNER)
    mr = scene.shop.merge_request(author="mallory", fork=fork)
    for job in (fork.run(mr=mr, user="mallory"), scene.shop.run(mr=mr, user="carol")):
        assert scene.start(job).lies() == {}


LIES = {
    "CI_PROJECT_ID": "77",
    "CI_PIPELINE_ID": "1",
    "CI_JOB_ID": "1",
    "CI_PIPELINE_SOURCE": "schedule",
    "CI_COMMIT_SHA": "f" * 40,
    "CI_COMMIT_TAG": "v9",
    "CI_COMMIT_BRANCH": "other",
    "CI_COMMIT_REF_NAME": "other",
    "CI_DEFAULT_BRANCH": "other",
    "GITLAB_USER_ID": "1",
    "GITLAB_USER_LOGIN": "carol",
    "CI_MERGE_REQUEST_IID": "7",
}
LIES_OF_CHANGE = {
    "CI_COMMIT_BRANCH": "main",
    "CI_MERGE_REQUEST_IID": "2",
    "CI_MERGE_REQUEST_REF_PATH": "refs/merge-requests/2/head",
    "CI_MERGE_REQUEST_PROJECT_ID": "77",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "77",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "change-2",
}


@pytest.mark.parametrize("variable", LIES)
def test_a_variable_that_a_pipeline_overwrote_is_found_with_both_words(scene: Scene, variable: str) -> None:
    job = scene.shop.run("push")
    honest = scene.start(job).claims()
    scene.start(job, **{variable: LIES[variable]})
    (found,) = scene.lies().items()
    assert found[0] == variable
    assert found[1][0] == LIES[variable]
    if variable in honest:
        assert found[1][1] == honest[variable].claimed


@pytest.mark.parametrize("variable", LIES_OF_CHANGE)
def test_a_variable_of_a_merge_request_that_was_overwritten_is_found(scene: Scene, variable: str) -> None:
    job = scene.shop.run(mr=scene.open())
    scene.open()
    scene.start(job, **{variable: LIES_OF_CHANGE[variable]})
    assert scene.lies().keys() == {variable}


def test_where_a_push_started_is_compared_with_a_stronger_token(scene: Scene) -> None:
    before = scene.shop.branches["main"]
    job = scene.shop.run("push", sha=scene.shop.commit(on="main"), before=before)
    scene.start(job, CI_COMMIT_BEFORE_SHA="0" * 40, CI_GUARD_TOKEN=scene.reader)
    assert scene.lies() == {"CI_COMMIT_BEFORE_SHA": ("0" * 40, before)}


def test_what_the_token_says_as_well_is_signed(scene: Scene) -> None:
    job = scene.shop.run("push")
    scene.settings["audience"] = "ci-guard"
    scene.start(job, CI_GUARD_ID_TOKEN=scene.gitlab.id_token(job))
    shown = {name: claim.truth for name, claim in scene.claims().items() if claim.claimed != "a clone"}
    signed = {name for name, truth in shown.items() if source_of(truth) is Source.SIGNED}
    assert signed == {
        "CI_GUARD_ID_TOKEN",
        *(name for name, (claim, _) in claims.OF_JOB.items() if claim),
    }


@pytest.mark.parametrize(
    ("environment", "claimed", "truth"),
    [("production", "staging", "production"), (None, "staging", "no environment"), ("production", "production", "")],
)
def test_an_environment_that_a_variable_names_is_held_against_the_token(
    scene: Scene, environment: str | None, claimed: str, truth: str
) -> None:
    job = scene.shop.run("push")
    job.environment = environment
    scene.settings["audience"] = "ci-guard"
    scene.start(job, CI_GUARD_ID_TOKEN=scene.gitlab.id_token(job), CI_ENVIRONMENT_NAME=claimed)
    assert scene.lies() == ({"CI_ENVIRONMENT_NAME": (claimed, truth)} if truth else {})
    assert source_of(scene.claims()["CI_ENVIRONMENT_NAME"].truth) is Source.SIGNED
    assert "CI_ENVIRONMENT_NAME" not in scene.start(job, CI_ENVIRONMENT_NAME=claimed).claims()


def test_a_variable_that_is_not_set_claims_nothing(scene: Scene) -> None:
    scene.start(scene.shop.run("push"), CI_COMMIT_SHA="", GITLAB_USER_ID="")
    assert {"CI_COMMIT_SHA", "GITLAB_USER_ID"}.isdisjoint(scene.claims())


def test_without_the_servers_word_every_claim_is_unknown(scene: Scene) -> None:
    scene.start(scene.shop.run("push"), CI_JOB_TOKEN="")
    assert scene.claims()
    for claim in scene.claims().values():
        assert isinstance(claim.truth, Unknown)
        assert claim.truth.cause is Cause.UNAVAILABLE


def test_on_an_older_server_the_merge_request_cannot_be_compared(scene: Scene) -> None:
    scene.gitlab.world.version = (17, 0)
    scene.start(scene.shop.run(mr=scene.open()))
    found = scene.claims()
    assert known(found["CI_MERGE_REQUEST_IID"].truth) == "1"
    hidden = found["CI_MERGE_REQUEST_SOURCE_PROJECT_ID"].truth
    assert isinstance(hidden, Unknown)
    assert "18.3" in (hidden.needs or "")


@pytest.fixture
def clone(scene: Scene) -> Path:
    """Return a clone that is checked out at the commit that the project has."""
    git(scene.folder, "init", "-q", "-b", "main")
    git(scene.folder, "commit", "-q", "--allow-empty", "-m", "Start")
    git(scene.folder, "remote", "add", "origin", f"{scene.gitlab.url}/acme/shop.git")
    scene.shop.import_git(scene.folder)
    return scene.folder


def test_an_honest_clone_agrees_with_the_job(scene: Scene, clone: Path) -> None:
    assert scene.start(scene.shop.run("push")).lies() == {}
    assert {"git remote origin", "git HEAD"} <= scene.claims().keys()
    assert clone.is_dir()


def test_the_token_of_a_job_in_a_fork_with_the_same_commit_is_found_by_the_clone(scene: Scene, clone: Path) -> None:
    """Every variable can be made to fit the fork, the job's token and the ID token too; the clone cannot."""
    fork = scene.gitlab.project("mallory/shop", fork_of=scene.shop)
    fork.user("mallory", OWNER)
    scene.start(fork.run("push", user="mallory"))
    assert scene.lies() == {"git remote origin": ("acme/shop", "mallory/shop")}
    assert clone.is_dir()


def test_the_token_of_a_job_of_another_commit_is_found_by_what_is_checked_out(scene: Scene, clone: Path) -> None:
    reviewed = git(clone, "rev-parse", "HEAD")
    git(clone, "commit", "-q", "--allow-empty", "-m", "Not reviewed")
    scene.start(scene.shop.run("push", sha=reviewed))
    assert scene.lies() == {"git HEAD": (git(clone, "rev-parse", "HEAD"), reviewed)}


def test_without_a_clone_nothing_binds_the_jobs_token(scene: Scene) -> None:
    scene.start(scene.shop.run("push"))
    truth = scene.claims()["git HEAD"].truth
    assert isinstance(truth, Unknown)
    assert truth.cause is Cause.UNAVAILABLE


@pytest.mark.parametrize(
    ("origin", "lies"),
    [
        ("git@gitlab.example:acme/shop.git", False),
        ("https://gitlab-ci-token:x@internal.example:8443/acme/shop.git/", False),
        ("/srv/mirror/shop.git", False),
        ("https://internal.example/gitlab/acme/shop.git", False),
        ("http://127.0.0.1:1/evil/acme/shop.git", True),
        ("https://gitlab.example/mallory/shop.git", True),
        ("https://gitlab.example/acme/shop2", True),
    ],
)
def test_only_the_path_of_the_remote_counts(scene: Scene, clone: Path, origin: str, lies: bool) -> None:
    git(clone, "remote", "set-url", "origin", origin)
    scene.start(scene.shop.run("push"))
    assert ("git remote origin" in scene.lies()) == lies


def test_a_renamed_project_is_no_lie(scene: Scene) -> None:
    scene.start(scene.shop.run("push"))
    scene.shop.path = "newco/shop"
    assert scene.lies() == {}
