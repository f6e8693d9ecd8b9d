"""Put what contexts add onto a policy: several may apply, in no order, and whatever is stricter holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeVar

from ci_guard.model.context import Context
from ci_guard.model.meta import Meta
from ci_guard.model.settings import OnInvisible
from ci_guard.policy.layer import Asked, Layer
from ci_guard.policy.layering import combine_branches, joint
from ci_guard.policy.place import Stated
from ci_guard.records import replace

T = TypeVar("T")


def unite(base: Layer, chosen: Collection[Context], metas: Sequence[Meta]) -> Layer:
    """
    Return a settled layer with what the chosen ones of its contexts add.

    A context of a layer near the organisation makes a requirement that layer's, so that nobody nearer the project
    waives it.
    """
    controls = dict(base.controls)
    for each in base.contexts:
        if each.context not in chosen:
            continue
        for meta in metas:
            if asked := each.adds.controls.get(meta.id):
                below = controls.get(meta.id)
                controls[meta.id] = unite_control(meta, below, asked) if below else asked
    ordered = {meta.id: controls[meta.id] for meta in metas if meta.id in controls}
    disabled = {name: place for name, place in base.disabled.items() if name not in ordered}
    return replace(base, controls=ordered, disabled=disabled)


def unite_control(meta: Meta, one: Asked, other: Asked) -> Asked:
    """Return what both ask of a control, whichever asks for more."""
    require = {}
    for requirement in meta.requirements:
        here, there = one.require.get(requirement.id), other.require.get(requirement.id)
        if here and there:
            require[requirement.id] = _joint(requirement.kind.merge(there.value, here.value), here, there)
        elif found := here or there:
            require[requirement.id] = found
    on = one.on or other.on
    if one.on and other.on:
        on = _joint(one.on.value | other.on.value, one.on, other.on)
    on_invisible = one.on_invisible or other.on_invisible
    if one.on_invisible and other.on_invisible:
        words = (one.on_invisible.value, other.on_invisible.value)
        strict = OnInvisible.DENY if OnInvisible.DENY in words else OnInvisible.WARN
        on_invisible = _joint(strict, one.on_invisible, other.on_invisible)
    branches = combine_branches(one.branches, other.branches)
    return replace(
        one if one.rank <= other.rank else replace(one, place=other.place, rank=other.rank),
        require=require,
        branches=branches,
        on=on,
        on_invisible=on_invisible,
    )


def _joint(value: T, one: Stated[T], other: Stated[T]) -> Stated[T]:
    return replace(joint(value, one, other), rank=min(one.rank, other.rank))
