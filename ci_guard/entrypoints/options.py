"""What several commands take: how reports are asked for, and what of that stands although the rest is wrong."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Final

from ci_guard.errors import UsageError
from ci_guard.evidence import environment
from ci_guard.model.run import Platform
from ci_guard.records import dataclass, replace

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
    "PROXY",
    "CA_BUNDLE",
)
"""What the actions and templates pass on, as `CI_GUARD_INPUT_…`; read only with `--inputs`."""


MOST_ARTIFACTS: Final = 100
"""Of a run; a record is bounded."""

UPLOAD: Final = "upload"
"""The value of the input `report-sarif` that sends the report to code scanning instead of writing it to a file."""


@dataclass(frozen=True, kw_only=True)
class AuditLog:
    """One place where a run is recorded, and how that is signed."""

    path: str
    """Of a file, or the address of a sink elsewhere."""
    key: str | None = None
    """A file with the key; without it, and without the variable, the checkpoint of a file is not signed."""

    @property
    def is_webhook(self) -> bool:
        """Whether records are sent there over HTTP."""
        return self.path.startswith(("https://", "http://", "cloudevents+"))

    @property
    def is_branch(self) -> bool:
        """Whether records are committed onto a branch."""
        return self.path.startswith("git+")


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Where a run is recorded, and what such places are reached by."""

    logs: tuple[AuditLog, ...]
    spool: str | None = None
    """The folder in which records wait for a sink that did not take them."""
    artifacts: tuple[str, ...] = ()
    """Files whose digests are recorded."""
    proxy: str | None = None
    ca_bundle: str | None = None


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
        help=f"write a report: {', '.join(shown)}",
    )
    parser.add_argument("--quiet", action="store_true", help="print the verdict and what denies, nothing else")
    parser.add_argument("--no-color", action="store_true", help="print without colour")


def add_audit_options(parser: argparse.ArgumentParser) -> None:
    """Add where a run is recorded."""
    parser.add_argument(
        "--audit-log",
        action="append",
        default=[],
        metavar="LOG",
        help="record the run: in a file, https://… or git+URL#BRANCH; LOG,KEY signs",
    )
    parser.add_argument("--audit-spool", metavar="DIR", help="where records wait that a sink did not take")
    parser.add_argument("--artifact", action="append", default=[], metavar="FILE", help="record this file's digest")


def audit_of(argv: Sequence[str], environ: Mapping[str, str]) -> Audit | None:
    """Return where a command line asks a run to be recorded, if anywhere, without judging the rest."""
    logs = []
    for text in values_of("--audit-log", argv):
        path, _, key = text.partition(",")
        logs += [AuditLog(path=path, key=key or None)] if path else []
    given = environ if "--inputs" in argv else {}

    def one(option: str, name: str) -> str | None:
        return (values_of(option, argv) or [given.get(f"CI_GUARD_INPUT_{name}", "").strip()])[0] or None

    if not logs:
        return None
    return Audit(
        logs=tuple(logs),
        spool=next(iter(values_of("--audit-spool", argv)), None),
        artifacts=tuple(sorted(set(values_of("--artifact", argv))))[:MOST_ARTIFACTS],
        proxy=one("--proxy", "PROXY"),
        ca_bundle=one("--ca-bundle", "CA_BUNDLE"),
    )


def check_audit(arguments: argparse.Namespace) -> None:
    """Raise `UsageError` for places that a run cannot be recorded in."""
    logs = getattr(arguments, "audit_log", [])
    artifacts = getattr(arguments, "artifact", [])
    for option, said in (("--audit-spool", getattr(arguments, "audit_spool", None)), ("--artifact", artifacts)):
        if said and not logs:
            raise UsageError(f"{option} goes with --audit-log.", hint="Name the log that it is for.")
    if len(artifacts) > MOST_ARTIFACTS:
        raise UsageError(
            f"{len(artifacts)} artifacts were named; a record takes {MOST_ARTIFACTS}.",
            hint="Name one file with the digests of all, such as sha256sum writes it.",
        )
    for text in logs:
        log = AuditLog(path=text.partition(",")[0])
        if not log.path:
            raise UsageError(f"--audit-log {text[:80]!r} names no log.", hint="For example --audit-log audit.jsonl.")
        if log.is_webhook:
            from ci_guard.audit.webhook import checked

            checked(log.path)
        if log.is_branch:
            from ci_guard.audit.branch import parse

            parse(log.path)


def output_options(arguments: argparse.Namespace) -> Output:
    """Check what asks for reports and records, and return the output options."""
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
    check_audit(arguments)
    return Output(reports=tuple(reports), quiet=arguments.quiet, color=not arguments.no_color)


def with_sarif(output: Output, path: str) -> Output:
    """
    Add the file that an input names for the SARIF report.

    Raises: `UsageError` for one outside the workspace, links followed: a checkout can hold links of a stranger's.
    """
    root = os.path.realpath(".")
    folder = os.path.realpath(os.path.dirname(path) or ".")
    file = os.path.join(folder, os.path.basename(path))
    inside = folder == root or folder.startswith(f"{root}{os.sep}")
    if not (inside and os.path.isdir(folder) and os.path.basename(path) not in ("", ".", "..")):
        raise UsageError(
            f"report-sarif {path[:200]!r} was refused: expected {UPLOAD!r}, or a file in a folder of the workspace.",
            hint="For example ci-guard.sarif.",
        )
    if os.path.lexists(file) and (os.path.islink(file) or not os.path.isfile(file)):
        raise UsageError(f"report-sarif {path[:200]!r} was refused: it is there, and no file.", hint="Name another.")
    return replace(output, reports=(*output.reports, ("sarif", file)))


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
        audit=audit_of(argv, environ),
    )
    sarif = environ.get("CI_GUARD_INPUT_REPORT_SARIF", "").strip() if "--inputs" in argv else ""
    with suppress(UsageError):
        return output if sarif in ("", UPLOAD) else with_sarif(output, sarif)
    return output


def values_of(option: str, argv: Sequence[str]) -> list[str]:
    """Return every value that a command line gives an option, in either spelling, without judging the rest."""
    joined = [word.removeprefix(f"{option}=") for word in argv if word.startswith(f"{option}=")]
    return joined + [value for word, value in pairwise(argv) if word == option]
