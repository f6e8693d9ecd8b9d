"""A step of a workflow: whether it runs ci-guard, and what keeps that from stopping the job."""

from __future__ import annotations

from typing import Final

from ci_guard.evidence.github.local_actions import LOCAL, OWN
from ci_guard.evidence.guard_script import NAME, hidden, leads
from ci_guard.evidence.guard_signs import mutable_checkout, spot, spots, steering
from ci_guard.evidence.yaml_tree import Tree
from ci_guard.model.guard import Pin, Spot, Step
from ci_guard.records import replace
from ci_guard.rows import NamedTuple

OF_GITHUB: Final = "actions/"
"""Of whom an action that goes before the guard deploys nothing."""
SHELLS: Final = frozenset({"", "bash", "sh"})
"""That end at the first failure. Source: "Workflow syntax", `jobs.<job_id>.steps[*].shell`."""


class Place(NamedTuple):
    """Where a job stands."""

    path: str
    line: int
    shell: str
    """In which its steps run where they name none."""
    steered: Spot | None = None
    """What the workflow or the job sets for all its steps."""


def step_of(tree: Tree, place: Place) -> Step:
    """Return a step as it is written, without what an action of the repository does that it uses."""
    uses, script, given = tree.text("uses"), tree.get("run"), tree.get("with")
    pin = pin_of(uses, tree.get("uses"))
    how = hidden(str(script.value)) if script is not None else None
    made = Step(
        line=tree.line,
        guard=pin is not None or how is not None,
        pin=pin,
        local=uses.startswith(LOCAL),
        condition=spot(tree.get("if")),
        tolerated=spots(tree.get("continue-on-error")),
        swallowed=_background(tree),
    )
    if not made.guard:
        # A step that waits for others, or ends one, has neither.
        made = replace(made, acts=bool(uses or script) and not uses.lower().startswith(OF_GITHUB))
    elif script is not None:
        made = replace(made, acts=not leads(str(script.value)))
    if script is not None:
        swallowed = _swallowed(tree, script, how, place) if how is not None else None
        made = replace(made, swallowed=made.swallowed or swallowed, checkout=mutable_checkout(script))
    elif given is not None and uses.lower().startswith("actions/checkout@") and is_own(given.text("repository")):
        made = replace(made, checkout=spot(given.get("ref")))
    return made


def _background(tree: Tree) -> Spot | None:
    """Return by which the job goes on while a step runs. Source: "Workflow syntax", `steps[*].background`, `cancel`."""
    said = tree.get("background")
    return None if said is None or said.value == "false" else Spot(text="background", line=said.line, path=said.path)


def _swallowed(tree: Tree, script: Tree, how: str, place: Place) -> Spot | None:
    """Return what keeps the exit code of ci-guard from ending a step: its shell, its variables or its script."""
    shell = tree.text("shell") or place.shell
    if shell not in SHELLS:
        return Spot(text=shell, line=tree.line, path=tree.path)
    steered = place.steered or steering(tree.get("env"))
    return steered or (Spot(text=how, line=script.line, path=script.path) if how else None)


def is_own(repository: str) -> bool:
    """Tell whether what `actions/checkout` is told to fetch is the judged repository, as far as the file says it."""
    return "".join(repository.split()).lower() in ("", "${{github.repository}}")


def pin_of(uses: str, tree: Tree | None) -> Pin | None:
    """Return what a `uses` names of ci-guard, wherever a copy of it lies; None for anything else."""
    if tree is None or uses.startswith((LOCAL, OWN, "docker:")):
        return None
    name, _, ref = uses.partition("@")
    parts = name.split("/")
    if len(parts) < 2 or parts[1].lower() != NAME:
        return None
    return Pin(name="/".join(parts[:2]), ref=ref, line=tree.line, path=tree.path)
