"""What differs in what controls are asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ci_guard.model.kinds import AllOf, Kind, NoneBut, Value, names
from ci_guard.model.meta import Meta
from ci_guard.model.settings import DEFAULT_EVENTS, OnInvisible, Settings
from ci_guard.policy.comparing.change import LOOSER, STRICTER, Change, listed, of_sets
from ci_guard.policy.writing import words


def control_changes(
    old: Mapping[str, Settings], new: Mapping[str, Settings], metas: Sequence[Meta]
) -> Iterator[Change]:
    """Yield what differs, in report order."""
    for meta in metas:
        before, after = old.get(meta.id), new.get(meta.id)
        if before and after:
            yield from _within(meta, before, after)
        elif before:
            yield Change(what=meta.id, direction=LOOSER, before="judged", after="not judged")
        elif after:
            yield Change(what=meta.id, direction=STRICTER, before="not judged", after="judged")


def _within(meta: Meta, before: Settings, after: Settings) -> Iterator[Change]:
    for requirement in meta.requirements:
        what = f"{meta.id}/{requirement.id}"
        old, new, kind = before.require.get(requirement.id), after.require.get(requirement.id), requirement.kind
        if old is None and new is not None:
            yield Change(what=what, direction=STRICTER, before="not judged", after=kind.show(new))
        elif new is None and old is not None:
            yield Change(what=what, direction=LOOSER, before=kind.show(old), after="not judged")
        elif old is not None and new is not None and old != new:
            yield Change(what=what, direction=_way(kind, old, new), before=kind.show(old), after=kind.show(new))
    if before.on_invisible is not after.on_invisible:
        yield Change(
            what=f"{meta.id} on-invisible",
            direction=LOOSER if after.on_invisible is OnInvisible.WARN else STRICTER,
            before=before.on_invisible.value,
            after=after.on_invisible.value,
        )
    yield from listed(f"{meta.id} branches", before.branches, after.branches, more=STRICTER)
    if "on" in meta.options:
        events = [words(DEFAULT_EVENTS if each.on is None else each.on) for each in (before, after)]
        yield from listed(f"{meta.id} on", *events, more=STRICTER)
    both = [name for name in before.require if name in after.require]
    bots = [
        sorted(f"{bot.login} ({bot.id}) for {name}" for name in both for bot in each.bots.get(name, ()))
        for each in (before, after)
    ]
    yield from listed(f"{meta.id} bot", *bots, more=LOOSER)


def _way(kind: Kind, old: Value, new: Value) -> str:
    """Return whether the new value asks for more than the old."""
    if isinstance(kind, AllOf | NoneBut):
        return of_sets(names(old), names(new), more=STRICTER if isinstance(kind, AllOf) else LOOSER)
    return LOOSER if kind.asks_for_less(new, old) else STRICTER
