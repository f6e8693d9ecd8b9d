"""`ci-guard policy test` and `simulate`: readable differences, places of mistakes, exit codes that scripts use."""

from __future__ import annotations

import io
import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ci_guard.entrypoints import cli
from tests.e2e import consumer
from tests.fakes.github import FakeGitHub

POLICY = """\
version: 1
controls:
  actor-permissions: {require: {actor: maintain}}
  branch-protection: {branches: [default], on-invisible: warn, require: {no-force-push: true}}
"""

NINE = "version: 1\nextends: builtin:baseline\ncontrols: {required-reviews: {require: {approvals: 9}}}\n"

TIMED = "  - name: a\n    time: 2026-11-25T12:00:00Z\n"

GIVEN = """\
    set:
      run: {event: push, ref: refs/heads/main, sha: "1111111111111111111111111111111111111111", default_branch: main}
      people:
        - part: actor
          who:
            person: {login: "::error::olivia", id: 7, type: user}
            access: {level: write, role: write}
      branches:
        - entry: default
          branches:
            - name: main
              exists: true
              flags: {no-force-push: true}
"""


def told(*arguments: str) -> tuple[int, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    code = cli.run(arguments, {}, stdout, stderr)
    return code, stdout.getvalue() + stderr.getvalue()


def cases(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "policy.yml").write_text(POLICY)
    (folder / "cases").mkdir(exist_ok=True)
    (folder / "cases" / "push.yml").write_text("version: 1\npolicy: ../policy.yml\ncases:\n" + text)
    return folder / "cases"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start commands where the files are: cases name none from elsewhere."""
    monkeypatch.chdir(tmp_path)


def test_cases_that_hold_pass(tmp_path: Path) -> None:
    folder = cases(
        tmp_path,
        "  - name: a writer is not enough\n    time: 2026-11-25T12:00:00Z\n"
        + GIVEN
        + "    expect: {verdict: deny, exit-code: 1, outcomes:"
        " {actor-permissions/actor: fail, branch-protection/no-force-push@main: pass}}\n",
    )
    code, text = told("policy", "test", str(folder))
    assert code == 0, text
    assert "1 case passed." in text


def test_a_case_that_does_not_hold_shows_what_was_expected_and_what_was_seen(tmp_path: Path) -> None:
    folder = cases(
        tmp_path,
        "  - name: a writer is enough\n    time: 2026-11-25T12:00:00Z\n"
        + GIVEN
        + "    expect: {verdict: allow, outcomes: {actor-permissions/actor: pass, secret-free/no-secrets: pass}}\n",
    )
    code, text = told("policy", "test", str(folder))
    assert code == 1
    for line in ("push.yml:4", "verdict", "expected", "allow", "deny:", "actor-permissions/actor", "not-judged"):
        assert line in text
    assert "1 case, 1 failed." in text
    assert "\n::error::" not in text


@pytest.mark.parametrize(("environment", "verdict"), [("staging", "allow"), ("production", "deny")])
def test_a_case_that_names_an_environment_is_admitted_by_a_row_for_it(
    environment: str, verdict: str, tmp_path: Path
) -> None:
    run = f"run: {{environment: {environment}, "
    expect = f"    expect: {{verdict: {verdict}}}\n"
    folder = cases(tmp_path, TIMED + GIVEN.replace("run: {", run) + expect)
    (tmp_path / "policy.yml").write_text(
        "version: 1\nroles: [{name: writers, levels: [write]}]\n"
        "admission: [{role: writers, events: [push], refs: [any], environments: [staging]}]\n"
    )
    code, text = told("policy", "test", str(folder))
    assert code == 0, text


def test_what_is_unknown_is_said_with_its_cause(tmp_path: Path) -> None:
    given = GIVEN.replace(
        "flags: {no-force-push: true}", "flags: {no-force-push: {unknown: hidden, cause: invisible, needs: admin}}"
    )
    folder = cases(
        tmp_path,
        "  - name: hidden rules are tolerated\n    time: 2026-11-25T12:00:00Z\n"
        + given.replace("level: write", "level: admin")
        + "    expect: {verdict: allow, outcomes: {branch-protection/no-force-push: unknown}}\n",
    )
    code, text = told("policy", "test", str(folder))
    assert code == 0, text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("  - name: a\n    expect: {verdict: deny}\n", "push.yml:4:5: a case has neither facts nor time"),
        ("  - name: a\n    time: now\n    expect: {verdict: deny}\n", "push.yml:5:11: time was refused"),
        ("  - name: a\n    time: 2026-11-25T12:00:00Z\n    expect: {}\n", "expect was refused"),
        ("  - name: a\n    time: 2026-11-25T12:00:00Z\n    expect: {verdict: maybe}\n", "verdict was refused"),
        (TIMED + "    set: {run: {evnt: push}}\n    expect: {verdict: deny}\n", "Perhaps you meant event"),
        (TIMED + "    set: {run: {event: pusch}}\n    expect: {verdict: deny}\n", "push.yml:6:24: a fact was refused"),
        (TIMED + "    set: {people: [{part: actor, note: 3}]}\n    expect: {}\n", "saw 3, expected text"),
        ("  - name: a\n    facts: nowhere.json\n    expect: {verdict: deny}\n", "could not be read"),
        (
            "  - name: a\n    time: 2026-11-25T12:00:00Z\n    expect: {outcomes: {secret-free/no-secret: pass}}\n",
            "Perhaps you meant secret-free/no-secrets",
        ),
    ],
)
def test_a_mistake_in_a_case_is_told_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    code, shown = told("policy", "test", str(cases(tmp_path, text)))
    assert code == 2, shown
    assert said in " ".join(shown.split())


ELSEWHERE = {
    "above": "../../netrc",
    "from the root": "/proc/self/environ",
    "behind a link": "link",
    "a pipe": "pipe",
    "a device": "/dev/zero",
    "a folder": "..",
    "NUL": "a\\0b",
}


@pytest.mark.parametrize("name", ELSEWHERE.values(), ids=ELSEWHERE)
@pytest.mark.parametrize("key", ["policy", "facts"])
def test_cases_of_a_stranger_read_nothing_outside_of_the_repository_and_wait_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, name: str
) -> None:
    (tmp_path / "netrc").write_text("machine example.com login u password correct horse\n")
    folder = cases(tmp_path / "shop", "")
    (folder / "link").symlink_to(tmp_path / "netrc")
    os.mkfifo(folder / "pipe")
    facts = f'    facts: "{name if key == "facts" else "x.json"}"\n'
    policy = name if key == "policy" else "../policy.yml"
    text = f'version: 1\npolicy: "{policy}"\ncases:\n  - name: a\n{facts}    expect: {{verdict: deny}}\n'
    (folder / "push.yml").write_text(text)
    monkeypatch.chdir(tmp_path / "shop")
    code, shown = told("policy", "test", "cases")
    assert code == 2
    assert f"{key} was refused; saw" in shown
    assert "horse" not in shown


@pytest.mark.parametrize(("action", "name"), [("test", "b.yml"), ("simulate", "b.json")])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_folder_of_a_stranger_s_leads_nowhere_else_and_makes_nobody_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str, name: str, kind: str
) -> None:
    folder = cases(tmp_path / "shop", TIMED + "    expect: {verdict: undecided}\n")
    (tmp_path / "secret").write_text('{"schema": "ci-guard.facts/v1", "failure": "correct horse"}')
    if kind == "link":
        (folder / name).symlink_to(tmp_path / "secret")
    else:
        os.mkfifo(folder / name)
    monkeypatch.chdir(tmp_path / "shop")
    code, shown = told("policy", action, "cases", "--policy", "policy.yml")
    assert code == 2
    assert f"{name}' w" in shown
    assert "refused: expected a file in" in shown
    assert "horse" not in shown


@pytest.mark.parametrize("arguments", [("test", "linked", "--policy", "policy.yml"), ("check", ".ci-guard.yml")])
def test_a_link_of_a_stranger_s_in_the_place_of_what_is_named_leads_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    cases(tmp_path / "shop", "")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "hosts.yml").write_text("machine example.com login u password correct horse\n")
    (tmp_path / "shop" / "linked").symlink_to(tmp_path / "home")
    (tmp_path / "shop" / ".ci-guard.yml").symlink_to(tmp_path / "home" / "hosts.yml")
    monkeypatch.chdir(tmp_path / "shop")
    code, shown = told("policy", *arguments)
    assert (code, "refused: expected a file" in shown) == (2, True)
    assert "horse" not in shown


def test_no_case_is_no_success(tmp_path: Path) -> None:
    assert told("policy", "test", str(tmp_path))[0] == 2
    (tmp_path / "a.yml").write_text("version: 1\npolicy: p.yml\ncases: []\n")
    (tmp_path / "p.yml").write_text(POLICY)
    assert told("policy", "test", str(tmp_path / "a.yml"))[0] == 2


@pytest.fixture
def recorded(github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shop = consumer.make(github, tmp_path / "shop")
    run = shop.repo.run("push", actor="olivia", sha=shop.repo.branches["main"])
    payload = github.events(shop.repo).push("main", before=shop.base, sender="olivia")
    environ = github.job_environment(shop.repo, run, payload, tmp_path / "job")
    environ["GITHUB_TOKEN"] = github.token("job").value
    monkeypatch.chdir(shop.path)
    folder = tmp_path / "runs"
    folder.mkdir()
    for name in ("one", "two"):
        out = str(folder / f"{name}.json")
        assert cli.run(["facts", "--platform", "github", "--out", out], environ, io.StringIO(), io.StringIO()) == 0
    return folder


def test_a_simulation_says_what_would_newly_be_denied_and_allowed(recorded: Path, tmp_path: Path) -> None:
    stricter, same = tmp_path / "strict.yml", tmp_path / "same.yml"
    stricter.write_text(
        "version: 1\nextends: builtin:baseline\ncontrols: {required-reviews: {require: {approvals: 9}}}\n"
    )
    same.write_text("version: 1\nextends: builtin:baseline\n")
    code, text = told("policy", "simulate", "--policy", str(stricter), str(recorded))
    assert code == 1
    assert "allow -> deny" in text
    assert "required-reviews/approvals" in text
    assert "2 runs: 2 would newly be denied, 0 newly allowed, 0 as before." in text
    code, text = told("policy", "simulate", "--policy", str(same), str(recorded))
    assert code == 0
    assert "0 would newly be denied" in text


def test_a_simulation_as_json_is_for_scripts(recorded: Path, tmp_path: Path) -> None:
    stricter = tmp_path / "strict.yml"
    stricter.write_text(
        "version: 1\nextends: builtin:baseline\ncontrols: {required-reviews: {require: {approvals: 9}}}\n"
    )
    code, text = told("policy", "simulate", "--policy", str(stricter), "--format", "json", str(recorded / "one.json"))
    (row,) = json.loads(text)
    assert (code, row["before"], row["after"]) == (1, "allow", "deny")
    assert [each["requirement"] for each in row["stricter"]] == ["approvals"]
    assert row["looser"] == []


def test_check_says_which_waivers_of_an_accepted_policy_do_not_count(tmp_path: Path) -> None:
    waiver = "  - {{control: branch-protection, requirement: {}, reason: x, until: {}}}\n"
    days = [datetime.now(timezone.utc).date() + timedelta(days=away) for away in (-1, 60, 200)]
    text = "version: 1\nextends: builtin:baseline\nwaiver-rules: {max-days: 90}\nwaivers:\n"
    waived = ("approvals", "approvals", "no-force-push")
    (tmp_path / "p.yml").write_text(text + "".join(map(waiver.format, waived, days)))
    code, text = told("policy", "check", "p.yml")
    assert code == 0
    assert f"approvals at p.yml:5 ended on {days[0]} and does nothing" in text
    assert "p.yml:6" not in text
    assert "no-force-push at p.yml:7 does not count: its end is" in text


def test_a_run_that_had_nothing_to_judge_keeps_no_other_from_being_simulated(recorded: Path, tmp_path: Path) -> None:
    """An artifact of every run, whatever its verdict, holds such records, too."""
    early, file = recorded / "early.json", tmp_path / "p.yml"
    file.write_text("version: 1\nextends: builtin:baseline\n")
    assert told("check", "--policy", "nowhere.yml", "--report", f"facts={early}")[0] == 2
    code, text = told("policy", "simulate", "--policy", str(file), str(recorded))
    assert code == 0
    assert f"no facts  {early}" in text
    assert "2 runs: 0 would newly be denied, 0 newly allowed, 2 as before. 1 run more had nothing to judge." in text
    rows = json.loads(told("policy", "simulate", "--policy", str(file), "--format", "json", str(recorded))[1])
    assert [row["before"] for row in rows] == ["allow", "allow", None]
    assert "nowhere.yml" in rows[2]["failure"]
    code, text = told("policy", "simulate", "--policy", str(file), str(early))
    assert code == 2, "of nothing, nothing follows"


def test_what_is_no_json_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("version: 1\n")
    (tmp_path / "p.yml").write_text(POLICY)
    code, text = told("policy", "simulate", "--policy", "p.yml", "run.json")
    assert code == 2
    assert "it is no JSON at line 1, column 1" in text


def test_facts_that_were_not_collected_are_said_to_be_missing(recorded: Path, tmp_path: Path) -> None:
    kept = json.loads((recorded / "one.json").read_text())
    reason = "no control that was run asked for it"
    kept["facts"]["people"] = {"Unknown": {"reason": reason, "cause": "unavailable", "needs": None, "detail": ""}}
    for policy in (kept["policy"], kept["settled"]):
        policy["controls"].pop("actor-permissions")
    (tmp_path / "less.json").write_text(json.dumps(kept))
    file = tmp_path / "p.yml"
    file.write_text(POLICY)
    code, text = told("policy", "simulate", "--policy", str(file), str(tmp_path / "less.json"))
    assert code == 1
    assert "facts that were not collected" in text


@pytest.mark.parametrize("arguments", [("test",), ("simulate", "x"), ("test", "x", "--format", "json"), ("nothing",)])
def test_a_command_line_that_lacks_something_is_refused(arguments: tuple[str, ...]) -> None:
    assert told("policy", *arguments)[0] == 2
