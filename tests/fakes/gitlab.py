"""
A GitLab on the loopback interface: real HTTP, real REST shapes, every answer derived from one state.

Describe a project, start a job in it, look at `gitlab.requests`::

    def test_something(gitlab: FakeGitLab) -> None:            # fixture of tests/conftest.py
        shop = gitlab.project("acme/shop", tier="premium")      # one commit by the owner `olivia` on `main`
        shop.user("alice", DEVELOPER)                           # an account and its access level
        shop.protect("main", push=NOBODY, merge=MAINTAINER)     # also AccessLevel(user_id=…), wildcards, inherited=True
        mr = shop.merge_request(author="alice", files={"cart.py": "..."})
        shop.approve(mr, "bob"); shop.add_commit(mr, "alice"); shop.note(mr, "bob", "unapproved this merge request")
        sha = shop.merge(mr, by="olivia", method="merge")       # or "squash", "squash-ff", "ff"
        job = shop.run("push", user="olivia", before=sha)       # or mr=…, kind="head|merge|train"; tag="v1"; by="bob"
        environ = gitlab.job_environment(job)                    # predefined variables with the job's token
        reader = gitlab.world.token("reader", "olivia")          # a read_api token of an account
        gitlab.fault("GET /projects/*/merge_requests/*", faults.too_many(), times=1)
        assert gitlab.count("GET /job") == 1

Tokens are enforced as GitLab does: a job's token reads what its version allows (`gitlab.world.version`, 18.3 and later
more) of the job's own project and counts for nothing elsewhere; an access token needs its scope and the account's role.
A call without a route and a body against its published schema are `violations`, which fail the test. Keys that the
schema does not know or misses are only counted (`remarks`), because it is a community's.
"""

from __future__ import annotations

import threading
import traceback
import types
from collections import Counter
from typing import Any

from tests.fakes.faults import Fault, Plan
from tests.fakes.hub.router import Answer, Call
from tests.fakes.lab import api_changes, api_protection, api_repository, api_runs, issuer, schema
from tests.fakes.lab.project import Project
from tests.fakes.lab.router import Refusal, answer, authenticate, find
from tests.fakes.lab.state import Job
from tests.fakes.lab.world import World
from tests.fakes.server import LoopbackServer, Recorded, Reply, public_headers

__all__ = ["FakeGitLab"]

ENDPOINTS = (api_changes, api_protection, api_repository, api_runs)
"""Importing them registers their routes."""

KEYS = "/oauth/discovery/keys"


class FakeGitLab:
    """
    A GitLab that serves one `World`; also a context manager.

    `prefix` is a path below which the instance lies (`/gitlab`), `host` the loopback address (`::1`), `tls` a
    certificate and its key.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        prefix: str = "",
        host: str = "127.0.0.1",
        port: int = 0,
        tls: tuple[str, str] | None = None,
    ) -> None:
        self.world = world or World()
        self.requests: list[Recorded] = []
        """Every call to the API, in order."""
        self.violations: list[str] = []
        """What the fake itself did wrong; must be empty at the end of a test."""
        self.remarks: Counter[str] = Counter()
        """Keys of answers that the published schema does not know, or misses."""
        self.keys: tuple[str, ...] = ("instance",)
        """Names of the keys that the instance publishes; see `issuer.key`."""
        self.prefix = prefix
        self._plan = Plan()
        self._lock = threading.Lock()
        self._schemas = schema.load()
        self._server = LoopbackServer(self._answer, host=host, port=port, tls=tls)

    @property
    def url(self) -> str:
        """Return what `CI_SERVER_URL` holds."""
        return self._server.origin + self.prefix

    @property
    def api_url(self) -> str:
        """Return what `CI_API_V4_URL` holds."""
        return f"{self.url}/api/v4"

    def start(self) -> FakeGitLab:
        """Begin to serve."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop serving and cut open connections."""
        self._server.stop()

    def __enter__(self) -> FakeGitLab:  # noqa: PYI034 - Self needs Python 3.11
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.stop()

    def project(self, path: str = "acme/shop", **settings: Any) -> Project:
        """Add a project, or return the one of that path; see `World.project`."""
        return self.world.project(path, **settings)

    def fault(self, match: str, fault: Fault, *, times: int | None = None, skip: int = 0) -> None:
        """Have a fault on the calls that `match`: method and path below `/api/v4` with `*` for anything."""
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

    def id_token(self, job: Job, *, audience: str = "ci-guard", **changes: Any) -> str:
        """Return the ID token of a job; `changes` replaces claims, None takes one away."""
        content = {**self.claims(job, audience), **changes}
        return issuer.mint({name: value for name, value in content.items() if value is not None})

    def claims(self, job: Job, audience: str = "ci-guard") -> dict[str, Any]:
        """Return the claims that a job's ID token has."""
        project = self.world.projects[job.pipeline.project_id]
        return issuer.claims(self.world, project, job, self.url, audience)

    def job_environment(self, job: Job, **changes: str) -> dict[str, str]:
        """Return the predefined variables of a job, with its token; `changes` replaces some."""
        project, pipeline, mr = self.world.projects[job.pipeline.project_id], job.pipeline, job.merge_request
        user = self.world.user(job.user)
        token = next((t for t in self.world.tokens.values() if t.job == job.id), None) or self.world.job_token(job)
        version = ".".join(map(str, self.world.version))
        built = self.world.projects[mr.target_project_id] if mr else project
        ref = mr.source_branch if mr else pipeline.ref
        variables = {
            "CI": "true",
            "GITLAB_CI": "true",
            "CI_SERVER_URL": self.url,
            "CI_API_V4_URL": self.api_url,
            "CI_SERVER_VERSION": f"{version}.0-ee",
            "CI_PROJECT_ID": str(project.id),
            "CI_PROJECT_PATH": project.path,
            "CI_PROJECT_VISIBILITY": project.visibility,
            "CI_DEFAULT_BRANCH": project.default_branch,
            "CI_PIPELINE_ID": str(pipeline.id),
            "CI_PIPELINE_SOURCE": pipeline.source,
            "CI_JOB_ID": str(job.id),
            "CI_JOB_NAME": job.name,
            "CI_JOB_TOKEN": token.value,
            "CI_COMMIT_SHA": pipeline.sha,
            "CI_COMMIT_BEFORE_SHA": pipeline.before_sha,
            "CI_COMMIT_REF_NAME": ref,
            "CI_COMMIT_REF_PROTECTED": str(bool(project.rules_of(ref)) and mr is None).lower(),
            "GITLAB_USER_ID": str(user.id),
            "GITLAB_USER_LOGIN": user.username,
        }
        if pipeline.tag:
            variables["CI_COMMIT_TAG"] = ref
        elif mr is None:
            variables["CI_COMMIT_BRANCH"] = ref
        if mr is not None:
            variables |= {
                "CI_MERGE_REQUEST_IID": str(mr.iid),
                "CI_MERGE_REQUEST_PROJECT_ID": str(built.id),
                "CI_MERGE_REQUEST_REF_PATH": f"refs/merge-requests/{mr.iid}/{pipeline.ref.rsplit('/', 1)[-1]}"
                if pipeline.ref.startswith("refs/")
                else f"refs/merge-requests/{mr.iid}/head",
                "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": str(mr.source_project_id),
                "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": mr.source_branch,
                "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": mr.target_branch,
                "CI_MERGE_REQUEST_DIFF_BASE_SHA": mr.base_sha,
            }
        return {**variables, **changes}

    def check(self) -> None:
        """Raise when the fake did something wrong."""
        if self.violations:
            raise AssertionError("the fake GitLab erred:\n" + "\n".join(self.violations))

    # One call

    def _answer(self, call: Call) -> Reply:
        path = call.path.removeprefix(self.prefix) if call.path.startswith(f"{self.prefix}/") else ""
        inner = path.removeprefix("/api/v4") if path.startswith("/api/v4/") or path == KEYS else ""
        call = Call(method=call.method, path=inner, query=call.query, headers=call.headers, pairs=call.pairs)
        found = find(call)
        fault = self._plan.take(f"{call.method} {call.path}", found[0].operation if found else None)
        try:
            if call.path == KEYS:
                true = Answer(body={"keys": [one for name in self.keys for one in issuer.jwks(name)["keys"]]})
            elif found is None:
                self._violate(f"no route for {call.method} {path or call.path}")
                true = Answer(status=404, body={"error": "404 Not Found"})
            else:
                true = answer(self.world, call, self.url, route=found[0], parameters=found[1])
        except Refusal as refusal:
            true = Answer(status=refusal.status, body=refusal.body)
        except Exception:  # noqa: BLE001 - whatever breaks in here is the fake's fault and must fail the test
            self._violate(traceback.format_exc())
            true = Answer(status=500, body={"message": "the fake broke"})
        if found is not None and self._schemas is not None and not isinstance(true.body, bytes) and true.status == 200:
            problems, remarks = self._schemas.judge(found[0].operation, true.body)
            for problem in problems:
                self._violate(f"{call.path} answered against its schema: {problem}")
            self.remarks.update(remarks)
        sent = fault.change(true) if fault is not None and fault.change is not None else true
        self._record(call, found[0].operation if found else None, sent, fault)
        return Reply(answer=sent, fault=fault)

    def _violate(self, text: str) -> None:
        with self._lock:
            self.violations.append(text)

    def _record(self, call: Call, operation: str | None, sent: Answer, fault: Fault | None) -> None:
        try:
            token = authenticate(self.world, call)
        except Refusal:
            token = None
        recorded = Recorded(
            method=call.method,
            path=call.path,
            query=call.query,
            headers=public_headers(call.headers),
            token=token.name if token else None,
            operation=operation,
            status=0 if fault is not None and fault.wire == "reset" else sent.status,
            fault=fault.name if fault else None,
        )
        with self._lock:
            self.requests.append(recorded)
