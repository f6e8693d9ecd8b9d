"""What was merged with the label that breaks the glass, by the list of pull requests and their timelines."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ci_guard.evidence import aftermath as shared
from ci_guard.evidence.github import aftermath
from ci_guard.evidence.rest.shape import when
from ci_guard.model.fact import Cause, Known
from ci_guard.model.glass import Aftermath, By, Lookback, Means, Passed
from ci_guard.records import replace
from tests.evidence.github.scene import PERMISSIONS, Scene, known, present, unknown
from tests.evidence.github.test_surroundings import pushed
from tests.fakes import faults
from tests.fakes.hub.pulls import Pull

LOOKBACK = Lookback(means=Means(by=By.LABEL, name="break-glass"), reviewed="reviewed", days=30, hours=0)


def merged(scene: Scene, *labels: str, by: str = "bob") -> Pull:
    pull = scene.repo.pull(author="alice")
    for label in labels:
        pull.label(label, by=by)
    sha = scene.repo.commit("Merge", author="alice", parents=[scene.repo.branches["main"], pull.head_sha])
    pull.record_merge(by="carol", sha=sha, landed=[sha])
    return pull


def found(scene: Scene, *, after: timedelta = timedelta(hours=1), days: int = 30) -> Aftermath:
    scene = scene if scene.environment else pushed(scene)
    client, _, run = scene.read()
    now = when({"at": scene.github.world.tick()}, "at") + after
    return aftermath.get_aftermath(client, run, replace(LOOKBACK, days=days), set(), now)


def only(scene: Scene) -> Passed:
    (change,) = known(found(scene).passed)
    return change


def test_a_change_that_was_merged_with_the_label_is_found_with_who_put_it_there(scene: Scene) -> None:
    merged(scene)
    pull = merged(scene, "Break-Glass")
    change = only(scene)
    assert (change.reference, [person.login for person in known(change.people)]) == (f"#{pull.number}", ["alice"])
    assert present(change.broken).who.login == "bob"
    assert known(change.reviewed) == ()


def test_who_reviewed_it_is_known_with_what_they_may_do(scene: Scene) -> None:
    pull = merged(scene, "break-glass")
    pull.label("reviewed", by="carol")
    (grant,) = known(only(scene).reviewed)
    who = known(grant.who)
    assert (who.person.login, known(who.access).role) == ("carol", "maintain")


def test_a_review_that_was_taken_back_is_none(scene: Scene) -> None:
    pull = merged(scene, "break-glass")
    pull.label("reviewed", by="carol")
    pull.label("reviewed", by="alice", off=True)
    assert known(only(scene).reviewed) == ()


def test_a_label_that_came_after_the_merge_broke_nothing(scene: Scene) -> None:
    merged(scene).label("break-glass", by="bob")
    assert known(only(scene).broken) is None


def test_what_the_judged_push_brought_is_found_although_the_label_was_taken_off(scene: Scene) -> None:
    pull = merged(scene, "break-glass")
    pull.label("break-glass", by="alice", off=True)
    assert known(found(pushed(scene)).passed) == ()
    assert pull.merge_commit_sha
    before = scene.repo.branches["main"]
    scene.repo.push("main", pull.merge_commit_sha, by="carol", activity="pr_merge")
    scene.push(pull.merge_commit_sha, before=before, actor="carol")
    assert present(only(scene).broken).who.login == "bob"


def test_what_is_older_than_the_days_asked_for_is_not_looked_at(scene: Scene) -> None:
    merged(scene, "break-glass")
    assert known(found(scene, after=timedelta(days=31)).passed) == ()


def test_where_there_is_more_than_one_run_reads_it_is_cut(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    pulls = [merged(scene, "break-glass") for _ in range(3)]
    monkeypatch.setattr(shared, "CHANGES", 2)
    seen = found(scene)
    assert [change.reference for change in known(seen.passed)] == [f"#{pulls[2].number}", f"#{pulls[1].number}"]
    assert seen.cut
    assert seen.since == known(seen.passed)[-1].at
    monkeypatch.setattr(aftermath, "LISTED", 2)
    assert found(scene).cut


def test_without_the_right_to_read_pull_requests_it_is_unknown(scene: Scene) -> None:
    merged(scene, "break-glass")
    scene.token(**{name: level for name, level in PERMISSIONS.items() if name != "pull_requests"})
    assert unknown(found(scene).passed).cause is Cause.INVISIBLE


def test_a_timeline_of_another_shape_leaves_the_change_open(scene: Scene) -> None:
    merged(scene, "break-glass")
    scene.github.fault("GET */timeline", faults.replaced(label=7))
    change = only(scene)
    assert not isinstance(change.broken, Known)
    assert not isinstance(change.reviewed, Known)
