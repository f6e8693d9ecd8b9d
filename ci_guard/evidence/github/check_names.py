"""What the checks of a job are called: its name with all that its matrix puts into it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import product
from typing import Final

from ci_guard.evidence.yaml_tree import Tree

MOST: Final = 256
"""Jobs that a matrix makes at most. Source: "Workflow syntax", `jobs.<job_id>.strategy.matrix`."""

_EXPRESSION: Final = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_OF_MATRIX: Final = re.compile(r"\s*matrix\.([\w-]+)\s*")
_LITERAL: Final = re.compile(r"\s*'((?:[^']|'')*)'\s*")


def check_names(name: str, job: Tree) -> tuple[str, ...]:
    """Return every name; what only a run can tell stays an expression."""
    texts = _EXPRESSION.split(name)[::2]
    values = [_values(one, job) for one in _EXPRESSION.findall(name)]
    if not values:
        return (name,)
    number = 1
    for each in values:
        number *= len(each)
    if number > MOST:
        return (name,)
    return tuple(
        dict.fromkeys(texts[0] + "".join(map("".join, zip(made, texts[1:], strict=True))) for made in product(*values))
    )


def _values(expression: str, job: Tree) -> tuple[str, ...]:
    if text := _LITERAL.fullmatch(expression):
        return (text[1].replace("''", "'"),)
    unknown = (f"${{{{{expression}}}}}",)
    named, strategy = _OF_MATRIX.fullmatch(expression), job.get("strategy")
    matrix = strategy.get("matrix") if strategy else None
    if (
        named is None
        or matrix is None
        or any("${{" in str(one.value) for one in (matrix, matrix.get("include")) if one)
    ):
        return unknown
    listed, include = matrix.get(named[1]), matrix.get("include")
    found = list(listed.items) if listed else []
    found += [one for each in (include.items if include else ()) if (one := each.get(named[1]))]
    texts = [one.value for one in found if isinstance(one.value, str) and "${{" not in one.value]
    return tuple(texts) if texts and len(texts) == len(found) else unknown


def may_be(name: str, wanted: Iterable[str]) -> bool:
    """Tell whether a name with expressions may turn out as one of these: by what stands before and behind them."""
    parts = _EXPRESSION.split(name)
    return any(
        one.startswith(parts[0]) and one.endswith(parts[-1]) and len(one) >= len(parts[0]) + len(parts[-1])
        for one in wanted
    )
