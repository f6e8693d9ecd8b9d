# ruff: noqa: ARG001 - a place holder
"""Which branches the entries of a policy stand for, the rules on each, and the rules about tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ci_guard.evidence.gitlab.client import Client
from ci_guard.evidence.interface import Enough
from ci_guard.model.branch import BranchSelection, TagRules
from ci_guard.model.fact import Fact, unavailable
from ci_guard.model.run import Run

NOT_READ: Final = unavailable("this version does not read it on GitLab")


def get_branches(
    client: Client, run: Run, entries: Sequence[str], enough: Enough | None = None
) -> Fact[tuple[BranchSelection, ...]]:
    """Return one selection for each entry of a policy's `branches`, in the given order."""
    return NOT_READ


def get_tags(client: Client, run: Run) -> Fact[TagRules]:
    """Return the rules about tags."""
    return NOT_READ
