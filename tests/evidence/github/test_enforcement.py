"""What makes sure of the guard on GitHub, by the rules of the branch."""

from __future__ import annotations

import pytest

from ci_guard.evidence.github import enforcement
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.rest.transport import Transport
from ci_guard.model.fact import Cause, Source
from ci_guard.model.guard import Enforcement, Hold, HoldKind
from tests.evidence.github.scene import PERMISSIONS, Scene, known, unknown
from tests.fakes import faults
from tests.fakes.hub.rules import rule

PATH = ".github/workflows/ci.yml"
SHA = "c" * 40


def pushed(scene: Scene, **changes: str) -> Scene:
    before = scene.repo.branches["main"]
    sha = scene.repo.commit("Work", author="alice", on="main", by="alice")
    return scene.push(sha, before=before, actor="alice", **changes)


def found(scene: Scene) -> Enforcement:
    return known(enforcement.get_enforcement(*scene.read()))


def requires(scene: Scene, repository: int, level: str = "Organization", **settings: object) -> None:
    workflow = {"path": PATH, "repository_id": repository, "ref": "refs/heads/main", **settings}
    scene.repo.ruleset(rules=[rule("workflows", workflows=[workflow])], level=level)


def test_a_workflow_that_a_ruleset_requires_is_known_with_where_it_is_held(scene: Scene) -> None:
    requires(scene, 4711)
    fact = enforcement.get_enforcement(*pushed(scene, GITHUB_WORKFLOW_REF=f"acme/ci/{PATH}@refs/heads/main").read())
    assert known(fact).holds == (Hold(kind=HoldKind.WORKFLOW, name=PATH, elsewhere=True, own=True),)
    assert getattr(fact, "source", None) is Source.ENV, "which workflow this run is of, a variable says"


def test_a_workflow_of_the_repository_itself_is_known_with_its_pin(scene: Scene) -> None:
    requires(scene, scene.repo.id, "Repository", sha=SHA)
    assert found(pushed(scene)).holds == (Hold(kind=HoldKind.WORKFLOW, name=PATH, own=True, commit=SHA),)


def test_another_repositorys_workflow_of_the_same_path_is_not_this_runs(scene: Scene) -> None:
    requires(scene, 4711)
    assert [hold.own for hold in found(pushed(scene)).holds] == [False]


@pytest.mark.parametrize("enforced", ["evaluate", "disabled"])
def test_a_ruleset_that_is_not_active_makes_sure_of_nothing(scene: Scene, enforced: str) -> None:
    requires(scene, 4711)
    scene.repo.rulesets[-1].enforcement = enforced
    assert [hold.kind for hold in found(pushed(scene)).holds] == []


def test_required_checks_are_known_with_their_app(scene: Scene) -> None:
    scene.repo.ruleset(rules=[rule("required_status_checks", required_status_checks=["a", ("ci-guard", 15368)])])
    assert [(hold.name, hold.app) for hold in found(pushed(scene)).holds] == [("a", None), ("ci-guard", 15368)]


def test_the_app_of_actions_is_told_by_the_server_whatever_its_number(scene: Scene) -> None:
    """A check that every workflow of an Enterprise Server can report is no check of an app of one's own."""
    scene.github.world.actions_app = 7
    checks = [("ci-guard", 7), ("ci-guard / b", 9)]
    scene.repo.ruleset(rules=[rule("required_status_checks", required_status_checks=checks)])
    assert [hold.app for hold in found(pushed(scene)).holds] == [15368, 9]


def test_where_the_server_does_not_say_which_app_that_is_no_check_is_bound_to_another(scene: Scene) -> None:
    scene.github.fault("GET /apps/*", faults.server_error())
    scene.repo.ruleset(rules=[rule("required_status_checks", required_status_checks=[("ci-guard", 9)])])
    enforced = found(pushed(scene))
    assert [hold.app for hold in enforced.holds] == [None]
    assert "every workflow" in enforced.hidden[0].reason


def test_in_a_change_it_is_the_targets_rules_that_count(scene: Scene) -> None:
    pull = scene.repo.pull(author="alice")
    requires(scene, 4711)
    scene.start(scene.repo.run("pull_request", actor="alice", pull=pull), scene.events.pull_request(pull))
    assert found(scene).where == "main"
    assert len(found(scene).holds) == 1


def test_a_rule_of_another_shape_is_unknown(scene: Scene) -> None:
    requires(scene, 4711)
    scene.github.fault(
        "GET /repos/{owner}/{repo}/rules/branches/{branch}", faults.altered(lambda _: [{"type": "workflows"}])
    )
    assert unknown(enforcement.get_enforcement(*pushed(scene).read())).cause is Cause.UNAVAILABLE


def test_rules_that_do_not_come_are_unknown(scene: Scene) -> None:
    scene.github.fault("GET *rules/branches/*", faults.server_error())
    assert unknown(enforcement.get_enforcement(*pushed(scene).read())).cause is Cause.UNAVAILABLE


GUARDED = f"jobs: {{guard: {{steps: [{{uses: ci-guard/ci-guard@{SHA}}}]}}}}"


@pytest.mark.parametrize("settings", [{}, {"ref": ""}, {"sha": "pinned"}], ids=["ref", "default branch", "sha"])
def test_another_repositorys_workflow_is_read_there(scene: Scene, settings: dict[str, str]) -> None:
    held = scene.github.repository("acme/security", private=True)
    sha = held.commit("Work", author="alice", on="main", by="alice", files={PATH: GUARDED})
    requires(scene, held.id, **{**settings, **({"sha": sha} if "sha" in settings else {})})
    seen = [scene.repo.full_name, held.full_name]
    scene.tokens = (scene.github.token("narrow", permissions=PERMISSIONS, repositories=seen).value,)
    client, job, run = pushed(scene).read()

    def elsewhere(name: str) -> Client:
        return Client(api_url=scene.github.url, repository=name, tokens=scene.tokens, transport=Transport())

    (hold,) = known(enforcement.get_enforcement(client, job, run, elsewhere)).holds
    assert [job.guard for job in known(hold.wiring).jobs] == [True]


def test_another_repositorys_workflow_that_is_not_shown_is_unknown_with_the_permission(scene: Scene) -> None:
    held = scene.github.repository("acme/security", private=True)
    requires(scene, held.id)
    scene.tokens = (scene.github.token("narrow", permissions=PERMISSIONS, repositories=[scene.repo.full_name]).value,)
    client, job, run = pushed(scene).read()
    (hold,) = known(enforcement.get_enforcement(client, job, run, lambda _: client)).holds
    doubt = unknown(hold.wiring)
    assert (doubt.cause, doubt.needs) == (
        Cause.INVISIBLE,
        f"contents: read on the repository with the id {held.id}",
    )
