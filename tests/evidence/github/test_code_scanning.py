"""The upload of a report: what is sent, with which token, and what each answer means."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from typing import Any

import pytest

from ci_guard.evidence.github.code_scanning import NEEDS, Analysis, Refused, upload
from ci_guard.evidence.rest.transport import Transport
from tests.evidence.github.wire import Wire, reply, says
from tests.fakes import faults
from tests.fakes.github import FakeGitHub
from tests.fakes.hub.repository import Repository

MAY = {"contents": "read", "security-events": "write"}
SARIF = json.dumps({"version": "2.1.0", "runs": [], "x": "é\N{RIGHT-TO-LEFT OVERRIDE}\x00"})
SECRET = "fake-" + "upload-credential"


@pytest.fixture
def repo(github: FakeGitHub) -> Repository:
    github.token("job")
    github.token("able", permissions=MAY)
    return github.repository("acme/shop", private=True)


def analysis(repo: Repository | None = None, **changes: str) -> Analysis:
    commit = repo.branches["main"] if repo is not None else "0" * 40
    sent = Analysis(
        repository="acme/shop", commit=commit, ref="refs/heads/main", sarif=SARIF, folder="file:///work/shop/"
    )
    return replace(sent, **changes)


def send(github: FakeGitHub, sent: Analysis, *names: str, **settings: Any) -> str | Refused:
    tokens = tuple(github.world.tokens[name].value for name in names)
    return upload(sent, api_url=github.url, tokens=tokens, transport=Transport(**settings))


def refused(outcome: str | Refused) -> Refused:
    assert isinstance(outcome, Refused)
    assert "credential" not in outcome.reason
    return outcome


def over(wire: Wire, **settings: Any) -> Refused:
    return refused(upload(analysis(), api_url=wire.url, tokens=(SECRET,), transport=Transport(**settings)))


def test_a_report_arrives_whole_and_belongs_to_commit_and_ref(github: FakeGitHub, repo: Repository) -> None:
    sent = analysis(repo, ref="refs/pull/7/merge")
    identifier = send(github, sent, "able")
    (taken,) = repo.uploads
    assert identifier == taken.id
    assert (taken.commit, taken.ref, taken.sarif) == (sent.commit, sent.ref, SARIF)
    assert (taken.tool, taken.folder) == ("ci-guard", "file:///work/shop/")
    (call,) = github.calls()
    assert (call.method, call.path) == ("POST", "/repos/acme/shop/code-scanning/sarifs")


def test_the_jobs_token_is_used_where_it_may_send(github: FakeGitHub, repo: Repository) -> None:
    github.token("stronger", permissions=MAY)
    assert isinstance(send(github, analysis(repo), "able", "stronger"), str)
    assert [taken.token for taken in repo.uploads] == ["able"]


def test_the_stronger_token_sends_where_the_jobs_may_not(github: FakeGitHub, repo: Repository) -> None:
    assert isinstance(send(github, analysis(repo), "job", "able"), str)
    assert [taken.token for taken in repo.uploads] == ["able"]


@pytest.mark.parametrize("kind", ["installation", "user", "fine-grained"])
def test_a_token_that_may_not_send_is_told_which_permission_it_lacks(
    github: FakeGitHub, repo: Repository, kind: str
) -> None:
    github.token("weak", kind=kind, login="olivia" if kind == "user" else None, permissions={"contents": "read"})
    outcome = refused(send(github, analysis(repo), "weak"))
    assert (outcome.needs, outcome.by_rights) == (NEEDS, True)
    assert ("404" if kind == "user" else "403") in outcome.reason
    assert repo.uploads == []


def test_without_a_token_nothing_is_asked(github: FakeGitHub, repo: Repository) -> None:
    assert refused(send(github, analysis(repo))).needs == NEEDS
    assert github.requests == []


def test_a_repository_without_code_scanning_says_so_and_no_permission_is_asked_for(
    github: FakeGitHub, repo: Repository
) -> None:
    repo.code_scanning = False
    outcome = refused(send(github, analysis(repo), "able"))
    assert "must be enabled" in outcome.reason
    assert (outcome.needs, outcome.by_rights) == ("", True)


def test_what_the_server_cannot_use_is_not_sent_again_with_another_token(github: FakeGitHub, repo: Repository) -> None:
    for sent, status in (
        (analysis(repo, commit="1" * 40), 422),
        (analysis(repo, ref="main"), 422),
        (analysis(repo, sarif="no JSON"), 400),
    ):
        outcome = refused(send(github, sent, "able", "job"))
        assert f"answered {status}" in outcome.reason
        assert (outcome.needs, outcome.by_rights) == ("", False)
    repo.sarif_limit = 10
    assert "answered 413" in refused(send(github, analysis(repo), "able", "job")).reason
    assert {call.token for call in github.requests} == {"able"}


def test_a_fault_of_the_server_is_tried_again(github: FakeGitHub, repo: Repository) -> None:
    github.fault("POST *", faults.server_error(), times=1)
    github.fault("POST *", faults.reset(), times=1)
    assert isinstance(send(github, analysis(repo), "able"), str)
    assert github.count("POST *") == 3


def test_a_server_that_stays_down_is_told_as_a_fault_and_not_as_a_missing_right(
    github: FakeGitHub, repo: Repository
) -> None:
    github.fault("POST *", faults.server_error())
    outcome = refused(send(github, analysis(repo), "able"))
    assert (outcome.needs, outcome.by_rights) == ("", False)
    assert github.count() == 3


def test_a_limit_is_a_fault_and_the_other_token_is_asked(github: FakeGitHub, repo: Repository) -> None:
    github.fault("POST *", faults.primary_limit(), times=1)
    github.token("second", permissions=MAY)
    assert isinstance(send(github, analysis(repo), "able", "second"), str)
    github.fault("POST *", faults.primary_limit())
    assert not refused(send(github, analysis(repo), "able")).by_rights


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_a_report_is_never_sent_on_by_a_redirect(status: str) -> None:
    with Wire(says(reply(b"{}", "Location: /elsewhere", status=status))) as wire:
        outcome = over(wire)
        assert "redirected what was sent" in outcome.reason
        assert len(wire.heads) == 1


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"id": 7}', b"{}", b"null", b"<html>", b'{"id": "1"', b"\xff", b'"' + b"x" * 100]
)
def test_an_answer_that_names_no_report_is_no_success(body: bytes) -> None:
    with Wire(says(reply(body, status="202 Accepted"))) as wire:
        assert not over(wire).by_rights


def test_a_message_that_echoes_the_token_is_told_without_it() -> None:
    body = json.dumps({"message": f"no {SECRET}\n::error::x"}).encode()
    with Wire(says(reply(body, status="403 Forbidden"))) as wire:
        assert over(wire).reason == "the server answered 403: no *** ::error::x"


def test_an_answer_that_never_ends_ends_all_the_same() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n")
        wire.stopping.wait(10)

    with Wire(drip) as wire:
        outcome = over(wire, total_seconds=0.3)
        assert "0.3 s" in outcome.reason
        assert not outcome.by_rights


def test_variables_of_the_environment_do_not_lead_the_report_elsewhere(
    github: FakeGitHub, repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert isinstance(send(github, analysis(repo), "able"), str)
