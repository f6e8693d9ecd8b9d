"""Where a commit came from on GitLab: merges of every kind, pushes that look like one, open merge requests, trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ci_guard.evidence.checkout import Checkout
from ci_guard.model.fact import Cause, Known, Source, Unknown
from ci_guard.model.review import Change, ChangeState, Contribution, Origin, Provenance, Review, ReviewState
from ci_guard.model.run import AccountType
from tests.e2e import gitlab_shop
from tests.e2e.consumer import git, write
from tests.evidence.gitlab.scene import Scene, known, present, source_of, unknown
from tests.fakes import faults
from tests.fakes.gitlab import FakeGitLab
from tests.fakes.lab.state import DEVELOPER, MAINTAINER, REPORTER, Job

APPROVED, REJECTED, DISMISSED = ReviewState.APPROVED, ReviewState.REJECTED, ReviewState.DISMISSED


def provenance(scene: Scene, job: Job, *, reader: bool = False, history: bool = False) -> Provenance:
    scene.start(job, **({"CI_GUARD_TOKEN": scene.reader} if reader else {}))
    return known(scene.adapter.provenance(history=history, reviews=True, owners=True))


def origin(scene: Scene, job: Job, *, reader: bool = False) -> Origin:
    return known(provenance(scene, job, reader=reader).commit)


def change(scene: Scene, job: Job, *, reader: bool = False) -> Change:
    [only] = known(origin(scene, job, reader=reader).changes)
    return only


def merged(scene: Scene, sha: str, *, reader: bool = False) -> Change:
    return change(scene, scene.shop.run("push", sha=sha), reader=reader)


def reviews(found: Change) -> dict[str, Review]:
    """Return the last verdict of each reviewer."""
    return {review.reviewer.login: review for review in known(found.reviews)}


def shares(found: Change) -> dict[str, str]:
    """Return how each contributor contributed; unknown ones have none."""
    return {one.who.value.login: one.how for one in known(found.contributions) if isinstance(one.who, Known)}


def strangers(found: Change) -> list[Contribution]:
    return [one for one in known(found.contributions) if isinstance(one.who, Unknown)]


@pytest.mark.parametrize("method", ["merge", "squash", "squash-ff", "ff"])
def test_a_merge_of_any_method_is_traced_to_its_merge_request(scene: Scene, method: str) -> None:
    mr = scene.open()
    sha = scene.shop.merge(mr, method=method)
    found = merged(scene, sha)
    assert (found.reference, found.state, found.target) == ("!1", ChangeState.MERGED, "main")
    assert known(found.results) == {sha}
    assert found.author.login == "alice"


def test_a_direct_push_came_by_no_merge_request(scene: Scene) -> None:
    found = origin(scene, scene.shop.run("push", sha=scene.shop.commit("Direct", on="main")))
    assert known(found.changes) == ()
    assert unknown(found.pusher).cause is Cause.INVISIBLE


def test_a_commit_of_an_open_merge_request_was_brought_by_none(scene: Scene) -> None:
    mr = scene.open()
    [found] = known(origin(scene, scene.shop.run("push", sha=mr.sha)).changes)
    assert (found.state, known(found.results)) == (ChangeState.OPEN, frozenset())


@pytest.mark.parametrize("method", ["squash", "squash-ff", "ff"])
def test_what_only_gitlab_can_have_merged_was_pushed_by_nobody(scene: Scene, method: str) -> None:
    sha = scene.shop.merge(scene.open(), method=method)
    assert known(merged(scene, sha).pushed_by) is None


def test_a_merge_commit_is_gitlabs_own_only_where_git_shows_what_it_holds(scene: Scene) -> None:
    sha = scene.shop.merge(scene.open())
    hidden = unknown(merged(scene, sha).pushed_by)
    assert "GIT_DEPTH" in hidden.reason
    assert hidden.cause is Cause.UNAVAILABLE


def test_a_head_that_was_pushed_to_the_target_has_its_pusher(scene: Scene) -> None:
    """Then GitLab takes the head itself for the merge commit, which its own fast-forward leaves out."""
    mr = scene.open()
    sha = scene.shop.merge(mr, method="ff", by="carol")
    mr.merge_commit_sha = sha
    assert present(merged(scene, sha).pushed_by).login == "carol"


def test_a_pushed_merge_of_something_else_has_its_pusher(scene: Scene) -> None:
    mr = scene.open()
    sha = scene.shop.push_merge(mr, "carol")
    other = scene.shop.commit("On top", on="main")
    mr.merge_commit_sha = other
    assert present(merged(scene, other).pushed_by).login == "carol"
    assert sha != other


@pytest.mark.parametrize("evil", [False, True])
def test_git_tells_a_plain_merge_from_one_that_holds_more(gitlab: FakeGitLab, tmp_path: Path, evil: bool) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop", merged=not evil)
    if evil:
        git(shop.path, "checkout", "-q", "main")
        write(shop.path, {"backdoor.py": "import os\n"})
        git(shop.path, "add", "backdoor.py")
        git(shop.path, "commit", "-q", "--amend", "--no-edit", who="carol")
        sha = git(shop.path, "rev-parse", "HEAD")
        shop.project.import_git(shop.path)
        shop.mr.state, shop.mr.merge_user, shop.mr.merged_at = "merged", "carol", gitlab.world.tick()
        shop.mr.merge_commit_sha = shop.project.branches["main"] = sha
    else:
        sha = shop.merge
    scene = Scene(gitlab, shop.project, shop.path)
    pusher = merged(scene, sha).pushed_by
    assert (present(pusher).login if evil else known(pusher)) == ("carol" if evil else None)
    assert source_of(pusher) is (Source.DERIVED if evil else Source.GIT)


def test_two_sides_that_changed_one_file_are_no_plain_merge_and_no_evil_one(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    lines = [f"line {number}\n" for number in range(20)]
    write(tmp_path, {"a.txt": "".join(lines)})
    git(tmp_path, "commit", "-q", "-m", "Start")
    base = git(tmp_path, "rev-parse", "HEAD")
    git(tmp_path, "checkout", "-q", "-b", "topic")
    write(tmp_path, {"a.txt": "".join([*lines[:-1], "theirs\n"])})
    git(tmp_path, "commit", "-q", "-m", "Theirs")
    head = git(tmp_path, "rev-parse", "HEAD")
    git(tmp_path, "checkout", "-q", "main")
    write(tmp_path, {"a.txt": "".join(["ours\n", *lines[1:]])})
    git(tmp_path, "commit", "-q", "-m", "Ours")
    first = git(tmp_path, "rev-parse", "HEAD")
    git(tmp_path, "merge", "-q", "--no-ff", "-m", "Merge", "topic")
    merge = git(tmp_path, "rev-parse", "HEAD")
    assert Checkout(tmp_path).merges_plainly(merge, base=base, first=first, second=head) is None


def test_a_merge_that_leaves_out_a_part_of_the_branch_is_not_plain(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    write(tmp_path, {"a.txt": "a\n"})
    git(tmp_path, "commit", "-q", "-m", "Start")
    base = git(tmp_path, "rev-parse", "HEAD")
    git(tmp_path, "checkout", "-q", "-b", "topic")
    write(tmp_path, {"fix.txt": "fix\n", "b.txt": "b\n"})
    git(tmp_path, "commit", "-q", "-m", "Topic")
    head = git(tmp_path, "rev-parse", "HEAD")
    git(tmp_path, "checkout", "-q", "main")
    git(tmp_path, "merge", "-q", "--no-ff", "--no-commit", "topic")
    git(tmp_path, "rm", "-q", "-f", "fix.txt")
    git(tmp_path, "commit", "-q", "-m", "Merge")
    merge = git(tmp_path, "rev-parse", "HEAD")
    assert Checkout(tmp_path).merges_plainly(merge, base=base, first=base, second=head) is False


def test_approvals_are_replayed_from_the_notes_for_the_job_token(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.run(mr=mr)
    scene.shop.approve(mr, "bob")
    scene.shop.approve(mr, "carol")
    scene.shop.unapprove(mr, "carol")
    scene.shop.note(mr, "mallory", "approved this merge request", system=False)
    found = merged(scene, scene.shop.merge(mr, method="squash"))
    assert {login: one.state for login, one in reviews(found).items()} == {"bob": APPROVED, "carol": DISMISSED}
    assert source_of(found.reviews) is Source.DERIVED
    bob = reviews(found)["bob"]
    assert known(bob.covers_head)
    assert known(bob.covers_target)
    assert unknown(bob.access).cause is Cause.INVISIBLE


def test_a_reader_sees_the_approvals_and_what_their_givers_hold(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.approve(mr, "bob")
    scene.shop.note(mr, "carol", "requested changes")
    found = merged(scene, scene.shop.merge(mr, method="squash"), reader=True)
    assert {login: one.state for login, one in reviews(found).items()} == {"bob": APPROVED, "carol": REJECTED}
    assert source_of(found.reviews) is Source.API
    assert known(reviews(found)["bob"].access).role == "Developer"
    assert known(reviews(found)["bob"].covers_head)


def test_an_approval_that_only_a_note_tells_of_is_not_the_servers_word(scene: Scene) -> None:
    """Such as one that GitLab took back without a note, or that it never counted."""
    mr = scene.open()
    scene.shop.approve(mr, "bob")
    mr.approvals.clear()
    found = merged(scene, scene.shop.merge(mr, method="squash"), reader=True)
    assert reviews(found) == {}


def test_an_approval_before_the_last_commits_is_stale(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.approve(mr, "bob")
    scene.shop.add_commit(mr, "alice")
    scene.shop.approve(mr, "carol")
    found = reviews(merged(scene, scene.shop.merge(mr, method="squash")))
    assert not known(found["bob"].covers_head)
    assert known(found["carol"].covers_head)


@pytest.mark.parametrize("reader", [False, True])
def test_dropping_a_commit_after_the_approval_leaves_no_note_and_is_not_fresh(scene: Scene, reader: bool) -> None:
    """The fix was approved together with the flaw, and left out again."""
    mr = scene.shop.merge_request(author="alice", commits=2)
    scene.shop.run(mr=mr)
    scene.shop.approve(mr, "bob")
    scene.shop.drop_commit(mr)
    covers = reviews(merged(scene, scene.shop.merge(mr, method="squash"), reader=reader))["bob"].covers_head
    if reader:
        assert not known(covers)
    else:
        assert unknown(covers).cause is Cause.INVISIBLE


def test_without_a_sign_of_the_head_before_the_approval_freshness_is_unknown(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.approve(mr, "bob")
    found = merged(scene, scene.shop.merge(mr, method="squash"))
    assert "read_api" in str(unknown(reviews(found)["bob"].covers_head).needs)


def test_a_pipeline_after_the_approval_proves_nothing_of_the_head_before(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.approve(mr, "bob")
    scene.shop.run(mr=mr)
    covers = reviews(merged(scene, scene.shop.merge(mr, method="squash")))["bob"].covers_head
    assert unknown(covers).cause is Cause.INVISIBLE


def test_an_approval_for_another_target_does_not_cover_this_one(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.approve(mr, "bob")
    scene.shop.note(mr, "alice", "changed target branch from `topic` to `main`")
    found = merged(scene, scene.shop.merge(mr, method="squash"))
    assert not known(reviews(found)["bob"].covers_target)


def test_notes_on_many_pages_are_all_read(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.approve(mr, "bob")
    for _ in range(250):
        scene.shop.note(mr, "carol", "assigned to @carol")
    scene.shop.unapprove(mr, "bob")
    found = merged(scene, scene.shop.merge(mr, method="squash"))
    assert reviews(found)["bob"].state is DISMISSED


def test_a_page_of_notes_that_does_not_come_leaves_the_reviews_unknown(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.approve(mr, "bob")
    scene.gitlab.fault("GET /projects/*/merge_requests/*/notes", faults.invalid_json())
    found = merged(scene, scene.shop.merge(mr, method="squash"))
    assert unknown(found.reviews).cause is Cause.UNAVAILABLE


def test_approvals_that_do_not_come_are_not_replaced_by_notes(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.approve(mr, "bob")
    scene.gitlab.fault("GET /projects/*/merge_requests/*/approvals", faults.invalid_json())
    found = merged(scene, scene.shop.merge(mr, method="squash"), reader=True)
    assert unknown(found.reviews).cause is Cause.UNAVAILABLE


def test_a_server_before_18_3_leaves_the_origin_unknown(scene: Scene) -> None:
    scene.gitlab.world.version = (18, 2)
    sha = scene.shop.merge(scene.open())
    hidden = unknown(origin(scene, scene.shop.run("push", sha=sha)).changes)
    assert "18.3" in str(hidden.needs)


def test_contributors_are_the_author_whoever_pushed_and_whom_commits_name(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.add_commit(mr, "bob", by="carol")
    scene.shop.user("dave", MAINTAINER)
    for username in ("bob", "carol", "dave"):
        scene.shop.approve(mr, username)
    found = merged(scene, scene.shop.merge(mr, method="squash"))
    assert set(shares(found)) == {"alice", "bob", "carol"}
    assert shares(found)["carol"] == "added commits or rebased"
    assert shares(found)["bob"].startswith("author of")
    assert strangers(found) == []


def test_a_co_author_is_a_contributor(scene: Scene) -> None:
    source = scene.shop.branches["main"]
    sha = scene.shop.commit("Pair\n\nCo-authored-by: Bob <bob@example.invalid>", author="alice", parents=[source])
    scene.shop.branches["topic"] = sha
    mr = scene.open(source="topic")
    scene.shop.approve(mr, "bob")
    assert shares(merged(scene, scene.shop.merge(mr, method="squash")))["bob"].startswith("co-author")


def test_more_commits_than_are_read_one_by_one_leave_a_contributor_unknown(scene: Scene) -> None:
    mr = scene.open(commits=5)
    scene.shop.approve(mr, "bob")
    sha = scene.shop.merge(mr, method="squash")
    [stranger] = strangers(merged(scene, sha))
    assert unknown(stranger.who).cause is Cause.INVISIBLE
    assert strangers(merged(scene, sha, reader=True)) == []


def test_the_account_that_is_gone_is_no_person(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.user("ghost")
    scene.shop.approve(mr, "ghost")
    found = reviews(merged(scene, scene.shop.merge(mr, method="squash")))
    assert found["ghost"].reviewer.type is AccountType.OTHER


def test_a_token_of_the_project_is_no_person(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.user("project_1001_bot_0a1b2c", MAINTAINER, bot=True)
    scene.shop.approve(mr, "project_1001_bot_0a1b2c")
    [found] = reviews(merged(scene, scene.shop.merge(mr, method="squash"))).values()
    assert found.reviewer.type is AccountType.BOT


@pytest.mark.parametrize("kind", ["head", "merge"])
def test_an_open_merge_request_stands_in_for_what_is_built_of_it(scene: Scene, kind: str) -> None:
    mr = scene.open()
    scene.shop.approve(mr, "bob")
    whole = provenance(scene, scene.shop.run(mr=mr, user="alice", kind=kind))
    [found] = known(known(whole.commit).changes)
    assert (whole.standing_in, found.reference, list(reviews(found))) == (True, "!1", ["bob"])


def test_a_merge_request_that_moved_on_does_not_stand_in(scene: Scene) -> None:
    mr = scene.open()
    job = scene.shop.run(mr=mr, user="alice")
    scene.shop.add_commit(mr, "alice")
    assert "moved on" in unknown(provenance(scene, job).commit).reason


def test_on_a_train_every_merge_request_of_it_stands_in(scene: Scene) -> None:
    first, second = scene.open(), scene.open("bob")
    before = scene.shop.result_of(first)
    sha = scene.shop.result_of(second, onto=before)
    whole = provenance(scene, scene.shop.run(mr=second, user="bob", kind="train", sha=sha))
    assert [one.reference for one in known(known(whole.commit).changes)] == ["!1", "!2"]


def test_the_history_of_a_push_is_traced_from_where_the_server_says_it_started(
    gitlab: FakeGitLab, tmp_path: Path
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop")
    scene = Scene(gitlab, shop.project, shop.path)
    line = known(provenance(scene, shop.push(), reader=True, history=True).history)
    assert [one.sha for one in line] == [shop.merge]
    hidden = unknown(provenance(scene, shop.push(), history=True).history)
    assert hidden.cause is Cause.INVISIBLE


def test_code_owners_are_those_of_the_target_by_section(scene: Scene) -> None:
    text = "*.py @bob\n[Docs][2] @carol @acme/writers\ndocs/\n^[Optional]\n* @mallory\n"
    scene.shop.commit("Owners", files={"CODEOWNERS": text}, on="main")
    scene.shop.world.group_members["acme/writers"] = {"bob": DEVELOPER, "carol": REPORTER}
    mr = scene.open(files={"cart.py": "x", "docs/a.md": "x", "CODEOWNERS": "* @alice\n"})
    scene.shop.approve(mr, "bob")
    found = known(merged(scene, scene.shop.merge(mr, method="squash"), reader=True).owned_paths)
    assert [(one.path, one.section, one.wanted, [o.name for o in one.owners]) for one in found] == [
        ("cart.py", "", 1, ["@bob"]),
        ("docs/a.md", "Docs", 2, ["@carol", "@acme/writers"]),
    ]
    [bob] = found[0].owners
    carol, writers = found[1].owners
    ids = {name: scene.shop.world.user(name).id for name in ("bob", "carol")}
    members = [set(known(one.members)) for one in (bob, carol, writers)]
    assert members == [{ids["bob"]}, {ids["carol"]}, {ids["bob"]}]


def test_whether_an_owner_is_a_group_is_not_shown_to_a_job_token(scene: Scene) -> None:
    scene.shop.commit("Owners", files={".gitlab/CODEOWNERS": "* @writers\n"}, on="main")
    mr = scene.open()
    scene.shop.approve(mr, "bob")
    found = merged(scene, scene.shop.merge(mr, method="squash"))
    # Without a clone not even the changed paths are.
    assert unknown(found.owned_paths).cause is Cause.INVISIBLE


SHAPES = (faults.null_body, faults.dict_for_list, faults.list_for_dict, faults.invalid_json, faults.empty_body)
ASKED = ("commits/*/merge_requests", "merge_requests/*", "notes", "approvals", "versions", "members/all", "commits/*")


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
@pytest.mark.parametrize("endpoint", ASKED)
def test_an_answer_of_another_shape_proves_nothing_better(scene: Scene, endpoint: str, shape: Any) -> None:
    mr = scene.open()
    scene.shop.approve(mr, "bob")
    scene.shop.add_commit(mr, "carol")
    job = scene.start(scene.shop.run("push", sha=scene.shop.merge(mr)), CI_GUARD_TOKEN=scene.reader)
    known(job.run.sha)
    path = {"notes": "merge_requests/*/notes", "approvals": "merge_requests/*/approvals"}.get(endpoint, endpoint)
    path = "merge_requests/*/versions" if endpoint == "versions" else path
    path = f"repository/{path}" if path.startswith("commits/") else path
    scene.gitlab.fault(f"GET /projects/*/{path}", shape())
    found = known(scene.adapter.provenance(history=False, reviews=True, owners=False)).commit
    changes = known(found).changes
    for one in changes.value if isinstance(changes, Known) else ():
        assert isinstance(one.pushed_by, Unknown)
        for review in one.reviews.value if isinstance(one.reviews, Known) else ():
            assert not (isinstance(review.covers_head, Known) and review.covers_head.value)
        if isinstance(one.contributions, Known):
            assert {"alice", "carol"} <= set(shares(one))


def test_a_commit_of_a_merge_request_costs_few_requests(scene: Scene) -> None:
    mr = scene.open()
    scene.shop.run(mr=mr)
    scene.shop.approve(mr, "bob")
    sha = scene.shop.merge(mr, method="squash")
    scene.start(scene.shop.run("push", sha=sha))
    known(scene.adapter.provenance(history=False, reviews=True, owners=False))
    assert scene.adapter.requests <= 8, [call.path for call in scene.gitlab.requests]
