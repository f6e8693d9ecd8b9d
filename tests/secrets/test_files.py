"""No path leads out of the folder that is read, and nothing but plain files is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ci_guard.secrets.files import Folder, walk


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "a/b/c").mkdir(parents=True)
    for name in ("top.txt", "a/one.txt", "a/b/two.txt", "a/b/c/three.txt"):
        (root / name).write_text(name)
    (tmp_path / "secret.txt").write_text("outside")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/x.txt").write_text("outside")
    return root


@pytest.fixture
def folder(root: Path) -> Iterator[Folder]:
    with closing(Folder(root)) as folder:
        yield folder


def content(folder: Folder, path: str) -> str | None:
    file = folder.open(path.encode())
    if file is None:
        return None
    try:
        return b"".join(file.pieces()).decode()
    finally:
        os.close(file.descriptor)


def test_opens_files_of_any_depth_in_any_order(folder: Folder) -> None:
    for name in ("a/b/c/three.txt", "top.txt", "a/b/two.txt", "a/one.txt", "a/b/c/three.txt", "a/b/two.txt"):
        assert content(folder, name) == name


def test_goes_on_after_a_folder_that_is_not_there(folder: Folder) -> None:
    assert content(folder, "a/b/two.txt") == "a/b/two.txt"
    assert content(folder, "a/missing/deep/x.txt") is None
    assert content(folder, "a/one.txt") == "a/one.txt"
    assert content(folder, "one.txt") is None
    assert content(folder, "top.txt") == "top.txt"


@pytest.mark.parametrize("path", ["../secret.txt", "a/../../secret.txt", "a//one.txt", "./top.txt", "/etc/passwd"])
def test_refuses_a_path_that_could_lead_out(folder: Folder, path: str) -> None:
    with pytest.raises(OSError, match="leads out"):
        folder.open(path.encode())


def test_follows_no_link_at_any_depth(root: Path, folder: Folder) -> None:
    (root / "file").symlink_to(root.parent / "secret.txt")
    (root / "a/folder").symlink_to(root.parent / "outside")
    assert content(folder, "file") is None
    assert content(folder, "a/folder/x.txt") is None


def test_a_folder_is_no_file(folder: Folder) -> None:
    assert content(folder, "a") is None


def test_waits_for_no_pipe(root: Path, folder: Folder) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(OSError, match="no plain file"):
        folder.open(b"pipe")


def test_a_file_that_grew_is_read_to_its_end(root: Path, folder: Folder) -> None:
    file = folder.open(b"top.txt")
    assert file
    (root / "top.txt").write_text("longer than before")
    assert file.whole() is None
    assert b"".join(file.pieces()) == b"longer than before"
    os.close(file.descriptor)


def test_leaves_no_descriptor_open(root: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with closing(Folder(root)) as folder:
        assert content(folder, "a/b/c/three.txt")
        assert content(folder, "a/b/missing/x") is None
    assert len(os.listdir("/proc/self/fd")) == before


def test_walks_without_links_and_git_folders(root: Path) -> None:
    (root / "a/.git").mkdir()
    (root / "a/.git/config").write_text("x")
    (root / "link").symlink_to(root.parent / "outside")
    os.mkfifo(root / "pipe")
    unreadable: list[bytes] = []
    found = list(walk(os.fsencode(root), b"", unreadable.append))
    assert found == [b"top.txt", b"a/one.txt", b"a/b/two.txt", b"a/b/c/three.txt"]
    assert list(walk(os.fsencode(root), b"missing", unreadable.append)) == []
    assert unreadable == [b"missing"]
