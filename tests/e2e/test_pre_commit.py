"""The hooks of `.pre-commit-hooks.yaml` as a new user gets them: by pre-commit, from a clone, in an empty home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.secrets.made_up import github_token
from tests.secrets.repositories import Repo

ROOT = Path(__file__).resolve().parents[2]
POLICY = "version: 1\nextends: builtin:baseline\n"
INDEX = ("PIP_", "SSL_", "REQUESTS_", "CURL_", "HTTP", "http", "no_proxy", "NO_PROXY", "LD_LIBRARY_PATH")


@pytest.fixture(scope="module")
def pre_commit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pre-commit")
    install = [sys.executable, "-m", "venv", str(folder)]
    subprocess.run(install, check=True, capture_output=True)
    done = subprocess.run(
        [folder / "bin/python", "-m", "pip", "install", "--quiet", "pre-commit>=4"], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("no package index is reached")
    return folder / "bin/pre-commit"


@pytest.mark.slow
def test_a_commit_passes_and_is_stopped_by_both_hooks(tmp_path: Path, pre_commit: Path) -> None:
    repo = Repo.create(tmp_path / "repository")
    (tmp_path / "home").mkdir()
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--shared", str(ROOT), str(clone)], check=True, capture_output=True)
    revision = subprocess.run(["git", "rev-parse", "HEAD"], cwd=clone, check=True, capture_output=True, text=True)
    hooks = [{"id": "ci-guard-secrets"}, {"id": "ci-guard-policy"}]
    config = {"repos": [{"repo": str(clone), "rev": revision.stdout.strip(), "hooks": hooks}]}
    environment = {name: value for name, value in os.environ.items() if name.startswith(INDEX)}
    environment |= {"HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"]}

    def run() -> subprocess.CompletedProcess[str]:
        repo.git("add", ".")
        return subprocess.run(
            [pre_commit, "run"], cwd=repo.path, env=environment, capture_output=True, text=True, check=False
        )

    repo.write({".pre-commit-config.yaml": yaml.safe_dump(config), ".ci-guard.yml": POLICY})
    passed = run()
    assert (passed.returncode, passed.stdout.count("Passed")) == (0, 2), passed.stdout + passed.stderr
    repo.write({"a.txt": f"token: {github_token(1)}\n", ".ci-guard.yml": f"{POLICY}nonsense: 1\n"})
    stopped = run()
    assert (stopped.returncode, stopped.stdout.count("Failed")) == (1, 2), stopped.stdout
    assert "a.txt:1:8" in stopped.stdout
    assert "unknown key" in stopped.stdout
    assert github_token(1)[8:] not in stopped.stdout + stopped.stderr
