"""The token table is what the gate does: permissions are taken from a job's token, and what becomes unknown is read."""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Callable, Collection
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from ci_guard.controls.registry import CONTROLS
from ci_guard.entrypoints import cli
from ci_guard.model.kinds import AtLeast, AtLevel
from ci_guard.model.meta import Requirement
from tests.e2e import consumer
from tests.fakes.github import FakeGitHub, rule
from tests.fakes.hub.repository import Repository
from tests.fakes.hub.world import JOB_PERMISSIONS

pytestmark = pytest.mark.slow

BRANCHES = "branch-protection"


@pytest.fixture(scope="module")
def table() -> ModuleType:
    found = importlib.util.spec_from_file_location("token_table", consumer.ROOT / "scripts" / "token_table.py")
    assert found
    assert found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


BY_MORE = ("admission", "guard-integrity", "role")
"""What goes by the policy's roles and tables, and by the pipeline's own files, which this shop has not."""


def everything() -> str:
    """Return a policy that asks, on changes too, for every requirement that a policy need say no more of."""

    def least(requirement: Requirement) -> object:
        return 1 if isinstance(requirement.kind, AtLeast) else "read" if isinstance(requirement.kind, AtLevel) else True

    controls: dict[str, Any] = {
        control.META.id: {
            "require": {each.id: least(each) for each in control.META.requirements if each.id not in BY_MORE}
        }
        for control in CONTROLS
        if control.META.id not in BY_MORE
    }
    controls["required-reviews"]["on"] = ["push", "change"]
    return yaml.safe_dump({"version": 1, "controls": controls})


def by_ruleset(repo: Repository) -> None:
    team = {"minimum_approvals": 1, "file_patterns": ["*"], "reviewer": {"id": 1, "type": "Team"}}
    repo.ruleset(
        rules=[
            rule(
                "pull_request",
                dismiss_stale_reviews_on_push=True,
                require_code_owner_review=True,
                require_last_push_approval=True,
                required_review_thread_resolution=True,
                required_reviewers=[team],
            ),
            rule(
                "required_status_checks",
                strict_required_status_checks_policy=True,
                required_status_checks=[("build", 15368)],
            ),
            *("non_fast_forward", "deletion", "creation", "update", "required_linear_history", "required_signatures"),
        ]
    )
    repo.ruleset(name="tags", target="tag", rules=["update", "deletion"], include=["~ALL"])


def by_classic_rule(repo: Repository) -> None:
    repo.protect("main", checks=["build"], approvals=2)


Protect = Callable[[Repository], object]
Unknown = Callable[..., set[str]]


@pytest.fixture
def unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Unknown:
    def run(event: str = "push", protect: Protect = by_ruleset, *, without: str = "", **more: str) -> set[str]:
        with FakeGitHub() as github:
            shop = consumer.make(
                github,
                tmp_path / "shop",
                protected=False,
                merged=event != "pull_request",
                base_files={".ci-guard.yml": everything(), "CODEOWNERS": "* @bob\n"},
            )
            protect(shop.repo)
            events = github.events(shop.repo)
            if event == "pull_request":
                started = shop.repo.run(event, actor="alice", pull=shop.pull)
                payload = events.pull_request(shop.pull)
            elif event == "workflow_run":
                payload = events.workflow_run(shop.repo.run("push", actor="olivia", sha=shop.merge))
                started = shop.repo.run(event, actor="olivia")
            else:
                started = shop.repo.run(event, actor="olivia", sha=shop.merge)
                payload = events.push("main", before=shop.base, sender="olivia")
            granted = {name: level for name, level in JOB_PERMISSIONS.items() if name != without} | more
            token = github.token("job", permissions=granted).value
            environ = github.job_environment(shop.repo, started, payload, tmp_path / "job", GITHUB_TOKEN=token)
            monkeypatch.chdir(shop.path)
            report = tmp_path / "report.json"
            arguments = ["check", "--platform", "github", "--report", f"json={report}"]
            cli.run(arguments, environ, io.StringIO(), io.StringIO())
            github.check()
        judgements = json.loads(report.read_text(encoding="utf-8"))["judgements"]
        assert any(each["outcome"] == "pass" for each in judgements)
        return {f"{each['control']}/{each['requirement']}" for each in judgements if each["outcome"] == "unknown"}

    return run


def named(control: str, requirements: Collection[str]) -> set[str]:
    return {f"{control}/{each}" for each in requirements}


@pytest.mark.parametrize("event", ["push", "pull_request", "workflow_run"])
@pytest.mark.parametrize("permission", ["contents", "pull_requests", "actions"])
def test_nothing_else_is_unknown_where_a_permission_is_missing(
    table: ModuleType, unknown: Unknown, permission: str, event: str
) -> None:
    declared = table.JOB[f"{permission.replace('_', '-')}: read"]
    told = {name for control, requirements in declared.items() for name in named(control, requirements)}
    assert unknown(event, without=permission) <= told | named(BRANCHES, table.RULESET)


@pytest.mark.parametrize(
    ("permission", "event", "control"),
    [
        *(("contents", "push", control) for control in ("required-reviews", "actor-permissions", "secret-free")),
        ("contents", "push", BRANCHES),
        ("pull_requests", "pull_request", "actor-permissions"),
        ("pull_requests", "pull_request", "secret-free"),
        ("pull_requests", "push", "required-reviews"),
        ("actions", "workflow_run", "actor-permissions"),
    ],
)
def test_all_that_is_declared_is_unknown_where_a_permission_is_missing(
    table: ModuleType, unknown: Unknown, permission: str, event: str, control: str
) -> None:
    declared = table.JOB[f"{permission.replace('_', '-')}: read"]
    assert named(control, declared[control]) <= unknown(event, without=permission)


def test_a_ruleset_hides_from_the_jobs_token_what_is_declared(table: ModuleType, unknown: Unknown) -> None:
    assert unknown() == named(BRANCHES, table.RULESET)


def test_a_ruleset_shows_all_but_its_bypass_list_to_who_may_read_the_settings(
    table: ModuleType, unknown: Unknown
) -> None:
    editors = [name for name, permission in table.RULESET.items() if permission == "administration: write"]
    assert unknown(administration="read") == named(BRANCHES, editors)


def test_a_ruleset_shows_all_to_who_may_edit_it(unknown: Unknown) -> None:
    assert unknown(administration="write") == set()


def test_a_classic_rule_hides_from_the_jobs_token_what_is_declared(table: ModuleType, unknown: Unknown) -> None:
    hidden = {each.id for each in table.METAS[BRANCHES].requirements} - set(table.CLASSIC_IS_SHOWN)
    assert unknown(protect=by_classic_rule) == named(BRANCHES, hidden)


def test_a_classic_rule_shows_all_to_who_may_read_the_settings(unknown: Unknown) -> None:
    assert unknown(protect=by_classic_rule, administration="read") == set()
