"""A GitLab on this machine that has this project as `security/ci-guard`, and a place for environments."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.act.runner import copy_as_release
from tests.gitlab_local.instance import Instance, git

PROJECT = "security/ci-guard"


@dataclass(frozen=True, kw_only=True)
class Guard:
    """This project as others include it."""

    path: Path
    """A checkout of it."""
    commit: str
    source: str
    """Where git fetches it."""
    cache: Path
    """The folder that has its environment."""


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    instance = Instance(tmp_path_factory.mktemp("instance"))
    yield instance
    instance.stop()


@pytest.fixture
def instance(served: Instance) -> Iterator[Instance]:
    """Yield the server, with nothing of an earlier test."""
    served.calls.clear()
    yield served
    served.api = None
    served.private.clear()


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
    assert cache.is_dir(), made.stderr
    commit = served.publish(folder, PROJECT)
    git(folder, "tag", "1.0.0")
    served.publish(folder, PROJECT)
    return Guard(path=folder, commit=commit, source=f"{served.url}/{PROJECT}.git", cache=cache)
