"""The `ci-guard` command: parse, run, tell, exit."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from itertools import chain

from ci_guard import __version__
from ci_guard.entrypoints import process

TYPE_CHECKING = False  # as a type checker knows it; `typing` takes longer to load than all that a version takes
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Final, NoReturn, TextIO

    from ci_guard.entrypoints import commands
    from ci_guard.entrypoints.check_options import CheckOptions
    from ci_guard.entrypoints.options import Output
    from ci_guard.model.decision import Result

UNHEARD: Final = 2
"""Instead of 0 where the result could not be written: somebody counts on reading it."""

SIGNALLED: Final = 128
"""Plus the number of the signal that ended the run, as shells report it."""
INTERRUPTED: Final = SIGNALLED + 2
"""By SIGINT, which is Ctrl-C."""


def command() -> NoReturn:
    """Run the command as a process of its own, and end it."""
    process.end(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the process's arguments, environment and streams; return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    process.keep_streams_open()
    if arguments == ["--version"]:
        # The commonest call of wrappers; it need not load a parser.
        return run_version(sys.stdout)
    process.collect_seldom()
    process.dump_no_core()
    process.quote_nothing()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    with process.Interrupts() as interrupts:
        try:
            return run(arguments, os.environ, sys.stdout, sys.stderr, interrupts)
        except KeyboardInterrupt:
            process.leave(
                SIGNALLED + interrupts.came if interrupts.came else INTERRUPTED,
                "ci-guard: interrupted; nothing was decided.\n",
            )


def run_version(stdout: TextIO) -> int:
    """Print the version and return the exit code."""
    try:
        stdout.write(f"ci-guard {__version__}\n")
        stdout.flush()
    except OSError:
        silence(stdout)
        return UNHEARD
    return 0


def run(
    argv: Sequence[str],
    environ: Mapping[str, str],
    stdout: TextIO,
    stderr: TextIO,
    interrupts: process.Interrupts = process.UNINTERRUPTED,
) -> int:
    """
    Run one command and tell its result, whatever happens.

    Shape: returns the contract's exit code. Reports are written on every exit, usage errors and faults included.
    """
    from ci_guard.entrypoints import commands
    from ci_guard.entrypoints import options as command_line
    from ci_guard.entrypoints.joblog import log_of, progress_of
    from ci_guard.entrypoints.outcome import early_run, failed

    output = command_line.reports_despite_errors(argv, environ)
    upload = None
    platform = command_line.platform_despite_errors(argv, environ)
    progress = progress_of(platform, output, environ, stdout, stderr)
    call = commands.Call(environ=environ, stdout=stdout, progress=progress, platform=platform)
    try:
        command, options = commands.parse(argv, environ, __version__)
        upload = options if getattr(options, "upload", False) else None
        told = command.module.run(options, call)
        interrupts.check()
    except SystemExit as done:  # --help and --version have printed what they had to
        return int(done.code or 0)
    except Exception as error:  # noqa: BLE001 - the one place where an error becomes a clear message and exit code 4
        interrupts.check()
        told = failed(error, early_run(platform, argv, environ))
        if not commands.judges(argv):
            return complain(told, log_of(platform, environ, stderr))
    if isinstance(told, commands.Said):
        codes = say(told, stdout if told.document else log_of(platform, environ, stdout))
    else:
        codes = report(told, output, upload, call, stderr, action="--inputs" in argv)
    exit_code = UNHEARD
    try:
        for exit_code in codes:  # noqa: B007 - the last one that was told before a stream was gone counts
            pass
        stdout.flush()
    except OSError as error:  # a closed pipe, a full disk: nobody hears the verdict, so it must not read as `allow`
        silence(stdout)
        with suppress(OSError):
            if not isinstance(error, BrokenPipeError):  # whoever closed a pipe (`| head`) knows
                stderr.write(f"ci-guard: the result could not be written: {error.strerror or 'the stream is gone'}.\n")
        return exit_code or UNHEARD
    return exit_code


def say(said: commands.Said, log: TextIO) -> Iterator[int]:
    """Write what a command says that judges nothing; yield its exit code ahead of that."""
    yield said.exit_code
    log.writelines(chain((said.text,) if said.text else (), said.rest))


def report(
    result: Result, output: Output, upload: CheckOptions | None, call: commands.Call, stderr: TextIO, *, action: bool
) -> Iterator[int]:
    """
    Write a result's reports, and send them where that is asked for.

    Shape: yields the exit code that holds from there on, as each step may raise it.
    """
    yield result.decision.exit_code
    from ci_guard.entrypoints.delivery import deliver
    from ci_guard.entrypoints.outcome import failed

    try:
        exit_code = deliver(result, output, call.environ, call.stdout, stderr, action=action)
        yield exit_code
        if upload is not None:
            from ci_guard.entrypoints.code_scanning import send

            yield send(result, upload, call.environ, call.stdout, exit_code)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - a reporter broke, and no report may say anything else
        yield deliver(failed(error, result.run), output, call.environ, call.stdout, stderr, action=action)


def complain(result: Result, stderr: TextIO) -> int:
    """Say why a command that gives no verdict could not be run, and return its exit code."""
    from ci_guard.reporters.terminal import line

    failure = result.failure
    if failure is not None:
        said = failure.message if failure.message.startswith("ci-guard ") else f"ci-guard: {failure.message}"
        stderr.writelines(f"{line(text)}\n" for text in (said, failure.hint) if text)
    return result.decision.exit_code


def silence(stream: TextIO) -> None:
    """Keep Python from complaining, at its end, about what could not be written to a stream that is gone."""
    try:
        stream.close()
    except OSError:
        return
