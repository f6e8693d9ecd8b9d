"""Answers of another shape than the documented one are no facts, and their values are not shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ci_guard.evidence.rest.shape import ShapeError, checked, integer, optional, records, text, texts, when
from ci_guard.model.fact import Cause, Known, Source
from tests.evidence.github.scene import unknown


def test_a_wrongly_shaped_answer_is_unknown_and_does_not_show_its_values() -> None:
    secret = "a value of the answer"
    fact = checked(Known(value={"id": secret}, source=Source.API, detail="GET x"), lambda body: integer(body, "id"))
    assert unknown(fact).reason == "wrongly shaped answer: 'id' is no whole number"
    assert unknown(fact).cause is Cause.UNAVAILABLE
    assert unknown(fact).detail == "GET x"


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (text, 1),
        (text, None),
        (text, "\ud800"),
        (text, "a\0b"),
        (texts, "ab"),
        (texts, ["a", 1]),
        (integer, True),
        (integer, 1.0),
        (integer, "1"),
        (records, {}),
        (records, [{}, 1]),
        (when, "yesterday"),
        (when, "2026-01-01T00:00:00"),
        (when, 1),
    ],
)
def test_a_value_of_another_type_is_refused(read: Callable[[Any, str], Any], value: Any) -> None:
    objects: list[Any] = [{"key": value}, {}, [], None, "key"]
    for obj in objects:
        with pytest.raises(ShapeError):
            read(obj, "key")


@pytest.mark.parametrize("value", ["2026-11-21T20:00:00Z", "2026-11-21T21:00:00+01:00", "2026-11-21T20:00:00.000Z"])
def test_times_are_read_in_utc(value: str) -> None:
    assert when({"at": value}, "at").isoformat() == "2026-11-21T20:00:00+00:00"


def test_an_optional_value_may_be_absent_or_null_but_not_of_another_type() -> None:
    assert optional({}, "key", text) is None
    assert optional({"key": None}, "key", text) is None
    with pytest.raises(ShapeError):
        optional({"key": 1}, "key", text)
    with pytest.raises(ShapeError):
        optional([], "key", text)
