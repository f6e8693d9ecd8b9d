"""The fake GitLab answers by state, token, version and tier as GitLab does."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.fakes import faults
from tests.fakes.gitlab import FakeGitLab
from tests.fakes.lab import schema
from tests.fakes.lab.state import DEVELOPER, GUEST, MAINTAINER, NOBODY, REPORTER, AccessLevel


def ask(gitlab: FakeGitLab, path: str, **headers: str) -> tuple[int, Any, dict[str, str]]:
    request = urllib.request.Request(f"{gitlab.api_url}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read()), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read()), dict(error.headers)


def status(gitlab: FakeGitLab, path: str, **headers: str) -> int:
    return ask(gitlab, path, **headers)[0]


ENDPOINTS = {
    "repository/branches": (18, 3),
    "repository/tags": (18, 3),
    "repository/commits/main": (18, 3),
    "repository/commits/main/merge_requests": (18, 3),
    "merge_requests": (18, 3),
    "merge_requests/1": (18, 3),
    "merge_requests/1/notes": (18, 3),
    "environments": (0, 0),
    "protected_branches": None,
    "protected_tags": None,
    "members/all": None,
    "merge_requests/1/approvals": None,
    "merge_requests/1/commits": None,
    "pipelines/1": None,
    "repository/branches/main": None,
    "repository/tree": None,
    "": None,
}
"""By path below a project: the version since which a job's token may read it. Source: "CI/CD job token"."""


@pytest.mark.parametrize("version", [(16, 0), (18, 2), (18, 3), (19, 0)])
@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_job_token_reads_what_its_version_allows_and_counts_for_nothing_elsewhere(
    gitlab: FakeGitLab, path: str, version: tuple[int, int]
) -> None:
    gitlab.world.version = version
    shop = gitlab.project("acme/shop")
    shop.merge_request()
    token = gitlab.world.job_token(shop.run("push")).value
    since = ENDPOINTS[path]
    code = status(gitlab, f"/projects/{shop.id}/{path}".rstrip("/"), **{"JOB-TOKEN": token})
    assert code == (200 if since is not None and version >= since else 404)
    assert status(gitlab, "/job", **{"JOB-TOKEN": token}) == 200


@pytest.mark.parametrize("level", [NOBODY, GUEST, REPORTER, DEVELOPER, MAINTAINER])
def test_an_access_token_reads_what_its_role_allows(gitlab: FakeGitLab, level: int) -> None:
    shop = gitlab.project("acme/shop", tier="premium")
    shop.user("dora", level)
    token = {"PRIVATE-TOKEN": gitlab.world.token("dora", "dora").value}
    project = f"/projects/{shop.id}"
    assert status(gitlab, f"{project}/members/all", **token) == (200 if level >= GUEST else 404)
    assert status(gitlab, f"{project}/protected_branches", **token) == (
        404 if level < GUEST else 403 if level < REPORTER else 200
    )
    assert status(gitlab, f"{project}/push_rule", **token) == (
        404 if level < GUEST else 403 if level < MAINTAINER else 200
    )


def test_tokens_that_are_none_or_too_small_are_refused_as_gitlab_does(gitlab: FakeGitLab) -> None:
    shop = gitlab.project("acme/shop")
    project = f"/projects/{shop.id}/members/all"
    assert ask(gitlab, project, **{"PRIVATE-TOKEN": "none"})[:2] == (401, {"message": "401 Unauthorized"})
    small = gitlab.world.token("small", "olivia", scopes=("read_repository",)).value
    code, body, _ = ask(gitlab, project, **{"PRIVATE-TOKEN": small})
    assert (code, body["error"]) == (403, "insufficient_scope")
    job = gitlab.world.job_token(shop.run("push"))
    assert status(gitlab, "/job", **{"PRIVATE-TOKEN": job.value}) == 401
    job.active = False
    assert status(gitlab, "/job", **{"JOB-TOKEN": job.value}) == 401


def test_anybody_reads_a_public_project_and_nobody_its_rules(gitlab: FakeGitLab) -> None:
    shop = gitlab.project("acme/shop", visibility="public")
    shop.merge_request()
    assert status(gitlab, f"/projects/{shop.id}/merge_requests/1/approvals") == 200
    assert status(gitlab, f"/projects/{shop.id}/protected_branches") == 401


def test_a_job_token_does_not_read_another_private_project(gitlab: FakeGitLab) -> None:
    shop, other = gitlab.project("acme/shop"), gitlab.project("acme/other")
    token = gitlab.world.job_token(shop.run("push")).value
    assert status(gitlab, f"/projects/{other.id}/repository/branches", **{"JOB-TOKEN": token}) == 404


@pytest.mark.parametrize("tier", ["free", "premium", "ultimate"])
def test_what_a_tier_does_not_have_is_not_there(gitlab: FakeGitLab, tier: str) -> None:
    shop = gitlab.project("acme/shop", tier=tier)
    shop.merge_request()
    shop.protect("main", push=[AccessLevel(user_id=7)])
    token = {"PRIVATE-TOKEN": gitlab.world.token("reader", "olivia").value}
    project = f"/projects/{shop.id}"
    paid = tier != "free"
    assert status(gitlab, f"{project}/merge_requests/1/approval_state", **token) == (200 if paid else 404)
    assert ("approvals_required" in ask(gitlab, f"{project}/merge_requests/1/approvals", **token)[1]) == paid
    (rule,) = ask(gitlab, f"{project}/protected_branches", **token)[1]
    assert ("code_owner_approval_required" in rule) == paid
    assert ("user_id" in rule["push_access_levels"][0]) == paid


def test_several_rules_on_a_branch_are_the_most_permissive_of_them(gitlab: FakeGitLab) -> None:
    shop = gitlab.project("acme/shop")
    alice = shop.user("alice", DEVELOPER)
    shop.protect("main", push=NOBODY)
    assert not shop.may("push", "main", alice)
    shop.protect("m*", push=DEVELOPER)
    assert shop.may("push", "main", alice)
    assert shop.developers_may("push", "main")


def test_lists_are_paged_by_offset_and_by_keyset(gitlab: FakeGitLab) -> None:
    shop = gitlab.project("acme/shop")
    for number in range(5):
        shop.branches[f"b{number}"] = shop.branches["main"]
    token = {"PRIVATE-TOKEN": gitlab.world.token("reader", "olivia").value}
    path = f"/projects/{shop.id}/repository/branches"
    _, first, headers = ask(gitlab, f"{path}?per_page=4", **token)
    assert (len(first), headers["X-Next-Page"], headers["X-Total"]) == (4, "2", "6")
    _, last, headers = ask(gitlab, f"{path}?per_page=4&page=2", **token)
    assert (len(last), headers["X-Next-Page"], "Link" in headers) == (2, "", False)
    _, _, headers = ask(gitlab, f"{path}?per_page=4&pagination=keyset", **token)
    assert ("X-Next-Page" in headers, "cursor=4" in headers["Link"]) == (False, True)


def test_a_call_without_a_route_and_a_body_against_its_schema_are_violations() -> None:
    with FakeGitLab() as fake:
        shop = fake.project("acme/shop")
        assert status(fake, "/nowhere") == 404
        job = shop.run("push")
        job.name = 7  # type: ignore[assignment]
        status(fake, "/job", **{"JOB-TOKEN": fake.world.job_token(job).value})
        assert "no route" in fake.violations[0]
        if schema.load() is None:
            pytest.skip("the published shapes are not beside this checkout")
        assert "$.name" in fake.violations[1]
        with pytest.raises(AssertionError):
            fake.check()


def test_a_fault_is_no_violation(gitlab: FakeGitLab) -> None:
    shop = gitlab.project("acme/shop")
    gitlab.fault("GET /job", faults.replaced(id="x"))
    assert ask(gitlab, "/job", **{"JOB-TOKEN": gitlab.world.job_token(shop.run("push")).value})[1]["id"] == "x"
