"""Where a commit came from: the changes (pull or merge requests) that brought it, and who reviewed them."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Final

from ci_guard.model.fact import Cause, Fact, Unknown
from ci_guard.model.run import Access, Person
from ci_guard.records import dataclass

if TYPE_CHECKING:
    from ci_guard.model.roles import Membership

NOT_ASKED: Final = Unknown(reason="no requirement asked for it", cause=Cause.UNAVAILABLE)


class ReviewState(str, Enum):
    """A verdict of a reviewer; comments are none and are left out of the facts."""

    APPROVED = "approved"
    REJECTED = "changes requested"
    DISMISSED = "dismissed"


class ChangeState(str, Enum):
    """The state of a change."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class Review:
    """One verdict of one person, oldest first where there are several."""

    reviewer: Person
    access: Fact[Access]
    """What the reviewer holds on the repository now."""
    state: ReviewState
    covers_head: Fact[bool]
    """Whether it was given on the change's final head."""
    covers_target: Fact[bool]
    """Whether it was given for the final target branch: against another one the reviewer saw another difference."""
    submitted_at: datetime
    """Aware, UTC."""


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """Somebody's share in a change."""

    who: Fact[Person]
    """Unknown where an e-mail belongs to no account."""
    how: str
    """Such as `author of 1a2b3c4d` or `pushed to the head`."""
    also_login: str = ""
    """A name or e-mail as the commit claims it: data for messages only."""


@dataclass(frozen=True, kw_only=True)
class Owner:
    """An owner of a path by CODEOWNERS."""

    name: str
    """As written: `@alice`, `@acme/core`, an e-mail."""
    members: Fact[frozenset[int]]
    """Numeric ids of the accounts it stands for."""


@dataclass(frozen=True, kw_only=True)
class OwnedPath:
    """A changed path that the target branch's CODEOWNERS gives to somebody."""

    path: str
    owners: tuple[Owner, ...]
    wanted: int = 1
    """How many of them have to approve."""
    section: str = ""
    """The part of the file that says so, where a platform has several that are asked each for itself."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A pull or merge request with its reviews."""

    number: int
    reference: str
    """`#12` or `!7`."""
    url: str
    author: Person
    target: str
    """The branch that it changes or changed."""
    state: ChangeState
    head: str
    """Commit id of its final head."""
    merged_at: datetime | None
    """Aware, UTC."""
    results: Fact[frozenset[str]]
    """
    Commit ids that its merge put on the target's first-parent line: the merge or squash commit, or all rebased ones.
    """
    pushed_by: Fact[Person | None]
    """
    Who pushed these to the target, None where the platform's own merge put them there. A platform also calls a change
    merged whose head arrives by a push, whatever else the pushed merge commit holds.
    """
    reviews: Fact[tuple[Review, ...]]
    contributions: Fact[tuple[Contribution, ...]]
    """
    The author of the change, every commit's author, committer and co-authors, second-parent authors, known pushers to
    the head.
    """
    owned_paths: Fact[tuple[OwnedPath, ...]]
    """Changed paths with owners, each once for every section; asked for only where a policy wants their reviews."""
    memberships: Fact[tuple[Membership, ...]] = NOT_ASKED
    """Whether whoever approved it is in each team or group by which a role is held that may approve."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """How one commit came to be where it is."""

    sha: str
    changes: Fact[tuple[Change, ...]]
    """Every change that the platform connects with the commit; empty for a direct push."""
    pusher: Fact[Person | None]
    """Who pushed it, where the platform's record still shows it."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where the judged commit, and what the push brought with it, came from."""

    commit: Fact[Origin]
    """
    The judged commit. In a queue, or where the open change itself is judged, its `changes` are the open changes that
    stand in.
    """
    history: Fact[tuple[Origin, ...]]
    """On a push: every first-parent commit of before..after, oldest first; their changes carry no reviews."""
    standing_in: bool = False
    """
    True where `commit.changes` are open changes that stand in for the commit (a queue, or a change judged before its
    merge).
    """
