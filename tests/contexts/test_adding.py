"""A context only adds: what a policy asks without it is asked with it, and no verdict becomes more permissive."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from hypothesis import HealthCheck, Phase, assume, event, given
from hypothesis import settings as tune
from hypothesis import strategies as st

from ci_guard.controls.registry import CONTROLS
from ci_guard.errors import PolicyError
from ci_guard.gate import conclude
from ci_guard.model.decision import Verdict
from ci_guard.model.facts import Facts
from ci_guard.model.recorded import Recorded
from ci_guard.model.settings import Mode, OnInvisible, Policy
from tests.controls import language, strategies
from tests.drawing import examples
from tests.policy.given import policy_of
from tests.policy.test_layering import assert_no_looser, stack

SOMETIMES = {"event": ["push"]}
NOW = datetime(2026, 11, 25, tzinfo=timezone.utc)
THOROUGH = tune(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[phase for phase in Phase if phase is not Phase.explain],
)


def adding(*controls: Any) -> list[Any]:
    """Return contexts that add these controls, but for what has no place in one."""
    names = ("enabled", "locked", "bots")
    stripped = [
        {name: {key: value for key, value in one.items() if key not in names} for name, one in each.items()}
        for each in controls
    ]
    return [{"name": f"c{number}", "when": SOMETIMES, "controls": each} for number, each in enumerate(stripped) if each]


def with_contexts(layer: Any, *controls: Any) -> Any:
    found = adding(*controls)
    return {**layer, "contexts": found} if found else layer


def loaded(*layers: Any) -> Policy:
    try:
        return policy_of(*layers)
    except PolicyError:
        assume(False)
        raise


def under(policy: Policy, *numbers: int) -> Policy:
    if policy.under is None:
        return policy
    return policy.under([policy.contexts[number] for number in numbers])


@THOROUGH
@given(layers=stack(2), first=stack(1), second=stack(1))
def test_with_its_contexts_a_policy_asks_for_all_that_it_asks_without_them(
    layers: list[Any], first: list[Any], second: list[Any]
) -> None:
    organisation, project = layers
    policy = loaded(with_contexts(organisation, first[0]["controls"]), with_contexts(project, second[0]["controls"]))
    every = range(len(policy.contexts))
    event(f"{len(every)} contexts")
    assert_no_looser(under(policy, *every), policy)
    for number in every:
        assert_no_looser(under(policy, *every), under(policy, number))
    assert under(policy, *every).controls == under(policy, *reversed(every)).controls


@THOROUGH
@given(layers=stack(2), added=stack(1))
def test_a_project_cannot_drop_or_weaken_a_context_of_its_organisation(layers: list[Any], added: list[Any]) -> None:
    organisation = with_contexts(layers[0], added[0]["controls"])
    alone, both = loaded(organisation), loaded(organisation, layers[1])
    assert both.contexts == alone.contexts
    assert_no_looser(under(both, *range(len(both.contexts))), under(alone, *range(len(alone.contexts))))


ASKED = st.sampled_from(
    [
        {"branch-protection": {"on-invisible": "warn", "require": {"protected": True, "approvals": 1}}},
        {"branch-protection": {"branches": ["main", "dev"], "require": {"approvals": 2, "status-checks": True}}},
        {"actor-permissions": {"require": {"actor": "write"}, "on-invisible": "warn"}},
        {"actor-permissions": {"require": {"actor": "admin", "sender": "read"}}},
        {"required-reviews": {"require": {"reviewed-change": True, "approvals": 1}}},
        {"secret-free": {"require": {"no-secrets": True}}},
        {"secret-free": {"require": {"complete-scan": True, "reviewed-suppressions": True}}},
    ]
)
FACTS = st.fixed_dictionaries(
    {"run": strategies.RUNS},
    optional={
        "branches": strategies.lossy(st.lists(strategies.SELECTIONS, max_size=2)),
        "people": strategies.lossy(st.lists(strategies.SEATS, max_size=3)),
        "provenance": strategies.lossy(strategies.PROVENANCES),
        "scan": strategies.lossy(strategies.SCANS),
    },
)


def verdict(facts: Facts, policy: Policy, settled: Policy) -> Verdict:
    recorded = Recorded(version="0", time=NOW, advisory=False, policy=policy, settled=settled, facts=facts)
    return conclude(recorded, CONTROLS, policy, settled, Mode.ENFORCE).verdict


@THOROUGH
@given(base=ASKED, added=st.lists(ASKED, min_size=1, max_size=3), raw=FACTS)
def test_no_context_makes_a_verdict_more_permissive(base: Any, added: list[Any], raw: Any) -> None:
    policy = loaded(with_contexts({"version": 1, "controls": base}, *added))
    facts = language.facts(raw)
    before = verdict(facts, policy, policy)
    event(f"{before.value} before")
    for number in range(len(policy.contexts)):
        some = under(policy, *range(number + 1))
        after = verdict(facts, policy, some)
        assert before is Verdict.ALLOW or after is not Verdict.ALLOW
        assert before is not Verdict.DENY or after is Verdict.DENY


def test_what_is_proven_only_because_of_a_context_proves_nothing_for_the_policy() -> None:
    """Without the context nothing can be proven, so that with it one pass must not be enough."""
    tolerant = {"branch-protection": {"on-invisible": "warn", "require": {"protected": True}}}
    policy = policy_of(
        with_contexts({"version": 1, "controls": tolerant}, {"secret-free": {"require": {"no-secrets": True}}})
    )
    facts = language.facts({"branches": "?invisible", "scan": {}})
    assert verdict(facts, policy, policy) is Verdict.UNDECIDED
    assert verdict(facts, policy, under(policy, 0)) is Verdict.UNDECIDED


LOOSE = {"version": 1, "controls": {"branch-protection": {"require": {"approvals": 1}}}}
PRODUCTION = {"branch-protection": {"require": {"approvals": 2}}}


def test_a_waiver_of_the_project_does_not_cover_what_a_context_of_the_organisation_asks() -> None:
    waiver = {"control": "branch-protection", "requirement": "approvals", "reason": "x", "until": "2027-01-31"}
    organisation = with_contexts(
        {"version": 1, "controls": {"secret-free": {"require": {"no-secrets": True}}}}, PRODUCTION
    )
    policy = policy_of(organisation, {**LOOSE, "waivers": [waiver]})
    assert policy.waivers
    assert not policy.notes
    production = under(policy, 0)
    assert not production.waivers
    assert production.controls["branch-protection"].number("approvals", 0) == 2
    assert "does not count: layer-0 requires it" in production.notes[0]


def test_a_waiver_of_what_only_a_context_asks_counts_where_that_applies() -> None:
    waiver = {"control": "secret-free", "requirement": "no-secrets", "reason": "x", "until": "2027-01-31"}
    policy = policy_of(
        {**with_contexts(LOOSE, {"secret-free": {"require": {"no-secrets": True}}}), "waivers": [waiver]}
    )
    assert policy.waivers == ()
    assert policy.notes == ()
    assert [one.requirement for one in under(policy, 0).waivers] == ["no-secrets"]


def test_a_context_may_tighten_what_its_own_layer_locks_and_a_nearer_one_may_not() -> None:
    locked = {"version": 1, "controls": {"branch-protection": {"locked": True, "require": {"approvals": 1}}}}
    policy = policy_of(with_contexts(locked, PRODUCTION), {"version": 1})
    assert under(policy, 0).controls["branch-protection"].number("approvals", 0) == 2


def test_a_control_that_only_contexts_enable_denies_what_is_invisible_and_looks_at_the_default_branch() -> None:
    base = {"version": 1, "controls": {"secret-free": {"require": {"no-secrets": True}}}}
    one = {"branch-protection": {"branches": ["release/*"], "on-invisible": "warn", "require": {"protected": True}}}
    other = {"branch-protection": {"require": {"protected": True}}}
    policy = policy_of(with_contexts(base, one, other))
    assert under(policy, 0).controls["branch-protection"].on_invisible is OnInvisible.WARN
    both = under(policy, 0, 1).controls["branch-protection"]
    assert both.on_invisible is OnInvisible.DENY
    assert set(both.branches) == {"release/*", "default"}


def test_a_requirement_says_which_context_asks_for_it() -> None:
    policy = policy_of(
        "version: 1\nextends: builtin:baseline\ncontexts:\n  - name: c\n    when: {event: [push]}\n"
        "    controls:\n      branch-protection:\n        require: {approvals: 2}\n"
    )
    assert under(policy, 0).controls["branch-protection"].said_by["approvals"] == "layer-0:8"


def test_a_project_that_enables_the_control_elsewhere_does_not_move_its_organisations_context() -> None:
    organisation = with_contexts(
        {"version": 1, "controls": {"secret-free": {"require": {"no-secrets": True}}}}, PRODUCTION
    )
    project = {"branch-protection": {"branches": ["dev"], "on-invisible": "warn", "require": {"approvals": 1}}}
    production = under(policy_of(organisation, {"version": 1, "controls": project}), 0).controls["branch-protection"]
    assert set(production.branches) == {"default", "dev"}
    assert production.on_invisible is OnInvisible.DENY
