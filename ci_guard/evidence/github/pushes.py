"""Where a push started: what the activity log says, which no step of the job can rewrite."""

from __future__ import annotations

from ci_guard.evidence.github import records
from ci_guard.evidence.github.client import Client
from ci_guard.model.fact import Fact, apply


def get_starts(client: Client, branch: str, sha: str) -> Fact[tuple[str, ...]]:
    """
    Return where the pushes started that moved a branch to a commit, newest first; zeros where one created the branch.

    Empty where the log does not show one: it is older than what is read, or the log lags behind. More than one where
    the branch was moved away and back.

    Source: REST "List repository activities".
    """
    return apply(
        records.get_pushes(client, branch),
        lambda entries: tuple(dict.fromkeys(entry.before for entry in entries if entry.after == sha)),
    )
