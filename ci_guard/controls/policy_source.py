"""Requirement `policy-source`: where each layer of the policy was read, and what holds it fast."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ci_guard.controls.judging import LONGEST_REASON, Bench, clip, listing
from ci_guard.model.fact import Known, Source, Unknown, invisible, unavailable
from ci_guard.model.facts import Facts
from ci_guard.model.judgement import Judgement
from ci_guard.model.origin import LayerKind, LayerOrigin
from ci_guard.model.run import Event, Platform, Run
from ci_guard.model.settings import Settings

AT_THE_TARGET: Final = frozenset({Event.CHANGE, Event.TARGET_CHANGE, Event.QUEUE})
"""Events in which the repository's policy is read at the target, which the change cannot have edited."""

UNCONFIRMED: Final = frozenset({Source.EVENT, Source.ENV, Source.NONE})
"""Who vouches for what an earlier step of the same job, or whoever starts a pipeline, could have said."""

NOWHERE: Final = unavailable("the policy does not say where its layers were read")


def judge_source(facts: Facts, settings: Settings, bench: Bench) -> Iterator[Judgement]:
    """Yield the one judgement on all layers."""
    if not settings.origins:
        yield bench.wonders([NOWHERE])
        return
    floor = any(origin.floor and pinned(origin) for origin in settings.origins)
    said = [hold(origin, facts.run, floor=floor) for origin in settings.origins]
    loose = [(origin, each) for origin, each in zip(settings.origins, said, strict=True) if isinstance(each, str)]
    doubts = [each for each in said if isinstance(each, Unknown)]
    if loose:
        advice = (
            f"Name {clip(loose[0][0].place)} by an immutable reference, such as github:acme/security//p.yml@COMMIT."
        )
        yield bench.fails(listing((each for _, each in loose), LONGEST_REASON, separator="; "), remedy=advice)
    elif doubts:
        yield bench.wonders(doubts)
    else:
        evidence = [each for each in said if isinstance(each, Known)]
        yield bench.passes(listing((each.value for each in evidence), LONGEST_REASON, separator="; "), evidence)


def pinned(origin: LayerOrigin) -> bool:
    """Tell whether a digest holds the layer fast: its own reference's, or that of the installed ci-guard."""
    return origin.kind is LayerKind.BUILTIN or (origin.kind is LayerKind.REMOTE and bool(origin.reference))


def hold(origin: LayerOrigin, run: Run, *, floor: bool) -> Known[str] | Unknown | str:
    """Return what holds a layer fast, or in a clause why nothing does."""
    match origin.kind:
        case LayerKind.BUILTIN:
            return Known(value=f"{origin.place} comes with ci-guard", source=Source.DERIVED, detail=origin.place)
        case LayerKind.REMOTE:
            if not pinned(origin):
                return f"{origin.place} is named by no immutable reference"
            signed = f" and signed by {origin.signer}" if origin.signer else ""
            said = f"{origin.place} is pinned by its reference{signed}"
            return Known(value=said, source=Source.DERIVED, detail=origin.place)
        case LayerKind.FILE:
            return f"{origin.place} is a file that whoever calls trusts, and nothing pins it"
        case LayerKind.REPOSITORY:
            return hold_own(origin, run, floor=floor)


def hold_own(origin: LayerOrigin, run: Run, *, floor: bool) -> Known[str] | Unknown | str:
    """Return what holds the repository's own file fast."""
    if floor:
        said = f"{origin.place} can only tighten the floor below it"
        return Known(value=said, source=Source.DERIVED, detail=origin.place)
    if isinstance(run.event, Unknown):
        return run.event
    if run.event.value in AT_THE_TARGET:
        said = f"{origin.place} is the target's, which the change cannot edit"
        return Known(value=said, source=run.event.source, detail=origin.place)
    if isinstance(run.since_success, Unknown) and run.event.value is not Event.PUSH:
        return run.since_success
    if run.event.value is not Event.PUSH:
        said = (
            f"{origin.place} is the judged commit's own, and that of a branch that is not chosen has to allow it, too"
        )
        return Known(value=said, source=run.event.source, detail=origin.place)
    before = run.default_head if isinstance(run.before, Known) and run.before.value is None else run.before
    if isinstance(before, Unknown):
        return before
    if before.source in UNCONFIRMED:
        said = f"{origin.place} is the judged commit's own, and where the push started the server does not say"
        if run.platform is Platform.GITLAB:
            return invisible(said, needs="a token with read_api in CI_GUARD_TOKEN", detail=before.detail)
        return unavailable(said, detail=before.detail)
    if isinstance(run.since_success, Unknown):
        return run.since_success
    said = f"{origin.place} is the judged commit's own, and the one from before the push has to allow the run as well"
    if run.since_success.value:
        said += f", back to that of {run.since_success.value[-1][:12]}, which was in force before"
    return Known(value=said, source=before.source, detail=before.detail)
