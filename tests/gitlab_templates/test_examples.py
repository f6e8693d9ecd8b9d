"""Every pipeline that the documentation shows is one that GitLab accepts, with inputs that the templates take."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gitlab_templates import reading
from tests.gitlab_templates.examples import ZEROS, Example, examples, template_of
from tests.gitlab_templates.reading import ROOT, Refused

each_example = pytest.mark.parametrize("example", examples(), ids=lambda example: example.place)


def test_the_pages_that_show_pipelines_are_found() -> None:
    pages = {example.place.partition(":")[0] for example in examples()}
    assert {"README.md", "docs/gitlab.md", "docs/enforce.md"} <= pages


@each_example
def test_gitlab_accepts_an_example(example: Example) -> None:
    assert example.includes
    assert list(reading.faults(dict(example.content))) == []


@each_example
def test_an_example_gives_inputs_that_its_template_takes(example: Example) -> None:
    for include in example.includes:
        path = template_of(include)
        assert path is not None
        reading.render(ROOT / path, include.get("inputs", {}))


@each_example
def test_an_example_pins_one_commit_everywhere_and_a_digest_with_an_address(example: Example) -> None:
    for include in example.includes:
        inputs = include.get("inputs", {})
        if "component" in include:
            assert include["component"].partition("@")[2] == ZEROS
            continue
        assert inputs["commit"] in str(include.get("remote", include.get("ref")))
        assert ("remote" in include) == ("integrity" in include)


def test_an_input_that_no_template_has_would_be_found() -> None:
    with pytest.raises(Refused, match="polcy"):
        reading.render(ROOT / "gitlab-templates/ci-guard.yml", {"commit": ZEROS, "polcy": "x"})


@pytest.mark.parametrize("name", sorted(reading.inputs_of(ROOT / "gitlab-templates/ci-guard.yml")))
def test_every_input_is_documented(name: str) -> None:
    assert f"\n| `{name}` | " in (ROOT / "docs/gitlab.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(ROOT.glob("gitlab-templates/*.yml")), ids=lambda path: path.stem)
def test_every_template_component_and_job_is_documented(path: Path) -> None:
    page = (ROOT / "docs/gitlab.md").read_text(encoding="utf-8")
    (job,) = reading.render(path, {"commit": ZEROS})
    assert f"| `gitlab-templates/{path.name}` | `{path.stem}` | `{job}` |" in page
