"""The guard guards itself in a real runner: alone, and held where nobody whom it judges can edit it."""

from __future__ import annotations

import pytest

from tests.e2e.test_organisation_gitlab import published as organisation
from tests.gitlab_local import runner
from tests.gitlab_local.scene import LEAKED, Lab

MISSING = runner.why_missing()

pytestmark = [pytest.mark.gitlab_local, pytest.mark.skipif(bool(MISSING), reason=MISSING)]

POLICY = "version: 1\ncontrols: {guard-integrity: {require: {policy-unchanged: true, not-weakened: true}}}\n"
ALONE = "ci-guard-guard-integrity"


@pytest.mark.parametrize(
    ("files", "failing"),
    [({"cart.py": "ITEMS = [1]\n"}, set()), ({"jobs/own.yml": "own: {script: [make more]}\n"}, {"policy-unchanged"})],
    ids=["allowed", "denied"],
)
def test_an_edit_of_a_file_that_the_pipeline_includes_is_denied_and_one_of_code_is_not(
    lab: Lab, files: dict[str, str], failing: set[str]
) -> None:
    ci = lab.pipeline(template="gitlab-templates/guard-integrity.yml").replace("}]\n", '}, {"local": "jobs/*.yml"}]\n')
    base = {".ci-guard.yml": POLICY, "jobs/own.yml": "own: {script: [make]}\n"}
    shop = lab.shop(ci, files=files, base_files=base)
    ran = lab.run(shop, shop.proposed(), ALONE)
    report = ran.report(ALONE)
    assert report["controls"] == ["guard-integrity"]
    assert {one["requirement"] for one in report["judgements"] if one["outcome"] != "pass"} == failing, ran.log
    assert (report["verdict"], ran.jobs[ALONE]) == (("deny", 1) if failing else ("allow", 0))


STRICT = """
version: 1
mode: enforce
controls:
  secret-free: {require: {no-secrets: true}}
  guard-integrity: {require: {policy-unchanged: true}}
"""
LOOSENED = {
    ".ci-guard.yml": "version: 1\nmode: report\ncontrols: {actor-permissions: {require: {actor: read}}}\n",
    ".ci-guard-secrets.yml": 'version: 1\nallow: [{paths: [cart.py], reason: "made up"}]\n',
    ".gitlab-ci.yml": "build: {script: [make]}\n",
    "cart.py": f'KEY = "{LEAKED}"\n',
}


@pytest.mark.parametrize("merged", [False, True], ids=["change", "push"])
def test_what_loosens_the_guard_is_judged_by_the_policy_that_was_there(lab: Lab, merged: bool) -> None:
    """It edits the policy, asks for report mode, suppresses what it brings, and takes the include out of the file."""
    shop = lab.shop(lab.pipeline(), merged=merged, files=LOOSENED, base_files={".ci-guard.yml": STRICT})
    held = shop.path / ".held-elsewhere.yml"
    held.write_text(lab.pipeline(), encoding="utf-8")
    variables = shop.pushed(CI_GUARD_TOKEN=shop.stronger()) if merged else shop.proposed()
    ran = lab.run(shop, variables, "--file", held.name, "ci-guard")
    report = ran.report()
    assert (report["verdict"], ran.jobs, report["policy"]["mode"]) == ("deny", {"ci-guard": 1}, "enforce"), ran.log
    refused = {one["requirement"]: one["observed"] for one in report["judgements"] if one["outcome"] == "fail"}
    assert set(refused) == {"no-secrets", "policy-unchanged"}
    assert ".ci-guard-secrets.yml, .ci-guard.yml, .gitlab-ci.yml" in refused["policy-unchanged"]
    assert LEAKED not in ran.log


FLOOR = "version: 1\ncontrols: {required-reviews: {require: {approvals: 6}}}\n"
EXTENDED = "version: 1\ncontrols: {actor-permissions: {require: {actor: read}}}\n"
SILENT = "version: 1\ncontrols: {secret-free: {require: {no-secrets: true}}}\n"


def test_a_change_that_drops_extends_is_judged_by_the_floor_that_the_template_was_given(lab: Lab) -> None:
    floor, extended = (organisation(lab.instance, content) for content in (FLOOR, EXTENDED))
    before = {".ci-guard.yml": f"version: 1\nextends: {extended}\n"}
    ci = lab.pipeline(lab.inputs(floor=floor))
    shop = lab.shop(ci, merged=True, files={".ci-guard.yml": SILENT}, base_files=before)
    ran = lab.run(shop, shop.pushed(), "ci-guard")
    report = ran.report()
    assert (report["verdict"], ran.jobs) == ("deny", {"ci-guard": 1}), ran.log
    assert {one["requirement"] for one in report["judgements"] if one["outcome"] == "fail"} == {"approvals"}
    assert report["policy"]["layers"][0] == floor
