"""The command line: what may be said, checked before anything runs."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NoReturn

from ci_guard.errors import UsageError
from ci_guard.evidence import environment
from ci_guard.model.run import Platform
from ci_guard.model.settings import Mode

FORMATS: Final = ("json",)
"""Formats that `--report` writes."""

PLATFORMS: Final = ("github",)
"""Platforms whose evidence can be read."""

INPUTS: Final = ("POLICY", "MODE", "CONTROLS", "ENVIRONMENT", "PROXY", "CA_BUNDLE")
"""What the actions and templates pass on, as `CI_GUARD_INPUT_…`; read only with `--inputs`."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """How a run tells its result."""

    reports: tuple[tuple[str, str], ...] = ()
    """Pairs of format and file; `-` is standard output."""
    quiet: bool = False
    color: bool = True


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """What `ci-guard check` was asked."""

    output: Output = field(default_factory=Output)
    controls: tuple[str, ...] = ()
    policy_file: str | None = None
    """A trusted file anywhere, from `--policy`."""
    policy_path: str | None = None
    """A path in the trusted ref, from the action's input."""
    platform: str | None = None
    enforce: bool = False
    modes: tuple[Mode, ...] = ()
    """Every mode that was asked for; `enforce` from any side wins."""
    environment: str | None = None
    proxy: str | None = None
    ca_bundle: str | None = None
    inputs: bool = False


@dataclass(frozen=True, kw_only=True)
class ScanOptions:
    """What `ci-guard scan` was asked."""

    output: Output = field(default_factory=Output)
    path: str = "."
    """A folder or a repository, or `-` for standard input."""
    range: tuple[str, str] | None = None


class Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of exiting, so that reports are written for usage errors too."""

    def error(self, message: str) -> NoReturn:
        """See `argparse.ArgumentParser.error`."""
        raise UsageError(f"{self.prog}: {message}", hint=f"Try '{self.prog} --help'.")


def parse(argv: Sequence[str], environ: Mapping[str, str], version: str) -> CheckOptions | ScanOptions:
    """
    Return the checked options of the command.

    Raises: `UsageError` for anything that cannot be accepted; `SystemExit` after `--help` and `--version`.
    """
    parser = Parser(
        prog="ci-guard",
        description="Decide inside a CI job whether the pipeline may proceed.",
        epilog="Exit codes: 0 allowed, 1 denied, 2 usage or policy error, 3 undecided (denies), 4 a fault of ci-guard.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"ci-guard {version}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    add_check_options(
        commands.add_parser("check", help="run the gate: all enabled controls, or those named", allow_abbrev=False)
    )
    add_scan_options(commands.add_parser("scan", help="run the secret scanner alone", allow_abbrev=False))
    arguments = parser.parse_args(list(argv))
    if arguments.command == "scan":
        return scan_options(arguments)
    return check_options(arguments, environ)


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add what every command that judges can write."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "--report",
        action="append",
        default=[],
        metavar="FORMAT=FILE",
        help=f"write a report (repeatable; formats: {', '.join(FORMATS)}; '-' is standard output)",
    )
    group.add_argument("--quiet", action="store_true", help="print the verdict and what denies, nothing else")
    group.add_argument("--no-color", action="store_true", help="print without colour")


def add_check_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `check`."""
    from ci_guard.controls import CONTROLS

    known = [control.META.id for control in CONTROLS]
    parser.add_argument("controls", nargs="*", metavar="CONTROL", help="run only these: " + ", ".join(known))
    parser.add_argument(
        "--policy", metavar="FILE", help="a trusted policy file (default: .ci-guard.yml of the trusted ref)"
    )
    parser.add_argument("--platform", choices=PLATFORMS, help="where the run happens (default: detected)")
    parser.add_argument("--enforce", action="store_true", help="judge strictly where no CI platform is detected, too")
    parser.add_argument(
        "--mode", choices=[mode.value for mode in Mode], help="'enforce' wins over 'report', whoever says it"
    )
    parser.add_argument(
        "--environment", metavar="NAME", help="the environment that is about to be deployed to, for the report"
    )
    parser.add_argument("--inputs", action="store_true", help="read the inputs of the action from CI_GUARD_INPUT_…")
    add_output_options(parser)


def add_scan_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `scan`."""
    parser.add_argument(
        "path",
        nargs="?",
        default=".",
        metavar="PATH",
        help="a repository or folder (default: here); '-' is standard input",
    )
    parser.add_argument(
        "--range", metavar="A..B", help="scan what the commits after A up to B brought, instead of the tree"
    )
    add_output_options(parser)


def output_options(arguments: argparse.Namespace) -> Output:
    """Check `--report` and return the output options."""
    reports = []
    for text in arguments.report:
        name, separator, file = text.partition("=")
        if name not in FORMATS or not separator or not file:
            raise UsageError(
                f"--report {text!r} was refused: expected FORMAT=FILE with FORMAT one of {', '.join(FORMATS)}.",
                hint="For example --report json=report.json, or json=- for standard output.",
            )
        reports.append((name, file))
    if len({file for _, file in reports}) != len(reports):
        raise UsageError("Two reports were asked for in one file.", hint="Give each --report a file of its own.")
    return Output(reports=tuple(reports), quiet=arguments.quiet, color=not arguments.no_color)


def check_options(arguments: argparse.Namespace, environ: Mapping[str, str]) -> CheckOptions:
    """Return the options of `check`, with the action's inputs where `--inputs` says so."""
    given = {name: environ.get(f"CI_GUARD_INPUT_{name}", "").strip() for name in INPUTS} if arguments.inputs else {}
    modes = [arguments.mode, given.get("MODE")]
    controls = list(arguments.controls) or [
        name for name in given.get("CONTROLS", "").replace(",", " ").split() if name
    ]
    return CheckOptions(
        output=output_options(arguments),
        controls=tuple(dict.fromkeys(known_control(name) for name in controls)),
        policy_file=arguments.policy,
        policy_path=given.get("POLICY") or None,
        platform=arguments.platform,
        enforce=arguments.enforce,
        modes=tuple(known_mode(mode) for mode in modes if mode),
        environment=arguments.environment or given.get("ENVIRONMENT") or None,
        proxy=given.get("PROXY") or None,
        ca_bundle=given.get("CA_BUNDLE") or None,
        inputs=arguments.inputs,
    )


def scan_options(arguments: argparse.Namespace) -> ScanOptions:
    """Return the options of `scan`."""
    span = None
    if arguments.range is not None:
        start, separator, end = arguments.range.partition("..")
        if not separator or not start or not end or start.startswith("-") or end.startswith((".", "-")):
            raise UsageError(
                f"--range {arguments.range!r} was refused: expected A..B, two commits.",
                hint="For example --range origin/main..HEAD.",
            )
        if arguments.path == "-":
            raise UsageError(
                "--range reads a repository, and standard input is none.", hint="Leave out one of the two."
            )
        span = (start, end)
    return ScanOptions(output=output_options(arguments), path=arguments.path, range=span)


def known_control(name: str) -> str:
    """Return the name of a control, or raise with what was meant."""
    from difflib import get_close_matches

    from ci_guard.controls import CONTROLS

    known = [control.META.id for control in CONTROLS]
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


def platform_despite_errors(argv: Sequence[str], environ: Mapping[str, str]) -> Platform:
    """Return where a result is told, whatever else is wrong: on the named platform, else on the detected one."""
    for name in values_of("--platform", argv):
        if name in PLATFORMS:
            return Platform(name)
    try:
        return environment.detect(environ)
    except UsageError:
        return Platform.LOCAL


def reports_despite_errors(argv: Sequence[str]) -> Output:
    """Return the reports that a command line asks for, which are written whatever else is wrong with it."""
    reports = {}
    for text in values_of("--report", argv):
        name, _, file = text.partition("=")
        if name in FORMATS and file:
            reports[file] = name
    return Output(
        reports=tuple((name, file) for file, name in reports.items()),
        quiet="--quiet" in argv,
        color="--no-color" not in argv,
    )


def values_of(option: str, argv: Sequence[str]) -> list[str]:
    """Return every value that a command line gives an option, in either spelling, without judging the rest."""
    joined = [word.removeprefix(f"{option}=") for word in argv if word.startswith(f"{option}=")]
    return joined + [value for word, value in pairwise(argv) if word == option]
