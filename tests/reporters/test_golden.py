"""What people read, kept as files and reviewed as diffs; `pytest tests/reporters --update-golden` renews them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from ci_guard.model.decision import Result
from ci_guard.reporters import (
    action_outputs,
    gitlab_annotations,
    gitlab_codequality,
    gitlab_dotenv,
    gitlab_sast,
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
from tests.reporters.conftest import GOLDEN

FORMATS: dict[str, Callable[[Result], str]] = {
    "annotations.txt": render_annotations,
    "summary.md": step_summary.render,
    "comment.md": markdown.render,
    "sarif.json": lambda result: json.dumps(json.loads(sarif.render(result)), indent=1, ensure_ascii=False) + "\n",
    "junit.xml": junit.render,
    "report.json": json_v1.render,
    "terminal.txt": lambda result: terminal.render(result, color=False, width=100),
    "quiet.txt": lambda result: terminal.render(result, color=False, width=100, quiet=True),
    "outputs.txt": lambda result: action_outputs.render(
        result, report="/tmp/a b/report.json", delimiter=lambda: "end-1"
    ),
}
OTHERS: dict[str, Callable[[Result], str]] = {
    "denied.color.txt": lambda result: terminal.render(result, color=True, width=100),
    "denied.gitlab-codequality.json": gitlab_codequality.render,
    "denied.gitlab-secret-detection.json": gitlab_secret_detection.render,
    "denied.gitlab-sast.json": gitlab_sast.render,
    "denied.gitlab-annotations.json": gitlab_annotations.render,
    "denied.gitlab-dotenv.txt": gitlab_dotenv.render,
    "denied.ascii.txt": lambda result: terminal.render(result, color=False, width=60, unicode=False),
}


@pytest.mark.parametrize("name", sample.SAMPLES)
@pytest.mark.parametrize("form", FORMATS)
def test_report_is_as_it_was_reviewed(name: str, form: str, compare_golden: Callable[[str, str], None]) -> None:
    compare_golden(f"{name}.{form}", FORMATS[form](sample.SAMPLES[name]()))


@pytest.mark.parametrize("name", OTHERS)
def test_denial_in_other_forms_is_as_it_was_reviewed(name: str, compare_golden: Callable[[str, str], None]) -> None:
    compare_golden(name, OTHERS[name](sample.denied()))


def test_no_golden_file_is_left_of_a_report_that_is_gone() -> None:
    expected = {f"{name}.{form}" for name in sample.SAMPLES for form in FORMATS} | set(OTHERS)
    assert {path.name for path in GOLDEN.iterdir()} == expected
