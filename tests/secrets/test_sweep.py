"""Helpers read only what has nothing in it: with them or without, the same is found, read, skipped and missing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ci_guard.errors import ScanFault
from ci_guard.git import index
from ci_guard.model.scan import SecretScan
from ci_guard.secrets import sweep
from ci_guard.secrets.scan import ScanRequest, scan
from tests.secrets import made_up
from tests.secrets.repositories import Repo

FILES = 150
TOKEN = made_up.text_for(made_up.rules()["github-pat"])


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository with something of everything between files in which there is nothing."""
    repo = Repo.create(tmp_path / "repo")
    repo.write({f"src/{number % 7}/{number}.txt": f"text {number // 2}\n" for number in range(FILES)})
    repo.write(
        {
            "secret.txt": f"token = {TOKEN}",
            "id_rsa": "-----BEGIN RSA PRIVATE " + "KEY-----\nabc\n-----END RSA PRIVATE " + "KEY-----\n",
            "plain.json": "{}",
            "pointer.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:" + "1" * 64 + "\nsize 3\n",
            "broken.zip": b"PK\x03\x04 no archive",
            "wide.txt": "a secret-free text".encode("utf-16"),
            "large.bin": b"\0" * (3 << 20),
            "hidden.txt": "old",
            "gone.txt": "gone",
            "changed.txt": "old",
            "pipe.txt": "no pipe yet",
        }
    )
    (repo.path / "link").symlink_to("src")
    repo.commit()
    repo.git("update-index", "--assume-unchanged", "hidden.txt")
    repo.write({"hidden.txt": f"new {TOKEN}", "changed.txt": "new", "untracked.txt": "new"})
    (repo.path / "gone.txt").unlink()
    (repo.path / "pipe.txt").unlink()
    os.mkfifo(repo.path / "pipe.txt")
    return repo


def scanned(path: Path) -> SecretScan:
    return replace(scan(ScanRequest(root=path, tree=(path / ".git").exists(), work_tree=True)), seconds=0.0)


@pytest.mark.parametrize("state", ["as committed", "with a staged change", "of many entries", "outside git"])
def test_helpers_change_nothing_in_the_result(repo: Repo, monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    if state == "with a staged change":
        repo.write({"src/1/staged.txt": f"key: {TOKEN}"})
        repo.git("add", "src/1/staged.txt")
    elif state == "outside git":
        (repo.path / ".git").rename(repo.path.parent / "elsewhere")
    alone = scanned(repo.path)
    if state == "of many entries":
        monkeypatch.setattr(index, "_MUCH", 0)
    seen: list[int] = []
    done = sweep.Sweep.done

    def counted(self: sweep.Sweep, begun: Callable[[int], None]) -> bytearray:
        found = done(self, begun)
        seen.append(sum(found))
        return found

    monkeypatch.setattr(sweep.Sweep, "done", counted)
    for helpers in (1, 3):
        monkeypatch.setattr(sweep, "helpers_for", lambda *_, helpers=helpers: helpers)
        assert scanned(repo.path) == alone
    assert min(seen) >= FILES
    assert len(alone.findings) >= 1
    assert alone.key_files
    assert {skip.path for skip in alone.skipped} >= {"broken.zip"}


def test_a_helper_that_ends_early_ends_the_scan(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    main = os.getpid()
    looked = sweep.Sweep._looked

    def deadly(self: sweep.Sweep, *begun: Callable[[int], None]) -> Iterator[Any]:
        if os.getpid() != main:
            os.kill(os.getpid(), signal.SIGKILL)
        return looked(self, *begun)

    monkeypatch.setattr(sweep.Sweep, "_looked", deadly)
    monkeypatch.setattr(sweep, "helpers_for", lambda *_: 1)
    with pytest.raises(ScanFault, match="a process of the scanner ended early"):
        scanned(repo.path)


def test_helpers_end_with_a_scan_that_is_interrupted(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    helpers: list[int] = []
    fork = os.fork

    def noted() -> int:
        pid = fork()
        helpers.append(pid)
        return pid

    def interrupted(*_: object) -> bytearray:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fork", noted)
    monkeypatch.setattr(sweep.Sweep, "done", interrupted)
    monkeypatch.setattr(sweep, "helpers_for", lambda *_: 2)
    with pytest.raises(KeyboardInterrupt):
        scanned(repo.path)
    assert len(helpers) == 2
    for pid in helpers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_pointer_in_a_commit_whose_file_is_fetched_is_no_gap(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write({"src/pointer.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:" + "2" * 64 + "\nsize 3\n"})
    repo.git("add", "src/pointer.bin")
    repo.git("commit", "-q", "-m", "pointer")
    repo.write({"src/pointer.bin": "fetched"})
    monkeypatch.setattr(sweep, "helpers_for", lambda *_: 1)
    assert [gap.code for gap in scanned(repo.path / "src").gaps] == []
