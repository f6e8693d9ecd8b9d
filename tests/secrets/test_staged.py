"""What `scan --staged` reads, and the hook that runs it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ci_guard.errors import GitUnavailable
from ci_guard.model.scan import GapKind, SecretScan
from ci_guard.secrets.scan import ScanRequest, scan
from tests.secrets.made_up import github_token
from tests.secrets.repositories import Repo

ROOT = Path(__file__).parents[2]


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.create(tmp_path / "repo")
    repo.git("config", "user.name", "n")
    repo.git("config", "user.email", "n@example.com")
    repo.commit({"README.md": "hello\n", "old.txt": github_token(9)})
    return repo


def staged(repo: Repo, **wishes: object) -> SecretScan:
    return scan(ScanRequest(root=repo.path, staged=True, **wishes))  # type: ignore[arg-type]


def paths(result: SecretScan) -> list[str | None]:
    return [found.location.path for found in result.findings]


def test_reads_what_is_staged_and_not_what_lies_there(repo: Repo) -> None:
    repo.write({"a.txt": github_token(1), "b.txt": github_token(2)})
    repo.git("add", "a.txt")
    repo.write({"a.txt": "clean again"})
    result = staged(repo)
    assert (paths(result), result.blobs, result.sources, result.complete) == (["a.txt"], 1, ("index",), True)


def test_what_the_last_commit_has_is_not_new(repo: Repo) -> None:
    repo.git("mv", "old.txt", "renamed.txt")
    repo.write({"README.md": "hello again\n"})
    repo.git("add", "-A")
    result = staged(repo)
    assert (paths(result), result.blobs, result.complete) == ([], 1, True)


def test_nothing_staged_is_said_and_stops_no_commit(repo: Repo) -> None:
    repo.git("rm", "-q", "old.txt")
    result = staged(repo)
    assert [(gap.code, gap.kind) for gap in result.gaps] == [("nothing-staged", GapKind.NOTE)]
    assert result.complete


def test_reads_the_first_commit(tmp_path: Path) -> None:
    repo = Repo.create(tmp_path / "new")
    repo.write({"a.txt": github_token(), ".env": "A_TOKEN=b\n"})
    repo.git("add", "-A", "-f")
    result = staged(repo)
    assert (paths(result), [found.location.path for found in result.key_files]) == (["a.txt"], [".env"])


def test_a_file_that_is_only_announced_brings_nothing(repo: Repo) -> None:
    repo.write({"a.txt": github_token()})
    repo.git("add", "--intent-to-add", "a.txt")
    result = staged(repo)
    assert (paths(result), result.complete) == ([], True)


def test_links_are_text_and_submodules_are_noted(repo: Repo, tmp_path: Path) -> None:
    inner = Repo.create(tmp_path / "inner")
    inner.commit({"a.txt": github_token(3)})
    (repo.path / "link").symlink_to(github_token(1))
    repo.git("add", "link")
    repo.git("submodule", "add", "-q", str(inner.path), "lib")
    result = staged(repo)
    assert (paths(result), [gap.code for gap in result.gaps]) == (["link"], ["submodules"])


def test_all_sides_of_a_conflict_are_read(repo: Repo) -> None:
    repo.git("checkout", "-q", "-b", "side")
    repo.commit({"README.md": github_token()})
    repo.git("checkout", "-q", "main")
    repo.commit({"README.md": "ours"})
    with pytest.raises(subprocess.CalledProcessError):
        repo.git("merge", "-q", "side")
    assert paths(staged(repo)) == ["README.md"]


def test_an_index_that_is_broken_is_not_clean(repo: Repo) -> None:
    (repo.path / ".git/index").write_bytes(b"nonsense")
    assert not staged(repo).complete


def test_needs_a_repository(tmp_path: Path) -> None:
    with pytest.raises(GitUnavailable):
        scan(ScanRequest(root=tmp_path, staged=True))


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the command `ci-guard`, as an installation puts it on PATH."""
    folder = tmp_path_factory.mktemp("bin")
    program = f"import sys; sys.path[:0] = {[str(ROOT), *sys.path]!r}; from ci_guard.entrypoints.cli import main"
    script = folder / "ci-guard"
    script.write_text(f"#!{sys.executable} -I\n{program}; sys.exit(main())\n")
    script.chmod(0o755)
    return folder


def hooked(repo: Repo, command: Path) -> None:
    """Install the entry of the hook as git's own."""
    hook, _ = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert (hook["id"], hook["language"], hook["pass_filenames"]) == ("ci-guard-secrets", "python", False)
    script = repo.path / ".git/hooks/pre-commit"
    script.write_text(f"#!/bin/sh\nPATH={shlex.quote(str(command))}:$PATH\nexec {hook['entry']}\n")
    script.chmod(0o755)


def commit(repo: Repo, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(
        ["git", "commit", "-q", "-m", "change", *arguments],
        cwd=repo.path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_hook_stops_a_commit_with_a_secret(repo: Repo, command: Path) -> None:
    hooked(repo, command)
    repo.write({"a.txt": f"token: {github_token(1)}\n"})
    repo.git("add", "a.txt")
    stopped = commit(repo)
    assert stopped.returncode != 0
    assert "a.txt" in stopped.stdout + stopped.stderr
    assert github_token(1)[8:] not in stopped.stdout + stopped.stderr
    repo.write({"a.txt": "clean\n"})
    repo.git("add", "a.txt")
    assert commit(repo).returncode == 0


@pytest.mark.parametrize("arguments", [["-a"], ["README.md"]])
def test_the_hook_reads_the_index_that_the_commit_is_made_of(repo: Repo, command: Path, arguments: list[str]) -> None:
    """`git commit -a` and `git commit FILE` make one of their own and name it in GIT_INDEX_FILE."""
    hooked(repo, command)
    repo.write({"README.md": github_token(1)})
    assert commit(repo, *arguments).returncode != 0
    repo.write({"README.md": "clean\n", "other.txt": github_token(2)})
    repo.git("add", "other.txt")
    assert commit(repo, "README.md").returncode == 0
