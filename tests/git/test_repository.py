"""What can be asked of a repository."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ci_guard.errors import GitUnavailable
from ci_guard.git import Blob, EntryKind, Repository, Walk
from tests.secrets.repositories import Repo


class TestRevisions:
    def test_names_commits(self, repo: Repo) -> None:
        first = repo.git("rev-parse", "HEAD")
        second = repo.commit({"a.txt": "three"})
        repo.git("tag", "-a", "v1", "-m", "tagged", first)
        repository = Repository.open(repo.path)
        assert repository.rev_parse("HEAD~1") == repository.rev_parse("v1") == repository.rev_parse(first[:10]) == first
        assert repository.rev_parse("refs/heads/main") == second
        assert repository.rev_parse("HEAD", "tree") == repo.git("rev-parse", "HEAD^{tree}")

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "nothing",
            "--all",
            "-h",
            "HEAD\nHEAD",
            "HEAD\0",
            "1" * 40,
            "HEAD:a.txt",
            "HEAD:",
            ":/",
            "\udcff",
            chr(0xD800),
            "a b c",
        ],
    )
    def test_answers_none_for_what_names_no_commit(self, repo: Repo, name: str) -> None:
        assert Repository.open(repo.path).rev_parse(name) is None

    def test_tells_a_branch_from_a_detached_head(self, repo: Repo) -> None:
        repository = Repository.open(repo.path)
        assert repository.branch() == "refs/heads/main"
        repo.git("checkout", "-q", "--detach")
        assert (repository.branch(), repository.head()) == (None, repo.git("rev-parse", "HEAD"))

    def test_a_clone_remembers_the_default_branch_of_its_remote(self, repo: Repo) -> None:
        opened = Repository.open(repo.path)
        assert opened.remote_head("origin") is None
        repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk/one")
        assert opened.remote_head("origin") == "trunk/one"
        repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/heads/main")
        assert opened.remote_head("origin") is None

    def test_an_empty_repository_has_a_branch_and_no_head(self, tmp_path: Path) -> None:
        Repo.create(tmp_path / "empty")
        empty = Repository.open(tmp_path / "empty")
        assert (empty.head(), empty.branch()) == (None, "refs/heads/main")

    def test_walks_first_parents_newest_first(self, repo: Repo) -> None:
        base = repo.git("rev-parse", "HEAD")
        repo.git("checkout", "-q", "-b", "side")
        side = repo.commit({"c.txt": "side"})
        repo.git("checkout", "-q", "main")
        direct = repo.commit({"a.txt": "direct"})
        merge = repo.merge("side")
        repository = Repository.open(repo.path)
        assert repository.first_parents(base, merge) == Walk((merge, direct), complete=True)
        assert set(repository.commits(base, merge).commits) == {merge, direct, side}
        assert repository.commits(None, merge).commits[-1] == base

    def test_a_walk_of_a_missing_commit_is_an_error(self, repo: Repo) -> None:
        with pytest.raises(GitUnavailable, match="git rev-list failed"):
            Repository.open(repo.path).commits("1" * 40, "2" * 40)

    def test_a_walk_takes_full_ids_alone(self, repo: Repo) -> None:
        with pytest.raises(GitUnavailable, match="full object id"):
            Repository.open(repo.path).commits(None, "--all")

    def test_a_shallow_clone_says_where_it_ends(self, repo: Repo, tmp_path: Path) -> None:
        first = repo.git("rev-parse", "HEAD")
        second, third = (repo.commit({"a.txt": text}) for text in ("2", "3"))
        clone = repo.clone(tmp_path / "clone", "--depth", "2")
        repository = Repository.open(clone.path)
        assert repository.shallow_commits() == {second}
        assert repository.commits(second, third) == Walk((third,), complete=True)
        assert repository.commits(None, third) == Walk((third, second), complete=False)
        assert repository.rev_parse(first) is None
        assert not Repository.open(repo.path).is_shallow()


class TestContents:
    @pytest.fixture
    def filled(self, repo: Repo) -> tuple[Repository, str]:
        (repo.path / "link").symlink_to("a.txt")
        repo.write({"run.sh": "#!/bin/sh\n", "empty": "", "sp ace\t*?[a].txt": "odd"})
        (repo.path / "run.sh").chmod(0o755)
        Repo.create(repo.path / "module").commit({"x": "x"})
        commit = repo.commit()
        return Repository.open(repo.path), commit

    def test_tells_apart_what_stands_at_a_path(self, filled: tuple[Repository, str]) -> None:
        repository, commit = filled
        kinds = {path: repository.read_blob(commit, path) for path in ("a.txt", "run.sh", "link", "module", "sub")}
        assert {path: blob.kind.value for path, blob in kinds.items() if blob} == {
            "a.txt": "file",
            "run.sh": "file",
            "link": "symlink",
            "module": "submodule",
            "sub": "folder",
        }
        assert [blob.content for blob in kinds.values() if blob] == [b"one", b"#!/bin/sh\n", None, None, None]

    @pytest.mark.parametrize("path", ["missing", "a.txt/x", "sub/missing", "*.txt", "link/x", "-h", ":(top)a.txt"])
    def test_answers_none_for_a_path_that_is_not_there(self, filled: tuple[Repository, str], path: str) -> None:
        repository, commit = filled
        assert repository.read_blob(commit, path) is None

    @pytest.mark.parametrize("path", ["", "../a.txt", "/a.txt", "a\0b", "\ud800"])
    def test_a_path_that_no_tree_can_have_is_an_error(self, filled: tuple[Repository, str], path: str) -> None:
        repository, commit = filled
        with pytest.raises(GitUnavailable):
            repository.read_blob(commit, path)

    def test_reads_odd_names_and_empty_files(self, filled: tuple[Repository, str]) -> None:
        repository, commit = filled
        assert repository.read_blob(commit, "sp ace\t*?[a].txt") == Blob(kind=EntryKind.FILE, size=3, content=b"odd")
        assert repository.read_blob(commit, "empty") == Blob(kind=EntryKind.FILE, size=0, content=b"")

    def test_does_not_read_more_than_the_limit(self, filled: tuple[Repository, str]) -> None:
        repository, commit = filled
        assert repository.read_blob(commit, "a.txt", limit_bytes=3) == Blob(kind=EntryKind.FILE, size=3, content=b"one")
        assert repository.read_blob(commit, "a.txt", limit_bytes=2) == Blob(kind=EntryKind.FILE, size=3, content=None)

    def test_a_missing_commit_is_an_error_and_not_a_missing_file(self, filled: tuple[Repository, str]) -> None:
        with pytest.raises(GitUnavailable, match="is not in this clone"):
            filled[0].read_blob("1" * 40, "a.txt")

    def test_a_content_that_was_left_out_is_an_error_and_not_a_missing_file(self, repo: Repo, tmp_path: Path) -> None:
        repo.git("config", "uploadpack.allowFilter", "true")
        clone = repo.clone(tmp_path / "clone", "--filter=blob:none", "--no-checkout")
        repository = Repository.open(clone.path)
        with pytest.raises(GitUnavailable, match="git cat-file failed: could not fetch"):
            repository.read_blob(str(repository.head()), "a.txt")

    def test_lists_a_tree(self, filled: tuple[Repository, str]) -> None:
        repository, commit = filled
        assert [(entry.path, entry.kind.value) for entry in repository.tree(commit)] == [
            (b"a.txt", "file"),
            (b"empty", "file"),
            (b"link", "symlink"),
            (b"module", "submodule"),
            (b"run.sh", "file"),
            (b"sp ace\t*?[a].txt", "file"),
            (b"sub/b.txt", "file"),
        ]

    def test_streams_objects_in_order_and_says_which_are_missing(self, filled: tuple[Repository, str]) -> None:
        repository, commit = filled
        one = next(entry.oid for entry in repository.tree(commit) if entry.path == b"a.txt")
        with closing(repository.objects([one, "1" * 40, commit, one])) as streams:
            seen = [(stream.kind, stream.read(2) if stream.kind == "blob" else b"") for stream in streams]
        assert seen == [("blob", b"on"), (None, b""), ("commit", b""), ("blob", b"on")]

    def test_a_stream_can_be_left_in_the_middle(self, repo: Repo) -> None:
        repo.commit({"large.bin": b"x" * 3_000_000})
        repository = Repository.open(repo.path)
        oids = [entry.oid for entry in repository.tree(str(repository.head()))] * 20
        with closing(repository.objects(oids)) as streams:
            assert next(streams).read(1)
