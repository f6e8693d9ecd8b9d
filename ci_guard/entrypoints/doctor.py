"""`ci-guard doctor`: which facts the present token shows, and what the policy makes of those that it does not."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ci_guard.controls import actor_permissions, admission
from ci_guard.controls.registry import METAS
from ci_guard.entrypoints.check import forge_of
from ci_guard.entrypoints.check_options import CheckOptions
from ci_guard.entrypoints.commands import Call, Said
from ci_guard.entrypoints.desk import try_policy
from ci_guard.entrypoints.options import PLATFORMS
from ci_guard.entrypoints.policies import read_policy
from ci_guard.entrypoints.screen import page_for
from ci_guard.errors import PolicyUnreadable
from ci_guard.evidence import environment
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.interface import Forge, TokenHolder
from ci_guard.evidence.local import Local
from ci_guard.evidence.survey import survey
from ci_guard.model.decision import Ruling, Weight
from ci_guard.model.fact import Unknown
from ci_guard.model.judgement import Outcome
from ci_guard.model.run import Platform
from ci_guard.model.settings import Policy
from ci_guard.model.token import TokenSight
from ci_guard.policy.load import load_builtin
from ci_guard.policy.reading import PROFILES
from ci_guard.records import dataclass, replace
from ci_guard.reporters import diagnosis, escape
from ci_guard.reporters.page import Page
from ci_guard.reporters.telling import count

ONLY_IN_A_JOB: Final = (
    "its facts are about the people behind a run, which only a job has: run doctor there, with "
    "`GITHUB_TOKEN: ${{ github.token }}` in its environment"
)
READS_THE_CHECKOUT: Final = "it reads the checkout, and needs no token"
SHALLOW: Final = "this clone is shallow: `complete-scan` and `reviewed-history` need the whole (`fetch-depth: 0`)"
WANTED: Final = (
    "Nothing was asked. Put a token into GITHUB_TOKEN: in a job its own, with `contents`, `pull-requests` and "
    "`actions` set to read; elsewhere a fine-grained one of yours with the same. CI_GUARD_TOKEN holds a stronger one."
)
WANTED_ON_GITLAB: Final = (
    "Nothing was asked. Every GitLab job has CI_JOB_TOKEN: run doctor in one. CI_GUARD_TOKEN holds a stronger one, "
    "with the scope read_api."
)


@dataclass(frozen=True, kw_only=True)
class DoctorOptions:
    """What `ci-guard doctor` was asked."""

    platform: str | None = None
    policy_file: str | None = None
    profile: str | None = None
    """A built-in profile to be tried instead of the policy."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What was seen, ready to be told."""

    where: str
    """The repository and how it is looked at."""
    wanted: str = WANTED
    """Which token would be needed where there is none."""
    aside: Mapping[str, str]
    """Controls that were not looked at, with the reason."""
    rulings: tuple[Ruling, ...] = ()
    tokens: tuple[TokenSight, ...] = ()
    requests: int = 0
    blind: str = ""
    """Why nothing could be looked at at all, as a clause; empty where something was."""

    @property
    def undecided(self) -> list[Ruling]:
        """What cannot be decided."""
        return [ruling for ruling in self.rulings if ruling.judgement.outcome in (Outcome.UNKNOWN, Outcome.ERROR)]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `doctor`."""
    parser.usage = "ci-guard doctor [OPTIONS]"
    parser.epilog = "Exit codes: 0 all can be read, 1 something cannot be decided, 2 usage or bad file, 4 a fault."
    parser.add_argument("--platform", choices=PLATFORMS, help="where the run happens (default: detected)")
    profiles = " or ".join(PROFILES)
    policy = parser.add_mutually_exclusive_group()
    policy.add_argument("--policy", metavar="FILE", help="try this policy, instead of the repository's")
    policy.add_argument("--profile", choices=PROFILES, metavar="PROFILE", help=f"try a built-in one: {profiles}")


def options(arguments: argparse.Namespace, _environ: Mapping[str, str]) -> DoctorOptions:
    """Return the options of `doctor`."""
    return DoctorOptions(platform=arguments.platform, policy_file=arguments.policy, profile=arguments.profile)


def run(options: DoctorOptions, call: Call) -> Said:
    """
    Read what the policy needs, with the tokens that are there, and say what they show.

    Shape: 0 where every requirement that was looked at can be decided, whether it holds or not; 1 where one cannot.
    Raises: `UsageError`, `PolicyError`, and `GitUnavailable` outside CI where there is no repository.
    """
    checkout = Checkout(Path.cwd())
    platform = Platform(options.platform) if options.platform else environment.detect(call.environ)
    page = page_for(call.stdout, call.environ)
    try:
        policy, sight = (
            at_home(options, call, checkout)
            if platform is Platform.LOCAL
            else in_a_job(options, call, checkout, platform)
        )
    except PolicyUnreadable as error:
        page.heading("The policy cannot be read, so a run would be undecided")
        page.wrapped(escape.plain(f"{error.message} {error.hint}"), 2)
        return Said(page.text(), 1)
    write(page, policy, sight)
    return Said(page.text(), int(bool(sight.undecided or sight.blind)))


def in_a_job(options: DoctorOptions, call: Call, checkout: Checkout, platform: Platform) -> tuple[Policy, Sight]:
    """Look at the run of this job, as `check` would."""
    forge = forge_of(platform, CheckOptions(), call.environ, checkout)
    policy = policy_of(options, forge)
    aside = set_aside(policy, checkout, in_a_job=True)
    where = f"{platform.value}, {forge.run().repository}, in a job"
    return policy, look(policy, forge, call, platform, where=where, aside=aside)


def at_home(options: DoctorOptions, call: Call, checkout: Checkout) -> tuple[Policy, Sight]:
    """Look at the default branch of the clone's repository, as if a run of it were started by hand."""
    from ci_guard.evidence.github.desk import at_desk

    seen = survey(checkout.repository, call.environ)
    policy = policy_of(options, Local(checkout))
    aside = set_aside(policy, checkout, in_a_job=False)
    if policy.controls.keys() <= aside.keys():
        return policy, Sight(where="outside CI", aside=aside)
    if seen.platform is not Platform.GITHUB or seen.remote is None:
        return policy, Sight(where="outside CI", aside=aside, blind=f"no repository on GitHub is known: {seen.because}")
    forge = at_desk(call.environ, checkout, seen.remote, branch=seen.branch.value if seen.branch else None)
    if isinstance(forge, Unknown):
        needs = f"; needed: {forge.needs}" if forge.needs else ""
        return policy, Sight(where="outside CI", aside=aside, blind=forge.reason + needs)
    where = f"github, {seen.remote.path}, its default branch, outside CI"
    return policy, look(policy, forge, call, Platform.GITHUB, where=where, aside=aside)


def look(
    policy: Policy, forge: Forge, call: Call, platform: Platform, *, where: str, aside: Mapping[str, str]
) -> Sight:
    """Return what an adapter shows of the controls that are not set aside."""
    wanted = WANTED_ON_GITLAB if platform is Platform.GITLAB else WANTED
    asked = [name for name in policy.controls if name not in aside]
    if asked and not environment.named_tokens(call.environ, platform):
        return Sight(where=where, wanted=wanted, aside=aside, blind="no token was given")
    rulings = try_policy(policy, asked, run=forge.run(), forge=forge)
    tokens = forge.tokens() if isinstance(forge, TokenHolder) else ()
    return Sight(where=where, wanted=wanted, rulings=rulings, tokens=tokens, aside=aside, requests=forge.requests)


def set_aside(policy: Policy, checkout: Checkout, *, in_a_job: bool) -> dict[str, str]:
    """Return the enabled controls that are not looked at, with the reason."""
    shallow = f"; {SHALLOW}" if checkout.exists and checkout.repository.is_shallow() else ""
    aside = {meta.id: READS_THE_CHECKOUT + shallow for meta in METAS if meta.local}
    if not in_a_job:
        aside |= dict.fromkeys((actor_permissions.META.id, admission.META.id), ONLY_IN_A_JOB)
    return {name: reason for name, reason in aside.items() if name in policy.controls}


def policy_of(options: DoctorOptions, forge: Forge) -> Policy:
    """Return the policy that is tried: with all that any of its contexts may add."""
    if options.profile:
        return load_builtin(options.profile, METAS)
    policy = read_policy(CheckOptions(policy_file=options.policy_file), forge)
    return replace(policy.under(policy.contexts), contexts=()) if policy.under else policy


def write(page: Page, policy: Policy, sight: Sight) -> None:
    """Write everything, and the answer last."""
    page.heading("What is looked at")
    page.labelled("Run", escape.plain(sight.where), 2)
    page.labelled("Policy", escape.plain(policy.source), 2)
    diagnosis.write_tokens(page, sight.tokens, wanted=sight.wanted)
    diagnosis.write_facts(page, sight.rulings)
    if sight.aside:
        page.heading("Not looked at")
        for name, reason in sight.aside.items():
            page.columns(name, reason, 2, 22)
    page.heading("Answer")
    page.wrapped(escape.plain(answer(sight)), 2)
    page.wrapped(f"{count(sight.requests, 'request')} made.", 2)


def answer(sight: Sight) -> str:
    """Return the answer in one sentence."""
    if sight.blind:
        return f"Nothing that the policy asks could be read: {sight.blind}."
    if undecided := sight.undecided:
        tolerated = sum(ruling.weight is Weight.TOLERATED for ruling in undecided)
        spared = f"; the policy tolerates {tolerated} of them" if tolerated else ""
        return f"{count(len(undecided), 'requirement')} cannot be decided with what can be read{spared}."
    if not sight.rulings:
        return "The policy asks nothing here that a token would have to show."
    return "Everything that the policy asks here can be read."
