"""The gate: from a policy and a platform to a decision; collect, judge, decide, in this order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from ci_guard import collect, contexts, decide
from ci_guard.controls.interface import Control
from ci_guard.controls.judge import judge
from ci_guard.errors import UsageError
from ci_guard.evidence.interface import Forge
from ci_guard.model.branch import BranchSelection
from ci_guard.model.decision import Decision, PolicySummary, Result, Verdict
from ci_guard.model.fact import Fact, Known, Source
from ci_guard.model.facts import NOT_COLLECTED, Facts, Needs
from ci_guard.model.judgement import Outcome
from ci_guard.model.recorded import Recorded
from ci_guard.model.run import Run
from ci_guard.model.scan import SecretScan
from ci_guard.model.settings import Mode, Policy, Settings
from ci_guard.records import replace


def gather(
    *,
    controls: Sequence[Control],
    only: Sequence[str],
    policy: Policy,
    run: Run,
    forge: Forge,
    scan: Callable[[], Fact[SecretScan]],
    now: datetime,
    everything: bool = False,
) -> tuple[Facts, Policy]:
    """
    Return the facts that the enabled controls need, and the policy with what its contexts add in this run.

    Units: `now` is aware, UTC. `only` limits the run to these controls; empty for all. With `everything`, all facts
    that any control could ask for are collected.
    Raises: `UsageError` where `only` names a control that the policy does not enable.
    """
    about, settled = contexts.needs(policy, run.platform), policy
    if policy.contexts:
        around = collect.collect(run=run, wants=(), forge=forge, scan=lambda: NOT_COLLECTED, also=about, now=now)
        settled = contexts.settle(policy, around)
    chosen = [(control, settled.controls[control.META.id]) for control in choose(controls, only, settled)]
    if everything:
        about |= Needs.everything(tuple(entry for _, settings in chosen for entry in settings.branches))
    facts = collect.collect(
        run=run,
        wants=chosen,
        also=about,
        forge=forge,
        scan=scan,
        enough=lambda found: not everything and hold_already(found, run, chosen),
        now=now,
    )
    return facts, settled


def judged(recorded: Recorded, controls: Sequence[Control], version: str) -> Result:
    """
    Return what follows from collected facts, by the policy and the clock that are recorded with them.

    Pure: the same record is judged alike wherever and whenever, by the same version of ci-guard.
    Raises: `UsageError` where the record is limited to a control that its policy does not enable.
    """
    policy, facts, only = recorded.policy, recorded.facts, recorded.only
    settled = recorded.settled or contexts.settle(policy, facts)
    mode = effective_mode(policy, recorded.modes)
    return Result(
        version=version,
        time=recorded.time,
        decision=conclude(recorded, controls, settled, mode),
        advisory=recorded.advisory,
        controls=tuple(control.META for control in choose(controls, only, settled)),
        not_judged=dict(explain_absence(controls, only, settled)),
        run=facts.run,
        policy=PolicySummary(
            source=policy.source, sha256=policy.sha256, mode=mode, layers=policy.layers, path=recorded.policy_path
        ),
        scan=facts.scan.value if isinstance(facts.scan, Known) else None,
        effort=recorded.effort,
        transport=recorded.transport,
        recorded=recorded,
    )


def conclude(recorded: Recorded, controls: Sequence[Control], settled: Policy, mode: Mode) -> Decision:
    """
    Judge the facts by a policy as its contexts settle it: never better than by the policy alone.

    A context only asks for more, but what it asks for can be what passes where nothing else could be proven.
    """
    policy, facts, only = recorded.policy, recorded.facts, recorded.only

    def by(judging: Policy) -> Decision:
        chosen = choose(controls, [name for name in only if name in judging.controls], judging)
        judgements = [one for control in chosen for one in judge(control, facts, judging.controls[control.META.id])]
        metas = [control.META for control in chosen]
        today = recorded.time.date()
        return decide.decide(judgements, judging, metas=metas, mode=mode, today=today, advisory=recorded.advisory)

    decision = by(settled)
    said_alone = settled.controls == policy.controls or (only and not set(only) & policy.controls.keys())
    if said_alone or decision.verdict is not Verdict.ALLOW:
        return decision
    alone = by(policy)
    if alone.verdict is Verdict.ALLOW:
        return decision
    return replace(decision, verdict=alone.verdict, exit_code=alone.exit_code, reason=alone.reason)


def effective_mode(policy: Policy, asked: Sequence[Mode]) -> Mode:
    """Return `report` only where somebody asks for it and nobody for `enforce`."""
    modes = {policy.mode, *asked}
    return Mode.REPORT if Mode.REPORT in modes and Mode.ENFORCE not in modes else Mode.ENFORCE


def choose(controls: Sequence[Control], only: Sequence[str], policy: Policy) -> list[Control]:
    """Return the controls to run, in registry order."""
    for name in only:
        if name not in policy.controls:
            raise UsageError(
                f"The run is limited to {name}, but {policy.source} does not enable it.",
                hint=f"Name {name} under `controls` in the policy, extend a profile that has it, or do not ask for it.",
            )
    return [
        control for control in controls if control.META.id in policy.controls and (not only or control.META.id in only)
    ]


def hold_already(found: tuple[BranchSelection, ...], run: Run, chosen: Sequence[tuple[Control, Settings]]) -> bool:
    """
    Tell whether every requirement on branches is met by these rules alone.

    A pass stands whatever else is read, because sources of rules only add to one another; anything but a pass wants the
    rest to be read before it is told.
    """
    facts = Facts(run=run, branches=Known(value=found, source=Source.API))
    return all(
        judgement.outcome is Outcome.PASS
        for control, settings in chosen
        if control.needs(settings, run).branches
        for judgement in judge(control, facts, settings)
    )


def explain_absence(controls: Sequence[Control], only: Sequence[str], policy: Policy) -> Iterable[tuple[str, str]]:
    """Name every control and requirement that was not judged, with the reason."""
    for control in controls:
        meta = control.META
        if meta.id not in policy.controls:
            yield meta.id, "no layer of the policy enables it"
        elif only and meta.id not in only:
            yield meta.id, "left out: the run is limited to " + ", ".join(only)
        else:
            for requirement in meta.requirements:
                if not policy.controls[meta.id].asks(requirement.id):
                    yield f"{meta.id}/{requirement.id}", "no layer of the policy requires it"
