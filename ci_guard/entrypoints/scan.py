"""`ci-guard scan`: the secret scanner alone, judged by its three requirements; never advisory."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from ci_guard.entrypoints.commands import Call, Said
from ci_guard.entrypoints.options import Output, add_output_options, output_options
from ci_guard.errors import UsageError
from ci_guard.git import Repository, locate
from ci_guard.model.decision import Result
from ci_guard.model.run import Platform
from ci_guard.model.scan import SecretScan
from ci_guard.records import dataclass, field
from ci_guard.reporters.terminal import Progress
from ci_guard.secrets import listing


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
    ci = call.platform is not Platform.LOCAL
    with Progress(call.progress, quiet=options.output.quiet, ci=ci) as progress:
        progress.step("scanning for secrets")
        with begin(options, progress.step) as finish:
            from ci_guard.entrypoints import verdict  # loaded while files are read

            found = finish()
    return verdict.of(found, call.platform, started)


def read_standard_input() -> SecretScan:
    """Return the scan of standard input; raise `UsageError` for one that cannot be read."""
    from ci_guard.secrets.scan import scan_bytes

    why = "it is closed"
    if sys.stdin is not None:
        try:
            return scan_bytes(sys.stdin.buffer)
        except OSError as error:
            why = error.strerror or type(error).__name__
    raise UsageError(f"Standard input cannot be read: {why}.", hint="Give it a file or a pipe: scan - < FILE.")


@contextmanager
def begin(options: ScanOptions, progress: Callable[[str], None] = lambda _: None) -> Iterator[Callable[[], SecretScan]]:
    """Begin to scan the one source that was asked for, and give what finishes it."""
    if options.path == "-":
        yield read_standard_input
        return
    root = options.path
    if not os.path.isdir(root):
        raise UsageError(
            f"{options.path!r} is no folder.",
            hint="Name a repository or a folder; a single file is read from standard input: scan - < FILE.",
        )
    tree = not (options.range or options.staged or options.history)
    with ExitStack() as stack:
        repository = None
        folder = os.path.realpath(root)
        if not tree or locate(folder):
            repository = stack.enter_context(
                Repository.opened(
                    root, lambda found: listing.begin(found, folder, names=not options.staged, files=tree)
                )
            )
        span = None
        if repository and options.range:
            span = resolved(repository, options.range)
            repository.begin_commits(*span)
        # What reads is loaded while git lists.
        from ci_guard.secrets.scan import ScanRequest, begun

        top = repository.work_tree if repository else None
        request = ScanRequest(
            root=root,
            tree=tree and repository is not None,
            work_tree=tree,
            staged=options.staged,
            index=os.path.join(top or root, options.index) if options.index else None,
            range=span,
            history=options.history,
        )
        yield stack.enter_context(begun(request, progress, repository))


def resolved(repository: Repository, names: tuple[str, str]) -> tuple[str, str]:
    """
    Return the ids of the ends of a range.

    Raises: `UsageError` for a name that leads to no commit.
    """
    ends = []
    for name in names:
        sha = repository.rev_parse(name)
        if sha is None:
            raise UsageError(
                f"{name!r} names no commit of this repository.",
                hint="A shallow clone may lack it: fetch the whole history.",
            )
        ends.append(sha)
    return ends[0], ends[1]
