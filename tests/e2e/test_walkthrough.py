"""What the quickstart and the page on adoption tell a reader to do has the effect that they promise."""

from __future__ import annotations

import io
import json
import re
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ci_guard.entrypoints import cli
from tests.e2e import consumer
from tests.e2e.consumer import Consumer
from tests.fakes.github import FakeGitHub, rule

DOCS = consumer.ROOT / "docs"

Check = Callable[[Consumer, str], dict[str, Any]]


def block(page: str, language: str, words: str) -> str:
    """Return the block of that page that holds these words."""
    found = re.findall(
        rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    (one,) = (text for text in found if words in text)
    return str(one)


@pytest.fixture
def check(github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    def run(shop: Consumer, event: str) -> dict[str, Any]:
        if event == "pull_request":
            started = shop.repo.run(event, actor="alice", pull=shop.pull)
            payload = github.events(shop.repo).pull_request(shop.pull)
        else:
            started = shop.repo.run("push", actor="olivia", sha=shop.merge)
            payload = github.events(shop.repo).push("main", before=shop.base, sender="olivia")
        token = github.token("job").value
        environ = github.job_environment(shop.repo, started, payload, tmp_path / "job", GITHUB_TOKEN=token)
        return judged(shop.path, "--platform", "github", environ=environ, monkeypatch=monkeypatch)

    return run


def judged(
    path: Path, *options: str, environ: dict[str, str] | None = None, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    monkeypatch.chdir(path)
    report = path.parent / "report.json"
    cli.run(["check", *options, "--report", f"json={report}"], environ or {}, io.StringIO(), io.StringIO())
    return dict(json.loads(report.read_text(encoding="utf-8")))


def add_quickstarts_ruleset(shop: Consumer, *, approvals: int | None = None) -> None:
    ruleset = json.loads(block("quickstart.md", "json", "ref_name"))
    rules = [rule(each["type"], **each.get("parameters", {})) for each in ruleset["rules"]]
    for each in rules:
        if each.parameters and approvals is not None and "required_approving_review_count" in each.parameters:
            each.parameters["required_approving_review_count"] = approvals
    shop.repo.ruleset(
        ruleset["name"], rules=rules, enforcement=ruleset["enforcement"], **ruleset["conditions"]["ref_name"]
    )


def test_the_quickstarts_pull_request_is_denied_for_five_reasons(
    github: FakeGitHub, check: Check, tmp_path: Path
) -> None:
    report = check(
        consumer.make(github, tmp_path / "shop", merged=False, approved_by=(), protected=False), "pull_request"
    )
    assert report["verdict"] == "deny"
    assert sum(each["outcome"] == "fail" for each in report["judgements"]) == 5


@pytest.mark.parametrize("event", ["pull_request", "push"])
def test_the_quickstarts_ruleset_makes_it_pass(github: FakeGitHub, check: Check, tmp_path: Path, event: str) -> None:
    shop = consumer.make(github, tmp_path / "shop", merged=event == "push", protected=False)
    add_quickstarts_ruleset(shop)
    assert check(shop, event)["verdict"] == "allow"


@pytest.mark.parametrize("event", ["pull_request", "push"])
def test_the_solo_maintainers_waivers_allow_and_are_shown(
    github: FakeGitHub, check: Check, tmp_path: Path, event: str
) -> None:
    ahead = (datetime.now(timezone.utc) + timedelta(days=30)).date().isoformat()
    policy = re.sub(r"until: [\d-]+", f"until: {ahead}", block("adoption.md", "yaml", "I work alone"))
    shop = consumer.make(
        github,
        tmp_path / "shop",
        merged=event == "push",
        approved_by=(),
        protected=False,
        base_files={".ci-guard.yml": policy},
    )
    add_quickstarts_ruleset(shop, approvals=0)
    report = check(shop, event)
    assert report["verdict"] == "allow"
    assert any(each["waived"] for each in report["judgements"])


def test_the_made_up_key_is_found_where_the_quickstart_says_and_gone_when_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "repository"
    path.mkdir()
    consumer.git(path, "init", "-q", "-b", "main")
    consumer.write(path, {"README.md": "# Here\n"})
    consumer.git(path, "commit", "-q", "-m", "Start")
    make_up = block("quickstart.md", "console", "printf").splitlines()[0].removeprefix("$ ")
    subprocess.run(["bash", "-c", make_up], cwd=path, check=True)
    report = judged(path, monkeypatch=monkeypatch)
    (found,) = (each for each in report["judgements"] if each["outcome"] == "fail")
    assert (report["exit_code"], found["location"]["path"], found["location"]["line"]) == (1, "config.py", 1)
    (path / "config.py").unlink()
    assert judged(path, monkeypatch=monkeypatch)["exit_code"] == 0
