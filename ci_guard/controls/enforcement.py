"""Requirement `enforced`: what makes sure that the guard runs, which whoever pushes cannot edit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ci_guard.controls.judging import LONGEST_REASON, Bench, clip, listing
from ci_guard.controls.wiring import weaknesses
from ci_guard.model import project
from ci_guard.model.fact import Unknown, worst
from ci_guard.model.facts import Facts
from ci_guard.model.guard import Hold, HoldKind
from ci_guard.model.judgement import Judgement
from ci_guard.model.run import Platform
from ci_guard.model.settings import Settings
from ci_guard.object_ids import OBJECT_ID
from ci_guard.records import replace

ACTIONS: Final = 15368
"""The app of GitHub Actions, as which every workflow reports its checks."""

_NAMED: Final = re.compile(r"(?<![a-z0-9])ci[-_ ]?guard(?![a-z0-9])", re.IGNORECASE)

ADVICE: Final = {
    Platform.GITHUB: "Let a ruleset of the organisation require the workflow that runs ci-guard.",
    Platform.GITLAB: (
        "Put the job into .pipeline-policy-pre by a pipeline execution policy, or name a CI/CD configuration file in "
        "another project that developers cannot write to."
    ),
}


def judge_enforcement(facts: Facts, settings: Settings, bench: Bench) -> Iterator[Judgement]:  # noqa: ARG001 - as all
    """Yield the one judgement on all that may make sure of the guard."""
    found = facts.guard.enforcement
    here = replace(bench, page=project.page("docs/enforce.md"))
    if isinstance(found, Unknown):
        yield here.wonders([found])
        return
    holds = found.value.holds
    good = [said for hold in holds if (said := holding(hold))]
    doubts = [*found.value.hidden, *(doubt for hold in holds if (doubt := doubtful(hold)))]
    weak = [said for hold in holds if (said := weakness(hold))]
    if good:
        yield here.passes(listing(good, LONGEST_REASON, separator="; "), [found])
    elif doubts:
        yield here.wonders(doubts, listing(weak, LONGEST_REASON, separator="; "))
    else:
        reasons = ["anybody who may push can remove this guard", *weak]
        advice = ADVICE.get(facts.run.platform, ADVICE[Platform.GITHUB])
        yield here.fails(listing(reasons, LONGEST_REASON, separator="; "), [found], remedy=advice)


def holding(hold: Hold) -> str:
    """Return in a clause how something makes sure of the guard; empty where it does not."""
    name = clip(hold.name)
    match hold.kind:
        case HoldKind.WORKFLOW if hold.own and hold.elsewhere:
            return f"a ruleset requires this run's workflow, {name} of another repository"
        case HoldKind.WORKFLOW if hold.own and OBJECT_ID.fullmatch(hold.commit):
            return f"a ruleset requires this run's workflow, {name} at {hold.commit[:12]}"
        case HoldKind.WORKFLOW if hold.elsewhere and flaw(hold) == "":
            return f"a ruleset requires {name} of another repository, which runs ci-guard"
        case HoldKind.CHECK if _NAMED.search(hold.name) and hold.app not in (None, ACTIONS):
            return f"the check {name} is required of the app {hold.app} alone"
        case HoldKind.CONFIG if hold.elsewhere:
            return f"the pipeline's file is {name}, in another project"
        case HoldKind.POLICY:
            return f"a pipeline execution policy put the job into {name}"
        case _:
            return ""


def doubtful(hold: Hold) -> Unknown | None:
    """Return the doubt where a ruleset requires another repository's workflow, which may run the guard too."""
    doubt = flaw(hold) if hold.kind is HoldKind.WORKFLOW and hold.elsewhere and not hold.own else None
    if not isinstance(doubt, Unknown):
        return None
    said = f"whether the required workflow {clip(hold.name)} of another repository runs ci-guard was not read"
    return replace(doubt, reason=f"{said}: {doubt.reason}")


def flaw(hold: Hold) -> str | Unknown:
    """Return in a clause why another repository's workflow makes sure of no guard; empty where it does."""
    if isinstance(hold.wiring, Unknown):
        return hold.wiring
    wiring = hold.wiring.value
    for spot in (spot for places in weaknesses(wiring, Platform.GITHUB).values() for spot in places):
        return f"line {spot.line}: {clip(spot.text)}"
    if wiring.doubts:
        return worst(wiring.doubts)
    return "" if any(job.guard for job in wiring.jobs) else "nothing in it is known to run ci-guard"


def weakness(hold: Hold) -> str:
    """Return in a clause why something that looks like it makes sure of nothing; empty for what does not."""
    name = clip(hold.name)
    if hold.kind is HoldKind.WORKFLOW and hold.own and not holding(hold):
        return f"the required workflow {name} lies in this repository and is pinned to no commit"
    why = flaw(hold) if hold.kind is HoldKind.WORKFLOW else ""
    if isinstance(why, str) and why:
        return f"the required workflow {name} of another repository does not hold: {why}"
    if hold.kind is HoldKind.CHECK and _NAMED.search(hold.name) and not holding(hold):
        return f"the required check {name} can be forged, as every workflow can report it"
    return ""
