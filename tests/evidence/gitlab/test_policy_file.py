"""The policy is read where a merge request cannot have edited it: by git, and by the server where git lacks it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ci_guard.evidence.checkout import MAXIMUM_POLICY_BYTES
from ci_guard.evidence.gitlab.adapter import GitLab
from ci_guard.evidence.interface import PolicyFile
from ci_guard.model import layer_reference
from ci_guard.model.fact import Cause, Fact, Source
from tests.e2e.consumer import git
from tests.evidence.gitlab.scene import Scene, known, present, source_of, unknown
from tests.fakes import faults
from tests.fakes.hub.history import Symlink
from tests.fakes.lab.project import Project
from tests.fakes.lab.state import GUEST, REPORTER

POLICY = ".ci-guard.yml"
OURS, THEIRS = "version: 1\n", "version: 1\nmode: report\n"


def read(scene: Scene) -> Fact[PolicyFile | None]:
    return scene.adapter.policy_file(POLICY)


@pytest.mark.parametrize("kind", ["head", "merge", "train"])
def test_in_a_merge_request_it_is_the_targets(scene: Scene, kind: str) -> None:
    scene.shop.commit(files={POLICY: OURS}, on="main")
    scene.start(scene.shop.run(mr=scene.open(files={POLICY: THEIRS}), kind=kind))
    file = present(read(scene))
    assert (file.content, file.place.endswith("(main)")) == (OURS.encode(), True)
    assert source_of(read(scene)) is Source.API


def test_the_targets_tip_counts_and_not_where_the_change_started(scene: Scene) -> None:
    scene.shop.commit(files={POLICY: THEIRS}, on="main")
    mr = scene.open()
    scene.shop.commit(files={POLICY: OURS}, on="main")
    scene.start(scene.shop.run(mr=mr))
    assert present(read(scene)).content == OURS.encode()


def test_on_a_push_it_is_the_pushed_commits(scene: Scene) -> None:
    sha = scene.shop.commit(files={POLICY: OURS}, on="main")
    scene.shop.commit(files={POLICY: THEIRS}, on="main")
    scene.start(scene.shop.run("push", sha=sha))
    assert present(read(scene)).content == OURS.encode()


def test_there_is_none_where_the_server_has_the_commit_and_says_so(scene: Scene) -> None:
    scene.start(scene.shop.run(mr=scene.open(files={POLICY: THEIRS})))
    assert known(read(scene)) is None


def test_a_file_that_is_not_shown_is_not_taken_for_none(scene: Scene) -> None:
    scene.start(scene.shop.run(mr=scene.open()))
    scene.gitlab.fault("GET /projects/*/repository/files/*", faults.not_found())
    assert unknown(read(scene)).cause is Cause.INVISIBLE


def test_a_missing_file_counts_only_where_the_commit_may_be_read(scene: Scene) -> None:
    scene.start(scene.shop.run(mr=scene.open()))
    scene.gitlab.fault("GET /projects/*/repository/commits/*", faults.not_found())
    assert unknown(read(scene)).cause is Cause.INVISIBLE


def test_on_an_older_server_it_cannot_be_read(scene: Scene) -> None:
    scene.gitlab.world.version = (18, 2)
    scene.start(scene.shop.run(mr=scene.open()))
    assert "18.3" in (unknown(read(scene)).needs or "")
    scene.start(scene.shop.run(mr=scene.open()), CI_GUARD_TOKEN=scene.reader)
    assert known(read(scene)) is None


def test_of_a_link_only_its_own_content_is_read(scene: Scene) -> None:
    scene.shop.commit(files={"other.yml": THEIRS, POLICY: Symlink("other.yml")}, on="main")
    scene.start(scene.shop.run(mr=scene.open()))
    assert present(read(scene)).content == b"other.yml"


def test_a_file_that_is_larger_than_a_policy_may_be_is_read_well_enough_to_be_refused(scene: Scene) -> None:
    scene.shop.commit(files={POLICY: "#" * (MAXIMUM_POLICY_BYTES + 1)}, on="main")
    scene.start(scene.shop.run(mr=scene.open()))
    assert present(read(scene)).content is None


def test_a_source_without_a_place_in_the_vocabulary_reads_the_built_commit(scene: Scene) -> None:
    scene.shop.commit(files={POLICY: OURS}, on="main")
    scene.start(scene.shop.run("webide"))
    assert present(read(scene)).content == OURS.encode()


def test_a_change_that_runs_in_its_fork_has_no_trusted_policy(scene: Scene) -> None:
    fork = scene.gitlab.project("mallory/shop", fork_of=scene.shop)
    fork.user("mallory", 50)
    scene.start(fork.run(mr=scene.shop.merge_request(author="mallory", fork=fork), user="mallory"))
    assert "fork" in unknown(read(scene)).reason


@pytest.mark.parametrize("path", ["a b.yml", "ü/p.yml", "a/b/c.yml", "?x.yml", "..yml"])
def test_a_path_of_whatever_signs_is_asked_for_exactly(scene: Scene, path: str) -> None:
    scene.shop.commit(files={path: OURS}, on="main")
    scene.start(scene.shop.run(mr=scene.open()))
    assert present(scene.adapter.policy_file(path)).content == OURS.encode()


def changed(**headers: str) -> faults.Fault:
    return faults.Fault(
        name="changed", change=lambda answer: replace(answer, headers={**answer.headers, **headers}, body=OURS.encode())
    )


MIXED_UP = {
    "another content than the blob's": (changed(), "not what X-Gitlab-Blob-Id names"),
    "of another commit": (changed(**{"X-Gitlab-Commit-Id": "0" * 40}), "another commit than was asked for"),
    "of no blob": (changed(**{"X-Gitlab-Blob-Id": ""}), "does a proxy take them off"),
    "of no commit": (changed(**{"X-Gitlab-Commit-Id": ""}), "does a proxy take them off"),
    "of half a blob id": (changed(**{"X-Gitlab-Blob-Id": "0" * 20}), "not what X-Gitlab-Blob-Id names"),
}


@pytest.mark.parametrize(("fault", "reason"), MIXED_UP.values(), ids=MIXED_UP.keys())
def test_a_file_that_is_not_what_the_server_names_is_unknown(scene: Scene, fault: faults.Fault, reason: str) -> None:
    sha = scene.shop.commit(files={POLICY: THEIRS}, on="main")
    scene.start(scene.shop.run(mr=scene.open()))
    scene.gitlab.fault("GET /projects/*/repository/files/*", fault)
    said = unknown(read(scene))
    assert (reason in said.reason, said.cause) == (True, Cause.UNAVAILABLE)
    named = layer_reference.parse(f"gitlab:acme/shop//{POLICY}@{sha}")
    assert reason in unknown(scene.adapter.organisation_policy(named)).reason


def elsewhere(scene: Scene) -> tuple[Project, str]:
    """Make another project with a policy; return the policy's reference."""
    security = scene.gitlab.project("acme/security")
    sha = security.commit(files={"p.yml": OURS}, on="main")
    security.commit(files={"p.yml": THEIRS}, on="main")
    return security, f"gitlab:acme/security//p.yml@{sha}"


def organisation_policy(scene: Scene, reference: str) -> Fact[str]:
    return scene.adapter.organisation_policy(layer_reference.parse(reference))


def test_the_policy_of_a_public_project_is_read_at_its_commit_with_the_job_token(scene: Scene) -> None:
    security, reference = elsewhere(scene)
    security.visibility = "public"
    scene.start(scene.shop.run(mr=scene.open()))
    assert known(organisation_policy(scene, reference)) == OURS
    assert "no such file" in unknown(organisation_policy(scene, reference.replace("p.yml", "q.yml"))).reason


def test_the_policy_of_a_private_project_is_read_where_its_allowlist_has_this_one(scene: Scene) -> None:
    security, reference = elsewhere(scene)
    security.user("alice", GUEST)
    scene.start(scene.shop.run(mr=scene.open()))
    hidden = unknown(organisation_policy(scene, reference))
    assert hidden.cause is Cause.INVISIBLE
    assert "job token allowlist" in str(hidden.needs)
    security.job_token_allowlist.add("acme/shop")
    security.user("alice", REPORTER)
    scene.start(scene.shop.run(mr=scene.open()))
    assert known(organisation_policy(scene, reference)) == OURS


# With a clone


@pytest.fixture
def clone(scene: Scene, tmp_path: Path) -> Path:
    """Return a real repository that the fake project has the history of."""
    folder = tmp_path / "clone"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / POLICY).write_text(OURS, encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Start")
    scene.shop.import_git(folder)
    scene.folder = folder
    return folder


def test_the_object_database_answers_where_it_has_the_commit(scene: Scene, clone: Path) -> None:
    scene.start(scene.shop.run("push"))
    assert present(read(scene)).content == OURS.encode()
    assert source_of(read(scene)) is Source.GIT
    assert scene.gitlab.count("GET /projects/*/repository/files/*") == 0
    assert clone.is_dir()


def test_the_target_commit_is_the_tip_where_it_was_fetched(scene: Scene, clone: Path) -> None:
    mr = scene.open()
    scene.start(scene.shop.run(mr=mr))
    assert known(scene.adapter.target_commit()) == git(clone, "rev-parse", "HEAD")
    tip = scene.shop.commit(on="main")
    moved = scene.start(scene.shop.run(mr=mr)).adapter
    assert isinstance(moved, GitLab)
    assert known(moved.target_commit()) == mr.start_sha != tip
