"""The tables of `docs/gitlab.md` that are made of code; the words around them are the page's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gitlab_inputs import INPUTS, Input

from ci_guard.evidence.gitlab.levels import ROLES
from ci_guard.model.kinds import Level

PAGE: Final = "docs/gitlab.md"

FILE: Final = Path(__file__).resolve().parent.parent / PAGE


def page() -> str:
    """Return the page with both tables as they have to be."""
    text = FILE.read_text(encoding="utf-8")
    for name, rows in {"inputs": inputs(), "levels": levels()}.items():
        head, opened, rest = text.partition(f"<!-- {name}: ")
        note, _, below = rest.partition(" -->\n")
        _, closed, tail = below.partition(f"<!-- end of {name} -->")
        text = f"{head}{opened}{note} -->\n\n{rows}\n{closed}{tail}"
    return text


def inputs() -> str:
    """Return the inputs as a table."""
    return table(("input", "default", "has to fit", "meaning"), [input_row(each) for each in INPUTS])


def input_row(item: Input) -> tuple[str, ...]:
    """Return what the table says of an input."""
    default = "required" if item.default is None else f"`{item.default}`" if item.default else "–"
    options = ", ".join(f"`{name}`" for name in item.options if name)
    fits = options or (f"`{item.regex}`" if item.regex else "a list of names")
    return (f"`{item.name}`", default, fits, item.description)


def levels() -> str:
    """Return GitLab's roles by the policy's levels as a table."""
    roles = [(role, number) for number, role in sorted(ROLES.items())]
    rows = []
    for level in Level:
        held = ", ".join(f"{role.name} ({number})" for role, number in roles if role.level is level)
        rows.append((f"`{level.word}`" if level is not Level.NONE else "none", held or "–"))
    return table(("policy", "GitLab"), rows)


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a table of Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
