"""Which branches the entries of a policy stand for, and the rules on each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from ci_guard.evidence.github.branch_rules import rules_of, rules_shown
from ci_guard.evidence.github.client import Client, segment
from ci_guard.evidence.interface import Enough
from ci_guard.evidence.rest.shape import checked, text
from ci_guard.model import refs
from ci_guard.model.branch import BranchRules, BranchSelection
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, unavailable
from ci_guard.model.run import Run

EMPTY_REPOSITORY: Final = frozenset({"Git Repository is empty."})
HEADS: Final = "refs/heads/"
MAXIMUM_MATCHES: Final = 100
"""Branches that one pattern may stand for: each costs requests, and a job's token has 1,000 an hour."""


def get_branches(
    client: Client, run: Run, entries: Sequence[str], enough: Enough | None = None
) -> Fact[tuple[BranchSelection, ...]]:
    """
    Return one selection for each entry of a policy's `branches`, in the given order.

    `default` is the server's word; `current` is the built branch, and nothing where a tag or a change is built. What
    every token may read comes first, and where that is `enough` nothing else is asked.
    """
    ways = (rules_of,) if enough is None else (rules_shown, rules_of)
    selections: tuple[BranchSelection, ...] = ()
    for way in ways:
        selections = client.gather(*(partial(_select, client, entry, run, way) for entry in entries))
        if enough is not None and enough(selections):
            break
    return Known(value=selections, source=Source.API, detail="GET rules/branches")


def default_branch(client: Client, run: Run) -> Fact[str]:
    """Return the repository's default branch as the server has it, never as a variable or the event file does."""
    if isinstance(run.default_branch, Known) and run.default_branch.source in (Source.API, Source.SIGNED):
        return run.default_branch
    return checked(client.get(""), lambda body: text(body, "default_branch"))


def _select(client: Client, entry: str, run: Run, rules: Callable[[Client, str, Run], BranchRules]) -> BranchSelection:
    names = _names(client, entry, run)
    if isinstance(names, Unknown):
        return BranchSelection(entry=entry, branches=names)
    found = client.gather(*(partial(rules, client, name, run) for name in names.value))
    return BranchSelection(entry=entry, branches=Known(value=found, source=names.source, detail=names.detail))


def _names(client: Client, entry: str, run: Run) -> Fact[tuple[str, ...]]:
    """Return the branches that an entry stands for; a literal name stands for itself, existing or not."""
    if entry == refs.DEFAULT:
        return apply(default_branch(client, run), lambda name: (name,))
    if entry == refs.CURRENT:
        return apply(run.branch, lambda name: () if name is None else (name,))
    if refs.is_pattern(entry):
        return _matching(client, entry)
    return Known(value=(entry,), source=Source.API)


def _matching(client: Client, pattern: str) -> Fact[tuple[str, ...]]:
    """Return the existing branches that a pattern stands for."""
    # The server matches by prefix. Without a slash at the end no router takes it for an empty name; the rest is here.
    prefix = f"heads/{pattern.partition('*')[0]}".rstrip("/")
    path = "/".join(segment(part) for part in prefix.split("/"))
    listed = checked(
        client.get_all(f"git/matching-refs/{path}", absent=EMPTY_REPOSITORY),
        lambda items: [text(item, "ref") for item in items],
    )
    if isinstance(listed, Unknown):
        return listed
    heads = (name.removeprefix(HEADS) for name in listed.value if name.startswith(HEADS))
    found = tuple(name for name in heads if refs.fits(pattern, name))
    if len(found) > MAXIMUM_MATCHES:
        return unavailable(
            f"{pattern} stands for {len(found)} branches, more than the {MAXIMUM_MATCHES} that are judged at once",
            detail=listed.detail,
        )
    return Known(value=found, source=Source.API, detail=listed.detail)
