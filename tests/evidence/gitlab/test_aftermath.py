"""What was merged with the label that breaks the glass, by the list of merge requests and their label events."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ci_guard.evidence import aftermath as shared
from ci_guard.evidence.gitlab import aftermath
from ci_guard.evidence.rest.shape import when
from ci_guard.model.fact import Cause
from ci_guard.model.glass import Aftermath, By, Lookback, Means, Passed
from tests.evidence.gitlab.scene import Scene, known, present, unknown
from tests.fakes.lab.state import Job, MergeRequest

LOOKBACK = Lookback(means=Means(by=By.LABEL, name="break-glass"), reviewed="reviewed", days=30, hours=0)


def merged(scene: Scene, *labels: str) -> MergeRequest:
    mr = scene.open()
    for label in labels:
        scene.shop.label(mr, label, by="bob")
    scene.shop.merge(mr, by="carol")
    return mr


def found(
    scene: Scene, *, job: Job | None = None, after: timedelta = timedelta(hours=1), stronger: bool = True
) -> Aftermath:
    scene.start(job or scene.shop.run("schedule"), **({"CI_GUARD_TOKEN": scene.reader} if stronger else {}))
    now = when({"at": scene.gitlab.world.tick()}, "at") + after
    return scene.adapter.aftermath(LOOKBACK, frozenset(), now)


def only(scene: Scene, **settings: Job) -> Passed:
    (change,) = known(found(scene, **settings).passed)  # type: ignore[arg-type]
    return change


def test_a_change_that_was_merged_with_the_label_is_found_with_whoever_reviewed_it(scene: Scene) -> None:
    merged(scene)
    mr = merged(scene, "break-glass")
    change = only(scene)
    assert (change.reference, [person.login for person in known(change.people)]) == (f"!{mr.iid}", ["alice"])
    assert present(change.broken).who.login == "bob"
    assert known(change.reviewed) == ()
    scene.shop.label(mr, "reviewed", by="carol")
    (grant,) = known(only(scene).reviewed)
    who = known(grant.who)
    assert (who.person.login, known(who.access).role) == ("carol", "Maintainer")
    scene.shop.label(mr, "reviewed", by="alice", off=True)
    assert known(only(scene).reviewed) == ()


def test_a_label_that_came_after_the_merge_broke_nothing(scene: Scene) -> None:
    scene.shop.label(merged(scene), "break-glass", by="bob")
    assert known(only(scene).broken) is None


def test_what_the_judged_push_brought_is_found_although_the_label_was_taken_off(scene: Scene) -> None:
    mr = merged(scene, "break-glass")
    scene.shop.label(mr, "break-glass", by="alice", off=True)
    assert known(found(scene).passed) == ()
    assert present(only(scene, job=scene.shop.run("push")).broken).who.login == "bob"


def test_what_is_older_than_the_days_asked_for_is_not_looked_at(scene: Scene) -> None:
    merged(scene, "break-glass")
    assert known(found(scene, after=timedelta(days=31)).passed) == ()


def test_where_there_is_more_than_one_run_reads_it_is_cut(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        merged(scene, "break-glass")
    monkeypatch.setattr(shared, "CHANGES", 2)
    seen = found(scene)
    assert (len(known(seen.passed)), seen.cut) == (2, True)
    monkeypatch.setattr(aftermath, "LISTED", 2)
    assert found(scene).cut


def test_a_jobs_token_sees_that_it_was_merged_and_not_by_whom_the_label_was_put(scene: Scene) -> None:
    merged(scene, "break-glass")
    (change,) = known(found(scene, stronger=False).passed)
    assert unknown(change.broken).cause is Cause.INVISIBLE
    assert unknown(change.reviewed).cause is Cause.INVISIBLE


def test_a_push_of_an_ordinary_change_is_not_taken_for_one_by_break_glass(scene: Scene) -> None:
    merged(scene)
    (change,) = known(found(scene, job=scene.shop.run("push"), stronger=False).passed)
    assert not change.marked
    assert unknown(change.broken).cause is Cause.INVISIBLE
