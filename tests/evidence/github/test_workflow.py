"""The workflow of a run as its own commit has it: by the server's word which file, by git what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.github import workflow, workflow_file
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.rest.transport import Transport
from ci_guard.model.fact import Cause, Fact, Known, Source
from ci_guard.model.guard import Job, Wiring
from tests.evidence.files_of import commit_files
from tests.evidence.github.scene import PERMISSIONS, Scene, known, unknown
from tests.fakes import faults
from tests.secrets.repositories import Repo

SHA = "c" * 40
PATH = ".github/workflows/ci.yml"
GUARDED = f"""
on: push
jobs:
  guard:
    name: the guard
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@{SHA}
        with: {{fetch-depth: 0}}
      - uses: CI-Guard/ci-guard/actions/secret-scan@v1
        if: ${{{{ always() }}}}
        continue-on-error: true
  deploy:
    needs: guard
    environment: {{name: production}}
    steps:
      - uses: actions/checkout@v4
        with: {{ref: main}}
"""


def jobs(text: str, **others: str) -> dict[str, Job]:
    files: dict[str, str | None] = {f".github/workflows/{name}.yml": one for name, one in others.items()}
    found = known(workflow_file.read_wiring(commit_files({**files, PATH: text}), PATH))
    return {job.name: job for job in found.jobs}


def wiring(scene: Scene, folder: Path | None = None) -> Fact[Wiring]:
    client, job, run = scene.read()
    holder = Client(
        api_url=scene.github.url, repository=workflow.held_in(job), tokens=scene.tokens, transport=Transport()
    )
    return workflow.get_wiring(client, job, run, Checkout(folder or scene.folder), holder)


def pushed(scene: Scene, files: dict[str, str], sha: str | None = None, **changes: str) -> Scene:
    before = scene.repo.branches["main"]
    made = scene.repo.commit("Work", author="alice", on="main", by="alice", files=files, sha=sha)
    return scene.push(made, before=before, actor="alice", **changes)


def test_a_workflow_is_read_with_its_lines() -> None:
    found = jobs(GUARDED)
    guard, deploy = found["guard"], found["deploy"]
    assert (guard.guard, guard.label, guard.line, guard.environment) == (True, "the guard", 4, False)
    step = guard.steps[1]
    assert step.pin is not None
    assert (step.pin.name, step.pin.ref, step.pin.line) == ("CI-Guard/ci-guard", "v1", 10)
    assert step.condition is not None
    assert (step.condition.text, step.tolerated[0].text) == ("${{ always() }}", "true")
    assert (deploy.needs, deploy.environment) == (("guard",), True)
    assert deploy.steps[0].checkout is not None
    assert deploy.steps[0].checkout.text == "main"


def test_a_reusable_workflow_of_ci_guard_is_a_guard_and_one_of_ones_own_may_deploy() -> None:
    found = jobs(
        f"jobs: {{g: {{uses: a/ci-guard/.github/workflows/guard.yml@{SHA}}}, d: {{uses: ./.github/workflows/d.yml}}}}",
        d="jobs: {x: {environment: production}}",
    )
    assert found["g"].guard
    assert found["g"].pin is not None
    assert found["g"].pin.ref == SHA
    assert found["d"].environment


def test_what_hides_the_exit_code_is_seen_at_its_line() -> None:
    found = jobs("jobs:\n  a:\n    steps:\n      - run: |\n          : first\n          ci-guard check || :\n")[
        "a"
    ].steps[0]
    assert found.guard
    assert found.swallowed is not None
    assert (found.swallowed.text, found.swallowed.line) == ("||", 4)


@pytest.mark.parametrize("shell", ["pwsh", "python", "cmd", "bash {0}", "/tmp/bash -e {0}"])
def test_a_shell_that_goes_on_after_a_failure_hides_its_exit_code(shell: str) -> None:
    for text in (
        f"jobs: {{a: {{steps: [{{run: ci-guard check, shell: '{shell}'}}]}}}}",
        f"jobs: {{a: {{defaults: {{run: {{shell: '{shell}'}}}}, steps: [{{run: ci-guard check}}]}}}}",
    ):
        step = jobs(text)["a"].steps[0]
        assert step.swallowed is not None
        assert step.swallowed.text == shell


def test_a_shell_that_wraps_the_command_hides_its_exit_code() -> None:
    job = jobs("jobs: {a: {steps: [{run: ci-guard check, shell: \"bash -c '{0} || true'\"}]}}")["a"]
    assert job.steps[0].swallowed is not None


def test_calls_that_multiply_are_followed_so_far_and_no_further() -> None:
    flows: dict[str, str | None] = {
        f".github/workflows/{at}.yml": "jobs: {"
        + ", ".join(f"{name}: {{uses: ./.github/workflows/{at + 1}.yml}}" for name in "abcdef")
        + "}"
        for at in range(9)
    }
    steps = ", ".join(["{uses: ./a}"] * 10)
    action: dict[str, str | None] = {"a/action.yml": f"runs: {{using: composite, steps: [{steps}]}}"}
    flows[".github/workflows/9.yml"] = ""
    for files in (
        {**flows, PATH: "jobs: {x: {uses: ./.github/workflows/0.yml}}"},
        {**action, PATH: f"jobs: {{x: {{steps: [{steps}]}}}}"},
    ):
        found = known(workflow_file.read_wiring(commit_files(files), PATH, beside=False))
        assert any("more than 5000" in doubt.reason for doubt in found.doubts)


def test_the_file_of_the_runs_commit_is_read_where_the_server_says(scene: Scene) -> None:
    fact = wiring(pushed(scene, {PATH: GUARDED}))
    found = known(fact)
    assert (found.path, found.commit, len(found.jobs)) == (PATH, scene.repo.branches["main"], 2)
    assert isinstance(fact, Known)
    assert fact.source is Source.API
    assert found.doubts == ()


def test_other_workflows_of_the_clone_are_searched_for_a_check_of_the_guards_name(scene: Scene, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        PATH: GUARDED,
        ".github/workflows/x.yaml": "jobs: {fake: {name: the guard}}",
        ".github/workflows/bad.yml": "a: *b",
    }
    repo = Repo.create(tmp_path / "clone")
    sha = repo.commit(files)
    found = known(wiring(pushed(scene, {PATH: GUARDED}, sha), repo.path))
    assert [(one.name, one.path) for one in found.namesakes] == [("fake", ".github/workflows/x.yaml")]
    assert ["bad.yml could not be read" in doubt.reason for doubt in found.doubts] == [True]


def required(scene: Scene, *, shown: bool, **files: str) -> Fact[Wiring]:
    """Let a ruleset's workflow of another repository run, which the token may read or not."""
    held = scene.github.repository("acme/security", private=True)
    sha = held.commit("Work", author="alice", on="main", by="alice", files={PATH: GUARDED})
    seen = [scene.repo.full_name, *([held.full_name] if shown else [])]
    scene.tokens = (scene.github.token("narrow", permissions=PERMISSIONS, repositories=seen).value,)
    names = {f".github/workflows/{name}.yml": text for name, text in files.items()}
    ref = f"acme/security/{PATH}@refs/heads/main"
    return wiring(pushed(scene, {"README.md": "", **names}, GITHUB_WORKFLOW_REF=ref, GITHUB_WORKFLOW_SHA=sha))


def test_a_workflow_that_is_held_elsewhere_is_read_there(scene: Scene) -> None:
    fact = required(scene, shown=True, fake="jobs: {fake: {name: the guard}}")
    found = known(fact)
    assert (found.path, {job.name for job in found.jobs}) == (f"acme/security//{PATH}", {"guard", "deploy"})
    assert [one.path for one in found.namesakes] == [".github/workflows/fake.yml"]
    assert isinstance(fact, Known)
    assert fact.source is Source.ENV


def test_a_workflow_that_is_held_where_the_token_may_not_read_is_unknown_with_the_permission(scene: Scene) -> None:
    doubt = unknown(required(scene, shown=False))
    assert (doubt.cause, doubt.needs) == (Cause.INVISIBLE, "contents: read on acme/security")


def test_a_path_that_differs_from_the_servers_is_unknown(scene: Scene) -> None:
    ref = f"{scene.repo.full_name}/.github/workflows/other.yml@refs/heads/main"
    assert "the server" in unknown(wiring(pushed(scene, {PATH: GUARDED}, GITHUB_WORKFLOW_REF=ref))).reason


def test_without_the_permission_the_file_is_unknown_with_it(scene: Scene) -> None:
    scene.token(**{name: level for name, level in PERMISSIONS.items() if name != "actions"})
    doubt = unknown(wiring(pushed(scene, {PATH: GUARDED})))
    assert (doubt.cause, doubt.needs) == (Cause.INVISIBLE, "actions: read")


def test_a_run_of_another_shape_is_unknown(scene: Scene) -> None:
    scene.github.fault(
        "GET /repos/{owner}/{repo}/actions/runs/{run_id}", faults.altered(lambda body: {**body, "path": 7})
    )
    assert unknown(wiring(pushed(scene, {PATH: GUARDED}))).cause is Cause.UNAVAILABLE


@pytest.mark.parametrize("content", ["a: &a [*a]", "jobs: [", "x: " + "[" * 200])
def test_a_hostile_workflow_is_unknown(scene: Scene, content: str) -> None:
    assert "could not be read" in unknown(wiring(pushed(scene, {PATH: content}))).reason


@pytest.mark.parametrize(
    "content", ["", "jobs: x", "jobs: {a: x, b: [y], c: {steps: z, needs: {q: r}, if: [s]}}", "[]"]
)
def test_a_workflow_of_another_shape_has_no_guard(content: str) -> None:
    assert not any(job.guard for job in jobs(content).values())


def test_the_job_that_judges_is_the_one_that_the_runner_names(scene: Scene) -> None:
    assert known(wiring(pushed(scene, {PATH: GUARDED}, GITHUB_JOB="guard"))).own == "guard"
