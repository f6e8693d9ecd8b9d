"""Suppressions in whole runs: from the target's or the pushed commit to verdict, report and summary."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e import consumer, test_check
from tests.e2e.consumer import Consumer
from tests.e2e.test_check import Guard, Told, push_of
from tests.fakes.github import FakeGitHub
from tests.secrets.made_up import github_token

guard = test_check.guard  # the fixture

TOKEN = github_token(7)
CONFIG = f"TOKEN = '{TOKEN}'\n"
IGNORE = "conf.py:github-pat:1\n"
OWN = "version: 1\nallow: [{paths: [conf.py], rules: [github-pat], reason: made up}]\n"
POLICY = {
    ".ci-guard.yml": "version: 1\ncontrols: {secret-free: {require: {no-secrets: true, reviewed-suppressions: true}}}\n"
}

SUPPRESSIONS = {
    "gitleaks' list": {".gitleaksignore": IGNORE},
    "own file": {".ci-guard-secrets.yml": OWN},
    "comment": {"conf.py": f"TOKEN = '{TOKEN}'  # ci-guard:allow github-pat made up\n"},
}


def in_pull_request(github: FakeGitHub, guard: Guard, shop: Consumer, folder: Path) -> Told:
    run = shop.repo.run("pull_request", actor="alice", pull=shop.pull)
    payload = github.events(shop.repo).pull_request(shop.pull)
    environ = github.job_environment(shop.repo, run, payload, folder, GITHUB_TOKEN=github.token("job").value)
    return guard(environ, shop.path)


@pytest.mark.parametrize("name", SUPPRESSIONS)
def test_a_pull_request_cannot_suppress_its_own_secret(
    github: FakeGitHub,
    guard: Guard,
    tmp_path: Path,
    name: str,
) -> None:
    files = {"conf.py": CONFIG, **SUPPRESSIONS[name]}
    shop = consumer.make(github, tmp_path / "shop", merged=False, base_files=POLICY, head_files=files)
    told = in_pull_request(github, guard, shop, tmp_path / "job")
    assert told.exit_code == 1
    assert told.outcomes("secret-free") == {"no-secrets": "fail", "reviewed-suppressions": "fail"}
    said = told.of("reviewed-suppressions")
    assert "added in this change" in said["observed"]
    assert "reviewed change of its own first" in said["remedy"]
    assert told.report["scan"]["suppressed"] == []
    assert TOKEN[4:] not in told.stdout + told.stderr + str(told.report)


@pytest.mark.parametrize("name", SUPPRESSIONS)
def test_what_the_target_has_counts_in_a_pull_request_and_is_counted(
    github: FakeGitHub,
    guard: Guard,
    tmp_path: Path,
    name: str,
) -> None:
    files = {"conf.py": CONFIG, **SUPPRESSIONS[name]}
    shop = consumer.make(github, tmp_path / "shop", merged=False, base_files={**POLICY, **files})
    told = in_pull_request(github, guard, shop, tmp_path / "job")
    assert told.exit_code == 0, told.stdout
    assert told.outcomes("secret-free") == {"no-secrets": "pass", "reviewed-suppressions": "pass"}
    (hidden,) = told.report["scan"]["suppressed"]
    assert (hidden["count"], hidden["examples"][0]["location"]["path"]) == (1, "conf.py")
    assert "1 suppressed" in told.stdout
    assert TOKEN[4:] not in told.stdout + told.stderr + str(told.report)


def test_a_push_is_judged_by_the_suppressions_from_before_it(
    github: FakeGitHub,
    guard: Guard,
    tmp_path: Path,
) -> None:
    files = {"conf.py": CONFIG, ".gitleaksignore": IGNORE}
    shop = consumer.make(github, tmp_path / "shop", base_files=POLICY, head_files=files)
    told = guard(push_of(github, shop, tmp_path / "job"), shop.path)
    assert told.outcomes("secret-free") == {"no-secrets": "fail", "reviewed-suppressions": "fail"}


def test_a_push_on_what_was_suppressed_before_it_passes(
    github: FakeGitHub,
    guard: Guard,
    tmp_path: Path,
) -> None:
    files = {**POLICY, "conf.py": CONFIG, ".gitleaksignore": IGNORE}
    shop = consumer.make(github, tmp_path / "shop", base_files=files)
    told = guard(push_of(github, shop, tmp_path / "job"), shop.path)
    assert told.outcomes("secret-free") == {"no-secrets": "pass", "reviewed-suppressions": "pass"}


def test_where_the_commit_before_a_push_is_not_there_it_is_not_known_whether_they_were_reviewed(
    github: FakeGitHub,
    guard: Guard,
    tmp_path: Path,
) -> None:
    files = {**POLICY, "conf.py": CONFIG, ".gitleaksignore": IGNORE}
    shop = consumer.make(github, tmp_path / "shop", base_files=files)
    environ = push_of(github, shop, tmp_path / "job")
    consumer.git(tmp_path, "clone", "-q", "--depth", "1", f"file://{shop.path}", "shallow")
    told = guard(environ, tmp_path / "shallow")
    assert told.outcomes("secret-free") == {"no-secrets": "pass", "reviewed-suppressions": "unknown"}
    assert "not in this clone" in told.of("reviewed-suppressions")["message"]
    assert told.exit_code == 3


def test_a_file_of_ours_that_cannot_be_read_ends_the_run(
    github: FakeGitHub,
    guard: Guard,
    tmp_path: Path,
) -> None:
    head = {".ci-guard-secrets.yml": "version: 1\nallows: []\n"}
    shop = consumer.make(github, tmp_path / "shop", merged=False, base_files=POLICY, head_files=head)
    told = in_pull_request(github, guard, shop, tmp_path / "job")
    assert (told.exit_code, told.report["verdict"]) == (2, "error")
    assert ":2:1: an unknown key in the file; saw 'allows'" in told.stdout + told.stderr


def test_a_run_outside_ci_counts_what_the_tree_says(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    files = {**POLICY, "conf.py": CONFIG, ".gitleaksignore": IGNORE}
    shop = consumer.make(github, tmp_path / "shop", base_files=files)
    told = guard({}, shop.path, "check")
    assert told.outcomes("secret-free") == {"no-secrets": "pass", "reviewed-suppressions": "not-applicable"}
