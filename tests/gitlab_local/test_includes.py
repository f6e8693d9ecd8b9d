"""Each way of including the guard runs it, before everything else, from the very commit that is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gitlab_local import runner, scene
from tests.gitlab_local.conftest import PROJECT, Guard
from tests.gitlab_local.instance import Instance

MISSING = runner.why_missing()

pytestmark = [pytest.mark.gitlab_local, pytest.mark.skipif(bool(MISSING), reason=MISSING)]

TEMPLATE = "gitlab-templates/ci-guard.yml"

WAYS = {
    "local": f"local: /{TEMPLATE}",
    "project, by commit": f"{{project: {PROJECT}, ref: COMMIT, file: /{TEMPLATE}}}",
    "project, by tag": f"{{project: {PROJECT}, ref: 1.0.0, file: /{TEMPLATE}}}",
    "remote": f"remote: URL/{PROJECT}/-/raw/COMMIT/{TEMPLATE}",
    "component, by commit": f"component: $CI_SERVER_FQDN/{PROJECT}/ci-guard@COMMIT",
    "component, by version": f"component: $CI_SERVER_FQDN/{PROJECT}/ci-guard@1.0.0",
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_including_it_runs_the_guard(instance: Instance, guard: Guard, tmp_path: Path, way: str) -> None:
    include = WAYS[way].replace("COMMIT", guard.commit).replace("URL", instance.url)
    given = scene.inputs(guard, instance)
    if "component" in way:
        del given["commit"]
    if include.startswith("{"):
        include = include.strip("{}").replace(", ", "\n    ")
    template = (guard.path / TEMPLATE).read_text(encoding="utf-8")
    shop = tmp_path / "shop"
    scene.make(instance, shop, {".gitlab-ci.yml": scene.pipeline(include, given), TEMPLATE: template})
    ran = runner.run(shop, {"CI_JOB_TOKEN": "made-up"}, home=tmp_path / "home")
    assert ran.report()["schema"] == "ci-guard.report/v1", ran.log
