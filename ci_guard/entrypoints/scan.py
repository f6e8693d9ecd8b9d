"""`ci-guard scan`: the secret scanner alone, judged by its three requirements; never advisory."""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from ci_guard import __version__
from ci_guard.controls import secret_free
from ci_guard.decide import decide
from ci_guard.entrypoints.commands import Call, Said
from ci_guard.entrypoints.options import Output, add_output_options, output_options
from ci_guard.entrypoints.outcome import unknown_run
from ci_guard.errors import UsageError
from ci_guard.gate import judge
from ci_guard.git import Repository, locate
from ci_guard.model.decision import Effort, PolicySummary, Result
from ci_guard.model.fact import Known, Source
from ci_guard.model.facts import Facts
from ci_guard.model.run import Platform
from ci_guard.model.scan import SecretScan
from ci_guard.model.settings import Mode, Policy, Settings
from ci_guard.reporters.terminal import Progress
from ci_guard.secrets.scan import ScanRequest, scan, scan_bytes, unheard

REQUIREMENTS: Final = ("no-secrets", "no-key-files", "complete-scan")
SOURCE: Final = "ci-guard scan"

POLICY: Final = Policy(
    source=SOURCE,
    sha256=hashlib.sha256(" ".join(REQUIREMENTS).encode()).hexdigest(),
    layers=(SOURCE,),
    mode=Mode.ENFORCE,
    controls={
        secret_free.META.id: Settings(
            require=dict.fromkeys(REQUIREMENTS, True), said_by=dict.fromkeys(REQUIREMENTS, SOURCE)
        )
    },
)
"""What `scan` judges by; it is the command's meaning and no file can change it."""


@dataclass(frozen=True, kw_only=True)
class ScanOptions:
    """What `ci-guard scan` was asked."""

    output: Output = field(default_factory=Output)
    path: str = "."
    """A folder or a repository, or `-` for standard input."""
    range: tuple[str, str] | None = None
    staged: bool = False
    index: str | None = None
    """The index that git works with while it runs a hook (`GIT_INDEX_FILE`), from the top of the work tree."""
    init_baseline: bool = False
    """Write the present findings down instead of judging them."""
    carry_over: bool = False
    """Write what other scanners' files say in ci-guard's own."""
    history: bool = False


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `scan`."""
    parser.usage = "ci-guard scan [OPTIONS] [PATH]"
    parser.add_argument(
        "path",
        nargs="?",
        default=".",
        metavar="PATH",
        help="a repository or folder (default: here); '-': standard input",
    )
    parser.add_argument("--range", metavar="A..B", help="scan what the commits after A up to B brought, not the tree")
    parser.add_argument(
        "--staged", action="store_true", help="scan what a commit of the index would bring: for a pre-commit hook"
    )
    parser.add_argument(
        "--init-baseline", action="store_true", help="write down what is found now, so it is suppressed"
    )
    parser.add_argument(
        "--import", dest="carry_over", action="store_true", help="take over gitleaks' and detect-secrets' files"
    )
    parser.add_argument("--history", action="store_true", help="scan all that any ref leads to, not the tree")
    add_output_options(parser)


def options(arguments: argparse.Namespace, environ: Mapping[str, str]) -> ScanOptions:
    """Return the options of `scan`."""
    span = None
    sources = {
        "--range": arguments.range is not None,
        "--staged": arguments.staged,
        "--history": arguments.history,
        "standard input": arguments.path == "-",
    }
    asked = [source for source, is_asked in sources.items() if is_asked]
    if len(asked) > 1:
        raise UsageError(
            f"{' and '.join(asked)} are several sources, and a scan has one.", hint="Leave out all but one of them."
        )
    if arguments.range is not None:
        start, separator, end = arguments.range.partition("..")
        if not separator or not start or not end or start.startswith("-") or end.startswith((".", "-")):
            raise UsageError(
                f"--range {arguments.range!r} was refused: expected A..B, two commits.",
                hint="For example --range origin/main..HEAD.",
            )
        span = (start, end)
    index = environ.get("GIT_INDEX_FILE") if arguments.staged else None
    output = output_options(arguments)
    writes = [
        name
        for name, asked in (("--init-baseline", arguments.init_baseline), ("--import", arguments.carry_over))
        if asked
    ]
    source = span or arguments.staged or arguments.history or arguments.path == "-"
    if writes and (len(writes) > 1 or source or output.reports):
        raise UsageError(
            f"{writes[0]} takes a folder, and neither another source, --report nor another option that writes.",
            hint="Run it on its own: it judges nothing.",
        )
    return ScanOptions(
        output=output,
        path=arguments.path,
        range=span,
        staged=arguments.staged,
        index=index or None,
        init_baseline=arguments.init_baseline,
        carry_over=arguments.carry_over,
        history=arguments.history,
    )


def run(options: ScanOptions, call: Call) -> Result | Said:
    """
    Scan one source and return the result, or write suppressions and say so.

    Raises: `UsageError` for a path that does not exist or a range that names no commits; `GitUnavailable` for a range
    outside a repository; `PolicyError` for suppressions or rules that cannot be accepted.
    """
    if options.init_baseline or options.carry_over:
        from ci_guard.entrypoints import suppressing

        return (suppressing.init_baseline if options.init_baseline else suppressing.carry_over)(options.path)
    started = time.monotonic()
    now = datetime.now(timezone.utc)
    this_run = unknown_run(call.platform, "scan reads files, not a run")
    with Progress(call.progress, quiet=options.output.quiet, ci=call.platform is not Platform.LOCAL) as progress:
        progress.step("scanning for secrets")
        found = read(options, progress.step)
    facts = Facts(run=this_run, scan=Known(value=found, source=Source.GIT, detail=", ".join(found.sources)))
    judgements = judge(secret_free, facts, POLICY.controls[secret_free.META.id])
    return Result(
        version=__version__,
        time=now,
        decision=decide(judgements, POLICY, metas=(secret_free.META,), mode=Mode.ENFORCE, today=now.date()),
        advisory=False,
        controls=(secret_free.META,),
        not_judged={},
        run=this_run,
        policy=PolicySummary(source=POLICY.source, sha256=POLICY.sha256, mode=Mode.ENFORCE, layers=POLICY.layers),
        scan=found,
        effort=Effort(seconds=time.monotonic() - started),
    )


def read_standard_input() -> SecretScan:
    """Return the scan of standard input; raise `UsageError` for one that cannot be read."""
    why = "it is closed"
    if sys.stdin is not None:
        try:
            return scan_bytes(sys.stdin.buffer)
        except OSError as error:
            why = error.strerror or type(error).__name__
    raise UsageError(f"Standard input cannot be read: {why}.", hint="Give it a file or a pipe: scan - < FILE.")


def read(options: ScanOptions, progress: Callable[[str], None] = unheard) -> SecretScan:
    """Return the scan of the one source that was asked for."""
    if options.path == "-":
        return read_standard_input()
    root = Path(options.path)
    if not root.is_dir():
        raise UsageError(
            f"{options.path!r} is no folder.",
            hint="Name a repository or a folder; a single file is read from standard input: scan - < FILE.",
        )
    if options.staged:
        top = Repository.open(root).work_tree or root
        return scan(ScanRequest(root=root, staged=True, index=top / options.index if options.index else None), progress)
    if options.history:
        return scan(ScanRequest(root=root, history=True), progress)
    if options.range is None:
        return scan(ScanRequest(root=root, tree=locate(root.absolute()) is not None, work_tree=True), progress)
    repository = Repository.open(root)
    ends = [repository.rev_parse(name) for name in options.range]
    for name, sha in zip(options.range, ends, strict=True):
        if sha is None:
            raise UsageError(
                f"{name!r} names no commit of this repository.",
                hint="A shallow clone may lack it: fetch the whole history.",
            )
    return scan(ScanRequest(root=root, range=(ends[0], str(ends[1]))), progress)
