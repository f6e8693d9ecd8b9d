"""How a repository and its git are found, and what neither the environment nor the repository can make of it."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from ci_guard.errors import GitUnavailable
from ci_guard.git import Blob, EntryKind, Repository, find_git, locate
from tests.secrets.repositories import Repo


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
