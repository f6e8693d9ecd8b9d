"""Hand the SARIF report to the platform's code scanning and say what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, TextIO

from ci_guard.entrypoints.check_options import CheckOptions
from ci_guard.entrypoints.joblog import log_of
from ci_guard.errors import UsageError
from ci_guard.evidence import environment
from ci_guard.model.decision import Result
from ci_guard.model.fact import Known
from ci_guard.model.run import Platform
from ci_guard.reporters import annotations as annotate
from ci_guard.reporters import escape, terminal

NOT_TAKEN_EXIT: Final = 2
"""Instead of 0, as for a report that cannot be written: somebody counts on it."""


def send(result: Result, options: CheckOptions, environ: Mapping[str, str], log: TextIO, exit_code: int) -> int:
    """
    Send the report, write what came of it to the log, and return the exit code.

    A refusal turns 0 into 2, save in a run without the repository's trust, whose token may not send by the platform's
    own rule: there it is a warning. An ended run sends nothing, because a report without results would close the alerts
    of the last one.
    """
    said = log_of(result.run.platform, environ, log)
    if result.failure is not None:
        said.write(terminal.line("Nothing was sent to code scanning: there is no verdict on the facts.") + "\n")
        return exit_code
    problem, tolerated = attempt(result, options, environ, said)
    if not problem:
        return exit_code
    level = "warning" if tolerated else "error"
    told = annotate.Annotation(level=level, title="ci-guard: code scanning", about=(escape.plain(problem),))
    log.write(annotate.command(told, result) + "\n")
    said.write(terminal.line(problem) + "\n")
    return NOT_TAKEN_EXIT if exit_code == 0 and not tolerated else exit_code


def attempt(result: Result, options: CheckOptions, environ: Mapping[str, str], log: TextIO) -> tuple[str, bool]:
    """Send the report; return what is wrong, empty where it was taken, and whether that is to be expected."""
    from ci_guard.evidence.github import code_scanning
    from ci_guard.evidence.github.adapter import PUBLIC_API
    from ci_guard.evidence.rest.transport import Transport
    from ci_guard.reporters import sarif

    run = result.run
    if not (isinstance(run.sha, Known) and isinstance(run.ref, Known)):
        return "The SARIF report was not sent to code scanning: commit or ref of this run are unknown.", False
    analysis = code_scanning.Analysis(
        repository=run.repository,
        commit=run.sha.value,
        ref=run.ref.value,
        sarif=sarif.render(result),
        folder=f"{Path.cwd().as_uri()}/",
    )
    try:
        outcome = code_scanning.upload(
            analysis,
            api_url=environ.get("GITHUB_API_URL") or PUBLIC_API,
            tokens=environment.tokens(environ, Platform.GITHUB),
            transport=Transport(proxy=options.proxy, ca_bundle=options.ca_bundle),
        )
    except UsageError as error:
        return f"The SARIF report was not sent to code scanning: {error.message} {error.hint}", False
    if isinstance(outcome, str):
        log.write(terminal.line(f"The SARIF report was sent to code scanning ({outcome}).") + "\n")
        return "", False
    needed = f" Needed: {outcome.needs}, in the job's `permissions`." if outcome.needs else ""
    untrusted = isinstance(run.trusted, Known) and not run.trusted.value
    return f"The SARIF report was not taken by code scanning: {outcome.reason}.{needed}", (
        untrusted and outcome.by_rights
    )
