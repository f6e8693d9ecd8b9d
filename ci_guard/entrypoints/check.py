"""`ci-guard check`: from options and environment to a result."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from ci_guard import __version__
from ci_guard.controls.registry import CONTROLS
from ci_guard.entrypoints import ratchet
from ci_guard.entrypoints.commands import Call
from ci_guard.entrypoints.layers import Layers, Vendored, beside, file_text
from ci_guard.entrypoints.options import (
    INPUTS,
    PLATFORMS,
    UPLOAD,
    Output,
    add_audit_options,
    add_output_options,
    output_options,
    with_sarif,
)
from ci_guard.errors import PolicyError, PolicyUnreadable, UsageError
from ci_guard.evidence import environment
from ci_guard.evidence.checkout import MAXIMUM_POLICY_BYTES, Checkout, read_plain_file
from ci_guard.evidence.interface import Forge, PolicyFile
from ci_guard.evidence.local import Local
from ci_guard.evidence.pool import Pool
from ci_guard.model.decision import Effort, Result
from ci_guard.model.fact import Fact, Known, Unknown
from ci_guard.model.origin import LayerKind
from ci_guard.model.run import Event, Platform, Run
from ci_guard.model.scan import SecretScan
from ci_guard.model.settings import Mode, Policy
from ci_guard.policy.text import PolicyText
from ci_guard.records import dataclass, field, replace
from ci_guard.reporters.terminal import Progress

DEFAULT_POLICY: Final = ".ci-guard.yml"
METAS: Final = tuple(control.META for control in CONTROLS)
OF_A_RUN: Final = (
    "floor",
    "platform",
    "environment",
    "server",
    "audience",
    "proxy",
    "ca_bundle",
    "inputs",
    "audit_log",
)
"""Options that a recorded run has answered."""
PROPOSALS: Final = frozenset({Event.CHANGE, Event.QUEUE})
"""Events whose commit is what the target would become."""


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """What `ci-guard check` was asked."""

    output: Output = field(default_factory=Output)
    controls: tuple[str, ...] = ()
    policy_file: str | None = None
    """A trusted file anywhere, from `--policy`."""
    floor: str | None = None
    """An organisation policy that lies below every other, whatever the repository says."""
    policy_path: str | None = None
    """A path in the trusted ref, from the action's input."""
    platform: str | None = None
    enforce: bool = False
    modes: tuple[Mode, ...] = ()
    """Every mode that was asked for; `enforce` from any side wins."""
    environment: str | None = None
    proxy: str | None = None
    ca_bundle: str | None = None
    server: str | None = None
    """The only server that may be asked, from GitLab's template."""
    audience: str | None = None
    """The one that GitLab's template asks the ID token for."""
    upload: bool = False
    """Send the SARIF report to code scanning."""
    inputs: bool = False
    facts: str | None = None
    """A recorded run to judge instead of this one."""
    baselines: ratchet.Files = field(default_factory=ratchet.Files)
    everything: bool = False
    """Collect all facts that any policy could ask for, for a record that other policies are tried on."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `check`."""
    parser.usage = "ci-guard check [OPTIONS] [CONTROL ...]"
    parser.add_argument("controls", nargs="*", metavar="CONTROL", help="run only these; `ci-guard explain` lists them")
    parser.add_argument("--enforce", action="store_true", help="judge strictly where no CI platform is detected")
    modes = [mode.value for mode in Mode]
    parser.add_argument(
        "--mode", choices=modes, metavar="MODE", help="enforce or report; enforce wins, whoever says it"
    )
    add_run_options(parser)
    parser.add_argument("--facts", metavar="FILE", help="judge a recorded run again, offline, not this one")
    parser.add_argument("--inputs", action="store_true", help="read the action's inputs from CI_GUARD_INPUT_…")
    ratchet.add_options(parser)
    add_audit_options(parser)
    add_output_options(parser)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which run it is, which policy judges and how its facts are asked for."""
    parser.add_argument("--policy", metavar="FILE", help="a trusted policy, instead of the trusted ref's")
    platforms = " or ".join(PLATFORMS)
    parser.add_argument(
        "--floor", metavar="REFERENCE", help="organisation policy below all others, by commit or digest"
    )
    parser.add_argument("--platform", choices=PLATFORMS, metavar="NAME", help=f"{platforms} (default: detected)")
    parser.add_argument("--environment", metavar="NAME", help="where this will be deployed; nothing vouches for it")
    parser.add_argument("--server", metavar="URL", help="GitLab: the only instance that may be asked")
    parser.add_argument("--audience", metavar="TEXT", help="GitLab: whom the ID token in CI_GUARD_ID_TOKEN is for")
    parser.add_argument("--proxy", metavar="URL", help="the proxy to ask through; variables are not heard")
    parser.add_argument("--ca-bundle", metavar="FILE", help="the authorities to trust, instead of the public ones")


def options(arguments: argparse.Namespace, environ: Mapping[str, str]) -> CheckOptions:
    """Return the options of `check`, with the action's inputs where `--inputs` says so."""
    given = {name: environ.get(f"CI_GUARD_INPUT_{name}", "").strip() for name in INPUTS} if arguments.inputs else {}
    modes = [arguments.mode, given.get("MODE")]
    controls = list(arguments.controls) or [
        name for name in given.get("CONTROLS", "").replace(",", " ").split() if name
    ]
    sarif = given.get("REPORT_SARIF", "")
    output = output_options(arguments)
    if arguments.facts is not None:
        refuse_beside_facts(arguments)
    return CheckOptions(
        output=output if sarif in ("", UPLOAD) else with_sarif(output, sarif),
        upload=sarif == UPLOAD,
        controls=tuple(dict.fromkeys(known_control(name) for name in controls)),
        policy_file=arguments.policy,
        policy_path=given.get("POLICY") or None,
        floor=arguments.floor or given.get("FLOOR") or None,
        platform=arguments.platform,
        enforce=arguments.enforce,
        modes=tuple(known_mode(mode) for mode in modes if mode),
        environment=arguments.environment or given.get("ENVIRONMENT") or None,
        proxy=arguments.proxy or given.get("PROXY") or None,
        ca_bundle=arguments.ca_bundle or given.get("CA_BUNDLE") or None,
        server=arguments.server,
        audience=arguments.audience,
        inputs=arguments.inputs,
        facts=arguments.facts,
        baselines=ratchet.options(arguments),
    )


def refuse_beside_facts(arguments: argparse.Namespace) -> None:
    """Raise for what speaks of a run that takes place: a recorded one is judged as it was recorded."""
    said = {name.replace("_", "-"): value for name, value in vars(arguments).items() if name in OF_A_RUN and value}
    if strange := next(iter(said), None):
        raise UsageError(
            f"--{strange} does not go with --facts: a recorded run is judged as it was, and is not recorded again.",
            hint=f"Leave out --{strange}; --policy, --mode, --enforce and controls may be named.",
        )


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
    advisory = platform is Platform.LOCAL and not options.platform and not options.enforce
    with (
        Progress(call.progress, quiet=options.output.quiet, ci=platform is not Platform.LOCAL) as progress,
        Pool(max_workers=1) as pool,
    ):
        progress.step("reading the run")
        identified = pool.submit(forge.run)
        # What judges is loaded while the server answers, which takes about as long.
        from ci_guard.collect import scan_checkout
        from ci_guard.gate import gather, judged
        from ci_guard.model.recorded import Recorded
        from ci_guard.policy import load  # noqa: F401 - for `read_policy`

        this_run = replace(identified.result(), environment=options.environment)
        progress.step("reading the policy")
        layers = Layers(forge, options.floor)
        policy = read_policy(options, forge, layers)
        earlier = None if options.policy_file else earlier_policy(options, this_run, forge, layers, policy)
        proposed = proposal(options, this_run, checkout, layers)
        this_run = replace(this_run, notes=(*this_run.notes, *unused(options, this_run, checkout)))

        def scanned() -> Fact[SecretScan]:
            found = scan_checkout(
                checkout, this_run, target=forge.target_commit, today=now.date(), progress=progress.step
            )
            progress.step("collecting evidence")  # the others may still wait for the network
            return found

        progress.step("collecting evidence")
        facts, settled = gather(
            controls=CONTROLS,
            only=options.controls,
            policies=[policy, earlier] if isinstance(earlier, Policy) else [policy],
            run=this_run,
            forge=forge,
            scan=scanned,
            now=now,
            everything=options.everything,
        )
    recorded = Recorded(
        version=__version__,
        time=now,
        advisory=advisory,
        only=options.controls,
        modes=options.modes,
        policy=policy,
        settled=settled[0],
        earlier=earlier,
        earlier_settled=settled[1] if isinstance(earlier, Policy) else None,
        proposed=proposed if proposed and not same(proposed, policy) else None,
        policy_path="" if options.policy_file else options.policy_path or DEFAULT_POLICY,
        facts=facts,
        effort=Effort(requests=forge.requests, seconds=time.monotonic() - started),
        transport=forge.transport,
    )
    return ratchet.kept(judged(recorded, CONTROLS, __version__), options.baselines)


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


def earlier_policy(
    options: CheckOptions, run: Run, forge: Forge, layers: Layers, policy: Policy
) -> Policy | Unknown | None:
    """
    Return the policy that has to allow the run beside the commit's own; None where there is no other.

    Raises: `PolicyError` for one that cannot be accepted.
    """
    from ci_guard.evidence.earlier import get_earlier

    path = trusted_path(options.policy_path) if options.policy_path else DEFAULT_POLICY
    found = get_earlier(run, forge)
    if isinstance(found, Unknown) or found.value is None:
        return found if isinstance(found, Unknown) else None
    at = found.value
    file = forge.policy_at(at.commit, path, at.ref)
    if isinstance(file, Unknown):
        return file
    earlier = loaded(file.value, layers, lambda copy: forge.policy_at(at.commit, copy, at.ref))
    return None if same(earlier, policy) else earlier


def same(one: Policy, other: Policy) -> bool:
    """Tell whether two policies ask and waive the same: the file of a baseline is not part of a policy's own digest."""
    known = [policy.baseline.sha256 if policy.baseline else None for policy in (one, other)]
    return one.sha256 == other.sha256 and known[0] == known[1]


def forge_of(platform: Platform, options: CheckOptions, environ: Mapping[str, str], checkout: Checkout) -> Forge:
    """Return the adapter of the platform; raise for one whose evidence cannot be read yet."""
    if platform is Platform.LOCAL:
        return Local(checkout)
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


def read_policy(options: CheckOptions, forge: Forge, layers: Layers | None = None) -> Policy:
    """
    Return the policy: the named file, else the default one of the trusted ref, else the baseline profile.

    Raises: `PolicyError` for a bad or missing named one, `PolicyUnreadable` where a policy may exist and cannot be
    read.
    """
    layers = layers or Layers(forge, options.floor)
    if options.policy_file and options.policy_path:
        raise UsageError("A policy was named twice, by --policy and by the input.", hint="Name it once.")
    if options.policy_file:
        return named_policy(options.policy_file, layers)
    path = trusted_path(options.policy_path) if options.policy_path else DEFAULT_POLICY
    file = forge.policy_file(path)
    if isinstance(file, Unknown):
        raise PolicyUnreadable(
            f"The policy of this repository could not be read, so nothing was judged: {file.reason}.",
            hint=f"Needed: {file.needs}."
            if file.needs
            else "A policy that may exist is never replaced by the baseline profile.",
        )
    if file.value is not None:
        return loaded(file.value, layers, forge.policy_file)
    if options.policy_path:
        raise PolicyError(
            f"The policy {path!r} does not exist in the trusted ref.",
            hint="Commit it to the target branch first, or correct the path.",
        )
    return loaded(None, layers, forge.policy_file)


def loaded(file: PolicyFile | None, layers: Layers, vendored: Vendored) -> Policy:
    """Return the policy in a file of the trusted ref; the floor, else the baseline profile, where there is none."""
    if file is None:
        return ratchet.with_baseline(layers.policy(None, vendored), vendored)
    if file.content is None:
        raise PolicyError(
            f"{file.place} is larger than a policy may be ({MAXIMUM_POLICY_BYTES} bytes).",
            hint="A policy is read by people; split off what is none.",
        )
    text = PolicyText(content=file.content, place=file.place, kind=LayerKind.REPOSITORY)
    return ratchet.with_baseline(layers.policy(text, vendored), vendored)


def named_policy(file: str, layers: Layers | None = None) -> Policy:
    """
    Return the policy in a file that the caller trusts. Without `layers` nothing is asked: copies alone are read.

    Raises: `PolicyError` for a bad or missing one.
    """
    try:
        text = file_text(file)
    except OSError as error:
        raise PolicyError(
            f"The policy {file!r} could not be read: {error.strerror}.", hint="Name a file that exists and may be read."
        ) from None
    return ratchet.with_baseline(
        (layers or Layers(None)).policy(text, beside(Path(file))), lambda path: ratchet.beside(Path(file), path)
    )


def unused(options: CheckOptions, run: Run, checkout: Checkout) -> Iterator[str]:
    """Say outside CI that a policy which somebody is editing was not used: the committed one judges."""
    if run.platform is not Platform.LOCAL or options.policy_file or isinstance(run.sha, Unknown):
        return
    committed = checkout.policy_file(run.sha.value, DEFAULT_POLICY, ref="HEAD")
    here = (checkout.repository.work_tree or checkout.folder) / DEFAULT_POLICY
    try:
        edited: bytes | None = read_plain_file(here)
    except OSError:
        edited = None
    if isinstance(committed, Known) and edited != (committed.value.content if committed.value else None):
        yield f"{DEFAULT_POLICY} of the work tree is not as it is committed and was not used: --policy {here} tries it."


def proposal(options: CheckOptions, run: Run, checkout: Checkout, layers: Layers) -> Policy | None:
    """
    Return the policy that a change brings, or the one that is left where it takes it away; it judges nothing yet.

    Raises: `PolicyError` for one that would be refused: otherwise every run after the merge would be, that of the
    change which mends it too.
    """
    event, sha = run.event, run.sha
    if options.policy_file or isinstance(event, Unknown) or isinstance(sha, Unknown) or event.value not in PROPOSALS:
        return None
    file = checkout.policy_file(sha.value, options.policy_path or DEFAULT_POLICY, ref="with this change")
    if isinstance(file, Unknown) or (file.value is not None and file.value.content is None):
        return None
    try:
        return loaded(file.value, layers, lambda copy: checkout.policy_file(sha.value, copy, ref="with this change"))
    except PolicyError as error:
        message = f"The policy that this change brings would be refused in every run after its merge.\n{error.message}"
        raise PolicyError(message, hint=error.hint) from None


def trusted_path(path: str) -> str:
    """Return a path inside the repository, or raise: the input may name nothing outside the trusted ref."""
    parts = path.split("/")
    if (
        path.startswith("/")
        or "\\" in path
        or any(part in ("", ".", "..") for part in parts)
        or any(ord(sign) < 32 for sign in path)
    ):
        raise UsageError(
            f"The policy path {path[:200]!r} was refused: expected a path inside the repository.",
            hint="For example security/ci-guard.yml.",
        )
    return path


def known_control(name: str) -> str:
    """Return the name of a control, or raise with what was meant."""
    from difflib import get_close_matches

    known = [meta.id for meta in METAS]
    if name in known:
        return name
    meant = get_close_matches(name, known, 1)
    raise UsageError(
        f"There is no control {name[:80]!r}.",
        hint=f"Perhaps you meant {meant[0]}?" if meant else "The controls are " + ", ".join(known) + ".",
    )


def known_mode(name: str) -> Mode:
    """Return the mode of that name, or raise."""
    try:
        return Mode(name)
    except ValueError:
        raise UsageError(f"There is no mode {name[:80]!r}.", hint="The modes are enforce and report.") from None
