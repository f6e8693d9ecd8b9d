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
FIRST: Final = ".pre"
"""The stage before all others, which our templates take."""
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
    doubts = list(wiring.doubts)
    if not guards:
        doubts.append(unavailable(f"nothing in {clip(wiring.path)} is known to run ci-guard", detail=found.detail))
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
                yield replace(one, text=f"{key}: {clip(one.text)} tolerates its failure")
        if step.condition is not None and on_gitlab:
            yield replace(step.condition, text=f"its {clip(step.condition.text)} may leave it out")
        elif step.condition is not None and not is_harmless(step.condition.text):
            yield replace(step.condition, text=f"if: {clip(step.condition.text)} skips it")
        if step.pin is not None:
            yield from _of_pin(step.pin)
        if isinstance(step, Step) and step.swallowed is not None:
            yield replace(step.swallowed, text=f"{clip(step.swallowed.text)} hides its exit code")
    for one in job.whens:
        if one.text in SKIPS:
            yield replace(one, text=f"when: {one.text} leaves it out")
    if job.overrides:
        said = f"it overrides the included job of its name ({listing(job.overrides)})"
        yield Spot(text=said, line=job.line)


def _of_pin(pin: Pin) -> Iterator[Spot]:
    if not COMMIT.fullmatch(pin.ref) and not pin.ref.startswith("sha256-"):
        ref = f"@{clip(pin.ref)}" if pin.ref else " without a ref"
        yield Spot(text=f"{clip(pin.name)}{ref} is not pinned to a commit", line=pin.line, path=pin.path)
    if pin.condition is not None:
        yield replace(pin.condition, text=f"its {clip(pin.condition.text)} may leave the include out")


def _of_deployment(job: Job, wiring: Wiring, guards: AbstractSet[str]) -> Iterator[Spot]:
    """Yield by which a job on GitHub deploys without the guard's leave."""
    yield from _of_checkout(job)
    if job.guard:
        after = False
        for step in job.steps:
            text = step.condition.text if after and step.condition else ""
            if step.condition and (how := runs_anyway(text)) and not guarantees(text, ()):
                yield replace(step.condition, text=f"a step after the guard runs on {how}")
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
        yield replace(job.condition, text=said)
    elif tests_verdict(text, guards) and not guarantees(text, near):
        said = f"it tests something else than verdict == 'allow': {clip(text)}"
        yield replace(job.condition, text=said)


def _of_deployment_gitlab(job: Job, wiring: Wiring, guards: AbstractSet[str]) -> Iterator[Spot]:
    """Yield by which a job on GitLab deploys without the guard's leave: stages wait, but for who names its needs."""
    yield from _of_checkout(job)
    if job.guard:
        return
    for one in job.whens:
        if one.text in REGARDLESS:
            yield replace(one, text=f"it deploys and runs on when: {one.text}, whatever the guard says")
    called = guards | {"ci-guard"} if wiring.includes else guards
    if not called or waits(job, wiring, called):
        return
    if job.needs is None:
        said = f"it deploys in the stage {clip(job.stage)}, which does not wait for the guard's"
        yield Spot(text=said, line=job.line)
    else:
        yield Spot(text="it deploys and its needs leave the guard out", line=job.line)


def _of_checkout(job: Job) -> Iterator[Spot]:
    for step in job.steps:
        if step.checkout is not None and not fixed(step.checkout.text):
            said = f"it deploys what {clip(step.checkout.text)} is by then, not the judged commit"
            yield replace(step.checkout, text=said)


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
    """
    Tell whether a job on GitLab waits for the guard: by its needs and theirs, or by the stages of one that names none.

    A job that runs whatever went before hands nothing on: those that need it do not wait for what it needs.
    """
    by_name = {one.name: one for one in wiring.jobs}
    seen: set[str] = set()
    waiting = [job]
    while waiting:
        one = waiting.pop()
        if one.needs is None and is_behind(one, wiring):
            return True
        for name in one.needs or ():
            if name in guards:
                return True
            if (
                name in by_name
                and name not in seen
                and not any(spot.text in REGARDLESS for spot in by_name[name].whens)
            ):
                seen.add(name)
                waiting.append(by_name[name])
    return False


def is_behind(job: Job, wiring: Wiring) -> bool:
    """Tell whether the stage of a job comes after that of a guard; True where nothing is known of stages."""
    order = {name: place for place, name in enumerate(wiring.stages)}
    if not order or not job.stage:
        return True
    # A job that is only called as an included one has that one's stage.
    stages = [one.stage for one in wiring.jobs if any(step.guard for step in one.steps)]
    stages += [pin.stage or FIRST for pin in wiring.includes]
    own = order.get(job.stage)
    return own is not None and any(own > order.get(stage, len(order)) for stage in stages)
