"""A repository with one of everything, and a token that sees it all, for the tests of the fake GitHub."""

from __future__ import annotations

from tests.fakes.github import FakeGitHub, Token, rule
from tests.fakes.hub import rules
from tests.fakes.hub.history import FileSpec, Signature, Submodule, Symlink
from tests.fakes.hub.repository import Repository

ADMIN = {
    "administration": "write",
    "organization_administration": "write",
    "contents": "write",
    "pull_requests": "write",
    "actions": "write",
    "members": "read",
}


PROTECTION_PARTS = (
    "enforce_admins",
    "required_pull_request_reviews",
    "required_signatures",
    "required_status_checks",
    "restrictions",
)


def rich(fake: FakeGitHub, *, private: bool = False) -> Repository:
    """Describe a repository that has one of everything."""
    repo = fake.repository("acme/shop", private=private)
    repo.user("alice", role="write")
    repo.user("bob", role="maintain")
    repo.user("rex", role="release-captain", base="maintain")
    repo.user("Copilot", type="Bot", is_user=False)
    repo.user("helper[bot]")
    fake.world.team("acme", "core", "alice", maintainers=("bob",))
    repo.ruleset(
        rules=[rule(kind) for kind in rules.RULE_DEFAULTS] + ["deletion", "non_fast_forward", "creation"],
        bypass_actors=[{"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}],
    )
    repo.ruleset("org", level="Organization", rules=["required_linear_history"], include=["~ALL"])
    repo.ruleset("company", level="Enterprise", rules=["required_signatures"])
    repo.ruleset("tags", target="tag", rules=["deletion"], include=["refs/tags/v*"])
    repo.ruleset("trial", enforcement="evaluate", rules=["required_linear_history"])
    actors = rules.Actors(users=["bob"], teams=["core"], apps=["helper"])
    repo.protect(approvals=1, checks=["build"], dismissal=actors, bypass=actors, restrictions=actors)
    merged = repo.pull("Merged", author="alice", co_authors=["bob"])
    approval = merged.review("bob")
    merged.push(author="alice")
    merged.dismiss(approval, by="olivia")
    merged.review("rex", "COMMENTED")
    repo.merge(merged, method="squash")
    fork = repo.pull("From a fork", author="mallory", fork="mallory/shop", files={"README.md": "owned\n"})
    fork.review(None, "CHANGES_REQUESTED", at=None)
    fork.review("bob", "PENDING")
    fork.push(author="mallory", force_onto=fork.base_sha)
    repo.commit("Nobody's", author=Signature(name="X", email="x@nowhere.invalid", date=fake.world.now()), on="main")
    files: dict[str, FileSpec] = {
        "dir/a.txt": "a",
        "link": Symlink("dir/a.txt"),
        "out": Symlink("/etc/passwd"),
        "sub": Submodule("a" * 40, "https://e.invalid/s.git"),
    }
    repo.commit("Files", files=files, on="main")
    repo.tag("v1")
    repo.tag("v2", annotated=True)
    repo.codeowners_errors.append({"line": 3})
    run = repo.run("pull_request", actor="alice", pull=merged, id=77, referenced=[("acme/ci/x.yml@v1", "b" * 40, "v1")])
    run.rerun(by="bob")
    run.approve("bob", "production")
    return repo


def admin(fake: FakeGitHub) -> Token:
    """Return a token that may see everything."""
    return fake.token("admin", permissions=ADMIN)


def paths_of(repo: Repository) -> dict[str, str]:
    """Return a path with an answer for every operation of the fake."""
    sha = repo.branches["main"]
    ruleset, tag = repo.rulesets[1].id, repo.tags["v2"].sha
    below = {
        "": "",
        "/activity": "/activity",
        "/actions/runs": "/actions/runs",
        "/actions/runs/{run_id}": "/actions/runs/77",
        "/actions/runs/{run_id}/approvals": "/actions/runs/77/approvals",
        "/actions/runs/{run_id}/jobs": "/actions/runs/77/jobs",
        "/actions/workflows/{workflow_id}/runs": f"/actions/workflows/{repo.runs['77'].workflow_id}/runs",
        "/actions/runs/{run_id}/attempts/{attempt_number}": "/actions/runs/77/attempts/1",
        "/branches": "/branches",
        "/branches/{branch}": "/branches/main",
        "/branches/{branch}/protection": "/branches/main/protection",
        "/codeowners/errors": "/codeowners/errors",
        "/collaborators/{username}/permission": "/collaborators/rex/permission",
        "/commits/{commit_sha}/pulls": f"/commits/{repo.pulls['1'].merge_commit_sha}/pulls",
        "/commits/{ref}": f"/commits/{sha}",
        "/compare/{basehead}": "/compare/change-1...main",
        "/contents": "/contents",
        "/contents/": "/contents/",
        "/contents/{path}": "/contents/dir/a.txt",
        "/git/matching-refs/{ref}": "/git/matching-refs/heads/",
        "/git/ref/{ref}": "/git/ref/tags/v2",
        "/git/tags/{tag_sha}": f"/git/tags/{tag}",
        "/issues/{issue_number}/timeline": "/issues/1/timeline",
        "/pulls": "/pulls?state=all",
        "/pulls/{pull_number}": "/pulls/2",
        "/pulls/{pull_number}/commits": "/pulls/1/commits",
        "/pulls/{pull_number}/files": "/pulls/2/files",
        "/pulls/{pull_number}/reviews": "/pulls/2/reviews",
        "/rules/branches/{branch}": "/rules/branches/main",
        "/rulesets": "/rulesets",
        "/rulesets/{ruleset_id}": f"/rulesets/{ruleset}",
        "/tags": "/tags",
    }
    for part in PROTECTION_PARTS:
        below[f"/branches/{{branch}}/protection/{part}"] = f"/branches/main/protection/{part}"
    paths = {f"GET /repos/{{owner}}/{{repo}}{t}": f"/repos/{repo.full_name}{p}" for t, p in below.items()}
    paths["GET /apps/{app_slug}"] = "/apps/github-actions"
    paths["GET /rate_limit"] = "/rate_limit"
    paths["GET /user"] = "/user"
    paths["GET /user/{account_id}"] = f"/user/{repo.world.user('alice').id}"
    paths["GET /users/{username}"] = "/users/helper%5Bbot%5D"
    paths["GET /orgs/{org}/teams"] = "/orgs/acme/teams"
    paths["GET /orgs/{org}/teams/{team_slug}/members"] = "/orgs/acme/teams/core/members"
    paths["GET /orgs/{org}/teams/{team_slug}/memberships/{username}"] = "/orgs/acme/teams/core/memberships/alice"
    return paths
