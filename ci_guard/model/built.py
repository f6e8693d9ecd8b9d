"""Which ref a run is about, and whether a policy's entries stand for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ci_guard.model import refs
from ci_guard.model.answer import Answer
from ci_guard.model.fact import Fact, Known, Unknown, apply
from ci_guard.model.run import Event, Run
from ci_guard.records import dataclass

TAG: Final = "tag:"
"""How an entry begins that stands for tags; no branch can be called so (git-check-ref-format)."""


@dataclass(frozen=True, kw_only=True)
class Built:
    """A branch or a tag."""

    name: str
    is_tag: bool

    def __str__(self) -> str:
        """Return it as a policy writes it."""
        return f"{TAG}{self.name}" if self.is_tag else self.name


def built(run: Run) -> Fact[Built | None]:
    """Return the branch or tag that a run is about: of a change its target; None for a bare commit."""
    if isinstance(run.event, Unknown):
        return run.event
    if run.event.value in (Event.CHANGE, Event.TARGET_CHANGE):
        return apply(run.change, lambda change: None if change is None else Built(name=change.target, is_tag=False))
    if isinstance(run.tag, Unknown):
        return run.tag
    if run.tag.value is not None:
        return Known(value=Built(name=run.tag.value, is_tag=True), source=run.tag.source, detail=run.tag.detail)
    return apply(run.branch, lambda branch: None if branch is None else Built(name=branch, is_tag=False))


def stands_for(entries: Iterable[str], ref: Fact[Built | None], run: Run) -> Answer:
    """Tell whether one of the entries stands for the ref that a run is about."""
    if isinstance(ref, Unknown):
        return ref
    if ref.value is None:
        return False
    if ref.value.is_tag:
        name = ref.value.name
        return any(refs.fits(entry.removeprefix(TAG), name) for entry in entries if entry.startswith(TAG))
    return refs.listed((entry for entry in entries if not entry.startswith(TAG)), ref.value.name, run)
