"""Calls at the same time: they overlap, keep their order, and nobody gets another's answer."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ci_guard.model.fact import Fact, Known
from tests.evidence.github.asking import ADMIN, client_of
from tests.fakes.faults import Fault
from tests.fakes.github import FakeGitHub
from tests.fakes.hub.router import Answer


@pytest.fixture
def shop(github: FakeGitHub) -> FakeGitHub:
    github.repository("acme/shop", private=True)
    return github


def test_calls_that_are_gathered_overlap(shop: FakeGitHub) -> None:
    """No answer comes before all have been asked for."""
    meeting = threading.Barrier(8)

    def meet(answer: Answer) -> Answer:
        meeting.wait(timeout=20)
        return answer

    shop.fault("GET *", Fault(name="together", change=meet))
    client = client_of(shop)
    facts = client.gather(*(lambda number=number: client.get(f"branches/b{number}") for number in range(8)))
    assert len(facts) == 8
    assert not meeting.broken


def test_gathering_within_gathering_ends_and_keeps_the_order(shop: FakeGitHub) -> None:
    client = client_of(shop)

    def nested(depth: int, name: str) -> str:
        if depth == 0:
            return name
        calls = [lambda part=part: nested(depth - 1, f"{name}{part}") for part in range(6)]
        return ",".join(client.gather(*calls))

    def flat(depth: int, name: str) -> str:
        return name if depth == 0 else ",".join(flat(depth - 1, f"{name}{part}") for part in range(6))

    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(nested(4, "")), daemon=True)
    thread.start()
    thread.join(timeout=20)
    assert answers == [flat(4, "")]


def test_a_fault_of_ours_in_a_gathered_call_is_not_swallowed(shop: FakeGitHub) -> None:
    def broken() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        client_of(shop).gather(lambda: 1, broken)


def test_gathering_nothing_is_nothing(shop: FakeGitHub) -> None:
    assert client_of(shop).gather() == ()


def mix(github: FakeGitHub, collections: int) -> None:
    """
    Ask for many people's accounts from many threads under constant thread switches, each fact with its own answer.
    """
    people = [github.user(f"person-{number}") for number in range(collections)]
    job, other = github.token("job", rate_limit=10**6), github.token("other", permissions=ADMIN, rate_limit=10**6)
    client = client_of(github, job.value, other.value)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(16) as pool:
            ask: Callable[[int], Fact[Any]] = lambda number: client.get(f"/users/person-{number}")  # noqa: E731
            facts = list(pool.map(ask, range(collections)))
    finally:
        sys.setswitchinterval(interval)
    wrong = [
        (person.login, fact)
        for person, fact in zip(people, facts, strict=True)
        if isinstance(fact, Known) and (fact.value["login"], fact.value["id"]) != (person.login, person.id)
    ]
    assert wrong == []
    assert all(isinstance(fact, Known) for fact in facts)
    assert client.requests == collections


def test_concurrent_collections_do_not_mix_two_peoples_answers(github: FakeGitHub) -> None:
    """A shared PyGithub was measured to return another address's body: one person's rights judged as another's."""
    mix(github, 60)


@pytest.mark.slow
def test_a_thousand_concurrent_collections_do_not_mix_two_peoples_answers(github: FakeGitHub) -> None:
    mix(github, 1000)
