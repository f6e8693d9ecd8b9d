"""By what ci-guard is known in a pipeline's file, and what keeps its exit code from counting."""

from __future__ import annotations

import re
from typing import Final

from ci_guard.evidence.yaml_tree import Tree
from ci_guard.model.guard import Spot

NAME: Final = "ci-guard"

_COMMAND: Final = re.compile(
    r"(?<![\w-])(?:ci-guard|ci_guard|bootstrap\.py|launch\.sh)(?![\w-])[^|;&\n]*?\s(?:check|scan)(?![\w-])"
)
LONGEST_LINE: Final = 2000
"""Signs of a line of script that are looked at; nobody reads on."""

_QUOTED: Final = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")
_ENDS: Final = re.compile(r"\|\||\||;|(?<![&>])&(?![&>])")
"""What after the command decides instead of it: another command's exit code, or none."""
_ASKED: Final = re.compile(r"(?:^|[\s;&|(])(if|while|until|!)\s")
_UNSET: Final = re.compile(r"\bset\s+\+(?:e|o\s+errexit)\b")
_LEAVES: Final = re.compile(r"\s*exit(?:\s+0+)?\s*;?\s*(?:#.*)?")
"""A line that ends the script before anything failed."""

MUTABLE: Final = re.compile(
    r"\bgit\s+(?:pull\b|(?:checkout|switch)\s+(?:-f\s+)?"
    r"(?:(?:origin/)?(?:main|master|develop|trunk|production)\b"
    r"|[\"']?\$\{?(?:CI_COMMIT_REF_NAME|CI_COMMIT_BRANCH|CI_DEFAULT_BRANCH|GITHUB_REF_NAME|GITHUB_HEAD_REF)\b))"
)
"""Commands that fetch what a name stands for by then."""


def runs_guard(script: str) -> bool:
    """Tell whether a script runs ci-guard's `check` or `scan`."""
    return any(_COMMAND.search(line[:LONGEST_LINE]) for line in lines_of(script))


def lines_of(script: str) -> list[str]:
    """Return the lines of a script without comments, continued ones joined."""
    joined = script.replace("\\\n", " ")
    return [line for line in joined.splitlines() if not line.lstrip().startswith("#")]


def swallowed(script: Tree) -> Spot | None:
    """Return what keeps the exit code of ci-guard's command from ending the step, as far as a look at it tells."""
    unset = left = False
    for line in lines_of(str(script.value)):
        unset = unset or _UNSET.search(line) is not None
        found = _COMMAND.search(line[:LONGEST_LINE])
        if found is None:
            left = left or _LEAVES.fullmatch(line[:LONGEST_LINE]) is not None
            continue
        after = _ENDS.search(_QUOTED.sub("", line[found.end() :]))
        before = _ASKED.search(line[: found.start()])
        said = after[0] if after else before[1] if before else "set +e" if unset else "exit" if left else ""
        if len(line) > LONGEST_LINE:
            said = "a line too long to read"
        if said:
            return Spot(text=said, line=script.line, path=script.path)
    return None


def mutable_checkout(script: Tree) -> Spot | None:
    """Return the command of a script that fetches what a name stands for by then."""
    for line in lines_of(str(script.value)):
        if found := MUTABLE.search(line[:LONGEST_LINE]):
            return Spot(text=found[0], line=script.line, path=script.path)
    return None


def spots(tree: Tree | None) -> tuple[Spot, ...]:
    """Return a value as the one thing that stands there; of a map or list that it is one."""
    if tree is None:
        return ()
    return (Spot(text=tree.value if isinstance(tree.value, str) else "exit_codes", line=tree.line, path=tree.path),)


def spot(tree: Tree | None) -> Spot | None:
    """Return the same, or None."""
    return next(iter(spots(tree)), None)
