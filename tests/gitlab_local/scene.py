"""Projects that include the guard, and the pipelines of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tests.gitlab_local.conftest import Guard
from tests.gitlab_local.instance import Instance, git

PIPELINE = """\
include:
  - {include}
    inputs: {inputs}
{more}
build:
  stage: build
  script:
    - echo "built in $CI_PIPELINE_SOURCE"
"""


def inputs(guard: Guard, instance: Instance, **more: object) -> dict[str, object]:
    """Return the inputs of a project on this instance that has ci-guard as a mirror."""
    return {
        "commit": guard.commit,
        "server": instance.url,
        "source": guard.source,
        "cache": str(guard.cache),
        **{name.replace("_", "-"): value for name, value in more.items()},
    }


def pipeline(include: str, given: Mapping[str, object], more: str = "") -> str:
    """Return a CI file that includes a template with these inputs."""
    return PIPELINE.format(include=include, inputs=json.dumps(given), more=more)


def make(instance: Instance, path: Path, files: Mapping[str, str], *, project: str = "acme/shop") -> str:
    """Make a checkout with these files, served as the project; return its commit."""
    path.mkdir(parents=True, exist_ok=True)
    if not (path / ".git").exists():
        git(path, "init", "-q", "-b", "main")
        git(path, "remote", "add", "origin", f"{instance.url}/{project}.git")
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, encoding="utf-8")
    git(path, "add", "-A")
    git(path, "commit", "-q", "-m", "Sell things")
    commit = instance.publish(path, project)
    git(path, "fetch", "-q", "origin")
    git(path, "remote", "set-head", "origin", "main")
    return commit
