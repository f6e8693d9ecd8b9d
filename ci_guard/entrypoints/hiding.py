"""Secrets in what names a run, such as the branch that is built, kept out of everything that is told of it."""

from __future__ import annotations

from typing import TypeVar

from ci_guard.model.rewriting import rewritten, texts
from ci_guard.model.run import Run
from ci_guard.secrets.names import hiding

T = TypeVar("T")


def without_secrets(told: T, run: Run) -> T:
    """
    Return a result, or what it is made of, with the preview of each secret that a text of the run holds.

    Branches, tags and environments have their names from people who may have pasted a token, and a name goes
    everywhere: into addresses, subjects of judgements, the audit log.
    Raises: `ScanFault` where a name has to be searched and the scanner cannot.
    """
    hide = hiding(texts(run))
    return rewritten(told, hide) if hide else told
