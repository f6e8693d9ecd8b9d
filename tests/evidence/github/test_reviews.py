"""Reviews: who, on which commit, when, and what they may do."""

from __future__ import annotations

import pytest

from ci_guard.model.fact import Cause
from ci_guard.model.kinds import Level
from ci_guard.model.review import Review, ReviewState
from ci_guard.model.run import AccountType
from tests.evidence.github.scene import Scene, known, unknown
from tests.fakes import faults
from tests.fakes.hub.pulls import Pull


@pytest.fixture
def pull(scene: Scene) -> Pull:
    return scene.repo.pull(author="alice")


def reviews(scene: Scene, pull: Pull) -> tuple[Review, ...]:
    merge(scene, pull)
    return known(scene.change().reviews)


def merge(scene: Scene, pull: Pull) -> None:
    before = scene.repo.branches["main"]
    scene.push(scene.repo.merge(pull), before=before, actor="olivia")


def told(found: tuple[Review, ...]) -> list[tuple[str, str, bool]]:
    return [(review.reviewer.login, review.state.value, known(review.covers_head)) for review in found]


def test_verdicts_are_told_oldest_first_and_comments_are_none(scene: Scene, pull: Pull) -> None:
    pull.review("bob", "COMMENTED")
    pull.review("bob", "APPROVED")
    pull.review("carol", "CHANGES_REQUESTED")
    pull.review("bob", "PENDING")
    pull.review("bob", "CHANGES_REQUESTED")
    assert told(reviews(scene, pull)) == [
        ("bob", "approved", True),
        ("carol", "changes requested", True),
        ("bob", "changes requested", True),
    ]


def test_the_order_of_the_answer_does_not_matter(scene: Scene, pull: Pull) -> None:
    pull.review("bob", "CHANGES_REQUESTED")
    pull.review("bob", "APPROVED")
    merge(scene, pull)
    scene.github.fault("GET /repos/*/reviews", faults.altered(lambda body: body[::-1]))
    assert [state for _, state, _ in told(known(scene.change().reviews))] == ["changes requested", "approved"]


def test_a_dismissed_approval_stays_in_its_place(scene: Scene, pull: Pull) -> None:
    """A peer falls back to the one before it."""
    pull.review("bob", "APPROVED")
    pull.dismiss(pull.review("bob", "APPROVED"), by="olivia")
    assert [review.state for review in reviews(scene, pull)] == [ReviewState.APPROVED, ReviewState.DISMISSED]


def test_an_approval_of_an_older_head_covers_nothing(scene: Scene, pull: Pull) -> None:
    pull.review("bob")
    pull.push(author="alice")
    pull.review("carol")
    assert told(reviews(scene, pull)) == [("bob", "approved", False), ("carol", "approved", True)]


def test_an_approval_whose_commit_is_gone_covers_nothing(scene: Scene, pull: Pull) -> None:
    pull.review("bob", at=None)
    assert told(reviews(scene, pull)) == [("bob", "approved", False)]


def test_an_approval_after_the_merge_has_its_time(scene: Scene, pull: Pull) -> None:
    """The API takes it."""
    merge(scene, pull)
    pull.review("bob")
    found = scene.change()
    assert found.merged_at is not None
    assert known(found.reviews)[0].submitted_at > found.merged_at


def test_reviewers_come_with_what_they_hold_now_asked_once_each(scene: Scene, pull: Pull) -> None:
    """A drive-by approval of somebody who may only read, and one whose access ended since."""
    for login in ("bob", "mallory", "bob", "carol"):
        pull.review(login)
    del scene.repo.grants["carol"]
    found = reviews(scene, pull)
    assert {review.reviewer.login: known(review.access).level for review in found} == {
        "bob": Level.WRITE,
        "mallory": Level.NONE,
        "carol": Level.NONE,
    }
    assert scene.github.repeated() == {}
    assert scene.github.count("GET /repos/*/collaborators/*") == 3


def test_an_app_that_approves_is_told_as_one(scene: Scene, pull: Pull) -> None:
    """A workflow's own token creates and approves pull requests."""
    pull.review("github-actions[bot]")
    (review,) = reviews(scene, pull)
    assert (review.reviewer.type, known(review.access).level) == (AccountType.BOT, Level.NONE)
    assert scene.github.count("GET /repos/*/collaborators/*") == 0


def test_a_reviewer_whose_account_is_gone_holds_nothing(scene: Scene, pull: Pull) -> None:
    pull.review(None)
    (review,) = reviews(scene, pull)
    assert (review.reviewer.login, known(review.access).level) == ("ghost", Level.NONE)


def test_all_pages_are_read(scene: Scene, pull: Pull) -> None:
    for _ in range(120):
        pull.review("mallory")
    pull.review("bob", "CHANGES_REQUESTED")
    found = reviews(scene, pull)
    assert (len(found), found[-1].reviewer.login) == (121, "bob")


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (faults.forbidden(accepted="pull_requests=read"), Cause.INVISIBLE),
        (faults.secondary_limit(), Cause.UNAVAILABLE),
        (faults.replaced(state="BLESSED"), Cause.UNAVAILABLE),
        (faults.without("submitted_at"), Cause.UNAVAILABLE),
        (faults.replaced(commit_id="main"), Cause.UNAVAILABLE),
        (faults.altered(lambda _: ["x"]), Cause.UNAVAILABLE),
    ],
    ids=["403", "limit", "unknown state", "no time", "no commit", "no objects"],
)
def test_reviews_that_cannot_be_read_are_unknown(scene: Scene, pull: Pull, fault: faults.Fault, cause: Cause) -> None:
    pull.review("bob")
    merge(scene, pull)
    scene.github.fault("GET /repos/*/reviews", fault)
    assert unknown(scene.change().reviews).cause is cause


def test_one_reviewers_unknown_access_leaves_the_others_known(scene: Scene, pull: Pull) -> None:
    pull.review("bob")
    pull.review("carol")
    merge(scene, pull)
    scene.github.fault("GET /repos/*/collaborators/bob/*", faults.server_error())
    first, second = known(scene.change().reviews)
    assert unknown(first.access).cause is Cause.UNAVAILABLE
    assert known(second.access).level is Level.MAINTAIN


# The target branch


def covered(scene: Scene, pull: Pull) -> dict[str, bool]:
    return {review.reviewer.login: known(review.covers_target) for review in reviews(scene, pull)}


@pytest.mark.parametrize("event", ["base_ref_changed", "automatic_base_change_succeeded"])
def test_an_approval_given_before_the_target_was_changed_does_not_cover_it(scene: Scene, event: str) -> None:
    """Approved as one line against a branch with unreviewed work, then aimed at `main` with the same head."""
    scene.repo.commit("Unreviewed", author="alice", on="dev")
    pull = scene.repo.pull(author="alice", base="dev")
    pull.review("bob")
    pull.retarget("main", by="alice", event=event)
    pull.review("carol")
    assert covered(scene, pull) == {"bob": False, "carol": True}


def test_only_the_last_change_of_the_target_counts(scene: Scene, pull: Pull) -> None:
    scene.repo.branch("dev")
    pull.retarget("dev", by="alice")
    pull.review("bob")
    pull.retarget("main", by="alice")
    assert covered(scene, pull) == {"bob": False}


def test_an_approval_of_a_change_that_kept_its_target_covers_it(scene: Scene, pull: Pull) -> None:
    pull.review("bob")
    pull.request_review("carol", by="alice")
    assert covered(scene, pull) == {"bob": True}


def test_a_change_of_the_target_on_a_later_page_is_seen(scene: Scene, pull: Pull) -> None:
    pull.review("bob")
    for _ in range(120):
        pull.request_review("carol", by="alice")
    pull.retarget("main", by="alice")
    assert covered(scene, pull) == {"bob": False}


@pytest.mark.parametrize(
    "fault",
    [faults.server_error(), faults.forbidden(), faults.altered(lambda _: [{"event": "base_ref_changed"}])],
    ids=["5xx", "403", "no time"],
)
def test_a_timeline_that_cannot_be_read_leaves_the_target_of_an_approval_unknown(
    scene: Scene, pull: Pull, fault: faults.Fault
) -> None:
    pull.review("bob")
    merge(scene, pull)
    scene.github.fault("GET /repos/*/timeline", fault)
    (review,) = known(scene.change().reviews)
    unknown(review.covers_target)
    assert known(review.covers_head)


def test_without_an_approval_the_timeline_is_not_asked_for(scene: Scene, pull: Pull) -> None:
    pull.review("bob", "CHANGES_REQUESTED")
    assert len(reviews(scene, pull)) == 1
    assert scene.github.count("GET /repos/*/timeline") == 0
