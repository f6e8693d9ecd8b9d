"""Control `guard-integrity`: whoever is judged can change neither the policy nor the guard, nor what listens to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from ci_guard.controls import enforcement, guarded_paths, own_program, proven_environment, role_approval, wiring
from ci_guard.controls.declared import guard_integrity as declared
from ci_guard.controls.judging import Bench, benches
from ci_guard.controls.policy_source import judge_source
from ci_guard.model import project
from ci_guard.model.facts import Facts, Needs
from ci_guard.model.judgement import Judgement
from ci_guard.model.run import Run
from ci_guard.model.settings import Settings
from ci_guard.records import replace

META = declared.META

JUDGES: Final[Mapping[str, Callable[[Facts, Settings, Bench], Iterator[Judgement]]]] = {
    "policy-source": judge_source,
    "policy-unchanged": guarded_paths.judge_paths,
    "enforced": enforcement.judge_enforcement,
    "not-weakened": wiring.judge_wiring,
    "version": own_program.judge_version,
    "clean-environment": own_program.judge_environment,
    "proven-environment": proven_environment.judge_proof,
}

FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "policy-unchanged": frozenset({"parts"}),
    "enforced": frozenset({"enforcement"}),
    "not-weakened": frozenset({"wiring"}),
    "version": frozenset({"program", "wiring"}),
    "clean-environment": frozenset({"variables"}),
}
"""The fields of `Guard` that a requirement is judged by."""

AROUND: Final[Mapping[str, frozenset[str]]] = {
    "policy-unchanged": frozenset({"changed_paths"}),
    "proven-environment": frozenset({"environments", "signed_environment"}),
}
"""The fields of `Circumstances` that a requirement is judged by."""


def needs(settings: Settings, run: Run) -> Needs:
    """See `Control.needs`."""
    guard, around = (
        frozenset(field for name, fields in table.items() if settings.asks(name) for field in fields)
        for table in (FIELDS, AROUND)
    )
    found = Needs(circumstances=around, guard=guard)
    roles = settings.names("policy-unchanged") if settings.asks("policy-unchanged") else ()
    return found | role_approval.needs(roles, settings, run) if roles else found


def check(facts: Facts, settings: Settings) -> Iterator[Judgement]:
    """See `Control.check`."""
    for bench in benches(META, settings, facts.run):
        name = bench.requirement.id
        yield from JUDGES[name](facts, settings, replace(bench, page=project.requirement_page(META.id, name)))
