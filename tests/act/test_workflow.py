"""The ways in which others build on the guard: its reusable workflow, their own actions and jobs, their server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from tests.act import runner
from tests.act.scene import Act, pushed, shop_with
from tests.e2e import consumer
from tests.fakes.certificates import make_certificates
from tests.fakes.github import FakeGitHub
from tests.fakes.hub.world import JOB_PERMISSIONS

pytestmark = pytest.mark.act

ROOT = runner.ROOT
GUARD = ".github/workflows/guard.yml"

CALLER = """
on: push
jobs:
  guard:
    permissions: {contents: read, pull-requests: read, actions: read}
    uses: ./.github/workflows/guard.yml
    with: {runs-on: ubuntu-latest, controls: "required-reviews, secret-free"}
  build:
    needs: guard
    runs-on: ubuntu-latest
    steps:
      - run: echo "built after ${{ needs.guard.outputs.verdict }}, ${{ needs.guard.outputs.failed }} failed"
"""


def reusable(code: Path, *, known: bool = True) -> str:
    """Return the workflow with a copy instead of our own checkout and, if `known`, what act does not tell of it."""
    text = (ROOT / GUARD).read_text(encoding="utf-8")
    ours = r"- uses: actions/checkout@.*\n +with:\n +repository: \$\{\{ job.workflow_repository \}\}(\n +\w\S*: .*)+"
    text, copied = re.subn(ours, f"- run: cp -r {code} ci-guard", text)
    condition = "!job.workflow_repository || !job.workflow_sha"
    assert (copied, text.count(condition), text.count("job.workflow")) == (1, 1, 2)
    # act does not wait for the last lines of a step that fails: of one that prints and ends, they can be lost.
    return text.replace(condition, "false") if known else text.replace("exit 2\n", "sleep 1; exit 2\n", 1)


def echoed(ran: runner.Ran, text: str) -> bool:
    return any(
        text in line and not line.lstrip().startswith(("⭐", "✅", "❌", "echo")) for line in ran.log.splitlines()
    )


@pytest.mark.parametrize("verdict", ["allow", "deny"])
def test_the_reusable_workflow_tells_its_verdict_to_the_jobs_that_need_it(
    github: FakeGitHub, act: Act, tmp_path: Path, guard_checkout: Path, verdict: str
) -> None:
    shop = shop_with(
        github,
        tmp_path / "shop",
        CALLER,
        files={GUARD: reusable(guard_checkout), "bootstrap.py": "raise SystemExit(0)\n", "launch.sh": "exit 0\n"},
        approved_by=("bob",) if verdict == "allow" else (),
    )
    ran = act(shop, pushed(github, shop, tmp_path / "job"))
    assert ran.outputs.get("verdict") == verdict, ran.log
    assert echoed(ran, "built after allow, 0 failed") == (verdict == "allow"), ran.log
    assert (ran.exit_code == 0) == (verdict == "allow")


def test_the_reusable_workflow_refuses_to_run_where_it_cannot_know_its_own_commit(
    github: FakeGitHub, act: Act, tmp_path: Path
) -> None:
    """Else it would check out the caller's repository, and run that as the guard."""
    (tmp_path / "shop-copy").mkdir()
    (tmp_path / "shop-copy/launch.sh").write_text("echo PLANTED; exit 0\n")
    flow = reusable(tmp_path / "shop-copy", known=False)
    shop = shop_with(github, tmp_path / "shop", CALLER, files={GUARD: flow})
    ran = act(shop, pushed(github, shop, tmp_path / "job"))
    assert ran.exit_code != 0
    assert [note["message"] for note in ran.annotations] == [
        "This server does not tell a workflow its own commit. Use the action instead."
    ], ran.log
    assert not echoed(ran, "PLANTED")
    assert not echoed(ran, "built after")


@pytest.mark.parametrize("verdict", ["allow", "deny"])
def test_the_release_of_the_example_needs_the_guard(
    github: FakeGitHub, act: Act, tmp_path: Path, guard_checkout: Path, verdict: str
) -> None:
    example = (ROOT / "docs/examples/guarded-release.yml").read_text(encoding="utf-8")
    example, local = re.subn(r"uses: ci-guard/ci-guard/\S+", "uses: ./.github/workflows/guard.yml", example)
    example = example.replace(
        "environment: production\n\n", "environment: production\n      runs-on: ubuntu-latest\n\n"
    )
    assert local == 1
    caller = "on: push\njobs:\n  all:\n    uses: ./.github/workflows/release.yml\n"
    files = {GUARD: reusable(guard_checkout), ".github/workflows/release.yml": example.replace("24.04", "latest")}
    approved_by = ("bob",) if verdict == "allow" else ()
    shop = shop_with(github, tmp_path / "shop", caller, files=files, approved_by=approved_by)
    ran = act(shop, pushed(github, shop, tmp_path / "job"))
    assert ran.outputs.get("verdict") == verdict, ran.log
    assert echoed(ran, "then deploy") == (verdict == "allow")


def test_the_required_workflow_of_the_example_judges_a_pull_request(
    github: FakeGitHub, act: Act, tmp_path: Path
) -> None:
    example = (ROOT / "docs/examples/required-workflow.yml").read_text(encoding="utf-8")
    example = example.replace("24.04", "latest").replace(f"ci-guard@{'0' * 40}", "ci-guard@v1")
    shop = shop_with(github, tmp_path / "shop", example, merged=False)
    run = shop.repo.run("pull_request", actor="alice", pull=shop.pull)
    payload = github.events(shop.repo).pull_request(shop.pull)
    environ = github.job_environment(shop.repo, run, payload, tmp_path / "job", GITHUB_TOKEN=github.token("job").value)
    ran = act(shop, environ, "pull_request")
    assert ran.exit_code == 0, ran.log
    assert "Allowed" in ran.log


def test_the_required_workflow_runs_for_no_event_that_a_ruleset_does_not_know() -> None:
    example = yaml.safe_load((ROOT / "docs/examples/required-workflow.yml").read_text(encoding="utf-8"))
    assert example[True].keys() <= {"pull_request", "pull_request_target", "merge_group"}
    assert set(example[True].values()) == {None}, "a ruleset ignores filters"


NESTED = """
name: our checks
description: Our own action, which uses the guard.
inputs:
  token: {description: The job's token, required: true}
outputs:
  verdict: {description: The guard's, value: "${{ steps.inner.outputs.verdict }}"}
runs:
  using: composite
  steps:
    - id: inner
      uses: ci-guard/ci-guard/actions/required-reviews@v1
      with: {token: "${{ inputs.token }}"}
    - shell: bash
      run: echo "after the guard"
"""

USES_NESTED = """
on: push
jobs:
  guard:
    runs-on: ubuntu-latest
    outputs: {verdict: "${{ steps.ours.outputs.verdict }}"}
    steps:
      - uses: CHECKOUT
        with: {fetch-depth: 0, persist-credentials: false}
      - id: ours
        uses: ./our-checks
        with: {token: "${{ secrets.GITHUB_TOKEN }}"}
  build:
    needs: guard
    runs-on: ubuntu-latest
    steps:
      - run: echo "built after ${{ needs.guard.outputs.verdict }}"
"""


@pytest.mark.parametrize("verdict", ["allow", "deny"])
def test_an_action_of_the_callers_own_may_use_the_guard(
    github: FakeGitHub, act: Act, tmp_path: Path, verdict: str
) -> None:
    approved_by = ("bob",) if verdict == "allow" else ()
    files = {"our-checks/action.yml": NESTED}
    flow = USES_NESTED.replace("CHECKOUT", runner.CHECKOUT)
    shop = shop_with(github, tmp_path / "shop", flow, files=files, approved_by=approved_by)
    ran = act(shop, pushed(github, shop, tmp_path / "job"))
    assert echoed(ran, "after the guard") == (verdict == "allow"), ran.log
    assert echoed(ran, "built after allow") == (verdict == "allow"), ran.log


def test_a_caller_that_continues_on_error_still_hears_the_verdict(github: FakeGitHub, act: Act, tmp_path: Path) -> None:
    """Its job is green: what it does next is its own affair, as the threat model says."""
    after = '      - run: echo "went on with ${{ steps.guard.outcome }}, ${{ steps.guard.outputs.verdict }}"\n'
    flow = runner.workflow(after=after).replace("- id: guard\n", "- id: guard\n        continue-on-error: true\n")
    shop = shop_with(github, tmp_path / "shop", flow, approved_by=())
    ran = act(shop, pushed(github, shop, tmp_path / "job"))
    assert echoed(ran, "went on with failure, deny"), ran.log
    assert ran.outputs["verdict"] == "deny"
    assert echoed(ran, "built after deny")


@pytest.fixture
def enterprise(tmp_path: Path) -> Iterator[tuple[FakeGitHub, Mapping[str, str]]]:
    (tmp_path / "tls").mkdir()
    certificates = make_certificates(tmp_path / "tls")
    with FakeGitHub(ghes=True, tls=(certificates["good"], certificates["key"])) as fake:
        for login in consumer.PEOPLE:
            fake.user(login, email=consumer.address(login))
        yield fake, certificates
    fake.check()


@pytest.mark.parametrize("verdict", ["allow", "deny"])
def test_an_enterprise_server_with_an_authority_of_its_own(
    enterprise: tuple[FakeGitHub, Mapping[str, str]], act: Act, tmp_path: Path, verdict: str
) -> None:
    github, certificates = enterprise
    inputs = {"ca-bundle": certificates["bundle"], "report-sarif": "upload"}
    approved_by = ("bob",) if verdict == "allow" else ()
    shop = shop_with(github, tmp_path / "shop", runner.workflow(inputs=inputs), approved_by=approved_by)
    environ = pushed(github, shop, tmp_path / "job")
    github.world.tokens["job"].permissions = {**JOB_PERMISSIONS, "security_events": "write"}
    ran = act(shop, environ)
    assert (ran.outputs["verdict"], ran.built) == (verdict, verdict == "allow"), ran.log
    assert environ["GITHUB_API_URL"] == f"https://127.0.0.1:{github.port}/api/v3"
    remedies = [judgement["remedy_url"] for judgement in ran.report["judgements"] if judgement["outcome"] == "fail"]
    assert all(url.startswith(f"https://127.0.0.1:{github.port}/acme/shop") for url in remedies if url)
    assert [(taken.commit, taken.ref) for taken in shop.repo.uploads] == [(shop.merge, "refs/heads/main")]


@pytest.mark.parametrize("permissions", [JOB_PERMISSIONS, {**JOB_PERMISSIONS, "security_events": "write"}])
def test_a_report_that_code_scanning_does_not_take_stops_an_allowed_run(
    github: FakeGitHub, act: Act, tmp_path: Path, permissions: dict[str, str]
) -> None:
    shop = shop_with(github, tmp_path / "shop", runner.workflow(inputs={"report-sarif": "upload"}))
    environ = pushed(github, shop, tmp_path / "job")
    github.world.tokens["job"].permissions = permissions
    ran = act(shop, environ)
    may = "security_events" in permissions
    assert (ran.outputs["verdict"], ran.built, len(shop.repo.uploads)) == ("allow", may, int(may)), ran.log
    assert [note["level"] for note in ran.annotations] == ([] if may else ["error"])
