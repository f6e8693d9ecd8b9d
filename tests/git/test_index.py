"""The index proves the trees that its entries hash to, and never one that it does not."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from ci_guard.git import IndexEntry, ProvenTrees, Repository, TreeEntry, index
from tests.secrets.repositories import Repo

FILES: dict[str, str | bytes] = {
    "a": "1",
    "a.b": "2",
    "a-b/c": "3",
    "a0/c": "4",
    "d/e/f": "5",
    "d/e.f": "6",
    "d/e/g/h": "7",
    "z": "8",
}


@pytest.fixture(params=["sha1", "sha256"])
def repo(tmp_path: Path, request: pytest.FixtureRequest) -> Repo:
    repo = Repo.create(tmp_path / "repo", f"--object-format={request.param}")
    repo.write(FILES)
    (repo.path / "d/link").symlink_to("e")
    repo.commit()
    return repo


def proven(repository: Repository, entries: Sequence[IndexEntry] | None = None) -> ProvenTrees:
    return ProvenTrees(repository.index_entries() if entries is None else entries, repository.object_format)


def listed(repo: Repo) -> list[TreeEntry]:
    repository = Repository.open(repo.path)
    return list(repository.tree(str(repository.head())))


def test_an_index_as_committed_proves_the_whole_tree_and_each_folder(repo: Repo) -> None:
    trees = proven(Repository.open(repo.path))
    assert trees.are(repo.git("rev-parse", "HEAD^{tree}"))
    assert list(trees.below(b"", repo.git("rev-parse", "HEAD^{tree}")) or ()) == listed(repo)
    for folder in ("a-b", "a0", "d", "d/e", "d/e/g"):
        expected = [entry for entry in listed(repo) if entry.path.startswith(f"{folder}/".encode())]
        assert list(trees.below(f"{folder}/".encode(), repo.git("rev-parse", f"HEAD:{folder}")) or ()) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"d/e/f": "other"},
        {"d/new": "1"},
        {"d/e/g/h": None},
        {"a": None, "z": "other"},
        {"a-b/c": None},
    ],
)
def test_a_tree_is_listed_the_same_whatever_is_staged(repo: Repo, change: dict[str, str | None]) -> None:
    before = listed(repo)
    for path, content in change.items():
        if content is None:
            repo.git("rm", "-q", path)
        else:
            repo.write({path: content})
            repo.git("add", path)
    repository = Repository.open(repo.path)
    trees = proven(repository)
    assert not trees.are(repo.git("rev-parse", "HEAD^{tree}"))
    assert list(repository.tree(str(repository.head()), trees)) == before


def test_trees_that_the_index_proves_are_not_read(repo: Repo) -> None:
    before = listed(repo)
    repository = Repository.open(repo.path)
    head, trees = str(repository.head()), proven(repository)
    for oid in repo.git("rev-parse", "HEAD:", "HEAD:d", "HEAD:d/e").split():
        repo.overwrite(oid, b"damaged", "tree")
    assert list(repository.tree(head, trees)) == before


def test_a_path_in_conflict_proves_no_folder_above_it(repo: Repo) -> None:
    entries = Repository.open(repo.path).index_entries()
    sides = [
        entry._replace(stage=stage)
        for entry in entries
        for stage in ((b"1", b"2", b"3") if entry.path == b"d/e/f" else (b"0",))
    ]
    trees = proven(Repository.open(repo.path), sides)
    assert not trees.are(repo.git("rev-parse", "HEAD^{tree}"))
    assert trees.below(b"d/e/", repo.git("rev-parse", "HEAD:d/e")) is None
    assert trees.below(b"a0/", repo.git("rev-parse", "HEAD:a0")) is not None


def test_an_index_in_another_order_hides_nothing(repo: Repo) -> None:
    """git does not look whether somebody put the entries into another order, which a search would be led astray by."""
    entries = Repository.open(repo.path).index_entries()
    mixed = [entries[number] for number in (0, 4, 2, 3, 8, *range(5, 8), 1)]
    assert sorted(mixed) == sorted(entries)
    trees = proven(Repository.open(repo.path), mixed)
    for folder in ("a-b", "a0", "d", "d/e", "d/e/g"):
        expected = [entry for entry in listed(repo) if entry.path.startswith(f"{folder}/".encode())]
        found = trees.below(f"{folder}/".encode(), repo.git("rev-parse", f"HEAD:{folder}"))
        assert found is None or list(found) == expected


@pytest.mark.parametrize("together", [1, 3, 64])
def test_an_index_that_is_kept_as_text_holds_the_same(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    repo.write({"new\nline \t\xe9": "1", "zz/last": "2"})
    repo.git("add", ".")
    monkeypatch.setattr(index, "_TOGETHER", together)
    repository = Repository.open(repo.path)
    objects = repository.index_entries()
    entries = index.Index(repository.run(*index.LISTING))
    assert isinstance(objects, list)
    assert list(entries) == objects == [entries[number] for number in range(len(entries))]
    assert (entries[-1], len(entries[2:5]), list(entries[2:5])) == (objects[-1], 3, objects[2:5])
    assert (len(index.Index(b"")), list(index.Index(b"")), list(entries[4:4])) == (0, [], [])
    head = str(repository.head())
    assert list(repository.tree(head, proven(repository, entries))) == list(repository.tree(head))


@pytest.mark.parametrize("paths", [[b"d/a", b"x", b"d/b"], [b"d//a"], [b"d/a", b"d-a", b"d/b"]])
def test_an_index_that_git_would_not_write_proves_nothing(paths: Sequence[bytes]) -> None:
    trees = ProvenTrees([IndexEntry(b"H", b"100644", b"1" * 40, b"0", path) for path in paths], "sha1")
    assert trees._trees == {}
    assert not trees.are("2" * 40)


def test_a_folder_that_lies_very_deep_is_no_obstacle() -> None:
    entry = IndexEntry(b"H", b"100644", b"1" * 40, b"0", b"/".join([b"d"] * 3000))
    assert ProvenTrees([entry], "sha1").below(b"", "2" * 40) is None


def test_nothing_is_proven_without_an_index(repo: Repo) -> None:
    shutil.rmtree(repo.path / "d")
    (repo.path / ".git/index").unlink()
    repository = Repository.open(repo.path)
    assert len(list(repository.tree(str(repository.head()), proven(repository)))) == len(FILES) + 1
