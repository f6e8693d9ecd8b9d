"""What several commands take: how reports are asked for, and what of that stands although the rest is wrong."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ci_guard.entrypoints.argv import input_of, values_of
from ci_guard.errors import UsageError
from ci_guard.evidence import environment
from ci_guard.model.run import Platform
from ci_guard.records import dataclass, replace

if TYPE_CHECKING:
    from ci_guard.entrypoints.sink_options import Audit

FORMATS: Final = (
    "json",
    "sarif",
    "markdown",
    "junit",
    "gitlab-codequality",
    "gitlab-secret-detection",
    "gitlab-sast",
    "gitlab-annotations",
    "gitlab-dotenv",
    "facts",
)
"""Formats that `--report` writes."""

PLATFORMS: Final = ("github", "gitlab")
"""Platforms whose evidence can be read."""

INPUTS: Final = (
    "POLICY",
    "FLOOR",
    "FLOOR_SIGNATURE",
    "MODE",
    "CONTROLS",
    "ENVIRONMENT",
    "REPORT_SARIF",
    "REPORT_FACTS",
    "PROXY",
    "CA_BUNDLE",
)
"""What the actions and templates pass on, as `CI_GUARD_INPUT_…`; read only with `--inputs`. `sink_options` has more."""

UPLOAD: Final = "upload"
"""The value of the input `report-sarif` that sends the report to code scanning instead of writing it to a file."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """How a run tells its result."""

    reports: tuple[tuple[str, str], ...] = ()
    """Pairs of format and file; `-` is standard output."""
    quiet: bool = False
    color: bool = True
    audit: Audit | None = None


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add what every command that judges can write."""
    # The help has to fit a screen; whoever misspells a format is told all of them.
    shown = dict.fromkeys("gitlab-…" if name.startswith("gitlab-") else name for name in FORMATS)
    parser.add_argument(
        "--report",
        action="append",
        default=[],
        metavar="FORMAT=FILE",
        help=f"write {', '.join(shown)}",
    )
    parser.add_argument("--quiet", action="store_true", help="print the verdict and what denies, nothing else")
    parser.add_argument("--no-color", action="store_true", help="print without colour")


def output_options(arguments: argparse.Namespace) -> Output:
    """Check what asks for reports, and return the output options."""
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


def with_inputs(output: Output, sarif: str, facts: str) -> Output:
    """
    Add the files that inputs name for reports.

    Raises: `UsageError` for one outside of the workspace.
    """
    if sarif in ("", UPLOAD) and not facts:
        return output
    from ci_guard.entrypoints.workspace import file_in_workspace

    named = {}
    if sarif not in ("", UPLOAD):
        hint = "For example ci-guard.sarif."
        named["sarif"] = file_in_workspace(sarif, "report-sarif", expected=f"{UPLOAD!r},", hint=hint)
    if facts:
        named["facts"] = file_in_workspace(facts, "report-facts", hint="For example facts.json.")
    if len(set(named.values())) != len(named):
        raise UsageError("Two reports were asked for in one file.", hint="Give report-facts a file of its own.")
    return replace(output, reports=(*output.reports, *named.items()))


def platform_despite_errors(argv: Sequence[str], environ: Mapping[str, str]) -> Platform:
    """Return where a result is told, whatever else is wrong: on the named platform, else on the detected one."""
    for name in values_of("--platform", argv):
        if name in PLATFORMS:
            return Platform(name)
    try:
        return environment.detect(environ)
    except UsageError:
        return Platform.LOCAL


def reports_despite_errors(argv: Sequence[str], environ: Mapping[str, str]) -> Output:
    """Return the reports and the record that a command line asks for, which are written whatever else is wrong."""
    reports = {}
    for text in values_of("--report", argv):
        name, _, file = text.partition("=")
        if name in FORMATS and file:
            reports[file] = name
    output = Output(
        reports=tuple((name, file) for file, name in reports.items()),
        quiet="--quiet" in argv,
        color="--no-color" not in argv,
        audit=audit_despite_errors(argv, environ),
    )
    sarif, record = (input_of(name, argv, environ) for name in ("REPORT_SARIF", "REPORT_FACTS"))
    for given in ((sarif, ""), ("", record)):
        with suppress(UsageError):
            output = with_inputs(output, *given)
    return output


def audit_despite_errors(argv: Sequence[str], environ: Mapping[str, str]) -> Audit | None:
    """Return where a run is recorded, whatever else is wrong; the code for that is loaded by the runs that ask."""
    if "--inputs" not in argv and not values_of("--audit-log", argv):
        return None
    from ci_guard.entrypoints.sink_options import audit_of

    return audit_of(argv, environ)
