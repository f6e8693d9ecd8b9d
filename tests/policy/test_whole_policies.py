"""Whatever nearer layers say under any key, what the floor denies stays denied, and stops the pipeline."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any, Final, TypeAlias

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from ci_guard.controls.registry import CONTROLS
from ci_guard.decide import DENYING
from ci_guard.errors import PolicyError
from ci_guard.gate import judged
from ci_guard.model.decision import Decision, Verdict
from ci_guard.model.facts import Facts
from ci_guard.model.judgement import Outcome
from ci_guard.model.origin import LayerKind
from ci_guard.model.recorded import Recorded
from ci_guard.model.settings import Mode, Policy
from ci_guard.model.waiver import KnownFailure
from ci_guard.policy.baseline import with_known, write_known
from ci_guard.policy.load import load
from ci_guard.policy.text import PolicyText
from tests.policy import runs, wholes
from tests.policy.given import METAS
from tests.policy.runs import denies
from tests.policy.test_layering import assert_no_looser

Drawn: TypeAlias = tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]

KINDS: Final = (LayerKind.REMOTE, LayerKind.REMOTE, LayerKind.REPOSITORY)
"""The floor, what it or the repository extends, and the repository's own policy."""


def texts(layers: list[dict[str, Any]]) -> list[PolicyText]:
    kinds = KINDS if len(layers) == len(KINDS) else (KINDS[0], KINDS[-1])
    return [
        PolicyText(content=json.dumps(layer).encode(), place=f"layer-{rank}", kind=kind, floor=rank == 0)
        for rank, (layer, kind) in enumerate(zip(layers, kinds, strict=True))
    ]


def decided(policy: Policy, run: tuple[Facts, datetime], earlier: Policy | None = None) -> Decision:
    """Return what follows where the caller asks for report mode."""
    facts, now = run
    recorded = Recorded(
        version="0",
        time=now,
        advisory=False,
        modes=(Mode.REPORT,),
        policy=policy,
        earlier=(earlier,) if earlier else (),
        facts=facts,
    )
    return judged(recorded, CONTROLS, "0").decision


def knowing(policy: Policy, decision: Decision, day: datetime) -> Policy:
    """Return a policy whose baseline, where it has one, knows every failure of a run."""
    if policy.baseline is None:
        return policy
    failures = {
        KnownFailure(
            control=ruling.judgement.control,
            requirement=ruling.judgement.requirement,
            subject=ruling.judgement.subject,
            fingerprint=ruling.judgement.fingerprint,
            since=day.date(),
        )
        for ruling in decision.rulings
        if ruling.judgement.outcome is Outcome.FAIL
    }
    return with_known(policy, write_known(failures).encode(), "known.json", METAS)


@st.composite
def organisations_and_projects(draw: st.DrawFn) -> Drawn:
    """Return the organisation's layers, with a project's, and what the project asked before a push."""
    layers = draw(st.integers(2, 3).flatmap(wholes.stacks))
    for layer in layers[-1:]:
        layer.pop("policy-branch", None)
    before = {key: value for key, value in layers[-1].items() if draw(st.booleans()) or key in ("version", "roles")}
    return layers[:-1], layers, before


def hold_in_contexts(drawn: Drawn, data: st.DataObject) -> None:
    """Check that all that the organisation asks is asked and nothing of it pardoned, whichever contexts apply."""
    whole = texts(drawn[1])
    try:
        floor, policy = load(whole[:-1], METAS), load(whole, METAS)
    except PolicyError:
        event("refused")
        return
    count = len(floor.contexts)
    assert policy.contexts[:count] == floor.contexts
    chosen = [index for index in range(len(policy.contexts)) if data.draw(st.booleans())]
    under = policy.under([policy.contexts[index] for index in chosen]) if policy.under else policy
    below = floor.under([floor.contexts[index] for index in chosen if index < count]) if floor.under else floor
    assert_no_looser(under, below)
    assert (floor.mode or Mode.ENFORCE) is Mode.REPORT or policy.mode is Mode.ENFORCE
    assert policy.policy_branch == floor.policy_branch
    assert all(policy.roles[name] == role for name, role in floor.roles.items())
    for control, settings_below in below.controls.items():
        assert set(settings_below.admission) <= set(under.controls[control].admission)
        for name in settings_below.require:
            if denies(below, (control, name)):
                event("denied below")
                assert denies(under, (control, name))


def hold_on_facts(drawn: Drawn, data: st.DataObject) -> None:
    """Check that what the organisation denies on some facts is denied, and stops the pipeline."""
    organisation, layers, before = drawn
    whole = texts(layers)
    try:
        floor = load(whole[:-1], METAS)
        policy = load(whole, METAS)
        earlier = load(texts([*organisation, before]), METAS)
    except PolicyError as error:
        event(f"refused: {error.message.split(': ')[1][:40]}")
        return  # one that is refused allows nothing
    for _ in range(3):
        run = data.draw(runs.facts())
        alone = decided(floor, run)
        held = any(ruling.weight in DENYING for ruling in alone.rulings)
        event("held" if held else "not held")
        for other in (None, earlier):
            both = decided(knowing(policy, alone, run[1]), run, other and knowing(other, alone, run[1]))
            event(f"waived: {min(1, Counter(bool(ruling.waived) for ruling in both.rulings)[True])}")
            assert not held or both.verdict is not Verdict.ALLOW
            assert not alone.exit_code or not held or both.exit_code


@wholes.FEW
@given(drawn=organisations_and_projects(), data=st.data())
def test_whichever_contexts_apply_nothing_of_what_the_organisation_asks_is_pardoned(
    drawn: Drawn, data: st.DataObject
) -> None:
    hold_in_contexts(drawn, data)


@wholes.FEW
@given(drawn=organisations_and_projects(), data=st.data())
def test_no_layers_turn_what_the_organisation_denies_into_an_allow(drawn: Drawn, data: st.DataObject) -> None:
    hold_on_facts(drawn, data)


@pytest.mark.slow
@wholes.MANY
@given(drawn=organisations_and_projects(), data=st.data())
def test_many_layers_pardon_nothing_and_turn_nothing_into_an_allow(drawn: Drawn, data: st.DataObject) -> None:
    hold_in_contexts(drawn, data)
    hold_on_facts(drawn, data)
