"""Tell a result: files, the platform's channels, the terminal; no format ever changes the exit code."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TextIO

from ci_guard.entrypoints.joblog import JobLog, obeys_commands, people_of
from ci_guard.entrypoints.options import Output
from ci_guard.entrypoints.screen import shows_color, width_of
from ci_guard.model.auditing import OnFailure
from ci_guard.model.decision import Result, Verdict
from ci_guard.model.run import Platform
from ci_guard.records import replace
from ci_guard.reporters import terminal

CANNOT_WRITE_EXIT = 2

MODULES = {"json": "json_v1"}
"""Reporters that are not called as their format."""


def deliver(
    result: Result, output: Output, environ: Mapping[str, str], stdout: TextIO, stderr: TextIO, *, action: bool
) -> int:
    """
    Write every report that was asked for and return the exit code.

    Shape: with a report on standard output everything else goes to standard error. A report or a record that cannot be
    written turns an exit code of 0 into 2, because somebody counts on it; any other exit code stays. Only of a record
    the policy may say that telling is enough, unless the caller insists.
    """
    exit_code = result.decision.exit_code
    unwritten: list[str] = []
    notes: tuple[str, ...] = ()
    people = people_of(output, stdout, stderr)
    if output.audit is not None:
        from ci_guard.entrypoints import recording

        result = with_notes(result, recording.weak(output.audit, environ))
    # All before any is written: where one breaks, none may be there that says something else.
    texts = report_texts(result, output)
    if output.audit is not None:
        from ci_guard.entrypoints import recording

        recorded = recording.record(result, output.audit, environ)
        if output.audit.on_failure is None and tolerates_no_record(result):
            notes = (*recorded.failures, *recorded.notes)
        else:
            unwritten += recorded.failures
            notes = recorded.notes
    if unwritten:
        result = stopped(result, unwritten)
        texts = report_texts(result, output)
    for file, text in texts:
        if file == "-":
            stdout.write(text)
            continue
        try:
            write_whole(file, text)
        except OSError as error:
            unwritten.append(f"The report {file!r} could not be written: {error.strerror}.")
    if unwritten:
        result = stopped(result, unwritten)
    obeyed = obeys_commands(result.run.platform, environ)
    if obeyed:
        unwritten += tell_github(result, environ, people, action=action)
    color = output.color and shows_color(people, environ)
    told = terminal.render(
        result,
        color=color,
        width=width_of(people),
        quiet=output.quiet,
        unicode=terminal.can_show(people.encoding),
        folds=result.run.platform is Platform.GITLAB and environ.get("GITLAB_CI") == "true",
    )
    complaints = "".join(terminal.line(message) + "\n" for message in (*unwritten, *notes))
    if obeyed:
        JobLog(people).write(told + complaints)
    else:
        people.write(told)
        stderr.write(complaints)
    if unwritten and exit_code == 0:
        return CANNOT_WRITE_EXIT
    return exit_code


def report_texts(result: Result, output: Output) -> list[tuple[str, str]]:
    """Return the reports that were asked for, each with its file."""
    return [(file, report_text(name, result)) for name, file in output.reports]


def stopped(result: Result, unwritten: Sequence[str]) -> Result:
    """
    Return a result that would let the run go on as one that does not, for want of what somebody counts on.

    Later jobs may ask the verdict instead of whether the job failed.
    """
    if result.decision.exit_code != 0:
        return result
    verdict = Verdict.ERROR if result.decision.verdict is Verdict.ALLOW else result.decision.verdict
    decision = replace(result.decision, verdict=verdict, exit_code=CANNOT_WRITE_EXIT, reason=" ".join(unwritten))
    return replace(result, decision=decision)


def with_notes(result: Result, notes: tuple[str, ...]) -> Result:
    """Return the result with more to know."""
    return replace(result, decision=replace(result.decision, notes=(*result.decision.notes, *notes)))


def tolerates_no_record(result: Result) -> bool:
    """Tell whether the policy that judged lets a run go on whose record could not be kept."""
    return result.recorded is not None and result.recorded.policy.on_unrecorded is OnFailure.WARN


def report_text(name: str, result: Result) -> str:
    """Return the report in a format of `--report`; a reporter is loaded by the runs that write it."""
    module = import_module(f"ci_guard.reporters.{MODULES.get(name, name.replace('-', '_'))}")
    return str(module.render(result))


def tell_github(result: Result, environ: Mapping[str, str], log: TextIO, *, action: bool) -> list[str]:
    """Write annotations, the step summary and, for the action, its outputs; return what could not be written."""
    import tempfile

    from ci_guard.reporters import action_outputs, json_v1, step_summary
    from ci_guard.reporters import annotations as annotate

    unwritten = []
    log.write(annotate.render(result))
    try:
        # The outputs first: later jobs read the verdict there, and a summary that fails must not cost it.
        if action and environ.get("GITHUB_OUTPUT"):
            folder = tempfile.mkdtemp(prefix="ci-guard-", dir=environ.get("RUNNER_TEMP") or None)
            report = os.path.join(folder, "report.json")
            write_whole(report, json_v1.render(result))
            append(environ["GITHUB_OUTPUT"], action_outputs.render(result, report=report))
        if environ.get("GITHUB_STEP_SUMMARY"):
            append(environ["GITHUB_STEP_SUMMARY"], step_summary.render(result))
    except OSError as error:
        unwritten.append(f"The job's summary or outputs could not be written: {error.strerror}.")
    return unwritten


def write_whole(file: str | os.PathLike[str], text: str) -> None:
    """Write a report: a file whole or not at all."""
    from pathlib import Path

    path = Path(file)
    if path.exists() and not path.is_file():
        # A pipe or a device, such as /dev/stdout, is written as it is.
        path.write_text(text, encoding="utf-8")
        return
    from ci_guard import whole

    whole.write(path, text)


def append(path: str, text: str) -> None:
    """Append to a file of the runner's, which must be a plain file and no link."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
    with os.fdopen(handle, "a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
