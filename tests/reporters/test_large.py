"""Thirty thousand findings: every report stays within its limits and tells the worst."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from functools import cache

import pytest

from ci_guard.model.decision import Result
from ci_guard.reporters import (
    gitlab_codequality,
    gitlab_secret_detection,
    json_v1,
    junit,
    markdown,
    sarif,
    step_summary,
    terminal,
)
from ci_guard.reporters.annotations import render as render_annotations
from tests.reporters import sample

pytestmark = pytest.mark.slow

FINDINGS = 30_000

LIMITS: dict[str, tuple[Callable[[Result], str], int]] = {
    "annotations": (render_annotations, 31 * 5_000),
    "summary": (step_summary.render, 1_048_576),
    "comment": (markdown.render, markdown.LIMIT),
    "terminal": (lambda result: terminal.render(result, color=False, width=100), 20_000),
    "junit": (junit.render, 50_000),
    "gitlab-codequality": (gitlab_codequality.render, 1_000_000),
    "gitlab-secret-detection": (gitlab_secret_detection.render, 10_000_000),
}


@cache
def large() -> Result:
    """Return the denial; made once, because it takes a second."""
    return sample.denied(FINDINGS)


@pytest.mark.parametrize("form", LIMITS)
def test_what_people_read_is_bounded_whatever_was_found(form: str) -> None:
    render, limit = LIMITS[form]
    text = render(large())
    assert len(text.encode()) <= limit
    assert "src/config_000.py" in text.replace("&#95;", "_")
    assert " more" in text


def test_the_json_report_has_all_of_them() -> None:
    assert len(json.loads(json_v1.render(large()))["judgements"]) == FINDINGS + 11


def test_code_scanning_gets_as_many_as_it_takes_and_is_told_how_many_are_left_out() -> None:
    text = sarif.render(large())
    (run,) = json.loads(text)["runs"]
    assert len(run["results"]) == 25_000
    assert {each["properties"]["standing"] for each in run["results"]} == {"refused"}
    assert len(gzip.compress(text.encode(), 6)) < 10_000_000
    told = [each["message"]["text"] for each in run["invocations"][0]["toolExecutionNotifications"]]
    assert "5,006 results have no room here and are left out; the worst come first." in told
