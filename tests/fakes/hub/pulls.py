"""Pull requests, their reviews and their timeline in the fake GitHub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.fakes.hub import merging
from tests.fakes.hub.history import FileSpec
from tests.fakes.hub.people import WEB_FLOW

if TYPE_CHECKING:
    from tests.fakes.hub.repository import Repository


@dataclass(kw_only=True)
class Review:
    """One submitted review."""

    id: int
    user: str | None
    """None: the account is gone (`user: null`)."""
    state: str
    commit_id: str | None
    submitted_at: str | None
    body: str = ""
    association: str | None = None
    """`author_association`; None lets it follow from the account's role."""


@dataclass(kw_only=True)
class TimelineEvent:
    """An entry of the timeline that nothing else in the state implies."""

    id: int
    event: str
    actor: str
    created_at: str
    commit_id: str | None = None
    review_id: int | None = None
    label: str | None = None


@dataclass(kw_only=True)
class Pull:
    """One pull request."""

    number: int
    id: int
    title: str
    user: str | None
    base_ref: str
    base_sha: str
    head_ref: str
    head_sha: str
    head_owner: str
    head_repository: str | None
    """Full name; None once the fork was deleted."""
    created_at: str
    updated_at: str
    body: str | None = None
    state: str = "open"
    draft: bool = False
    merged_at: str | None = None
    merged_by: str | None = None
    closed_at: str | None = None
    merge_commit_sha: str | None = None
    """The merge; while the pull request is open, a test merge that is on no branch."""
    landed: list[str] = field(default_factory=list)
    """Commits that the merge put on the base branch, the pull's own ones left out unless they are the same."""
    association: str | None = None
    requested_reviewers: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    events: list[TimelineEvent] = field(default_factory=list)
    repository: Repository | None = field(default=None, repr=False, compare=False, metadata={"stored": False})

    @property
    def repo(self) -> Repository:
        """Return the repository that the pull request belongs to."""
        assert self.repository is not None, "a pull request is made by Repository.pull"
        return self.repository

    @property
    def merged(self) -> bool:
        """Tell whether the pull request was merged."""
        return self.merged_at is not None

    def review(
        self,
        user: str | None,
        state: str = "APPROVED",
        *,
        at: str | None = "head",
        when: str | None = None,
        body: str = "",
        association: str | None = None,
    ) -> Review:
        """
        Add a review of the commit `at`: a sha, `"head"` for the present head, None for one that is gone.

        `when` is its time; by default the world's clock moves on. A user None is an account that was deleted.
        """
        world = self.repo.world
        review = Review(
            id=world.next_id(),
            user=self.repo.known(user) if user else None,
            state=state,
            commit_id=self.head_sha if at == "head" else at,
            submitted_at=None if state == "PENDING" else when or world.tick(),
            body=body,
            association=association,
        )
        self.reviews.append(review)
        self.updated_at = review.submitted_at or self.updated_at
        return review

    def dismiss(self, review: Review, *, by: str) -> None:
        """Turn a review into a dismissed one, as a maintainer or a later push does."""
        review.state = "DISMISSED"
        self._event("review_dismissed", by, review_id=review.id)

    def push(
        self,
        message: str = "More work",
        *,
        author: str,
        by: str | None = None,
        files: Mapping[str, FileSpec] | None = None,
        co_authors: list[str] | None = None,
        merges: list[str] | None = None,
        force_onto: str | None = None,
    ) -> str:
        """
        Put a commit on the head, pushed by `by` (default: its author), and return its sha.

        `merges` are further parents. `force_onto` replaces what was there: the new commit's parent is that sha.
        """
        repo = self.repo
        before = self.head_sha
        sha = repo.commit(
            message,
            author=author,
            parents=[force_onto or before, *(merges or ())],
            files=files if files is not None else {f"work-{self.number}-{len(repo.commits)}.txt": message},
            co_authors=co_authors,
        )
        self.head_sha = sha
        pusher = repo.known(by or author)
        self._moved(pusher, force=force_onto is not None)
        if force_onto is not None:
            self._event("head_ref_force_pushed", pusher, commit_id=sha)
        return sha

    def update_branch(self, *, by: str) -> str:
        """Merge the base branch into the head, as the "Update branch" button does, and return the new head."""
        repo = self.repo
        base = repo.branches[self.base_ref]
        self.head_sha = repo.commit(
            f"Merge branch '{self.base_ref}' into {self.head_ref}",
            author=by,
            committer=WEB_FLOW,
            parents=[self.head_sha, base],
            tree={**repo.commits[base].tree, **repo.commits[self.head_sha].tree},
        )
        self.base_sha = base
        self._moved(repo.known(by))
        return self.head_sha

    def _moved(self, pusher: str, *, force: bool = False) -> None:
        """Follow a new head: its branch, the test merge, the time."""
        repo = self.repo
        if self.head_repository is not None:
            home = repo.world.repository_named(self.head_repository)
            home.push(self.head_ref, self.head_sha, by=pusher, force=force)
        self.merge_commit_sha = merging.trial_merge(repo, self)
        self.updated_at = repo.world.tick()

    def retarget(self, base: str, *, by: str, event: str = "base_ref_changed") -> None:
        """Aim the pull request at another branch."""
        self.base_ref, self.base_sha = base, self.repo.branches[base]
        self._event(event, by)

    def request_review(self, login: str, *, by: str) -> None:
        """Ask somebody for a review."""
        self.requested_reviewers.append(self.repo.known(login))
        self._event("review_requested", by)

    def close(self, *, by: str) -> None:
        """Close without merging."""
        self.state = "closed"
        self._event("closed", by)
        self.closed_at = self.events[-1].created_at

    def record_merge(self, *, by: str, sha: str, landed: list[str]) -> None:
        """Note that the merge happened just now."""
        now = self.repo.world.tick()
        self.state, self.merged_at, self.closed_at, self.updated_at = ("closed", now, now, now)
        self.merged_by, self.merge_commit_sha, self.landed = by, sha, landed
        self._event("merged", by, commit_id=sha)
        self._event("closed", by)

    def label(self, name: str, *, by: str, off: bool = False) -> None:
        """Put a label on the pull request, or take it off."""
        self.repo.world.tick()
        self.labels = [each for each in self.labels if each != name] + ([] if off else [name])
        self._event("unlabeled" if off else "labeled", by, label=name)
        self.updated_at = self.events[-1].created_at

    def _event(
        self,
        kind: str,
        actor: str,
        *,
        commit_id: str | None = None,
        review_id: int | None = None,
        label: str | None = None,
    ) -> None:
        world = self.repo.world
        self.events.append(
            TimelineEvent(
                id=world.next_id(),
                event=kind,
                actor=self.repo.known(actor),
                created_at=world.tick(),
                commit_id=commit_id,
                review_id=review_id,
                label=label,
            )
        )
