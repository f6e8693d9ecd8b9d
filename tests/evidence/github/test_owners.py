"""Owned paths: by the target branch's CODEOWNERS, never by the one that the change brings along."""

from __future__ import annotations

import pytest

from ci_guard.model.fact import Cause, Fact, Known, Unknown
from tests.evidence.github.scene import Scene, known, unknown
from tests.fakes import faults
from tests.fakes.hub.history import FileSpec, Symlink
from tests.fakes.hub.people import MERGE_QUEUE
from tests.fakes.hub.pulls import Pull

OWNERS = "* @carol\n/api/ @bob @carol\n/docs/\n"


def own(scene: Scene, text: FileSpec = OWNERS, path: str = ".github/CODEOWNERS") -> None:
    scene.repo.commit("Owners", author="olivia", files={path: text}, on="main")


def merge(scene: Scene, pull: Pull, method: str = "merge") -> Scene:
    before = scene.repo.branches["main"]
    return scene.push(scene.repo.merge(pull, method=method), before=before, actor="olivia")


def owned(scene: Scene) -> dict[str, list[str]]:
    paths = known(scene.change(owners=True).owned_paths)
    return {path.path: [owner.name for owner in path.owners] for path in paths}


def members(scene: Scene) -> dict[str, Fact[frozenset[int]]]:
    paths = known(scene.change(owners=True).owned_paths)
    return {owner.name: owner.members for path in paths for owner in path.owners}


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_changed_paths_have_the_owners_of_the_last_match(scene: Scene, method: str) -> None:
    own(scene)
    merge(
        scene,
        scene.repo.pull(author="alice", commits=2, files={"api/a.py": "x", "docs/a.md": "x", "b.py": "x"}),
        method,
    )
    assert owned(scene) == {"api/a.py": ["@bob", "@carol"], "b.py": ["@carol"], "change-1-1.txt": ["@carol"]}


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_a_change_that_edits_codeowners_is_judged_by_the_old_one(scene: Scene, method: str) -> None:
    own(scene)
    pull = scene.repo.pull(author="alice", commits=3, files={".github/CODEOWNERS": "* @alice\n", "api/a.py": "x"})
    assert owned(merge(scene, pull, method))["api/a.py"] == ["@bob", "@carol"]


def test_an_owner_that_was_set_after_the_pull_request_was_opened_counts(scene: Scene) -> None:
    pull = scene.repo.pull(author="alice", files={"api/a.py": "x"})
    own(scene)
    assert owned(merge(scene, pull)) == {"api/a.py": ["@bob", "@carol"]}


def test_an_open_change_is_judged_by_the_target_branch_as_it_is(scene: Scene) -> None:
    pull = scene.repo.pull(author="alice", files={"api/a.py": "x"})
    own(scene)
    scene.start(scene.repo.run("pull_request", actor="alice", pull=pull), scene.events.pull_request(pull))
    assert owned(scene) == {"api/a.py": ["@bob", "@carol"]}
    group = scene.repo.enqueue(pull, by="carol")
    run = scene.repo.run("merge_group", actor=MERGE_QUEUE, sha=group.head_sha, branch=group.head_ref)
    assert owned(scene.start(run, scene.events.merge_group(group))) == {"api/a.py": ["@bob", "@carol"]}


def test_both_names_of_a_renamed_file_count(scene: Scene) -> None:
    own(scene)
    merge(scene, scene.repo.pull(author="alice", files={"free.py": "x"}))

    def rename(body: list[dict[str, str]]) -> object:
        return [{**entry, "status": "renamed", "previous_filename": "api/secret.py"} for entry in body]

    scene.github.fault("GET /repos/*/files", faults.altered(rename))
    assert owned(scene) == {"free.py": ["@carol"], "api/secret.py": ["@bob", "@carol"]}


@pytest.mark.parametrize("path", [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"])
def test_the_file_is_found_in_each_place(scene: Scene, path: str) -> None:
    own(scene, "* @bob\n", path)
    assert owned(merge(scene, scene.repo.pull(author="alice", files={"a": "x"}))) == {"a": ["@bob"]}


def test_the_first_place_wins(scene: Scene) -> None:
    own(scene, "* @alice\n", "docs/CODEOWNERS")
    own(scene, "* @alice\n", "CODEOWNERS")
    own(scene, "* @bob\n")
    assert owned(merge(scene, scene.repo.pull(author="alice", files={"a": "x"}))) == {"a": ["@bob"]}


def test_without_the_file_nothing_is_owned(scene: Scene) -> None:
    assert owned(merge(scene, scene.repo.pull(author="alice"))) == {}


@pytest.mark.parametrize(
    "content",
    [Symlink("/etc/passwd"), "#" * (1024 * 1024 + 1)],
    ids=["link out of the repository", "larger than the endpoint shows"],
)
def test_a_file_that_the_server_does_not_show_is_unknown(scene: Scene, content: FileSpec) -> None:
    own(scene, content)
    merge(scene, scene.repo.pull(author="alice"))
    assert isinstance(scene.change(owners=True).owned_paths, Unknown)


@pytest.mark.parametrize("match", ["contents/*", "files", "commits/*", "compare/*"])
def test_what_cannot_be_read_leaves_the_owned_paths_unknown(scene: Scene, match: str) -> None:
    own(scene)
    merge(scene, scene.repo.pull(author="alice", commits=2), "rebase")
    scene.github.fault(f"GET /repos/acme/shop/*{match}", faults.forbidden())
    assert isinstance(scene.provenance(owners=True).commit, Known)
    changes = scene.origin(owners=True).changes
    assert isinstance(changes, Unknown) or isinstance(changes.value[0].owned_paths, Unknown)


def test_a_file_that_may_not_be_seen_is_not_taken_for_absent(scene: Scene) -> None:
    own(scene)
    merge(scene, scene.repo.pull(author="alice"))
    scene.github.fault("GET /repos/*/contents/*", faults.status(404, "Not Found, or so it seems"))
    assert unknown(scene.change(owners=True).owned_paths).cause is Cause.INVISIBLE


def test_content_that_is_not_base64_is_unknown(scene: Scene) -> None:
    own(scene)
    merge(scene, scene.repo.pull(author="alice"))
    scene.github.fault("GET /repos/*/contents/*", faults.replaced(content="a"))
    assert isinstance(scene.change(owners=True).owned_paths, Unknown)


def test_more_files_than_github_lists_are_unknown(scene: Scene) -> None:
    own(scene)
    merge(scene, scene.repo.pull(author="alice", files={f"f/{number}": "x" for number in range(3001)}))
    assert "3000" in unknown(scene.change(owners=True).owned_paths).reason


# Whom an owner stands for


def test_a_person_stands_for_the_reviewer_of_that_login(scene: Scene) -> None:
    own(scene, "* @Bob @carol\n")
    pull = scene.repo.pull(author="alice")
    pull.review("bob")
    found = members(merge(scene, pull))
    bob = scene.repo.world.user("bob").id
    assert {name: known(fact) for name, fact in found.items()} == {"@Bob": {bob}, "@carol": set()}


def test_a_teams_members_are_invisible_to_the_jobs_token(scene: Scene) -> None:
    own(scene, "* @acme/core\n")
    scene.repo.world.team("acme", "core", "bob")
    pull = scene.repo.pull(author="alice")
    pull.review("bob")
    fact = unknown(members(merge(scene, pull))["@acme/core"])
    assert (fact.cause, fact.needs) == (Cause.INVISIBLE, "members: read")


def test_a_stronger_token_shows_which_approvers_are_in_the_team(scene: Scene) -> None:
    own(scene, "* @acme/core\n")
    team = scene.repo.world.team("acme", "core", "bob")
    team.pending.append("olivia")
    pull = scene.repo.pull(author="alice")
    for login in ("bob", "carol", "olivia"):
        pull.review(login)
    merge(scene, pull)
    job = scene.github.token("job")
    scene.tokens = (job.value, scene.github.token("app", permissions={"members": "read"}).value)
    assert known(members(scene)["@acme/core"]) == {scene.repo.world.user("bob").id}


def test_a_404_about_everybody_does_not_mean_that_nobody_is_in_the_team(scene: Scene) -> None:
    """A private team answers 404 to who may not see it, which reads like `not a member`."""
    own(scene, "* @acme/hidden\n")
    pull = scene.repo.pull(author="alice")
    pull.review("bob")
    merge(scene, pull)
    scene.tokens = (
        scene.github.token("app", permissions={"members": "read", "pull_requests": "read", "contents": "read"}).value,
    )
    assert unknown(members(scene)["@acme/hidden"]).cause is Cause.INVISIBLE


def test_an_owner_by_address_stands_for_its_account_where_the_address_tells(scene: Scene) -> None:
    bob = scene.repo.world.user("bob").id
    own(scene, f"* {bob}+bob@users.noreply.github.com bob@acme.example\n")
    found = members(merge(scene, scene.repo.pull(author="alice")))
    assert known(found[f"{bob}+bob@users.noreply.github.com"]) == {bob}
    assert unknown(found["bob@acme.example"]).cause is Cause.INVISIBLE


def test_reviews_that_cannot_be_read_leave_the_owners_unknown(scene: Scene) -> None:
    own(scene)
    merge(scene, scene.repo.pull(author="alice"))
    scene.github.fault("GET /repos/*/reviews", faults.server_error())
    assert all(isinstance(fact, Unknown) for fact in members(scene).values())
