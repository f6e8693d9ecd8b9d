"""Strangers' text in every field, through every reporter: it stays text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_guard.model import project
from ci_guard.model.decision import Result
from ci_guard.reporters import (
    action_outputs,
    gitlab_annotations,
    gitlab_codequality,
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
from tests.drawing import examples
from tests.reporters import runner, sample
from tests.reporters.gfm import Rendered, rendered
from tests.reporters.hostile import ADDRESSES, CORPUS, dressed

LOGGED: dict[str, Callable[[Result], str]] = {
    "terminal": lambda result: terminal.render(result, color=False, width=100),
    "narrow": lambda result: terminal.render(result, color=True, width=1),
    "ascii": lambda result: terminal.render(result, color=False, width=80, unicode=False),
    "quiet": lambda result: terminal.render(result, color=False, width=100, quiet=True),
    "json": json_v1.render,
    "sarif": sarif.render,
    "markdown": markdown.render,
    "junit": junit.render,
    "gitlab-codequality": gitlab_codequality.render,
    "gitlab-secret-detection": gitlab_secret_detection.render,
    "gitlab-sast": gitlab_sast.render,
    "gitlab-annotations": gitlab_annotations.render,
    "message": lambda result: terminal.line(result.decision.reason) + "\n",
}
"""What reaches a job's log and must hold no command at all."""

OUR_PAGES = {project.requirement_page(meta.id, each.id) for meta in sample.CONTROLS for each in meta.requirements}
"""Where every denial says that one reads more."""

RESULTS = {"denied": sample.denied, "policy-error": sample.policy_error}
ALLOWED_CONTROLS = re.compile(r"[\n\x20-\x7e\u00a1-\u00ac\u00ae-\uffff\U00010000-\U0010ffff]*")

ANYTHING = st.text(st.characters(codec=None), max_size=60) | st.text("\n\r\t :#[]@`|<>&*_~\\x1", max_size=40)


def tamed(text: str) -> str:
    """Return harmless words on as many lines: the lines of an error that ended the run are its own."""
    return "\n".join("x" if line.strip() else line[:1] for line in text.split("\n"))


def everything(result: Result) -> dict[str, str]:
    """Return the text of every reporter."""
    texts = {name: render(result) for name, render in LOGGED.items()}
    texts["annotations"] = render_annotations(result)
    texts["summary"] = step_summary.render(result)
    texts["outputs"] = action_outputs.render(result, report=result.decision.reason)
    return texts


@cache
def harmless_commands(shape: str, text: str) -> list[runner.Command]:
    return runner.commands_in(render_annotations(dressed(RESULTS[shape](), text)))


@cache
def harmless_page(shape: str, text: str, render: Callable[[Result], str]) -> Rendered:
    return rendered(render(dressed(RESULTS[shape](), text, "https://x.example/")))


def junit_structure(shape: str, text: str) -> list[tuple[str, list[str]]]:
    report = ET.fromstring(junit.render(dressed(RESULTS[shape](), text)))
    return [(each.tag, sorted(each.attrib)) for each in report.iter()]


harmless_junit_structure = cache(junit_structure)


@pytest.fixture(scope="module", params=[(name, shape) for name in CORPUS for shape in RESULTS], ids="-".join)
def told(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return what every reporter makes of a hostile text in a result."""
    name, shape = request.param
    return everything(dressed(RESULTS[shape](), CORPUS[name]))


def test_hostile_text_makes_no_command(told: dict[str, str]) -> None:
    for form in LOGGED:
        assert runner.commands_in(told[form]) == [], form


def test_every_report_is_short_and_free_of_controls(told: dict[str, str]) -> None:
    for form, text in told.items():
        text.encode("utf-8")
        if form not in ("outputs", "narrow"):
            assert ALLOWED_CONTROLS.fullmatch(text), form
        if form not in ("json", "sarif", "outputs"):
            assert len(text.encode()) < 1_048_576, form


@pytest.mark.parametrize("shape", RESULTS)
@pytest.mark.parametrize("name", CORPUS)
def test_hostile_text_makes_no_annotation_that_was_not_meant(name: str, shape: str) -> None:
    meant = harmless_commands(shape, tamed(CORPUS[name]))
    told = runner.commands_in(render_annotations(dressed(RESULTS[shape](), CORPUS[name])))
    assert [command.name for command in told] == [command.name for command in meant]
    for command, harmless in zip(told, meant, strict=True):
        assert set(command.properties) <= set(harmless.properties) <= {"title", "file", "line", "col"}
        assert len(command.data) <= 4_096


@pytest.mark.parametrize("render", [step_summary.render, markdown.render], ids=["summary", "comment"])
@pytest.mark.parametrize("shape", RESULTS)
@pytest.mark.parametrize("name", CORPUS)
def test_hostile_text_changes_nothing_in_the_structure_of_a_page(
    name: str, shape: str, render: Callable[[Result], str]
) -> None:
    harmless = harmless_page(shape, tamed(CORPUS[name]), render)
    page = rendered(render(dressed(RESULTS[shape](), CORPUS[name], "https://x.example/")))
    left_out = [each.text.count("more in the JSON report") for each in (page, harmless)]
    assert page.tags == harmless.tags or (left_out[0] > left_out[1] and set(page.tags) <= set(harmless.tags))
    assert set(page.links) <= {"https://x.example/", sample.RUN.run_url, *OUR_PAGES}
    assert page.open == []


@pytest.mark.parametrize("shape", RESULTS)
@pytest.mark.parametrize("name", CORPUS)
def test_hostile_text_changes_nothing_in_the_structure_of_the_junit_report(name: str, shape: str) -> None:
    assert junit_structure(shape, CORPUS[name]) == harmless_junit_structure(shape, tamed(CORPUS[name]))


@pytest.mark.parametrize("name", CORPUS)
def test_json_report_keeps_hostile_text_to_the_letter(name: str) -> None:
    report = json.loads(json_v1.render(dressed(sample.denied(), CORPUS[name])))
    judgement = next(each for each in report["judgements"] if each["location"])
    assert judgement["subject"] == judgement["message"] == judgement["location"]["path"] == CORPUS[name]
    assert report["context"]["sha"] == CORPUS[name]


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_report_links_to_what_is_no_plain_address(address: str) -> None:
    result = dressed(sample.denied(), "harmless", address or "x")
    assert set(rendered(step_summary.render(result)).links) <= OUR_PAGES
    told = terminal.render(replace(result, transport=()), color=False, width=100)
    assert "//" not in told.replace(project.page("docs"), "")


@settings(deadline=None)
@given(ANYTHING)
def test_any_text_stays_text_in_every_report(text: str) -> None:
    result = dressed(sample.denied(findings=1), text)
    for form, render in LOGGED.items():
        assert runner.commands_in(render(result)) == [], form
    meant = runner.commands_in(render_annotations(dressed(sample.denied(findings=1), tamed(text))))
    assert [each.name for each in runner.commands_in(render_annotations(result))] == [each.name for each in meant]
    outputs = runner.read_outputs(action_outputs.render(result, report=text))
    assert outputs == {
        "verdict": "deny",
        "report": text.encode("utf-8", "backslashreplace").decode(),
        "failed": "2",
        "unknown": "2",
    }


@settings(max_examples=examples(40), deadline=None)
@given(ANYTHING)
def test_any_text_leaves_the_structure_of_the_summary_alone(text: str) -> None:
    harmless = rendered(step_summary.render(dressed(sample.denied(findings=1), tamed(text), "https://x.example/")))
    page = rendered(step_summary.render(dressed(sample.denied(findings=1), text, "https://x.example/")))
    assert page.tags == harmless.tags
    assert page.links == harmless.links
