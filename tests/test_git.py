"""What can be asked of a repository, and what neither the environment nor the repository can make of it."""

from __future__ import annotations

import os
import random
import shutil
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ci_guard.errors import GitUnavailable
from ci_guard.git import Blob, EntryKind, ObjectsDamaged, Repository, Walk, find_git, locate
from tests.secrets.repositories import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.create(tmp_path / "repo")
    repo.commit({"a.txt": "one", "sub/b.txt": "two"})
    return repo


class TestOpen:
    def test_opens_from_any_folder_within(self, repo: Repo) -> None:
        for folder in (repo.path, repo.path / "sub"):
            assert Repository.open(folder).work_tree == str(repo.path)

    def test_opens_through_a_link(self, repo: Repo, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(repo.path / "sub")
        assert Repository.open(tmp_path / "link").work_tree == str(repo.path)

    @pytest.mark.parametrize(("object_format", "length"), [("sha1", 40), ("sha256", 64)])
    def test_opens_either_object_format(self, tmp_path: Path, object_format: str, length: int) -> None:
        made = Repo.create(tmp_path, f"--object-format={object_format}")
        commit = made.commit({"a.txt": "one"})
        repository = Repository.open(tmp_path)
        assert (repository.object_format, len(commit)) == (object_format, length)
        assert repository.head() == commit
        assert repository.read_blob(commit, "a.txt") == Blob(kind=EntryKind.FILE, size=3, content=b"one")

    def test_opens_a_bare_repository(self, repo: Repo, tmp_path: Path) -> None:
        bare = repo.clone(tmp_path / "bare.git", "--bare")
        repository = Repository.open(bare.path)
        assert (repository.is_bare, repository.work_tree) == (True, None)
        assert repository.head() == repo.git("rev-parse", "HEAD")

    def test_opens_a_linked_worktree_with_its_own_head(self, repo: Repo, tmp_path: Path) -> None:
        repo.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
        commit = Repo(tmp_path / "linked").commit({"a.txt": "other"})
        repository = Repository.open(tmp_path / "linked")
        assert (repository.head(), repository.branch()) == (commit, "refs/heads/side")
        assert os.path.realpath(repository.common_dir) == str(repo.path / ".git")

    def test_opens_a_submodule_as_itself(self, repo: Repo, tmp_path: Path) -> None:
        inner = Repo.create(tmp_path / "inner")
        commit = inner.commit({"x.txt": "x"})
        repo.git("submodule", "add", "-q", str(inner.path), "lib")
        repository = Repository.open(repo.path / "lib")
        assert (repository.work_tree, repository.head()) == (str(repo.path / "lib"), commit)

    def test_opens_what_belongs_to_another_user(self, repo: Repo) -> None:
        if os.geteuid() != 0:
            pytest.skip("only root can give files away")
        for path in (repo.path, *repo.path.rglob("*")):
            os.chown(path, 12345, 12345)
        assert Repository.open(repo.path).head()

    def test_says_that_there_is_no_such_folder(self, tmp_path: Path) -> None:
        with pytest.raises(GitUnavailable, match="is not a folder"):
            Repository.open(tmp_path / "missing")

    def test_says_that_it_is_no_repository(self, tmp_path: Path) -> None:
        with pytest.raises(GitUnavailable, match="is not inside a git repository"):
            Repository.open(tmp_path)

    def test_says_that_there_is_no_git(self, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(repo.path.parent))
        with pytest.raises(GitUnavailable, match="git was not found on PATH") as caught:
            Repository.open(repo.path)
        assert caught.value.hint

    def test_says_what_git_says_of_a_broken_repository(self, tmp_path: Path) -> None:
        (tmp_path / ".git").mkdir()
        with pytest.raises(GitUnavailable, match=r"git rev-parse failed: not a git repository"):
            Repository.open(tmp_path)

    def test_a_folder_that_poses_as_a_bare_repository_is_none_within_a_work_tree(self, repo: Repo) -> None:
        posing = repo.path / "posing"
        for name in ("objects", "refs"):
            (posing / name).mkdir(parents=True)
        (posing / "HEAD").write_text("ref: refs/heads/main\n")
        assert locate(posing) == (str(repo.path / ".git"), str(repo.path))


class TestFindGit:
    def test_passes_over_the_workspace_and_relative_folders(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        workspace, outside = tmp_path / "workspace", tmp_path / "outside"
        for folder in (workspace / "bin", outside):
            folder.mkdir(parents=True)
            program = folder / "git"
            program.write_text("#!/bin/sh\n")
            program.chmod(0o755)
        linking = tmp_path / "linking"
        linking.mkdir()
        (linking / "git").symlink_to(workspace / "bin/git")
        monkeypatch.chdir(workspace)
        monkeypatch.setenv(
            "PATH", os.pathsep.join(["bin", ".", "", str(workspace / "bin"), str(linking), str(outside)])
        )
        assert find_git(workspace) == str(outside / "git")

    def test_passes_over_what_cannot_be_run(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "git").write_text("no program")
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(GitUnavailable):
            find_git(tmp_path / "workspace")


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


class TestEnvironment:
    def test_the_caller_s_variables_change_nothing(
        self, repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = Repo.create(tmp_path / "other")
        other.commit({"x.txt": "x"})
        trace = tmp_path / "trace"
        for name, value in {
            "GIT_DIR": str(other.path / ".git"),
            "GIT_WORK_TREE": str(other.path),
            "GIT_INDEX_FILE": str(tmp_path / "no-index"),
            "GIT_OBJECT_DIRECTORY": str(other.path / ".git/objects"),
            "GIT_CEILING_DIRECTORIES": str(tmp_path),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "core.fsmonitor",
            "GIT_CONFIG_VALUE_0": f"touch {trace}",
            "GIT_CONFIG_PARAMETERS": f"'core.fsmonitor'='touch {trace}'",
            "GIT_TRACE": str(trace),
            "GIT_EXEC_PATH": str(tmp_path),
            "GIT_EXTERNAL_DIFF": f"touch {trace}",
            "HOME": str(tmp_path),
            "LD_PRELOAD": str(tmp_path / "evil.so"),
        }.items():
            monkeypatch.setenv(name, value)
        (tmp_path / ".gitconfig").write_text("[core]\n\tbroken")
        repository = Repository.open(repo.path)
        assert repository.run("ls-files", "-z") == b"a.txt\0sub/b.txt\0"
        assert not trace.exists()

    def test_a_git_that_hangs_is_stopped(self, repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        program = tmp_path / "bin/git"
        program.parent.mkdir()
        program.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent))
        with pytest.raises(GitUnavailable, match=r"git rev-parse did not finish within 0\.2 seconds"):
            Repository.open(repo.path, timeout_seconds=0.2)

    def test_a_stream_that_hangs_is_stopped(self, repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        program = tmp_path / "bin/git"
        program.parent.mkdir()
        program.write_text(
            f'#!/bin/sh\ncase "$*" in *cat-file*) exec /bin/sleep 60;; esac\nexec {shutil.which("git")} "$@"\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent))
        repository = replace(Repository.open(repo.path), timeout_seconds=0.1)
        with pytest.raises(GitUnavailable, match="git cat-file failed: exit -9"):
            list(repository.objects(["1" * 40]))

    def test_a_complaint_is_one_line(self, repo: Repo) -> None:
        with pytest.raises(GitUnavailable) as caught:
            Repository.open(repo.path).run("ls-tree", "--no-such-option")
        assert caught.value.message.startswith("git ls-tree failed: ")
        assert "\n" not in caught.value.message

    def test_remotes_come_without_credentials(self, repo: Repo) -> None:
        repo.git("remote", "add", "origin", "https://user:" + "hunter2" + "@host.example/o/r.git")
        repo.git("remote", "add", "other", "git@host.example:o/r.git")
        remotes = Repository.open(repo.path).remotes()
        assert remotes == {"origin": "https://host.example/o/r.git", "other": "git@host.example:o/r.git"}

    def test_leaves_the_repository_as_it_was(self, repo: Repo) -> None:
        def state() -> dict[Path, tuple[int, int]]:
            files = (path for path in (repo.path / ".git").rglob("*") if stat.S_ISREG(path.lstat().st_mode))
            return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in files}

        os.utime(repo.path / "a.txt")
        before = state()
        repository = Repository.open(repo.path)
        repository.run("ls-files", "-z", "-s", "-v")
        list(repository.tree(str(repository.head())))
        assert state() == before
