"""Requirement `proven-environment`: the environment that somebody names for the run is the one of its ID token."""

from __future__ import annotations

from collections.abc import Iterator

from ci_guard.controls.judging import Bench, clip, listing
from ci_guard.model.fact import Known, Unknown
from ci_guard.model.facts import Facts
from ci_guard.model.judgement import Judgement
from ci_guard.model.settings import Settings


def judge_proof(facts: Facts, settings: Settings, bench: Bench) -> Iterator[Judgement]:  # noqa: ARG001 - as all
    """Yield the one judgement on what is named, in any letter case as in contexts, beside what is signed."""
    signed, named = facts.circumstances.signed_environment, facts.circumstances.environments
    doubts = [fact for fact in (signed, *named) if isinstance(fact, Unknown)]
    if isinstance(signed, Unknown) or doubts:
        yield bench.wonders(doubts)
        return
    said = [fact for fact in named if isinstance(fact, Known)]
    strange = [fact for fact in said if fact.value.casefold() != (signed.value or "").casefold()]
    if strange:
        claimed = listing(f"{clip(fact.value)} (by {fact.detail})" for fact in strange)
        proven = f"of {clip(signed.value)}" if signed.value else "of a job without an environment"
        advice = "Name the job's own environment, and run the guard in a job that has `environment`."
        yield bench.fails(f"{claimed}, and the ID token is {proven}", [signed, *strange], remedy=advice)
    elif signed.value:
        yield bench.passes(f"the environment is {clip(signed.value)}", [signed])
    else:
        yield bench.passes("the job has no environment, and nobody names one", [signed])
