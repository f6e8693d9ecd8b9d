"""What the checks of a job are called: its name with all that its matrix puts into it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import product
from typing import Final

from ci_guard.evidence.yaml_tree import Tree

MOST: Final = 256
"""Jobs that a matrix makes at most. Source: "Workflow syntax", `jobs.<job_id>.strategy.matrix`."""

_INNER: Final = re.compile(r"((?:'[^']*'|[^'}]|\}(?!\}))*)\}\}")
"""An expression behind its brackets; what stands in quotes does not end it, not even `}}`."""
_OF_MATRIX: Final = re.compile(r"\s*matrix\.([\w.-]+)\s*", re.IGNORECASE)
_LITERAL: Final = re.compile(r"\s*'((?:[^']|'')*)'\s*")


def check_names(name: str, job: Tree) -> tuple[str, ...]:
    """Return every name; what only a run can tell stays an expression."""
    texts, expressions = _parts(name)
    values = [_values(one, job) for one in expressions]
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


def _parts(name: str) -> tuple[list[str], list[str]]:
    """Return the texts before, between and behind the expressions of a name, and these."""
    texts, expressions, start = [], [], 0
    while (place := name.find("${{", start)) >= 0 and (found := _INNER.match(name, place + 3)):
        texts.append(name[start:place])
        expressions.append(found[1])
        start = found.end()
    return [*texts, name[start:]], expressions


def _values(expression: str, job: Tree) -> tuple[str, ...]:
    """Return all that any alternative of an expression can be; the expression itself where one cannot be told."""
    found: dict[str, None] = {}
    for alternative in expression.split("||"):
        texts = _texts(alternative, job)
        if texts is None:
            return (f"${{{{{expression}}}}}",)
        found.update(dict.fromkeys(texts))
    return tuple(found)


def _texts(expression: str, job: Tree) -> list[str] | None:
    if text := _LITERAL.fullmatch(expression):
        return [text[1].replace("''", "'")]
    named, strategy = _OF_MATRIX.fullmatch(expression), job.get("strategy")
    matrix = strategy.get("matrix") if strategy else None
    if (
        named is None
        or matrix is None
        or any("${{" in str(one.value) for one in (matrix, matrix.get("include")) if one)
    ):
        return None
    key, *deeper = named[1].lower().split(".")
    include = matrix.get("include")
    found = [one for listed in _below(matrix, key) for one in listed.items]
    found += [one for each in (include.items if include else ()) for one in _below(each, key)]
    for name in deeper:
        found = [one for each in found for one in _below(each, name)]
    texts = [one.value for one in found if isinstance(one.value, str) and "${{" not in one.value]
    return texts if texts and len(texts) == len(found) else None


def _below(tree: Tree, key: str) -> list[Tree]:
    """Return what a map holds at a key in any letter case. Source: "Contexts reference", which are so."""
    return [one for name, one in tree.entries.items() if name.lower() == key]


def may_be(name: str, wanted: Iterable[str]) -> bool:
    """Tell whether a name with expressions may turn out as one of these: by what stands before, between and behind."""
    (first, *between), _ = _parts(name)
    return any(one.startswith(first) and _follow(one, len(first), between) for one in wanted)


def _follow(text: str, start: int, parts: list[str]) -> bool:
    """Tell whether the parts stand in a text one behind the other, the last of them at its end."""
    *between, last = parts or [""]
    for part in between:
        place = text.find(part, start)
        if place < 0:
            return False
        start = place + len(part)
    return text.endswith(last) and start + len(last) <= len(text)
