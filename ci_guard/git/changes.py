"""What commits brought, by trees that prove their ids; those of many commits are read together, folder by folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ci_guard.errors import GitUnavailable
from ci_guard.git.objects import FOLDER, SUBMODULE, Line, TreeEntry, mode_of
from ci_guard.git.reader import MOST_ENTRIES, Reader
from ci_guard.rows import NamedTuple

_TOGETHER: Final = 64
"""Commits whose trees are held at a time."""


class Brought(NamedTuple):
    """A file, link or submodule at a path at which none of the commit's parents has the same."""

    commit: str
    entry: TreeEntry


def brought(reader: Reader, commits: Sequence[str]) -> Iterator[Brought]:
    """Yield what each commit brought, in the order of the commits, each by path; a first commit brings all it has."""
    for start in range(0, len(commits), _TOGETHER):
        yield from _brought_together(reader, commits[start : start + _TOGETHER])


def _brought_together(reader: Reader, commits: Sequence[str]) -> list[Brought]:
    read = reader.commits(commits)
    read |= reader.commits({parent for commit in read.values() for parent in commit.parents} - read.keys())
    level = [
        (commit, b"", read[commit].tree, [read[parent].tree for parent in read[commit].parents]) for commit in commits
    ]
    found: dict[str, list[TreeEntry]] = {commit: [] for commit in commits}
    count: Counter[str] = Counter()
    while level:
        trees = reader.trees(oid for _, _, ours, theirs in level for oid in (ours, *theirs))
        below = []
        for commit, folder, ours, others in level:
            theirs = [trees[oid] for oid in others]
            count[commit] += len(trees[ours])
            if count[commit] > MOST_ENTRIES:
                raise GitUnavailable(f"tree {ours} has more than the {MOST_ENTRIES} entries that are read")
            for mode, name, raw, besides in _changed(trees[ours], theirs):
                if mode == FOLDER:
                    folders = [oid.hex() for their_mode, oid in besides if their_mode == FOLDER]
                    below.append((commit, folder + name + b"/", raw.hex(), folders))
                else:
                    found[commit].append(TreeEntry(mode, raw.hex(), folder + name))
        level = below
    return [
        Brought(commit, entry) for commit in commits for entry in sorted(found[commit], key=lambda entry: entry.path)
    ]


def _changed(
    ours: list[Line], theirs: list[list[Line]]
) -> Iterator[tuple[bytes, bytes, bytes, list[tuple[bytes, bytes]]]]:
    """Yield mode, name and id of what no other tree has the same, with mode and id of what each has at that name."""
    left = set(ours).difference(*theirs)
    names = {name for _, name, _ in left}
    there: dict[bytes, list[tuple[bytes, bytes]]] = {}
    for their in theirs:
        for mode, name, raw in their:
            if name in names:
                there.setdefault(name, []).append((mode_of(mode), raw))
    for mode, name, raw in left:
        besides = there.get(name, [])
        if (mode_of(mode), raw) not in besides:  # git has written modes in more than one way
            yield mode_of(mode), name, raw, besides


def contents(reader: Reader, commits: Iterable[str]) -> set[str]:
    """Return the ids of all files and links that commits have, at whatever path."""
    level = {commit.tree for commit in reader.commits(commits).values()}
    seen = set(level)
    found: set[bytes] = set()
    while level:
        following: set[bytes] = set()
        for lines in reader.trees(level).values():
            following.update(raw for mode, _, raw in lines if mode_of(mode) == FOLDER)
            found.update(raw for mode, _, raw in lines if mode_of(mode) not in (FOLDER, SUBMODULE))
        level = {raw.hex() for raw in following} - seen
        seen |= level
    return {raw.hex() for raw in found}
