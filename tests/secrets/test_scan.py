"""What a scan of a real repository reads and finds."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from ci_guard.model.judgement import Severity
from ci_guard.model.scan import GapKind, Skipped
from ci_guard.secrets.scan import ScanRequest, scan
from tests.secrets.made_up import github_token
from tests.secrets.repositories import Repo
from tests.secrets.scans import codes, everything, places


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """Return a repository with one harmless commit."""
    repo = Repo.create(tmp_path / "repo")
    repo.commit({"README.md": "hello\n", "src/main.py": "pass\n"})
    return repo


class TestTree:
    def test_finds_a_committed_secret(self, repo: Repo) -> None:
        repo.commit({"src/settings.py": f"A = 1\nTOKEN = '{github_token()}'\n"})
        result = scan(ScanRequest(root=repo.path, tree=True))
        (finding,) = result.findings
        assert (finding.rule, finding.severity, finding.preview) == ("github-pat", Severity.CRITICAL, "ghp" + "_…")
        assert dataclasses.astuple(finding.location) == ("src/settings.py", 2, 2, 10, None)
        assert (result.blobs, result.complete, result.gaps) == (3, True, ())

    def test_reads_the_judged_commit_whatever_is_checked_out(self, repo: Repo) -> None:
        judged = repo.commit({"a.txt": github_token()})
        repo.commit({"a.txt": "clean"})
        result = everything(repo, commit=judged)
        assert places(result) == [("a.txt", 1, None)]
        assert codes(result) == {"head-differs": GapKind.FAILS}
        assert not result.complete

    def test_a_secret_that_only_the_work_tree_lost_is_found(self, repo: Repo) -> None:
        repo.commit({"a.txt": github_token()})
        repo.write({"a.txt": "clean"})
        assert places(everything(repo)) == [("a.txt", 1, None)]

    def test_a_missing_commit_is_unknown_and_not_clean(self, repo: Repo) -> None:
        result = everything(repo, commit="1" * 40)
        assert codes(result) == {"commit-missing": GapKind.UNKNOWN}
        assert not result.complete

    def test_reads_a_detached_head(self, repo: Repo) -> None:
        repo.commit({"a.txt": github_token()})
        repo.git("checkout", "-q", "--detach")
        assert places(everything(repo)) == [("a.txt", 1, None)]

    def test_reads_a_bare_repository(self, repo: Repo, tmp_path: Path) -> None:
        repo.commit({"a.txt": github_token()})
        bare = repo.clone(tmp_path / "bare.git", "--bare")
        result = scan(ScanRequest(root=bare.path, work_tree=True))
        assert places(result) == [("a.txt", 1, None)]
        assert codes(result) == {"bare-repository": GapKind.NOTE}
        assert result.complete

    def test_reads_a_repository_of_sha256(self, tmp_path: Path) -> None:
        repo = Repo.create(tmp_path, "--object-format=sha256")
        base = repo.commit({"a.txt": "hello"})
        repo.commit({"b.txt": github_token()})
        result = everything(repo, range=(base, "HEAD"))
        assert (places(result), result.blobs, result.complete) == ([("b.txt", 1, None)], 2, True)

    def test_reads_packed_objects_and_those_of_another_repository(self, repo: Repo, tmp_path: Path) -> None:
        repo.commit({"a.txt": github_token(), "big.txt": "line\n" * 9999})
        repo.commit({"big.txt": "line\n" * 9998})
        repo.git("gc", "-q")
        assert not [*(repo.path / ".git/objects").glob("[0-9a-f][0-9a-f]")]
        assert (places(everything(repo)), everything(repo).complete) == ([("a.txt", 1, None)], True)
        borrowing = repo.clone(tmp_path / "borrowing", "--no-checkout")
        for pack in (borrowing.path / ".git/objects/pack").iterdir():
            pack.unlink()
        lent = borrowing.path / ".git/objects/info/alternates"
        lent.write_text(f"{repo.path}/.git/objects\n")
        result = scan(ScanRequest(root=borrowing.path, tree=True))
        assert (places(result), result.complete) == ([("a.txt", 1, None)], True)
        lent.unlink()
        assert not scan(ScanRequest(root=borrowing.path, tree=True)).complete

    def test_an_empty_repository_is_not_clean(self, tmp_path: Path) -> None:
        result = everything(Repo.create(tmp_path))
        assert codes(result) == {"nothing-read": GapKind.FAILS}
        assert not result.complete

    def test_the_target_of_a_link_is_read_as_text_and_never_followed(self, repo: Repo, tmp_path: Path) -> None:
        outside = tmp_path / "outside.txt"
        outside.write_text(github_token(1))
        (repo.path / "link").symlink_to(outside)
        (repo.path / "odd").symlink_to(github_token(2))
        repo.commit()
        (repo.path / "untracked").symlink_to(outside)
        result = everything(repo)
        assert places(result) == [("odd", 1, None)]
        assert result.complete

    def test_a_file_name_that_is_not_utf8_comes_as_surrogates(self, repo: Repo) -> None:
        (repo.path / os.fsdecode(b"na\xefve\n.txt")).write_text(github_token())
        repo.commit()
        assert places(everything(repo)) == [("na\udcefve\n.txt", 1, None)]


class TestWorkTree:
    def test_finds_tracked_and_untracked_but_not_ignored_files(self, repo: Repo) -> None:
        repo.commit({".gitignore": "ignored.txt\n", "tracked.txt": "clean"})
        repo.write(
            {"tracked.txt": github_token(1), "new/untracked.txt": github_token(2), "ignored.txt": github_token(3)}
        )
        result = scan(ScanRequest(root=repo.path, work_tree=True))
        assert places(result) == [("new/untracked.txt", 1, None), ("tracked.txt", 1, None)]
        assert result.complete

    def test_the_exclude_file_of_the_clone_hides_nothing(self, repo: Repo) -> None:
        (repo.path / ".git/info/exclude").write_text("*\n")
        repo.git("config", "core.excludesFile", str(repo.path / ".git/info/exclude"))
        repo.write({"new.txt": github_token()})
        assert places(everything(repo)) == [("new.txt", 1, None)]

    def test_a_deleted_file_is_no_gap(self, repo: Repo) -> None:
        (repo.path / "README.md").unlink()
        assert everything(repo).complete

    def test_a_content_that_stands_twice_is_read_once_and_found_once_with_both_places(self, repo: Repo) -> None:
        token = github_token()
        repo.commit({"a.txt": token, "b.txt": token})
        result = everything(repo)
        (finding,) = result.findings
        (other,) = finding.others
        assert (finding.location.path, other.location.path, result.blobs) == ("a.txt", "b.txt", 3)
        assert finding.fingerprint != other.fingerprint

    def test_a_file_that_was_only_moved_about_is_found_once(self, repo: Repo) -> None:
        token = github_token()
        repo.commit({"a.txt": f"{token}\n"})
        repo.write({"a.txt": f"new first line\n{token}\n"})
        assert places(everything(repo)) == [("a.txt", 2, None)], "where whoever has it open sees it"

    def test_reads_a_repository_within_the_work_tree(self, repo: Repo) -> None:
        Repo.create(repo.path / "vendored").commit({"a.txt": github_token()})
        assert places(everything(repo)) == [("vendored/a.txt", 1, None)]

    def test_a_folder_below_the_root_is_read_alone(self, repo: Repo) -> None:
        repo.commit({"src/a.txt": github_token(1), "other/b.txt": github_token(2)})
        repo.write({"src/new.txt": github_token(3), "other/new.txt": github_token(4)})
        request = ScanRequest(root=repo.path / "src", tree=True, work_tree=True, range=("HEAD~1", "HEAD"))
        assert places(scan(request)) == [("a.txt", 1, None), ("new.txt", 1, None)]

    def test_a_folder_in_place_of_which_a_link_was_put_is_not_entered(self, repo: Repo, tmp_path: Path) -> None:
        repo.commit({"sub/deep/a.txt": "clean"})
        outside = tmp_path / "outside"
        (outside / "deep").mkdir(parents=True)
        (outside / "deep/a.txt").write_text(github_token())
        (repo.path / "sub/deep/a.txt").unlink()
        (repo.path / "sub/deep").rmdir()
        (repo.path / "sub").rmdir()
        (repo.path / "sub").symlink_to(outside)
        assert places(everything(repo)) == []

    def test_a_pipe_in_place_of_a_file_is_skipped_and_not_waited_for(self, repo: Repo) -> None:
        (repo.path / "README.md").unlink()
        os.mkfifo(repo.path / "README.md")
        result = everything(repo)
        assert result.skipped == (Skipped(path="README.md", reason="it cannot be read (it is no plain file)"),)
        assert not result.complete

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
    def test_an_unreadable_file_is_skipped(self, repo: Repo) -> None:
        (repo.path / "README.md").chmod(0)
        assert [skip.path for skip in everything(repo).skipped] == ["README.md"]

    def test_reads_a_linked_worktree(self, repo: Repo, tmp_path: Path) -> None:
        repo.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
        linked = Repo(tmp_path / "linked")
        linked.commit({"a.txt": github_token(1)})
        linked.write({"b.txt": github_token(2)})
        assert places(everything(linked)) == [("a.txt", 1, None), ("b.txt", 1, None)]

    def test_a_submodule_is_noted_and_scans_as_itself(self, repo: Repo, tmp_path: Path) -> None:
        inner = Repo.create(tmp_path / "inner")
        inner.commit({"a.txt": github_token()})
        repo.git("submodule", "add", "-q", str(inner.path), "lib")
        repo.commit()
        result = everything(repo)
        assert (places(result), codes(result), result.complete) == ([], {"submodules": GapKind.NOTE}, True)
        assert places(everything(Repo(repo.path / "lib"))) == [("a.txt", 1, None)]


class TestRange:
    def test_finds_what_was_added_and_taken_out_again(self, repo: Repo) -> None:
        base = repo.git("rev-parse", "HEAD")
        added = repo.commit({"a.txt": github_token()})
        repo.commit({"a.txt": "clean"})
        result = everything(repo, range=(base, "HEAD"))
        assert places(result) == [("a.txt", 1, added)]
        assert (result.commits, result.complete) == (2, True)

    def test_finds_nothing_that_was_there_before(self, repo: Repo) -> None:
        repo.commit({"a.txt": github_token()})
        base = repo.commit({"a.txt": "clean"})
        repo.commit({"b.txt": "clean, too"})
        assert places(everything(repo, range=(base, "HEAD"))) == []

    def test_a_secret_that_is_still_there_is_found_once_and_in_the_tree(self, repo: Repo) -> None:
        base = repo.git("rev-parse", "HEAD")
        token = github_token()
        for number in range(3):
            repo.commit({"a.txt": "line\n" * number + token})
        assert places(everything(repo, range=(base, "HEAD"))) == [("a.txt", 3, None)]

    def test_a_secret_of_several_versions_is_found_in_the_oldest(self, repo: Repo) -> None:
        base = repo.git("rev-parse", "HEAD")
        token = github_token()
        oldest = repo.commit({"a.txt": token})
        repo.commit({"a.txt": f"line\n{token}"})
        repo.commit({"a.txt": "clean"})
        assert places(everything(repo, range=(base, "HEAD"))) == [("a.txt", 1, oldest)]

    def test_finds_what_comes_in_by_the_second_parent(self, repo: Repo) -> None:
        base = repo.git("rev-parse", "HEAD")
        repo.git("checkout", "-q", "-b", "side")
        brought = repo.commit({"a.txt": github_token()})
        repo.commit({"a.txt": "clean"})
        repo.git("checkout", "-q", "main")
        repo.commit({"b.txt": "clean"})
        repo.merge("side")
        assert places(everything(repo, range=(base, "HEAD"))) == [("a.txt", 1, brought)]

    def test_finds_what_the_merge_itself_puts_in(self, repo: Repo) -> None:
        base = repo.git("rev-parse", "HEAD")
        repo.git("checkout", "-q", "-b", "side")
        repo.commit({"a.txt": "one"})
        repo.git("checkout", "-q", "main")
        repo.commit({"b.txt": "two"})
        evil = repo.merge("side", {"a.txt": github_token(1), "new.txt": github_token(2)})
        repo.commit({"a.txt": "clean", "new.txt": "clean"})
        assert places(everything(repo, range=(base, "HEAD"))) == [("a.txt", 1, evil), ("new.txt", 1, evil)]

    def test_a_key_file_that_was_taken_out_again_is_found(self, repo: Repo) -> None:
        base = repo.git("rev-parse", "HEAD")
        added = repo.commit({"deploy/.env": "PASSWORD=hunter2\n"})
        repo.git("rm", "-q", "deploy/.env")
        repo.commit()
        (found,) = everything(repo, range=(base, "HEAD")).key_files
        assert (found.rule, found.location.path, found.location.commit) == ("key-file-dotenv", "deploy/.env", added)

    def test_no_beginning_means_all_of_history(self, repo: Repo) -> None:
        added = repo.commit({"a.txt": github_token()})
        repo.commit({"a.txt": "clean"})
        result = scan(ScanRequest(root=repo.path, range=(None, "HEAD")))
        assert (places(result), result.commits) == ([("a.txt", 1, added)], 3)

    def test_a_secret_that_the_beginning_has_elsewhere_is_not_new(self, repo: Repo) -> None:
        base = repo.commit({"a.txt": github_token()})
        repo.git("mv", "a.txt", "b.txt")
        repo.commit()
        repo.git("rm", "-q", "b.txt")
        repo.commit()
        assert places(everything(repo, range=(base, "HEAD"))) == []

    @pytest.mark.parametrize("first", ["before", "within"])
    def test_a_submodule_of_the_same_id_hides_no_content(self, repo: Repo, first: str) -> None:
        base = repo.git("rev-parse", "HEAD")
        oid = repo.git("hash-object", "-w", "--stdin", stdin=github_token())
        repo.git("update-index", "--add", "--cacheinfo", f"160000,{oid},a.txt")
        repo.git("commit", "-q", "-m", "as a submodule")
        if first == "before":
            base = repo.git("rev-parse", "HEAD")
        repo.git("update-index", "--cacheinfo", f"100644,{oid},a.txt")
        repo.git("commit", "-q", "-m", "as a file")
        added = repo.git("rev-parse", "HEAD")
        repo.git("rm", "-q", "--cached", "a.txt")
        repo.git("commit", "-q", "-m", "gone")
        assert places(everything(repo, range=(base, "HEAD"))) == [("a.txt", 1, added)]

    def test_what_a_range_only_moves_or_copies_is_not_new_but_its_name_is(self, repo: Repo) -> None:
        token, name = github_token(1), github_token(2)
        base = repo.commit({"a.txt": token, "b.txt": "clean"})
        repo.git("mv", "a.txt", "moved.txt")
        repo.commit({"copy.txt": token})
        request = ScanRequest(root=repo.path, range=(base, "HEAD"))
        assert places(scan(request)) == []
        repo.git("mv", "b.txt", f"{name}.txt")
        named = repo.commit({"more.txt": f"# {token}"})
        assert [(found.location.path, found.location.commit) for found in scan(request).findings] == [
            ("ghp_….txt", named),
            ("more.txt", named),
        ]

    def test_a_content_that_a_clone_lacks_is_no_gap_of_a_range_that_only_moves_it(
        self, repo: Repo, tmp_path: Path
    ) -> None:
        base = repo.commit({"large.txt": "x" * 5_000})
        repo.git("mv", "large.txt", "moved.txt")
        repo.commit({"small.txt": "clean"})
        repo.git("config", "uploadpack.allowFilter", "true")
        clone = repo.clone(tmp_path / "clone", "--no-checkout", "--filter=blob:limit=1k")
        result = scan(ScanRequest(root=clone.path, range=(base, "HEAD")))
        assert (codes(result), result.complete) == ({}, True)
        assert "objects-unreadable" in codes(scan(ScanRequest(root=clone.path, range=("HEAD~2", "HEAD"))))

    def test_finds_what_a_message_says(self, repo: Repo) -> None:
        base = repo.commit(message=github_token(1))
        commit = repo.commit({"a.txt": "clean"}, message=f"subject\n\nbody\nwith {github_token(2)}")
        result = everything(repo, range=(base, "HEAD"))
        (finding,) = result.findings
        assert dataclasses.astuple(finding.location) == (None, 4, 4, 6, commit)
        assert (result.blobs, result.complete) == (3, True)
        assert finding.fingerprint == everything(repo, range=(base, "HEAD")).findings[0].fingerprint
        assert not scan(ScanRequest(root=repo.path / "src", range=(base, "HEAD"))).findings

    def test_a_message_that_looks_like_an_archive_is_read_as_text(self, repo: Repo) -> None:
        commit = repo.commit({"a.txt": "clean"}, message=f"PK\x03\x04 {github_token()}")
        result = everything(repo, range=("HEAD~1", "HEAD"))
        assert (places(result), result.complete) == ([(None, 1, commit)], True)

    @pytest.mark.parametrize("ends", [("1" * 40, "HEAD"), ("HEAD", "2" * 40), ("--all", "HEAD"), ("a\nb", "HEAD")])
    def test_a_missing_end_is_unknown(self, repo: Repo, ends: tuple[str, str]) -> None:
        assert codes(everything(repo, range=ends)) == {"commit-missing": GapKind.UNKNOWN}

    def test_a_range_of_deletions_alone_is_no_empty_scan(self, repo: Repo) -> None:
        repo.git("rm", "-q", "README.md")
        repo.git("commit", "-q", "-m", "less")
        result = scan(ScanRequest(root=repo.path, range=("HEAD~1", "HEAD")))
        assert (result.commits, result.blobs, result.complete) == (1, 0, True)

    def test_a_range_without_a_commit_is_an_empty_scan(self, repo: Repo) -> None:
        result = scan(ScanRequest(root=repo.path, range=("HEAD", "HEAD")))
        assert codes(result) == {"nothing-read": GapKind.FAILS}
        (gap,) = result.gaps
        assert "the first of the two commits has all" in gap.message, "it says nothing of the folder"
        assert "origin/main..HEAD" in gap.remedy


class TestNames:
    """What a repository says of the judged commits outside of files."""

    def test_finds_what_a_tag_says(self, repo: Repo) -> None:
        commit = repo.git("rev-parse", "HEAD")
        repo.git("tag", "-a", "v1", "-m", f"first\n\nwith {github_token()}")
        repo.git("tag", "light")
        (finding,) = everything(repo).findings
        assert dataclasses.astuple(finding.location) == (None, 3, 3, 6, commit)
        assert (finding.what, everything(repo).blobs, everything(repo).complete) == ("tag message", 2, True)

    @pytest.mark.parametrize(("command", "what"), [("branch", "branch name"), ("tag", "tag name")])
    def test_finds_what_a_branch_or_a_tag_is_called(self, repo: Repo, command: str, what: str) -> None:
        repo.git(command, f"fix/{github_token()}")
        (finding,) = everything(repo).findings
        assert (finding.what, finding.location.path, finding.location.column) == (what, None, 5)
        assert github_token()[8:] not in repr(finding)

    def test_finds_the_names_of_a_clone_and_of_a_range(self, repo: Repo, tmp_path: Path) -> None:
        base = repo.git("rev-parse", "HEAD")
        repo.git("branch", github_token(1))
        repo.commit({"a.txt": "clean"})
        middle = repo.git("rev-parse", "HEAD")
        repo.git("branch", github_token(2))
        repo.commit({"b.txt": "clean"})
        clone = repo.clone(tmp_path / "clone")
        assert not everything(clone).findings
        (finding,) = everything(clone, range=(base, "HEAD")).findings
        assert (finding.what, finding.location.commit) == ("branch name", middle)

    def test_odd_names_are_text(self, repo: Repo) -> None:
        head = repo.git("rev-parse", "HEAD")
        odd = [b"--upload-pack=x", b"na\xefve", b"::error::x", b"$(touch x)", b"refs/heads/main"]
        packed = b"".join(b"%b refs/heads/%b\n" % (head.encode(), name) for name in odd)
        (repo.path / ".git/packed-refs").write_bytes(b"# pack-refs with: peeled fully-peeled sorted \n" + packed)
        result = everything(repo)
        assert (places(result), result.complete) == ([], True)

    def test_a_part_of_a_repository_has_no_names(self, repo: Repo) -> None:
        repo.git("branch", github_token())
        assert not scan(ScanRequest(root=repo.path / "src", tree=True)).findings


def test_this_repository_is_clean() -> None:
    """Tests make their tokens at run time, and rules are patterns, not tokens."""
    root = Path(__file__).parents[2]
    result = scan(ScanRequest(root=root, work_tree=True))
    assert [(found.location.path, found.location.line, found.rule) for found in result.findings] == []
    assert [found.location.path for found in result.key_files] == []
    assert result.blobs > 50
