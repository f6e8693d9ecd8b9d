"""`ci-guard check`: from options and environment to a result."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ci_guard import __version__
from ci_guard.controls.registry import CONTROLS, METAS
from ci_guard.entrypoints import ratchet
from ci_guard.entrypoints.check_options import CheckOptions, add_options, options
from ci_guard.entrypoints.commands import Call
from ci_guard.entrypoints.hiding import without_secrets
from ci_guard.entrypoints.layers import Layers
from ci_guard.entrypoints.policies import DEFAULT_POLICY, named_policy, proposal, read_policy, same, unused
from ci_guard.errors import UsageError
from ci_guard.evidence import environment
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.interface import Forge
from ci_guard.evidence.pool import Pool
from ci_guard.model.decision import Effort, Result
from ci_guard.model.fact import Fact
from ci_guard.model.run import Platform, Run
from ci_guard.model.scan import SecretScan
from ci_guard.model.settings import Policy
from ci_guard.records import replace
from ci_guard.reporters.terminal import Progress

if TYPE_CHECKING:
    from ci_guard.entrypoints.earlier_policies import EarlierPolicies
    from ci_guard.model.facts import Facts

__all__ = ["add_options", "options", "run"]


def run(options: CheckOptions, call: Call) -> Result:
    """
    Run the gate and return its result.

    Raises: `CiGuardError` where there is nothing to judge with: a bad policy, an unreadable one, a bad option.
    """
    if options.facts is not None:
        return replayed(options, options.facts)
    started = time.monotonic()
    now = datetime.now(timezone.utc)
    platform = Platform(options.platform) if options.platform else environment.detect(call.environ)
    checkout = Checkout(Path.cwd())
    forge = forge_of(platform, options, call.environ, checkout)
    with (
        Progress(call.progress, quiet=options.output.quiet, ci=platform is not Platform.LOCAL) as progress,
        Pool(max_workers=1) as pool,
    ):
        progress.step("reading the run")
        identified = pool.submit(forge.run)
        load_what_judges()  # while the server answers, which takes about as long
        this_run = replace(identified.result(), environment=options.environment)
        progress.step("reading the policy")
        asked = policies(options, this_run, forge, checkout)
        progress.step("collecting evidence")
        facts, settled = collected(asked, options, forge, checkout, now=now, progress=progress)
    from ci_guard import contexts
    from ci_guard.gate import judged
    from ci_guard.model.recorded import Recorded

    proposed = asked.proposed if asked.proposed and not same(asked.proposed, asked.policy) else None
    recorded = Recorded(
        version=__version__,
        time=now,
        advisory=platform is Platform.LOCAL and not options.platform and not options.enforce,
        only=options.controls,
        modes=options.modes,
        policy=asked.policy,
        settled=settled[0],
        earlier=asked.earlier.policies,
        earlier_settled=tuple(settled[1:]),
        doubt=asked.earlier.doubt,
        proposed=proposed,
        proposed_settled=contexts.settle(proposed, facts) if proposed else None,
        policy_path="" if options.policy_file else options.policy_path or DEFAULT_POLICY,
        facts=facts,
        effort=Effort(requests=forge.requests, seconds=time.monotonic() - started),
        transport=forge.transport,
    )
    # Before it is judged: what a control quotes is cut, and half a secret is not found any more.
    return ratchet.kept(judged(without_secrets(recorded, facts.run), CONTROLS, __version__), options.baselines)


def load_what_judges() -> None:
    """Import what the rest of a run needs."""
    import ci_guard.collect
    import ci_guard.contexts
    import ci_guard.entrypoints.earlier_policies
    import ci_guard.evidence.earlier
    import ci_guard.gate
    import ci_guard.model.recorded
    import ci_guard.policy.load  # noqa: F401 - what uses each says so where it does


class Asked(NamedTuple):
    """A run, and the policies that say what is asked of it."""

    run: Run
    """With a note of whatever is not as it seems."""
    policy: Policy
    earlier: EarlierPolicies
    proposed: Policy | None
    """What the change makes of the policy."""


def policies(options: CheckOptions, run: Run, forge: Forge, checkout: Checkout) -> Asked:
    """
    Read the policies of a run.

    Raises: as `read_policy` and `earlier_policies` do.
    """
    from ci_guard.entrypoints.earlier_policies import EarlierPolicies, earlier_policies
    from ci_guard.evidence.earlier import unproven

    layers = Layers(forge, options.floor, options.floor_signature)
    policy = read_policy(options, forge, layers)
    earlier = EarlierPolicies()
    if not options.policy_file:
        earlier, run = earlier_policies(options, run, forge, layers, policy)
    proposed = proposal(options, run, checkout, layers)
    notes = [*run.notes, *unused(options, run, checkout)]
    notes += [] if options.policy_file else unproven(run)
    return Asked(run=replace(run, notes=tuple(notes)), policy=policy, earlier=earlier, proposed=proposed)


def collected(
    asked: Asked, options: CheckOptions, forge: Forge, checkout: Checkout, *, now: datetime, progress: Progress
) -> tuple[Facts, list[Policy]]:
    """Return the facts that the policies need, and each policy with what its contexts add; see `gather`."""
    from ci_guard.collect import scan_checkout
    from ci_guard.gate import gather

    def scanned() -> Fact[SecretScan]:
        found = scan_checkout(checkout, asked.run, target=forge.target_commit, today=now.date(), progress=progress.step)
        progress.step("collecting evidence")  # the others may still wait for the network
        return found

    return gather(
        controls=CONTROLS,
        only=options.controls,
        policies=[asked.policy, *asked.earlier.policies],
        run=asked.run,
        forge=forge,
        scan=scanned,
        now=now,
        everything=options.everything,
        kept=any(name == "facts" for name, _ in options.output.reports),
    )


def replayed(options: CheckOptions, file: str) -> Result:
    """Judge a recorded run by its own clock and policy, or by another policy; the options can only tighten."""
    from ci_guard.gate import judged
    from ci_guard.replay.reading import read_recorded

    recorded = read_recorded(Path(file), METAS)
    if options.policy_file:
        recorded = recorded.under(named_policy(options.policy_file))
    recorded = replace(
        recorded,
        only=options.controls or recorded.only,
        modes=(*recorded.modes, *options.modes),
        advisory=recorded.advisory and not options.enforce,
    )
    result = judged(recorded, CONTROLS, __version__)
    when = f"{recorded.time:%Y-%m-%d %H:%M:%S} UTC"
    note = f"This run was recorded at {when} by ci-guard {recorded.version}; nothing was asked anew."
    result = replace(result, decision=replace(result.decision, notes=(*result.decision.notes, note)))
    return ratchet.kept(result, options.baselines)


def forge_of(platform: Platform, options: CheckOptions, environ: Mapping[str, str], checkout: Checkout) -> Forge:
    """Return the adapter of the platform; raise for one whose evidence cannot be read yet."""
    if platform is Platform.LOCAL:
        from ci_guard.evidence.local import Local

        return Local(checkout, proxy=options.proxy, ca_bundle=options.ca_bundle)
    if platform is Platform.GITHUB:
        from ci_guard.evidence.github.adapter import GitHub

        return GitHub(environ, checkout, proxy=options.proxy, ca_bundle=options.ca_bundle)
    if platform is Platform.GITLAB:
        return gitlab_of(options, environ, checkout)
    raise UsageError(
        f"This run is on {platform.value}, whose evidence ci-guard {__version__} cannot read.",
        hint="Run `ci-guard scan` there, which needs no platform.",
    )


def gitlab_of(options: CheckOptions, environ: Mapping[str, str], checkout: Checkout) -> Forge:
    """Return GitLab's adapter; raise where its packages are missing, as the bootstrap fetches them where they count."""
    try:
        from ci_guard.evidence.gitlab.adapter import GitLab

        return GitLab(
            environ,
            checkout,
            server=options.server,
            audience=options.audience,
            proxy=options.proxy,
            ca_bundle=options.ca_bundle,
        )
    except ModuleNotFoundError as error:
        raise UsageError(
            f"What asks GitLab is not installed here ({error.name}).",
            hint="Name the platform, as in `check --platform gitlab`, or install requirements/gitlab.txt.",
        ) from None
