"""Our named tuples behave as the standard library's, of which each case here has a twin."""

from __future__ import annotations

import copy
import pickle
import typing
from typing import Any

import pytest

from ci_guard import rows

BASES = {"ours": rows.NamedTuple, "the standard library's": typing.NamedTuple}


def row(base: Any) -> Any:
    """Return the same class, made from one of the two."""

    class Row(base):  # type: ignore[misc]
        """With all that a row may have."""

        name: str
        size: int = 0
        parts: tuple[str, ...] = ()

        @property
        def twice(self) -> int:
            """Twice the size."""
            return int(2 * self.size)

    return Row


class Known(rows.NamedTuple):
    """That pickling can find."""

    name: str
    size: int = 0


@pytest.fixture(params=BASES.values(), ids=list(BASES))
def kind(request: pytest.FixtureRequest) -> Any:
    return row(request.param)


@pytest.mark.parametrize(
    ("values", "named"),
    [(("a",), {}), (("a", 1, ("b",)), {}), (("a",), {"parts": ("b",)}), ((), {"size": 2, "name": "a"})],
)
def test_a_row_is_made_of_values_in_order_and_by_name(
    kind: Any, values: tuple[Any, ...], named: dict[str, Any]
) -> None:
    made = kind(*values, **named)
    expected: dict[str, Any] = (
        {"name": "a", "size": 0, "parts": ()} | dict(zip(kind._fields, values, strict=False)) | named
    )
    assert made._asdict() == expected == {field: getattr(made, field) for field in kind._fields}
    assert made == tuple(expected.values())
    assert hash(made) == hash(tuple(expected.values()))
    assert made.twice == 2 * expected["size"]
    assert repr(made) == "Row(name={name!r}, size={size!r}, parts={parts!r})".format(**expected)


@pytest.mark.parametrize(
    ("values", "named"), [((), {}), (("a", 1, (), 2), {}), (("a",), {"name": "b"}), (("a",), {"strange": 1})]
)
def test_what_does_not_fit_is_refused_in_the_same_words(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    said = []
    for base in BASES.values():
        with pytest.raises(TypeError) as refused:
            row(base)(*values, **named)
        said.append(str(refused.value))
    assert said[0] == said[1]


def test_a_row_is_changed_by_making_another(kind: Any) -> None:
    made = kind("a", 1)
    assert made._replace(size=2) == ("a", 2, ())
    assert type(made._replace(size=2)) is kind
    assert kind._make(["b", 2, ()]) == kind("b", 2)
    with pytest.raises((ValueError, TypeError), match="unexpected field names"):
        made._replace(strange=1)
    with pytest.raises(TypeError, match="Expected 3 arguments, got 1"):
        kind._make(["b"])
    with pytest.raises(AttributeError):
        made.name = "b"
    with pytest.raises(AttributeError):
        made.strange = "b"


def test_a_row_is_told_by_its_shape(kind: Any) -> None:
    assert (kind.__name__, kind.__doc__) == ("Row", "With all that a row may have.")
    assert kind._fields == kind.__match_args__ == ("name", "size", "parts")
    assert kind._field_defaults == {"size": 0, "parts": ()}
    assert kind.__annotations__.keys() == set(kind._fields)
    match kind("a", 1):
        case kind(name, size):
            assert (name, size) == ("a", 1)
        case _:
            pytest.fail("no match")


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_what_has_a_default_comes_last(base: Any) -> None:
    with pytest.raises(TypeError, match="default"):

        class Wrong(base):  # type: ignore[misc]
            """With a default too early."""

            name: str = ""
            size: int


@pytest.mark.parametrize("copied", [lambda made: pickle.loads(pickle.dumps(made)), copy.copy, copy.deepcopy])
def test_a_copy_is_the_same(copied: Any) -> None:
    made = copied(Known("a", 1))
    assert (made, type(made)) == (("a", 1), Known)


def test_a_class_below_a_row_is_an_ordinary_one(kind: Any) -> None:
    class Below(kind):  # type: ignore[misc]
        """With a word of its own."""

        extra = "x"

    assert Below("a", 1) == ("a", 1, ())
    assert (Below("a").extra, Below._fields) == ("x", kind._fields)
