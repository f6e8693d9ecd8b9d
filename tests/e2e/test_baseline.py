"""The baseline in whole runs: written once, read where the policy is, and only ever made smaller."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e import consumer, test_check
from tests.e2e.consumer import Consumer
from tests.e2e.test_check import Guard, Told, push_of
from tests.e2e.test_suppressions import in_pull_request
from tests.fakes.github import FakeGitHub
from tests.secrets.made_up import github_token

guard = test_check.guard  # the fixture

FILE = ".ci-guard-baseline.json"
POLICY = (
    "version: 1\n"
    "controls: {secret-free: {require: {no-secrets: true}}}\n"
    f"baseline: {{file: {FILE}, until: 9999-12-31}}\n"
)
OLD, NEW = (f"TOKEN = '{github_token(number)}'\n" for number in (7, 8))


def words(told: Told) -> str:
    """Return what was told, however its lines were wrapped."""
    return " ".join(told.stdout.split())


def local(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir()
    consumer.git(folder, "init", "-q", "-b", "main")
    consumer.write(folder, files)
    consumer.git(folder, "commit", "-q", "-m", "Start")
    return folder


def commit(folder: Path, files: dict[str, str]) -> None:
    consumer.write(folder, files)
    consumer.git(folder, "commit", "-q", "-m", "Go on")


def test_a_baseline_lives_from_the_first_run_to_the_last_fix(guard: Guard, tmp_path: Path) -> None:
    shop = local(tmp_path / "shop", {".ci-guard.yml": POLICY, "old.py": OLD, "older.py": NEW})
    first = guard({}, shop, "check", "--init-baseline", FILE)
    assert first.exit_code == 1
    assert "does not exist yet" in words(first)
    assert f"{FILE} was written with 2 known failures" in words(first)
    written = (shop / FILE).read_text(encoding="utf-8")
    assert len(json.loads(written)["known"]) == 2
    assert github_token(7)[4:] not in written
    again = guard({}, shop, "check", "--init-baseline", FILE)
    assert again.exit_code == 2
    assert "never grows by itself" in again.stdout + again.stderr

    commit(shop, {})
    known = guard({}, shop, "check")
    assert known.exit_code == 0, known.stdout
    assert "known since" in words(known)

    (shop / "older.py").unlink()
    commit(shop, {"newer.py": "\n\n" + NEW})
    told = guard({}, shop, "check", "--update-baseline", FILE)
    assert told.exit_code == 1, "a secret in another place is a new one"
    assert "knows what is fixed" in words(told)
    assert f"{FILE}: 1 fixed failures were removed, 1 stay" in words(told)
    (left,) = json.loads((shop / FILE).read_text(encoding="utf-8"))["known"]
    assert left in json.loads(written)["known"]


def baseline_of(guard: Guard, folder: Path, files: dict[str, str]) -> str:
    made = local(folder, {".ci-guard.yml": POLICY, **files})
    guard({}, made, "check", "--init-baseline", FILE)
    return (made / FILE).read_text(encoding="utf-8")


def made(github: FakeGitHub, path: Path, base: dict[str, str], head: dict[str, str]) -> Consumer:
    return consumer.make(github, path, merged=False, base_files={".ci-guard.yml": POLICY, **base}, head_files=head)


def test_a_baseline_that_a_change_brings_does_not_count_in_it(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    known = baseline_of(guard, tmp_path / "other", {"conf.py": OLD})
    shop = made(github, tmp_path / "shop", {}, {"conf.py": OLD, FILE: known})
    told = in_pull_request(github, guard, shop, tmp_path / "job")
    assert (told.exit_code, told.report["verdict"]) == (1, "deny")


def test_what_the_target_knows_is_waived_in_a_change(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    known = baseline_of(guard, tmp_path / "other", {"conf.py": OLD})
    shop = made(github, tmp_path / "shop", {"conf.py": OLD, FILE: known}, {"cart.py": "ITEMS = []\n"})
    told = in_pull_request(github, guard, shop, tmp_path / "job")
    assert told.exit_code == 0, told.stdout
    assert {one["waived"]["until"] for one in told.report["judgements"] if one["waived"]} == {"9999-12-31"}


def test_a_bad_baseline_in_a_change_is_told_before_it_is_merged(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    shop = made(github, tmp_path / "shop", {}, {FILE: '{"schema": "ci-guard.baseline/v1", "known": [7]}'})
    told = in_pull_request(github, guard, shop, tmp_path / "job")
    assert told.exit_code == 2
    assert "a known failure was refused; saw 7, expected a map" in told.stdout + told.stderr


@pytest.mark.parametrize(("before", "verdict"), [(False, "deny"), (True, "allow")], ids=["with the push", "before it"])
def test_a_baseline_that_a_push_brings_does_not_waive_that_push(
    github: FakeGitHub, guard: Guard, tmp_path: Path, before: bool, verdict: str
) -> None:
    files = {".ci-guard.yml": POLICY, "old.py": OLD}
    folder = local(tmp_path / "local", files)
    guard({}, folder, "check", "--init-baseline", FILE)
    known = {FILE: (folder / FILE).read_text(encoding="utf-8")}
    base, head = ({**files, **known}, {"cart.py": "ITEMS = []\n"}) if before else (files, known)
    shop = consumer.make(github, tmp_path / "shop", base_files=base, head_files=head)
    told = guard(push_of(github, shop, tmp_path / "job"), shop.path)
    assert told.report["verdict"] == verdict
