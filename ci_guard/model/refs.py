"""Names of branches and tags as policies write them: `*` stops at `/`, `**` does not, everything else is literal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from ci_guard import late
from ci_guard.model.fact import Unknown, worst
from ci_guard.model.run import Run

DEFAULT: Final = "default"
"""Stands for the repository's default branch."""
CURRENT: Final = "current"
"""Stands for the branch that is built."""

ONE_SEGMENT: Final = "\x00"
ALL_SEGMENTS: Final = "\x01"
"""Stand-ins for the wildcards of a pattern that is itself matched; no ref holds them (git-check-ref-format)."""

WILDCARD: Final = late.pattern(r"(\*+)")
FOREIGN: Final = late.pattern(r"[?\[\]\\]")
"""What fnmatch, the language of rulesets, gives a meaning to and this language does not."""
LOOSE: Final = late.pattern(r"/?\*\*/|\[.*\]|\[.*|[*?\]\\]+", re.DOTALL)
"""Every wildcard of either language, rather too much than too little; fnmatch's `**/` may stand for nothing at all."""

WITNESSES: Final = ("1.2.3", "zz-0")
"""Texts that could stand where a wildcard stands, unlike each other."""


def is_pattern(entry: str) -> bool:
    """Tell whether an entry of a policy can stand for several names."""
    return "*" in entry


def matches(entry: str, name: str, default_branch: str | None, current: str | None) -> bool:
    """Tell whether an entry of `branches` stands for the branch `name`; None for a branch that there is not."""
    if entry == DEFAULT:
        return name == default_branch
    if entry == CURRENT:
        return name == current
    return fits(entry, name)


def listed(entries: Iterable[str], name: str, run: Run) -> bool | Unknown:
    """Tell whether any entry stands for `name` in this run; unknown only where the answer hangs on an unknown fact."""
    doubts = []
    for entry in entries:
        fact = run.default_branch if entry == DEFAULT else run.branch if entry == CURRENT else None
        if isinstance(fact, Unknown):
            doubts.append(fact)
        elif matches(entry, name, fact.value if fact else None, fact.value if fact else None):
            return True
    return worst(doubts) if doubts else False


def fits(pattern: str, name: str) -> bool:
    """Tell whether a name or a pattern stands for this name, exactly and with regard to case."""
    return compiled(pattern).fullmatch(name) is not None


def covers(include: str, pattern: str) -> bool:
    """
    Tell whether every name of `pattern` is surely one of `include`.

    Sound, not complete: the pattern is matched as if it were a name in which `*` may only fall to a wildcard of
    `include`, and `**` only to its `**`. An `include` with characters that fnmatch reads otherwise covers nothing.
    """
    if FOREIGN.search(include):
        return False
    return fits(include, WILDCARD.sub(lambda found: ONE_SEGMENT if len(found[0]) == 1 else ALL_SEGMENTS, pattern))


def may_meet(exclude: str, pattern: str) -> bool:
    """Tell whether a name could be one of both; only their fixed beginnings and ends can prove that there is none."""
    (head, tail), (other_head, other_tail) = fixed_ends(exclude), fixed_ends(pattern)
    heads_agree = head.startswith(other_head) or other_head.startswith(head)
    return heads_agree and (tail.endswith(other_tail) or other_tail.endswith(tail))


def protects(include: Iterable[str], exclude: Iterable[str], pattern: str) -> bool:
    """Tell whether a rule with these patterns surely holds for every name of `pattern`."""
    return any(covers(one, pattern) for one in include) and not any(may_meet(one, pattern) for one in exclude)


def protects_something(include: Iterable[str], exclude: Iterable[str]) -> bool:
    """Tell whether a rule with these patterns surely holds for some name: its includes make it, no exclude could."""
    names = {WILDCARD.sub(text, one) for one in include if not FOREIGN.search(one) for text in WITNESSES}
    loose = [LOOSE.sub("**", one) for one in exclude]
    return any(not any(fits(one, name) for one in loose) for name in names)


def fixed_ends(pattern: str) -> tuple[str, str]:
    """Return what every name of the pattern begins and ends with."""
    pieces = LOOSE.split(pattern)
    return pieces[0], pieces[-1]


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """Return the expression of a pattern."""
    pieces = (
        re.escape(piece) if not piece.startswith("*") else f"[^/{ALL_SEGMENTS}]*" if piece == "*" else ".*"
        for piece in WILDCARD.split(pattern)
    )
    return re.compile("".join(pieces), re.DOTALL)
