"""Each way of including the guard runs it, before everything else, from the very commit that is named."""

from __future__ import annotations

import json

import pytest

from tests.gitlab_local import runner
from tests.gitlab_local.scene import PROJECT, TEMPLATE, Lab

MISSING = runner.why_missing()

pytestmark = [pytest.mark.gitlab_local, pytest.mark.skipif(bool(MISSING), reason=MISSING)]

COMPONENT = f"$CI_SERVER_FQDN/{PROJECT}/ci-guard"

WAYS = {
    "local": {"local": f"/{TEMPLATE}"},
    "project, by commit": {"project": PROJECT, "ref": "<commit>", "file": f"/{TEMPLATE}"},
    "project, by tag": {"project": PROJECT, "ref": "v1.0.0", "file": f"/{TEMPLATE}"},
    "remote": {"remote": f"<url>/{PROJECT}/-/raw/<commit>/{TEMPLATE}", "integrity": f"sha256-{'A' * 43}="},
    "component, by commit": {"component": f"{COMPONENT}@<commit>"},
    "component, by version": {"component": f"{COMPONENT}@v1.0.0"},
}


@pytest.mark.parametrize("sound", [True, False], ids=["allowed", "denied"])
@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_including_it_runs_the_guard_on_the_job_token_alone(lab: Lab, way: str, sound: bool) -> None:
    given = lab.inputs()
    if "component" in way:
        del given["commit"]
    include = {
        key: value.replace("<commit>", lab.guard.commit).replace("<url>", lab.instance.url)
        for key, value in WAYS[way].items()
    }
    ci = f"include: {json.dumps([{**include, 'inputs': given}])}\nbuild: {{script: [make]}}\n"
    template = (lab.guard.path / TEMPLATE).read_text(encoding="utf-8")
    shop = lab.shop(ci, sound=sound, files={TEMPLATE: template})
    ran = lab.run(shop, shop.proposed(), "ci-guard")
    assert (ran.verdict, ran.jobs) == (("allow", {"ci-guard": 0}) if sound else ("deny", {"ci-guard": 1})), ran.log
    assert {call.token for call in lab.instance.requests} <= {"job", None} | {
        token.name for token in lab.instance.world.tokens.values() if token.kind == "job"
    }


def test_a_mirror_that_only_the_job_token_opens_is_fetched_with_it(lab: Lab) -> None:
    ci = "include: {local: /guard.yml, inputs: INPUTS}\nbuild: {script: [make]}\n"
    ci = ci.replace("INPUTS", json.dumps(lab.inputs()))
    template = (lab.guard.path / TEMPLATE).read_text(encoding="utf-8")
    shop = lab.shop(ci, files={"guard.yml": template})
    variables = shop.proposed()
    lab.instance.private[PROJECT] = variables["CI_JOB_TOKEN"]
    assert lab.run(shop, variables, "ci-guard").verdict == "allow"
    lab.instance.private[PROJECT] = "another"
    ran = lab.run(shop, variables, "ci-guard")
    assert ran.jobs == {"ci-guard": 4}
    assert f"commit {lab.guard.commit} could not be fetched from {lab.guard.source}" in ran.log
    assert variables["CI_JOB_TOKEN"] not in ran.log


def test_a_commit_that_the_mirror_has_not_runs_nothing(lab: Lab) -> None:
    given = lab.inputs(commit="1" * 40)
    shop = lab.shop(lab.pipeline(given))
    ran = lab.run(shop, shop.proposed())
    assert ran.jobs == {"ci-guard": 4}, ran.log
    assert ran.exit_code == 1
