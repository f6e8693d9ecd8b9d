"""The mode of a whole policy: an organisation's layer that says nothing of it enforces."""

from __future__ import annotations

from collections.abc import Iterator

from ci_guard.model.origin import LayerKind
from ci_guard.model.settings import Mode
from ci_guard.policy.layer import Layer
from ci_guard.policy.place import Place, Stated
from ci_guard.policy.text import PolicyText
from ci_guard.records import replace


def settled(merged: Layer, text: PolicyText, rank: int) -> Layer:
    """
    Write out that the layers up to an organisation's enforce where none of them says anything.

    Else whoever is judged by a floor would be the one who says whether its denial stops anything. An organisation that
    only wants to look says `mode: report` itself.
    """
    if text.kind is not LayerKind.REMOTE or merged.mode or merged.enforced:
        return merged
    start = Place(file=text.place, line=1, column=1)
    return replace(merged, enforced=Stated(value=Mode.ENFORCE, places=(start,), rank=rank))


def in_force(layer: Layer) -> Stated[Mode] | None:
    """Return the mode of all layers together; None where a caller may choose."""
    if layer.enforced and not (layer.mode and layer.mode.value is Mode.ENFORCE):
        return layer.enforced
    return layer.mode


def without_effect(layer: Layer) -> Iterator[str]:
    """Note a `report` that has none, because an organisation's layer below it enforces by saying nothing."""
    if layer.enforced and layer.mode and layer.mode.value is Mode.REPORT:
        floor = layer.enforced.place.file
        yield f"mode: report at {layer.mode.said_by} does not count: {floor} says no mode, so that it enforces."
