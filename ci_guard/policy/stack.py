"""The layers of a policy, each as it was checked, and what they ask together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ci_guard.model.meta import Meta
from ci_guard.policy import admission, auditing, contexts, modes, policy_branch, roles, waivers
from ci_guard.policy.document import Node, read_document
from ci_guard.policy.extending import extends_of
from ci_guard.policy.layer import Layer
from ci_guard.policy.layering import combine, settle, without, yielding
from ci_guard.policy.locking import check_locked, locked_whole
from ci_guard.policy.reading import LayerReader
from ci_guard.policy.text import PolicyText, profile_text
from ci_guard.policy.wording import refusal
from ci_guard.records import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Layers that were held against each other, the one nearest the organisation first; its index is its rank."""

    ranks: tuple[Layer, ...]
    """Each with the profile that it extends."""
    names: tuple[str, ...]
    """As messages name each; two have the same where one file holds both."""
    merged: Layer
    """What all of them ask together, defaults written out."""
    texts: tuple[PolicyText, ...]
    """Every text that was read, profiles included."""


def join(texts: Sequence[PolicyText], metas: Sequence[Meta]) -> Stack:
    """
    Return the layers of these texts, joined.

    Shape: `texts` is not empty, the one nearest the organisation first; a profile that a text extends lies below it and
    belongs to it. `metas` are all controls, in the order in which they are reported.
    Raises: `PolicyError` for whatever a layer may not say, and for layers that loosen.
    """
    used: list[PolicyText] = []
    ranks: list[Layer] = []
    names: list[str] = []
    merged = Layer()
    for text, root in _roots(texts):
        rank = len(ranks)
        below = merged if any(each.floor for each in used) else None
        profile, layer = read_rank(root, rank, metas, below)
        used += [profile] if profile else []
        used += [text] if all(each is not text for each in used) else []
        floor = settle(merged, metas)
        if rank:
            floor = auditing.settled(floor, names[-1], rank - 1)
        check_locked(floor, layer)
        admission.check_locked(floor, layer)
        policy_branch.check(floor, layer, text)
        layer = waivers.held(layer, floor)
        layer = replace(layer, contexts=contexts.checked(layer, floor, metas))
        merged = modes.settled(locked_whole(combine(floor, layer, metas)), text, rank)
        roles.check_names(layer, merged.roles)
        ranks.append(layer)
        names.append(text.place)
    return Stack(ranks=tuple(ranks), names=tuple(names), merged=settle(merged, metas), texts=tuple(used))


def _roots(texts: Sequence[PolicyText]) -> Iterator[tuple[PolicyText, Node]]:
    """
    Yield every policy of every text.

    Raises: `PolicyError` where one that is not the first of its file extends an organisation's: it would lie between.
    """
    for text in texts:
        first, *others = text.roots
        yield text, first
        for root in others:
            if isinstance(root.value, dict) and "extends" in root.value:
                node = root.value["extends"]
                if not isinstance(extends_of(node), str):
                    hint = "Extend it in the first policy of the file."
                    raise refusal(node.place, "extends an organisation's policy from above another one", hint=hint)
            yield text, root


def read_rank(
    root: Node, rank: int, metas: Sequence[Meta], below: Layer | None = None
) -> tuple[PolicyText | None, Layer]:
    """Return the profile that a policy extends, and what both say together; `below` is what a floor asks, if any."""
    reader = LayerReader(metas, rank)
    extends, layer = reader.read(root)
    if extends is None:
        return None, layer
    profile = profile_text(extends.value)
    _, base = reader.read(read_document(profile.content, profile.place, extends.place))
    if below is not None:
        base = yielding(base, settle(below, metas), metas)
    return profile, combine(without(base, layer.disabled), layer, metas)
