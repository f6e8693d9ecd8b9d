"""Helpers that read objects leave what has anything: with them or without, the same is found, read and missing."""

from __future__ import annotations

import io
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ci_guard.errors import ScanFault
from ci_guard.git import Repository
from ci_guard.model.scan import SecretScan
from ci_guard.reporters.terminal import Progress
from ci_guard.secrets import shares, workers
from ci_guard.secrets.scan import ScanRequest, scan
from tests.secrets import made_up
from tests.secrets.repositories import Repo

TOKEN = made_up.text_for(made_up.rules()["github-pat"])


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """Commits with something of everything among contents in which there is nothing."""
    repo = Repo.create(tmp_path / "repo")
    repo.commit({"begin.txt": "begin"})
    repo.write({f"{number}.txt": f"text {number}\n" for number in range(40)})
    repo.write(
        {
            "secret.txt": f"token = {TOKEN}",
            "id_rsa": "-----BEGIN RSA PRIVATE " + "KEY-----\nabc\n-----END RSA PRIVATE " + "KEY-----\n",
            "plain.json": "{}",
            "pointer.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:" + "1" * 64 + "\nsize 3\n",
            "broken.zip": b"PK\x03\x04 no archive",
            "wide.txt": f"token = {TOKEN}".encode("utf-16"),
            "large.bin": b"\0" * (3 << 20),
        }
    )
    repo.commit()
    repo.write({"1.txt": "changed"})
    repo.git("commit", "-q", "-a", "-m", f"tell {TOKEN}")
    repo.git("commit", "-q", "--allow-empty", "-m", "tell nothing")
    return repo


def scanned(repo: Repo) -> SecretScan:
    base, head = repo.git("rev-parse", "HEAD~3"), repo.git("rev-parse", "HEAD")
    return replace(scan(ScanRequest(root=repo.path, range=(base, head))), seconds=0.0)


def helped(monkeypatch: pytest.MonkeyPatch, helpers: int) -> None:
    monkeypatch.setattr(shares, "helpers_for", lambda *_: helpers)


def test_helpers_change_nothing_in_the_result(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = scanned(repo)
    yielded: list[str] = []
    read = shares.read

    def noted(*arguments: Any) -> Iterator[Any]:
        for stream in read(*arguments):
            yielded.append(stream.oid)
            yield stream

    monkeypatch.setattr(shares, "read", noted)
    for helpers, most in ((1, 35), (3, 25)):
        helped(monkeypatch, helpers)
        yielded.clear()
        assert scanned(repo) == alone
        assert len(set(yielded)) == len(yielded) < most
    assert len(alone.findings) >= 1
    assert alone.key_files
    assert alone.gaps
    assert {skip.path for skip in alone.skipped} == {"broken.zip"}


@pytest.mark.parametrize("helpers", [0, 1, 2])
def test_a_content_that_is_not_what_its_id_says_is_told_whoever_reads_it(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, helpers: int
) -> None:
    for name in ("0.txt", "7.txt", "8.txt"):
        repo.overwrite(repo.git("rev-parse", f"HEAD:{name}"), b"something else\n")
    helped(monkeypatch, helpers)
    gaps = [gap.message for gap in scanned(repo).gaps]
    assert any("tampered with" in message for message in gaps)


def test_a_helper_that_ends_early_ends_the_scan(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    main = os.getpid()
    objects = Repository.objects

    def deadly(self: Repository, oids: Iterator[str]) -> Any:
        if os.getpid() != main:
            os.kill(os.getpid(), signal.SIGKILL)
        return objects(self, oids)

    monkeypatch.setattr(Repository, "objects", deadly)
    helped(monkeypatch, 1)
    with pytest.raises(ScanFault, match="a process of the scanner ended early"):
        scanned(repo)


@pytest.fixture
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processors, and no thread that another test has left behind in this process and that may still be ending."""
    counted, before = threading.enumerate, {*threading.enumerate()} - {threading.main_thread()}
    monkeypatch.setattr(threading, "enumerate", lambda: [thread for thread in counted() if thread not in before])
    monkeypatch.setattr(workers, "processors", lambda: 2)


@pytest.mark.usefixtures("two_processors")
def test_there_are_no_helpers_beside_threads_that_may_hold_something() -> None:
    assert [workers.helpers_for(things, 200) for things in (0, 150, 500, 50_000)] == [0, 0, 1, 1]
    done = threading.Event()
    for name, helpers in ((workers.TICKER, 1), ("another", 0)):
        thread = threading.Thread(target=done.wait, name=name)
        thread.start()
        assert workers.helpers_for(50_000, 200) == helpers
    done.set()


@pytest.mark.usefixtures("two_processors")
def test_what_tells_progress_keeps_no_helper_away() -> None:
    with Progress(io.StringIO(), ci=True):
        assert len(threading.enumerate()) == 2
        assert workers.helpers_for(50_000, 200) == 1
