"""Everybody who had a share in a change, so that nobody approves their own work in disguise."""

from __future__ import annotations

import pytest

from ci_guard.model.fact import Cause, Known, Source
from tests.evidence.github.scene import Scene, known, name_of, unknown
from tests.evidence.github.starts import change
from tests.fakes import faults
from tests.fakes.hub.history import Signature
from tests.fakes.hub.people import MERGE_QUEUE
from tests.fakes.hub.pulls import Pull

STRAY = Signature(name="Somebody", email="somebody@elsewhere.example", date="2026-03-02T09:00:00Z")


def merge(scene: Scene, pull: Pull, method: str = "merge") -> Scene:
    before = scene.repo.branches["main"]
    return scene.push(scene.repo.merge(pull, method=method), before=before, actor="olivia")


def contributors(scene: Scene, pull: Pull, method: str = "merge") -> set[str]:
    return set(merge(scene, pull, method).contributors())


def test_a_bot_opens_it_and_a_person_edits_and_approves_it(scene: Scene) -> None:
    """Scorecard counts that approval."""
    pull = scene.repo.pull(author="renovate[bot]")
    pull.push(author="bob")
    pull.review("bob")
    assert contributors(scene, pull) == {"renovate[bot]", "bob"}


def test_authors_and_committers_count_both(scene: Scene) -> None:
    """A rebase makes whoever presses the button the committer."""
    pull = scene.repo.pull(author="alice")
    sha = scene.repo.commit(
        "More", author="bob", committer="carol", parents=[pull.head_sha], on=pull.head_ref, by="alice"
    )
    pull.head_sha = sha
    assert contributors(scene, pull) == {"alice", "bob", "carol"}


def test_a_squash_does_not_hide_contributors(scene: Scene) -> None:
    pull = scene.repo.pull(author="alice")
    pull.push(author="bob")
    assert contributors(scene, pull, "squash") == {"alice", "bob"}


def test_the_browsers_own_commits_have_an_author_only(scene: Scene) -> None:
    pull = scene.repo.pull(author="alice")
    pull.head_sha = scene.repo.commit(
        "Apply suggestion", author="bob", committer="web-flow", parents=[pull.head_sha], on=pull.head_ref, by="alice"
    )
    assert contributors(scene, pull) == {"alice", "bob"}


@pytest.mark.parametrize("address", ["noreply@github.com", "NoReply@GitHub.com"])
def test_an_unlinked_commit_by_the_browsers_address_names_nobody(scene: Scene, address: str) -> None:
    pull = scene.repo.pull(author="alice")
    browser = Signature(name="GitHub", email=address, date="2026-03-02T09:00:00Z")
    pull.head_sha = scene.repo.commit(
        "Edit", author="alice", committer=browser, parents=[pull.head_sha], on=pull.head_ref, by="alice"
    )
    assert contributors(scene, pull) == {"alice"}


def test_authors_of_a_merged_side_branch_count(scene: Scene) -> None:
    """A peer walks first parents only."""
    repo = scene.repo
    pull = repo.pull(author="alice")
    side = repo.commit("Side", author="bob", parents=[repo.branches["main"]])
    pull.head_sha = repo.commit("Merge", author="alice", parents=[pull.head_sha, side], on=pull.head_ref)
    assert contributors(scene, pull) == {"alice", "bob"}


def test_authors_of_the_target_branch_that_was_merged_in_do_not_count(scene: Scene) -> None:
    repo = scene.repo
    pull = repo.pull(author="alice")
    main = repo.commit("Other work", author="bob", on="main")
    pull.base_sha = main
    pull.head_sha = repo.commit("Merge main", author="alice", parents=[pull.head_sha, main], on=pull.head_ref)
    assert contributors(scene, pull) == {"alice"}


# Co-authors


@pytest.mark.parametrize(
    ("credit", "expected"),
    [
        ("bob", "bob"),
        ("Bob <{bob}+bob@users.noreply.github.com>", "bob"),
        ("Bob <{bob}+BOB@Users.NoReply.GitHub.com>", "bob"),
        (
            "Nobody <999999999+nobody@users.noreply.github.com>",
            "unknown 999999999+nobody@users.noreply.github.com",
        ),
        ("Carl <{bob}+carl@users.noreply.github.com>", "unknown {bob}+carl@users.noreply.github.com"),
        ("Bob <bob@users.noreply.github.com>", "bob"),
        ("Nobody <nobody-at-all@users.noreply.github.com>", "unknown nobody-at-all@users.noreply.github.com"),
        ("dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>", "dependabot[bot]"),
        ("Stray <stray@elsewhere.example>", "unknown stray@elsewhere.example"),
        ("Bob <{bob}+bob@users.noreply.ghes.example>", "unknown {bob}+bob@users.noreply.ghes.example"),
        ("<>", "unknown"),
    ],
)
def test_a_co_author_is_found_by_the_address(scene: Scene, credit: str, expected: str) -> None:
    """GitHub, GitLab and a peer do not count co-authors at all."""
    number = scene.repo.world.user("bob").id
    pull = scene.repo.pull(author="alice", co_authors=[credit.format(bob=number)])
    found = merge(scene, pull).contributors()
    assert found[expected.format(bob=number)] == f"co-author of {pull.head_sha[:8]}"


@pytest.mark.parametrize(
    "trailer",
    ["Co-authored-by: Bob", "co-authored-by:bob@x.example", "  CO-AUTHORED-BY:   Bob <a> <b>", "Co-Authored-By: Bob <"],
)
def test_a_trailer_that_names_no_address_is_an_unknown_contributor(scene: Scene, trailer: str) -> None:
    pull = scene.repo.pull(author="alice")
    pull.push(f"Work\n\n{trailer}\n", author="alice")
    found = merge(scene, pull).contributors()
    assert len(found) == 2
    assert any(name.startswith("unknown") for name in found)


def test_a_co_author_is_found_by_the_address_of_a_linked_commit(scene: Scene) -> None:
    scene.repo.user("dora", role="write", email="dora@acme.example")
    pull = scene.repo.pull(author="alice", co_authors=["Dora <DORA@acme.example>"])
    pull.push(author="dora")
    assert contributors(scene, pull) == {"alice", "dora"}


# Unknown contributors


def test_an_unlinked_address_is_an_unknown_contributor(scene: Scene) -> None:
    """Unmapped addresses vanish from other tools' lists."""
    pull = scene.repo.pull(author="alice")
    pull.head_sha = scene.repo.commit("Work", author=STRAY, parents=[pull.head_sha], on=pull.head_ref, by="alice")
    merge(scene, pull)
    share = next(one for one in known(scene.change().contributions) if one.also_login == STRAY.email)
    assert unknown(share.who).cause is Cause.UNAVAILABLE
    assert share.how == f"author of {pull.head_sha[:8]}"


def test_an_unlinked_noreply_address_still_names_its_account(scene: Scene) -> None:
    bob = scene.repo.world.user("bob")
    unlinked = Signature(name="Bob", email=bob.git_email, date=STRAY.date)
    pull = scene.repo.pull(author="alice")
    pull.head_sha = scene.repo.commit("Work", author=unlinked, parents=[pull.head_sha], on=pull.head_ref, by="alice")
    merge(scene, pull)
    shares = {name_of(share): share for share in known(scene.change().contributions)}
    assert known(shares["bob"].who).id == bob.id
    assert shares["bob"].who == Known(value=known(shares["bob"].who), source=Source.API, detail=f"GET /user/{bob.id}")


def test_a_login_that_the_server_named_already_is_not_asked_for_again(scene: Scene) -> None:
    """An address from before 2017 has no number, and a login is one account's at a time."""
    unlinked = Signature(name="Alice", email="Alice@users.noreply.github.com", date=STRAY.date)
    pull = scene.repo.pull(author="alice")
    pull.head_sha = scene.repo.commit("Work", author=unlinked, parents=[pull.head_sha], on=pull.head_ref, by="alice")
    assert contributors(scene, pull) == {"alice"}
    assert scene.github.count("GET /user*/**") == 0


@pytest.mark.parametrize("part", ["author", "committer"])
def test_a_made_up_noreply_address_is_an_unknown_contributor(scene: Scene, part: str) -> None:
    """Else whoever approves would only have to commit under a number that no account has."""
    address = "999999999+nobody@users.noreply.github.com"
    forged = Signature(name="Nobody", email=address, date=STRAY.date)
    people: dict[str, str | Signature] = {"author": "alice", "committer": "alice", part: forged}
    pull = scene.repo.pull(author="alice")
    pull.head_sha = scene.repo.commit(
        "Work",
        author=people["author"],
        committer=people["committer"],
        parents=[pull.head_sha],
        on=pull.head_ref,
        by="alice",
    )
    assert contributors(scene, pull) == {"alice", f"unknown {address}"}


def test_an_address_of_an_account_that_does_not_come_is_an_unknown_contributor(scene: Scene) -> None:
    bob = scene.repo.world.user("bob")
    merge(scene, scene.repo.pull(author="alice", co_authors=["bob"]))
    scene.github.fault(f"GET /user/{bob.id}", faults.server_error())
    assert set(scene.contributors()) == {"alice", f"unknown {bob.git_email}"}


def test_an_account_that_the_server_links_is_not_asked_for(scene: Scene) -> None:
    pull = scene.repo.pull(author="alice")
    pull.push(author="bob")
    pull.push(
        f"More\n\nCo-authored-by: Bob <{scene.repo.world.user('bob').id}+BOB@users.noreply.github.com>", author="alice"
    )
    assert contributors(scene, pull) == {"alice", "bob"}
    assert scene.github.count("GET /user/*") == 0


def test_more_commits_than_github_lists_leave_the_contributors_unknown(scene: Scene) -> None:
    """Others truncate in silence."""
    pull = scene.repo.pull(author="alice", commits=251)
    assert "250" in unknown(merge(scene, pull).change().contributions).reason


def test_a_list_of_commits_that_cannot_be_read_is_unknown(scene: Scene) -> None:
    merge(scene, scene.repo.pull(author="alice"))
    scene.github.fault("GET /repos/*/pulls/1/commits", faults.without("parents"))
    assert unknown(scene.change().contributions).cause is Cause.UNAVAILABLE


@pytest.mark.parametrize(
    "fault", [faults.nulls("author", "committer"), faults.replaced(author={}, committer={})], ids=["null", "empty"]
)
def test_commits_without_any_account_or_address_are_unknown_contributors(scene: Scene, fault: faults.Fault) -> None:
    """GitHub answers both: the description of a commit allows an empty object for the account."""
    merge(scene, scene.repo.pull(author="alice"))
    scene.github.fault("GET /repos/*/pulls/1/commits", fault)
    assert set(scene.contributors()) == {"alice", "unknown"}


# Who pushed


def test_whoever_pushed_a_commit_with_a_borrowed_name_is_known_by_the_log(scene: Scene) -> None:
    """A colleague's e-mail in the commit, a bot's pull request, and the approval: only `activity` knows the pusher."""
    pull = scene.repo.pull(author="renovate[bot]")
    pull.push(author="renovate[bot]", by="bob")
    pull.review("bob")
    assert merge(scene, pull).contributors()["bob"] == "pushed to the head"


def test_a_forced_push_that_was_replaced_since_counts(scene: Scene) -> None:
    pull = scene.repo.pull(author="alice")
    pull.push(author="alice", by="bob")
    pull.push(author="alice", force_onto=scene.repo.branches["main"])
    assert contributors(scene, pull) == {"alice", "bob"}


def test_pushes_before_and_after_the_pull_request_do_not_count(scene: Scene) -> None:
    """The same branch name, used by others for other changes."""
    repo = scene.repo
    repo.branch("topic", by="carol")
    repo.push("topic", repo.branches["main"], by="carol")
    repo.push("topic", repo.commit("Work", author="alice", parents=[repo.branches["main"]]), by="alice")
    pull = repo.pull(author="alice", head="topic")
    merge(scene, pull)
    repo.push("topic", repo.commit("Later", author="bob", parents=[repo.branches["main"]]), by="bob", force=True)
    assert set(scene.contributors()) == {"alice"}


def test_pushes_of_the_pull_requests_own_commits_count_whenever_they_were(scene: Scene) -> None:
    repo = scene.repo
    repo.push("topic", repo.commit("Work", author="alice", parents=[repo.branches["main"]]), by="bob")
    assert contributors(scene, repo.pull(author="alice", head="topic")) == {"alice", "bob"}


def test_who_merged_another_pull_request_into_the_head_wrote_nothing(scene: Scene) -> None:
    repo = scene.repo
    repo.branch("develop", by="alice")
    pull = repo.pull(author="alice", head="develop", files={})
    inner = repo.pull(author="bob", base="develop", head="feature")
    repo.merge(inner, by="carol", method="squash")
    pull.head_sha = repo.branches["develop"]
    assert contributors(scene, pull) == {"alice", "bob"}


def test_a_log_that_cannot_be_read_hides_a_pusher(scene: Scene) -> None:
    """Whoever uses up the rate limit must not gain by it."""
    merge(scene, scene.repo.pull(author="alice"))
    scene.github.fault("GET /repos/*/activity", faults.primary_limit())
    assert scene.contributors() == {"alice": "author of #1", "unknown": "pushed to the head"}


def test_a_log_that_goes_on_hides_a_pusher(scene: Scene) -> None:
    pull = scene.repo.pull(author="alice")
    for _ in range(100):
        scene.repo.push(pull.head_ref, pull.head_sha, by="alice")
    assert contributors(scene, pull) == {"alice", "unknown"}


def test_a_log_that_goes_on_before_the_pull_request_hides_nobody(scene: Scene) -> None:
    repo = scene.repo
    for _ in range(101):
        repo.push("topic", repo.branches["main"], by="carol")
    repo.push("topic", repo.commit("Work", author="alice", parents=[repo.branches["main"]]), by="alice")
    assert contributors(scene, repo.pull(author="alice", head="topic")) == {"alice"}


def test_of_a_fork_only_forced_pushes_are_known(scene: Scene) -> None:
    pull = scene.repo.pull(author="mallory", fork="mallory/shop")
    pull.push(author="mallory", by="bob")
    pull.push(author="mallory", by="carol", force_onto=scene.repo.branches["main"])
    assert contributors(scene, pull) == {"mallory", "carol"}


@pytest.mark.parametrize("fault", [faults.server_error(), faults.replaced(actor="carol")], ids=["5xx", "shape"])
def test_a_timeline_that_cannot_be_read_hides_a_pusher(scene: Scene, fault: faults.Fault) -> None:
    pull = scene.repo.pull(author="mallory", fork="mallory/shop")
    pull.push(author="mallory", by="carol", force_onto=scene.repo.branches["main"])
    merge(scene, pull)
    scene.github.fault("GET /repos/*/timeline", fault)
    assert set(scene.contributors()) == {"mallory", "unknown"}


def test_the_contributors_of_an_open_change_and_of_a_group_are_told(scene: Scene) -> None:
    change(scene)
    assert set(scene.contributors()) == {"alice"}
    group = scene.repo.enqueue(scene.repo.pulls["1"], by="carol")
    run = scene.repo.run("merge_group", actor=MERGE_QUEUE, sha=group.head_sha, branch=group.head_ref)
    assert set(scene.start(run, scene.events.merge_group(group)).contributors()) == {"alice"}


def test_on_an_enterprise_server_its_own_addresses_count(scene: Scene) -> None:
    number = scene.repo.world.user("bob").id
    pull = scene.repo.pull(author="alice", co_authors=[f"Bob <{number}+bob@users.noreply.ghes.example>"])
    pull.push("More", author="alice", co_authors=[f"Bob <{number}+bob@users.noreply.github.com>"])
    merge(scene, pull)
    scene.environment |= {
        "GITHUB_SERVER_URL": "https://ghes.example",
        "GITHUB_API_URL": "https://ghes.example/api/v3",
    }
    assert set(scene.contributors()) == {"alice", "bob", f"unknown {number}+bob@users.noreply.github.com"}
