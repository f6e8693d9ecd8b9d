"""What lies between two commits, by the server."""

from __future__ import annotations

from typing import Any, Final

from ci_guard.evidence.github.client import Client, segment
from ci_guard.evidence.github.records import Commit, parse_commit
from ci_guard.evidence.rest.shape import checked, integer, records
from ci_guard.model.fact import Fact, Known, Unknown, unavailable

PAGE: Final = 100
PAGES: Final = 10
"""A thousand commits. A push that brings more is not judged by hand either."""


def get_first_parents(client: Client, base: str, head: str) -> Fact[tuple[Commit, ...]]:
    """
    Return the first-parent commits of base..head, newest first.

    These are what `head` has and `base` has not, side branches left out.

    Source: REST "Compare two commits", whose pages hold all commits in the order of time.
    """
    path = f"compare/{segment(base)}...{segment(head)}"
    commits: dict[str, Commit] = {}
    detail = ""
    for page in range(1, PAGES + 1):
        fact = checked(client.get(path, params={"per_page": PAGE, "page": page}), _parse)
        if isinstance(fact, Unknown):
            return fact
        total, found = fact.value
        commits.update((commit.sha, commit) for commit in found)
        detail = fact.detail
        if len(commits) >= total:
            return Known(value=_walk(commits, head), source=fact.source, detail=detail)
        if not found:
            return unavailable("the server listed fewer commits than it counted", detail=detail)
    return unavailable(f"more than {PAGE * PAGES} commits lie between {base[:12]} and {head[:12]}", detail=detail)


def _parse(value: Any) -> tuple[int, tuple[Commit, ...]]:
    return integer(value, "total_commits"), tuple(parse_commit(item) for item in records(value, "commits"))


def _walk(commits: dict[str, Commit], head: str) -> tuple[Commit, ...]:
    line: list[Commit] = []
    current = commits.get(head)
    # Each commit once: an answer that made a circle must not hold us up.
    while current is not None and len(line) < len(commits):
        line.append(current)
        current = commits.get(current.parents[0]) if current.parents else None
    return tuple(line)
