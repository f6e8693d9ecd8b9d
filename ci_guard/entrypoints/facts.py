"""`ci-guard facts`: collect the facts of this run and keep them, without a verdict."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from ci_guard.entrypoints import check
from ci_guard.entrypoints.check_options import CheckOptions, add_run_options
from ci_guard.entrypoints.commands import Call, Said
from ci_guard.entrypoints.options import Output
from ci_guard.errors import UsageError
from ci_guard.records import dataclass
from ci_guard.reporters import escape, facts


@dataclass(frozen=True, kw_only=True)
class FactsOptions:
    """What `ci-guard facts` was asked."""

    out: str
    check: CheckOptions


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `facts`: those of `check` that say which run it is."""
    parser.usage = "ci-guard facts --out FILE [OPTIONS]"
    parser.add_argument("--out", metavar="FILE", required=True, help="the record to write; - is standard output")
    add_run_options(parser)
    parser.add_argument("--quiet", action="store_true", help="tell no progress")


def options(arguments: argparse.Namespace, _environ: Mapping[str, str]) -> FactsOptions:
    """Return the options of `facts`."""
    return FactsOptions(
        out=arguments.out,
        check=CheckOptions(
            output=Output(quiet=arguments.quiet or arguments.out == "-"),
            policy_file=arguments.policy,
            floor=arguments.floor,
            floor_signature=arguments.floor_signature,
            platform=arguments.platform,
            environment=arguments.environment,
            server=arguments.server,
            audience=arguments.audience,
            proxy=arguments.proxy,
            ca_bundle=arguments.ca_bundle,
            everything=True,
        ),
    )


def run(options: FactsOptions, call: Call) -> Said:
    """
    Collect all that any policy could ask for, and write it whole or not at all.

    Raises: `CiGuardError` where there is nothing to record, `UsageError` where it cannot be written.
    """
    from ci_guard.entrypoints.delivery import write_whole

    result = check.run(options.check, call)
    text = facts.render(result)
    if options.out == "-":
        return Said(text, document=True)
    try:
        write_whole(Path(options.out), text)
    except OSError as error:
        raise UsageError(f"The record {options.out!r} could not be written: {error.strerror}.") from None
    told = f"{escape.visible(options.out)} was written: the facts of this run, and the policy that judges it.\n"
    return Said(told + f"Judge it again with: ci-guard check --facts {escape.visible(options.out)}\n")
