"""Appending: whole or not at all, in one order, and never over what cannot be explained."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from ci_guard.audit import log as logs_module
from ci_guard.audit.canonical import canonical
from ci_guard.audit.log import START, append, beside
from ci_guard.audit.merkle import leaf_hash, root_of
from ci_guard.audit.note import parse
from ci_guard.audit.record import record_of
from ci_guard.audit.verify import verify
from ci_guard.entrypoints import cli
from ci_guard.errors import AuditError
from tests.audit import logs


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


def intact(path: Path) -> bool:
    return verify(path, checkpoint=beside(path, "checkpoint").read_text()).intact


def test_each_record_names_the_digest_of_the_one_before(path: Path) -> None:
    logs.write(path, 4)
    previous = START
    for index, line in enumerate(lines(path)):
        assert json.loads(line)["chain"] == {"index": index, "previous": previous}
        assert canonical(json.loads(line)) == line
        previous = hashlib.sha256(line).hexdigest()


def test_the_checkpoint_is_the_head_of_the_tree(path: Path) -> None:
    for count in range(1, 6):
        logs.write(path, 1)
        point = parse(beside(path, "checkpoint").read_text())
        assert (point.origin, point.size) == (logs.ORIGIN, count)
        assert point.root == root_of(map(leaf_hash, lines(path)))


def test_a_log_is_read_by_its_owner_alone(path: Path) -> None:
    logs.write(path, 1)
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("what", ["head", "checkpoint"])
def test_what_is_kept_beside_is_made_again_where_it_is_gone(path: Path, what: str) -> None:
    logs.write(path, 5)
    beside(path, what).unlink()
    logs.write(path, 1)
    assert len(lines(path)) == 6
    assert intact(path)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"size":1}', '{"size":3,"length":1,"last":"","frontier":[]}', '{"size":"x"}', "\0"]
)
def test_a_head_that_does_not_fit_is_made_again(path: Path, text: str) -> None:
    logs.write(path, 5)
    beside(path, "head").write_text(text)
    logs.write(path, 1)
    assert intact(path)


@pytest.mark.parametrize("count", [0, 5])
def test_a_head_that_names_another_number_or_start_is_made_again(path: Path, count: int) -> None:
    """A checkout can bring one: appending behind it would break the log."""
    logs.write(path, count)
    said = {"size": 0, "length": 0, "last": "f" * 64, "frontier": []}
    if count:
        kept = json.loads(beside(path, "head").read_text())
        said = {**kept, "size": 9}
    beside(path, "head").write_text(json.dumps(said))
    logs.write(path, 1)
    assert intact(path)


def test_a_tail_that_is_longer_than_any_record_is_neither_read_nor_moved(path: Path) -> None:
    logs.write(path, 2)
    os.truncate(path, 1 << 33)
    with pytest.raises(AuditError, match="broken at its line 3: it is longer than any record"):
        logs.write(path, 1)
    assert path.stat().st_size == 1 << 33


def test_a_pipe_in_the_place_of_what_is_kept_beside_makes_nobody_wait(path: Path) -> None:
    for what in ("head", "checkpoint"):
        os.mkfifo(beside(path, what))
    logs.write(path, 1)
    assert intact(path)
    beside(path, "checkpoint").unlink()
    os.mkfifo(beside(path, "checkpoint"))
    assert cli.run(["audit", "verify", str(path)], {}, io.StringIO(), io.StringIO()) == 0


def test_a_head_that_is_behind_catches_up(path: Path) -> None:
    logs.write(path, 3)
    head = beside(path, "head").read_text()
    logs.write(path, 2)
    beside(path, "head").write_text(head)
    logs.write(path, 1)
    assert len(lines(path)) == 6
    assert intact(path)


def test_a_torn_last_line_is_kept_aside_and_said(path: Path) -> None:
    logs.write(path, 2)
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(b'{"chain":{"index":2,"prev')
    appended = append(path, record_of(logs.result(2)), origin=logs.ORIGIN)
    assert path.read_bytes().startswith(whole)
    assert len(lines(path)) == 3
    assert intact(path)
    (aside,) = path.parent.glob("*.torn-*")
    assert aside.read_text() == '{"chain":{"index":2,"prev'
    assert appended.notes == (f"a torn last line of audit.jsonl was moved to {aside.name}",)


def test_a_log_that_became_shorter_takes_nothing(path: Path) -> None:
    logs.write(path, 3)
    path.write_bytes(b"\n".join(lines(path)[:2]) + b"\n")
    with pytest.raises(AuditError, match="shorter than it was"):
        logs.write(path, 1)
    assert len(lines(path)) == 2


def test_a_log_whose_chain_is_broken_takes_nothing(path: Path) -> None:
    logs.write(path, 3)
    changed = path.read_bytes().replace(b'"acme/app"', b'"acme/apq"', 1)
    path.write_bytes(changed)
    beside(path, "head").unlink()
    with pytest.raises(AuditError, match="broken at its line 2"):
        logs.write(path, 1)
    assert path.read_bytes() == changed


def test_a_file_that_is_no_log_is_left_alone(path: Path) -> None:
    path.write_text("notes of somebody\n")
    with pytest.raises(AuditError, match="line 1"):
        logs.write(path, 1)
    assert path.read_text() == "notes of somebody\n"


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_what_is_no_plain_file_is_refused(path: Path, kind: str) -> None:
    target = path.parent / "target"
    match kind:
        case "link":
            target.write_text("")
            path.symlink_to(target)
        case "folder":
            path.mkdir()
        case _:
            os.mkfifo(path)
    with pytest.raises(AuditError):
        logs.write(path, 1)
    assert not target.exists() or target.read_text() == ""


@pytest.mark.parametrize("broken", ["write", "fsync"])
def test_a_full_disk_leaves_the_earlier_records_and_nothing_of_the_new_one(
    path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    logs.write(path, 2)
    whole = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if broken == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        # Half a line reaches the disk, and then it is full.
        monkeypatch.setattr(logs_module, "write_line", half_written)
    with pytest.raises(AuditError, match="No space left"):
        logs.write(path, 1)
    monkeypatch.undo()
    assert path.read_bytes().startswith(whole)
    logs.write(path, 1)
    assert len(lines(path)) == 3
    assert intact(path)


def half_written(file: Any, line: bytes, end: int) -> None:
    file.seek(end)
    file.write(line[: len(line) // 2])
    file.flush()
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_that_is_full_for_real_takes_nothing() -> None:
    with pytest.raises(AuditError):
        append(Path("/dev/full"), record_of(logs.result()), origin=logs.ORIGIN)


def test_a_run_on_a_full_disk_is_stopped_and_the_next_one_goes_on_from_whole_records(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of the system's own on the size of files stands for the disk: half of the line fits."""
    resource = pytest.importorskip("resource", reason="Windows has no such limit")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "file.txt").write_text("nothing\n")
    monkeypatch.chdir(tmp_path / "work")

    def check() -> tuple[int, str]:
        out = io.StringIO()
        code = cli.run(["check", "--audit-log", str(path)], {}, out, out)
        return code, " ".join(out.getvalue().split())

    assert check()[0] == 0
    whole = path.read_bytes()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) * 3 // 2, before[1]))
    try:
        code, told = check()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (code, "This run was not recorded" in told, "Earlier records are as they were" in told) == (2, True, True)
    assert path.read_bytes() == whole
    with path.open("ab") as file:  # a writer that was killed had no time to take it back
        file.write(whole[: len(whole) // 2])
    code, told = check()
    assert (code, "a torn last line of" in told) == (0, True)
    (aside,) = path.parent.glob(f"{path.name}.torn-*")
    assert aside.read_bytes() == whole[: len(whole) // 2]
    assert path.read_bytes().startswith(whole)
    assert len(lines(path)) == 2
    out = io.StringIO()
    assert cli.run(["audit", "verify", str(path)], {}, out, out) == 0
    assert "holds for the first 2 records" in out.getvalue()


def writer(path: str, first: int) -> None:
    for number in range(first, first + 10):
        append(Path(path), record_of(logs.result(number)), origin=logs.ORIGIN)


def test_writers_at_once_lose_nothing(path: Path) -> None:
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=writer, args=(str(path), 100 * number)) for number in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
    assert len(lines(path)) == 40
    assert len({json.loads(line)["record"]["what"]["run_url"] for line in lines(path)}) == 40
    assert intact(path)
