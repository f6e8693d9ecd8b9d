"""Signing and verifying as the action's launcher starts them: each with the packages of its own lock, and no others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.audit.test_keyless import WHO, instance, runner_s, verify
from tests.fakes.fulcio import Instance

__all__ = ["instance", "verify"]

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow

Launch = Callable[..., str]


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of environments: that of this one, so that they are made once."""
    prefix = Path(sys.prefix)
    return prefix.parent if prefix.name.startswith("dev-") else tmp_path_factory.mktemp("tools")


@pytest.fixture
def launch(tools: Path, tmp_path: Path, host_environment: Mapping[str, str]) -> Launch:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "file.txt").write_text("nothing\n")

    def run(*arguments: str, **environ: str) -> str:
        done = subprocess.run(
            ["/bin/bash", "-p", str(ROOT / "launch.sh"), "--home", str(tools), *arguments],
            cwd=workspace,
            env={**host_environment, **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return " ".join(done.stdout.split())

    return run


def test_a_key_signs_a_checkpoint_and_the_other_half_verifies_it(launch: Launch, tmp_path: Path) -> None:
    key, log = tmp_path / "key", tmp_path / "audit.jsonl"
    launch("audit", "keygen", "audit.example.com/acme", "--out", str(key))
    secret = key.read_text(encoding="ascii").strip()
    inputs = {"CI_GUARD_INPUT_AUDIT_LOG": str(log), "CI_GUARD_AUDIT_KEY": secret}
    told = launch("check", "secret-free", "--inputs", **inputs)
    told += launch("audit", "verify", str(log), "--key", f"{key}.pub")
    assert "is signed by audit.example.com/acme" in told
    assert secret not in told


def test_the_runners_id_token_signs_a_checkpoint_and_who_it_was_verifies_it(
    launch: Launch, instance: Instance, verify: list[str], tmp_path: Path
) -> None:
    config, log = tmp_path / "instance.json", tmp_path / "audit.jsonl"
    config.write_text(instance.config())
    variables = {**runner_s(instance), "CI_GUARD_INPUT_AUDIT_LOG": f"{log},sigstore={config}"}
    launch("check", "secret-free", "--inputs", **variables)
    assert f"is signed by {WHO}" in launch("audit", "verify", str(log), *verify)
