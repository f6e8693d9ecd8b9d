"""`locked: true` on top of a policy: the layers above it may restate what it says, and say nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ci_guard.policy.layer import Layer
from ci_guard.policy.modes import in_force
from ci_guard.policy.place import BUILTIN, Stated
from ci_guard.policy.wording import refusal
from ci_guard.records import replace

HINT: Final = "The organisation's policy is meant to be the whole: leave this out."

FREE: Final = ("version", "extends", "locked")
"""Keys that ask for nothing."""


def check_locked(floor: Layer, nearer: Layer) -> None:
    """
    Refuse every key of a nearer layer that adds to what a lower one locked as a whole.

    A key that nobody thought of here is refused, too.
    Raises: `PolicyError` with the place of the key and of the lock.
    """
    if floor.locked is None:
        return
    for name, asked in nearer.controls.items():
        if name not in floor.controls:
            raise refusal(asked.place, f"this adds to what {floor.locked.brief} locked", hint=HINT)
    for key, place in nearer.said.items():
        restates = RESTATING.get(key)
        if place.file.startswith(BUILTIN) or key in FREE or (restates and restates(floor, nearer)):
            continue
        raise refusal(place, f"{key} adds to what {floor.locked.brief} locked", hint=HINT)


def locked_whole(merged: Layer) -> Layer:
    """Return joined layers with a lock on every control where one of them is locked as a whole, profiles included."""
    if merged.locked is None:
        return merged
    controls = {name: replace(asked, locked=asked.locked or merged.locked) for name, asked in merged.controls.items()}
    return replace(merged, controls=controls)


def _same(one: Stated[Any] | None, other: Stated[Any] | None) -> bool:
    return one is not None and other is not None and one.value == other.value


def _roles(floor: Layer, nearer: Layer) -> bool:
    return all(_same(stated, floor.roles.get(name)) for name, stated in nearer.roles.items())


RESTATING: Final[Mapping[str, Callable[[Layer, Layer], bool]]] = {
    "controls": lambda _floor, _nearer: True,  # each is locked, and held against what is locked there
    "mode": lambda floor, nearer: _same(in_force(floor), nearer.mode),
    "policy-branch": lambda floor, nearer: _same(floor.policy_branch, nearer.policy_branch),
    "audit": lambda floor, nearer: _same(floor.audit, nearer.audit),
    "roles": _roles,
}
"""Keys that may be restated, and whether a nearer layer does no more; all others are left out."""
