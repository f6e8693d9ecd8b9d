"""Take knowledge away from facts, one piece at a time: for the property that no one gains by making a fact unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import partial
from typing import Any, TypeVar

from ci_guard.model.branch import Enforced
from ci_guard.model.fact import Cause, Known, Unknown
from ci_guard.model.judgement import Judgement, Outcome

T = TypeVar("T")

OPEN = (Outcome.PASS, Outcome.NOT_APPLICABLE)
"""Outcomes that deny nothing."""


def weakened(value: T, cause: Cause) -> Iterator[tuple[str, T]]:
    """
    Yield every variant of `value` in which a single known fact is unknown, or a single complete reading is not.

    Shape: pairs of the place, such as `.run.event`, and the variant; facts inside of facts are taken away one by one
    too.
    """
    yield from variants(value, Unknown(reason="taken away by the test", cause=cause))


def variants(value: Any, lost: Unknown) -> Iterator[tuple[str, Any]]:
    """See `weakened`."""
    if isinstance(value, Known):
        yield "", lost
        for place, inner in variants(value.value, lost):
            yield place, replace(value, value=inner)
        return
    if isinstance(value, Enforced) and value.hidden is None:
        yield ".hidden", replace(value, hidden=lost)
    for step, part, put in parts(value):
        for place, inner in variants(part, lost):
            yield f"{step}{place}", put(inner)


def parts(value: Any) -> Iterator[tuple[str, Any, Callable[[Any], Any]]]:
    """Yield what a value is made of: the step to it, the part, and how to put another in its place."""
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            yield f"[{index}]", item, partial(with_item, value, index)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield f"[{key!r}]", item, partial(with_entry, value, key)
    elif is_dataclass(value) and not isinstance(value, (type, Unknown)):
        for field in fields(value):
            yield f".{field.name}", getattr(value, field.name), partial(with_field, value, field.name)


def with_item(value: tuple[Any, ...], index: int, new: Any) -> tuple[Any, ...]:
    """Return the tuple with one item replaced."""
    return (*value[:index], new, *value[index + 1 :])


def with_entry(value: Mapping[Any, Any], key: Any, new: Any) -> dict[Any, Any]:
    """Return the mapping with one entry replaced."""
    return {**value, key: new}


def with_field(value: Any, name: str, new: Any) -> Any:
    """Return the dataclass with one field replaced."""
    return replace(value, **{name: new})


def gains(before: Sequence[Judgement], after: Sequence[Judgement]) -> list[str]:
    """
    Return what `after` gained over `before`: a pass or a not-applicable that was none, or a refusal that vanished.

    Judgements of one requirement and subject are compared with each other: each open outcome must have been there
    before.
    """
    found = []
    for judgement in after:
        key = (judgement.requirement, judgement.subject, judgement.outcome)
        if judgement.outcome in OPEN and key not in {(one.requirement, one.subject, one.outcome) for one in before}:
            found.append(f"{judgement.requirement} of {judgement.subject!r} became {judgement.outcome.value}")
    for judgement in before:
        still = [one for one in after if one.requirement == judgement.requirement]
        if judgement.outcome not in OPEN and all(one.outcome in OPEN for one in still):
            found.append(f"the {judgement.outcome.value} of {judgement.requirement} vanished")
    return found


def tolerable(before: Sequence[Judgement], after: Sequence[Judgement]) -> list[str]:
    """
    Return what became an unknown that a policy could tolerate, where the fact taken away was unavailable.

    A subject that is new, because an excuse fell away, may be invisible for its own sake beside an unavailable one.
    """
    known = {(one.requirement, one.subject) for one in before}
    open_before = {(one.requirement, one.subject) for one in before if one.outcome is Outcome.UNKNOWN}
    lost = {(one.requirement, one.subject) for one in after if one.cause is Cause.UNAVAILABLE}
    found = []
    for one in after:
        key = (one.requirement, one.subject)
        is_new = key not in known
        excused = key in open_before | lost or (is_new and any(name == one.requirement for name, _ in lost))
        if one.cause is Cause.INVISIBLE and not excused:
            found.append(f"{one.requirement} of {one.subject!r} became invisible")
    return found
