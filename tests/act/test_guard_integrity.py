"""The guard guards itself in a real runner: alone, and held where nobody whom it judges can edit it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.act import runner
from tests.act.runner import COMMIT
from tests.act.scene import Act, pushed, shop_with
from tests.e2e.test_organisation import organisation
from tests.fakes.github import FakeGitHub

pytestmark = pytest.mark.act

POLICY = """
version: 1
controls:
  guard-integrity:
    require: {policy-source: true, policy-unchanged: true, not-weakened: true, clean-environment: true}
"""
GUARDED = runner.workflow(action="/actions/guard-integrity", ref=COMMIT)


def outcomes(ran: runner.Ran) -> dict[str, str]:
    return {one["requirement"]: one["outcome"] for one in ran.report["judgements"]}


@pytest.mark.parametrize(
    ("head", "failing"),
    [
        ({"cart.py": "ITEMS = []\n"}, set()),
        ({"tools/setup/action.yml": "runs: {using: composite, steps: []}\n"}, {"policy-unchanged"}),
    ],
    ids=["allowed", "denied"],
)
def test_an_edit_of_what_the_workflow_is_made_of_is_denied_and_one_of_code_is_not(
    github: FakeGitHub, act: Act, tmp_path: Path, head: dict[str, str], failing: set[str]
) -> None:
    flow = GUARDED.replace(
        "  build:", "  never:\n    if: false\n    runs-on: x\n    steps: [{uses: ./tools/setup}]\n  build:"
    )
    files = {".ci-guard.yml": POLICY, "tools/setup/action.yml": "runs: {using: composite, steps: [{run: make}]}\n"}
    shop = shop_with(github, tmp_path / "shop", flow, files=files, head_files=head)
    ran = act(shop, pushed(github, shop, tmp_path / "job"))
    assert ran.report["controls"] == ["guard-integrity"]
    assert {name for name, outcome in outcomes(ran).items() if outcome != "pass"} == failing, ran.log
    assert (ran.outputs["verdict"], ran.built) == (("deny", False) if failing else ("allow", True))


STRICT = """
version: 1
mode: enforce
controls:
  secret-free: {require: {no-secrets: true}}
  guard-integrity: {require: {policy-unchanged: true}}
"""
LAX = "version: 1\nmode: report\ncontrols: {actor-permissions: {require: {actor: read}}}\n"
SUPPRESSION = 'version: 1\nallow: [{paths: [cart.py], reason: "made up"}]\n'
TAKEN = "on: push\njobs: {build: {runs-on: ubuntu-latest, steps: [{run: make}]}}\n"


@pytest.mark.parametrize("event", ["pull_request", "push"])
def test_what_loosens_the_guard_is_judged_by_the_policy_that_was_there(
    github: FakeGitHub, act: Act, tmp_path: Path, event: str
) -> None:
    """It edits the policy, asks for report mode, suppresses what it brings, and takes the step out of the workflow."""
    head = {
        ".ci-guard.yml": LAX,
        ".ci-guard-secrets.yml": SUPPRESSION,
        ".github/workflows/ci.yml": TAKEN,
        "cart.py": f'KEY = "{"AK" + "IA" + "Q3EGRTZ7KLMNWXYV"}"\n',
    }
    settings = {"files": {".ci-guard.yml": STRICT}, "head_files": head, "merged": event == "push"}
    shop = shop_with(github, tmp_path / "shop", runner.workflow(), **settings)  # type: ignore[arg-type]
    if event == "push":
        environ = pushed(github, shop, tmp_path / "job")
    else:
        run = shop.repo.run("pull_request", actor="alice", pull=shop.pull)
        payload = github.events(shop.repo).pull_request(shop.pull)
        token = github.token("job").value
        environ = github.job_environment(shop.repo, run, payload, tmp_path / "job", GITHUB_TOKEN=token)
    held = tmp_path / "required.yml"
    held.write_text(runner.workflow(), encoding="utf-8")
    ran = act(shop, environ, event, options=("-W", str(held)))
    assert (ran.outputs["verdict"], ran.built) == ("deny", False), ran.log
    report = ran.report
    assert report["policy"]["mode"] == "enforce"
    refused = {one["requirement"]: one["observed"] for one in report["judgements"] if one["outcome"] == "fail"}
    assert set(refused) == {"no-secrets", "policy-unchanged"}
    assert ".ci-guard-secrets.yml, .ci-guard.yml, .github/workflows/ci.yml" in refused["policy-unchanged"]


FLOOR = "version: 1\ncontrols: {required-reviews: {require: {approvals: 6}}}\n"
EXTENDED = "version: 1\ncontrols: {actor-permissions: {require: {actor: read}}}\n"
SILENT = "version: 1\ncontrols: {secret-free: {require: {no-secrets: true}}}\n"


def test_a_change_that_redirects_extends_is_judged_by_the_floor_that_the_step_was_given(
    github: FakeGitHub, act: Act, tmp_path: Path
) -> None:
    floor, *extended = (organisation(github, content) for content in (FLOOR, EXTENDED, SILENT))
    before, after = ({".ci-guard.yml": f"version: 1\nextends: {reference}\n"} for reference in extended)
    flow = runner.workflow(inputs={"floor": floor})
    shop = shop_with(github, tmp_path / "shop", flow, files=before, head_files=after)
    ran = act(shop, pushed(github, shop, tmp_path / "job"))
    assert (ran.outputs["verdict"], ran.built) == ("deny", False), ran.log
    assert {name for name, outcome in outcomes(ran).items() if outcome == "fail"} == {"approvals"}
    assert ran.report["policy"]["layers"][0] == floor
