"""From the texts of a policy's layers to one checked policy."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, Final

from ci_guard.model.admission import Table, blanket
from ci_guard.model.auditing import OnFailure
from ci_guard.model.context import Context
from ci_guard.model.kinds import AtLevel
from ci_guard.model.meta import Meta
from ci_guard.model.origin import LayerKind, LayerOrigin
from ci_guard.model.roles import Role
from ci_guard.model.settings import OnInvisible, Policy, Settings
from ci_guard.model.waiver import Waiver
from ci_guard.policy import admission, auditing, baseline, contexts, glass, roles, waivers
from ci_guard.policy.document import read_document
from ci_guard.policy.layer import Asked, Layer
from ci_guard.policy.layering import combine, settle, without, yielding
from ci_guard.policy.place import BUILTIN, Place, Stated
from ci_guard.policy.reading import LayerReader
from ci_guard.policy.text import PolicyText
from ci_guard.policy.uniting import unite
from ci_guard.policy.wording import listed, quoted, refusal

PROFILE_FOLDER: Final = Path(__file__).parent / "profiles"


def load_builtin(name: str, metas: Sequence[Meta]) -> Policy:
    """Return the policy that a built-in profile is on its own: what applies where there is no file at all."""
    return load([profile_text(name)], metas)


def profile_text(name: str) -> PolicyText:
    """Return a built-in profile's text."""
    return PolicyText(
        content=(PROFILE_FOLDER / f"{name}.yml").read_bytes(), place=BUILTIN + name, kind=LayerKind.BUILTIN
    )


def load(texts: Sequence[PolicyText], metas: Sequence[Meta]) -> Policy:
    """
    Return the policy that these layers make together.

    Shape: `texts` is not empty, the one nearest the organisation first; a profile that a text extends lies below it and
    belongs to it. `metas` are all controls, in the order in which they are reported.
    Raises: `PolicyError` for whatever a layer may not say, for layers that loosen, and where nothing is required.
    """
    used: list[PolicyText] = []
    merged = Layer()
    for rank, text in enumerate(texts):
        below = merged if any(each.floor for each in texts[:rank]) else None
        profile, layer = read_rank(text, rank, metas, below)
        used += [profile, text] if profile else [text]
        floor = settle(merged, metas)
        if rank:
            floor = auditing.settled(floor, texts[rank - 1].place, rank - 1)
        admission.check_locked(floor, layer)
        layer = waivers.held(layer, floor)
        layer = replace(layer, contexts=contexts.checked(layer, floor, metas))
        merged = combine(floor, layer, metas)
        roles.check_names(layer, merged.roles)
    merged = settle(merged, metas)
    if not merged.controls:
        place = Place(file=texts[-1].place, line=1, column=1)
        hint = "Write extends: builtin:baseline, or name controls and what each requires."
        raise refusal(place, "the policy requires nothing", hint=hint)
    names = [text.place for text in texts]

    tables = tuple(stated.value for stated in merged.admission)
    named = {name: stated.value for name, stated in merged.roles.items()}

    origins = tuple(text.origin for text in used)

    blankets = [note for table in tables for note in blanket(table, named)]

    def under(chosen: Sequence[Context]) -> Policy:
        united = unite(merged, chosen, metas)
        counting, waiver_notes = counting_waivers(united, names)
        asked = united.controls
        admission.check_tables(united, asked)
        return Policy(
            source=names[-1],
            sha256=digest(used),
            layers=tuple(text.place for text in used),
            origins=origins,
            mode=united.mode.value if united.mode else None,
            controls={
                meta.id: settings(meta, asked[meta.id], named, tables, origins) for meta in metas if meta.id in asked
            },
            waivers=counting,
            baseline=baseline.settled(united, len(texts) - 1),
            break_glass=glass.settled(united),
            notes=(*left_out(united), *waiver_notes, *bots_without_effect(united, metas, names), *blankets),
            contexts=tuple(each.context for each in merged.contexts),
            roles=named,
            on_unrecorded=united.audit.value if united.audit else OnFailure.DENY,
            under=under if merged.contexts else None,
        )

    for each in merged.contexts:
        under([each.context])  # or raise, whether it ever applies or not
    return under([])


def read_rank(
    text: PolicyText, rank: int, metas: Sequence[Meta], below: Layer | None = None
) -> tuple[PolicyText | None, Layer]:
    """Return the profile that a text extends, and what both say together; `below` is what a floor asks, if any."""
    reader = LayerReader(metas, rank)
    extends, layer = reader.read(read_document(text.content, text.place))
    if extends is None:
        return None, layer
    profile = profile_text(extends.value)
    _, base = reader.read(read_document(profile.content, profile.place, extends.place))
    if below is not None:
        base = yielding(base, settle(below, metas), metas)
    return profile, combine(without(base, layer.disabled), layer, metas)


def digest(texts: Sequence[PolicyText]) -> str:
    """Return the SHA-256 of all layers; each one's length goes before it, so that no two lists of texts look alike."""
    total = hashlib.sha256()
    for text in texts:
        total.update(b"%d\n" % len(text.content))
        total.update(text.content)
    return total.hexdigest()


def settings(
    meta: Meta,
    asked: Asked,
    named: Mapping[str, Role],
    tables: tuple[Table, ...],
    origins: tuple[LayerOrigin, ...],
) -> Settings:
    """Return a settled control in its final form, or raise `PolicyError` where it requires nothing."""
    if not asked.require:
        known = listed(requirement.id for requirement in meta.requirements)
        hint = f"Write under require what it shall judge, or enabled: false. It can require {known}."
        raise refusal(asked.place, f"{meta.id} is enabled and requires nothing", hint=hint)
    return Settings(
        require={name: stated.value for name, stated in asked.require.items()},
        branches=asked.branches.value if asked.branches else (),
        on=asked.on.value if asked.on else None,
        on_invisible=asked.on_invisible.value if asked.on_invisible else OnInvisible.DENY,
        bots={
            name: tuple(dict.fromkeys(bot.value for bot in asked.bots if bot.rank <= stated.rank))
            for name, stated in asked.require.items()
            if "bots" in meta.options and isinstance(meta.requirement(name).kind, AtLevel)
        },
        roles=named,
        admission=tables,
        origins=origins,
        said_by={
            **{name: stated.said_by for name, stated in asked.require.items()},
            **{name: stated.said_by for name, stated in options(asked).items() if stated},
        },
    )


def options(asked: Asked) -> dict[str, Stated[Any] | None]:
    """Return what is said beside the requirements, by its key."""
    return {"branches": asked.branches, "on": asked.on, "on-invisible": asked.on_invisible}


def counting_waivers(merged: Layer, names: Sequence[str]) -> tuple[tuple[Waiver, ...], list[str]]:
    """Return the waivers that count, and notes on the rest: nobody waives what a layer nearer the organisation set."""
    counting, notes = [], []
    for stated in merged.waivers:
        waiver = stated.value
        name = f"Waiver for {waiver.control}/{waiver.requirement} at {waiver.place}"
        control = merged.controls.get(waiver.control)
        asked = control.require.get(waiver.requirement) if control else None
        later = (each.adds.controls.get(waiver.control) for each in merged.contexts)
        if not asked and any(adds and waiver.requirement in adds.require for adds in later):
            continue  # a context asks for it that does not apply
        if not asked:
            notes.append(f"{name} covers nothing: no layer requires it.")
        elif stated.rank > asked.rank:
            notes.append(f"{name} does not count: {names[asked.rank]} requires it.")
        else:
            counting.append(waiver)
    return tuple(counting), notes


def bots_without_effect(merged: Layer, metas: Sequence[Meta], names: Sequence[str]) -> Iterator[str]:
    """Note each bot that does not count for a level, because a layer nearer the organisation set that level."""
    for meta in metas:
        if asked := merged.controls.get(meta.id):
            for bot, (name, stated) in product(asked.bots, asked.require.items()):
                if bot.rank > stated.rank and isinstance(meta.requirement(name).kind, AtLevel):
                    bot_name = f"Bot {quoted(bot.value.login)} at {bot.said_by}"
                    yield f"{bot_name} does not count for {meta.id}/{name}: {names[stated.rank]} requires it."


def left_out(merged: Layer) -> Iterator[str]:
    """Note each control that a layer names only to switch it off."""
    for name, place in merged.disabled.items():
        yield f"{name} is not judged: {place.brief} disables it."
