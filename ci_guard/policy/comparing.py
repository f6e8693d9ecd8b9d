"""What got stricter or looser between two policies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ci_guard.model.kinds import AllOf, Kind, NoneBut, Value, names
from ci_guard.model.meta import Meta
from ci_guard.model.run import Event
from ci_guard.model.settings import DEFAULT_EVENTS, Mode, OnInvisible, Policy, Settings
from ci_guard.model.waiver import Waiver
from ci_guard.records import dataclass

STRICTER, LOOSER, OTHER = "stricter", "looser", "other"


@dataclass(frozen=True, kw_only=True)
class Change:
    """Something that differs between two policies."""

    what: str
    direction: str
    """`stricter`, `looser`, or `other` where neither is told by the setting alone."""
    before: str
    after: str


def changes(old: Policy, new: Policy, metas: Sequence[Meta]) -> Iterator[Change]:
    """Yield what differs, in report order."""
    if old.mode is not new.mode:
        modes = [each.value if each else "not said" for each in (old.mode, new.mode)]
        looser = new.mode is Mode.REPORT or (old.mode is Mode.ENFORCE and new.mode is None)
        yield Change(what="mode", direction=LOOSER if looser else STRICTER, before=modes[0], after=modes[1])
    for meta in metas:
        before, after = old.controls.get(meta.id), new.controls.get(meta.id)
        if before and after:
            yield from control_changes(meta, before, after)
        elif before or after:
            words = ("judged", "not judged") if before else ("not judged", "judged")
            yield Change(what=meta.id, direction=LOOSER if before else STRICTER, before=words[0], after=words[1])
    yield from listed_changes("waiver", map(shown_waiver, old.waivers), map(shown_waiver, new.waivers), more=LOOSER)
    contexts = [[f"{context.name}: {context.when}" for context in policy.contexts] for policy in (old, new)]
    yield from listed_changes("context", *contexts, more=OTHER)


def control_changes(meta: Meta, before: Settings, after: Settings) -> Iterator[Change]:
    """Yield what differs in one control."""
    for requirement in meta.requirements:
        what = f"{meta.id}/{requirement.id}"
        old, new, kind = before.require.get(requirement.id), after.require.get(requirement.id), requirement.kind
        if old is None and new is not None:
            yield Change(what=what, direction=STRICTER, before="not judged", after=kind.show(new))
        elif new is None and old is not None:
            yield Change(what=what, direction=LOOSER, before=kind.show(old), after="not judged")
        elif old is not None and new is not None and old != new:
            yield Change(what=what, direction=direction(kind, old, new), before=kind.show(old), after=kind.show(new))
    if before.on_invisible is not after.on_invisible:
        yield Change(
            what=f"{meta.id} on-invisible",
            direction=LOOSER if after.on_invisible is OnInvisible.WARN else STRICTER,
            before=before.on_invisible.value,
            after=after.on_invisible.value,
        )
    yield from listed_changes(f"{meta.id} branches", before.branches, after.branches, more=STRICTER)
    if "on" in meta.options:
        yield from listed_changes(f"{meta.id} on", events(before), events(after), more=STRICTER)
    bots = [
        sorted(f"{bot.login} ({bot.id}) for {name}" for name, all_ in each.bots.items() for bot in all_)
        for each in (before, after)
    ]
    yield from listed_changes(f"{meta.id} bot", *bots, more=LOOSER)
    for name in ("roles", "admission"):
        if getattr(before, name) != getattr(after, name) and uses(meta, before, after, name):
            yield Change(what=f"{meta.id} {name}", direction=OTHER, before="as it was", after="defined otherwise")


def uses(meta: Meta, before: Settings, after: Settings, name: str) -> bool:
    """Tell whether a control goes by the roles or the table, which every control's settings carry."""
    return meta.id == "admission" or (name == "roles" and any("role" in each.require for each in (before, after)))


def direction(kind: Kind, old: Value, new: Value) -> str:
    """Return whether the new value asks for more than the old."""
    if isinstance(kind, AllOf | NoneBut):
        more, less = names(new) > names(old), names(new) < names(old)
        if isinstance(kind, NoneBut):
            more, less = less, more
        return STRICTER if more else LOOSER if less else OTHER
    return LOOSER if kind.asks_for_less(new, old) else STRICTER


def listed_changes(
    what: str, before: Iterator[str] | Sequence[str], after: Iterator[str] | Sequence[str], *, more: str
) -> Iterator[Change]:
    """Yield each entry that one list has and the other has not; `more` is what a further entry does."""
    old, new = dict.fromkeys(before), dict.fromkeys(after)
    less = {STRICTER: LOOSER, LOOSER: STRICTER}.get(more, OTHER)
    for entry in old:
        if entry not in new:
            yield Change(what=what, direction=less, before=entry, after="gone")
    for entry in new:
        if entry not in old:
            yield Change(what=what, direction=more, before="not there", after=entry)


def shown_waiver(waiver: Waiver) -> str:
    """Return a waiver for people."""
    subject = f" ({waiver.subject})" if waiver.subject else ""
    return f"{waiver.control}/{waiver.requirement}{subject} until {waiver.until}"


def events(settings: Settings) -> list[str]:
    """Return the events on which a control is judged, in the order of the vocabulary."""
    on = DEFAULT_EVENTS if settings.on is None else settings.on
    return [event.value for event in Event if event in on]
