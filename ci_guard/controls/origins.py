"""Find the change that brought a commit to a listed branch, or say why none did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ci_guard.controls import words
from ci_guard.controls.judging import LONGEST_REASON, clip, listing, short
from ci_guard.model import refs
from ci_guard.model.fact import Known, Unknown
from ci_guard.model.review import Change, ChangeState, Origin
from ci_guard.model.run import Run
from ci_guard.records import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Bringer:
    """A change that brought a commit, or may have; or the lack of one."""

    subject: str
    """`#12`, or the sha where there is no one change."""
    change: Change | None = None
    flaw: str = ""
    """Why it did not bring the commit."""
    doubts: tuple[Unknown, ...] = ()
    """Why that cannot be decided."""
    evidence: tuple[Known[Any], ...] = ()


def bringers(origin: Origin, run: Run, entries: Sequence[str]) -> list[Bringer]:
    """
    Return the changes that brought the commit or may have; where none did, one entry that says why.

    `entries` are those of the policy's `branches`. A platform connects a commit with every change that contains it, so
    that open ones, backports and stacked ones are told apart here.
    """
    if isinstance(origin.changes, Unknown):
        return [Bringer(subject=origin.sha, doubts=(origin.changes,))]
    found = [inspect(change, origin, run, entries) for change in origin.changes.value]
    hopeful = [replace(bringer, evidence=(origin.changes, *bringer.evidence)) for bringer in found if not bringer.flaw]
    if hopeful:
        return hopeful
    flaw = listing((bringer.flaw for bringer in found), LONGEST_REASON) or direct_push(origin, run)
    return [Bringer(subject=found[0].subject if len(found) == 1 else origin.sha, flaw=flaw, evidence=(origin.changes,))]


def inspect(change: Change, origin: Origin, run: Run, entries: Sequence[str]) -> Bringer:
    """
    Return whether a change that contains the commit brought it.

    That takes the platform's own merge, into the branch that is built, or into any listed one where none is built.
    """
    reference = change.reference
    if change.state is ChangeState.OPEN:
        return Bringer(subject=reference, flaw=f"{reference} is still open")
    if change.state is ChangeState.CLOSED:
        return Bringer(subject=reference, flaw=f"{reference} was closed without a merge")
    where = misplaced(change, run, entries)
    if isinstance(where, str) and where:
        return Bringer(subject=reference, flaw=f"{reference} was merged into {clip(change.target)}, {where}")
    if isinstance(change.results, Known) and origin.sha not in change.results.value:
        return Bringer(subject=reference, flaw=f"the merge of {reference} made other commits than {short(origin.sha)}")
    if isinstance(change.pushed_by, Known) and change.pushed_by.value is not None:
        pusher = clip(change.pushed_by.value.login)
        return Bringer(subject=reference, flaw=f"{reference} was pushed by {pusher}, not merged by the platform")
    facts = (change.results, change.pushed_by)
    doubts = tuple(fact for fact in (where, *facts) if isinstance(fact, Unknown))
    evidence = tuple(fact for fact in facts if isinstance(fact, Known))
    return Bringer(subject=reference, change=change, doubts=doubts, evidence=evidence)


def misplaced(change: Change, run: Run, entries: Sequence[str]) -> str | Unknown:
    """
    Return why the branch that a change was merged into does not count, empty where it does.

    A branch can be moved onto another's commits by a push, which brings along what nobody reviewed for it. A tag and a
    bare commit belong to no branch, so there any listed one counts.
    """
    where = refs.listed(entries, change.target, run)
    if where is False:
        return "which is not listed"
    if not (isinstance(run.tag, Known) and run.tag.value is not None):
        if isinstance(run.branch, Unknown):
            return run.branch
        if run.branch.value is not None and run.branch.value != change.target:
            return f"not into {clip(run.branch.value)}"
    return where if isinstance(where, Unknown) else ""


def stand_ins(origin: Origin, run: Run, entries: Sequence[str]) -> list[Bringer]:
    """Return the open changes that stand in for a commit that is not merged yet; each has to target a listed branch."""
    if isinstance(origin.changes, Unknown):
        return [Bringer(subject=origin.sha, doubts=(origin.changes,))]
    evidence = (origin.changes,)
    found = []
    for change in origin.changes.value:
        bringer = Bringer(subject=change.reference, change=change, evidence=evidence)
        where = refs.listed(entries, change.target, run)
        if change.state is not ChangeState.OPEN:
            bringer = replace(bringer, change=None, flaw=f"{change.reference} is {change.state.value}, not open")
        elif where is False:
            bringer = replace(
                bringer, change=None, flaw=f"{change.reference} targets {clip(change.target)}, which is not listed"
            )
        elif isinstance(where, Unknown):
            bringer = replace(bringer, doubts=(where,))
        found.append(bringer)
    none = f"no open {words.of(run).change} stands in for the commit"
    return found or [Bringer(subject=origin.sha, flaw=none, evidence=evidence)]


def direct_push(origin: Origin, run: Run) -> str:
    """Return that no change brought the commit, and who pushed it where that is known."""
    pusher = origin.pusher.value if isinstance(origin.pusher, Known) else None
    return f"pushed directly, through no {words.of(run).change}" + (f", by {clip(pusher.login)}" if pusher else "")
