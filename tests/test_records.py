"""Our dataclasses behave as the standard library's, of which each case here has a twin."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_guard import records

WAYS = {"ours": records, "the standard library's": dataclasses}


def classes(way: Any) -> SimpleNamespace:
    """Return the same classes, made by one of the two."""

    @way.dataclass(frozen=True)
    class Point:
        """Positional."""

        x: int
        y: int = 0

    @way.dataclass(frozen=True, kw_only=True)
    class Named:
        """By name alone, with every kind of field."""

        known: ClassVar[int] = 7
        name: str
        parts: list[int] = way.field(default_factory=list)
        note: str = way.field(default="", compare=False)
        secret: str = way.field(default="", repr=False)

        @property
        def size(self) -> int:
            """The number of parts."""
            return len(self.parts)

    @way.dataclass(frozen=True, kw_only=True)
    class Below(Named):
        """With a field more, and another default."""

        more: int = 1
        secret: str = "s"

    @way.dataclass
    class Open:
        """That can be changed."""

        first: int
        second: tuple[int, ...] = ()

        def __post_init__(self) -> None:
            """Make another attribute."""
            self.sum = self.first + sum(self.second)

    @way.dataclass(frozen=True, repr=False)
    class Quiet:
        """That shows itself in words of its own."""

        value: str

        def __repr__(self) -> str:
            """Show nothing."""
            return "Quiet"

    @way.dataclass(frozen=True)
    class Nothing:
        """Without fields."""

    return SimpleNamespace(**{cls.__name__: cls for cls in (Point, Named, Below, Open, Quiet, Nothing)})


@records.dataclass(frozen=True)
class Outside:
    """Where pickle can find it."""

    value: int


OURS, THEIRS = (classes(way) for way in WAYS.values())

VALUES = st.sampled_from([0, 1, "a", (), (1,)])
CALLS = st.tuples(
    st.sampled_from(sorted(vars(OURS))),
    st.lists(VALUES, max_size=3),
    st.dictionaries(
        st.sampled_from(["x", "y", "name", "parts", "note", "secret", "more", "first", "second", "value"]),
        VALUES,
        max_size=3,
    ),
)


def made(kind: SimpleNamespace, call: tuple[str, list[object], dict[str, object]]) -> Any:
    """Make an instance, or return the type of the error."""
    name, values, named = call
    try:
        return getattr(kind, name)(*values, **named)
    except TypeError:
        return TypeError


def shown(thing: object) -> str:
    """Return how something shows itself, without the function that its class stands in."""
    return repr(thing).replace("classes.<locals>.", "")


@given(CALLS, CALLS)
def test_the_same_call_makes_the_same(one: Any, other: Any) -> None:
    ours, theirs = made(OURS, one), made(THEIRS, one)
    assert (ours is TypeError) == (theirs is TypeError)
    assert shown(ours) == shown(theirs)
    if ours is TypeError:
        return
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert vars(ours) == vars(theirs)
    assert (ours == made(OURS, other)) == (theirs == made(THEIRS, other))
    assert ours == made(OURS, one)
    try:
        expected = hash(theirs) is not None
    except TypeError:
        expected = False
    if expected:
        assert hash(ours) == hash(made(OURS, one))
    else:
        with pytest.raises(TypeError):
            hash(ours)


@pytest.mark.parametrize("name", sorted(vars(OURS)))
def test_the_standard_librarys_functions_see_the_same_fields(name: str) -> None:
    ours: Any = getattr(OURS, name)
    theirs: Any = getattr(THEIRS, name)
    assert dataclasses.is_dataclass(ours)
    told = [
        [
            (field.name, field.type, field.default, field.default_factory, field.repr, field.compare, field.kw_only)
            for field in dataclasses.fields(kind)
        ]
        for kind in (ours, theirs)
    ]
    assert told[0] == told[1]
    assert vars(ours)["__match_args__"] == vars(theirs)["__match_args__"]
    assert ours.__doc__ == theirs.__doc__


@pytest.mark.parametrize("replace", [records.replace, dataclasses.replace])
@pytest.mark.parametrize("kind", [OURS, THEIRS], ids=WAYS)
def test_a_copy_with_changes_has_them_whoever_made_it(kind: SimpleNamespace, replace: Any) -> None:
    thing = kind.Below(name="a", parts=[1], more=2)
    assert replace(thing, name="b") == kind.Below(name="b", parts=[1], more=2)
    with pytest.raises(TypeError):
        replace(thing, unknown=1)


@pytest.mark.parametrize("kind", [OURS, THEIRS], ids=WAYS)
def test_what_is_frozen_stays_as_it_is(kind: SimpleNamespace) -> None:
    point = kind.Point(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.x = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del point.x
    assert copy.copy(point) == copy.deepcopy(point) == point
    changed = kind.Open(1)
    changed.first = 2
    assert changed == kind.Open(2)
    assert kind.Named.known == 7
    assert kind.Named(name="a").parts is not kind.Named(name="a").parts


def test_a_record_survives_pickling_and_heirs_of_either_kind() -> None:
    assert pickle.loads(pickle.dumps(Outside(1))) == Outside(1)

    @dataclasses.dataclass(frozen=True)
    class Heir(Outside):
        """The standard library's, of one of ours."""

        more: int = 0

    assert dataclasses.astuple(Heir(1, 2)) == (1, 2)
