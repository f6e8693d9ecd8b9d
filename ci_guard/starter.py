"""The files that a repository starts with: a policy and a workflow or pipeline, in plain words, as text."""

from __future__ import annotations

import json
from typing import Final

from ci_guard.model import project

POLICY_PATH: Final = ".ci-guard.yml"
WORKFLOW_PATH: Final = ".github/workflows/ci-guard.yml"
PIPELINE_PATH: Final = ".gitlab-ci.yml"
GITLAB: Final = "https://gitlab.com"
"""The server that the GitLab templates take a job to be on unless told otherwise."""

CHECKOUT: Final = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
"""As in README.md; a test keeps the two together."""

_GLOB: Final = frozenset("*+?!")
"""What a branch filter takes for a pattern unless a backslash stands before it (workflow syntax, filter patterns)."""


def policy(profile: str) -> str:
    """
    Return a starter policy that extends a built-in profile.

    It states no mode, so that the workflow can ask for a report at first: an `enforce` in the policy would win over it.
    """
    return f"""\
# yaml-language-server: $schema={project.SCHEMA}
#
# What this repository asks of a pipeline before it may proceed.
# Everything that can stand here: {project.page("docs/policy.md")}

version: 1

# All that the profile asks holds; this file can only ask for more.
# `ci-guard explain` lists what there is, `ci-guard explain no-force-push` prints one page of it.
extends: builtin:{profile}

# Further requirements, for example:
# controls:
#   branch-protection:
#     branches: [default, "release/*"]
#     require: {{approvals: 2, status-checks: [build]}}

# What cannot be met yet is accepted until a day, with a reason, and stays visible:
# waivers:
#   - {{control: branch-protection, requirement: approvals, reason: "second maintainer joins soon", until: YYYY-MM-DD}}
"""


def workflow(*, branch: str | None, pin: str, note: str, report: bool) -> str:
    """
    Return a workflow that runs the guard on pull requests, in the merge queue and on pushes to `branch`.

    Shape: `pin` is a commit id or a tag, `note` what stands behind it. Without a branch, or with one whose name cannot
    stand in a filter, every push is judged. With `report` a denial lets the pipeline proceed.
    """
    branches = f"\n    branches: [{quoted(branch)}]" if branch is not None and can_filter(branch) else ""
    mode = """
        with:
          mode: report # a denial is shown and stops nothing; take these two lines out once the summary is green
"""
    return f"""\
name: ci-guard

on:
  pull_request:
  merge_group:
  push:{branches}

permissions: {{}}

jobs:
  # To stop a deployment, move this job into its workflow and let the other jobs say `needs: guard`.
  # To stop a merge, require the check `guard` in a ruleset.
  guard:
    runs-on: ubuntu-latest
    timeout-minutes: 10
    permissions:
      contents: read # the code, branches and pushes
      pull-requests: read # reviews of the commit that is judged
      actions: read # this run as the server recorded it
    steps:
      - uses: {CHECKOUT}
        with:
          fetch-depth: 0
          persist-credentials: false
      - uses: {project.REPOSITORY}@{pin} # {note}{mode if report else chr(10)}"""


def include(*, pin: str, note: str, report: bool, server: str | None, integrity: str | None) -> str:
    """
    Return the lines by which a pipeline on GitLab includes the guard.

    Shape: `pin` is a commit id and `note` what stands behind it; `server` the address of the GitLab, None where nobody
    knows it; `integrity` the template's digest as GitLab writes it, `sha256-…`, where it is known.
    """
    lines = [
        "include:",
        f"  - remote: {project.RAW}/{pin}/{project.TEMPLATE_PATH}",
        *([f"    integrity: {integrity}"] if integrity else []),
        "    inputs:",
        f"      commit: '{pin}' # {note}",  # in quotes, as YAML takes some ids for numbers
    ]
    if server != GITLAB:
        given = server or "https://gitlab.example.com"
        lines.append(f"      server: {given} # the address of your GitLab, with its path if it has one")
    if report:
        lines.append("      mode: report # a denial is shown and stops nothing; take this out once the job is green")
    return "\n".join(lines) + "\n"


def pipeline(included: str) -> str:
    """Return a pipeline for GitLab that includes the guard by these lines, for a repository that has none."""
    return f"""\
{included}
# One pipeline for each push: that of the merge request where there is one.
workflow:
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_BRANCH && $CI_OPEN_MERGE_REQUESTS
      when: never
    - when: always

# GitLab makes no pipeline of the stage .pre alone, in which the guard runs: put your own jobs here.
build:
  script:
    - echo "your build"
"""


def can_filter(branch: str) -> bool:
    """Tell whether a name can stand in a branch filter: an expression would be refused, and a reader must see it."""
    return branch.isprintable() and "${{" not in branch


def quoted(branch: str) -> str:
    """Return a branch's name as a filter that means this name and nothing else, in YAML's double quotes."""
    return json.dumps("".join(f"\\{sign}" if sign in _GLOB else sign for sign in branch), ensure_ascii=False)
