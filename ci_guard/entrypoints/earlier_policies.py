"""Policies that have to allow a run beside the judged commit's own: those from before, or of the default branch."""

from __future__ import annotations

from ci_guard.entrypoints.check_options import CheckOptions
from ci_guard.entrypoints.layers import Layers
from ci_guard.entrypoints.policies import DEFAULT_POLICY, loaded, same, trusted_path
from ci_guard.errors import PolicyError
from ci_guard.evidence import earlier
from ci_guard.evidence.earlier import Earlier
from ci_guard.evidence.interface import Forge
from ci_guard.model.fact import Fact, Known, Source, Unknown, then, worst
from ci_guard.model.run import NOTHING_SINCE, Run
from ci_guard.model.settings import Policy
from ci_guard.records import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class EarlierPolicies:
    """What judges beside the commit's own policy."""

    policies: tuple[Policy, ...] = ()
    """Others than the commit's own, each once."""
    doubt: Unknown | None = None
    """Why there may be more of them."""


def earlier_policies(
    options: CheckOptions, run: Run, forge: Forge, layers: Layers, policy: Policy
) -> tuple[EarlierPolicies, Run]:
    """
    Return the policies that have to allow the run beside the commit's own, and the run with where they were looked for.

    The branch that an organisation's policy names counts where the default branch's policy, or the floor below it, says
    so: what the judged commit extends is the word of whoever wrote that commit.

    Raises: `PolicyError` where that from before is none and no other is known, `PolicyUnreadable` where a layer of one
    could not be read.
    """
    path = trusted_path(options.policy_path) if options.policy_path else DEFAULT_POLICY
    own = Known(value=policy, source=Source.DERIVED)
    known: dict[bytes | None, Policy] = {}
    run = replace(run, since_success=forge.since_success((path, *([policy.baseline.file] if policy.baseline else ()))))
    since = tuple(earlier.since_success(run))

    def read(at: Earlier | None) -> Fact[Policy]:
        if at is None:
            return own
        file = forge.policy_at(at.commit, path, at.ref)
        if isinstance(file, Unknown):
            return file
        content = file.value.content if file.value else None
        found = known.get(content)
        if found is None or found.baseline:
            found = known[content] = loaded(file.value, layers, lambda copy: forge.policy_at(at.commit, copy, at.ref))
        return Known(value=found, source=file.source, detail=file.detail)

    def accepted(at: Earlier | None) -> Fact[Policy]:
        """Leave out what is refused: no run was ever allowed by it, and what mends it has to be let in."""
        try:
            return read(at)
        except PolicyError:
            return own

    before = then(earlier.get_earlier(run, forge), accepted if since else read)
    branch = before.value.policy_branch if isinstance(before, Known) else policy.policy_branch
    if branch and earlier.of_default_branch(run):
        named = then(before, lambda _: earlier.get_named(run, forge, branch))
        before, since = earlier.needed(then(named, read), branch), ()
        run = replace(run, since_success=NOTHING_SINCE)  # Who may push to that branch is the organisation's to say.
    facts = [before, *map(accepted, since)]
    doubts = [fact for fact in (*facts, *earlier.unseen(run)) if isinstance(fact, Unknown)]
    policies: list[Policy] = []
    for fact in facts:
        if isinstance(fact, Known) and not any(same(fact.value, each) for each in (policy, *policies)):
            policies.append(fact.value)
    return EarlierPolicies(policies=tuple(policies), doubt=worst(doubts) if doubts else None), run
