"""What lets a job deploy without the guard's leave, as the pipeline's file has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from ci_guard.controls.expressions import guarantees, runs_anyway, tests_verdict
from ci_guard.controls.judging import clip
from ci_guard.model.guard import Job, Spot, Wiring
from ci_guard.object_ids import OBJECT_ID
from ci_guard.records import replace

NAME: Final = "ci-guard"
"""The job of our template."""
FIRST: Final = ".pre"
"""The stage before all others, which our templates take."""
DEEPEST: Final = 100
"""Jobs of which each needs the one before; nobody writes that many."""
_OF_EVENT: Final = re.compile(
    r"github\.(?:sha|workflow_sha|event\.(?:after|(?:pull_request\.(?:head|base)|deployment)\.sha"
    r"|pull_request\.merge_commit_sha|(?:workflow_run|check_suite|check_run|merge_group)\.(?:head|base)_sha))",
    re.IGNORECASE,
)
"""Expressions that the platform fills in with a commit."""
REGARDLESS: Final = frozenset({"always", "on_failure"})
"""Values of `when` with which a job runs although an earlier stage has failed."""


def of_deployment(job: Job, wiring: Wiring, guards: AbstractSet[str]) -> Iterator[Spot]:
    """Yield by which a job on GitHub deploys without the guard's leave."""
    yield from _of_checkout(job)
    if job.guard:
        yield from _of_steps_before(job)
        after = False
        for step in job.steps:
            text = step.condition.text if after and step.condition else ""
            if step.condition and (how := runs_anyway(text)) and not guarantees(text, ()):
                yield replace(step.condition, text=f"a step after the guard runs on {how}")
            after = after or step.guard
        return
    if not guards or job.name in guards:
        return
    if not ancestors(job, wiring) & guards:
        yield Spot(text="it deploys and does not need the guard", line=job.line)
        return
    if job.condition is None:
        return
    text, near = job.condition.text, behind(job, wiring, guards)
    how = runs_anyway(text)
    if how and not guarantees(text, near):
        said = f"it deploys and runs on {how}, whatever the guard says"
        yield replace(job.condition, text=said)
    elif tests_verdict(text, guards) and not guarantees(text, near):
        said = f"it tests something else than verdict == 'allow': {clip(text)}"
        yield replace(job.condition, text=said)


def of_deployment_on_gitlab(job: Job, wiring: Wiring, guards: AbstractSet[str]) -> Iterator[Spot]:
    """Yield by which a job on GitLab deploys without the guard's leave: stages wait, but for who names its needs."""
    yield from _of_checkout(job)
    if job.guard:
        yield from _of_steps_before(job)
        return
    for one in job.whens:
        if one.text in REGARDLESS:
            yield replace(one, text=f"it deploys and runs on when: {one.text}, whatever the guard says")
    if not guards or waits(job, wiring, guards):
        return
    if job.needs is None and not job.otherwise:
        said = f"it deploys in the stage {clip(job.stage)}, which does not wait for the guard's"
        yield Spot(text=said, line=job.line)
    else:
        yield Spot(text="it deploys and its needs leave the guard out", line=job.line)


def guards_of(wiring: Wiring) -> AbstractSet[str]:
    """
    Return the jobs whose failure has to stop what deploys.

    Where the platform says in which job this guard runs it is that one, whether the file shows by what or not: any
    other may ask less, or only look like one.
    """
    found = {job.name for job in wiring.jobs if job.guard}
    names = [job.name for job in wiring.jobs] if wiring.own else []
    own = {name for name in names if name == wiring.own or name.endswith(f" / {wiring.own}")}
    # Whoever calls the workflow of a job fails with it.
    callers = {name.rsplit(" / ", depth)[0] for name in own for depth in range(1, name.count(" / ") + 1)}
    if wiring.includes and not own:
        return {wiring.own} if wiring.own else found | {NAME}
    return own | callers or found


def _of_steps_before(job: Job) -> Iterator[Spot]:
    """Yield the first step by which a job may have deployed before the guard in it had a say."""
    for step in job.steps:
        if step.acts:
            yield Spot(text="what goes before the guard may have deployed by then", line=step.line)
        if step.acts or step.guard:
            return


def _of_checkout(job: Job) -> Iterator[Spot]:
    for step in job.steps:
        if step.checkout is not None and not fixed(step.checkout.text):
            said = f"it deploys what {clip(step.checkout.text)} is by then, not the judged commit"
            yield replace(step.checkout, text=said)


def fixed(ref: str) -> bool:
    """
    Tell whether what is checked out is the judged commit or another that its id names, and nobody's choice.

    Of alternatives each has to be one.

    Source: "Contexts reference"; `inputs` and `client_payload` hold what whoever starts a run wrote.
    """
    inner = ref.strip().removeprefix("${{").removesuffix("}}").strip()
    return (
        not inner
        or OBJECT_ID.fullmatch(inner) is not None
        or (inner != ref.strip() and all(_OF_EVENT.fullmatch(one.strip()) for one in inner.split("||")))
    )


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


def behind(job: Job, wiring: Wiring, guards: AbstractSet[str]) -> AbstractSet[str]:
    """Return which of the jobs that a job on GitHub needs cannot have succeeded where the guard did not."""
    by_name = {one.name: one for one in wiring.jobs}
    known = dict.fromkeys(guards, True)

    def stops(name: str, depth: int) -> bool:
        if name not in known:
            known[name] = False  # for whatever leads back here
            one = by_name.get(name)
            near = {each for each in one.needs or () if stops(each, depth + 1)} if one and depth < DEEPEST else set()
            text = one.condition.text if one and one.condition else ""
            known[name] = bool(near) and (not runs_anyway(text) or guarantees(text, near))
        return known[name]

    return {name for name in job.needs or () if stops(name, 0)}


def waits(job: Job, wiring: Wiring, guards: AbstractSet[str]) -> bool:
    """
    Tell whether a job on GitLab waits for the guard: by its needs and theirs, or by the stages of one that names none.

    A job that runs whatever went before hands nothing on: those that need it do not wait for what it needs. Rules can
    give other needs, so each has to lead to the guard. Source: "CI/CD YAML syntax reference", `rules:needs`.
    """
    by_name = {one.name: one for one in wiring.jobs}
    known = dict.fromkeys(guards, True)

    def stops(name: str, depth: int) -> bool:
        if name not in known:
            known[name] = False  # for whatever leads back here
            one = by_name.get(name)
            if one and depth < DEEPEST and not any(spot.text in REGARDLESS for spot in one.whens):
                known[name] = leads(one, depth)
        return known[name]

    def leads(one: Job, depth: int) -> bool:
        return all(
            is_behind(one, wiring, guards) if needs is None else any(stops(name, depth + 1) for name in needs)
            for needs in (one.needs, *one.otherwise)
        )

    return leads(job, 0)


def is_behind(job: Job, wiring: Wiring, guards: AbstractSet[str]) -> bool:
    """Tell whether the stage of a job comes after that of a guard; True where nothing is known of stages."""
    order = {name: place for place, name in enumerate(wiring.stages)}
    if not order or not job.stage:
        return True
    # A job that is only called as an included one has that one's stage.
    stages = [one.stage for one in wiring.jobs if one.name in guards and any(step.guard for step in one.steps)]
    if not (stages and wiring.own in guards):
        stages += [pin.stage or FIRST for pin in wiring.includes]
    own = order.get(job.stage)
    return own is not None and any(own > order.get(stage, len(order)) for stage in stages)
