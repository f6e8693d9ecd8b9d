"""The client: what becomes a fact, which token is asked, how lists are paged, and that a token stays where it is."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ci_guard.errors import UsageError
from ci_guard.evidence.gitlab.client import Client, Sight, next_page, segment
from ci_guard.evidence.gitlab.dialect import Token
from ci_guard.evidence.rest.transport import Transport
from ci_guard.model.fact import Cause, Known, Source
from tests.evidence.github.wire import Wire, reply
from tests.evidence.gitlab.scene import Scene, client_of, known, unknown
from tests.fakes import faults
from tests.fakes.faults import Fault
from tests.fakes.gitlab import FakeGitLab
from tests.fakes.lab.state import GUEST, REPORTER

BRANCHES = "GET /projects/*/repository/branches"


@pytest.fixture
def job_token(scene: Scene) -> str:
    return scene.gitlab.world.job_token(scene.shop.run("push", user="alice")).value


@pytest.fixture
def client(scene: Scene, job_token: str) -> Client:
    return client_of(scene.gitlab, scene.shop, job_token)


# What becomes a fact


def test_an_answer_of_the_right_shape_is_known_with_where_it_was_read(client: Client) -> None:
    fact = client.get("/job", sight=Sight.OF_JOB)
    assert isinstance(fact, Known)
    assert (fact.value["name"], fact.source, fact.detail) == ("ci-guard", Source.API, "GET /job")


def test_parameters_stand_in_the_detail_but_paging_does_not(client: Client) -> None:
    fact = client.get_all("merge_requests", params={"state": "opened"})
    assert fact.detail == "GET merge_requests?state=opened"


@pytest.mark.parametrize("path", ["protected_branches", "members/all", "", "merge_requests/1/approvals"])
def test_what_a_job_token_does_not_show_is_invisible_and_not_even_asked_for(
    scene: Scene, client: Client, path: str
) -> None:
    fact = unknown(client.get_all(path, sight=Sight.BY_STRONGER, needs="a token of a Maintainer"))
    assert (fact.cause, fact.needs) == (Cause.INVISIBLE, "a token of a Maintainer")
    assert scene.gitlab.count() == 0


def test_of_a_public_project_it_is_worth_asking(scene: Scene, job_token: str) -> None:
    scene.shop.visibility = "public"
    mr = scene.open()
    scene.shop.approve(mr, "bob")
    client = client_of(scene.gitlab, scene.shop, job_token, public=True)
    fact = client.get(f"merge_requests/{mr.iid}/approvals", sight=Sight.BY_STRONGER)
    assert known(fact)["approved"] is True
    assert unknown(client.get_all("protected_branches", sight=Sight.BY_STRONGER)).cause is Cause.INVISIBLE
    assert unknown(client.get_all("members/all", sight=Sight.BY_MEMBER)).cause is Cause.INVISIBLE
    assert scene.gitlab.count("GET /projects/*/members/all") == 0


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (faults.status(401, "", body={"message": "401 Unauthorized"}), "401"),
        (faults.status(403, "", body={"message": "403 Forbidden"}), "403"),
        (faults.status(404, "", body={"message": "404 Project Not Found"}), "404"),
        (faults.status(404, "", body={"error": "404 Not Found"}), "404"),
        (
            faults.status(403, "", body={"error": "insufficient_scope", "error_description": "needs api"}),
            "403: needs api",
        ),
    ],
)
def test_a_refusal_of_a_live_job_token_is_invisible_and_never_absence(
    scene: Scene, client: Client, fault: Fault, said: str
) -> None:
    scene.gitlab.fault(BRANCHES, fault)
    fact = unknown(client.get_all("repository/branches"))
    assert fact.cause is Cause.INVISIBLE
    assert f"the server answered {said}" in fact.reason
    assert "18.3" in (fact.needs or "")


def test_a_refusal_of_a_dead_token_is_never_tolerable(scene: Scene, job_token: str) -> None:
    client = client_of(scene.gitlab, scene.shop, "fake-job-gone")
    assert unknown(client.get_all("repository/branches")).cause is Cause.UNAVAILABLE
    expired = scene.gitlab.world.token("reader", "olivia")
    expired.active = False
    client = client_of(scene.gitlab, scene.shop, job_token, expired.value)
    fact = unknown(client.get_all("protected_branches", sight=Sight.BY_STRONGER))
    assert fact.cause is Cause.UNAVAILABLE
    assert "revoked" in fact.reason


UNAVAILABLE: dict[str, tuple[Fault, str]] = {
    "429 with a long wait": (
        Fault(
            name="429",
            change=lambda answer: type(answer)(
                status=429, body=b"Retry later\n", headers={"Retry-After": "3600", "Content-Type": "text/plain"}
            ),
        ),
        "limits the requests",
    ),
    "429 without a time": (faults.too_many(None), "limits the requests"),
    "500": (faults.server_error(500), "answered 500"),
    "web page": (faults.html(), "a web page"),
    "sign-in page as 403": (faults.raw(b"<html>sign in</html>", "text/html", code=403), "a web page"),
    "refusal without a message": (faults.status(404, "", body={"x": 1}), "without GitLab's message"),
    "refusal that is a list": (faults.status(404, "", body=["404"]), "without GitLab's message"),
    "invalid JSON": (faults.invalid_json(), "no JSON"),
    "empty": (faults.empty_body(), "with nothing"),
    "null": (faults.null_body(), "wrongly shaped"),
    "object": (faults.dict_for_list(), "wrongly shaped"),
    "list of numbers": (faults.altered(lambda _: [1]), "wrongly shaped"),
    "no content": (faults.raw(b"", code=204), "wrongly shaped"),
    "reset": (faults.reset(), "broke"),
    "conflict": (faults.status(409, "", body={"message": "409 Conflict"}), "answered 409"),
    "redirect to another host": (faults.redirect("https://evil.example/api"), "redirected to another host"),
    "redirect to another port": (faults.redirect("http://127.0.0.1:1/api"), "redirected to another host"),
    "redirect to the sign-in page of another path": (faults.redirect("/users/sign_in"), "answered 404"),
}


@pytest.mark.parametrize("case", UNAVAILABLE)
def test_a_limit_a_fault_or_nonsense_is_never_merely_invisible(gitlab: FakeGitLab, case: str) -> None:
    """An invisible fact may be tolerated: whoever exhausts the limit must not open the gate."""
    shop = gitlab.project("acme/shop")
    client = client_of(gitlab, shop, gitlab.world.job_token(shop.run("push")).value)
    fault, reason = UNAVAILABLE[case]
    gitlab.fault(BRANCHES, fault)
    fact = unknown(client.get_all("repository/branches"))
    if case == "redirect to the sign-in page of another path":
        assert gitlab.violations
        gitlab.violations.clear()
        assert fact.cause is Cause.INVISIBLE
        return
    assert fact.cause is Cause.UNAVAILABLE
    assert reason in fact.reason


def test_a_short_wait_is_obeyed_and_a_fault_is_tried_again(scene: Scene, client: Client) -> None:
    scene.gitlab.fault(BRANCHES, faults.too_many(0), times=1)
    scene.gitlab.fault("GET /job", faults.server_error(), times=1)
    assert known(client.get_all("repository/branches"))
    assert known(client.get("/job", sight=Sight.OF_JOB))
    assert (scene.gitlab.count(BRANCHES), scene.gitlab.count("GET /job")) == (2, 2)


# Whose token


def test_the_weaker_token_is_asked_first_and_the_stronger_for_the_rest(scene: Scene, job_token: str) -> None:
    client = client_of(scene.gitlab, scene.shop, job_token, scene.reader)
    assert client.stronger
    known(client.get_all("repository/branches"))
    known(client.get_all("protected_branches", sight=Sight.BY_STRONGER))
    known(client.get("/job", sight=Sight.OF_JOB))
    assert [call.token for call in scene.gitlab.requests] == ["job", "reader", "job"]


def test_what_an_older_server_hides_from_the_job_the_stronger_token_shows(scene: Scene, job_token: str) -> None:
    scene.gitlab.world.version = (17, 0)
    client = client_of(scene.gitlab, scene.shop, job_token, scene.reader)
    assert known(client.get_all("repository/branches"))
    assert [call.token for call in scene.gitlab.calls(BRANCHES)] == ["job", "reader"]


def test_the_job_of_the_token_needs_the_jobs_token(scene: Scene) -> None:
    client = client_of(scene.gitlab, scene.shop, scene.reader)
    fact = unknown(client.get("/job", sight=Sight.OF_JOB))
    assert (fact.cause, fact.needs) == (Cause.UNAVAILABLE, "CI_JOB_TOKEN")
    assert scene.gitlab.count() == 0


def test_a_role_that_is_too_low_is_told_with_the_one_that_would_do(scene: Scene, job_token: str) -> None:
    scene.shop.user("gus", GUEST)
    weak = scene.gitlab.world.token("weak", "gus").value
    client = client_of(scene.gitlab, scene.shop, job_token, weak)
    fact = unknown(client.get_all("protected_branches", sight=Sight.BY_STRONGER, needs="the role Reporter"))
    assert (fact.cause, fact.needs) == (Cause.INVISIBLE, "the role Reporter")
    assert scene.shop.level_of("gus") < REPORTER


def test_a_scope_that_is_too_small_is_invisible(scene: Scene, job_token: str) -> None:
    small = scene.gitlab.world.token("small", "olivia", scopes=("read_repository",)).value
    client = client_of(scene.gitlab, scene.shop, job_token, small)
    fact = unknown(client.get_all("protected_branches", sight=Sight.BY_STRONGER))
    assert fact.cause is Cause.INVISIBLE
    assert "higher privileges" in fact.reason


def test_each_token_goes_into_its_own_header_and_is_never_shown() -> None:
    with Wire(
        lambda connection: connection.sendall(reply(b'{"message": "secret-job secret-pat"}', status="403 No"))
    ) as wire:
        client = Client(
            server_url=wire.url,
            project="1",
            tokens=[Token(value="secret-job", of_job=True), Token(value="secret-pat", of_job=False)],
            transport=Transport(),
        )
        fact = unknown(client.get_all("repository/branches"))
        assert "secret" not in repr(fact) + repr(client._tokens)
    heads = [head.lower() for head in wire.heads]
    assert ("job-token: secret-job" in heads[0], "private-token" in heads[0]) == (True, False)
    assert ("private-token: secret-pat" in heads[-1], "job-token" in heads[-1]) == (True, False)
    assert "authorization" not in "".join(heads)


def test_no_token_follows_a_redirect_to_another_host() -> None:
    """The library would send it along: requests takes only `Authorization` off."""

    def never(connection: socket.socket) -> None:
        connection.close()

    with (
        Wire(never) as elsewhere,
        Wire(
            lambda connection: connection.sendall(
                reply(b"", f"Location: {elsewhere.url}/api/v4/job", status="302 Found")
            )
        ) as wire,
    ):
        client = Client(server_url=wire.url, project="1", tokens=[Token(value="t", of_job=True)], transport=Transport())
        assert "another host" in unknown(client.get("/job", sight=Sight.OF_JOB)).reason
        assert elsewhere.heads == []


# Pages


@pytest.mark.parametrize("way", ["offset", "keyset"])
def test_every_page_of_a_list_is_read(scene: Scene, client: Client, way: str) -> None:
    sha = scene.shop.branches["main"]
    for number in range(250):
        scene.shop.branches[f"b{number:03}"] = sha
    names = [item["name"] for item in known(client.get_all("repository/branches", params=paging(way)))]
    assert names == sorted(scene.shop.branches)
    assert scene.gitlab.count(BRANCHES) == 3


def paging(way: str) -> dict[str, str | int]:
    return {"pagination": "keyset"} if way == "keyset" else {}


def test_no_page_is_asked_for_that_nobody_needs(scene: Scene, client: Client) -> None:
    for number in range(250):
        scene.shop.branches[f"b{number:03}"] = scene.shop.branches["main"]
    known(client.get_all("repository/branches", until=lambda items: len(items) >= 100))
    assert scene.gitlab.count(BRANCHES) == 1


def test_a_list_that_goes_on_for_ever_is_unknown(scene: Scene, client: Client) -> None:
    loop = Fault(
        name="loop",
        change=lambda answer: type(answer)(
            status=200, body=[], headers={"X-Next-Page": str(1 + int(scene.gitlab.count(BRANCHES)))}
        ),
    )
    scene.gitlab.fault(BRANCHES, loop)
    assert "more than 100 pages" in unknown(client.get_all("repository/branches")).reason


TARGET = "/projects/1/repository/branches?per_page=100"


@pytest.mark.parametrize(
    ("headers", "page"),
    [
        ({}, None),
        ({"x-next-page": ""}, None),
        ({"x-next-page": "2"}, f"{TARGET}&page=2"),
        ({"x-next-page": "2", "link": '<https://evil.example/x?y=1>; rel="next"'}, f"{TARGET}&page=2"),
        ({"link": f'<https://gitlab.example/api/v4{TARGET}&cursor=x>; rel="next"'}, f"{TARGET}&cursor=x"),
        ({"link": f'<http://internal:8080/gitlab/api/v4{TARGET}&cursor=x>; rel="next"'}, f"{TARGET}&cursor=x"),
        ({"link": f'<https://gitlab.example/api/v4{TARGET}>; rel="first"'}, None),
        ({"link": '<https://gitlab.example/api/v4/projects/2/members?cursor=x>; rel="next"'}, ""),
        ({"link": '<https://[>; rel="next"'}, ""),
        ({"x-next-page": "2; DROP"}, None),
    ],
)
def test_a_page_leads_only_to_another_of_the_same_list(headers: dict[str, str], page: str | None) -> None:
    assert next_page(TARGET, headers) == page


# Names in paths


@pytest.mark.parametrize("name", ["a/b", "ü", "a%2fb", "a?b", "a#b", "a b", "$x", "..."])
def test_a_name_of_whatever_signs_asks_for_exactly_that(scene: Scene, client: Client, name: str) -> None:
    scene.shop.branches[name] = scene.shop.branches["main"]
    assert known(client.get(f"repository/commits/{segment(name)}"))["id"] == scene.shop.branches["main"]


@pytest.mark.parametrize("path", ["repository/commits/..", "a/./b", "a?b=c", "a b", "a\\b", "x//y", "\udcff", "a#b"])
def test_a_path_that_would_ask_something_else_is_not_asked(scene: Scene, client: Client, path: str) -> None:
    assert unknown(client.get(path)).reason == "the name cannot be part of an address"
    assert scene.gitlab.count() == 0


@pytest.mark.parametrize("project", ["", "acme/shop", "../1", "1 2", "٣"])
def test_a_project_that_is_no_number_is_not_asked_about(scene: Scene, client: Client, project: str) -> None:
    client.project = project
    assert unknown(client.get("merge_requests/1")).cause is Cause.UNAVAILABLE
    assert scene.gitlab.count() == 0


# Threads


def test_one_question_is_asked_once_by_however_many_threads(scene: Scene, client: Client) -> None:
    with ThreadPoolExecutor(16) as pool:
        facts = list(pool.map(lambda _: client.get("/job", sight=Sight.OF_JOB), range(32)))
    assert {known(fact)["id"] for fact in facts} == {next(iter(scene.shop.jobs))}
    assert scene.gitlab.count() == 1


def test_no_thread_gets_the_answer_to_anothers_question(scene: Scene, client: Client) -> None:
    for number in range(24):
        scene.shop.branches[f"b{number}"] = scene.shop.commit(str(number), on=f"b{number}")
    barrier = threading.Barrier(8)

    def ask(number: int) -> Any:
        if number < 8:
            barrier.wait(timeout=5)
        return known(client.get(f"repository/commits/b{number}"))["id"]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(24)))
    assert found == [scene.shop.branches[f"b{number}"] for number in range(24)]


# Input


@pytest.mark.parametrize("url", ["http://gitlab.example", "ftp://127.0.0.1", "https://user@127.0.0.1"])
def test_an_address_to_which_a_token_must_not_go_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        Client(server_url=url, project="1", tokens=(), transport=Transport())
