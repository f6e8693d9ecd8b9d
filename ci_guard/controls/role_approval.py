"""Whether somebody of a role approved the head of each change that a run is about, who had no part in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from ci_guard.controls import tally
from ci_guard.controls.judging import listing
from ci_guard.controls.origins import Bringer, bringers, stand_ins
from ci_guard.model.fact import Known, Unknown, worst
from ci_guard.model.facts import Facts, Needs
from ci_guard.model.review import Change, Provenance
from ci_guard.model.roles import standing
from ci_guard.model.run import Event, Participant, Run
from ci_guard.model.settings import Settings
from ci_guard.records import dataclass

ANYWHERE: Final = ("**",)
"""Whatever branch it is: this is asked of every change."""

ASKED: Final = Settings(require={"approvals": 1, tally.INDEPENDENCE: True, tally.FRESHNESS: True})
"""By the rules of `required-reviews`; what somebody may do is told by the role."""

EVENTS: Final = frozenset({Event.PUSH, Event.CHANGE, Event.TARGET_CHANGE, Event.QUEUE})


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What was found of the approvals of all changes."""

    said: str
    """In a clause: who approved, or why nobody did whose approval counts."""
    answer: bool | Unknown
    evidence: tuple[Known[Any], ...] = ()


def needs(roles: Iterable[str], settings: Settings, run: Run) -> Needs:
    """Return which facts it takes."""
    circles = {
        circle for name in roles if name in settings.roles for circle in settings.roles[name].circles(run.platform)
    }
    pushed = isinstance(run.event, Known) and run.event.value is Event.PUSH
    return Needs(provenance=True, reviews=True, history=pushed, reviewer_circles=frozenset(circles))


def ask(roles: Iterable[str], settings: Settings, facts: Facts) -> Answered:
    """
    Return whether every change that brought what was pushed, or stands in for it, has such an approval.

    A push that also brings commits of no such change has none for these.
    """
    run = facts.run
    event = run.event if isinstance(run.event, Unknown) else None
    if isinstance(run.event, Known) and run.event.value not in EVENTS:
        return Answered(said="no approval is about this event", answer=False)
    provenance = event or facts.provenance
    if isinstance(provenance, Unknown):
        return Answered(said="", answer=provenance)
    origin = provenance.value.commit
    if isinstance(origin, Unknown):
        return Answered(said="", answer=origin)
    found = (stand_ins if provenance.value.standing_in else bringers)(origin.value, run, ANYWHERE)
    answers = [_ask_bringer(one, tuple(roles), settings, facts) for one in found]
    if isinstance(run.event, Known) and run.event.value is Event.PUSH:
        answers.append(_whole(provenance.value, found))
    refused = [one for one in answers if one.answer is False]
    doubts = [one.answer for one in answers if isinstance(one.answer, Unknown)]
    said = listing(one.said for one in refused or answers)
    if refused or doubts:
        return Answered(said=said, answer=False if refused else worst(doubts))
    return Answered(said=said, answer=True, evidence=tuple(fact for one in answers for fact in one.evidence))


def _ask_bringer(bringer: Bringer, roles: tuple[str, ...], settings: Settings, facts: Facts) -> Answered:
    if bringer.doubts:
        return Answered(said="", answer=worst(bringer.doubts))
    if bringer.change is None:
        return Answered(said=bringer.flaw, answer=False)
    return _ask_change(bringer.change, roles, settings, facts)


def _ask_change(change: Change, roles: tuple[str, ...], settings: Settings, facts: Facts) -> Answered:
    reviews = change.reviews
    if isinstance(reviews, Unknown):
        return Answered(said="", answer=reviews)
    named = listing(roles)
    reasons, doubts = [], []
    access = {one.reviewer.id: one.access for one in reviews.value}
    for approval in tally.count(change, reviews, ASKED).approvals:
        who = Known(
            value=Participant(person=approval.person, access=access[approval.person.id]),
            source=reviews.source,
            detail=reviews.detail,
        )
        known = [settings.roles[name] for name in roles if name in settings.roles]
        ways = [standing(role, who, facts.run.platform, change.memberships) for role in known]
        held = next((way for way in ways if isinstance(way, Known) and way.value), None)
        unsure = [way for way in ways if isinstance(way, Unknown)]
        if approval.dropped:
            reasons += [why for why in approval.dropped.values() if held or unsure]
        elif held and approval.counts:
            said = f"{change.reference} was approved by {tally.named(approval.person)} of {named} ({held.value})"
            return Answered(said=said, answer=True, evidence=(reviews, held))
        elif held or unsure:
            doubts += [*unsure, *approval.doubts.values()]
    if doubts:
        return Answered(said="", answer=worst(doubts))
    none = f"nobody of {named} approved the head of {change.reference}"
    return Answered(said=none + (f" (not counted: {tally.told(reasons)})" if reasons else ""), answer=False)


def _whole(provenance: Provenance, found: Iterable[Bringer]) -> Answered:
    """Tell whether these changes brought every commit that the push put on the branch."""
    changes = [one.change for one in found if one.change is not None]
    unsure = [one.results for one in changes if isinstance(one.results, Unknown)]
    if isinstance(provenance.history, Unknown) or unsure:
        return Answered(
            said="", answer=worst([fact for fact in (provenance.history, *unsure) if isinstance(fact, Unknown)])
        )
    brought = {sha for one in changes if isinstance(one.results, Known) for sha in one.results.value}
    more = [one for one in provenance.history.value if one.sha not in brought]
    if more:
        return Answered(said=f"the push brings {len(more)} commits besides, such as {more[0].sha[:8]}", answer=False)
    return Answered(said="", answer=True, evidence=(provenance.history,))
