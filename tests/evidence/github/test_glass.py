"""Who put a label on a pull request, by the timeline, and when the head was pushed, by the activity log."""

from __future__ import annotations

from typing import Any

import pytest

from ci_guard.evidence.github import glass
from ci_guard.evidence.rest.shape import ShapeError
from ci_guard.model.fact import Cause, Fact
from ci_guard.model.glass import Labelled
from tests.evidence.github.scene import PERMISSIONS, Scene, known, unknown
from tests.evidence.github.test_surroundings import of_pull, pushed
from tests.fakes.hub.pulls import Pull


def pull_of(scene: Scene) -> Pull:
    return scene.repo.pull(author="alice")


def labelled(scene: Scene, label: str = "break-glass") -> Fact[Labelled | None]:
    client, _, run = scene.read()
    return glass.get_labelled(client, run, label, set())


def who(found: Fact[Labelled | None]) -> str:
    label = known(found)
    assert label
    return known(label.who).person.login


def test_whoever_put_the_label_there_last_is_named(scene: Scene) -> None:
    pull = pull_of(scene)
    pull.label("Break-Glass", by="alice")
    pull.label("Break-Glass", by="alice", off=True)
    pull.label("Break-Glass", by="bob")
    pull.label("docs", by="alice")
    found = labelled(of_pull(scene, pull))
    assert who(found) == "bob"
    label = known(found)
    assert label
    assert known(label.pushed) < label.at


def test_after_a_push_the_label_is_older_than_the_head(scene: Scene) -> None:
    pull = pull_of(scene)
    pull.label("break-glass", by="bob")
    pull.push(author="alice")
    label = known(labelled(of_pull(scene, pull)))
    assert label
    assert known(label.pushed) > label.at


@pytest.mark.parametrize("off", [True, False])
def test_without_the_label_there_is_none(scene: Scene, off: bool) -> None:
    pull = pull_of(scene)
    pull.label("break-glass" if off else "break-glass-2", by="bob")
    if off:
        pull.label("break-glass", by="bob", off=True)
    assert known(labelled(of_pull(scene, pull))) is None


def test_a_push_has_no_label(scene: Scene) -> None:
    assert known(labelled(pushed(scene))) is None


def test_a_label_of_which_the_timeline_says_nothing_is_unknown(scene: Scene) -> None:
    pull = pull_of(scene)
    pull.labels = ["break-glass"]
    assert "does not say who put it there" in unknown(labelled(of_pull(scene, pull))).reason


def test_a_token_that_may_not_read_it_does_not_know(scene: Scene) -> None:
    pull = pull_of(scene)
    pull.label("break-glass", by="bob")
    scene.token(**{name: level for name, level in PERMISSIONS.items() if name != "pull_requests"})
    assert unknown(labelled(of_pull(scene, pull))).cause is Cause.INVISIBLE


@pytest.mark.parametrize("entry", [{"event": "labeled"}, {"event": "labeled", "label": {"name": 7}}])
def test_an_entry_of_another_shape_is_no_proof(entry: dict[str, Any]) -> None:
    with pytest.raises(ShapeError):
        glass._last_put([entry], "break-glass")


def test_somebody_who_was_deleted_is_nobody() -> None:
    entry = {"event": "labeled", "label": {"name": "x"}, "actor": None, "created_at": "2026-11-21T20:00:00Z"}
    with pytest.raises(ShapeError):
        glass._last_put([entry], "x")
