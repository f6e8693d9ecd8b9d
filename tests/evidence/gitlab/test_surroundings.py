"""What surrounds a pipeline on GitLab: by the ID token or the server, or unknown with the token that would show it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.gitlab import surroundings
from ci_guard.model.circumstances import Host, Visibility
from ci_guard.model.fact import Cause, Fact, Known, Source
from tests.evidence.gitlab.scene import Scene, known, source_of, unknown
from tests.fakes import faults
from tests.fakes.faults import Fault
from tests.fakes.hub.router import Answer
from tests.fakes.lab.state import Job
from tests.secrets.repositories import Repo

AUDIENCE = "https://ci-guard.example"


def signed(scene: Scene, job: Job, **claims: str) -> Scene:
    """Let the job begin with an ID token."""
    scene.settings = {"audience": AUDIENCE}
    token = scene.gitlab.id_token(job, audience=AUDIENCE, **claims)
    return scene.start(job, CI_GUARD_ID_TOKEN=token)


@pytest.mark.parametrize("visibility", ["public", "internal", "private"])
def test_the_id_token_says_who_may_see_the_project(scene: Scene, visibility: str) -> None:
    scene.shop.visibility = visibility
    fact = signed(scene, scene.shop.run()).adapter.visibility()
    assert known(fact) is Visibility(visibility)
    assert source_of(fact) is Source.SIGNED


def test_a_stronger_token_sees_who_may_see_the_project(scene: Scene) -> None:
    scene.start(scene.shop.run(), CI_GUARD_TOKEN=scene.reader)
    assert known(scene.adapter.visibility()) is Visibility.PRIVATE


def test_a_variable_does_not_say_who_may_see_the_project(scene: Scene) -> None:
    doubt = unknown(scene.start(scene.shop.run(), CI_PROJECT_VISIBILITY="internal").adapter.visibility())
    assert doubt.cause is Cause.INVISIBLE
    assert "an ID token" in (doubt.needs or "")
    assert "read_api" in (doubt.needs or "")


def test_in_a_merge_request_from_a_fork_the_token_is_about_the_fork(scene: Scene) -> None:
    """Its owner makes a fork private as they like."""
    fork = scene.gitlab.project("mallory/shop", fork_of=scene.shop, visibility="public")
    fork.user("mallory", 50)
    job = scene.shop.run(mr=scene.open("mallory", fork=fork))
    assert unknown(signed(scene, job).adapter.visibility()).cause is Cause.INVISIBLE


def test_labels_are_those_of_the_merge_request(scene: Scene) -> None:
    change = scene.open("alice")
    change.labels = ["priority::1", "security"]
    assert known(scene.start(scene.shop.run(mr=change)).adapter.labels()) == {"priority::1", "security"}
    assert known(scene.start(scene.shop.run()).adapter.labels()) == frozenset()


def test_labels_that_an_older_server_does_not_show_are_unknown(scene: Scene) -> None:
    scene.gitlab.world.version = (17, 11)
    doubt = unknown(scene.start(scene.shop.run(mr=scene.open("alice"))).adapter.labels())
    assert "18.3" in (doubt.needs or "")


def test_a_merge_request_changes_what_the_server_says_to_a_stronger_token(scene: Scene) -> None:
    job = scene.shop.run(mr=scene.open("alice", files={"ci/a.yml": "x"}))
    assert "ci/a.yml" in (known(scene.start(job, CI_GUARD_TOKEN=scene.reader).adapter.changed_paths()) or ())
    assert unknown(scene.start(job).adapter.changed_paths()).cause is Cause.INVISIBLE


def test_a_merge_request_that_moves_on_while_its_files_are_listed_is_unknown(scene: Scene) -> None:
    """Whoever pushes in between, and back again, has the files of another head judged."""
    change = scene.open("alice", files={"ci/a.yml": "x"})

    def move(answer: Answer) -> Answer:
        change.sha = "d" * 40
        return replace(answer, body=[])

    scene.gitlab.fault("GET /projects/*/merge_requests/*/diffs", Fault(name="a push", change=move))
    found = scene.start(scene.shop.run(mr=change), CI_GUARD_TOKEN=scene.reader).adapter.changed_paths()
    assert "moved on while" in unknown(found).reason


def test_the_diff_of_another_head_than_the_judged_one_is_unknown(scene: Scene) -> None:
    """The server makes it some time after a push, and shows the one from before until then."""
    change = scene.open("alice", files={"ci/a.yml": "x"})
    job = scene.shop.run(mr=change)

    def stale(body: Any) -> Any:
        return {**body, "diff_refs": {**body["diff_refs"], "head_sha": "e" * 40}}

    scene.gitlab.fault("GET /projects/*/merge_requests/[0-9]", faults.altered(stale))
    found = scene.start(job, CI_GUARD_TOKEN=scene.reader).adapter.changed_paths()
    assert "moved on while" in unknown(found).reason


def test_a_push_changes_what_lies_between_its_ends_by_the_clone(scene: Scene, tmp_path: Path) -> None:
    repo = Repo.create(tmp_path / "clone")
    before, after = repo.commit({"a": "1"}), repo.commit({"a": "2", "b/c": "x"})
    ends = {"sha": Known(value=after, source=Source.API), "before": Known(value=before, source=Source.API)}
    run = replace(scene.start(scene.shop.run("push")).run, **ends)  # type: ignore[arg-type]

    def paths(folder: Path) -> Fact[frozenset[str] | None]:
        return surroundings.get_changed_paths(scene.adapter._client, run, Checkout(folder))

    assert known(paths(repo.path)) == frozenset({"a", "b/c"})
    assert "GIT_DEPTH" in unknown(paths(tmp_path / "elsewhere")).reason


def test_where_a_push_started_no_variable_says(scene: Scene) -> None:
    """Whoever chooses the start chooses what has changed."""
    head = scene.shop.branches["main"]
    scene.start(scene.shop.run("push"), CI_COMMIT_BEFORE_SHA=head)
    doubt = unknown(scene.adapter.changed_paths())
    assert "only a variable" in doubt.reason
    assert "Reporter" in (doubt.needs or "")


def test_a_schedule_brings_no_change(scene: Scene) -> None:
    assert known(scene.start(scene.shop.run("schedule")).adapter.changed_paths()) is None


def test_the_runner_is_told_by_the_token_and_its_tags_by_the_server(scene: Scene) -> None:
    job = scene.shop.run()
    job.tags = ["gpu"]
    found = known(signed(scene, job).adapter.runner())
    assert known(found.host) is Host.SELF_HOSTED
    assert known(found.labels) == {"gpu"}
    found = known(scene.start(job, CI_RUNNER_TAGS='["docker"]').adapter.runner())
    assert unknown(found.host).needs == "an ID token for ci-guard"
    assert known(found.labels) == {"gpu"}


def test_the_token_says_which_environment_the_job_has_whatever_a_variable_says(scene: Scene) -> None:
    job = scene.shop.run()
    job.environment = "production"
    signed(scene, job)
    scene.environ["CI_ENVIRONMENT_NAME"] = "staging"
    (fact,) = scene.adapter.environments()
    assert fact == Known(
        value="production", source=Source.SIGNED, detail="the ID token, tier production, not protected"
    )
    assert known(scene.adapter.signed_environment()) == "production"


def test_without_a_token_a_variable_names_the_environment_and_is_called_a_variable(scene: Scene) -> None:
    scene.start(scene.shop.run(), CI_ENVIRONMENT_NAME="production")
    assert scene.adapter.environments() == (Known(value="production", source=Source.ENV, detail="CI_ENVIRONMENT_NAME"),)
    assert unknown(scene.adapter.signed_environment()).needs == "an ID token for ci-guard"
    assert scene.start(scene.shop.run()).adapter.environments() == ()


def test_a_token_that_is_refused_leaves_the_environment_unknown(scene: Scene) -> None:
    job, other = scene.shop.run(), scene.shop.run()
    scene.settings = {"audience": AUDIENCE}
    scene.start(job, CI_GUARD_ID_TOKEN=scene.gitlab.id_token(other, audience=AUDIENCE))
    (fact,) = scene.adapter.environments()
    assert "the ID token was refused" in unknown(fact).reason
    assert scene.adapter.signed_environment() == fact
