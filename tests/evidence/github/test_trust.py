"""Whether a run has the repository's trust, which only the server may deny it."""

from __future__ import annotations

import pytest

from ci_guard.evidence.github.accounts import DEPENDABOT_ID
from ci_guard.model.fact import Cause, Known, Source
from tests.evidence.github.scene import Scene, known, unknown
from tests.evidence.github.starts import change, rewrite
from tests.fakes import faults


def fork(scene: Scene, **changes: str) -> Scene:
    pull = scene.repo.pull(author="mallory", fork="mallory/shop")
    run = scene.repo.run("pull_request", actor="mallory", pull=pull)
    return scene.start(run, scene.events.pull_request(pull), **changes)


def test_a_change_from_a_fork_has_not_the_repositorys_trust(scene: Scene) -> None:
    assert fork(scene).run.trusted == Known(value=False, source=Source.API, detail=scene.run.trusted.detail)


def test_a_change_from_a_deleted_fork_has_not_the_repositorys_trust(scene: Scene) -> None:
    fork(scene)
    scene.github.fault("GET /repos/*/actions/runs/*", faults.nulls("head_repository"))
    assert known(scene.run.trusted) is False


def test_a_pull_request_shows_the_fork_where_the_run_may_not_be_read(scene: Scene) -> None:
    fork(scene).token(contents="read", pull_requests="read")
    assert known(scene.run.trusted) is False
    fork_free = change(scene).token(contents="read", pull_requests="read")
    assert known(fork_free.run.trusted) is True


def test_a_run_by_dependabot_has_not_the_repositorys_trust(scene: Scene) -> None:
    assert scene.repo.user("dependabot[bot]").id == DEPENDABOT_ID
    pull = scene.repo.pull(author="dependabot[bot]")
    run = scene.repo.run("pull_request", actor="dependabot[bot]", pull=pull)
    scene.start(run, scene.events.pull_request(pull))
    assert known(scene.run.trusted) is False
    scene.token(contents="read", pull_requests="read").start(run, scene.events.pull_request(pull))
    assert unknown(scene.run.trusted).needs == "actions: read"


def test_a_change_by_somebody_on_dependabots_pull_request_is_the_repositorys_own(scene: Scene) -> None:
    """The author is the bot, but whoever pushed to its branch started the run."""
    assert scene.repo.user("dependabot[bot]").id == DEPENDABOT_ID
    pull = scene.repo.pull(author="dependabot[bot]")
    run = scene.repo.run("pull_request", actor="mallory", pull=pull)
    assert known(scene.start(run, scene.events.pull_request(pull, sender="mallory")).run.trusted) is True


def test_an_account_that_calls_itself_dependabot_is_not_it(scene: Scene) -> None:
    scene.repo.user("dependabot[bot]").id = 666
    pull = scene.repo.pull(author="dependabot[bot]")
    run = scene.repo.run("pull_request", actor="dependabot[bot]", pull=pull)
    assert known(scene.start(run, scene.events.pull_request(pull)).run.trusted) is True


def test_an_event_file_rewritten_into_a_forks_opens_nothing(scene: Scene) -> None:
    """People are not judged in a fork's run, so only the server may say that it is one."""
    change(scene)
    rewrite(scene, {"pull_request/head/repo/id": 666, "pull_request/head/repo/fork": True})
    assert known(scene.run.trusted) is True
    scene.token(contents="read").start(
        scene.repo.run("pull_request", actor="alice", pull=scene.repo.pulls["1"]),
        scene.events.pull_request(scene.repo.pulls["1"]),
    )
    rewrite(scene, {"pull_request/head/repo/id": 666})
    assert unknown(scene.run.trusted).cause is Cause.INVISIBLE


def test_a_number_that_only_the_event_file_knows_shows_no_fork(scene: Scene) -> None:
    """After a merge the ref is the target branch, so an earlier step could name anybody's pull request."""
    change(scene)
    scene.repo.pull(author="mallory", fork="mallory/shop", head="change-1")
    scene.environment["GITHUB_REF"] = "refs/heads/main"
    scene.token(contents="read", pull_requests="read")
    rewrite(scene, {"number": 2, "pull_request/number": 2, "pull_request/head/repo/id": 666})
    assert unknown(scene.run.trusted).needs == "actions: read"


def test_an_event_file_may_say_that_a_change_is_the_repositorys_own(scene: Scene) -> None:
    """That only makes the judgement stricter."""
    change(scene).token(contents="read")
    assert scene.run.trusted == Known(value=True, source=Source.EVENT, detail="event.pull_request.head.repo.id")


def test_trouble_is_not_taken_for_a_missing_permission(scene: Scene) -> None:
    """Whoever uses up the limit must not make an untrusted-looking run one that a policy tolerates."""
    fork(scene)
    scene.github.fault("GET *", faults.primary_limit())
    assert unknown(scene.run.trusted).cause is Cause.UNAVAILABLE


@pytest.mark.parametrize("name", ["pull_request_target", "workflow_run", "issue_comment"])
def test_events_that_run_with_trust_stay_trusted_for_strangers(scene: Scene, name: str) -> None:
    """They have secrets whoever causes them, so the people behind them are judged."""
    pull = scene.repo.pull(author="mallory", fork="mallory/shop")
    first = scene.repo.run("pull_request", actor="mallory", pull=pull)
    payload = {
        "pull_request_target": scene.events.pull_request(pull),
        "workflow_run": scene.events.workflow_run(first),
        "issue_comment": scene.events.issue_comment(pull, "/deploy", sender="mallory"),
    }[name]
    run = scene.repo.run(name, actor="mallory", pull=pull if name == "pull_request_target" else None)
    assert known(scene.start(run, payload).run.trusted) is True
