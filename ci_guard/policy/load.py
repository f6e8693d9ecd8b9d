"""From the texts of a policy's layers to one checked policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from ci_guard import hashing
from ci_guard.model.admission import Table, blanket
from ci_guard.model.auditing import OnFailure
from ci_guard.model.context import Context
from ci_guard.model.kinds import AtLevel
from ci_guard.model.meta import Meta
from ci_guard.model.origin import LayerOrigin
from ci_guard.model.roles import Role
from ci_guard.model.settings import OnInvisible, Policy, Settings
from ci_guard.model.waiver import Waiver
from ci_guard.policy import admission, baseline, glass, modes
from ci_guard.policy.layer import Asked, Layer
from ci_guard.policy.place import Place, Stated
from ci_guard.policy.stack import Stack, join
from ci_guard.policy.text import PolicyText, profile_text
from ci_guard.policy.uniting import unite
from ci_guard.policy.wording import listed, quoted, refusal
from ci_guard.records import replace


def load_builtin(name: str, metas: Sequence[Meta]) -> Policy:
    """Return the policy that a built-in profile is on its own: what applies where there is no file at all."""
    return load([profile_text(name)], metas)


def load(texts: Sequence[PolicyText], metas: Sequence[Meta]) -> Policy:
    """
    Return the policy that these layers make together.

    Shape and errors are those of `stack.join`; besides, `PolicyError` where nothing is required.
    """
    return policy_of(join(texts, metas), metas)


def policy_of(stack: Stack, metas: Sequence[Meta]) -> Policy:
    """
    Return the policy in its final form.

    Raises: `PolicyError` where nothing is required, by a control or by all of them, with any of the contexts.
    """
    merged = stack.merged
    if not merged.controls:
        place = Place(file=stack.names[-1], line=1, column=1)
        hint = "Write extends: builtin:baseline, or name controls and what each requires."
        raise refusal(place, "the policy requires nothing", hint=hint)

    def under(chosen: Sequence[Context]) -> Policy:
        return settled(stack, unite(merged, chosen, metas), metas, under if merged.contexts else None)

    for each in merged.contexts:
        under([each.context])  # or raise, whether it ever applies or not
    return under([])


def settled(
    stack: Stack, united: Layer, metas: Sequence[Meta], under: Callable[[Sequence[Context]], Policy] | None
) -> Policy:
    """Return the policy of all layers, `united` with what some of its contexts add."""
    admission.check_tables(united, united.controls)
    tables = tuple(stated.value for stated in united.admission)
    named = {name: stated.value for name, stated in united.roles.items()}
    origins = tuple(text.origin for text in stack.texts)
    files = (united.baseline.value.file,) if united.baseline else ()
    mode = modes.in_force(united)
    counting, waiver_notes = counting_waivers(united, stack.names)
    blankets = [note for table in tables for note in blanket(table, named)]
    return Policy(
        source=stack.names[-1],
        sha256=digest(stack.texts),
        layers=tuple(text.place for text in stack.texts),
        origins=origins,
        mode=mode.value if mode else None,
        policy_branch=united.policy_branch.value if united.policy_branch else "",
        controls={
            meta.id: replace(settings(meta, united.controls[meta.id], named, tables, origins), files=files)
            for meta in metas
            if meta.id in united.controls
        },
        waivers=counting,
        baseline=baseline.settled(united, len(stack.names) - 1),
        break_glass=glass.settled(united),
        notes=(
            *united.notes,
            *modes.without_effect(united),
            *left_out(united),
            *waiver_notes,
            *bots_without_effect(united, metas, stack.names),
            *blankets,
        ),
        contexts=tuple(each.context for each in united.contexts),
        roles=named,
        on_unrecorded=united.audit.value if united.audit else OnFailure.DENY,
        under=under,
    )


def digest(texts: Sequence[PolicyText]) -> str:
    """Return the SHA-256 of all layers; each one's length goes before it, so that no two lists of texts look alike."""
    total = hashing.digest("sha256", 0)
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
