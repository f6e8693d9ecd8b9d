"""Which pipelines were approved for the environment that breaks the glass, by the lists of deployments."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ci_guard.evidence import aftermath as shared
from ci_guard.evidence.gitlab import dispatches, glass
from ci_guard.evidence.rest.shape import when
from ci_guard.model.fact import Cause
from ci_guard.model.glass import Aftermath, By, Lookback, Means, Passed
from tests.evidence.gitlab.scene import Scene, known, present, unknown
from tests.fakes import faults
from tests.fakes.lab.state import Job

LOOKBACK = Lookback(means=Means(by=By.DISPATCH, name="emergency"), reviewed="review", days=30, hours=4)


def broken(scene: Scene, source: str = "web", *, by: str = "carol") -> Job:
    scene.shop.tier = "premium"
    job = scene.shop.run(source, user="alice")
    scene.shop.answer(scene.shop.deploy(job, "emergency"), by, "the shop is down")
    return job


def found(scene: Scene, *, after: timedelta = timedelta(hours=1), stronger: bool = True) -> Aftermath:
    scene.start(scene.shop.run("schedule"), **({"CI_GUARD_TOKEN": scene.reader} if stronger else {}))
    now = when({"at": scene.gitlab.world.tick()}, "at") + after
    return scene.adapter.aftermath(LOOKBACK, frozenset(), now)


def only(scene: Scene, **settings: bool) -> Passed:
    (passed,) = known(found(scene, **settings).passed)  # type: ignore[arg-type]
    return passed


def people(passed: Passed) -> set[str]:
    return {person.login for person in known(passed.people)}


@pytest.mark.parametrize("source", ["web", "api", "trigger"])
def test_a_pipeline_that_was_approved_is_found_with_whoever_approved_and_started_it(scene: Scene, source: str) -> None:
    job = broken(scene, source)
    passed = only(scene)
    assert (passed.reference, passed.url.rsplit("/", 1)[1]) == (f"pipeline {job.pipeline.id}", str(job.pipeline.id))
    mark = present(passed.broken)
    assert (mark.who.login, mark.at > passed.at) == ("carol", True)
    assert people(passed) == {"alice", "carol"}
    assert known(passed.reviewed) == ()


@pytest.mark.parametrize("source", ["push", "schedule", "merge_request_event", "pipeline"])
def test_a_pipeline_that_nobody_started_is_no_such_one_whoever_approved_it(scene: Scene, source: str) -> None:
    broken(scene, source)
    assert known(found(scene).passed) == ()


def test_what_waits_or_was_rejected_or_was_made_through_the_api_broke_nothing(scene: Scene) -> None:
    scene.shop.tier = "premium"
    scene.shop.answer(scene.shop.deploy(None, "emergency"), "carol", "by the API")
    scene.shop.answer(scene.shop.deploy(scene.shop.run("web"), "production"), "carol", "as always")
    scene.shop.answer(scene.shop.deploy(scene.shop.run("web"), "emergency"), "carol", "no", status="rejected")
    assert known(only(scene).broken) is None


def test_who_reviewed_it_is_known_and_an_approval_of_another_pipeline_is_no_review(scene: Scene) -> None:
    job = broken(scene)
    scene.shop.answer(scene.shop.deploy(scene.shop.run("web"), "review"), "olivia", "another one")
    assert known(only(scene).reviewed) == ()
    scene.shop.answer(scene.shop.deploy(job, "review"), "olivia", "looked at it")
    (grant,) = known(only(scene).reviewed)
    who = known(grant.who)
    assert (who.person.login, known(who.access).role) == ("olivia", "Owner")


def test_the_latest_approval_of_several_breaks_it_and_whoever_played_its_job_took_part(scene: Scene) -> None:
    job = broken(scene, by="bob")
    again = scene.shop.deploy(job, "emergency")
    job.user = "dave"
    scene.shop.answer(again, "carol", "once more")
    passed = only(scene)
    assert present(passed.broken).who.login == "carol"
    assert people(passed) == {"alice", "bob", "carol", "dave"}


def test_an_approval_counts_from_when_it_was_given_however_long_the_pipeline_waited(scene: Scene) -> None:
    scene.shop.tier = "premium"
    job = scene.shop.run("web", user="alice")
    waiting = scene.shop.deploy(job, "emergency", at="2020-01-01T00:00:00.000Z")
    assert known(found(scene).passed) == ()
    scene.shop.answer(waiting, "carol", "now")
    assert present(only(scene).broken).who.login == "carol"
    assert known(found(scene, after=timedelta(days=31)).passed) == ()


def test_where_there_is_more_than_one_run_reads_it_is_cut(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [broken(scene) for _ in range(3)]
    monkeypatch.setattr(shared, "CHANGES", 2)
    seen = found(scene)
    assert [each.reference for each in known(seen.passed)] == [f"pipeline {job.pipeline.id}" for job in jobs[:0:-1]]
    assert seen.cut
    monkeypatch.setattr(shared, "CHANGES", 20)
    assert not found(scene).cut
    monkeypatch.setattr(dispatches, "LISTED", 3)
    assert found(scene).cut


def test_a_review_that_may_be_among_what_is_not_read_is_unknown(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(scene)
    for _ in range(2):
        scene.shop.deploy(scene.shop.run("web"), "review")
    assert known(only(scene).reviewed) == ()
    monkeypatch.setattr(dispatches, "LISTED", 2)
    assert unknown(only(scene).reviewed).cause is Cause.UNAVAILABLE


def test_a_pipeline_that_deploys_without_end_is_left_open(scene: Scene) -> None:
    job = broken(scene)
    for _ in range(glass.DEPLOYMENTS):
        scene.shop.deploy(job, "emergency")
    assert unknown(only(scene).broken).cause is Cause.UNAVAILABLE


def test_below_premium_nobody_knows_who_approved_it(scene: Scene) -> None:
    broken(scene)
    scene.shop.tier = "free"
    doubt = unknown(only(scene).broken)
    assert (doubt.cause, "Premium" in (doubt.needs or "")) == (Cause.INVISIBLE, True)


def test_a_jobs_token_sees_who_approved_it_and_not_who_started_it(scene: Scene) -> None:
    broken(scene)
    passed = only(scene, stronger=False)
    assert present(passed.broken).who.login == "carol"
    doubt = unknown(passed.people)
    assert (doubt.cause, "read_api" in (doubt.needs or "")) == (Cause.INVISIBLE, True)


@pytest.mark.parametrize("operation", ["deployments", "deployments/{deployment}", "pipelines/{pipeline}"])
def test_another_shape_is_unknown(scene: Scene, operation: str) -> None:
    broken(scene)
    scene.gitlab.fault(f"GET /projects/{{id}}/{operation}", faults.replaced(id="7"))
    seen = found(scene).passed
    if operation == "deployments":
        assert unknown(seen).cause is Cause.UNAVAILABLE
        return
    (passed,) = known(seen)
    assert unknown(passed.people).cause is Cause.UNAVAILABLE
    assert (present(passed.broken).who.login == "carol") if "pipelines" in operation else unknown(passed.broken)
