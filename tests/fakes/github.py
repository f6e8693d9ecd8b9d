"""
A GitHub on the loopback interface: real HTTP, real REST shapes, every answer derived from one state.

Describe a repository, point the code under test at `github.url`, look at `github.requests`::

    def test_something(github: FakeGitHub) -> None:           # fixture of tests/conftest.py
        repo = github.repository("acme/shop", private=True)    # one commit by the admin `olivia` on `main`
        repo.user("alice", role="write")
        repo.user("rex", role="release-captain", base="maintain")          # a custom role
        repo.ruleset(rules=[rule("pull_request", required_approving_review_count=2), "non_fast_forward", "deletion"])
        repo.protect("main", approvals=1, checks=["build"], enforce_admins=True)     # classic protection
        pull = repo.pull("Add a cart", author="alice", files={"cart.py": "..."})     # head branch `change-1`
        pull.review("bob", "APPROVED", at="head")
        sha = repo.merge(pull, by="olivia", method="squash")    # or "merge", "rebase"; repo.enqueue / repo.land: queue
        direct = repo.commit("Hotfix", author="alice", on="main", by="mallory")      # a direct push
        run = repo.run("push", actor="alice", sha=sha); run.rerun(by="mallory")
        job = github.token("job")             # installation token: metadata, contents, pull_requests, actions: read
        admin = github.token("admin", kind="user", login="olivia", permissions={"administration": "write", ...})
        payload = github.events(repo).push("main", before=direct, sender="alice")     # or pull_request(pull), …
        variables = github.job_environment(repo, run, payload, tmp_path)               # what the runner would set
        github.fault("GET /repos/*/pulls/*/reviews", faults.primary_limit(), times=1)
        ...                                   # Github(base_url=github.url, auth=Auth.Token(job.value))
        assert github.count("GET /repos/*/rules/branches/*") == 1

Tokens are enforced as GitHub does: 403 "Resource not accessible by integration" with `X-Accepted-GitHub-Permissions`
(installation), 404 (user), 401 for a value that no token has; keys a token may not see are absent. The state may be
changed at any time between calls; `github.world.to_json()` writes it down.

A body that does not fit its published schema, a call that the fake has no route for and an error inside the fake are
`github.violations`; the fixture fails the test that has any. Faults are exempt.

An installation token has 1000 requests, as a job's has: `github.token(rate_limit=10**6)` for tests with many. The
faults are the functions of `tests.fakes.faults`: `forbidden not_found too_many primary_limit secondary_limit
server_error latency reset truncated drip html invalid_json empty_body null_body dict_for_list list_for_dict without
nulls replaced numbers_as_strings altered redirect gzip_bomb status raw`.

Standalone, for runners that need a process::

    python -m tests.fakes.github --state state.json --port 0 --ready-file F [--log calls.jsonl] [--ghes]
        [--git-root FOLDER-OF-owner/name.git] [--certificate C --key K]

The ready file gets one JSON object: `url`, `html_url`, `graphql_url`, `port`, `pid`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import traceback
import types
from collections import Counter
from pathlib import Path
from typing import Any

from tests.fakes import faults, githttp, schema
from tests.fakes.faults import Fault, Plan
from tests.fakes.hub import (
    api_code_scanning,
    api_contents,
    api_history,
    api_people,
    api_protection,
    api_pulls,
    api_repository,
    api_rules,
    api_runs,
    oidc,
)
from tests.fakes.hub.events import Events, job_environment
from tests.fakes.hub.people import User
from tests.fakes.hub.repository import Repository
from tests.fakes.hub.router import Answer, ApiError, Call, Context, Route, Urls, answer, authenticate, find
from tests.fakes.hub.rules import rule
from tests.fakes.hub.runs import Run
from tests.fakes.hub.world import Token, World
from tests.fakes.server import LoopbackServer, Recorded, Reply, public_headers

__all__ = ["FakeGitHub", "Token", "World", "rule"]

API_VERSIONS = ("2022-11-28", "2026-03-10")
ENTERPRISE_VERSION = "3.19.0"
ENDPOINTS = (
    *(api_code_scanning, api_contents, api_history, api_people, api_protection),
    *(api_pulls, api_repository, api_rules, api_runs),
)
"""Importing them registers their routes."""


class FakeGitHub:
    """
    A GitHub that serves one `World`; also a context manager.

    `ghes` makes it an Enterprise Server: the API lies below `/api/v3`, and there is no rate limit. `git_root` is a
    folder of bare repositories (`owner/name.git`) that are served for fetching. `tls` is a certificate and its key.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        ghes: bool = False,
        port: int = 0,
        tls: tuple[str, str] | None = None,
        git_root: Path | None = None,
        log: Path | None = None,
    ) -> None:
        self.world = world or World()
        self.ghes = ghes
        self.git_root = git_root
        self.requests: list[Recorded] = []
        """Every call to the API, in order."""
        self.violations: list[str] = []
        """What the fake itself did wrong; must be empty at the end of a test."""
        self._log = log
        self._plan = Plan()
        self._lock = threading.Lock()
        self._schemas = schema.load("github-rest")
        self._server = LoopbackServer(self._answer, port=port, tls=tls)
        self._prefix = "/api/v3" if ghes else ""
        self._urls = Urls(api=self._server.origin + self._prefix, html=self._server.origin)
        self.id_tokens = oidc.TokenDesk(self._server.origin)
        """Who may ask for ID tokens, and what they say; below `/_services/`."""
        for item in self.world.faults:
            fault = getattr(faults, item.kind)(**item.arguments)
            self._plan.add(item.match, fault, times=item.times, skip=item.skip)

    @property
    def url(self) -> str:
        """Return what `GITHUB_API_URL` holds."""
        return self._urls.api

    @property
    def html_url(self) -> str:
        """Return what `GITHUB_SERVER_URL` holds; git fetches from `<html_url>/owner/name`."""
        return self._urls.html

    @property
    def graphql_url(self) -> str:
        """Return what `GITHUB_GRAPHQL_URL` holds."""
        return f"{self._urls.html}{'/api' if self.ghes else ''}/graphql"

    @property
    def port(self) -> int:
        """Return the port."""
        return self._server.server_port

    def start(self) -> FakeGitHub:
        """Begin to serve."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop serving and cut open connections."""
        self._server.stop()

    def __enter__(self) -> FakeGitHub:  # noqa: PYI034 - Self needs Python 3.11
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.stop()

    def repository(self, full_name: str = "acme/shop", **settings: Any) -> Repository:
        """Add a repository, or return the one of that name; see `World.repository`."""
        return self.world.repository(full_name, **settings)

    def user(self, login: str, **settings: Any) -> User:
        """Add an account; see `World.user`."""
        return self.world.user(login, **settings)

    def token(self, name: str = "job", **settings: Any) -> Token:
        """Add a token, or replace the one of that name; see `World.token`."""
        return self.world.token(name, **settings)

    def fault(self, match: str, fault: Fault, *, times: int | None = None, skip: int = 0) -> None:
        """
        Have a fault on the calls that `match`, `times` times (None: always) after `skip` good answers.

        `match` is method and path with `*` for anything, slashes included, or an operation with its {names}.
        """
        self._plan.add(match, fault, times=times, skip=skip)

    def clear_faults(self) -> None:
        """Forget all faults."""
        self._plan.clear()

    def calls(self, match: str = "*") -> list[Recorded]:
        """Return the recorded calls that `match`."""
        with self._lock:
            return [call for call in self.requests if call.matches(match)]

    def count(self, match: str = "*") -> int:
        """Return how many calls `match`."""
        return len(self.calls(match))

    def repeated(self) -> dict[str, int]:
        """Return the calls that were made more than once with the same query, and how often."""
        with self._lock:
            lines = Counter(f"{call.line} {sorted(call.query.items())}" for call in self.requests)
        return {line: number for line, number in lines.items() if number > 1}

    def events(self, repo: Repository) -> Events:
        """Return the builder of event payloads for a repository."""
        return Events(repo=repo, urls=self._urls)

    def job_environment(
        self, repo: Repository, run: Run, payload: dict[str, Any], folder: Path, **changes: str
    ) -> dict[str, str]:
        """Return the variables of a job of `run`; the payload and the job's files go to `folder`."""
        return job_environment(self.events(repo), run, payload, folder, graphql_url=self.graphql_url, **changes)

    def check(self) -> None:
        """Raise when the fake did something wrong."""
        if self.violations:
            raise AssertionError("the fake GitHub erred:\n" + "\n".join(self.violations))

    # One call

    def _answer(self, call: Call) -> Reply:
        if self.git_root is not None and githttp.is_git(call.path):
            return Reply(answer=githttp.answer(self.world, self.git_root, call))
        if call.path.startswith(oidc.BELOW):
            return self._answer_beside(call, self.id_tokens.answer(call))
        inner = self._inside_api(call)
        found = find(inner) if inner is not None else None
        fault = self._plan.take(f"{call.method} {(inner or call).path}", found[0].operation if found else None)
        token: Token | None = None
        try:
            token = authenticate(self.world, call)
            self._spend(token, found)
            true = self._true_answer(inner or call, found)
        except ApiError as error:
            true = Answer(status=error.status, body=error.body, headers=error.headers)
        except Exception:  # noqa: BLE001 - whatever breaks in here is the fake's fault and must fail the test
            self._violate(traceback.format_exc())
            true = Answer(status=500, body={"message": "the fake broke", "status": "500"})
        self._validate(call, found, true)
        true.headers = {**self._common_headers(token), **true.headers}
        sent = fault.change(true) if fault is not None and fault.change is not None else true
        self._record(inner or call, found, token, sent, fault)
        return Reply(answer=sent, fault=fault)

    def _answer_beside(self, call: Call, true: Answer) -> Reply:
        """Return the reply of what is no part of the API."""
        fault = self._plan.take(f"{call.method} {call.path}", None)
        sent = fault.change(true) if fault is not None and fault.change is not None else true
        self._record(call, None, None, sent, fault)
        return Reply(answer=sent, fault=fault)

    def _inside_api(self, call: Call) -> Call | None:
        """Return the call below the API's prefix, None when it is outside of it."""
        path = call.path
        if self.ghes and path == "/api/graphql":
            path = "/graphql"
        elif path.startswith(f"{self._prefix}/"):
            path = path[len(self._prefix) :]
        else:
            return None
        if path.startswith("/repositories/"):
            _, _, number, *rest = path.split("/", 3)
            named = [repo for repo in self.world.repositories.values() if str(repo.id) == number]
            if named:
                path = "/".join(["/repos", named[0].full_name, *rest])
        return Call(method=call.method, path=path, query=call.query, headers=call.headers, body=call.body)

    def _true_answer(self, call: Call, found: tuple[Route, dict[str, str]] | None) -> Answer:
        version = call.headers.get("x-github-api-version")
        if version is not None and version not in API_VERSIONS:
            raise ApiError(400, f"API version {version} is not supported")
        if found is None:
            self._violate(f"no route for {call.method} {call.path}")
            raise ApiError(404, "Not Found")
        route, parameters = found
        if self.ghes and route.template == "/rate_limit":
            raise ApiError(404, "Rate limiting is not enabled.")
        return answer(self.world, call, self._urls, route=route, parameters=parameters)

    def _spend(self, token: Token | None, found: tuple[Route, dict[str, str]] | None) -> None:
        if token is None or self.ghes or (found is not None and found[0].template == "/rate_limit"):
            return
        with self._lock:
            token.used += 1
        if token.used > token.rate_limit:
            raise ApiError(403, "API rate limit exceeded for installation ID 1.")

    def _common_headers(self, token: Token | None) -> dict[str, str]:
        headers = {"X-GitHub-Media-Type": "github.v3; format=json", "X-GitHub-Request-Id": "FA4E:0001"}
        if token is not None and token.scopes is not None:
            headers["X-OAuth-Scopes"] = ", ".join(token.scopes)
        if self.ghes:
            return {**headers, "X-GitHub-Enterprise-Version": ENTERPRISE_VERSION}
        call = Call(method="GET", path="/rate_limit", query={}, headers={})
        context = Context(world=self.world, call=call, urls=self._urls, token=token, parameters={})
        limit = api_runs.rate_limit(context)
        names = ("limit", "remaining", "used", "reset")
        return {**headers, **{f"X-RateLimit-{n.title()}": str(limit[n]) for n in names}, "X-RateLimit-Resource": "core"}

    def _validate(self, call: Call, found: tuple[Route, dict[str, str]] | None, true: Answer) -> None:
        if self._schemas is None or found is None or isinstance(true.body, bytes):
            return
        problem = self._schemas.problem(found[0].operation, true.status, true.body)
        if problem is not None:
            self._violate(f"{call.method} {call.path} answered against its schema: {problem}")

    def _violate(self, text: str) -> None:
        with self._lock:
            self.violations.append(text)

    def _record(
        self,
        call: Call,
        found: tuple[Route, dict[str, str]] | None,
        token: Token | None,
        sent: Answer,
        fault: Fault | None,
    ) -> None:
        recorded = Recorded(
            method=call.method,
            path=call.path,
            query=call.query,
            headers=public_headers(call.headers),
            token=token.name if token else None,
            operation=found[0].operation if found else None,
            status=0 if fault is not None and fault.wire == "reset" else sent.status,
            fault=fault.name if fault else None,
        )
        with self._lock:
            self.requests.append(recorded)
            if self._log is not None:
                with self._log.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps({**vars(recorded), "violations": self.violations}) + "\n")


def main(arguments: list[str] | None = None) -> int:
    """Serve a state file until the process is told to stop; the exit code is 1 when the fake erred."""
    parser = argparse.ArgumentParser(description="A GitHub on the loopback interface.")
    parser.add_argument("--state", type=Path, required=True, help="JSON file as World.to_json writes it")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ready-file", type=Path, help="written once the server answers")
    parser.add_argument("--log", type=Path, help="one JSON line a call")
    parser.add_argument("--ghes", action="store_true", help="serve the API below /api/v3")
    parser.add_argument("--git-root", type=Path, help="folder of bare repositories owner/name.git")
    parser.add_argument("--certificate", help="PEM file; with --key the server speaks TLS")
    parser.add_argument("--key")
    options = parser.parse_args(arguments)
    world = World.from_json(json.loads(options.state.read_text(encoding="utf-8")))
    tls = (options.certificate, options.key) if options.certificate else None
    fake = FakeGitHub(world, ghes=options.ghes, port=options.port, tls=tls, git_root=options.git_root, log=options.log)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with fake:
        if options.ready_file is not None:
            facts = {"url": fake.url, "html_url": fake.html_url, "graphql_url": fake.graphql_url}
            text = json.dumps({**facts, "port": fake.port, "pid": os.getpid()})
            partial = options.ready_file.with_suffix(".partial")
            partial.write_text(text, encoding="utf-8")
            partial.replace(options.ready_file)
        stopped.wait()
    for violation in fake.violations:
        sys.stderr.write(f"{violation}\n")
    return 1 if fake.violations else 0


if __name__ == "__main__":
    sys.exit(main())
