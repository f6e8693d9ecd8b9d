"""What surrounds a run: each circumstance that something in the policy asks about, from the platform or the caller."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Final

from ci_guard.evidence.interface import CircumstanceEvidence
from ci_guard.model.circumstances import Circumstances
from ci_guard.model.fact import Fact, Known, Source
from ci_guard.model.run import Claim, Run
from ci_guard.records import replace

CALLER: Final = "--environment"
"""Whoever calls ci-guard names the environment; nothing vouches for it."""


def of_caller(environment: str | None, told: Iterable[Fact[str]]) -> Iterator[Claim]:
    """
    Yield the claim of whoever calls ci-guard about the environment, by each that a verified ID token names.

    Of a job that has none the caller alone speaks, as of what a later job will deploy to. In another letter case it is
    the same environment, as it is to contexts.
    """
    for one in told:
        if environment and isinstance(one, Known) and one.source is Source.SIGNED:
            same = environment.casefold() == one.value.casefold()
            yield Claim(name=CALLER, claimed=one.value if same else environment, truth=one)


def get_circumstances(
    forge: CircumstanceEvidence, run: Run, wanted: AbstractSet[str], now: datetime | None
) -> Circumstances:
    """
    Return what is wanted of the circumstances. Units: `now` is aware.

    An environment is what anybody names: the caller, and the platform as far as it knows one.
    """
    found = Circumstances()
    if now is not None:
        found = replace(found, now=Known(value=now, source=Source.ENV, detail="the runner's clock"))
    if "environments" in wanted:
        claimed: tuple[Fact[str], ...] = ()
        if run.environment:
            claimed = (Known(value=run.environment, source=Source.ENV, detail=CALLER),)
        found = replace(found, environments=(*claimed, *forge.environments()))
    if "signed_environment" in wanted:
        found = replace(found, signed_environment=forge.signed_environment())
    if "visibility" in wanted:
        found = replace(found, visibility=forge.visibility())
    if "labels" in wanted:
        found = replace(found, labels=forge.labels())
    if "changed_paths" in wanted:
        found = replace(found, changed_paths=forge.changed_paths())
    if "runner" in wanted:
        found = replace(found, runner=forge.runner())
    return found
