"""No pattern that Python's `re` runs on contents can be kept busy: each is analysed, or its steps are counted."""

from __future__ import annotations

import ast
import importlib
import itertools
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import ci_guard.secrets
from ci_guard import late
from ci_guard.secrets import regexes
from tests.secrets import pattern_shape
from tests.secrets.counted import growth

FOLDER = Path(ci_guard.secrets.__file__).parent
CALLS = re.compile(r"(?:re|late)\.(?:compile|pattern|search|match|fullmatch|subn?|split|findall|finditer)|_holding")
ELSEWHERE = frozenset(
    {
        "deltas.py",  # alternatives of single signs
        "keyfiles.py",  # `_holding`, whose arguments are judged
        "paths.py",  # a table that is judged as a whole
        "patterns.py",  # a table of classes
        "portable.py",  # expressions of the rules: `test_rules` holds them to their form; words, without stepping back
        "regexes.py",  # compiles what it judges
        "rule.py",  # the rules: `test_rules` and `regexes.check` hold them
        "vendors.py",  # `test_vendors` holds the form of each row
    }
)
"""Files that compile what is no constant of theirs, and what bounds that."""


class Found(NamedTuple):
    """A pattern with the name by which it is used."""

    place: str
    text: bytes
    flags: int
    whole: bool
    """Whether it has to match up to the end of a text."""


def files() -> Iterator[tuple[Path, str]]:
    for file in sorted(FOLDER.rglob("*.py")):
        yield file, file.read_text()


def objects(value: Any, depth: int = 0) -> Iterator[tuple[str | bytes, int]]:
    """Yield the compiled patterns in a module's constant, with their flags."""
    if isinstance(value, late._Late):  # type: ignore[attr-defined, unused-ignore]
        value = value._compiled
    if isinstance(value, re.Pattern):
        yield value.pattern, value.flags
    elif depth < 4 and isinstance(value, dict):
        for one in value.values():
            yield from objects(one, depth + 1)
    elif depth < 4 and isinstance(value, (list, tuple, set, frozenset)):
        for one in value:
            yield from objects(one, depth + 1)
    elif depth < 4 and type(value).__module__.startswith("ci_guard") and hasattr(value, "__dict__"):
        yield from objects(dict(vars(value)), depth + 1)


@cache
def found() -> tuple[Found, ...]:
    """Return the patterns of all modules: constants, however they are made, and those in calls."""
    every: dict[tuple[bytes, bool], Found] = {}

    def add(place: str, text: str | bytes, flags: int, *, whole: bool) -> None:
        raw = text if isinstance(text, bytes) else text.encode()
        every.setdefault((raw, whole), Found(place, raw, flags & ~re.UNICODE, whole))

    for file, source in files():
        module = importlib.import_module(
            ".".join(("ci_guard.secrets", *file.relative_to(FOLDER).with_suffix("").parts)).removesuffix(".__init__")
        )
        for name, value in vars(module).items():
            for number, (text, flags) in enumerate(objects(value)):
                place = f"{module.__name__}.{name}" + (f", {number}" if number else "")
                add(place, text, flags, whole=f"{name}.fullmatch" in source)
        for call in calls(ast.parse(source)):
            said = getattr(call.args[0], "value", None)
            if isinstance(said, (str, bytes)):
                whole = ast.unparse(call.func).endswith("fullmatch")
                add(f"{module.__name__}, line {call.lineno}", said, 0, whole=whole)
    return tuple(every.values())


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield calls of functions that compile their first argument."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and CALLS.fullmatch(name_of(node.func)):
            yield node


def name_of(function: ast.expr) -> str:
    """Return a name, or a name's attribute; else nothing."""
    match function:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id=owner), attr=name):
            return f"{owner}.{name}"
        case _:
            return ""


def is_analysed(text: bytes) -> bool:
    """Return whether the analysis of built-in rules, or the one of users' rules, holds a pattern to be bounded."""
    for analysis in (pattern_shape.shape_of, regexes.check):
        try:
            analysis(text.decode("ascii"))
        except ValueError:
            continue
        return True
    return False


def pumps(alphabet: bytes) -> list[bytes]:
    """Return what a text is made of: each sign, and each two of the first ones in turn."""
    singles = [bytes((sign,)) for sign in alphabet]
    return [*singles, *(first + second for first, second in itertools.permutations(singles[:8], 2))]


def test_every_pattern_is_among_those_that_are_judged() -> None:
    """What a function compiles out of parts is a constant of its module, or bounded elsewhere."""
    assert len(found()) > 90
    for file, source in files():
        functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
        made = [call for node in functions for call in calls(node) if not isinstance(call.args[0], ast.Constant)]
        assert not made or file.name in ELSEWHERE, file


@pytest.mark.parametrize(
    "pattern", [one for one in found() if not is_analysed(one.text)], ids=lambda one: f"{one.place}-{one.whole}"
)
def test_what_no_analysis_judges_takes_steps_in_proportion_to_the_square_of_a_text_at_most(pattern: Found) -> None:
    worst, on = growth(pattern.text, pattern.flags, whole=pattern.whole, pumps=pumps)
    assert worst <= 4.6, on


@pytest.mark.parametrize("pattern", [rb"(a|a)*b", rb"(?:a+)+b", rb"(?:[ab]*c?)*d", rb"a*a*a*a*b"])
def test_a_pattern_that_steps_back_for_hours_is_told(pattern: bytes) -> None:
    assert growth(pattern, 0, whole=False, pumps=pumps)[0] > 4.6
