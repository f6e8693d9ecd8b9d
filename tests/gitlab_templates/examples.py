"""Collects every pipeline on GitLab that the documentation shows."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.gitlab_templates.reading import ROOT
from tests.workflows.documents import FENCE

ZEROS = "0" * 40
"""Stands for the commit of a release as long as there is none."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One CI file."""

    place: str
    """Where it stands: `README.md:61`."""
    content: Mapping[str, Any]

    @property
    def includes(self) -> list[dict[str, Any]]:
        """Return the includes of one of our templates or components."""
        return [dict(one) for one in self.content["include"] if isinstance(one, dict) and template_of(one)]


def template_of(include: Mapping[str, Any]) -> str | None:
    """Return the path of the template of ours that an entry includes; None for something else."""
    if "component" in include:
        project, _, name = str(include["component"]).partition("@")[0].rpartition("/")
        return f"templates/{name}.yml" if project.endswith("/ci-guard") else None
    named = str(include.get("remote") or include.get("file") or include.get("local") or "")
    _, found, name = named.partition("gitlab-templates/")
    return found + name if found else None


@functools.cache
def examples() -> tuple[Example, ...]:
    """Return them all."""
    found = []
    for page in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]:
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            content = yaml.safe_load(textwrap.dedent(match[2]))
            if isinstance(content, dict) and isinstance(content.get("include"), list):
                line = text.count("\n", 0, match.start(2)) + 1
                found.append(Example(place=f"{page.relative_to(ROOT)}:{line}", content=content))
    return tuple(found)
