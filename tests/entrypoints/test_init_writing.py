"""How `ci-guard init` writes: nothing unless it is asked, over nothing, through no link, and whole."""

from __future__ import annotations

import os
import resource
import stat
from pathlib import Path

import pytest

from tests.entrypoints import clone
from tests.entrypoints.starting import POLICY, WORKFLOW, Init


def test_nothing_is_written_unless_asked(start: Init, tmp_path: Path) -> None:
    folder = clone.make(tmp_path / "shop", remotes={"origin": "git@github.com:acme/shop"})
    before = clone.tree(folder)
    said = start(folder)
    assert clone.tree(folder) == before
    shown = said.out
    start(folder, "--write")
    for name in (POLICY, WORKFLOW):
        for line in (folder / name).read_text(encoding="utf-8").splitlines():
            assert f"  {line}\n" in shown or not line


def test_what_was_written_has_the_permissions_of_new_files_and_leaves_nothing_beside(
    start: Init, tmp_path: Path
) -> None:
    folder = clone.make(tmp_path / "shop")
    mask = os.umask(0o027)
    try:
        start(folder, "--write")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((folder / POLICY).stat().st_mode) == 0o640
    assert sorted(path.name for path in folder.iterdir()) == [POLICY, ".git", "README.md"]


@pytest.mark.parametrize("link", [".github", ".github/workflows"])
def test_a_link_out_of_the_repository_is_not_followed(start: Init, tmp_path: Path, link: str) -> None:
    folder = clone.make(tmp_path / "shop", remotes={"origin": "git@github.com:acme/shop"})
    (tmp_path / "elsewhere" / "workflows").mkdir(parents=True)
    (folder / link).parent.mkdir(exist_ok=True)
    (folder / link).symlink_to(tmp_path / "elsewhere")
    for argv in ((), ("--write",)):
        said = start(folder, *argv)
        assert said.code == 1
        assert f"{WORKFLOW}: refused: {link} is a symbolic link" in said.words
    assert [path.name for path in (tmp_path / "elsewhere").rglob("*")] == ["workflows"]
    assert (folder / POLICY).is_file(), "the other file is written all the same"


@pytest.mark.parametrize("name", [POLICY, WORKFLOW])
def test_a_link_in_the_place_of_a_file_stays_and_nothing_is_written_through_it(
    start: Init, tmp_path: Path, name: str
) -> None:
    folder = clone.make(tmp_path / "shop", remotes={"origin": "git@github.com:acme/shop"})
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).symlink_to(tmp_path / "victim")
    said = start(folder, "--write")
    assert (folder / name).is_symlink()
    assert not (tmp_path / "victim").exists()
    assert said.code == (1 if name == POLICY else 0), "the gate refuses a policy that is a link"


def test_a_file_in_the_place_of_a_folder_is_refused(start: Init, tmp_path: Path) -> None:
    folder = clone.make(
        tmp_path / "shop", files={".github": "a file\n"}, remotes={"origin": "git@github.com:acme/shop"}
    )
    said = start(folder, "--write")
    assert said.code == 1
    assert "refused: .github is no folder" in said.words


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_exit_1(start: Init, tmp_path: Path) -> None:
    folder = clone.make(tmp_path / "shop")
    folder.chmod(0o555)
    try:
        said = start(folder, "--write")
    finally:
        folder.chmod(0o755)
    assert said.code == 1
    assert f"{POLICY} could not be written: Permission denied" in said.words


def test_without_hard_links_the_file_is_written_over_nothing_all_the_same(
    start: Init, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    folder = clone.make(tmp_path / "shop")
    assert start(folder, "--write").code == 0
    assert sorted(path.name for path in folder.iterdir()) == [POLICY, ".git", "README.md"]


def test_a_file_that_does_not_fit_leaves_nothing_behind(start: Init, tmp_path: Path) -> None:
    folder = clone.make(tmp_path / "shop")
    before = clone.tree(folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, hard))
    try:
        said = start(folder, "--write")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert said.code == 1
    assert f"{POLICY}: refused: {POLICY} could not be written: File too large" in said.words
    assert clone.tree(folder) == before
