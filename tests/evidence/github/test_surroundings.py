"""What surrounds a run on GitHub, by the server's word, or unknown with the permission that would show it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.github import surroundings
from ci_guard.evidence.github.identity import NOT_PERMITTED
from ci_guard.model.circumstances import Host, Runner, Visibility
from ci_guard.model.fact import Cause, Fact, Known, Source
from tests.evidence.github.scene import PERMISSIONS, Scene, known, unknown
from tests.evidence.github.test_queue import queue
from tests.fakes import faults
from tests.fakes.faults import Fault
from tests.fakes.hub.pulls import Pull
from tests.fakes.hub.router import Answer
from tests.secrets.repositories import Repo


def of_pull(scene: Scene, pull: Pull, event: str = "pull_request") -> Scene:
    return scene.start(scene.repo.run(event, actor="alice", pull=pull), scene.events.pull_request(pull))


def pushed(scene: Scene, **settings: object) -> Scene:
    before = scene.repo.branches["main"]
    sha = scene.repo.commit("Work", author="alice", on="main", by="alice", **settings)  # type: ignore[arg-type]
    return scene.push(sha, before=before, actor="alice")


def labels(scene: Scene) -> Fact[frozenset[str]]:
    client, _, run = scene.read()
    return surroundings.get_labels(client, run)


def paths(scene: Scene, folder: Path | None = None) -> Fact[frozenset[str] | None]:
    client, _, run = scene.read()
    return surroundings.get_changed_paths(client, run, Checkout(folder or scene.folder))


@pytest.mark.parametrize(
    ("private", "internal", "expected"),
    [(False, False, Visibility.PUBLIC), (True, False, Visibility.PRIVATE), (True, True, Visibility.INTERNAL)],
)
def test_who_may_see_the_repository_is_the_servers_word(
    scene: Scene, private: bool, internal: bool, expected: Visibility
) -> None:
    scene.repo.private, scene.repo.internal = private, internal
    pushed(scene)
    assert known(surroundings.get_visibility(scene.read()[0])) is expected


def test_a_visibility_that_nobody_knows_is_unknown(scene: Scene) -> None:
    scene.github.fault("GET /repos/{owner}/{repo}", faults.altered(lambda body: {**body, "visibility": "secret"}))
    pushed(scene)
    assert unknown(surroundings.get_visibility(scene.read()[0])).cause is Cause.UNAVAILABLE


# Labels


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target"])
def test_the_labels_of_a_change_are_read_from_the_server(scene: Scene, event: str) -> None:
    pull = scene.repo.pull(author="alice")
    pull.labels = ["security", "two words\n::error::x"]
    assert known(labels(of_pull(scene, pull, event))) == {"security", "two words\n::error::x"}


def test_a_merge_group_has_the_labels_of_all_its_changes(scene: Scene) -> None:
    pulls = [scene.repo.pull(author=author) for author in ("alice", "bob")]
    pulls[0].labels, pulls[1].labels = ["docs"], ["security"]
    assert known(labels(queue(scene, *pulls))) == {"docs", "security"}


def test_a_push_has_no_label(scene: Scene) -> None:
    assert known(labels(pushed(scene))) == frozenset()


def test_labels_that_the_token_may_not_see_are_unknown_with_the_permission(scene: Scene) -> None:
    scene.token(**{name: level for name, level in PERMISSIONS.items() if name != "pull_requests"})
    doubt = unknown(labels(of_pull(scene, scene.repo.pull(author="alice"))))
    assert doubt.cause is Cause.INVISIBLE
    assert doubt.needs is not None
    assert "pull-requests: read" in doubt.needs


# Changed paths


def test_a_change_changes_what_its_files_say(scene: Scene) -> None:
    pull = scene.repo.pull(author="alice", files={".github/workflows/a.yml": "x"})
    assert ".github/workflows/a.yml" in (known(paths(of_pull(scene, pull))) or ())


def test_a_change_that_moved_on_is_unknown(scene: Scene) -> None:
    """Its files are those of another head than the one that is judged."""
    pull = scene.repo.pull(author="alice")
    of_pull(scene, pull).read()
    pull.head_sha = scene.repo.commit("More", author="alice", on=pull.head_ref, by="alice")
    scene._read = None
    assert "moved on" in unknown(paths(scene)).reason


@pytest.mark.parametrize("moves", ["head_sha", "base_ref"])
def test_a_change_that_moves_on_while_its_files_are_listed_is_unknown(scene: Scene, moves: str) -> None:
    """Whoever pushes in between, and back again, has the files of another head judged."""
    pull = scene.repo.pull(author="alice", files={".github/workflows/a.yml": "x"})
    other = {"head_sha": scene.repo.commit("More", author="alice", on="main", by="alice"), "base_ref": "release"}

    def move(answer: Answer) -> Answer:
        setattr(pull, moves, other[moves])
        return replace(answer, body=[])

    scene.github.fault("GET /repos/{owner}/{repo}/pulls/{pull_number}/files", Fault(name="a push", change=move))
    assert "moved on while" in unknown(paths(of_pull(scene, pull))).reason


def test_a_merge_group_changes_what_all_its_changes_do(scene: Scene) -> None:
    pulls = [scene.repo.pull(author="alice", files={name: "x"}) for name in ("a.py", "b.py")]
    assert {"a.py", "b.py"} <= (known(paths(queue(scene, *pulls))) or set())


def test_a_push_changes_what_lies_between_its_ends(scene: Scene) -> None:
    fact = paths(pushed(scene, files={"a.py": "x"}))
    assert known(fact) == frozenset({"a.py"})
    assert isinstance(fact, Known)
    assert fact.source is Source.API


def test_a_push_whose_start_only_the_event_file_says_is_unknown(scene: Scene) -> None:
    """Whoever chooses the start chooses what has changed."""
    scene.github.fault("GET /repos/{owner}/{repo}/activity", faults.altered(lambda _: []))
    assert "only the event file" in unknown(paths(pushed(scene))).reason


def test_a_push_that_does_not_continue_the_branch_is_not_read_by_the_comparison(scene: Scene) -> None:
    """The server compares with where the two parted, so that what was taken back is missing."""
    scene.github.fault(
        "GET /repos/{owner}/{repo}/compare/{basehead}", faults.altered(lambda body: {**body, "status": "diverged"})
    )
    assert "does not continue" in unknown(paths(pushed(scene))).reason


def test_a_comparison_that_shows_no_more_files_is_unknown(scene: Scene) -> None:
    scene.github.fault(
        "GET /repos/{owner}/{repo}/compare/{basehead}",
        faults.altered(lambda body: {**body, "files": body["files"] * 300}),
    )
    assert "at most 300" in unknown(paths(pushed(scene, files={"a": "x"}))).reason


def test_a_clone_that_has_both_ends_is_asked_first(scene: Scene, tmp_path: Path) -> None:
    repo = Repo.create(tmp_path / "clone")
    before, after = repo.commit({"a": "1"}), repo.commit({"a": "2", "b/c": "x"})
    scene.github.fault(
        "GET /repos/{owner}/{repo}/activity",
        faults.altered(lambda body: [{**entry, "before": before, "after": after} for entry in body]),
    )
    scene.github.fault(
        "GET /repos/{owner}/{repo}/actions/runs/{run_id}", faults.altered(lambda body: {**body, "head_sha": after})
    )
    main = scene.repo.branches["main"]
    scene.repo.commit("Work", author="alice", on="main", by="alice")
    run = scene.repo.run("push", actor="alice", sha=scene.repo.branches["main"])
    payload = scene.events.push("main", before=main, sender="alice") | {"before": before, "after": after}
    scene.start(run, payload, GITHUB_SHA=after)
    assert known(paths(scene, repo.path)) == frozenset({"a", "b/c"})


def test_a_schedule_brings_no_change(scene: Scene) -> None:
    scene.start(scene.repo.run("schedule", actor="alice"), {"schedule": "0 0 * * *"})
    assert known(paths(scene)) is None


# The runner


def runner(scene: Scene, **changes: str) -> Runner:
    run = scene.repo.run("push", actor="alice")
    run.runners = {"box-1": ["self-hosted", "gpu"], "box-2": ["self-hosted"]}
    scene.start(run, scene.events.push("main", sender="alice"), **changes)
    client, job, _ = scene.read()
    return known(surroundings.get_runner(client, job, NOT_PERMITTED))


def test_the_runner_is_found_by_its_name_among_the_jobs_of_the_run(scene: Scene) -> None:
    found = runner(scene, RUNNER_NAME="box-1", RUNNER_ENVIRONMENT="self-hosted")
    assert known(found.host) is Host.SELF_HOSTED
    assert known(found.labels) == {"self-hosted", "gpu"}


def test_a_runner_that_no_job_runs_on_has_no_known_labels(scene: Scene) -> None:
    found = runner(scene, RUNNER_NAME="box-9", RUNNER_ENVIRONMENT="github-hosted")
    assert known(found.host) is Host.HOSTED
    assert "which job runs" in unknown(found.labels).reason


def test_a_runner_of_which_nothing_is_said_is_unknown(scene: Scene) -> None:
    found = runner(scene, RUNNER_NAME="", RUNNER_ENVIRONMENT="somewhere")
    assert unknown(found.host).cause is Cause.UNAVAILABLE
    assert unknown(found.labels).cause is Cause.UNAVAILABLE


def test_labels_of_a_runner_take_the_right_to_read_actions(scene: Scene) -> None:
    scene.token(metadata="read", contents="read")
    assert "actions: read" in (unknown(runner(scene, RUNNER_NAME="box-1").labels).needs or "")


# The environment


def test_a_deployment_names_its_environment_in_the_event_file(scene: Scene) -> None:
    run = scene.repo.run("deployment", actor="alice", sha=scene.repo.branches["main"])
    payload = scene.events.deployment(scene.repo.branches["main"], sender="alice", environment="production")
    scene.start(run, payload)
    _, job, this = scene.read()
    (fact,) = surroundings.get_environments(job, this, NOT_PERMITTED)
    assert fact == Known(value="production", source=Source.EVENT, detail="event.deployment.environment")


def test_nothing_names_the_environment_of_another_event(scene: Scene) -> None:
    _, job, run = pushed(scene).read()
    assert surroundings.get_environments(job, run, NOT_PERMITTED) == ()


def test_an_unreadable_event_file_leaves_the_environment_of_a_deployment_unknown(scene: Scene) -> None:
    run = scene.repo.run("deployment", actor="alice", sha=scene.repo.branches["main"])
    payload = scene.events.deployment(scene.repo.branches["main"], sender="alice")
    payload["deployment"]["environment"] = 7
    scene.start(run, payload)
    _, job, this = scene.read()
    assert [unknown(fact).cause for fact in surroundings.get_environments(job, this, NOT_PERMITTED)] == [
        Cause.UNAVAILABLE
    ]
