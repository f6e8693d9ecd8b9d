"""Requirement `not-weakened`: what in the pipeline's file keeps the guard's verdict from stopping what it should."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from ci_guard.controls.expressions import guarantees, is_harmless, runs_anyway, tests_verdict
from ci_guard.controls.judging import COMMIT, LONGEST_REASON, Bench, clip, listing
from ci_guard.model.fact import Unknown, unavailable
from ci_guard.model.facts import Facts
from ci_guard.model.guard import Job, Pin, Spot, Step, Wiring
from ci_guard.model.judgement import Judgement, Location
from ci_guard.model.run import Platform
from ci_guard.model.settings import Settings
from ci_guard.records import replace

INCLUDE: Final = "include"
"""The subject of what is about the file rather than a job."""

ADVICE: Final = "Give the guard a job of its own without conditions, and let every job that deploys need it."

SKIPS: Final = frozenset({"never", "manual", "delayed", "on_failure"})
"""Values of `when` with which the guard does not run by itself."""
REGARDLESS: Final = frozenset({"always", "on_failure"})
"""Values of `when` with which a job runs although an earlier stage has failed."""


def judge_wiring(facts: Facts, settings: Settings, bench: Bench) -> Iterator[Judgement]:  # noqa: ARG001 - as all judges
    """Yield one failure for each job that is weak, at the first line that makes it so; else the one judgement."""
    found = facts.guard.wiring
    if isinstance(found, Unknown):
        yield bench.wonders([found])
        return
    wiring, platform = found.value, facts.run.platform
    weak = weaknesses(wiring, platform)
    for (path, subject), places in weak.items():
        said = listing((f"line {one.line}: {clip(one.text)}" for one in places), LONGEST_REASON, separator="; ")
        failed = replace(bench, subject=clip(subject)).fails(f"{clip(path)}, {said}", [found], remedy=ADVICE)
        yield replace(failed, location=Location(path=path, line=places[0].line))
    if weak:
        return
    guards = [job.name for job in wiring.jobs if job.guard] or [pin.name for pin in wiring.includes]
    doubts = list(wiring.doubts)
    if not guards:
        doubts.append(unavailable(f"nothing in {clip(wiring.path)} is known to run ci-guard", detail=found.detail))
    if doubts:
        yield bench.wonders(doubts)
    else:
        deploying = listing(job.name for job in wiring.jobs if job.environment) or "no job"
        named = f"{listing(guards)} in {clip(wiring.path)}"
        yield bench.passes(f"{named} stands unconditionally, and {deploying} deploys behind it", [found])


def weaknesses(wiring: Wiring, platform: Platform) -> Mapping[tuple[str, str], list[Spot]]:
    """Return by file and job what is weak about it."""
    found: dict[tuple[str, str], list[Spot]] = {}
    guards = {job.name for job in wiring.jobs if job.guard}
    on_gitlab = platform is Platform.GITLAB
    for job in wiring.jobs:
        of_guard = _of_guard(job, on_gitlab=on_gitlab) if job.guard else ()
        deploys = (_of_deployment_gitlab if on_gitlab else _of_deployment)(job, wiring, guards)
        places = [*of_guard, *(deploys if job.environment else ())]
        if places:
            found.setdefault((job.path, job.name), []).extend(places)
    for pin in wiring.includes:
        found.setdefault((wiring.path, INCLUDE), []).extend(_of_pin(pin))
    for job in wiring.namesakes:
        said = f"{clip(job.name)} reports a check of the guard's name, {clip(job.label)!r}"
        found.setdefault((job.path, job.name), []).append(Spot(text=said, line=job.line))
    return {key: places for key, places in found.items() if places}


def _of_guard(job: Job, *, on_gitlab: bool) -> Iterator[Spot]:
    """Yield what weakens the guard's own job."""
    parts: list[Job | Step] = [job, *job.steps]
    for step in parts:
        if not step.guard:
            continue
        for one in step.tolerated:
            if one.text.strip().lower() != "false":
                key = "allow_failure" if on_gitlab else "continue-on-error"
                yield Spot(text=f"{key}: {clip(one.text)} tolerates its failure", line=one.line)
        if step.condition is not None and not is_harmless(step.condition.text):
            yield Spot(text=f"if: {clip(step.condition.text)} skips it", line=step.condition.line)
        if step.pin is not None:
            yield from _of_pin(step.pin)
        if isinstance(step, Step) and step.swallowed is not None:
            yield Spot(text=f"{clip(step.swallowed.text)} hides its exit code", line=step.swallowed.line)
    for one in job.whens:
        if one.text in SKIPS:
            yield Spot(text=f"when: {one.text} leaves it out", line=one.line)
    if job.overrides:
        said = f"it overrides the included job of its name ({listing(job.overrides)})"
        yield Spot(text=said, line=job.line)


def _of_pin(pin: Pin) -> Iterator[Spot]:
    if not COMMIT.fullmatch(pin.ref) and not pin.ref.startswith("sha256-"):
        ref = f"@{clip(pin.ref)}" if pin.ref else " without a ref"
        yield Spot(text=f"{clip(pin.name)}{ref} is not pinned to a commit", line=pin.line)


def _of_deployment(job: Job, wiring: Wiring, guards: AbstractSet[str]) -> Iterator[Spot]:
    """Yield by which a job on GitHub deploys without the guard's leave."""
    yield from _of_checkout(job)
    if job.guard:
        after = False
        for step in job.steps:
            if after and step.condition is not None and (how := runs_anyway(step.condition.text)):
                yield Spot(text=f"a step after the guard runs on {how}", line=step.condition.line)
            after = after or step.guard
        return
    if not guards:
        return
    if not ancestors(job, wiring) & guards:
        yield Spot(text="it deploys and does not need the guard", line=job.line)
        return
    if job.condition is None:
        return
    text, near = job.condition.text, guards & set(job.needs or ())
    how = runs_anyway(text)
    if how and not guarantees(text, near):
        said = f"it deploys and runs on {how}, whatever the guard says"
        yield Spot(text=said, line=job.condition.line)
    elif tests_verdict(text, guards) and not guarantees(text, near):
        said = f"it tests something else than verdict == 'allow': {clip(text)}"
        yield Spot(text=said, line=job.condition.line)


def _of_deployment_gitlab(job: Job, wiring: Wiring, guards: AbstractSet[str]) -> Iterator[Spot]:
    """Yield by which a job on GitLab deploys without the guard's leave: stages wait, but for who names its needs."""
    yield from _of_checkout(job)
    if job.guard:
        return
    for one in job.whens:
        if one.text in REGARDLESS:
            yield Spot(text=f"it deploys and runs on when: {one.text}, whatever the guard says", line=one.line)
    called = guards | {"ci-guard"} if wiring.includes else guards
    if job.needs is not None and called and not waits(job, wiring, called):
        yield Spot(text="it deploys and its needs leave the guard out", line=job.line)


def _of_checkout(job: Job) -> Iterator[Spot]:
    for step in job.steps:
        if step.checkout is not None and not fixed(step.checkout.text):
            said = f"it deploys what {clip(step.checkout.text)} is by then, not the judged commit"
            yield Spot(text=said, line=step.checkout.line)


def fixed(ref: str) -> bool:
    """Tell whether what is checked out is a commit: its id, or an expression that ends in one."""
    inner = ref.strip().removeprefix("${{").removesuffix("}}").strip()
    return not inner or COMMIT.fullmatch(inner) is not None or (inner != ref.strip() and inner.lower().endswith("sha"))


def ancestors(job: Job, wiring: Wiring) -> AbstractSet[str]:
    """Return every job that a job waits for, directly or not: on GitHub one that failed skips all that follow."""
    by_name = {one.name: one for one in wiring.jobs}
    found: set[str] = set()
    open_names = list(job.needs or ())
    while open_names:
        name = open_names.pop()
        if name not in found:
            found.add(name)
            open_names += by_name[name].needs or () if name in by_name else ()
    return found


def waits(job: Job, wiring: Wiring, guards: AbstractSet[str]) -> bool:
    """Tell whether a job on GitLab waits for the guard: by its needs, theirs, or the stages of one that names none."""
    by_name = {one.name: one for one in wiring.jobs}
    for name in {*(job.needs or ()), *ancestors(job, wiring)}:
        if name in guards:
            return True
        one = by_name.get(name)
        if one is not None and one.needs is None and not any(spot.text in REGARDLESS for spot in one.whens):
            return True
    return False
