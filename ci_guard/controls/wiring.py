"""Requirement `not-weakened`: what in the pipeline's file keeps the guard's verdict from stopping what it should."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ci_guard.controls.deployments import fixed, guards_of, of_deployment, of_deployment_on_gitlab
from ci_guard.controls.expressions import is_harmless, is_regardless
from ci_guard.controls.judging import LONGEST_REASON, Bench, clip, listing
from ci_guard.model.fact import Unknown, unavailable
from ci_guard.model.facts import Facts
from ci_guard.model.guard import Job, Pin, Spot, Step, Wiring
from ci_guard.model.judgement import Judgement, Location
from ci_guard.model.run import Platform
from ci_guard.model.settings import Settings
from ci_guard.object_ids import OBJECT_ID
from ci_guard.records import replace

INCLUDE: Final = "include"
"""The subject of what is about the file rather than a job."""

ADVICE: Final = "Give the guard a job of its own without conditions, and let every job that deploys need it."

SKIPS: Final = frozenset({"never", "manual", "delayed", "on_failure"})
"""Values of `when` with which the guard does not run by itself."""


def judge_wiring(facts: Facts, settings: Settings, bench: Bench) -> Iterator[Judgement]:  # noqa: ARG001 - as all judges
    """Yield one failure for each job that is weak, at the first line that makes it so; else the one judgement."""
    found = facts.guard.wiring
    if isinstance(found, Unknown):
        yield bench.wonders([found])
        return
    wiring, platform = found.value, facts.run.platform
    weak = weaknesses(wiring, platform)
    for (path, subject), places in weak.items():
        said = listing(
            (f"{whereabouts(one, path)}: {clip(one.text)}" for one in places), LONGEST_REASON, separator="; "
        )
        failed = replace(bench, subject=clip(subject)).fails(f"{clip(path)}, {said}", [found], remedy=ADVICE)
        here = places[0].path or path
        # What lies in another repository is no place in this one.
        yield failed if "//" in here else replace(failed, location=Location(path=here, line=places[0].line))
    if weak:
        return
    guards = [job.name for job in wiring.jobs if job.guard] or [pin.name for pin in wiring.includes]
    doubts, called = [*wiring.doubts, *maybe_deploying(wiring, platform)], guards_of(wiring)
    if not guards:
        doubts.append(unavailable(f"nothing in {clip(wiring.path)} is known to run ci-guard", detail=found.detail))
    elif hidden := [job.name for job in wiring.jobs if job.name in called and not job.guard]:
        doubts.append(unavailable(f"by what {listing(hidden)} runs ci-guard is not known", detail=found.detail))
    if doubts:
        yield bench.wonders(doubts)
    else:
        deploying = listing(job.name for job in wiring.jobs if job.environment) or "no job"
        named = f"{listing(guards)} in {clip(wiring.path)}"
        yield bench.passes(f"{named} stands unconditionally, and {deploying} deploys behind it", [found])


def whereabouts(spot: Spot, path: str) -> str:
    """Return where something stands: its line, and the file where that is another."""
    return f"line {spot.line}" + (f" of {clip(spot.path)}" if spot.path not in ("", path) else "")


def weaknesses(wiring: Wiring, platform: Platform) -> Mapping[tuple[str, str], list[Spot]]:
    """Return by file and job what is weak about it."""
    found: dict[tuple[str, str], list[Spot]] = {}
    guards = guards_of(wiring)
    on_gitlab = platform is Platform.GITLAB
    for job in wiring.jobs:
        of_guard = _of_guard(job, on_gitlab=on_gitlab) if job.guard else ()
        deploys = (of_deployment_on_gitlab if on_gitlab else of_deployment)(job, wiring, guards)
        places = [*of_guard, *(deploys if job.environment else ())]
        if places:
            found.setdefault((job.path, job.name), []).extend(places)
    for pin in wiring.includes:
        found.setdefault((wiring.path, INCLUDE), []).extend(_of_pin(pin))
    for job in wiring.namesakes:
        said = f"{clip(job.name)} reports a check of the guard's name, {clip(job.label)!r}"
        found.setdefault((job.path, job.name), []).append(Spot(text=said, line=job.line))
    return {key: places for key, places in found.items() if places}


def maybe_deploying(wiring: Wiring, platform: Platform) -> Iterator[Unknown]:
    """Yield a doubt for each job that calls what was not read and does not stop where the guard denies."""
    judge = of_deployment_on_gitlab if platform is Platform.GITLAB else of_deployment
    for job in wiring.jobs:
        if job.calls and next(judge(job, wiring, guards_of(wiring)), None):
            said = (
                f"{clip(job.name)} does not wait for the guard, and whether {clip(job.calls.text)} deploys was not read"
            )
            yield unavailable(said)


def _of_guard(job: Job, *, on_gitlab: bool) -> Iterator[Spot]:
    """Yield what weakens the guard's own job."""
    parts: list[Job | Step] = [job, *job.steps]
    for step in parts:
        if not step.guard:
            continue
        for one in step.tolerated:
            if one.text.strip().lower() != "false":
                key = "allow_failure" if on_gitlab else "continue-on-error"
                yield replace(one, text=f"{key}: {clip(one.text)} tolerates its failure")
        yield from _of_condition(step.condition, on_gitlab=on_gitlab)
        if step.verdict is not None:
            yield replace(step.verdict, text=f"its output verdict is {clip(step.verdict.text)!r}, not the guard's word")
        if step.pin is not None:
            yield from _of_pin(step.pin)
        if isinstance(step, Step) and step.swallowed is not None:
            yield replace(step.swallowed, text=f"{clip(step.swallowed.text)} hides its exit code")
    yield from () if on_gitlab else [*_of_needs(job), *_of_workspace(job)]
    for one in job.whens:
        if one.text in SKIPS:
            yield replace(one, text=f"when: {one.text} leaves it out")
    if job.overrides:
        said = f"it overrides the included job of its name ({listing(job.overrides)})"
        yield Spot(text=said, line=job.line)


def _of_condition(condition: Spot | None, *, on_gitlab: bool) -> Iterator[Spot]:
    if condition is not None and on_gitlab:
        yield replace(condition, text=f"its {clip(condition.text)} may leave it out")
    elif condition is not None and not is_harmless(condition.text):
        yield replace(condition, text=f"if: {clip(condition.text)} skips it")


def _of_needs(job: Job) -> Iterator[Spot]:
    """
    Yield that something else decides whether the guard runs at all.

    Source: "Troubleshooting required status checks": a job that is skipped because one that it needs failed is no
    failure.
    """
    # Of a called workflow's job what its caller waits for is the caller's own matter.
    waits_for = [name for name in job.needs or () if name.rpartition(" / ")[0] == job.name.rpartition(" / ")[0]]
    if waits_for and not (job.condition and is_regardless(job.condition.text)):
        said = f"it needs {listing(waits_for)}: where that fails or is skipped it is skipped too, and counts as passed"
        yield Spot(text=said, line=job.line)


def _of_workspace(job: Job) -> Iterator[Spot]:
    """Yield a guard that is an action of the workspace, behind the checkout of what a name stands for by then."""
    mutable = ""
    for step in job.steps:
        if step.checkout is not None and not fixed(step.checkout.text):
            mutable = step.checkout.text
        if step.guard and step.local and mutable:
            yield Spot(text=f"it is what {clip(mutable)} holds by then, not the judged commit", line=step.line)


def _of_pin(pin: Pin) -> Iterator[Spot]:
    if not OBJECT_ID.fullmatch(pin.ref) and not pin.ref.startswith("sha256-"):
        ref = f"@{clip(pin.ref)}" if pin.ref else " without a ref"
        yield Spot(text=f"{clip(pin.name)}{ref} is not pinned to a commit", line=pin.line, path=pin.path)
    if pin.starts and pin.commit and pin.starts != pin.commit:
        said = f"{clip(pin.name)} is included at {pin.commit[:12]} and starts ci-guard at {clip(pin.starts)}"
        yield Spot(text=said, line=pin.line, path=pin.path)
    if pin.condition is not None:
        yield replace(pin.condition, text=f"its {clip(pin.condition.text)} may leave the include out")
