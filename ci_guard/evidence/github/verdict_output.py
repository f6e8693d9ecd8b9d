"""Whether an output `verdict` is the guard's own word: a job, a called workflow and an action can give it another."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ci_guard.evidence.yaml_tree import Tree
from ci_guard.model.guard import Spot

VERDICT: Final = "verdict"

_HANDED_ON: Final = re.compile(r"\s*\$\{\{\s*(?:steps|jobs)\.([\w-]+)\.outputs\.verdict\s*\}\}\s*", re.IGNORECASE)


def forged(outputs: Tree | None, guards: Iterable[str]) -> Spot | None:
    """
    Return what stands for the guard's verdict in these outputs and is not handed on by one of its steps or jobs.

    An output is there after a failure, too, so that a constant would pass a test of it. Letter case does not tell names
    apart. Source: "Contexts reference"; "Workflow syntax", `jobs.<job_id>.outputs`, `on.workflow_call.outputs`;
    "Metadata syntax", `outputs` of composite actions.
    """
    known = {name.lower() for name in guards}
    for name, one in (outputs.entries if outputs else {}).items():
        said = one.get("value") or one
        text = said.value if isinstance(said.value, str) else ""
        found = _HANDED_ON.fullmatch(text)
        if name.lower() == VERDICT and (found is None or found[1].lower() not in known):
            return Spot(text=text, line=said.line, path=said.path)
    return None
