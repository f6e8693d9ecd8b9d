"""Every pipeline that the documentation shows does what it is shown for: the runner lets it allow and deny."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.gitlab_local import runner
from tests.gitlab_local.scene import LEAKED, PROJECT, Lab
from tests.gitlab_templates.examples import ZEROS, Example, examples

MISSING = runner.why_missing()

pytestmark = [pytest.mark.gitlab_local, pytest.mark.skipif(bool(MISSING), reason=MISSING)]

RAW = "https://raw.githubusercontent.com/ci-guard/ci-guard/"
EXAMPLE_SERVER = "https://gitlab.example.com"
RESERVED = ".pipeline-policy-pre"


def here(lab: Lab, example: Example) -> str:
    """Return the example with this instance and the mirror on it in place of what it names."""
    text = json.dumps(example.content).replace(ZEROS, lab.guard.commit)
    text = text.replace(RAW, f"{lab.instance.url}/{PROJECT}/-/raw/").replace(EXAMPLE_SERVER, lab.instance.url)
    content: dict[str, Any] = json.loads(text)
    for include in content["include"]:
        given = include.setdefault("inputs", {})
        for name, value in lab.inputs().items():
            if name != "commit":
                given.setdefault(name, value)
    if RESERVED in text:
        content["stages"] = [RESERVED, "build"]  # GitLab knows it by itself
    return json.dumps(content)


@pytest.mark.parametrize("sound", [True, False], ids=["allowed", "denied"])
@pytest.mark.parametrize("example", examples(), ids=lambda example: example.place)
def test_an_example_allows_what_is_in_order_and_denies_what_is_not(lab: Lab, example: Example, sound: bool) -> None:
    shop = lab.shop(here(lab, example), sound=sound)
    ran = lab.run(shop, shop.proposed())
    assert ran.verdict == ("allow" if sound else "deny"), ran.log
    assert (ran.exit_code == 0) is sound, ran.log
    assert LEAKED not in ran.log


def test_an_example_that_does_not_guard_leaves_no_verdict(lab: Lab) -> None:
    """Otherwise the test above could not fail."""
    shop = lab.shop("build: {script: [make || true]}\n", sound=False)
    ran = lab.run(shop, shop.proposed())
    assert (ran.exit_code, ran.jobs) == (0, {"build": 0})
    with pytest.raises(AssertionError):
        ran.report()
