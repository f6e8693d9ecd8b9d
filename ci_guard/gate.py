"""The gate: from a policy and a platform to a decision; collect, judge, decide, in this order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import reduce
from typing import Final

from ci_guard import aftermath, collect, contexts, decide, glass, hashing
from ci_guard.choosing import NO_CONTEXT, NO_LAYER, check_only, choose, explain_absence
from ci_guard.controls.interface import Control
from ci_guard.controls.judge import judge
from ci_guard.evidence.interface import Forge
from ci_guard.model.branch import BranchSelection
from ci_guard.model.decision import Decision, PolicySummary, Result, Ruling, Verdict
from ci_guard.model.fact import Cause, Fact, Known, Source, Unknown
from ci_guard.model.facts import NOT_COLLECTED, Facts, Needs
from ci_guard.model.judgement import Outcome
from ci_guard.model.recorded import Recorded
from ci_guard.model.run import Run
from ci_guard.model.scan import SecretScan
from ci_guard.model.settings import Mode, Policy, Settings
from ci_guard.records import replace

TOLD: Final = 8
"""Changes of judgements that a note names."""


def gather(
    *,
    controls: Sequence[Control],
    only: Sequence[str],
    policies: Sequence[Policy],
    run: Run,
    forge: Forge,
    scan: Callable[[], Fact[SecretScan]],
    now: datetime,
    everything: bool = False,
    kept: bool = False,
) -> tuple[Facts, list[Policy]]:
    """
    Return the facts that the enabled controls need, and each policy with what its contexts add in this run.

    Units: `now` is aware, UTC. `only` limits the run to these controls; empty for all. With `everything`, all facts
    that any control could ask for are collected; for facts that are `kept`, at least what contexts, roles and admission
    of another policy could ask.
    Raises: `UsageError` where `only` names a control that no policy enables.
    """
    about = reduce(Needs.__or__, (contexts.needs(policy, run.platform) for policy in policies), Needs())
    settled = list(policies)
    if any(policy.contexts for policy in policies):
        around = collect.collect(run=run, wants=(), forge=forge, scan=lambda: NOT_COLLECTED, also=about, now=now)
        settled = [contexts.settle(policy, around) for policy in policies]
    for policy in policies:
        about |= glass.needs(policy, run.platform) | aftermath.needs(policy, run.platform)
    check_only(only, settled)
    chosen = [
        (control, policy.controls[control.META.id]) for policy in settled for control in choose(controls, only, policy)
    ]
    if kept:
        about |= Needs.about_the_run()
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

    Pure: the same record is judged alike wherever and whenever, by the same version of ci-guard. Where there are
    earlier policies, all have to allow the run.
    Raises: `UsageError` where the record is limited to a control that its policy does not enable.
    """
    policy, facts, only = recorded.policy, recorded.facts, recorded.only
    earlier, doubt = recorded.earlier, recorded.doubt
    settled = [recorded.settled or contexts.settle(policy, facts)]
    settled += recorded.earlier_settled or [contexts.settle(each, facts) for each in earlier]
    unheard = doubt and policy.mode is Mode.REPORT
    mode = effective_mode(replace(policy, mode=None) if unheard else policy, recorded.modes)
    if any(effective_mode(each, recorded.modes) is Mode.ENFORCE for each in earlier):
        mode = Mode.ENFORCE
    check_only(only, settled)
    decision = conclude(recorded, controls, policy, settled[0], mode)
    chosen = [control for control in controls if any(control in choose(controls, only, each) for each in settled)]
    metas = tuple(control.META for control in chosen)
    for each, as_settled in zip(earlier, settled[1:], strict=True):
        decision = decide.by_both(decision, conclude(recorded, controls, each, as_settled, mode), metas, mode)
        note = f"The policy changed: {each.source} has to allow this run, too."
        decision = replace(decision, notes=(note, *decision.notes))
    if doubt:
        decision = in_doubt(decision, doubt, mode)
    decision = replace(decision, notes=(*decision.notes, *after_merging(recorded, controls, decision, mode)))
    absent = [dict(explain_absence(controls, only, each)) for each in settled]
    return Result(
        version=version,
        time=recorded.time,
        decision=decision,
        advisory=recorded.advisory,
        controls=metas,
        not_judged={name: why for name, why in absent[0].items() if all(name in each for each in absent)},
        run=facts.run,
        policy=summary(policy, earlier, mode, recorded.policy_path),
        scan=facts.scan.value if isinstance(facts.scan, Known) else None,
        effort=recorded.effort,
        transport=recorded.transport,
        recorded=recorded,
    )


def in_doubt(decision: Decision, doubt: Unknown, mode: Mode) -> Decision:
    """
    Hold back an `allow` where the policy from before could not be read for a fault or a limit: it may be stricter.

    One that the token may not see is told and no more: whoever changes the policy cannot make it so.
    """
    told = f"Whether the policy was another before is not known: {doubt.reason}."
    if doubt.cause is Cause.INVISIBLE or decision.verdict is not Verdict.ALLOW:
        return replace(decision, notes=(told, *decision.notes))
    verdict = Verdict.UNDECIDED
    return replace(decision, verdict=verdict, exit_code=decide.exit_code_of(verdict, mode), reason=told)


def summary(policy: Policy, earlier: Sequence[Policy], mode: Mode, path: str) -> PolicySummary:
    """Return what a report says of the policy in force; with earlier ones its digest is over all their digests."""
    digest, layers = policy.sha256, policy.layers
    if earlier:
        digests = "".join(f"{each.sha256}\n" for each in (*earlier, policy))
        digest = hashing.sha256(digests.encode())
        layers = tuple(dict.fromkeys(layer for each in (*earlier, policy) for layer in each.layers))
    return PolicySummary(
        source=policy.source, sha256=digest, mode=mode, layers=layers, path=path, baseline=policy.baseline
    )


def conclude(recorded: Recorded, controls: Sequence[Control], policy: Policy, settled: Policy, mode: Mode) -> Decision:
    """
    Judge the facts by a policy as its contexts settle it: never better than by the policy alone.

    A context only asks for more, but what it asks for can be what passes where nothing else could be proven.
    """
    facts, only = recorded.facts, recorded.only

    def by(judging: Policy) -> Decision:
        chosen = choose(controls, only, judging)
        if only and not chosen:
            return not_asked(only, judging)
        judgements = [one for control in chosen for one in judge(control, facts, judging.controls[control.META.id])]
        metas = [control.META for control in chosen]
        today = recorded.time.date()
        look = glass.look(judging, facts, recorded.time)
        after = aftermath.look(judging, facts)
        judging = replace(judging, notes=(*after.notes, *judging.notes, *([look.note] if look.note else ())))
        decision = decide.decide(
            judgements,
            judging,
            metas=metas,
            mode=mode,
            today=today,
            advisory=recorded.advisory,
            broken=look.broken,
        )
        return replace(decision, unreviewed=after.unreviewed)

    decision = by(settled)
    said_alone = settled.controls == policy.controls or (only and not set(only) & policy.controls.keys())
    if said_alone or decision.verdict is not Verdict.ALLOW:
        return decision
    alone = by(policy)
    if alone.verdict is Verdict.ALLOW:
        return decision
    return replace(decision, verdict=alone.verdict, exit_code=alone.exit_code, reason=alone.reason)


def not_asked(only: Sequence[str], policy: Policy) -> Decision:
    """Return what follows where a run is limited to controls of which a policy asks nothing here: it denies nothing."""
    why = NO_CONTEXT if policy.contexts else NO_LAYER
    reason = f"Nothing is asked of {', '.join(only)} here: {why}."
    return Decision(verdict=Verdict.ALLOW, exit_code=0, rulings=(), reason=reason, notes=policy.notes)


def after_merging(recorded: Recorded, controls: Sequence[Control], decision: Decision, mode: Mode) -> Iterable[str]:
    """Say how this run would be judged by the policy that the change brings, once it is merged."""
    proposed = recorded.proposed
    if proposed is None:
        return
    settled = recorded.proposed_settled or contexts.settle(proposed, recorded.facts)
    then = conclude(recorded, controls, proposed, settled, mode)
    before = {key_of(ruling): ruling.judgement.outcome.value for ruling in decision.rulings}
    after = {key_of(ruling): ruling.judgement.outcome.value for ruling in then.rulings}
    changed = [
        f"{name}: {before.get(name, 'not judged')} -> {after.get(name, 'not judged')}"
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    ]
    if then.verdict is decision.verdict and not changed:
        yield "This change edits the policy; after merging, this run would be judged alike."
        return
    yield (
        f"This change edits the policy; after merging, these verdicts change ({decision.verdict.value} -> "
        f"{then.verdict.value}): {'; '.join(changed[:TOLD]) or 'what denies'}"
        + (f"; and {len(changed) - TOLD} more." if len(changed) > TOLD else ".")
    )


def key_of(ruling: Ruling) -> str:
    """Return what a ruling speaks of, for people."""
    judgement = ruling.judgement
    return f"{judgement.control}/{judgement.requirement} ({judgement.subject})"


def effective_mode(policy: Policy, asked: Sequence[Mode]) -> Mode:
    """Return `report` only where somebody asks for it and nobody for `enforce`."""
    modes = {policy.mode, *asked}
    return Mode.REPORT if Mode.REPORT in modes and Mode.ENFORCE not in modes else Mode.ENFORCE


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
