"""Answers that may be unknown, and how several make one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from ci_guard.model.fact import Unknown, worst

Answer: TypeAlias = bool | Unknown


def any_of(answers: Iterable[Answer]) -> Answer:
    """Return true where one is; unknown where one might be."""
    doubts = []
    for answer in answers:
        if answer is True:
            return True
        if isinstance(answer, Unknown):
            doubts.append(answer)
    return worst(doubts) if doubts else False


def all_of(answers: Iterable[Answer]) -> Answer:
    """Return false where one is; unknown where one might be."""
    doubts = []
    for answer in answers:
        if answer is False:
            return False
        if isinstance(answer, Unknown):
            doubts.append(answer)
    return worst(doubts) if doubts else True
