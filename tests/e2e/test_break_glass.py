"""Break-glass in whole runs: allowed, marked, and on record."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

from tests.e2e import consumer, gitlab_shop, test_check
from tests.e2e.consumer import Consumer
from tests.e2e.test_check import Guard, Told
from tests.fakes.github import FakeGitHub
from tests.fakes.gitlab import FakeGitLab
from tests.secrets.made_up import github_token

guard = test_check.guard  # the fixture

POLICY = """version: 1
roles: [{name: on-call, levels: [maintain, admin]}]
controls: {secret-free: {require: {no-secrets: true}}}
break-glass: {by: label, label: break-glass, role: on-call, hours: 4}
"""

HEAD = {"conf.py": f"TOKEN = '{github_token(7)}'\n"}


def before(ago: timedelta) -> str:
    return f"{datetime.now(timezone.utc) - ago:%Y-%m-%dT%H:%M:%SZ}"


def labelled(github: FakeGitHub, path: Path, *, by: str, ago: timedelta, policy: str = POLICY) -> Consumer:
    shop = consumer.make(github, path, merged=False, base_files={".ci-guard.yml": policy}, head_files=HEAD)
    shop.pull.label("break-glass", by=by)
    shop.pull.events[-1].created_at = before(ago)
    return shop


def judged(github: FakeGitHub, guard: Guard, shop: Consumer, folder: Path, *words: str) -> Told:
    run = shop.repo.run("pull_request", actor="alice", pull=shop.pull)
    payload = github.events(shop.repo).pull_request(shop.pull)
    environ = github.job_environment(shop.repo, run, payload, folder, GITHUB_TOKEN=github.token("job").value)
    return guard(environ, shop.path, *words)


def test_a_second_person_lets_a_change_through_and_everybody_is_told(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    shop = labelled(github, tmp_path / "shop", by="carol", ago=timedelta(hours=1))
    log = tmp_path / "audit.jsonl"
    words = ("check", "--platform", "github", "--enforce", "--audit-log", str(log))
    told = judged(github, guard, shop, tmp_path / "job", *words)
    assert told.exit_code == 0, told.stdout
    assert told.report["verdict"] == "allow"
    assert told.report["break_glass"]["who"].startswith("carol (id ")
    assert "Allowed by break-glass" in told.stdout
    (failure,) = [each for each in told.report["judgements"] if each["outcome"] == "fail"]
    assert failure["waived"]["reason"].startswith("break-glass by carol (id ")
    assert json.loads(json.dumps(told.report["break_glass"]))["by"] == "label"
    assert '"break_glass":{' in log.read_text(encoding="utf-8").replace(" ", "")


def test_the_author_a_stranger_to_the_role_and_an_old_label_let_nothing_through(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    for number, (by, hours) in enumerate((("alice", 1), ("bob", 1), ("carol", 5))):
        shop = labelled(github, tmp_path / f"shop-{number}", by=by, ago=timedelta(hours=hours))
        told = judged(github, guard, shop, tmp_path / f"job-{number}")
        assert (told.exit_code, told.report["break_glass"]) == (1, None)
        assert "and does nothing, because" in " ".join(told.stdout.split())


def test_a_break_glass_that_the_change_brings_breaks_nothing(github: FakeGitHub, guard: Guard, tmp_path: Path) -> None:
    without = POLICY.split("break-glass:", maxsplit=1)[0]
    shop = labelled(github, tmp_path / "shop", by="carol", ago=timedelta(hours=1), policy=without)
    told = judged(github, guard, shop, tmp_path / "job")
    assert (told.exit_code, told.report["break_glass"]) == (1, None)


def test_a_second_person_lets_a_merge_request_through_and_a_job_token_alone_does_not(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path
) -> None:
    shop = gitlab_shop.make(
        gitlab, tmp_path / "shop", merged=False, base_files={".ci-guard.yml": POLICY}, head_files=HEAD
    )
    shop.project.label(shop.mr, "break-glass", by="carol", at=before(timedelta(hours=1)))
    job = shop.change()
    environ = gitlab.job_environment(job)
    words = ("check", "--platform", "gitlab", "--enforce", "--server", gitlab.url)
    alone = guard(environ, shop.path, *words)
    assert (alone.exit_code, alone.report["break_glass"]) == (1, None)
    told = guard({**environ, "CI_GUARD_TOKEN": gitlab.world.token("reader", "olivia").value}, shop.path, *words)
    assert told.exit_code == 0, told.stdout
    assert told.report["break_glass"]["how"] == "on-call by the level maintain"


DISPATCH = POLICY.replace("by: label, label: break-glass", "by: dispatch, environment: emergency, input: reason")


def test_a_dispatch_that_a_second_person_approves_with_a_reason_goes_on_and_keeps_both_reasons(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    files = {".ci-guard.yml": DISPATCH, **HEAD}
    shop = consumer.make(github, tmp_path / "shop", merged=True, base_files=files)
    run = shop.repo.run("workflow_dispatch", actor="alice", sha=shop.merge, branch="main")
    run.created_at = before(timedelta(hours=1))
    payload = github.events(shop.repo).workflow_dispatch(sender="alice", inputs={"reason": "orders fail"})
    environ = github.job_environment(shop.repo, run, payload, tmp_path / "job", GITHUB_TOKEN=github.token("job").value)
    run.approve("bob", "emergency", comment="bob is not on call")
    denied = guard(environ, shop.path)
    assert (denied.exit_code, denied.report["break_glass"]) == (1, None)
    run.approve("carol", "emergency", comment="::error::the shop <b>is</b> down")
    told = guard(environ, shop.path)
    assert told.exit_code == 0, told.stdout
    broken = told.report["break_glass"]
    assert (broken["by"], broken["reason"]) == ("dispatch", "::error::the shop <b>is</b> down")
    assert broken["asked"] == {"text": "orders fail", "source": "event"}
    assert not [line for line in told.stdout.splitlines() if line.lstrip().startswith("::error::the shop")]


def test_a_deployment_that_a_second_person_approves_lets_a_pipeline_through(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop", base_files={".ci-guard.yml": DISPATCH, **HEAD})
    shop.project.tier = "premium"
    job = shop.project.run("web", user="alice", sha=shop.merge)
    job.pipeline.variables = {"reason": "orders fail"}
    shop.project.answer(shop.project.deploy(job, "emergency"), "carol", "down", at=before(timedelta(hours=1)))
    reader = gitlab.world.token("reader", "olivia").value
    words = ("check", "--platform", "gitlab", "--enforce", "--server", gitlab.url)
    told = guard(gitlab.job_environment(job, CI_GUARD_TOKEN=reader), shop.path, *words)
    assert told.exit_code == 0, told.stdout
    assert told.report["break_glass"]["reason"] == "down"
    assert told.report["break_glass"]["asked"] == {"text": "orders fail", "source": "api"}


REVIEWED = POLICY.replace("hours: 4}", "hours: 4, review: {label: reviewed, role: security, days: 30}}").replace(
    "[{name: on-call, levels: [maintain, admin]}]",
    "[{name: on-call, levels: [maintain, admin]}, {name: security, levels: [admin]}]",
)


def test_what_was_merged_by_break_glass_is_told_on_every_run_until_somebody_reviews_it(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop", base_files={".ci-guard.yml": REVIEWED})
    shop.pull.label("break-glass", by="carol")
    shop.pull.events[-1].created_at, shop.pull.merged_at = before(timedelta(hours=5)), before(timedelta(hours=4))
    shop.pull.updated_at = before(timedelta(hours=4))
    run = shop.repo.run("schedule", actor="olivia", sha=shop.merge, branch="main")
    payload = github.events(shop.repo).schedule()
    environ = github.job_environment(shop.repo, run, payload, tmp_path / "job", GITHUB_TOKEN=github.token("job").value)
    log = tmp_path / "audit.jsonl"
    told = guard(environ, shop.path, "check", "--platform", "github", "--enforce", "--audit-log", str(log))
    assert (told.exit_code, told.report["verdict"]) == (0, "allow"), told.stdout
    (waiting,) = told.report["unreviewed"]
    assert (waiting["change"], waiting["why"]) == ("#1", "nobody has put the label reviewed on it")
    assert waiting["who"].startswith("carol (id ")
    assert "Break-glass to review: #1 was merged at " in " ".join(told.stdout.split())
    assert json.loads(log.read_text(encoding="utf-8").splitlines()[0])["record"]["unreviewed"] == [waiting]
    shop.pull.label("reviewed", by="olivia")
    shop.pull.events[-1].created_at = before(timedelta(hours=1))
    closed = guard(environ, shop.path)
    assert closed.report["unreviewed"] == []
    assert "to review" not in closed.stdout


def test_a_merge_request_is_reviewed_by_a_label_of_the_role(gitlab: FakeGitLab, guard: Guard, tmp_path: Path) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop", base_files={".ci-guard.yml": REVIEWED})
    shop.project.label(shop.mr, "break-glass", by="carol", at=before(timedelta(hours=5)))
    shop.mr.merged_at = before(timedelta(hours=4))
    job = shop.project.run("schedule", user="olivia", sha=shop.merge)
    environ = gitlab.job_environment(job, CI_GUARD_TOKEN=gitlab.world.token("reader", "olivia").value)
    words = ("check", "--platform", "gitlab", "--enforce", "--server", gitlab.url)
    told = guard(environ, shop.path, *words)
    assert [each["change"] for each in told.report["unreviewed"]] == ["!1"], told.stdout
    shop.project.label(shop.mr, "reviewed", by="olivia", at=before(timedelta(hours=1)))
    assert guard(environ, shop.path, *words).report["unreviewed"] == []


DISPATCH_REVIEWED = REVIEWED.replace("by: label, label: break-glass", "by: dispatch, environment: emergency").replace(
    "label: reviewed", "environment: review"
)


def test_a_dispatch_by_break_glass_is_told_on_every_run_until_a_third_person_approves_it_again(
    github: FakeGitHub, guard: Guard, tmp_path: Path
) -> None:
    shop = consumer.make(github, tmp_path / "shop", base_files={".ci-guard.yml": DISPATCH_REVIEWED})
    broken = shop.repo.run("workflow_dispatch", actor="alice", sha=shop.merge, branch="main")
    broken.created_at = before(timedelta(days=2))
    broken.approve("carol", "emergency", comment="down")
    later = shop.repo.run("schedule", actor="olivia", sha=shop.merge, branch="main")
    environ = github.job_environment(
        shop.repo, later, github.events(shop.repo).schedule(), tmp_path / "job", GITHUB_TOKEN=github.token("job").value
    )
    log = tmp_path / "audit.jsonl"
    told = guard(environ, shop.path, "check", "--platform", "github", "--enforce", "--audit-log", str(log))
    assert (told.exit_code, told.report["verdict"], told.report["break_glass"]) == (0, "allow", None), told.stdout
    (waiting,) = told.report["unreviewed"]
    assert (waiting["change"], waiting["why"]) == (f"run {broken.id}", "nobody has approved it for review")
    assert (waiting["who"].split()[0], waiting["merged_at"]) == ("carol", broken.created_at)
    assert f"Break-glass to review: run {broken.id} was made at " in " ".join(told.stdout.split())
    assert json.loads(log.read_text(encoding="utf-8").splitlines()[0])["record"]["unreviewed"] == [waiting]
    broken.approve("carol", "review", comment="I did well")
    assert guard(environ, shop.path).report["unreviewed"][0]["why"].startswith("carol, who marked it as reviewed, ")
    broken.approve("olivia", "review", comment="looked at it")
    assert guard(environ, shop.path).report["unreviewed"] == []


def test_a_pipeline_by_break_glass_is_told_on_every_run_until_a_third_person_approves_it_again(
    gitlab: FakeGitLab, guard: Guard, tmp_path: Path
) -> None:
    shop = gitlab_shop.make(gitlab, tmp_path / "shop", base_files={".ci-guard.yml": DISPATCH_REVIEWED})
    shop.project.tier = "premium"
    broken = shop.project.run("web", user="alice", sha=shop.merge)
    yesterday = before(timedelta(days=1))
    shop.project.answer(shop.project.deploy(broken, "emergency", at=yesterday), "carol", "down", at=yesterday)
    job = shop.project.run("schedule", user="olivia", sha=shop.merge)
    environ = gitlab.job_environment(job, CI_GUARD_TOKEN=gitlab.world.token("reader", "olivia").value)
    words = ("check", "--platform", "gitlab", "--enforce", "--server", gitlab.url)
    (waiting,) = guard(environ, shop.path, *words).report["unreviewed"]
    assert (waiting["change"], waiting["at"]) == (f"pipeline {broken.pipeline.id}", yesterday)
    deployment = shop.project.deploy(broken, "review", at=before(timedelta(hours=2)))
    shop.project.answer(deployment, "olivia", "looked at it", at=before(timedelta(hours=1)))
    assert guard(environ, shop.path, *words).report["unreviewed"] == []
