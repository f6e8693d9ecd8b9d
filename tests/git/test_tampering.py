"""What somebody changed in the object database is noticed, and never believed."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from ci_guard.errors import GitUnavailable
from ci_guard.git import Blob, EntryKind, ObjectsDamaged, Repository, Walk
from tests.secrets.repositories import Repo


class TestTampering:
    """git shows whatever stands under an id; none of it may be believed."""

    @pytest.fixture(params=["sha1", "sha256"])
    def repo(self, tmp_path: Path, request: pytest.FixtureRequest) -> Repo:
        repo = Repo.create(tmp_path / "repo", f"--object-format={request.param}")
        repo.commit({"a.txt": "one", "sub/b.txt": "two"})
        return repo

    @pytest.mark.parametrize("planted", [b"other", b""])
    def test_a_blob_that_was_overwritten_is_not_read(self, repo: Repo, planted: bytes) -> None:
        head = repo.git("rev-parse", "HEAD")
        repo.overwrite(repo.git("rev-parse", "HEAD:a.txt"), planted)
        assert repo.git("show", "HEAD:a.txt") == planted.decode(), "git itself is to be deceived"
        with pytest.raises(ObjectsDamaged, match="the object database was tampered with or is damaged: "):
            Repository.open(repo.path).read_blob(head, "a.txt")

    def test_a_tree_that_was_overwritten_is_not_read(self, repo: Repo) -> None:
        head = repo.git("rev-parse", "HEAD")
        repo.overwrite(repo.git("rev-parse", "HEAD^{tree}"), b"", "tree")
        repository = Repository.open(repo.path)
        with pytest.raises(ObjectsDamaged):
            repository.read_blob(head, "a.txt")
        with pytest.raises(ObjectsDamaged):
            list(repository.tree(head))

    def test_a_commit_with_another_tree_is_not_read(self, repo: Repo) -> None:
        first = repo.git("rev-parse", "HEAD")
        head = repo.commit({"a.txt": "two"})
        repo.overwrite_commit(head, repo.git("rev-parse", "HEAD^{tree}"), repo.git("rev-parse", f"{first}^{{tree}}"))
        repository = Repository.open(repo.path)
        for read in (repository.rev_parse, lambda commit: repository.read_blob(commit, "a.txt")):
            with pytest.raises(ObjectsDamaged):
                read(head)

    def test_a_pack_whose_index_leads_elsewhere_is_not_read(self, repo: Repo) -> None:
        head = repo.git("rev-parse", "HEAD")
        repo.swap_in_pack(repo.git("rev-parse", "HEAD:a.txt"), repo.git("rev-parse", "HEAD:sub/b.txt"))
        assert repo.git("show", "HEAD:a.txt") == "two"
        with pytest.raises(ObjectsDamaged):
            Repository.open(repo.path).read_blob(head, "a.txt")

    def test_reads_packs_and_alternates_and_believes_neither(self, repo: Repo, tmp_path: Path) -> None:
        head = repo.git("rev-parse", "HEAD")
        oid = repo.git("rev-parse", "HEAD:a.txt")
        packed = repo.clone(tmp_path / "packed")
        packed.git("repack", "-q", "-a", "-d")
        shared = repo.clone(tmp_path / "shared")
        shutil.rmtree(shared.path / ".git/objects/pack")
        (shared.path / ".git/objects/info/alternates").write_text(f"{repo.path}/.git/objects\n")
        for clone in (packed, shared):
            blob = Repository.open(clone.path).read_blob(head, "a.txt")
            assert blob == Blob(kind=EntryKind.FILE, size=3, content=b"one")
        repo.overwrite(oid, b"other")
        with pytest.raises(ObjectsDamaged):
            Repository.open(shared.path).read_blob(head, "a.txt")

    def test_a_tag_that_was_overwritten_names_nothing(self, repo: Repo) -> None:
        first = repo.git("rev-parse", "HEAD")
        second = repo.commit({"a.txt": "two"})
        repo.git("tag", "-a", "v1", "-m", "tagged")
        content = repo.git("cat-file", "tag", "v1") + "\n"
        repo.overwrite(repo.git("rev-parse", "v1"), content.replace(second, first).encode(), "tag")
        with pytest.raises(ObjectsDamaged):
            Repository.open(repo.path).rev_parse("v1")

    def test_a_commit_with_another_parent_hides_no_commit(self, repo: Repo) -> None:
        base = repo.git("rev-parse", "HEAD")
        hidden = repo.commit({"a.txt": "direct"})
        later = repo.commit({"a.txt": "later"})
        head = repo.commit({"a.txt": "latest"})
        repo.overwrite_commit(later, hidden, base)
        assert repo.git("rev-list", f"{base}..{head}").split() == [head, later], "git itself is to be deceived"
        with pytest.raises(ObjectsDamaged):
            Repository.open(repo.path).first_parents(base, head)

    def test_a_base_that_claims_the_new_commits_as_its_own_hides_none(self, repo: Repo) -> None:
        liar = repo.git("rev-parse", "HEAD")
        base = repo.commit({"a.txt": "base"})
        repo.git("checkout", "-q", "--orphan", "other")
        hidden = repo.commit({"a.txt": "direct"})
        head = repo.commit({"a.txt": "later"})
        repo.overwrite_commit(liar, "author ", f"parent {hidden}\nauthor ")
        assert repo.git("rev-list", f"{base}..{head}") == head, "git itself is to be deceived"
        for first_parent in (True, False):
            with pytest.raises(ObjectsDamaged):
                Repository.open(repo.path).commits(base, head, first_parent=first_parent)

    def test_a_base_that_was_overwritten_is_an_error(self, repo: Repo) -> None:
        base = repo.git("rev-parse", "HEAD")
        head = repo.commit({"a.txt": "later"})
        repo.overwrite_commit(base, "author ", f"parent {head}\nauthor ")
        with pytest.raises(GitUnavailable):  # in some places git itself looks at a commit that it was given by name
            Repository.open(repo.path).commits(base, head)

    def test_damage_that_nothing_hangs_on_is_no_obstacle(self, repo: Repo) -> None:
        first = repo.git("rev-parse", "HEAD")
        base = repo.commit({"a.txt": "base"})
        head = repo.commit({"a.txt": "later"})
        repo.overwrite_commit(first, "change", "other")
        assert Repository.open(repo.path).first_parents(base, head) == Walk((head,), complete=True)

    @pytest.mark.parametrize(
        "lines",
        [
            [b"100644 a", b"100644 a"],
            [b"100644 a/b"],
            [b"100644 "],
            [b"644 a"],
            [b"0 a"],
            [b"110000 a"],
            [b"100644 a", b"rubbish"],
        ],
    )
    def test_a_tree_that_git_would_not_make_is_an_error(self, repo: Repo, lines: list[bytes]) -> None:
        oid = bytes.fromhex(repo.git("rev-parse", "HEAD:a.txt"))
        (repo.path / "tree").write_bytes(b"".join(line + b"\0" + oid for line in lines))
        tree = repo.git("hash-object", "-t", "tree", "-w", "--literally", "tree")
        commit = repo.git("commit-tree", "-m", "odd", tree)
        with pytest.raises(GitUnavailable, match="malformed"):
            list(Repository.open(repo.path).tree(commit))

    def test_trees_that_hold_each_other_many_times_over_are_not_unfolded(
        self, repo: Repo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ci_guard.git.reader.MOST_ENTRIES", 1000)
        tree = repo.git("rev-parse", "HEAD^{tree}")
        for _ in range(12):
            tree = repo.git("mktree", stdin="".join(f"040000 tree {tree}\t{name}\n" for name in "abcdefgh"))
        with pytest.raises(GitUnavailable, match="more than the 1000 entries"):
            list(Repository.open(repo.path).tree(repo.git("commit-tree", "-m", "bomb", tree)))

    def test_agrees_with_git_on_any_history_that_is_whole(self, repo: Repo) -> None:
        chance = random.Random(7)
        tree = repo.git("rev-parse", "HEAD^{tree}")
        commits = [repo.git("rev-parse", "HEAD")]
        for number in range(14):
            parents = chance.sample(commits, min(len(commits), chance.choice([1, 1, 2, 3])))
            options = [part for parent in parents for part in ("-p", parent)]
            commits.append(repo.git("commit-tree", tree, "-m", str(number), *options))
        repository = Repository.open(repo.path)
        for _ in range(25):
            base, head = chance.choices(commits, k=2)
            for option in ([], ["--first-parent"]):
                expected = repo.git("rev-list", "--topo-order", *option, head, f"^{base}").split()
                assert repository.commits(base, head, first_parent=bool(option)) == Walk(tuple(expected), complete=True)

    @pytest.mark.parametrize("name", ["shallow", "info/grafts"])
    @pytest.mark.parametrize("kind", ["pipe", "device", "folder", "huge"])
    def test_a_list_of_commits_that_is_no_plain_file_is_not_waited_for(self, repo: Repo, name: str, kind: str) -> None:
        file = repo.path / ".git" / name
        if kind == "pipe":
            os.mkfifo(file)
        elif kind == "device":
            file.symlink_to("/dev/zero")
        elif kind == "folder":
            file.mkdir()
        else:
            file.touch()
            os.truncate(file, 1 << 40)
        with pytest.raises(GitUnavailable, match=f"{file} (is no plain file|cannot be read|has more than)"):
            Repository.open(repo.path).has_grafts()
