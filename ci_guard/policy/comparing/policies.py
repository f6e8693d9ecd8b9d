"""All that differs between two policies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ci_guard.model.auditing import OnFailure
from ci_guard.model.meta import Meta
from ci_guard.model.settings import Mode, Policy
from ci_guard.policy.comparing.change import LOOSER, OTHER, STRICTER, Change, present
from ci_guard.policy.comparing.contexts import context_changes
from ci_guard.policy.comparing.controls import control_changes
from ci_guard.policy.comparing.pardons import pardon_changes, rule_changes
from ci_guard.policy.comparing.people import role_changes, table_changes
from ci_guard.policy.place import Place
from ci_guard.policy.stack import Stack
from ci_guard.records import dataclass


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A policy with the layers that it was made of."""

    policy: Policy
    stack: Stack


def changes(old: Whole, new: Whole, metas: Sequence[Meta]) -> Iterator[Change]:
    """Yield what differs, in the order of a policy's keys."""
    before, after = old.policy, new.policy
    one, other = old.stack.merged, new.stack.merged
    yield from present("locked", _lock(one.locked), _lock(other.locked), more=STRICTER)
    yield from _modes(before.mode, after.mode)
    yield from _branches(before.policy_branch, after.policy_branch)
    yield from role_changes(before, after, (one, other))
    yield from control_changes(before.controls, after.controls, metas)
    yield from _locks(old, new, metas)
    yield from context_changes(before, after, metas)
    tables = ([stated.value for stated in layer.admission] for layer in (one, other))
    yield from table_changes(*tables)
    if before.on_unrecorded is not after.on_unrecorded:
        yield Change(
            what="audit on-failure",
            direction=LOOSER if after.on_unrecorded is OnFailure.WARN else STRICTER,
            before=before.on_unrecorded.value,
            after=after.on_unrecorded.value,
        )
    yield from rule_changes(one.waiver_rules, other.waiver_rules)
    yield from pardon_changes(before, after)


def _modes(old: Mode | None, new: Mode | None) -> Iterator[Change]:
    if old is not new:
        looser = new is Mode.REPORT or (old is Mode.ENFORCE and new is None)
        words = [mode.value if mode else "not said" for mode in (old, new)]
        yield Change(what="mode", direction=LOOSER if looser else STRICTER, before=words[0], after=words[1])


def _branches(old: str, new: str) -> Iterator[Change]:
    """Yield another branch whose policy judges: what that one asks is not known here."""
    if old != new:
        names = [name or "the default branch" for name in (old, new)]
        yield Change(what="policy-branch", direction=OTHER, before=names[0], after=names[1])


def _locks(old: Whole, new: Whole, metas: Sequence[Meta]) -> Iterator[Change]:
    """Yield controls that nearer layers were, or are, forbidden to change."""
    for meta in metas:
        before, after = (whole.stack.merged.controls.get(meta.id) for whole in (old, new))
        if before and after and not (old.stack.merged.locked or new.stack.merged.locked):
            yield from present(f"{meta.id} locked", _lock(before.locked), _lock(after.locked), more=STRICTER)


def _lock(place: Place | None) -> str | None:
    return None if place is None else "true"
