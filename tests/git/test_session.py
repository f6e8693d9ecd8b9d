"""One git serves a whole piece of work, what is begun ahead is what is asked for, and nothing of it stays behind."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ci_guard.errors import GitUnavailable
from ci_guard.git import ObjectsDamaged, Repository, brought, contents
from ci_guard.git import repository as repository_module
from ci_guard.git.history import introduced
from ci_guard.git.repository import REFS
from tests.secrets.repositories import Repo


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[tuple[int, str]]]:
    """Return what tells which gits were started: their process ids and arguments."""
    log, program = tmp_path / "log", tmp_path / "bin/git"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$$ $*" >> {log}\nexec {shutil.which("git")} "$@"\n')
    program.chmod(0o755)

    def read() -> list[tuple[int, str]]:
        lines = log.read_text().splitlines()
        return [(int(line.split(" ", 1)[0]), line) for line in lines]

    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return read


def test_one_git_answers_for_a_session_and_ends_with_it(
    repo: Repo, started: Callable[[], list[tuple[int, str]]]
) -> None:
    with Repository.open(repo.path).session() as repository:
        head = str(repository.head())
        assert [entry.path for entry in repository.tree(head)] == [b"a.txt", b"sub/b.txt"]
        blob = repository.read_blob(head, "sub/b.txt")
        assert blob is not None
        assert blob.content == b"two"
    gits = [pid for pid, line in started() if "cat-file" in line]
    assert len(gits) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(gits[0], 0)


def test_what_is_begun_ahead_runs_once_and_what_nobody_asks_for_ends_too(
    repo: Repo, started: Callable[[], list[tuple[int, str]]]
) -> None:
    with Repository.open(repo.path).session() as repository:
        repository.begin("ls-files", "-z")
        repository.begin("cat-file", "--batch-all-objects", "--batch")
        assert repository.run("ls-files", "-z") == b"a.txt\0sub/b.txt\0"
        assert repository.run("ls-files", "-z") == b"a.txt\0sub/b.txt\0"
    assert sum("ls-files" in line for _, line in started()) == 2
    for pid, _ in started():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize("small", [1 << 16, 0])
def test_one_git_lists_the_index_and_all_other_files_where_that_is_small(
    repo: Repo, started: Callable[[], list[tuple[int, str]]], small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository_module, "_SMALL", small)
    for name in ("? odd", "H 100644 x\tnew", "line\nfeed", ".gitignore", "build"):
        (repo.path / name).write_text("build\n")
    alone = Repository.open(repo.path)
    with alone.session() as repository:
        repository.begin_files()
        repository.begin_files()
        for _ in range(2):
            assert list(repository.index_entries()) == list(alone.index_entries())
            assert repository.others() == alone.others() == b".gitignore\0? odd\0H 100644 x\tnew\0line\nfeed\0"
        assert repository.others("--", "sub") == b""
    asked = [line for _, line in started() if "ls-files" in line]
    assert sum("-s" in line.split() and "--others" in line for line in asked) == bool(small)


def test_the_list_of_names_tells_of_replacements_too(repo: Repo, started: Callable[[], list[tuple[int, str]]]) -> None:
    first, second = (repo.git("rev-parse", f"HEAD:{name}") for name in ("a.txt", "sub/b.txt"))
    for replaced in (False, True):
        with Repository.open(repo.path).session() as repository:
            repository.begin(*REFS)
            assert repository.has_replacements() == replaced
            assert repository.refs().startswith(b"refs/heads/main\0")
            assert repository.has_replacements() == replaced
        repo.git("replace", "--force", first, second)
    assert sum("for-each-ref" in line for _, line in started() if "--format" in line) == 2


def test_a_name_that_leads_nowhere_hides_no_replacement(repo: Repo) -> None:
    repo.git("replace", *(repo.git("rev-parse", f"HEAD:{name}") for name in ("a.txt", "sub/b.txt")))
    (repo.path / ".git/refs/heads/lost").write_text("1" * 40 + "\n")
    with Repository.open(repo.path).session() as repository:
        repository.begin(*REFS)
        assert repository.has_replacements()
        with pytest.raises(GitUnavailable, match="missing object"):
            repository.refs()


def test_a_git_that_was_left_in_the_middle_of_an_answer_is_not_asked_again(repo: Repo) -> None:
    large = repo.commit({"large.bin": random.Random(1).randbytes(3 << 20)})
    oid = repo.git("rev-parse", f"{large}:large.bin")
    with Repository.open(repo.path).session() as repository:
        with closing(repository.objects([oid, oid])) as streams:
            assert len(next(streams).read(10)) == 10
        assert repository.rev_parse(oid) is None
        assert repository.head() == large


def test_a_name_that_leads_to_a_large_content_is_no_commit_and_the_next_one_is(repo: Repo) -> None:
    large = repo.commit({"large.bin": random.Random(1).randbytes(3 << 20)})
    with Repository.open(repo.path).session() as repository:
        assert repository.rev_parse(f"{large}:large.bin") is None
        assert repository.rev_parse("HEAD") == large


def test_damage_ends_one_question_and_not_the_session(repo: Repo) -> None:
    repo.overwrite(repo.git("rev-parse", "HEAD:a.txt"), b"other")
    with Repository.open(repo.path).session() as repository:
        head = str(repository.head())
        with pytest.raises(ObjectsDamaged):
            repository.read_blob(head, "a.txt")
        assert repository.read_blob(head, "sub/b.txt") is not None


class TestBrought:
    def test_agrees_with_git_on_any_history(self, repo: Repo) -> None:
        """The trees that are read here, and git's own comparison, which believes the object database."""
        chance = random.Random(3)
        names = ["a", "a.b", "a-b", "d/a", "d/e/a", "d/e/b", "d.e", "e"]
        for number in range(20):
            files = {name: f"{chance.randrange(3)}" for name in chance.sample(names, 4)}
            repo.git("checkout", "-q", "--detach", chance.choice(["HEAD", "HEAD~1"]) if number > 1 else "HEAD")
            for path in repo.path.iterdir():
                if path.name != ".git":
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            usable: dict[str, str | bytes] = {
                n: c for n, c in files.items() if not any(other.startswith(f"{n}/") for other in files)
            }
            commit = repo.commit(usable, str(number))
            repo.git("tag", f"t{number}", commit)
            if number > 3 and chance.random() < 0.4:
                tree, side = repo.git("rev-parse", f"t{number - 3}^{{tree}}"), f"t{number - 2}"
                repo.git("tag", f"m{number}", repo.git("commit-tree", tree, "-m", "m", "-p", commit, "-p", side))
        repository = Repository.open(repo.path)
        commits = repo.git("rev-list", "--all", "--topo-order", "--reverse").split()
        with repository.reader() as reader:
            found = {(commit, entry.path, entry.oid) for commit, entry in brought(reader, commits)}
            held = contents(reader, commits)
        with closing(introduced(repository, commits)) as expected:
            assert found == set(expected)
        assert held == {oid for _, _, oid in found}

    def test_trees_that_hold_each_other_many_times_over_are_not_unfolded(
        self, repo: Repo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ci_guard.git.changes.MOST_ENTRIES", 1000)
        tree = repo.git("rev-parse", "HEAD^{tree}")
        for _ in range(12):
            tree = repo.git("mktree", stdin="".join(f"040000 tree {tree}\t{name}\n" for name in "abcdefgh"))
        commit = repo.git("commit-tree", "-m", "bomb", tree)
        with Repository.open(repo.path).reader() as reader:
            with pytest.raises(GitUnavailable, match="more than the 1000 entries"):
                list(brought(reader, [commit]))
            assert len(contents(reader, [commit])) == 2


def test_a_copy_of_the_process_asks_a_git_of_its_own(repo: Repo) -> None:
    with Repository.open(repo.path).session() as repository:
        head = repository.head()
        pid = os.fork()
        if pid == 0:
            os._exit(0 if repository._own_session is None and repository.head() == head else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert repository.head() == head
