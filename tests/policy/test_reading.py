"""One file to a layer: every case in `cases/refused` names the place, what was seen, and the advice."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_guard.errors import PolicyError
from ci_guard.model.kinds import Level, Names
from ci_guard.model.run import Event
from ci_guard.model.settings import Bot, Mode, OnInvisible
from ci_guard.policy.load import load
from ci_guard.policy.text import PolicyText
from tests.policy.given import CASES, METAS, policy_of, refused, said_in_comment

REFUSED = sorted((CASES / "refused").glob("*.yml"))


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_a_bad_file_is_refused_as_its_comment_says(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load([PolicyText(content=path.read_bytes(), place=path.name)], METAS)
    assert caught.value.exit_code == 2
    assert caught.value.message == f"{path.name}:{said_in_comment(text, 'refused')}"
    assert caught.value.hint == said_in_comment(text, "advice")


@pytest.mark.parametrize("path", sorted((CASES / "accepted").glob("*.yml")), ids=lambda path: path.stem)
def test_a_good_file_is_loaded(path: Path) -> None:
    assert policy_of(path.read_bytes()).controls


def test_reads_every_kind_of_value_and_every_option() -> None:
    policy = policy_of(
        """
        version: 1
        mode: report
        controls:
          branch-protection:
            branches: [default, "release/*"]
            on-invisible: warn
            locked: true
            require:
              {no-bypass: [DeployKey, "Team:7"], status-checks: [test, build], approvals: 2,
               protected-tags: true, protected: true}
          actor-permissions:
            bots: [{login: "renovate[bot]", id: 29139614}]
            require: {actor: maintain, consistent-identity: true}
          required-reviews:
            on: [push, target-change]
            require: {authority: triage}
        """
    )
    assert policy.mode is Mode.REPORT
    branch, actor, reviews = policy.controls.values()
    assert dict(branch.require) == {
        "protected": True,
        "approvals": 2,
        "status-checks": Names(frozenset({"build", "test"})),
        "no-bypass": Names(frozenset({"DeployKey", "Team:7"})),
        "protected-tags": Names(),
    }
    assert list(branch.require) == ["protected", "approvals", "status-checks", "no-bypass", "protected-tags"]
    assert (branch.branches, branch.on, branch.on_invisible) == (("default", "release/*"), None, OnInvisible.WARN)
    assert dict(actor.require) == {"actor": Level.MAINTAIN, "consistent-identity": True}
    assert dict(actor.bots) == {"actor": (Bot(login="renovate[bot]", id=29139614),)}
    assert (actor.branches, actor.on_invisible) == ((), OnInvisible.DENY)
    assert dict(reviews.require) == {"authority": Level.TRIAGE}
    assert (reviews.branches, reviews.on) == (("default",), frozenset({Event.PUSH, Event.TARGET_CHANGE}))


def test_a_disabled_control_is_checked_all_the_same() -> None:
    error = refused("version: 1\ncontrols:\n  branch-protection: {enabled: false, require: {approvals: 0}}\n")
    assert error.message.startswith("layer-0:3:60: approvals was refused; saw 0")


def test_a_hostile_key_reaches_the_message_escaped_and_cut() -> None:
    key = "\x1b]0;owned\x07\n::error::\u202e" + "A" * 100_000
    escaped = key.encode("unicode_escape").decode()
    error = refused(f'version: 1\n"{escaped}": 1\n')  # longer than YAML lets a simple key be
    assert (error.message + error.hint).isprintable()
    assert len(error.message) < 300
    error = refused('version: 1\nmode: "' + escaped + '"\n')
    assert "saw '\\x1b]0;owned\\x07\\n::error::\\u202eAAA" in error.message
    assert (error.message + error.hint).isprintable()
    assert len(error.message) < 300


def test_the_first_error_in_the_file_is_the_one_that_is_told() -> None:
    assert refused("version: 1\nfoo: 1\nbar: 2\n").message.startswith("layer-0:2:1: ")
