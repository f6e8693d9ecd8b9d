"""Hold layers against each other: a nearer one may only tighten; what would loosen is an error with both places."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from ci_guard.errors import PolicyError
from ci_guard.model.auditing import OnFailure
from ci_guard.model.kinds import Kind, Value
from ci_guard.model.meta import Meta
from ci_guard.model.roles import Role
from ci_guard.model.run import Event
from ci_guard.model.settings import DEFAULT_EVENTS, Mode, OnInvisible
from ci_guard.policy.layer import Asked, Layer, WaiverRules
from ci_guard.policy.place import BUILTIN, Place, Stated
from ci_guard.policy.wording import harmless, quoted, refusal
from ci_guard.records import replace

DEFAULT_BRANCHES: Final = ("default",)
"""Where a control that takes `branches` is judged when no layer names any."""

LONGEST_VALUE: Final = 200
"""Characters of a value that an error shows: both are needed to see what they differ in."""

T = TypeVar("T")
E = TypeVar("E", Mode, OnInvisible, OnFailure)


def combine(floor: Layer, nearer: Layer, metas: Sequence[Meta]) -> Layer:
    """
    Return the one layer that asks all that both ask.

    Raises: `PolicyError` where `nearer` asks for less than `floor`, or changes what `floor` locked or named.
    """
    controls: dict[str, Asked] = {}
    for meta in metas:
        below, above = floor.controls.get(meta.id), nearer.controls.get(meta.id)
        if below and meta.id in nearer.disabled:
            raise loosening(nearer.disabled[meta.id], meta.id, "enabled: false", below.place.brief, "it enabled")
        if below and above:
            controls[meta.id] = combine_control(meta, below, above)
        elif found := below or above:
            controls[meta.id] = found
    return Layer(
        said={**floor.said, **nearer.said},
        locked=floor.locked or nearer.locked,
        mode=stricter("mode", floor.mode, nearer.mode, Mode.ENFORCE),
        enforced=floor.enforced or nearer.enforced,
        policy_branch=floor.policy_branch or nearer.policy_branch,
        controls=controls,
        disabled={name: place for name, place in {**floor.disabled, **nearer.disabled}.items() if name not in controls},
        waivers=floor.waivers + nearer.waivers,
        waiver_rules=combine_rules(floor.waiver_rules, nearer.waiver_rules),
        baseline=only_one("a baseline", floor.baseline, nearer.baseline),
        break_glass=only_one("break-glass", floor.break_glass, nearer.break_glass),
        roles=combine_roles(floor.roles, nearer.roles),
        contexts=floor.contexts + nearer.contexts,
        admission=floor.admission + nearer.admission,
        notes=floor.notes + nearer.notes,
        audit=stricter("audit on-failure", floor.audit, nearer.audit, OnFailure.DENY),
    )


def combine_rules(floor: WaiverRules, nearer: WaiverRules) -> WaiverRules:
    """Return what both ask of waivers; raise `PolicyError` where the nearer one lets them last longer."""
    below, above = floor.max_days, nearer.max_days
    if below and above and above.value > below.value:
        raise loosening(above.place, "max-days", str(above.value), below.said_by, str(below.value))
    return WaiverRules(max_days=above or below, needs={**nearer.needs, **floor.needs})


def only_one(what: str, floor: Stated[T] | None, nearer: Stated[T] | None) -> Stated[T] | None:
    """Return what one layer says and no other may; raise `PolicyError` where both do."""
    if floor and nearer:
        raise refusal(nearer.place, f"{what} stands at {floor.said_by} already", hint="Leave the lines out.")
    return floor or nearer


def combine_roles(floor: Mapping[str, Stated[Role]], nearer: Mapping[str, Stated[Role]]) -> dict[str, Stated[Role]]:
    """
    Return the roles of both layers.

    Raises: `PolicyError` where a nearer layer says otherwise who holds a role: it would let itself in.
    """
    for name, stated in nearer.items():
        if name in floor and floor[name].value != stated.value:
            what = f"the role {quoted(name)} is not what {floor[name].said_by} says"
            raise refusal(stated.place, what, hint="Restate it as it is, or name another role.")
    return {**nearer, **floor}


def settle(floor: Layer, metas: Sequence[Meta]) -> Layer:
    """
    Write out the defaults of the controls that a layer enables.

    A layer that leaves `on-invisible` out asks for its default, deny, as firmly as for anything else: without this, a
    nearer layer could put `warn` there, judge other branches instead of the default one, or leave events out.
    """
    controls = {}
    for meta in metas:
        if asked := floor.controls.get(meta.id):
            here, rank = (asked.place,), asked.rank
            branches = on = None
            if "branches" in meta.options:
                branches = asked.branches or Stated(value=DEFAULT_BRANCHES, places=here, rank=rank)
            if "on" in meta.options:
                on = asked.on or Stated(value=DEFAULT_EVENTS, places=here, rank=rank)
            on_invisible = asked.on_invisible or Stated(value=OnInvisible.DENY, places=here, rank=rank)
            controls[meta.id] = replace(asked, branches=branches, on=on, on_invisible=on_invisible)
    return replace(floor, controls=controls)


def without(profile: Layer, disabled: Mapping[str, Place]) -> Layer:
    """Return a profile without the controls that the very file which chose it leaves out."""
    return replace(profile, controls={name: asked for name, asked in profile.controls.items() if name not in disabled})


def combine_control(meta: Meta, floor: Asked, nearer: Asked) -> Asked:
    """Combine what two layers say of one control."""
    if floor.locked:
        check_unchanged(meta, floor, nearer, floor.locked)
    require = {}
    for requirement in meta.requirements:
        below, above = floor.require.get(requirement.id), nearer.require.get(requirement.id)
        if below and above:
            require[requirement.id] = combine_values(f"{meta.id} {requirement.id}", requirement.kind, below, above)
        elif found := below or above:
            require[requirement.id] = found
    return Asked(
        place=floor.place,
        rank=floor.rank,
        require=require,
        branches=combine_branches(floor.branches, nearer.branches),
        on=combine_events(f"{meta.id} on", floor.on, nearer.on),
        on_invisible=stricter(f"{meta.id} on-invisible", floor.on_invisible, nearer.on_invisible, OnInvisible.DENY),
        bots=floor.bots + nearer.bots,
        locked=floor.locked or nearer.locked,
    )


def combine_values(what: str, kind: Kind, floor: Stated[Value], nearer: Stated[Value]) -> Stated[Value]:
    """
    Combine two values of one requirement.

    The layer that set it stays the one nearest the organisation that asks for it at all: a project that asks for more
    does not thereby win the right to waive what its organisation asks.
    """
    if kind.asks_for_less(nearer.value, floor.value):
        raise loosening(nearer.place, what, kind.show(nearer.value), floor.said_by, kind.show(floor.value))
    return joint(kind.merge(nearer.value, floor.value), floor, nearer)


def combine_branches(
    floor: Stated[tuple[str, ...]] | None, nearer: Stated[tuple[str, ...]] | None
) -> Stated[tuple[str, ...]] | None:
    """Return all entries, each once, the floor's first."""
    if floor and nearer:
        return joint(tuple(dict.fromkeys(floor.value + nearer.value)), floor, nearer)
    return floor or nearer


def combine_events(
    what: str, floor: Stated[frozenset[Event]] | None, nearer: Stated[frozenset[Event]] | None
) -> Stated[frozenset[Event]] | None:
    """Return the nearer events, which may not leave out one of the floor's."""
    if floor and nearer and floor.value - nearer.value:
        raise loosening(nearer.place, what, events(nearer.value), floor.said_by, events(floor.value))
    return joint(nearer.value, floor, nearer) if floor and nearer else floor or nearer


def stricter(what: str, floor: Stated[E] | None, nearer: Stated[E] | None, strict: E) -> Stated[E] | None:
    """Return the strict word where either layer says it; a nearer layer may not take it back."""
    if not floor or not nearer:
        return floor or nearer
    if floor.value is strict and nearer.value is not strict:
        raise loosening(nearer.place, what, nearer.value.value, floor.said_by, floor.value.value)
    return joint(nearer.value, floor, nearer)


def joint(value: T, floor: Stated[T], nearer: Stated[T]) -> Stated[T]:
    """Return a combined value, said by whoever says just that, or by both."""
    if value == floor.value:
        places = floor.places
    elif value == nearer.value:
        places = nearer.places
    else:
        places = floor.places + nearer.places
    return Stated(value=value, places=places, rank=floor.rank)


def yielding(profile: Layer, floor: Layer, metas: Sequence[Meta]) -> Layer:
    """
    Return a built-in profile without what is weaker than a floor.

    Whoever extends a profile above a floor asks for less in no line of their own, and every repository would be refused
    on the day its organisation names a stricter floor.
    """
    controls: dict[str, Asked] = {}
    notes: list[str] = []
    for meta in metas:
        if not (asked := profile.controls.get(meta.id)):
            continue
        if floor.locked and meta.id not in floor.controls:
            notes.append(f"{meta.id} of {asked.place} is not judged: {floor.locked.brief} locked what it asks.")
            continue
        if below := floor.controls.get(meta.id):
            kinds = {requirement.id: requirement.kind for requirement in meta.requirements}
            require = {
                name: stated
                for name, stated in asked.require.items()
                if name not in below.require or not kinds[name].asks_for_less(stated.value, below.require[name].value)
            }
            events = asked.on and below.on and below.on.value - asked.on.value
            asked = replace(asked, require=require, on_invisible=None, on=None if events else asked.on)
            if below.locked:
                asked = without_profile(asked)
        controls[meta.id] = asked
    return replace(profile, controls=controls, notes=tuple(notes))


def of_profile(stated: Stated[Any]) -> bool:
    """Tell whether a built-in profile alone says so."""
    return all(place.file.startswith(BUILTIN) for place in stated.places)


def without_profile(asked: Asked) -> Asked:
    """Return what a layer says of a control in lines of its own."""

    def own(stated: Stated[T] | None) -> Stated[T] | None:
        return None if stated is None or of_profile(stated) else stated

    require = {name: stated for name, stated in asked.require.items() if not of_profile(stated)}
    branches, on, on_invisible = own(asked.branches), own(asked.on), own(asked.on_invisible)
    return replace(asked, require=require, branches=branches, on=on, on_invisible=on_invisible)


def check_unchanged(meta: Meta, floor: Asked, nearer: Asked, locked: Place) -> None:
    """Refuse a nearer layer that does more than restate what a lower one locked."""

    def check(what: str, above: Stated[T] | None, below: Stated[T] | None, show: Callable[[T], str]) -> None:
        if above and (not below or as_set(above.value) != as_set(below.value)):
            raise refusal(
                above.place,
                f"{meta.id} {what} would change what {locked.brief} locked",
                saw=harmless(show(above.value), LONGEST_VALUE),
                expected=harmless(show(below.value), LONGEST_VALUE) if below else "it left out",
                hint="Restate it as it is, or leave the line out.",
            )

    for name, value in nearer.require.items():
        check(name, value, floor.require.get(name), meta.requirement(name).kind.show)
    for bot in nearer.bots:
        check("bots", bot, next((known for known in floor.bots if known.value == bot.value), None), lambda it: it.login)
    check("branches", nearer.branches, floor.branches, ", ".join)
    check("on", nearer.on, floor.on, events)
    check("on-invisible", nearer.on_invisible, floor.on_invisible, lambda word: word.value)


def as_set(value: object) -> object:
    """Return a list as the set that it means, and anything else as it is."""
    return frozenset(value) if isinstance(value, tuple) else value


def events(words: frozenset[Event]) -> str:
    """Return events in the order of the vocabulary."""
    return ", ".join(event.value for event in Event if event in words)


def loosening(place: Place, what: str, saw: str, floor: str, expected: str) -> PolicyError:
    """Return the error for a layer that asks for less than one below it."""
    hint = "A layer can only tighten what stands below it: ask for as much or more, or leave the line out."
    return refusal(
        place,
        f"{what} asks for less than {floor}",
        saw=harmless(saw, LONGEST_VALUE),
        expected=f"{harmless(expected, LONGEST_VALUE)}, or stricter",
        hint=hint,
    )
