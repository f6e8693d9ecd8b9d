"""The fake GitHub answers in GitHub's shapes and enforces GitHub's permissions."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from github import Auth, Github, GithubException

from tests.fakes import faults, schema
from tests.fakes.client import get
from tests.fakes.github import FakeGitHub, Token, World
from tests.fakes.hub.router import ROUTES
from tests.fakes.samples import ADMIN, admin, paths_of, rich

# Shapes


def test_every_operation_answers_in_the_published_shape_and_with_no_key_that_it_does_not_name(
    github: FakeGitHub,
) -> None:
    document = schema.read("github-rest")
    if document is None:
        pytest.skip(f"the published schemas are not there: {schema.FOLDER}")
    strict = schema.Schemas(document, strict=True)
    repo = rich(github)
    token = admin(github)
    person = github.token("person", kind="user", login="olivia", permissions=ADMIN)
    paths = paths_of(repo)
    reading = {route.operation for route in ROUTES if route.operation.startswith("GET ")}
    assert reading == paths.keys(), "every operation that reads has to be walked"
    for operation, path in paths.items():
        answer = get(github, path, person if operation == "GET /user" else token)
        assert answer.status_code == 200, (operation, answer.text)
        assert strict.problem(operation, 200, answer.json()) is None
    for pull in ("1", "2"):
        operation = "GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews"
        assert (
            strict.problem(operation, 200, get(github, f"/repos/acme/shop/pulls/{pull}/reviews", token).json()) is None
        )
    for path in ("dir", "link", "out", "sub", "README.md"):
        body = get(github, f"/repos/acme/shop/contents/{path}", token).json()
        assert strict.problem("GET /repos/{owner}/{repo}/contents/{path}", 200, body) is None


def test_an_answer_against_its_schema_is_a_violation() -> None:
    if schema.read("github-rest") is None:
        pytest.skip(f"the published schemas are not there: {schema.FOLDER}")
    with FakeGitHub() as fake:
        repo = fake.repository()
        repo.activities[0].activity_type = "teleport"
        get(fake, "/repos/acme/shop/activity", fake.token())
    with pytest.raises(AssertionError, match="activity_type"):
        fake.check()


def test_the_strict_schemas_find_a_misspelt_optional_key() -> None:
    document = schema.read("github-rest")
    if document is None:
        pytest.skip(f"the published schemas are not there: {schema.FOLDER}")
    operation = "GET /repos/{owner}/{repo}/rulesets/{ruleset_id}"
    body = {"id": 1, "name": "x", "source": "acme/shop", "enforcement": "active", "bypass_actor": []}
    assert schema.Schemas(document).problem(operation, 200, body) is None
    assert "bypass_actor" in (schema.Schemas(document, strict=True).problem(operation, 200, body) or "")


def test_a_route_the_fake_does_not_have_is_a_violation() -> None:
    with FakeGitHub() as fake:
        fake.repository()
        assert get(fake, "/repos/acme/shop/stargazers", fake.token()).status_code == 404
    with pytest.raises(AssertionError, match="no route for GET /repos/acme/shop/stargazers"):
        fake.check()


def test_a_broken_fake_is_a_violation() -> None:
    with FakeGitHub() as fake:
        repo = fake.repository()
        repo.branches["lost"] = "f" * 40
        assert get(fake, "/repos/acme/shop/branches/lost", fake.token()).status_code == 500
    with pytest.raises(AssertionError, match="KeyError"):
        fake.check()


# Tokens


@pytest.mark.parametrize(
    ("kind", "status", "message"),
    [
        ("installation", 403, "Resource not accessible by integration"),
        ("fine-grained", 403, "Resource not accessible by personal access token"),
        ("user", 404, "Not Found"),
    ],
)
def test_classic_protection_without_administration_is_refused_in_the_tokens_own_words(
    github: FakeGitHub, kind: str, status: int, message: str
) -> None:
    repo = github.repository()
    repo.protect(approvals=1)
    answer = get(github, "/repos/acme/shop/branches/main/protection", github.token("t", kind=kind, login="olivia"))
    assert (answer.status_code, answer.json()["message"]) == (status, message)
    wanted = None if kind == "user" else "administration=read"
    assert answer.headers.get("X-Accepted-GitHub-Permissions") == wanted


@pytest.mark.parametrize("ruleset", [False, True])
def test_an_administrator_reads_branch_not_protected_also_where_a_ruleset_protects(
    github: FakeGitHub, ruleset: bool
) -> None:
    repo = github.repository()
    if ruleset:
        repo.ruleset(rules=["deletion"])
    answer = get(github, "/repos/acme/shop/branches/main/protection", admin(github))
    assert (answer.status_code, answer.json()["message"]) == (404, "Branch not protected")
    assert get(github, "/repos/acme/shop/branches/main", admin(github)).json()["protected"] is ruleset


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("/pulls/1/reviews", "pull_requests=read"),
        ("/actions/runs/77", "actions=read"),
        ("/contents/README.md", "contents=read"),
        ("/issues/1/timeline", "issues=read; pull_requests=read"),
    ],
)
def test_what_a_job_was_not_granted_is_refused_in_a_private_repository_only(
    github: FakeGitHub, path: str, needed: str
) -> None:
    repo = rich(github, private=True)
    token = github.token("bare", permissions={})
    refused = get(github, f"/repos/acme/shop{path}", token)
    assert (refused.status_code, refused.headers["X-Accepted-GitHub-Permissions"]) == (403, needed)
    repo.private = False
    assert get(github, f"/repos/acme/shop{path}", token).status_code == 200


@pytest.mark.parametrize("path", ["/rules/branches/main", "/rulesets", "/collaborators/alice/permission", ""])
def test_metadata_is_readable_with_any_token(github: FakeGitHub, path: str) -> None:
    rich(github, private=True)
    assert get(github, f"/repos/acme/shop{path}", github.token("bare", permissions={})).status_code == 200


def test_a_private_repository_is_not_found_by_strangers(github: FakeGitHub) -> None:
    github.repository(private=True)
    other = github.token("other", repositories=["acme/else"])
    stranger = github.token("stranger", kind="user", login="eve")
    for token in (None, other, stranger):
        answer = get(github, "/repos/acme/shop", token)
        assert (answer.status_code, answer.json()["message"]) == (404, "Not Found")


def test_a_wrong_token_is_bad_credentials(github: FakeGitHub) -> None:
    github.repository()
    wrong = Token(name="x", value="no-such-credential")
    answer = get(github, "/repos/acme/shop", wrong)
    assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")


def test_the_bypass_list_is_absent_for_those_who_may_not_write_the_ruleset(github: FakeGitHub) -> None:
    repo = rich(github)
    own, organisation = (f"/repos/acme/shop/rulesets/{repo.rulesets[index].id}" for index in (0, 1))
    assert "bypass_actors" not in get(github, own, github.token()).json()
    assert get(github, own, admin(github)).json()["bypass_actors"][0]["actor_type"] == "RepositoryRole"
    repository_admin = github.token("ra", permissions={"administration": "write"})
    assert "bypass_actors" not in get(github, organisation, repository_admin).json()


def test_merge_settings_and_security_settings_need_more_than_reading(github: FakeGitHub) -> None:
    github.repository()
    weak, strong = (get(github, "/repos/acme/shop", token).json() for token in (github.token(), admin(github)))
    assert {"allow_squash_merge", "security_and_analysis"} & weak.keys() == set()
    assert {"allow_squash_merge", "security_and_analysis"} <= strong.keys()


@pytest.mark.parametrize("path", ["/branches/main/protection", "/rulesets", "/rules/branches/main"])
def test_a_private_repository_on_a_free_plan_is_told_to_upgrade(github: FakeGitHub, path: str) -> None:
    github.repository(private=True).plan_limited = True
    answer = get(github, f"/repos/acme/shop{path}", admin(github))
    assert answer.status_code == 403
    assert answer.json()["message"].startswith("Upgrade to GitHub Pro")


def test_team_memberships_answer_404_for_both_strangers_and_weak_tokens(github: FakeGitHub) -> None:
    rich(github)
    path = "/orgs/acme/teams/core/memberships/"
    assert get(github, path + "alice", admin(github)).json()["role"] == "member"
    assert get(github, path + "eve", admin(github)).status_code == 404
    assert get(github, path + "alice", github.token("weak", kind="user", login="eve")).status_code == 404
    assert get(github, path + "alice", github.token()).status_code == 403


# People


@pytest.mark.parametrize(
    ("login", "permission", "role"),
    [
        ("olivia", "admin", "admin"),
        ("bob", "write", "maintain"),
        ("alice", "write", "write"),
        ("rex", "write", "release-captain"),
        ("mallory", "none", "none"),
        ("helper[bot]", "none", "none"),
    ],
)
def test_roles_fold_into_the_legacy_permission(github: FakeGitHub, login: str, permission: str, role: str) -> None:
    rich(github, private=True)
    body = get(github, f"/repos/acme/shop/collaborators/{login}/permission", github.token()).json()
    assert (body["permission"], body["role_name"], body["user"]["login"]) == (permission, role, login)


def test_a_role_can_be_taken_away(github: FakeGitHub) -> None:
    repo = rich(github, private=True)
    repo.user("alice", role="none")
    body = get(github, "/repos/acme/shop/collaborators/alice/permission", github.token()).json()
    assert (body["permission"], body["role_name"]) == ("none", "none")


def test_githubs_own_accounts_have_their_real_ids(github: FakeGitHub) -> None:
    repo = github.repository()
    repo.land(repo.enqueue(repo.pull(author="alice")))
    queue = get(github, "/repos/acme/shop/pulls/1", github.token()).json()["merged_by"]
    assert (queue["id"], queue["type"]) == (118344674, "Bot")
    path = "/repos/acme/shop/collaborators/github-merge-queue%5Bbot%5D/permission"
    assert get(github, path, github.token()).status_code == 404


@pytest.mark.parametrize("login", ["Copilot", "nobody-at-all", "acme"])
def test_what_is_no_person_is_not_a_user(github: FakeGitHub, login: str) -> None:
    rich(github)
    answer = get(github, f"/repos/acme/shop/collaborators/{login}/permission", github.token())
    assert (answer.status_code, answer.json()["message"]) == (404, f"{login} is not a user")


def test_a_stranger_reads_a_public_repository(github: FakeGitHub) -> None:
    rich(github)
    body = get(github, "/repos/acme/shop/collaborators/mallory/permission", github.token()).json()
    assert body["permission"] == "read"


# The server


def test_pygithub_reads_the_fake(github: FakeGitHub) -> None:
    rich(github)
    client = Github(base_url=github.url, auth=Auth.Token(admin(github).value), per_page=100, seconds_between_requests=0)
    repo = client.get_repo("acme/shop")
    assert repo.get_branch("main").get_protection().required_pull_request_reviews.required_approving_review_count == 1
    assert repo.get_collaborator_permission("rex") == "write"
    assert [r.state for r in repo.get_pull(1).get_reviews()] == ["DISMISSED", "COMMENTED"]
    assert repo.get_commit(repo.get_pull(1).merge_commit_sha).get_pulls()[0].number == 1
    assert repo.get_workflow_run(77).triggering_actor.login == "bob"
    with pytest.raises(GithubException) as caught:
        repo.get_branch("gone")
    assert caught.value.status == 404
    client.close()


def test_graphql_refuses_by_default_and_answers_what_it_is_told(github: FakeGitHub) -> None:
    auth = Auth.Token(github.token().value)
    client = Github(base_url=github.url, auth=auth, seconds_between_requests=0, seconds_between_writes=0)
    with pytest.raises(GithubException) as caught:
        client.requester.graphql_query("{ viewer { login } }", {})
    assert caught.value.data["errors"][0]["type"] == "FORBIDDEN"
    github.world.graphql = {"data": {"viewer": {"login": "x"}}}
    assert client.requester.graphql_query("{ viewer { login } }", {})[1]["data"]["viewer"]["login"] == "x"
    client.close()


def test_calls_are_recorded_with_the_tokens_name_and_without_its_value(github: FakeGitHub) -> None:
    github.repository()
    token = github.token("job")
    get(github, "/repos/acme/shop/branches/main", token, x="1")
    get(github, "/repos/acme/shop/branches/main", token, x="1")
    get(github, "/repos/acme/shop")
    call = github.requests[0]
    assert (call.token, call.query, call.status, call.fault) == ("job", {"x": "1"}, 200, None)
    assert call.operation == "GET /repos/{owner}/{repo}/branches/{branch}"
    assert token.value not in json.dumps([vars(recorded) for recorded in github.requests])
    assert (github.count(), github.count("GET /repos/*/branches/*"), github.requests[2].token) == (3, 2, None)
    assert list(github.repeated().values()) == [2]


def test_a_hundred_parallel_calls_get_their_own_answers(github: FakeGitHub) -> None:
    repo = github.repository()
    logins = [f"user{index}" for index in range(100)]
    for index, login in enumerate(logins):
        repo.user(login, role=("read", "write", "admin")[index % 3])
    token = github.token()

    def ask(login: str) -> tuple[str, str]:
        body = get(github, f"/repos/acme/shop/collaborators/{login}/permission", token).json()
        return body["user"]["login"], body["permission"]

    with ThreadPoolExecutor(max_workers=100) as pool:
        answers = list(pool.map(ask, logins))
    assert answers == [(login, ("read", "write", "admin")[index % 3]) for index, login in enumerate(logins)]
    assert token.used == 100


def test_enterprise_server_lies_below_a_prefix_and_has_no_rate_limit() -> None:
    with FakeGitHub(ghes=True) as fake:
        fake.repository()
        answer = get(fake, "/repos/acme/shop", fake.token())
        assert fake.url.endswith("/api/v3")
        assert "X-GitHub-Enterprise-Version" in answer.headers
        assert "X-RateLimit-Limit" not in answer.headers
        assert answer.json()["url"].startswith(fake.url)
        assert get(fake, "/rate_limit", fake.token()).status_code == 404
        client = Github(base_url=fake.url, auth=Auth.Token(fake.token().value), seconds_between_requests=0)
        with pytest.raises(GithubException, match="FORBIDDEN"):
            client.requester.graphql_query("{ viewer { login } }", {})
        client.close()
    fake.check()


def test_an_unknown_api_version_is_refused(github: FakeGitHub) -> None:
    github.repository()
    client = Github(base_url=github.url, auth=Auth.Token(github.token().value), api_version="1999-01-01", retry=None)
    with pytest.raises(GithubException, match="1999-01-01"):
        client.get_repo("acme/shop")
    client.close()


def test_the_state_survives_json(github: FakeGitHub) -> None:
    rich(github)
    github.world.faults.clear()
    text = json.dumps(github.world.to_json())
    again = World.from_json(json.loads(text))
    assert again.to_json() == github.world.to_json()
    with FakeGitHub(again) as copy:
        path = "/repos/acme/shop/pulls/2"
        mine, theirs = (get(fake, path, fake.token()).text.replace(str(fake.port), "") for fake in (github, copy))
        assert mine == theirs
    copy.check()


def test_a_state_with_a_misspelt_key_is_refused() -> None:
    with pytest.raises(ValueError, match="protekted"):
        World.from_json({"repositories": {"a/b": {"id": 1, "owner": "a", "name": "b", "protekted": True}}})


def test_a_fault_is_exempt_from_the_schema(github: FakeGitHub) -> None:
    github.repository()
    github.fault("GET /repos/*/activity", faults.dict_for_list())
    assert isinstance(get(github, "/repos/acme/shop/activity", github.token()).json(), dict)
    assert not github.violations
