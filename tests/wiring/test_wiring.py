"""Every file below this folder is a repository's pipelines, and whether the guard in them is weakened, and by what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_guard.controls import guard_integrity
from ci_guard.evidence.commit_files import CommitFiles
from ci_guard.evidence.github import local_actions, workflow_file
from ci_guard.evidence.gitlab import pipeline, pipeline_file
from ci_guard.evidence.gitlab.client import Client
from ci_guard.evidence.gitlab.includes import At
from ci_guard.evidence.gitlab.sources import Sources
from ci_guard.evidence.gitlab.variables import Variables
from ci_guard.evidence.rest.transport import Transport
from ci_guard.model.fact import Fact, Known, unavailable
from ci_guard.model.guard import Guard, Wiring
from ci_guard.model.judgement import Judgement
from ci_guard.records import replace
from tests.controls import language
from tests.drawing import examples
from tests.evidence.files_of import commit_files

ROOT = Path(__file__).parent
CASES = sorted(path for path in ROOT.rglob("*.yml"))
SHA = "c" * 40


def name(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix()


def of_github(files: CommitFiles) -> Fact[Wiring]:
    return workflow_file.read_wiring(files, ".github/workflows/ci.yml")


def of_gitlab(files: CommitFiles) -> Fact[Wiring]:
    """Without a token: what lies in other projects is unknown."""
    client = Client(server_url="https://gitlab.example", project="1", tokens=(), transport=Transport())
    found = pipeline.read_pipeline(client, files, "acme/shop", At(path=".gitlab-ci.yml"))
    nobody = Sources(variables=Variables(values={}), job=unavailable("no job"), identity=None)
    return pipeline_file.get_wiring(found, nobody, SHA)


def judged(platform: str, files: Mapping[str, str | None]) -> list[Judgement]:
    read = {"github": of_github, "gitlab": of_gitlab}[platform]
    facts = replace(language.facts({"run": {"platform": platform}}), guard=Guard(wiring=read(commit_files(files))))
    asked = language.settings("guard-integrity", {"require": {"not-weakened": True}})
    return list(guard_integrity.check(facts, asked))


@pytest.mark.parametrize("path", CASES, ids=name)
def test_what_becomes_of_the_guard_is_judged(path: Path) -> None:
    """`weak` has the subjects with a part of what is said of each; a case without any passes, or says its `doubt`."""
    case: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(case) <= {"mistake", "files", "weak", "doubt"}, "a case has no other keys"
    found = judged(path.parent.name, {where: text.replace("<sha>", SHA) for where, text in case["files"].items()})
    said = {f"{one.subject}: {one.outcome.value}": one.observed for one in found}
    if "doubt" in case:
        assert list(said) == ["run: unknown"], said
        assert case["doubt"] in said["run: unknown"]
        return
    assert set(said) == {f"{subject}: fail" for subject in case.get("weak", {})} or {"run: pass"}, said
    for subject, words in case.get("weak", {}).items():
        for each in [words] if isinstance(words, str) else words:
            assert each in said[f"{subject}: fail"]


WORDS = (
    *("include", "local", "project", "ref", "file", "component", "remote", "template", "rules", "if", "inputs", "when"),
    *(
        "extends",
        "default",
        "inherit",
        "before_script",
        "script",
        "stages",
        "stage",
        "needs",
        "job",
        "trigger",
        "artifact",
    ),
    *("environment", "allow_failure", "only", "a", ".b", "jobs", "uses", "steps", "with", "path", "repository", "runs"),
    *(
        "using",
        "composite",
        "main",
        "true",
        "ci/*.yml",
        "./a",
        "./.github/workflows/ci.yml",
        ".gitlab-ci.yml",
        "$X",
        "",
    ),
    *("ci-guard check", "ci-guard/ci-guard@v1", "https://x/ci-guard.yml", "actions/checkout@v4", "../..", "a/b"),
)
ANYTHING = st.recursive(
    st.sampled_from(WORDS),
    lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(st.sampled_from(WORDS), deeper, max_size=4),
    max_leaves=20,
)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["ci/x.yml", "a/action.yml"]), ANYTHING, max_size=2), ANYTHING)
def test_whatever_stands_in_the_files_is_judged(others: dict[str, Any], first: Any) -> None:
    """Of the words that are looked for, in every shape, a reference of any kind among them."""
    files: dict[str, str | None] = {name: json.dumps(one) for name, one in others.items()}
    for name in (".github/workflows/ci.yml", ".gitlab-ci.yml"):
        files[name] = json.dumps(first).replace('["ref", "a", "script"]', '!reference ["a", "script"]')
    for platform in ("github", "gitlab"):
        assert judged(platform, files)
    parts = local_actions.parts_of(commit_files(files), "acme/shop")
    assert isinstance(parts, Known)


@pytest.mark.parametrize("folder", ["github", "gitlab"])
def test_there_are_cases_that_pass_and_that_are_weak(folder: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in CASES if path.parent.name == folder]
    assert {"\nweak:" in text or text.startswith("weak:") for text in texts} == {True, False}
