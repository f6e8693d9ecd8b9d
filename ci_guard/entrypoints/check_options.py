"""What `ci-guard check` can be asked, by options and by the action's inputs."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Final

from ci_guard.controls.registry import METAS
from ci_guard.entrypoints import ratchet
from ci_guard.entrypoints.options import (
    INPUTS,
    PLATFORMS,
    UPLOAD,
    Output,
    add_output_options,
    output_options,
    with_inputs,
)
from ci_guard.entrypoints.sink_options import add_audit_options, check_audit
from ci_guard.errors import UsageError
from ci_guard.model.settings import Mode
from ci_guard.records import dataclass, field

OF_A_RUN: Final = (
    "floor",
    "floor_signature",
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


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """What `ci-guard check` was asked."""

    output: Output = field(default_factory=Output)
    controls: tuple[str, ...] = ()
    policy_file: str | None = None
    """A trusted file anywhere, from `--policy`."""
    floor: str | None = None
    """An organisation policy that lies below every other, whatever the repository says."""
    floor_signature: str | None = None
    """Whose signature the floor needs, as `signature` says it in a policy."""
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
    parser.add_argument("--floor", metavar="REFERENCE", help="a pinned organisation policy below all others")
    parser.add_argument("--floor-signature", metavar="BY", help="whose signature it needs, as signature in a policy")
    parser.add_argument("--platform", choices=PLATFORMS, metavar="NAME", help=f"{platforms} (default: detected)")
    parser.add_argument("--environment", metavar="NAME", help="where this will be deployed; an ID token has to agree")
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
    check_audit(arguments, environ)
    if arguments.facts is not None:
        refuse_beside_facts(arguments)
    return CheckOptions(
        output=with_inputs(output, sarif, given.get("REPORT_FACTS", "")),
        upload=sarif == UPLOAD,
        controls=tuple(dict.fromkeys(known_control(name) for name in controls)),
        policy_file=arguments.policy,
        policy_path=given.get("POLICY") or None,
        floor=arguments.floor or given.get("FLOOR") or None,
        floor_signature=arguments.floor_signature or given.get("FLOOR_SIGNATURE") or None,
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
