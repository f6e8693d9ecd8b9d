"""What the server knows and the log does not: over real HTTP, page by page, never a pass where it cannot be seen."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ci_guard.audit.log import append
from ci_guard.audit.record import record_of
from ci_guard.entrypoints import cli
from ci_guard.model.fact import Known, Source
from tests.audit import logs
from tests.fakes.faults import Fault
from tests.fakes.hub.router import Answer, Call
from tests.fakes.server import LoopbackServer, Reply
from tests.reporters import sample
from tests.reporters.hostile import CORPUS

SHA = "1" * 40
OTHER = "2" * 40
TOKEN = "ghs_" + "A" * 36


@dataclass
class Server:
    """Lists runs and deployments as either platform does, two to a page."""

    lists: dict[str, Any] = field(default_factory=dict)
    """By the end of the path: items, or an answer."""
    pages: dict[tuple[str, int], Answer] = field(default_factory=dict)
    """Answers instead, by the end of the path and the page."""
    hidden: int = 0
    """Entries that are counted and not shown."""
    fault: Fault | None = None
    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server = LoopbackServer(self.receive)

    def receive(self, call: Call) -> Reply:
        self.calls.append(call)
        name = call.path.rpartition("/")[2]
        listed = self.lists.get(name, [])
        if isinstance(listed, Answer):
            return Reply(answer=listed)
        page = int(call.query.get("page", "1"))
        if (name, page) in self.pages:
            return Reply(answer=self.pages[name, page])
        items = listed[2 * page - 2 : 2 * page]
        headers = {}
        if len(listed) > 2 * page:
            headers["Link"] = f'<{self.server.origin}{call.path}?page={page + 1}>; rel="next"'
        total = len(listed) + self.hidden
        if call.path.startswith("/api/v4"):
            headers["X-Total"] = str(total)
        body = {"total_count": total, "workflow_runs": items} if name == "runs" else items
        return Reply(answer=Answer(body=body, headers=headers), fault=self.fault)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    made.server.start()
    yield made
    made.server.stop()


def run(number: int, sha: str = SHA, **other: Any) -> dict[str, Any]:
    return {
        "id": number,
        "created_at": f"2026-11-25T10:{60 - number:02}:00Z",
        "head_sha": sha,
        "head_branch": "main",
        "event": "push",
        "status": "completed",
        "conclusion": "success",
        "html_url": f"https://github.com/acme/app/actions/runs/{number}",
        **other,
    }


def pipeline(number: int, sha: str = SHA, **other: Any) -> dict[str, Any]:
    made = {"id": number, "created_at": f"2026-11-25T10:{60 - number:02}:00.000Z", "sha": sha, "ref": "main"}
    address = f"https://gitlab.example/acme/app/-/pipelines/{number}"
    return {**made, "source": "push", "status": "success", "web_url": address, **other}


def deployment(number: int, environment: Any, sha: str = SHA, **other: Any) -> dict[str, Any]:
    made = {"id": number, "created_at": f"2026-11-25T11:{60 - number:02}:00Z", "sha": sha, "ref": "main"}
    return {**made, "environment": environment, **other}


def log_of(folder: Path, *said: dict[str, Any]) -> Path:
    """Return a log of runs: `number`, `sha`, `environment`, `denied`, `repository`."""
    path = folder / "audit.jsonl"
    for each in said:
        number, sha = each["number"], Known(value=each.get("sha", SHA), source=Source.API)
        page = each.get("url", "https://github.com/acme/app/actions/runs/{}").format(number)
        of = {"repository": each.get("repository", "acme/app"), "repository_id": each.get("id", "7")}
        about = {"sha": sha, "environment": each.get("environment"), "run_url": page}
        made = logs.result(0 if each.get("denied") else 1, **about, **of)
        append(path, record_of(made), origin=logs.ORIGIN)
    return path


def reconcile(server: Server, log: Path, *words: str, token: str = TOKEN) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    environ = {"GITHUB_API_URL": server.server.origin, "GITHUB_TOKEN": token} if token else {}
    asked = ["--platform", "github", "--repository", "acme/app", "--since", "2026-11-25T00:00:00Z"]
    code = cli.run(["audit", "reconcile", str(log), *asked, *words], environ, out, err)
    return code, out.getvalue() + err.getvalue()


def test_a_log_that_knows_all_is_fine_by_number_and_commit(server: Server, tmp_path: Path) -> None:
    again = "https://github.com/acme/app/actions/runs/{}/attempts/2"
    log = log_of(tmp_path, {"number": 1}, {"number": 2, "url": again}, {"number": 3, "environment": "production"})
    server.lists = {"runs": [run(1), run(2), run(3)], "deployments": [deployment(9, "production")]}
    code, told = reconcile(server, log)
    assert code == 0
    assert "3 runs and 1 deployments; 0 not as in the log" in told


def test_runs_of_another_repository_vouch_for_nothing_here(server: Server, tmp_path: Path) -> None:
    """A mirror or a fork has the very same commits."""
    log = log_of(
        tmp_path,
        {"number": 1, "repository": "Acme/App"},
        {"number": 2, "environment": "production", "repository": "mallory/app", "id": "8"},
    )
    server.lists = {"runs": [run(1), run(2)], "deployments": [deployment(9, "production")]}
    code, told = reconcile(server, log)
    assert code == 1
    assert "run 2" in told
    assert "deployment 9" in told
    assert "1 records are of other repositories and were left out" in " ".join(told.split())


def test_every_page_is_read_and_what_the_log_lacks_is_named(server: Server, tmp_path: Path) -> None:
    log = log_of(tmp_path, {"number": 1}, {"number": 4})
    server.lists = {"runs": [run(1), run(2), run(3), run(4), run(5)]}
    code, told = reconcile(server, log, "--format", "json")
    found = json.loads(told)
    assert code == 1
    assert [row["id"] for row in found["missing"]] == ["2", "3", "5"]
    assert len([call for call in server.calls if call.path.endswith("/runs")]) == 3


def test_pages_of_what_nobody_asks_for_are_not_read(server: Server, tmp_path: Path) -> None:
    old = {"created_at": "2026-11-20T10:00:00Z"}
    server.lists = {"runs": [run(1), *(run(number, **old) for number in range(2, 9))]}
    code, told = reconcile(server, log_of(tmp_path, {"number": 1}))
    assert (code, "1 runs" in told) == (0, True)
    assert len([call for call in server.calls if call.path.endswith("/runs")]) == 1


@pytest.mark.parametrize(
    ("other", "missing"),
    [
        ({"status": "in_progress", "conclusion": None}, False),
        ({"status": "queued", "conclusion": None}, False),
        ({"conclusion": "skipped"}, False),
        ({"conclusion": "action_required"}, False),
        ({"conclusion": "cancelled"}, True),
        ({"conclusion": "failure"}, True),
        ({"conclusion": None}, True),
    ],
)
def test_a_run_that_did_nothing_or_still_goes_on_is_not_missing(
    server: Server, tmp_path: Path, other: dict[str, Any], missing: bool
) -> None:
    server.lists = {"runs": [run(1), run(2, **other)]}
    assert reconcile(server, log_of(tmp_path, {"number": 1}))[0] == missing


def test_a_run_of_another_commit_than_the_log_says_is_told(server: Server, tmp_path: Path) -> None:
    server.lists = {"runs": [run(1, sha=OTHER)]}
    code, told = reconcile(server, log_of(tmp_path, {"number": 1}))
    assert (code, "is in the log with another commit" in told) == (1, True)
    server.lists = {"runs": [run(1, sha=sample.HEAD)]}  # the head of the change, where the merge was judged
    assert reconcile(server, tmp_path / "audit.jsonl")[0] == 0


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"number": 1, "environment": "production"}, ""),
        ({"number": 1, "environment": "production", "denied": True}, "although no run in the log let it go on"),
        ({"number": 1, "environment": "staging"}, "its commit is, for no such environment"),
        ({"number": 1, "environment": "production", "sha": OTHER}, "deployment 7"),
    ],
)
def test_a_deployment_needs_a_run_that_went_on_there(
    server: Server, tmp_path: Path, said: dict[str, Any], why: str
) -> None:
    server.lists = {"deployments": [deployment(7, "production")]}
    code, told = reconcile(server, log_of(tmp_path, said))
    assert (code, why in told) == (1 if why else 0, True)


@pytest.mark.parametrize("status", [403, 404])
def test_what_the_token_may_not_see_is_unknown_with_the_permission(server: Server, tmp_path: Path, status: int) -> None:
    headers = {"X-Accepted-GitHub-Permissions": "deployments=read"}
    server.lists["deployments"] = Answer(status=status, body={"message": "Not Found"}, headers=headers)
    server.lists["runs"] = [run(1)]
    log = log_of(tmp_path, {"number": 1})
    code, told = reconcile(server, log)
    assert code == 3
    assert "deployments: read" in told
    server.lists["runs"] = [run(1), run(2)]
    assert reconcile(server, log)[0] == 1, "what is missing is missing, whatever else cannot be seen"


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(status=200, body={"workflow_runs": "all"}),
        Answer(status=200, body={"workflow_runs": [{"id": 1}]}),
        Answer(status=200, body={"workflow_runs": [run(1, created_at="yesterday")]}),
        Answer(status=200, body=b"<html>"),
        Answer(status=302, body=b"", headers={"Location": "http://127.0.0.2/runs"}),
        Answer(status=200, body={"workflow_runs": []}, headers={"Link": '<http://127.0.0.2/runs?page=2>; rel="next"'}),
    ],
    ids=range(6),
)
def test_an_answer_that_is_none_is_unknown(server: Server, tmp_path: Path, trouble: Answer) -> None:
    server.lists["runs"] = trouble
    assert reconcile(server, log_of(tmp_path, {"number": 1}))[0] == 3


def test_a_torn_answer_is_unknown(server: Server, tmp_path: Path) -> None:
    server.lists["runs"] = [run(1)]
    server.fault = Fault(name="torn", wire="truncate")
    assert reconcile(server, log_of(tmp_path, {"number": 1}))[0] == 3


def test_without_a_token_nothing_is_known(server: Server, tmp_path: Path) -> None:
    code, told = reconcile(server, log_of(tmp_path, {"number": 1}), token="")
    assert (code, "no token was given" in told) == (3, True)


def test_the_log_s_first_record_says_where_to_begin(server: Server, tmp_path: Path) -> None:
    server.lists = {"runs": [run(1), run(2, created_at="2026-11-01T00:00:00Z")]}
    out = io.StringIO()
    environ = {"GITHUB_API_URL": server.server.origin, "GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": "acme/app"}
    log = log_of(tmp_path, {"number": 1})
    assert cli.run(["audit", "reconcile", str(log), "--platform", "github"], environ, out, out) == 0
    log.write_text("")
    assert cli.run(["audit", "reconcile", str(log), "--platform", "github"], environ, out, out) == 2


def test_strangers_names_are_harmless(server: Server, tmp_path: Path) -> None:
    texts = [text for text in CORPUS.values() if "\0" not in text]
    server.lists["runs"] = [run(1), *(run(2 + n, head_branch=text, event=text) for n, text in enumerate(texts[:50]))]
    server.lists["deployments"] = [deployment(1, text) for text in texts[:1]]
    code, told = reconcile(server, log_of(tmp_path, {"number": 1}))
    assert code == 1
    assert not [line for line in told.splitlines() if not line.startswith(("run ", "deployment ", "Seen", "  "))]
    assert "\x1b" not in told
    assert "::error" not in "".join(line[:2] for line in told.splitlines())
    code, told = reconcile(server, tmp_path / "audit.jsonl", "--format", "json")
    assert (code, told.isascii()) == (1, True)


def gitlab(server: Server, log: Path, *words: str, **environ: str) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    asked = ["--platform", "gitlab", "--since", "2026-11-25T00:00:00Z", *words]
    given = {"CI_SERVER_URL": server.server.origin, "CI_GUARD_TOKEN": "glpat-" + "A" * 20, **environ}
    code = cli.run(["audit", "reconcile", str(log), *asked], given, out, err)
    return code, out.getvalue() + err.getvalue()


PIPELINES = "https://gitlab.example/acme/app/-/pipelines/{}"


def test_pipelines_and_deployments_of_gitlab_are_held_against_the_log(server: Server, tmp_path: Path) -> None:
    log = log_of(
        tmp_path, {"number": 1, "url": PIPELINES, "environment": "production"}, {"number": 3, "url": PIPELINES}
    )
    server.lists = {
        "pipelines": [pipeline(1), pipeline(2, status="running"), pipeline(3)],
        "deployments": [deployment(1, {"name": "production"}, status="success")],
    }
    code, told = gitlab(server, log, CI_PROJECT_ID="7")
    assert (code, "1 of them still go on" in told) == (0, True)
    server.lists["pipelines"].append(pipeline(4, status="manual"))
    server.lists["deployments"].append(deployment(2, {"name": "live\n::x"}, status="success"))
    code, told = gitlab(server, log, CI_PROJECT_ID="7")
    assert code == 1
    assert "pipelines/4" in told
    assert "deployment 2" in told
    assert {call.path for call in server.calls} == {"/api/v4/projects/7/pipelines", "/api/v4/projects/7/deployments"}


def test_outside_a_job_somebody_has_to_name_the_repository(server: Server, tmp_path: Path) -> None:
    code, told = gitlab(server, log_of(tmp_path, {"number": 1}))
    assert (code, "No repository was named." in told, server.calls) == (2, True, [])


def test_a_project_of_gitlab_is_named_by_its_path_too(server: Server, tmp_path: Path) -> None:
    log = log_of(tmp_path, {"number": 1, "url": PIPELINES})
    server.lists["acme%2Fapp"] = Answer(body={"id": 7})
    server.lists["pipelines"] = [pipeline(1)]
    assert gitlab(server, log, "--repository", "acme/app")[0] == 0
    server.lists["acme%2Fapp"] = Answer(status=404, body={"message": "404 Project Not Found"})
    code, told = gitlab(server, log, "--repository", "acme/app")
    assert (code, "Reporter" in told) == (3, True)
    assert gitlab(server, log)[0] == 2


def test_a_job_s_token_is_not_asked_for_pipelines(server: Server, tmp_path: Path) -> None:
    log = log_of(tmp_path, {"number": 1, "url": PIPELINES})
    code, told = gitlab(server, log, CI_PROJECT_ID="7", CI_GUARD_TOKEN="", CI_JOB_TOKEN="glcbt-" + "A" * 20)
    assert (code, "a job's token does not show this" in told) == (3, True)


def errored(log: Path, environ: dict[str, str], platform: str, *words: str) -> dict[str, Any]:
    """Let a run end in an error and return its record."""
    out = io.StringIO()
    assert (
        cli.run(["check", "no-such", "--platform", platform, "--audit-log", str(log), *words], environ, out, out) == 2
    )
    assert "nothing vouches for them" in " ".join(out.getvalue().split()) or not environ.get("GITHUB_ACTOR")
    return dict(json.loads(log.read_bytes().split(b"\n")[-2])["record"])


def test_a_run_that_an_error_ended_early_is_known_by_its_variables_and_told_apart(
    server: Server, tmp_path: Path
) -> None:
    log, event = tmp_path / "audit.jsonl", tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": {"sha": OTHER}}}))
    said = {"REPOSITORY": "acme/app", "RUN_ID": "5", "RUN_ATTEMPT": "2", "SHA": SHA, "REF": "refs/pull/7/merge"}
    said |= {"SERVER_URL": "https://github.com", "ACTOR": "al\nice", "EVENT_NAME": "pull_request", "BASE_REF": "main"}
    environ = {f"GITHUB_{name}": value for name, value in said.items()} | {"GITHUB_EVENT_PATH": str(event)}
    record = errored(log, environ, "github", "--environment", "production")
    assert (record["claimed"], record["who"]["actor"], record["verdict"]) == (True, "al\nice", "error")
    what = record["what"]
    assert what["run_url"] == "https://github.com/acme/app/actions/runs/5/attempts/2"
    assert what["change"] == {"number": 7, "head": OTHER, "target": "main"}
    assert what["sources"] == {"ref": "env", "sha": "env", "event": None, "change": "env"}
    assert (what["environment"], what["platform_event"]) == ("production", "pull_request")
    server.lists = {"runs": [run(5, sha=OTHER, conclusion="failure")]}
    code, told = reconcile(server, log)
    assert (code, "1 runs are named by their variables alone: 5" in told) == (0, True)
    server.lists = {"runs": [run(5, sha=OTHER)]}
    code, told = reconcile(server, log)
    assert (code, "succeeded, and is in the log as one that an error ended" in told) == (1, True)
    server.lists = {"deployments": [deployment(1, "production", OTHER)]}
    assert reconcile(server, log)[0] == 1, "it did not go on"


def test_a_pipeline_that_an_error_ended_early_is_known_by_its_variables(server: Server, tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    said = {"PIPELINE_ID": "5", "COMMIT_SHA": SHA, "PROJECT_PATH": "acme/app", "SERVER_URL": "https://gitlab.example"}
    said |= {"COMMIT_REF_NAME": "v1", "COMMIT_TAG": "v1", "PIPELINE_SOURCE": "push", "PROJECT_ID": "7"}
    record = errored(log, {f"CI_{name}": value for name, value in said.items()}, "gitlab")
    assert record["what"]["run_url"] == PIPELINES.format(5)
    assert record["what"]["ref"] == "refs/tags/v1"
    server.lists = {"pipelines": [pipeline(5, status="failed")]}
    assert gitlab(server, log, CI_PROJECT_ID="7")[0] == 0


@pytest.mark.parametrize("text", CORPUS.values(), ids=CORPUS.keys())
def test_whatever_variables_hold_an_error_is_recorded(text: str, tmp_path: Path) -> None:
    for platform, prefix, names in (
        ("github", "GITHUB_", ("REPOSITORY", "RUN_ID", "SHA", "REF", "SERVER_URL", "ACTOR", "EVENT_PATH")),
        ("gitlab", "CI_", ("PIPELINE_ID", "COMMIT_SHA", "PROJECT_PATH", "SERVER_URL", "COMMIT_REF_NAME")),
    ):
        record = errored(tmp_path / "a.jsonl", {prefix + name: text for name in names}, platform)
        assert (record["what"]["sha"], record["what"]["run_url"]) == (None, None)


LIMITS = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4102444800"}
LATER = {
    "forbidden": Answer(status=403, body={"message": "Forbidden"}),
    "not found": Answer(status=404, body={"message": "404 Not Found"}),
    "limited for long": Answer(status=429, body={"message": "slow down"}, headers={"Retry-After": "3600"}),
    "exhausted": Answer(status=403, body={"message": "API rate limit exceeded"}, headers=LIMITS),
    "no list": Answer(status=200, body={"message": "moved"}),
}


@pytest.mark.parametrize("name", ["runs", "deployments"])
@pytest.mark.parametrize("platform", ["github", "gitlab"])
@pytest.mark.parametrize("answer", LATER.values(), ids=LATER.keys())
def test_a_list_that_breaks_off_at_a_later_page_is_unknown_and_never_complete(
    server: Server, tmp_path: Path, platform: str, name: str, answer: Answer
) -> None:
    """What the first page shows is in the log, and what the second one holds nobody can tell."""
    on_github = platform == "github"
    page = "https://github.com/acme/app/actions/runs/{}" if on_github else PIPELINES
    log = log_of(tmp_path, *({"number": number, "url": page, "environment": "live"} for number in (1, 2, 3)))
    made: Any = run if on_github else pipeline
    runs = "runs" if on_github else "pipelines"
    where: Any = "live" if on_github else {"name": "live"}
    server.lists[runs] = [made(number) for number in (1, 2, 3)]
    server.lists["deployments"] = [deployment(number, where, status="success") for number in (1, 2, 3)]
    asked = (reconcile, ()) if on_github else (gitlab, ("--repository", "7"))
    code, told = asked[0](server, log, *asked[1])
    assert (code, "3 runs and 3 deployments; 0 not as in the log" in told) == (0, True), told
    server.pages[runs if name == "runs" else "deployments", 2] = answer
    code, told = asked[0](server, log, *asked[1])
    assert (code, f"Unknown {name}: " in " ".join(told.split())) == (3, True), told
    assert f"3 {name}" not in told
    code, told = asked[0](server, log, *asked[1], "--format", "json")
    found = json.loads(told)
    assert (list(found["unknown"]), name in found["counts"]) == ([name], False)


@pytest.mark.parametrize("platform", ["github", "gitlab"])
def test_a_server_that_counts_more_than_it_shows_is_unknown(server: Server, tmp_path: Path, platform: str) -> None:
    server.hidden = 1
    if platform == "github":
        server.lists["runs"] = [run(1)]
        code, told = reconcile(server, log_of(tmp_path, {"number": 1}))
    else:
        server.lists["pipelines"] = [pipeline(1)]
        code, told = gitlab(server, log_of(tmp_path, {"number": 1, "url": PIPELINES}), "--repository", "7")
    assert (code, "the server counts 2 entries and showed 1" in " ".join(told.split())) == (3, True), told
