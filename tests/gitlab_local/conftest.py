"""A GitLab on this machine that has this project as a mirror, and a place for environments."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.act.runner import copy_as_release
from tests.gitlab_local.instance import Instance, git
from tests.gitlab_local.scene import PROJECT, Guard, Lab


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    instance = Instance(tmp_path_factory.mktemp("instance"))
    with instance:
        yield instance


@pytest.fixture
def instance(served: Instance) -> Iterator[Instance]:
    """Yield the server with nothing of an earlier test; its own mistakes fail the test."""
    served.forget()
    yield served
    served.check()


@pytest.fixture(scope="session")
def guard(tmp_path_factory: pytest.TempPathFactory, served: Instance, host_environment: Mapping[str, str]) -> Guard:
    folder = tmp_path_factory.mktemp("guard") / "ci-guard"
    folder.mkdir()
    copy_as_release(folder)
    cache = folder.parent / "environments"
    made = subprocess.run(
        ["/bin/bash", "-p", "./launch.sh", "--home", str(cache), "check", "--platform", "gitlab", "--help"],
        cwd=folder,
        env=dict(host_environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    git(folder, "tag", "v1.0.0")
    commit = served.publish(folder, PROJECT)
    return Guard(path=folder, commit=commit, source=f"{served.url}/{PROJECT}.git", cache=cache)


@pytest.fixture
def lab(instance: Instance, guard: Guard, tmp_path: Path) -> Lab:
    return Lab(instance=instance, guard=guard, folder=tmp_path)
