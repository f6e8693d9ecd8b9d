"""Collects every workflow and action of this repository, in files and in the documentation's code blocks."""

from __future__ import annotations

import functools
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent

REPOSITORY = "ci-guard/ci-guard"
"""How examples name this project's actions."""

FENCE = re.compile(r"^([ \t]*)```ya?ml\b[^\n]*\n(.*?)^\1```[ \t]*$", re.DOTALL | re.MULTILINE)

WHOLE = "on: [push, pull_request]\npermissions: {}\n"
"""What makes a file of jobs alone a workflow; it is put behind them, so that lines keep their numbers."""

AROUND_STEPS = """\
jobs:
  guard:
    runs-on: ubuntu-latest
    permissions: {contents: read, pull-requests: read, actions: read}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with: {fetch-depth: 0, persist-credentials: false}
"""
"""The job that a page means which shows steps alone."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """One workflow or action, as a validator takes it."""

    place: str
    """Where it stands: `README.md:25`, or the file."""
    path: str
    """Where a repository would have it; an action's ends in `action.yml`."""
    text: str

    @property
    def content(self) -> Mapping[Any, Any]:
        """Return the parsed YAML; the key `on` is read as YAML 1.1 reads it, `True`."""
        return dict(yaml.safe_load(self.text))

    @property
    def uses(self) -> frozenset[str]:
        """Return every action and reusable workflow that it uses."""
        jobs = self.content.get("jobs", {}).values()
        steps = [step for job in jobs for step in job.get("steps", [])]
        return frozenset(item["uses"] for item in [*jobs, *steps] if "uses" in item)


def actions() -> list[Document]:
    """Return every action of this repository."""
    return [_file(path) for path in sorted([ROOT / "action.yml", *ROOT.glob("actions/*/action.yml")])]


def own_workflows() -> list[Document]:
    """Return every workflow of this repository."""
    return [_file(path) for path in sorted(ROOT.glob(".github/workflows/*.y*ml"))]


@functools.cache
def examples() -> tuple[Document, ...]:
    """Return every workflow that README, documentation and example files show, each completed to a whole one."""
    pages = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("examples/**/*.md"))]
    files = sorted([*ROOT.glob("docs/examples/**/*.y*ml"), *ROOT.glob("examples/**/*.y*ml")])
    blocks = [block for page in pages for block in _blocks(page)]
    return tuple(blocks + [found for path in files if (found := _example(_name(path), path.read_text("utf-8")))])


def _blocks(page: Path) -> Iterator[Document]:
    text = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start(2)) + 1
        found = _example(f"{_name(page)}:{line}", textwrap.dedent(match[2]))
        if found:
            yield found


def _example(place: str, text: str) -> Document | None:
    """Return a text as a whole workflow, or None where it is something else, such as a policy."""
    if re.search(r"^jobs:", text, re.MULTILINE):
        whole = text if re.search(r"^[\"']?on[\"']?:", text, re.MULTILINE) else text + WHOLE
    elif re.match(r"(#.*\n|\s*\n)*- (?:\w+: .*\n\s+)*uses: ", text):
        whole = AROUND_STEPS + textwrap.indent(text, "      ") + WHOLE
    else:
        return None
    file = re.sub(r"[^\w.-]", "-", place.removesuffix(".yml").removesuffix(".yaml"))
    return Document(place=place, path=f".github/workflows/{file}.yml", text=whole)


def _file(path: Path) -> Document:
    name = _name(path)
    return Document(place=name, path=name, text=path.read_text(encoding="utf-8"))


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
