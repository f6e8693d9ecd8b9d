"""Branches, rules, changes, contents and pages of the fake GitHub agree with the state and with each other."""

from __future__ import annotations

import base64
import urllib.parse

import pytest

from tests.fakes.client import get
from tests.fakes.github import FakeGitHub
from tests.fakes.hub.history import Signature
from tests.fakes.samples import admin, rich

# Branches and rules


def test_evaluated_and_disabled_rulesets_are_listed_but_give_no_rules(github: FakeGitHub) -> None:
    repo = github.repository()
    for enforcement in ("active", "evaluate", "disabled"):
        repo.ruleset(enforcement, enforcement=enforcement, rules=["deletion"])
    listed = get(github, "/repos/acme/shop/rulesets", github.token()).json()
    applied = get(github, "/repos/acme/shop/rules/branches/main", github.token()).json()
    assert [r["enforcement"] for r in listed] == ["active", "evaluate", "disabled"]
    assert [r["ruleset_id"] for r in applied] == [repo.rulesets[0].id]


def test_rulesets_filter_by_target_and_by_parents(github: FakeGitHub) -> None:
    rich(github)
    path = "/repos/acme/shop/rulesets"
    assert [r["name"] for r in get(github, path, github.token(), targets="tag").json()] == ["tags"]
    own = get(github, path, github.token(), includes_parents="false").json()
    assert {r["source_type"] for r in own} == {"Repository"}


def test_rules_apply_to_a_branch_that_does_not_exist_yet(github: FakeGitHub) -> None:
    github.repository().ruleset(include=["refs/heads/release/*"], rules=["creation"])
    path = f"/repos/acme/shop/rules/branches/{urllib.parse.quote('release/9', safe='')}"
    assert [r["type"] for r in get(github, path, github.token()).json()] == ["creation"]


@pytest.mark.parametrize(
    ("include", "exclude", "branch", "expected"),
    [
        (["~DEFAULT_BRANCH"], [], "main", True),
        (["~DEFAULT_BRANCH"], [], "dev", False),
        (["~ALL"], ["refs/heads/main"], "main", False),
        ([], ["refs/heads/dev"], "main", True),
        ([], [], "main", False),
        (["refs/heads/*"], [], "a/b", False),
        (["refs/heads/**/*"], [], "a/b", True),
        (["refs/heads/**/*"], [], "a", True),
        (["refs/heads/release/[0-9]"], [], "release/7", True),
        (["refs/heads/release/[!0-9]"], [], "release/7", False),
        (["refs/heads/v?"], [], "v1", True),
        (["refs/heads/x.y"], [], "xzy", False),
    ],
)
def test_ruleset_conditions_match_as_ruby_does(
    github: FakeGitHub, include: list[str], exclude: list[str], branch: str, expected: bool
) -> None:
    repo = github.repository()
    repo.ruleset(include=include, exclude=exclude, rules=["deletion"])
    assert bool(repo.rules_of(branch)) is expected


@pytest.mark.parametrize("name", ["feature/a", "grüße/ünïcode", "a b", "x#1?", "100%"])
@pytest.mark.parametrize("safe", ["", "/"])
def test_branch_names_are_taken_encoded_and_with_raw_slashes(github: FakeGitHub, name: str, safe: str) -> None:
    repo = github.repository()
    repo.branch(name)
    repo.protect(name, approvals=1)
    path = f"/repos/acme/shop/branches/{urllib.parse.quote(name, safe=safe)}"
    assert get(github, path, github.token()).json()["name"] == name
    assert get(github, f"{path}/protection", admin(github)).status_code == 200


def test_renamed_branches_and_repositories_answer_301(github: FakeGitHub) -> None:
    repo = github.repository()
    repo.rename_branch("main", "trunk")
    branch = get(github, "/repos/acme/shop/branches/main", github.token())
    assert (branch.status_code, branch.json()["message"]) == (301, "Moved Permanently")
    assert branch.headers["Location"] == f"{github.url}/repositories/{repo.id}/branches/trunk"
    github.world.rename(repo, "acme/store")
    moved = get(github, "/repos/acme/shop/branches/trunk", github.token())
    assert moved.status_code == 301
    followed = get(github, moved.headers["Location"].removeprefix(github.url), github.token())
    assert followed.json()["name"] == "trunk"


def test_the_summary_of_a_branch_tells_classic_protection_from_rulesets(github: FakeGitHub) -> None:
    repo = github.repository()
    repo.branch("dev")
    repo.branch("old")
    repo.ruleset(include=["refs/heads/dev"], rules=["required_signatures"])
    repo.protect("main", checks=["build"], enforce_admins=True)
    bodies = {b["name"]: b for b in get(github, "/repos/acme/shop/branches", github.token()).json()}
    told = {name: (b["protected"], b["protection"]["enabled"]) for name, b in bodies.items()}
    assert told == {"main": (True, True), "dev": (True, False), "old": (False, False)}
    assert bodies["main"]["protection"]["required_status_checks"]["enforcement_level"] == "everyone"


def test_an_empty_repository_has_no_history(github: FakeGitHub) -> None:
    github.repository(empty=True)
    token = github.token()
    assert get(github, "/repos/acme/shop/commits/main", token).status_code == 409
    assert get(github, "/repos/acme/shop/branches", token).json() == []
    assert get(github, "/repos/acme/shop/contents/README.md", token).status_code == 404


# Changes


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_the_merged_pull_request_is_found_by_each_commit_that_it_brought(github: FakeGitHub, method: str) -> None:
    repo = github.repository()
    before = repo.reachable("main")
    pull = repo.pull(author="alice", commits=2)
    repo.commit("Meanwhile", author="bob", on="main")
    sha = repo.merge(pull, by="bob", method=method)
    brought = repo.reachable("main") - before
    assert len(brought) == {"merge": 4, "squash": 2, "rebase": 3}[method]
    found = {
        commit: [p["number"] for p in get(github, f"/repos/acme/shop/commits/{commit}/pulls", github.token()).json()]
        for commit in brought
    }
    direct = [commit for commit, numbers in found.items() if not numbers]
    assert [repo.commits[commit].message for commit in direct] == ["Meanwhile"]
    body = get(github, "/repos/acme/shop/pulls/1", github.token()).json()
    assert (body["merged"], body["merged_by"]["login"], body["merge_commit_sha"]) == (True, "bob", sha)
    assert (body["state"], body["commits"]) == ("closed", 2)


def test_an_open_pull_request_is_found_by_its_commits_and_names_a_test_merge(github: FakeGitHub) -> None:
    repo = github.repository()
    pull = repo.pull(author="alice")
    body = get(github, f"/repos/acme/shop/commits/{pull.head_sha}/pulls", github.token()).json()[0]
    assert (body["state"], body["merged_at"]) == ("open", None)
    assert body["merge_commit_sha"] not in (None, pull.head_sha)
    assert get(github, f"/repos/acme/shop/commits/{body['merge_commit_sha']}/pulls", github.token()).json() == []


def test_a_merge_group_holds_several_pull_requests_and_lands_them_together(github: FakeGitHub) -> None:
    repo = github.repository()
    first, second = repo.pull("One", author="alice"), repo.pull("Two", author="bob")
    group = repo.enqueue(first, second, by="olivia")
    name = urllib.parse.quote(group.head_ref, safe="")
    assert group.head_ref == f"gh-readonly-queue/main/pr-2-{group.base_sha}"
    assert get(github, f"/repos/acme/shop/branches/{name}", github.token()).json()["commit"]["sha"] == group.head_sha
    repo.land(group)
    landed = get(github, "/repos/acme/shop/pulls?state=closed", github.token()).json()
    assert {p["number"]: bool(p["merged_at"]) for p in landed} == {1: True, 2: True}
    activity = get(github, "/repos/acme/shop/activity", github.token(), activity_type="merge_queue_merge").json()
    assert [(a["ref"], a["after"]) for a in activity] == [("refs/heads/main", group.head_sha)]


def test_activity_tells_who_pushed_what(github: FakeGitHub) -> None:
    repo = github.repository()
    start = repo.branches["main"]
    pushed = repo.commit("Direct", author="alice", on="main", by="mallory")
    repo.push("main", start, by="bob", force=True)
    found = get(github, "/repos/acme/shop/activity", github.token(), ref="refs/heads/main").json()
    told = [(a["activity_type"], a["actor"]["login"], a["before"], a["after"]) for a in found]
    assert told[:2] == [("force_push", "bob", pushed, start), ("push", "mallory", start, pushed)]
    assert get(github, "/repos/acme/shop/activity", github.token(), activity_type="teleport").status_code == 422


def test_reviews_follow_a_push_a_dismissal_and_a_deleted_account(github: FakeGitHub) -> None:
    pull = github.repository().pull(author="alice")
    head = pull.head_sha
    approval = pull.review("bob")
    pull.review(None, "COMMENTED", at=None)
    pull.push(author="alice")
    pull.dismiss(approval, by="olivia")
    pull.review("carol", "CHANGES_REQUESTED")
    told = [
        (r["user"] and r["user"]["login"], r["state"], r["commit_id"])
        for r in get(github, "/repos/acme/shop/pulls/1/reviews", github.token()).json()
    ]
    assert told == [
        ("bob", "DISMISSED", head),
        (None, "COMMENTED", None),
        ("carol", "CHANGES_REQUESTED", pull.head_sha),
    ]
    events = [e["event"] for e in get(github, "/repos/acme/shop/issues/1/timeline", github.token()).json()]
    assert events == ["committed", "reviewed", "reviewed", "committed", "review_dismissed", "reviewed"]


def test_unlinked_addresses_have_no_account_and_co_authors_stand_in_the_message(github: FakeGitHub) -> None:
    repo = github.repository()
    nobody = Signature(name="X", email="x@nowhere.invalid", date=github.world.now())
    sha = repo.commit("Work", author=nobody, committer="web-flow", co_authors=["bob", "Y <y@nowhere.invalid>"])
    body = get(github, f"/repos/acme/shop/commits/{sha}", github.token()).json()
    assert (body["author"], body["committer"]["login"]) == (None, "web-flow")
    assert body["commit"]["message"].splitlines()[2:] == [
        f"Co-authored-by: bob <{github.user('bob').git_email}>",
        "Co-authored-by: Y <y@nowhere.invalid>",
    ]


def test_a_pull_request_of_a_deleted_fork_has_no_head_repository(github: FakeGitHub) -> None:
    pull = github.repository().pull(author="mallory", fork="mallory/shop")
    pull.head_repository = None
    body = get(github, "/repos/acme/shop/pulls/1", github.token()).json()
    assert (body["head"]["repo"], body["head"]["label"]) == (None, "mallory:change-1")


def test_updating_the_branch_brings_in_a_second_parent_but_none_of_its_commits(github: FakeGitHub) -> None:
    repo = github.repository()
    pull = repo.pull(author="alice")
    main = repo.commit("Elsewhere", author="bob", on="main")
    pull.update_branch(by="carol")
    commits = get(github, "/repos/acme/shop/pulls/1/commits", github.token()).json()
    assert [c["sha"] for c in commits[1:]] == [pull.head_sha]
    assert [p["sha"] for p in commits[1]["parents"]] == [commits[0]["sha"], main]


def test_a_rerun_keeps_the_actor_and_changes_who_triggered(github: FakeGitHub) -> None:
    run = github.repository().run(actor="alice")
    run.rerun(by="mallory")
    path = f"/repos/acme/shop/actions/runs/{run.id}"
    for suffix, triggering, attempt in (("", "mallory", 2), ("/attempts/1", "alice", 1), ("/attempts/2", "mallory", 2)):
        body = get(github, path + suffix, github.token()).json()
        told = (body["actor"]["login"], body["triggering_actor"]["login"], body["run_attempt"])
        assert told == ("alice", triggering, attempt)
    assert get(github, f"{path}/attempts/3", github.token()).status_code == 404


def test_comparison_counts_both_sides(github: FakeGitHub) -> None:
    repo = github.repository()
    pull = repo.pull(author="alice", commits=2)
    repo.commit("Elsewhere", on="main")
    body = get(github, "/repos/acme/shop/compare/main...change-1", github.token()).json()
    assert (body["status"], body["ahead_by"], body["behind_by"]) == ("diverged", 2, 1)
    assert [c["sha"] for c in body["commits"]][-1] == pull.head_sha
    assert [f["filename"] for f in body["files"]] == ["change-1-0.txt", "change-1-1.txt"]


# Contents


def test_contents_come_as_base64_and_raw_and_at_any_commit(github: FakeGitHub) -> None:
    repo = github.repository()
    old = repo.commit("Policy", files={".ci-guard.yml": "version: 1\n"}, on="main")
    repo.commit("Change", files={".ci-guard.yml": "version: 2\n"}, on="main")
    path = "/repos/acme/shop/contents/.ci-guard.yml"
    body = get(github, path, github.token(), ref=old).json()
    assert base64.b64decode(body["content"]) == b"version: 1\n"
    raw = get(github, path, github.token(), accept="application/vnd.github.raw+json")
    assert (raw.content, raw.headers["Content-Type"].partition(";")[0]) == (
        b"version: 2\n",
        "application/vnd.github.raw+json",
    )
    assert get(github, path, github.token(), ref="nowhere").json()["message"] == "No commit found for the ref nowhere"


def test_contents_tell_links_directories_and_submodules_apart(github: FakeGitHub) -> None:
    rich(github)
    bodies = {
        p: get(github, f"/repos/acme/shop/contents/{p}", github.token()).json() for p in ("link", "out", "sub", "dir")
    }
    assert (bodies["link"]["type"], base64.b64decode(bodies["link"]["content"])) == ("file", b"a")
    assert (bodies["out"]["type"], bodies["out"]["target"]) == ("symlink", "/etc/passwd")
    assert bodies["sub"]["type"] == "submodule"
    assert [item["path"] for item in bodies["dir"]] == ["dir/a.txt"]


def test_a_large_file_has_no_inline_content(github: FakeGitHub) -> None:
    github.repository().commit(files={"big": b"x" * (1024 * 1024 + 1)}, on="main")
    path = "/repos/acme/shop/contents/big"
    body = get(github, path, github.token()).json()
    assert (body["content"], body["encoding"]) == ("", "none")
    assert len(get(github, path, github.token(), accept="application/vnd.github.raw").content) == 1024 * 1024 + 1


# Pages and limits


def test_pages_link_to_the_repository_by_its_id(github: FakeGitHub) -> None:
    repo = github.repository()
    pull = repo.pull(author="alice")
    for index in range(205):
        pull.review(f"user{index}")
    path: str | None = "/repos/acme/shop/pulls/1/reviews?per_page=500"
    seen: list[str] = []
    while path is not None:
        answer = get(github, path, github.token())
        seen += [r["user"]["login"] for r in answer.json()]
        after = answer.links.get("next")
        assert after is None or f"/repositories/{repo.id}/pulls/1/reviews" in after["url"]
        path = after["url"].removeprefix(github.url) if after else None
    assert seen == [f"user{index}" for index in range(205)]
    assert github.count("GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews") == 3
    assert len(get(github, "/repos/acme/shop/pulls/1/reviews", github.token()).json()) == 30


def test_activity_pages_by_cursor(github: FakeGitHub) -> None:
    repo = github.repository()
    for index in range(5):
        repo.commit(str(index), on="main")
    path: str | None = "/repos/acme/shop/activity?per_page=4"
    sizes, seen, before = [], [], ""
    while path is not None:
        answer = get(github, path, github.token())
        sizes.append(len(answer.json()))
        seen += [a["id"] for a in answer.json()]
        after = answer.links.get("next")
        assert after is None or "after=" in after["url"]
        before = answer.links.get("prev", {}).get("url", "")
        path = after["url"].removeprefix(github.url) if after else None
    assert (sizes, seen) == ([4, 2], sorted(seen, reverse=True))
    back = get(github, before.removeprefix(github.url), github.token())
    assert [a["id"] for a in back.json()] == seen[:4]


def test_the_commits_of_a_pull_request_end_at_250_and_its_files_at_3000(github: FakeGitHub) -> None:
    repo = github.repository()
    repo.pull(author="alice", commits=260, files={f"f{index:04}": "x" for index in range(3100)})
    token = github.token()
    pages = [get(github, "/repos/acme/shop/pulls/1/commits", token, per_page=100, page=n).json() for n in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [100, 100, 50, 0]
    assert "next" not in get(github, "/repos/acme/shop/pulls/1/commits", token, per_page=100, page=3).links
    assert len(get(github, "/repos/acme/shop/pulls/1/files", token, per_page=100, page=30).json()) == 100
    assert get(github, "/repos/acme/shop/pulls/1/files", token, per_page=100, page=31).json() == []
    body = get(github, "/repos/acme/shop/pulls/1", token).json()
    assert (body["commits"], body["changed_files"]) == (260, 3359)


def test_the_rate_limit_is_counted_and_ends_in_403(github: FakeGitHub) -> None:
    github.repository()
    token = github.token(rate_limit=2)
    left = [get(github, "/repos/acme/shop", token).headers["X-RateLimit-Remaining"] for _ in range(2)]
    over = get(github, "/repos/acme/shop", token)
    assert (left, over.status_code, over.headers["X-RateLimit-Remaining"]) == (["1", "0"], 403, "0")
    assert over.json()["message"].startswith("API rate limit exceeded")
    assert get(github, "/rate_limit", token).json()["rate"]["remaining"] == 0
