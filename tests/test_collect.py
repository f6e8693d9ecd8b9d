"""Which commits a run's change brought: an end that an earlier step could have chosen opens no gap in the range."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ci_guard.collect import range_of
from ci_guard.evidence.checkout import Checkout
from ci_guard.model.fact import Cause, Fact, Known, Source, Unknown, unavailable
from ci_guard.model.run import ChangeReference, Event, Platform, Run
from tests.secrets.repositories import Repo


def known(value: Any, source: Source = Source.API) -> Known[Any]:
    return Known(value=value, source=source)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.create(tmp_path / "r")


def judged(
    event: Event,
    sha: str,
    *,
    before: Fact[str | None] | None = None,
    change: ChangeReference | None = None,
    default_head: Fact[str | None] | None = None,
) -> Run:
    return Run(
        platform=Platform.GITHUB,
        event=known(event),
        ref=known("refs/heads/main"),
        sha=known(sha),
        branch=known("main"),
        tag=known(None),
        default_branch=known("main"),
        before=before or known(None),
        default_head=default_head or known(None),
        change=known(change),
        trusted=known(True),
    )


def span(run: Run, repo: Repo) -> tuple[str | None, str] | None:
    found = range_of(run, Checkout(repo.path))
    assert isinstance(found, Known), found
    return found.value


def doubt(run: Run, repo: Repo) -> str:
    found = range_of(run, Checkout(repo.path))
    assert isinstance(found, Unknown), found
    assert found.cause is Cause.UNAVAILABLE
    return found.reason


@pytest.mark.parametrize("source", [Source.API, Source.EVENT])
def test_a_push_brings_what_lies_between_its_start_and_its_end(repo: Repo, source: Source) -> None:
    base, head = repo.commit({"a": "1"}), repo.commit({"a": "2"})
    assert span(judged(Event.PUSH, head, before=known(base, source)), repo) == (base, head)


@pytest.mark.parametrize("source", [Source.API, Source.EVENT])
def test_a_push_that_starts_where_it_ends_is_unknown(repo: Repo, source: Source) -> None:
    head = repo.commit({"a": "1"})
    assert "start where it ends" in doubt(judged(Event.PUSH, head, before=known(head, source)), repo)


def test_a_push_that_set_the_branch_back_brings_nothing_by_the_servers_word_alone(repo: Repo) -> None:
    older, newer = repo.commit({"a": "1"}), repo.commit({"a": "2"})
    assert span(judged(Event.PUSH, older, before=known(newer)), repo) == (newer, older)
    assert "does not show" in doubt(judged(Event.PUSH, older, before=known(newer, Source.EVENT)), repo)


def test_a_start_that_only_the_event_file_gives_must_be_an_ancestor_that_is_here(repo: Repo) -> None:
    base = repo.commit({"a": "1"})
    repo.git("checkout", "-q", "-b", "side")
    side = repo.commit({"b": "1"})
    repo.git("checkout", "-q", "main")
    head = repo.commit({"a": "2"})
    for start in (side, "a" * 40):
        assert "only the event file" in doubt(judged(Event.PUSH, head, before=known(start, Source.EVENT)), repo)
        assert span(judged(Event.PUSH, head, before=known(start)), repo) == (start, head)
    assert span(judged(Event.PUSH, head, before=known(base, Source.EVENT)), repo) == (base, head)


def test_a_new_branch_brings_what_the_default_branch_has_not_whatever_local_refs_say(repo: Repo) -> None:
    base, head = repo.commit({"a": "1"}), repo.commit({"a": "2"})
    repo.git("update-ref", "refs/remotes/origin/main", head)
    assert span(judged(Event.PUSH, head, default_head=known(base)), repo) == (base, head)
    assert span(judged(Event.PUSH, head), repo) == (None, head)


def test_a_new_branch_is_unknown_where_the_default_branch_is(repo: Repo) -> None:
    head = repo.commit({"a": "1"})
    assert doubt(judged(Event.PUSH, head, default_head=unavailable("no answer")), repo) == "no answer"


@pytest.mark.parametrize("event", [Event.CHANGE, Event.TARGET_CHANGE, Event.QUEUE])
def test_a_change_that_brings_nothing_is_unknown(repo: Repo, event: Event) -> None:
    base, head, after = (repo.commit({"a": text}) for text in "123")

    def of(target: str, end: str) -> Run:
        change = ChangeReference(number=7, head=end, target="main", target_commit=target)
        return judged(event, base if event is Event.TARGET_CHANGE else end, change=change)

    assert span(of(base, head), repo) == (base, head)
    assert "bring nothing" in doubt(of(head, head), repo)
    assert "bring nothing" in doubt(of(after, head), repo)


def test_a_change_whose_commits_are_not_here_is_left_to_the_scanner(repo: Repo) -> None:
    head = repo.commit({"a": "1"})
    change = ChangeReference(number=7, head=head, target="main", target_commit="a" * 40)
    assert span(judged(Event.CHANGE, head, change=change), repo) == ("a" * 40, head)


def test_a_change_without_a_known_target_commit_is_unknown(repo: Repo) -> None:
    head = repo.commit({"a": "1"})
    change = ChangeReference(number=7, head=head, target="main")
    assert "target branch" in doubt(judged(Event.CHANGE, head, change=change), repo)


def test_other_events_bring_nothing_of_their_own(repo: Repo) -> None:
    assert span(judged(Event.SCHEDULE, repo.commit({"a": "1"})), repo) is None
