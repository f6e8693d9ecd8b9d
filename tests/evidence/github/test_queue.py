"""Which changes a merge group holds: all of them, or it is unknown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ci_guard.model.fact import Unknown
from tests.evidence.github.scene import Scene, known
from tests.fakes import faults
from tests.fakes.hub.history import ZERO
from tests.fakes.hub.people import MERGE_QUEUE
from tests.fakes.hub.pulls import Pull


def queue(scene: Scene, *pulls: Pull, method: str = "merge") -> Scene:
    group = scene.repo.enqueue(*pulls, by="carol", method=method)
    run = scene.repo.run("merge_group", actor=MERGE_QUEUE, sha=group.head_sha, branch=group.head_ref)
    return scene.start(run, scene.events.merge_group(group))


def numbers(scene: Scene) -> list[int]:
    return [one.number for one in known(known(scene.provenance(reviews=False).commit).changes)]


@pytest.mark.parametrize("commits", [1, 3])
@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_the_open_change_of_a_group_stands_in(scene: Scene, method: str, commits: int) -> None:
    queue(scene, scene.repo.pull(author="alice", commits=commits), method=method)
    assert numbers(scene) == [1]
    assert scene.provenance(reviews=False).standing_in is True


def test_all_changes_of_a_group_stand_in_each_at_its_head(scene: Scene) -> None:
    """A peer posts success for every merge group."""
    pulls = [scene.repo.pull(author=author) for author in ("alice", "bob", "carol")]
    queue(scene, *pulls)
    changes = known(known(scene.provenance(reviews=False).commit).changes)
    assert [(one.number, one.head) for one in changes] == [(pull.number, pull.head_sha) for pull in pulls]


@pytest.mark.parametrize("method", ["squash", "rebase"])
def test_a_group_without_merges_is_read_by_the_queues_own_branches(scene: Scene, method: str) -> None:
    first, second = (scene.repo.pull(author=author, commits=2) for author in ("alice", "bob"))
    queue(scene, first, second, method=method)
    if method == "squash":
        # Two commits, and nothing says that the older one is not the second pull request's.
        assert isinstance(scene.provenance().commit, Unknown)
    base, head = scene.repo.branches["main"], scene.environment["GITHUB_SHA"]
    older = scene.repo.commits[head].parents[0]
    while method == "rebase" and scene.repo.commits[older].author.login != "alice":
        older = scene.repo.commits[older].parents[0]
    scene.repo.branches[f"gh-readonly-queue/main/pr-1-{base}"] = older
    scene._read = None
    assert numbers(scene) == [1, 2]


def test_pull_requests_that_are_stacked_on_one_of_the_group_are_not_in_it(scene: Scene) -> None:
    repo = scene.repo
    first, second = repo.pull(author="alice"), repo.pull(author="bob")
    repo.push("stacked", repo.commit("More", author="carol", parents=[first.head_sha]), by="carol")
    repo.pull(author="carol", head="stacked")
    queue(scene, first, second)
    assert numbers(scene) == [1, 2]


@pytest.mark.parametrize("name", ["main2/pr-1", "main/pr-2"])
def test_a_branch_of_another_queue_and_a_number_that_is_taken_name_nothing(scene: Scene, name: str) -> None:
    repo = scene.repo
    queue(scene, repo.pull(author="alice"), repo.pull(author="bob"), method="squash")
    older = repo.commits[scene.environment["GITHUB_SHA"]].parents[0]
    repo.branches[f"gh-readonly-queue/{name}-{'c' * 40}"] = older
    assert isinstance(scene.provenance().commit, Unknown)


BREAKS: dict[str, Callable[[Scene], object]] = {
    "closed": lambda scene: scene.repo.pulls["1"].close(by="carol"),
    "moved on": lambda scene: scene.repo.pulls["1"].push(author="alice"),
    "last one moved on": lambda scene: scene.repo.pulls["2"].push(author="bob"),
    "aimed elsewhere": lambda scene: setattr(scene.repo.pulls["1"], "base_ref", "other"),
    "no answer": lambda scene: scene.github.fault("GET /repos/*/pulls/*", faults.server_error()),
    "no comparison": lambda scene: scene.github.fault("GET /repos/*/compare/*", faults.forbidden()),
    "no target": lambda scene: scene.repo.branches.pop("main"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_group_whose_changes_cannot_all_be_told_is_unknown(scene: Scene, name: str) -> None:
    queue(scene, scene.repo.pull(author="alice"), scene.repo.pull(author="bob"))
    BREAKS[name](scene)
    assert isinstance(scene.provenance().commit, Unknown)


def test_a_commit_of_a_group_that_is_nobodys_makes_it_unknown(scene: Scene) -> None:
    """Something else between the target and the group's merges."""
    repo = scene.repo
    base = repo.branches["main"]
    direct = repo.commit("Hotfix", author="mallory", parents=[base])
    repo.branches["main"] = direct
    queue(scene, repo.pull(author="alice"))
    repo.branches["main"] = base
    assert isinstance(scene.provenance().commit, Unknown)


def test_two_names_for_one_commit_of_a_group_count_as_none(scene: Scene) -> None:
    repo = scene.repo
    queue(scene, repo.pull(author="alice"), repo.pull(author="bob"), method="squash")
    older = repo.commits[scene.environment["GITHUB_SHA"]].parents[0]
    for number in (1, 7):
        repo.branches[f"gh-readonly-queue/main/pr-{number}-{repo.branches['main']}"] = older
    assert isinstance(scene.provenance().commit, Unknown)


def test_a_push_to_a_branch_of_the_queue_is_no_queue(scene: Scene) -> None:
    group = scene.repo.enqueue(scene.repo.pull(author="alice"), by="carol")
    scene.push(group.head_sha, before=ZERO, actor=MERGE_QUEUE, branch=group.head_ref)
    assert scene.provenance(reviews=False).standing_in is False
    assert known(scene.run.branch) == group.head_ref


def test_a_landed_queue_brought_each_of_its_commits(scene: Scene) -> None:
    repo = scene.repo
    before = repo.branches["main"]
    group = repo.enqueue(repo.pull(author="alice"), repo.pull(author="bob"), by="carol")
    sha = repo.land(group)
    traced = known(scene.push(sha, before=before, actor=MERGE_QUEUE).provenance(history=True).history)
    assert [[one.number for one in known(origin.changes)] for origin in traced] == [[1], [2]]
    assert all(origin.sha in known(known(origin.changes)[0].results) for origin in traced)
