"""Nothing that a repository's own files configure is run, and nothing of it moves what is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ci_guard.model.scan import SecretScan
from ci_guard.secrets.scan import ScanRequest, scan
from tests.secrets.made_up import github_token
from tests.secrets.repositories import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.create(tmp_path / "repo")
    repo.commit({"README.md": "hello\n"})
    return repo


def everything(repo: Repo, base: str | None = None) -> SecretScan:
    return scan(ScanRequest(root=repo.path, tree=True, work_tree=True, range=(base, "HEAD")))


def paths(result: SecretScan) -> list[str | None]:
    return [found.location.path for found in result.findings]


def _script(repo: Repo, run: str, name: str = "evil.sh") -> Path:
    file = repo.path / ".git" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{run}\n")
    file.chmod(0o755)
    return file


def _configure(repo: Repo, settings: dict[str, str]) -> None:
    for key, value in settings.items():
        repo.git("config", key, value)


def _program(*keys: str) -> Callable[[Repo, str], None]:
    """Return what names a script in some settings."""
    return lambda repo, run: _configure(repo, dict.fromkeys(keys, str(_script(repo, run))))


def _hooks(repo: Repo, run: str) -> None:
    _configure(repo, {"core.hooksPath": str(_script(repo, run, "hooks/post-index-change").parent)})


def _aliases(repo: Repo, run: str) -> None:
    _configure(repo, {f"alias.{name}": f"!{run}" for name in ("ls-files", "cat-file", "ls-tree", "rev-list")})


def _filters(repo: Repo, run: str) -> None:
    (repo.path / ".git/info/attributes").write_text("* filter=evil diff=evil\n")
    _configure(repo, {f"{name}.evil.{what}": run for name, what in _DRIVERS})


_DRIVERS = (("filter", "clean"), ("filter", "smudge"), ("filter", "process"), ("diff", "textconv"), ("diff", "command"))


def _include(repo: Repo, run: str) -> None:
    (repo.path / ".git/evil.config").write_text(f"[core]\n\tfsmonitor = {_script(repo, run)}\n")
    _configure(repo, {"include.path": "evil.config"})


def _promisor(repo: Repo, run: str) -> None:
    """Let an object be missing that git would fetch, by a command."""
    settings = {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::sh -c {run.replace(' ', '% ')}",
        "protocol.ext.allow": "always",
        "protocol.allow": "always",
    }
    _configure(repo, settings)
    oid = repo.git("rev-parse", "HEAD:gone.txt")
    (repo.path / ".git/objects" / oid[:2] / oid[2:]).unlink()
    (repo.path / "gone.txt").unlink()


HOSTILE: dict[str, Callable[[Repo, str], None]] = {
    "hooks": _hooks,
    "fsmonitor": _program("core.fsmonitor"),
    "pager": _program("core.pager", "pager.ls-tree", "pager.ls-files"),
    "transport": _program("core.sshCommand", "core.askPass", "core.gitProxy", "credential.helper"),
    "external diff": _program("diff.external"),
    "signature": _program("gpg.program", "log.showSignature"),
    "alias": _aliases,
    "filter": _filters,
    "include": _include,
    "promisor": _promisor,
}


@pytest.mark.parametrize("plant", HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_that_the_repository_configures_is_run(
    repo: Repo, tmp_path: Path, plant: Callable[[Repo, str], None]
) -> None:
    base = repo.git("rev-parse", "HEAD")
    repo.commit({"a.txt": github_token(), "gone.txt": "soon gone"})
    trace = tmp_path / "trace"
    plant(repo, f"touch {trace}")
    repo.write({"README.md": "changed"})
    result = everything(repo, base)
    assert paths(result) == ["a.txt"]
    assert not trace.exists()


@pytest.mark.parametrize("settings", [{"core.worktree": "/"}, {"core.bare": "true"}, {"core.ignoreCase": "true"}])
def test_where_the_work_tree_is_does_not_depend_on_the_configuration(repo: Repo, settings: dict[str, str]) -> None:
    repo.write({"new.txt": github_token()})
    _configure(repo, settings)
    assert paths(everything(repo)) == ["new.txt"]
