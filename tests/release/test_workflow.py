"""The release workflow is wiring: what it runs is rehearsed here, and each job holds the rights of its own step."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.release.checkout import ROOT

JOBS: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8"))["jobs"]

REHEARSED = {
    'python3 scripts/release.py check "${GITHUB_REF}"',  # test_agreement.py
    "python3 -I bootstrap.py --release scripts/dist.py build dist",  # test_dist.py
    "python3 scripts/dist.py smoke dist",  # test_dist.py
    'scripts/publish "${GITHUB_REF_NAME}" dist',  # test_publish.py
}


def test_it_runs_only_what_is_rehearsed() -> None:
    assert {step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step} == REHEARSED


def test_each_job_waits_for_the_one_before_it_and_all_for_the_guard() -> None:
    order = ["guard", "build", "smoke", "attest", "pypi", "release"]
    assert list(JOBS) == order
    assert [JOBS[job]["needs"] for job in order[1:]] == order[:-1]
    assert not [job for job in JOBS.values() if "if" in job or "continue-on-error" in job]
    assert JOBS["guard"]["steps"][-1] == {"uses": "./"}


def test_only_the_last_steps_may_write_and_only_each_its_own() -> None:
    writing = {
        name: {permission for permission, access in job["permissions"].items() if access == "write"}
        for name, job in JOBS.items()
    }
    assert {name: permissions for name, permissions in writing.items() if permissions} == {
        "attest": {"attestations", "id-token"},
        "pypi": {"id-token"},
        "release": {"contents"},
    }
    assert JOBS["pypi"]["environment"]["name"] == "release"


@pytest.mark.parametrize("name", ["attest", "pypi"])
def test_no_code_of_ours_runs_where_identities_are_minted(name: str) -> None:
    assert not [step for step in JOBS[name]["steps"] if "run" in step or step["uses"].startswith("./")]


def test_nothing_comes_from_a_cache() -> None:
    inputs = [key for job in JOBS.values() for step in job["steps"] for key in step.get("with", {})]
    assert "cache" not in inputs
    assert not [step for job in JOBS.values() for step in job["steps"] if "actions/cache" in step.get("uses", "")]
