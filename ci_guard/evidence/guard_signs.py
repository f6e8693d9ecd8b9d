"""What of a pipeline's file both platforms look at in the same way."""

from __future__ import annotations

import re
from typing import Final

from ci_guard.evidence.yaml_tree import Tree
from ci_guard.model.guard import Spot

LONGEST_LINE: Final = 2000
"""Signs of a line of script that are looked at; nobody reads on."""

MUTABLE: Final = re.compile(
    r"\bgit\s+(?:pull\b|(?:checkout|switch)\s+(?:-f\s+)?"
    r"(?:(?:origin/)?(?:main|master|develop|trunk|production)\b"
    r"|[\"']?\$\{?(?:CI_COMMIT_REF_NAME|CI_COMMIT_BRANCH|CI_DEFAULT_BRANCH|GITHUB_REF_NAME|GITHUB_HEAD_REF)\b))"
)
"""Commands that fetch what a name stands for by then."""

STEERING: Final = re.compile(
    r"PATH|BASH_ENV|BASH_FUNC_.*|SHELLOPTS|BASHOPTS|(?:LD|DYLD)_[A-Z_]+|PYTHON(?:PATH|HOME)", re.DOTALL
)
"""
Variables that a shell, the loader or Python start other code by.

Source: Bash Reference Manual, "Bash Startup Files", "Bash Variables"; ld.so(8); Python, "Command line and environment".
"""


def lines_of(script: str) -> list[str]:
    """Return the lines of a script without comments, continued ones joined."""
    joined = script.replace("\\\n", " ")
    return [line for line in joined.splitlines() if not line.lstrip().startswith("#")]


def mutable_checkout(script: Tree) -> Spot | None:
    """Return the command of a script that fetches what a name stands for by then."""
    for line in lines_of(str(script.value)):
        if found := MUTABLE.search(line[:LONGEST_LINE]):
            return Spot(text=found[0], line=script.line, path=script.path)
    return None


def steering(*variables: Tree | None) -> Spot | None:
    """Return the first variable of these maps by which a script starts other programs than it names, or other code."""
    for tree in variables:
        for name, one in (tree.entries if tree else {}).items():
            if STEERING.fullmatch(name):
                return Spot(text=f"the variable {name}", line=one.line, path=one.path)
    return None


def spots(tree: Tree | None) -> tuple[Spot, ...]:
    """Return a value as the one thing that stands there; of a map or list that it is one."""
    if tree is None:
        return ()
    return (Spot(text=tree.value if isinstance(tree.value, str) else "exit_codes", line=tree.line, path=tree.path),)


def spot(tree: Tree | None) -> Spot | None:
    """Return the same, or None."""
    return next(iter(spots(tree)), None)
