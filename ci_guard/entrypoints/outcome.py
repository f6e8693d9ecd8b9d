"""Results of runs that ended before there was anything to judge."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Final

from ci_guard import __version__
from ci_guard.entrypoints.argv import input_of, values_of
from ci_guard.errors import CiGuardError
from ci_guard.model.decision import Decision, Effort, Failure, Result, Verdict
from ci_guard.model.run import Platform, Run, unknown_run
from ci_guard.records import replace

ENDED_EARLY: Final = "the run ended before it was read"

CLAIMED: Final = "Who ran what here is as the variables of the job have it; nothing vouches for them."

VERDICTS: Final = {1: Verdict.DENY, 3: Verdict.UNDECIDED}
"""What an error's exit code says; all others are errors."""


def failed(error: Exception, run: Run) -> Result:
    """
    Return the result of a run that an error ended.

    Shape: `run` is as far as it is known. The exit code is the error's own; a surprise is a fault of ci-guard, of which
    only the type and the place in our code are told, because its message could hold anything that was read.
    """
    if isinstance(error, CiGuardError):
        failure = Failure(message=error.message, hint=error.hint, fault_of_ci_guard=error.fault_of_ci_guard)
        exit_code = error.exit_code
    else:
        failure = Failure(
            message=f"ci-guard broke with {type(error).__name__}{place_of(error)}.",
            hint="This is a fault of ci-guard and denies. Please report it with this line.",
            fault_of_ci_guard=True,
        )
        exit_code = CiGuardError.exit_code
    result = Result(
        version=__version__,
        time=datetime.now(timezone.utc),
        decision=Decision(
            verdict=VERDICTS.get(exit_code, Verdict.ERROR),
            exit_code=exit_code,
            rulings=(),
            reason=failure.message,
            notes=(CLAIMED,) if run.run_url or run.actor else (),
        ),
        advisory=False,
        controls=(),
        not_judged={},
        run=run,
        policy=None,
        scan=None,
        effort=Effort(),
        failure=failure,
    )
    from ci_guard.entrypoints.hiding import without_secrets

    try:
        return without_secrets(result, run)
    except CiGuardError:  # the scanner broke, perhaps for the second time
        return replace(result, run=unknown_run(run.platform, ENDED_EARLY))


def place_of(error: Exception) -> str:
    """Return ` at module:line` of the innermost frame in our own code."""
    import traceback

    package = os.path.dirname(os.path.dirname(__file__))
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.startswith(package):
            return f" at {os.path.relpath(frame.filename, package)}:{frame.lineno}"
    return ""


def early_run(platform: Platform, argv: Sequence[str], environ: Mapping[str, str]) -> Run:
    """Return a run that ended before it was read, with what variables and options alone say of it."""
    from ci_guard.evidence.claimed import claimed_run

    run = claimed_run(platform, environ, ENDED_EARLY)
    environment = next(iter(values_of("--environment", argv)), "") or input_of("ENVIRONMENT", argv, environ)
    return replace(run, environment=environment or None)
