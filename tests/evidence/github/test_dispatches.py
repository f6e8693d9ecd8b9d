"""Which dispatched runs were approved for the environment that breaks the glass, by the lists of runs and approvals."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ci_guard.evidence import aftermath as shared
from ci_guard.evidence.github import dispatches
from ci_guard.evidence.rest.shape import when
from ci_guard.model.fact import Cause
from ci_guard.model.glass import Aftermath, By, Lookback, Means, Passed
from ci_guard.records import replace
from tests.evidence.github.scene import PERMISSIONS, Scene, known, present, unknown
from tests.evidence.github.test_surroundings import pushed
from tests.fakes import faults
from tests.fakes.hub.runs import Run

LOOKBACK = Lookback(means=Means(by=By.DISPATCH, name="emergency"), reviewed="review", days=30, hours=4)


def broken(scene: Scene, *, event: str = "workflow_dispatch", by: str = "bob") -> Run:
    run = scene.repo.run(event, actor="alice", branch="main")
    run.approve(by, "Emergency", comment="the shop is down")
    return run


def found(scene: Scene, *, after: timedelta = timedelta(hours=1), days: int = 30) -> Aftermath:
    scene = scene if scene.environment else pushed(scene)
    now = when({"at": scene.github.world.tick()}, "at") + after
    return dispatches.get_dispatches(scene.read()[0], replace(LOOKBACK, days=days), set(), now)


def only(scene: Scene) -> Passed:
    (passed,) = known(found(scene).passed)
    return passed


def people(passed: Passed) -> set[str]:
    return {person.login for person in known(passed.people)}


@pytest.mark.parametrize("event", ["workflow_dispatch", "repository_dispatch"])
def test_a_dispatch_that_was_approved_is_found_with_whoever_approved_and_started_it(scene: Scene, event: str) -> None:
    run = broken(scene, event=event)
    passed = only(scene)
    assert (passed.reference, passed.url) == (f"run {run.id}", f"{scene.github.url}/acme/shop/actions/runs/{run.id}")
    assert (present(passed.broken).who.login, f"{passed.at:%Y-%m-%dT%H:%M:%SZ}") == ("bob", run.created_at)
    assert people(passed) == {"alice", "bob"}
    assert known(passed.reviewed) == ()


def test_a_dispatch_that_was_approved_for_something_else_or_rejected_or_waits_broke_nothing(scene: Scene) -> None:
    run = scene.repo.run("workflow_dispatch", actor="alice", branch="main")
    run.approve("bob", "production", "emergency-2", comment="as always")
    run.approve("bob", "emergency", state="rejected", comment="no")
    run.approve("bob", "emergency", state="pending")
    passed = only(scene)
    assert (known(passed.broken), known(passed.people)) == (None, ())


def test_a_rejection_afterwards_hides_no_approval(scene: Scene) -> None:
    run = broken(scene)
    run.rerun(by="alice")
    run.approve("alice", "emergency", state="rejected", comment="never mind")
    assert present(only(scene).broken).who.login == "bob"


def test_what_nobody_dispatched_is_no_such_run_whoever_approved_it(scene: Scene) -> None:
    broken(scene, event="push")
    assert known(found(scene).passed) == ()


def test_who_reviewed_it_is_known_with_what_they_may_do(scene: Scene) -> None:
    run = broken(scene)
    run.approve("carol", "review", comment="looked at it")
    run.approve("alice", "review", state="rejected", comment="no")
    (grant,) = known(only(scene).reviewed)
    who = known(grant.who)
    assert (who.person.login, known(who.access).role) == ("carol", "maintain")


def test_whoever_pressed_re_run_on_any_attempt_took_part(scene: Scene) -> None:
    run = broken(scene)
    for login in ("carol", "dave", "olivia"):
        run.rerun(by=login)
    assert people(only(scene)) == {"alice", "bob", "carol", "dave", "olivia"}


def test_of_a_run_that_was_started_too_often_nobody_knows_who_took_part(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatches, "ATTEMPTS", 2)
    run = broken(scene)
    run.rerun(by="carol")
    assert people(only(scene)) == {"alice", "bob", "carol"}
    run.rerun(by="alice")
    scene.environment.clear()
    assert unknown(only(scene).people).cause is Cause.UNAVAILABLE


def test_an_attempt_that_cannot_be_read_leaves_open_who_took_part(scene: Scene) -> None:
    run = broken(scene)
    run.rerun(by="carol")
    run.rerun(by="alice")
    scene.github.fault("GET */attempts/2", faults.replaced(id="7"))
    passed = only(scene)
    assert unknown(passed.people).cause is Cause.UNAVAILABLE
    assert present(passed.broken).who.login == "bob"


@pytest.mark.parametrize(("hours", "seen"), [(24, 1), (27, 1), (29, 0)])
def test_a_run_is_looked_at_for_the_days_asked_for_from_when_it_could_last_break_the_glass(
    scene: Scene, hours: int, seen: int
) -> None:
    broken(scene)
    assert len(known(found(scene, after=timedelta(hours=hours), days=1).passed)) == seen


def test_where_there_is_more_than_one_run_reads_it_is_cut(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [broken(scene) for _ in range(3)]
    monkeypatch.setattr(shared, "CHANGES", 2)
    seen = found(scene)
    assert [passed.reference for passed in known(seen.passed)] == [f"run {runs[2].id}", f"run {runs[1].id}"]
    assert (seen.cut, seen.since) == (True, known(seen.passed)[-1].at)
    monkeypatch.setattr(shared, "CHANGES", 20)
    assert not found(scene).cut
    monkeypatch.setattr(dispatches, "LISTED", 3)
    assert found(scene).cut


def test_of_one_declared_workflow_nothing_is_asked_about_runs_of_others(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = broken(scene)
    run.path = ".github/workflows/emergency.yml@main"
    for _ in range(3):
        broken(scene)
    monkeypatch.setattr(shared, "CHANGES", 1)
    client = pushed(scene).read()[0]
    now = when({"at": scene.github.world.tick()}, "at")
    one = replace(LOOKBACK, means=replace(LOOKBACK.means, workflow=".github/workflows/emergency.yml"))
    before = client.requests
    seen = dispatches.get_dispatches(client, one, set(), now)
    assert [passed.reference for passed in known(seen.passed)] == [f"run {run.id}"]
    assert (seen.cut, client.requests - before) == (False, 3)


def test_it_takes_two_lists_and_a_request_for_each_dispatched_run(scene: Scene) -> None:
    for _ in range(3):
        scene.repo.run("workflow_dispatch", actor="alice", branch="main")
    client = pushed(scene).read()[0]
    before = client.requests
    found(scene)
    assert client.requests - before == 5


def test_without_the_right_to_read_runs_it_is_unknown(scene: Scene) -> None:
    broken(scene)
    scene.token(**{name: level for name, level in PERMISSIONS.items() if name != "actions"})
    doubt = unknown(found(scene).passed)
    assert (doubt.cause, doubt.needs) == (Cause.INVISIBLE, "actions: read")


@pytest.mark.parametrize("change", [{"total_count": 7}, {"id": "7"}, {"workflow_runs": None}])
def test_a_list_of_another_shape_or_one_that_is_not_whole_is_unknown(scene: Scene, change: dict[str, object]) -> None:
    broken(scene)
    scene.github.fault("GET */actions/runs", faults.replaced(**change))
    assert unknown(found(scene).passed).cause is Cause.UNAVAILABLE


def test_approvals_of_another_shape_leave_open_whether_it_broke_the_glass(scene: Scene) -> None:
    broken(scene)
    scene.github.fault("GET */approvals", faults.replaced(state=7))
    passed = only(scene)
    assert unknown(passed.broken).cause is Cause.UNAVAILABLE
    assert unknown(passed.reviewed).cause is Cause.UNAVAILABLE
