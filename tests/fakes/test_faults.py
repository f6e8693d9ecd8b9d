"""The faults of a fake reach the client as the broken answers and connections that they stand for."""

from __future__ import annotations

import time
from http.client import HTTPConnection

import pytest
import requests

from tests.fakes import faults
from tests.fakes.client import get
from tests.fakes.faults import Fault
from tests.fakes.github import FakeGitHub
from tests.fakes.hub.repository import Repository

PATH = "/repos/acme/shop/branches/main"


@pytest.fixture(autouse=True)
def repo(github: FakeGitHub) -> Repository:
    """Give the fake a repository."""
    return github.repository()


def ask(fake: FakeGitHub, fault: Fault) -> requests.Response:
    """Ask for a branch while a fault is on it."""
    fake.fault(f"GET {PATH}", fault)
    return get(fake, PATH, fake.token())


@pytest.mark.parametrize(
    ("fault", "status", "message", "headers"),
    [
        (faults.forbidden(), 403, "Resource not accessible by integration", {}),
        (faults.forbidden("No", "contents=read"), 403, "No", {"X-Accepted-GitHub-Permissions": "contents=read"}),
        (faults.not_found(), 404, "Not Found", {}),
        (faults.too_many(7), 429, "Too many requests", {"Retry-After": "7"}),
        (faults.primary_limit(), 403, "API rate limit exceeded", {"X-RateLimit-Remaining": "0"}),
        (faults.primary_limit(429), 429, "API rate limit exceeded", {"X-RateLimit-Remaining": "0"}),
        (faults.secondary_limit(60), 403, "You have exceeded a secondary rate limit", {"Retry-After": "60"}),
        (faults.secondary_limit(code=429), 429, "You have exceeded a secondary rate limit", {}),
    ],
)
def test_refusals_and_limits_carry_their_message_and_headers(
    github: FakeGitHub, fault: Fault, status: int, message: str, headers: dict[str, str]
) -> None:
    answer = ask(github, fault)
    assert answer.status_code == status
    assert answer.json()["message"].startswith(message)
    assert headers.items() <= answer.headers.items()


def test_the_primary_limit_tells_when_it_ends(github: FakeGitHub) -> None:
    answer = ask(github, faults.primary_limit(reset_in=1800))
    assert 1700 < int(answer.headers["X-RateLimit-Reset"]) - time.time() < 1900


def test_a_server_error_ends_after_its_number_of_times(github: FakeGitHub) -> None:
    github.fault("GET /repos/*", faults.server_error(503), times=2)
    assert [get(github, PATH, github.token()).status_code for _ in range(3)] == [503, 503, 200]
    assert [call.fault for call in github.requests] == ["raw", "raw", None]


def test_a_fault_may_come_late_and_on_one_operation_only(github: FakeGitHub) -> None:
    github.fault("GET /repos/{owner}/{repo}/branches/{branch}", faults.not_found(), skip=1, times=1)
    told = [get(github, path, github.token()).status_code for path in (PATH, "/repos/acme/shop", PATH, PATH)]
    assert told == [200, 200, 404, 200]


def test_faults_can_be_cleared(github: FakeGitHub) -> None:
    github.fault("*", faults.not_found())
    github.clear_faults()
    assert get(github, PATH, github.token()).status_code == 200


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (faults.html(), "<!DOCTYPE html>"),
        (faults.invalid_json(), '{"protected": true, "name": "ma'),
        (faults.empty_body(), ""),
    ],
)
def test_bodies_that_are_no_json_come_with_status_200(github: FakeGitHub, fault: Fault, text: str) -> None:
    answer = ask(github, fault)
    assert (answer.status_code, answer.text[: len(text)]) == (200, text)
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_wrong_types_are_put_in_the_place_of_the_true_body(github: FakeGitHub) -> None:
    true = get(github, PATH, github.token()).json()
    assert ask(github, faults.list_for_dict()).json() == [true]
    github.clear_faults()
    assert ask(github, faults.dict_for_list()).json() == {"data": true}
    github.clear_faults()
    assert ask(github, faults.null_body()).json() is None


def test_keys_can_go_missing_become_null_or_change_at_every_depth(github: FakeGitHub) -> None:
    gone = ask(github, faults.without("protected", "sha")).json()
    assert "protected" not in gone
    assert "sha" not in gone["commit"]
    github.clear_faults()
    assert ask(github, faults.nulls("enabled")).json()["protection"]["enabled"] is None
    github.clear_faults()
    assert ask(github, faults.replaced(protected="yes")).json()["protected"] == "yes"
    github.clear_faults()
    identity = ask(github, faults.numbers_as_strings()).json()["commit"]["author"]["id"]
    assert identity == str(github.user("olivia").id)


@pytest.mark.parametrize("fault", [faults.reset(), faults.truncated()])
def test_a_broken_connection_is_an_error_of_the_client(github: FakeGitHub, fault: Fault) -> None:
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        ask(github, fault)
    github.clear_faults()
    assert get(github, PATH, github.token()).status_code == 200
    assert github.requests[0].status == (0 if fault.wire == "reset" else 200)


def test_latency_and_drip_take_their_time_and_tell_the_truth(github: FakeGitHub) -> None:
    for fault in (faults.latency(0.15), faults.drip(0.15)):
        github.clear_faults()
        started = time.perf_counter()
        assert ask(github, fault).json()["name"] == "main"
        assert time.perf_counter() - started >= 0.14


def test_a_dripping_answer_does_not_keep_the_server_from_stopping() -> None:
    with FakeGitHub() as fake:
        fake.repository()
        fake.fault("*", faults.drip(60))
        answer = requests.get(fake.url + "/repos/acme/shop", stream=True, timeout=5)
        started = time.perf_counter()
    assert time.perf_counter() - started < 30
    answer.close()


def test_a_redirect_names_the_other_host(github: FakeGitHub) -> None:
    answer = ask(github, faults.redirect("http://evil.invalid/x", 307))
    assert (answer.status_code, answer.headers["Location"]) == (307, "http://evil.invalid/x")


def test_a_gzip_bomb_is_small_on_the_wire(github: FakeGitHub) -> None:
    github.fault("*", faults.gzip_bomb(20 * 1024 * 1024))
    with requests.get(github.url + PATH, stream=True, timeout=5) as answer:
        packed = answer.raw.read(decode_content=False)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(packed) < 100_000
    unpacked = get(github, PATH, github.token()).content
    assert (unpacked[:1], unpacked[-1:], len(unpacked)) == (b"[", b"]", 20 * 1024 * 1024 + 2)


def test_the_connection_stays_open_between_calls(github: FakeGitHub) -> None:
    connection = HTTPConnection("127.0.0.1", github.port, timeout=5)
    ports = set()
    for _ in range(3):
        connection.request("GET", PATH)
        ports.add(connection.sock.getsockname())
        assert connection.getresponse().read()
    connection.close()
    assert len(ports) == 1
