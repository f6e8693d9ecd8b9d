"""The text of the reusable workflow, of the same inputs and the same step as the actions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from textwrap import indent
from typing import Final

from action_files import HEADER, INPUTS, OUTPUTS, step

OWN_CI: Final = Path(__file__).resolve().parent.parent / ".github/workflows/ci.yml"
"""Where the version of actions/checkout is kept up to date."""

TEXT: Final = """\
name: ci-guard

on:
  workflow_call:
    inputs:
<inputs>
    secrets:
<secrets>
    outputs:
<outputs>

permissions: {}

jobs:
  guard:
    name: may this pipeline proceed
    runs-on: ${{ inputs.runs-on }}
    permissions:
      contents: read
      pull-requests: read
      actions: read
    outputs:
<results>
    steps:
      # An empty `repository` would check out the caller's, and run its code as the guard.
      - if: ${{ !job.workflow_repository || !job.workflow_sha }}
        run: |
          echo '::error title=ci-guard::This server does not tell a workflow its own commit. Use the action instead.'
          exit 2
      - uses: <checkout>
        with:
          repository: ${{ job.workflow_repository }}
          ref: ${{ job.workflow_sha }}
          path: ci-guard
          persist-credentials: false
      - run: mv ci-guard "$RUNNER_TEMP/ci-guard"
      - uses: <checkout>
        with:
          fetch-depth: 0
          persist-credentials: false
<step>
"""

TEXT_INPUT: Final = """\
{name}:
  description: {description}
  type: string
  required: false
  default: {default}"""


def workflow_files() -> dict[str, str]:
    """
    Return the text of the reusable workflow by its path from the root.

    It runs the code of its own commit, which it checks out: `uses:` takes no expression, so an action of the same
    commit could only be named by a commit id that is not known before the commit is made.

    Source: "Contexts reference", `job` context, workflow identity.
    """
    secrets = (
        f"{item.name}:\n  description: {item.description}\n  required: false" for item in INPUTS if item.is_secret
    )
    own = {item.name: item.description for item in INPUTS if not item.in_workflow}
    given = {item: item.in_workflow or f"${{{{ inputs.{item.name} }}}}" for item in INPUTS}
    results = {name: text for name, text in OUTPUTS.items() if name != "report"}  # a file, which ends with the job
    inputs = [TEXT_INPUT.format(name=name, description=text, default="''") for name, text in own.items()]
    inputs.append(TEXT_INPUT.format(name="runs-on", description="Label of the runner.", default="ubuntu-24.04"))
    parts = {
        "inputs": block(inputs, 6),
        "secrets": block(secrets, 6),
        "outputs": block((returned(name, text) for name, text in results.items()), 6),
        "results": block((f"{name}: ${{{{ steps.guard.outputs.{name} }}}}" for name in results), 6),
        "checkout": checkout(),
        # It asks for no ID token, as every caller would have to grant that.
        "step": block(step(given, root="${RUNNER_TEMP}/ci-guard", check="''"), 6),
    }
    text = re.sub(r"<([a-z-]+)>", lambda found: parts[found[1]], TEXT)
    return {".github/workflows/guard.yml": HEADER + text}


def block(parts: Iterable[str], spaces: int) -> str:
    """Return lines moved to the right."""
    return indent("\n".join(parts), " " * spaces)


def returned(name: str, description: str) -> str:
    """Return the lines that declare an output."""
    return f"{name}:\n  description: {description}\n  value: ${{{{ jobs.guard.outputs.{name} }}}}"


def checkout() -> str:
    """
    Return the pinned actions/checkout of our own workflow.

    Raises: `LookupError` where there is none.
    """
    found = re.search(r"actions/checkout@[0-9a-f]{40} # v\S+", OWN_CI.read_text(encoding="utf-8"))
    if found is None:
        raise LookupError(f"{OWN_CI} pins no actions/checkout")
    return found[0]
