"""Reads templates and pipelines as GitLab does: inputs by their specification, then the whole by GitLab's schema."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator
from jsonschema.exceptions import best_match

ROOT = Path(__file__).resolve().parent.parent.parent

TEMPLATES = sorted([*ROOT.glob("gitlab-templates/*.yml"), *ROOT.glob("templates/*.yml")])

COMMIT = "0123456789abcdef0123456789abcdef01234567"

INTERPOLATION = re.compile(r"\$\[\[ (inputs|component)\.([a-z-]+) \]\]")


class Refused(Exception):
    """GitLab makes no pipeline of it; the message says why."""


@functools.cache
def header_and_jobs(text: str) -> tuple[dict[str, Any], str]:
    """Return a template's header, and the text below it."""
    header, separator, jobs = text.partition("\n---\n")
    assert separator
    return dict(yaml.safe_load(header)), jobs


def inputs_of(path: Path) -> dict[str, dict[str, Any]]:
    """Return the specification of each input of a template."""
    return dict(header_and_jobs(path.read_text(encoding="utf-8"))[0]["spec"]["inputs"])


def render(path: Path, given: Mapping[str, object]) -> dict[str, Any]:
    """
    Return the template's jobs with these inputs.

    Source: "CI/CD inputs" and "CI/CD YAML syntax reference", `spec`: an unknown, missing or unfit one is refused, and
    values are put into the text before it is read as YAML.

    Raises: `Refused`.
    """
    header, jobs = header_and_jobs(path.read_text(encoding="utf-8"))
    return rendered(header["spec"], jobs, given)


def rendered(spec: Mapping[str, Any], jobs: str, given: Mapping[str, object]) -> dict[str, Any]:
    """Return the same of a header and a text."""
    strange = sorted(set(given) - set(spec["inputs"]))
    if strange:
        raise Refused(f"unknown input {', '.join(strange)}")
    values = {name: accepted(name, asked, given) for name, asked in spec["inputs"].items()}
    context: dict[str, dict[str, object]] = {"inputs": values}
    if "component" in spec:
        context["component"] = {"sha": COMMIT}

    def value(found: re.Match[str]) -> str:
        each = context[found[1]][found[2]]
        return each if isinstance(each, str) else json.dumps(each)

    return dict(yaml.safe_load(INTERPOLATION.sub(value, jobs)))


def accepted(name: str, asked: Mapping[str, Any], given: Mapping[str, object]) -> object:
    """Return the value of an input, or raise for one that GitLab refuses."""
    if name not in given and "default" not in asked:
        raise Refused(f"{name} is required")
    value = given.get(name, asked.get("default"))
    kind: type = {"string": str, "array": list}[asked.get("type", "string")]
    if not isinstance(value, kind):
        raise Refused(f"{name} is no {kind.__name__}")
    if "options" in asked and value not in asked["options"]:
        raise Refused(f"{name} is none of the options")
    # In RE2, without its flag for many lines, `$` is the end of the text and never before a line end.
    if "regex" in asked and not re.search(asked["regex"].replace("$", r"\Z"), str(value)):
        raise Refused(f"{name} does not match {asked['regex']}")
    return value


@functools.cache
def schema() -> dict[str, Any]:
    """Return GitLab's schema of a CI file."""
    return dict(json.loads((Path(__file__).parent / "ci.schema.json").read_text(encoding="utf-8")))


@functools.cache
def validator() -> Draft7Validator:
    return Draft7Validator(schema())


def faults(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what GitLab's schema has against a header or a pipeline, each at its deepest."""
    for error in validator().iter_errors(document):
        deepest = best_match([error]) or error
        yield f"{'/'.join(map(str, deepest.absolute_path))}: {deepest.message}"
