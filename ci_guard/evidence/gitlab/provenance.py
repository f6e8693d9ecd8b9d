# ruff: noqa: ARG001 - a place holder
"""Where the judged commit came from: its merge requests, who reviewed them and who contributed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ci_guard.evidence.gitlab.client import Client
from ci_guard.evidence.gitlab.variables import Variables
from ci_guard.model.fact import Fact, unavailable
from ci_guard.model.review import Provenance
from ci_guard.model.run import Run

NOT_READ: Final = unavailable("this version does not read it on GitLab")


def get_provenance(
    client: Client,
    variables: Variables,
    run: Run,
    *,
    history: bool,
    reviews: bool,
    owners: bool,
    first_parents: Callable[[str, str], list[str] | None],
) -> Fact[Provenance]:
    """See `ProvenanceEvidence.provenance`. `first_parents` is the checkout's, None where the clone cannot tell."""
    return NOT_READ
