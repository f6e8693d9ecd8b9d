"""Logs to be tested on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from ci_guard.audit.log import append
from ci_guard.audit.note import Signer
from ci_guard.audit.record import record_of
from ci_guard.model.decision import Result
from ci_guard.model.run import Platform
from tests.reporters import sample

ORIGIN = "github.com/acme/app/ci-guard"


def result(number: int = 0, **run: Any) -> Result:
    """Return a run of its own."""
    made = sample.denied(1) if number % 3 == 0 else sample.SAMPLES["allowed"]()
    about = replace(made.run, run_url=f"https://github.com/acme/app/actions/runs/{number}", platform=Platform.GITHUB)
    return replace(made, run=replace(about, **run), time=sample.TIME + timedelta(hours=number))


def write(path: Path, count: int, *, first: int = 0, signer: Signer | None = None) -> Path:
    """Append so many runs, each one of its own."""
    for number in range(first, first + count):
        environment = "production" if number % 2 else None
        append(path, record_of(result(number, environment=environment)), origin=ORIGIN, signer=signer)
    return path
