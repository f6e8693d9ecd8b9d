"""The shapes of answers: whatever a server sends is a value or a shape error, and never another exception."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_guard.evidence.gitlab import records
from ci_guard.evidence.rest.shape import ShapeError
from tests.drawing import examples
from tests.fakes.lab import shapes
from tests.fakes.lab.world import World

URL = "https://gitlab.example"


def bodies() -> dict[str, tuple[Callable[[Any], object], dict[str, Any]]]:
    world = World()
    shop = world.project("acme/shop")
    mr = shop.merge_request()
    job = shop.run(mr=mr, user="alice")
    full = shapes.merge_request_full(world, shop, mr, world.user("alice"), URL)
    return {
        "job": (records.parse_job, shapes.job(world, shop, job, URL)),
        "branch": (records.parse_branch, shapes.branch(shop, "main", None, URL)),
        "merge request": (records.parse_merge_request, full),
        "commit": (records.parse_commit, shapes.commit(shop.commits[mr.sha], URL)),
        "account": (records.account, shapes.user_full(world.user("alice"), URL)),
    }


BODIES = bodies()
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@pytest.mark.parametrize("name", BODIES)
def test_an_honest_answer_is_read(name: str) -> None:
    parse, body = BODIES[name]
    assert parse(body)


@pytest.mark.parametrize("name", BODIES)
@settings(max_examples=examples(50))
@given(data=st.data())
def test_an_answer_with_anything_in_the_place_of_anything_is_read_or_refused(name: str, data: st.DataObject) -> None:
    parse, honest = BODIES[name]
    body = copy.deepcopy(honest)
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = body
        while True:
            key = data.draw(st.sampled_from(sorted(place)))
            if isinstance(place[key], dict) and place[key] and data.draw(st.booleans()):
                place = place[key]
                continue
            place[key] = data.draw(JUNK)
            break
    try:
        parse(body)
    except ShapeError as error:
        assert str(error).startswith("'")  # noqa: PT017 - which of the two it is is not the claim


@pytest.mark.parametrize("state", ["opened", "locked", "merged", "closed"])
def test_every_state_of_a_merge_request_is_known(state: str) -> None:
    parse, honest = BODIES["merge request"]
    assert parse({**honest, "state": state})


def test_a_state_that_was_added_since_is_refused() -> None:
    parse, honest = BODIES["merge request"]
    with pytest.raises(ShapeError, match="state"):
        parse({**honest, "state": "frozen"})
