"""What a scan of a real repository reads, finds and admits not to have read."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_guard.errors import GitUnavailable, UsageError
from ci_guard.model.judgement import Severity
from ci_guard.model.scan import Gap, GapKind, SecretScan, Skipped
from ci_guard.secrets.matcher import PIECE
from ci_guard.secrets.scan import ScanRequest, scan, scan_bytes
from tests.drawing import examples
from tests.secrets.made_up import github_token, private_key, rules, text_for, windows_of
from tests.secrets.repositories import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """Return a repository with one harmless commit."""
    repo = Repo.create(tmp_path / "repo")
    repo.commit({"README.md": "hello\n", "src/main.py": "pass\n"})
    return repo


def everything(repo: Repo, **wishes: object) -> SecretScan:
    return scan(dataclasses.replace(ScanRequest(root=repo.path, tree=True, work_tree=True), **wishes))  # type: ignore[arg-type]


def places(result: SecretScan) -> list[tuple[str | None, int | None, str | None]]:
    return [(found.location.path, found.location.line, found.location.commit) for found in result.findings]


def codes(result: SecretScan) -> dict[str, GapKind]:
    return {gap.code: gap.kind for gap in result.gaps}


def fingerprints(result: SecretScan) -> list[str]:
    """Return those of all places."""
    return [
        fingerprint
        for finding in result.findings
        for fingerprint in (finding.fingerprint, *(other.fingerprint for other in finding.others))
    ]


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


class TestHonesty:
    def test_a_shallow_clone_that_cuts_the_range_is_unknown(self, repo: Repo, tmp_path: Path) -> None:
        base = repo.git("rev-parse", "HEAD")
        repo.commit({"a.txt": github_token()})
        repo.commit({"a.txt": "clean"})
        for depth in (1, 2):
            cut = repo.clone(tmp_path / f"clone{depth}", "--depth", str(depth))
            assert codes(everything(cut, range=(base, "HEAD")))["commit-missing"] is GapKind.UNKNOWN
        clone = Repo(tmp_path / "clone1")
        clone.git("fetch", "-q", "--depth", "1", "origin", base)
        result = everything(clone, range=(base, "HEAD"))
        assert codes(result) == {"shallow-range": GapKind.UNKNOWN}
        assert not result.complete

    def test_a_shallow_clone_that_holds_the_range_is_complete(self, repo: Repo, tmp_path: Path) -> None:
        repo.commit({"a.txt": "base"})
        base = repo.git("rev-parse", "HEAD")
        added = repo.commit({"a.txt": github_token()})
        repo.commit({"a.txt": "clean"})
        clone = repo.clone(tmp_path / "clone", "--depth", "3")
        result = everything(clone, range=(base, "HEAD"))
        assert (places(result), codes(result), result.complete) == ([("a.txt", 1, added)], {}, True)

    @pytest.mark.parametrize("limit", ["blob:none", "tree:0"])
    def test_a_partial_clone_is_unknown_and_fetches_nothing(self, repo: Repo, tmp_path: Path, limit: str) -> None:
        base = repo.git("rev-parse", "HEAD")
        repo.commit({"a.txt": github_token()})
        repo.commit({"a.txt": "clean"})
        repo.git("config", "uploadpack.allowFilter", "true")
        clone = repo.clone(tmp_path / "clone", f"--filter={limit}")
        packs = sorted((clone.path / ".git/objects/pack").iterdir())
        result = everything(clone, range=(base, "HEAD"))
        assert set(codes(result).values()) == {GapKind.UNKNOWN}
        assert sorted((clone.path / ".git/objects/pack").iterdir()) == packs

    def test_a_sparse_checkout_is_read_from_the_object_database(self, repo: Repo) -> None:
        repo.commit({"kept/a.txt": "clean", "left/b.txt": github_token()})
        repo.git("sparse-checkout", "set", "kept")
        assert not (repo.path / "left").exists()
        for result in (everything(repo), scan(ScanRequest(root=repo.path, work_tree=True))):
            assert places(result) == [("left/b.txt", 1, None)]
            assert codes(result) == {"sparse-checkout": GapKind.NOTE}
            assert result.complete

    @pytest.mark.parametrize("mark", ["--assume-unchanged", "--skip-worktree"])
    def test_a_change_that_git_is_told_to_overlook_is_read_and_reported(self, repo: Repo, mark: str) -> None:
        repo.git("update-index", mark, "README.md")
        assert everything(repo).complete
        repo.write({"README.md": github_token()})
        assert repo.git("status", "--porcelain") == ""
        result = everything(repo)
        assert places(result) == [("README.md", 1, None)]
        assert codes(result) == {"hidden-changes": GapKind.FAILS}
        assert not result.complete

    def test_a_file_is_read_even_if_the_index_says_that_it_is_unchanged(self, repo: Repo) -> None:
        """Size and times are as git noted them, so only who reads the file sees the difference."""
        token = github_token()
        repo.commit({"a.txt": "x" * len(token)})
        before = (repo.path / "a.txt").stat()
        (repo.path / "a.txt").write_text(token)
        os.utime(repo.path / "a.txt", ns=(before.st_atime_ns, before.st_mtime_ns))
        assert places(everything(repo)) == [("a.txt", 1, None)]

    def test_replaced_objects_are_ignored_and_reported(self, repo: Repo) -> None:
        repo.commit({"a.txt": github_token()})
        clean = repo.git("hash-object", "-w", "--stdin", stdin="clean")
        repo.git("replace", repo.git("rev-parse", "HEAD:a.txt"), clean)
        repo.write({"a.txt": "clean"})
        assert repo.git("show", "HEAD:a.txt") == "clean"
        result = everything(repo)
        assert places(result) == [("a.txt", 1, None)]
        assert codes(result) == {"replaced-objects": GapKind.FAILS}
        assert not result.complete

    def test_grafts_are_ignored_and_reported(self, repo: Repo) -> None:
        base = repo.git("rev-parse", "HEAD")
        added = repo.commit({"a.txt": github_token()})
        head = repo.commit({"a.txt": "clean"})
        (repo.path / ".git/info/grafts").write_text(f"{head} {base}\n")
        result = everything(repo, range=(base, head))
        assert places(result) == [("a.txt", 1, added)]
        assert codes(result) == {"grafts": GapKind.FAILS}

    def test_a_planted_commit_graph_hides_no_commit(self, repo: Repo) -> None:
        base = repo.git("rev-parse", "HEAD")
        added = repo.commit({"a.txt": github_token()})
        later = repo.commit({"a.txt": "clean"})
        head = repo.commit({"a.txt": "clean, too"})
        repo.git("commit-graph", "write", "--reachable")
        _set_parent_in_graph(repo.path / ".git/objects/info/commit-graph", later, base)
        assert repo.git("rev-list", f"{base}..{head}").split() == [head, later], "git itself is to be deceived"
        assert places(everything(repo, range=(base, "HEAD"))) == [("a.txt", 1, added)]

    def test_a_damaged_object_is_not_clean(self, repo: Repo) -> None:
        repo.commit({"a.txt": "clean"})
        oid = repo.git("rev-parse", "HEAD:a.txt")
        file = repo.path / ".git/objects" / oid[:2] / oid[2:]
        file.chmod(0o600)
        file.write_bytes(b"nonsense")
        result = scan(ScanRequest(root=repo.path, tree=True))
        assert set(codes(result).values()) == {GapKind.UNKNOWN}

    def test_a_content_that_was_blanked_in_the_object_database_fails(self, repo: Repo) -> None:
        base = repo.git("rev-parse", "HEAD")
        repo.commit({"a.txt": github_token()})
        oid = repo.git("rev-parse", "HEAD:a.txt")
        repo.commit({"a.txt": "clean"})
        repo.overwrite(oid, b"blank")
        result = everything(repo, range=(base, "HEAD"))
        assert codes(result) == {"objects-damaged": GapKind.FAILS}
        assert not result.complete

    @pytest.mark.parametrize("wish", [{}, {"tree": False, "range": (None, "HEAD")}])
    def test_a_commit_that_was_overwritten_fails(self, repo: Repo, wish: dict[str, object]) -> None:
        clean = repo.git("rev-parse", "HEAD^{tree}")
        repo.commit({"a.txt": github_token()})
        head = repo.commit({"b.txt": "clean"})
        repo.overwrite_commit(head, repo.git("rev-parse", "HEAD^{tree}"), clean)
        result = everything(repo, **wish)
        assert codes(result)["objects-damaged"] is GapKind.FAILS
        assert not result.complete

    @pytest.mark.parametrize("revision", ["HEAD", "HEAD~2"])
    def test_a_tree_that_was_overwritten_fails(self, repo: Repo, revision: str) -> None:
        base = repo.git("rev-parse", "HEAD")
        repo.commit({"a.txt": github_token()})
        repo.commit({"a.txt": "clean"})
        repo.overwrite(repo.git("rev-parse", f"{revision}^{{tree}}"), b"", "tree")
        assert codes(everything(repo, range=(base, "HEAD")))["objects-damaged"] is GapKind.FAILS

    def test_an_archive_of_another_format_is_skipped_and_media_are_not(self, repo: Repo) -> None:
        repo.commit(
            {
                "logo.png": b"\x89PNG\r\n\x1a\n" + bytes(100),
                "a.7z": b"7z\xbc\xaf\x27\x1c" + bytes(26),
                "b.gz": gzip.compress(b"text"),
                "BZh.txt": "BZh is no archive",
            }
        )
        result = everything(repo)
        assert result.skipped == (Skipped(path="a.7z", reason="a 7z archive, a format that is not read"),)
        assert not result.complete

    def test_a_git_lfs_content_that_was_not_fetched_is_unknown(self, repo: Repo) -> None:
        content = "the content"
        digest = hashlib.sha256(content.encode()).hexdigest()
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n"
        repo.commit({"big.bin": pointer})
        assert codes(everything(repo)) == {"lfs-missing": GapKind.UNKNOWN}
        repo.write({"big.bin": content})
        assert everything(repo).complete
        base = repo.git("rev-parse", "HEAD")
        repo.commit({"big.bin": pointer.replace("size 11", "size 12")})
        repo.commit({"big.bin": "no pointer any more"})
        assert codes(everything(repo, range=(base, "HEAD"))) == {"lfs-past": GapKind.NOTE}

    def test_complete_means_nothing_skipped_and_no_gap_but_notes(self) -> None:
        gaps = {kind: Gap(kind=kind, code="x", message="x") for kind in GapKind}
        assert SecretScan(gaps=(gaps[GapKind.NOTE],)).complete
        assert not SecretScan(gaps=(gaps[GapKind.FAILS],)).complete
        assert not SecretScan(gaps=(gaps[GapKind.UNKNOWN],)).complete
        assert not SecretScan(skipped=(Skipped(path="a", reason="b"),)).complete


class TestOutsideGit:
    def test_reads_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub/a.txt").write_text(github_token())
        (tmp_path / "sub/.env").write_text("A_TOKEN=b")
        result = scan(ScanRequest(root=tmp_path, work_tree=True))
        assert places(result) == [("sub/a.txt", 1, None)]
        assert [found.location.path for found in result.key_files] == ["sub/.env"]
        assert (result.sources, result.blobs, result.complete) == (("folder",), 2, True)

    def test_needs_no_git(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "a.txt").write_text(github_token())
        monkeypatch.setenv("PATH", "")
        assert places(scan(ScanRequest(root=tmp_path, work_tree=True))) == [("a.txt", 1, None)]

    def test_an_empty_folder_is_not_clean(self, tmp_path: Path) -> None:
        assert not scan(ScanRequest(root=tmp_path, work_tree=True)).complete

    def test_a_tree_or_a_range_needs_a_repository(self, tmp_path: Path) -> None:
        for request in (ScanRequest(root=tmp_path, tree=True), ScanRequest(root=tmp_path, range=("HEAD~1", "HEAD"))):
            with pytest.raises(GitUnavailable, match="not inside a git repository"):
                scan(request)

    def test_a_repository_without_git_is_an_error(self, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        with pytest.raises(GitUnavailable, match="git was not found"):
            everything(repo)

    def test_a_root_that_is_no_folder_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError):
            scan(ScanRequest(root=tmp_path / "missing", work_tree=True))

    def test_reads_a_stream(self) -> None:
        result = scan_bytes(io.BytesIO(f"a\nb {github_token()}".encode()))
        assert places(result) == [("-", 2, None)]
        assert (result.bytes, result.complete) == (44, True)

    def test_an_empty_stream_was_read(self) -> None:
        assert scan_bytes(io.BytesIO()).complete


class TestLargeFiles:
    def test_is_read_in_pieces_wherever_it_stands(self, repo: Repo) -> None:
        content = b"line\n" * (PIECE // 2) + github_token().encode()
        repo.commit({"large.txt": content})
        for request in (ScanRequest(root=repo.path, tree=True), ScanRequest(root=repo.path, work_tree=True)):
            result = scan(request)
            assert places(result) == [("large.txt", PIECE // 2 + 1, None)]
        both = everything(repo)
        assert (both.blobs, both.bytes) == (3, len(content) + len("hello\npass\n"))


class TestResult:
    def test_is_the_same_every_time_and_sorted(self, repo: Repo) -> None:
        base = repo.git("rev-parse", "HEAD")
        repo.commit({f"{name}.txt": f"{github_token(ord(name))}\n{private_key(seed=ord(name))}" for name in "zayb"})
        repo.commit({"z.txt": "clean", ".env": "A_TOKEN=b"})
        one, two = (everything(repo, range=(base, "HEAD")) for _ in range(2))
        assert one == two
        keys = [(found.location.path or "", found.location.line or 0) for found in one.findings]
        assert keys == sorted(keys)
        assert len(keys) == 8

    def test_fingerprints_are_unique_and_survive_a_move_of_the_line(self, repo: Repo) -> None:
        token = github_token()
        repo.commit({"a.txt": f"a = {token}\na = {token}\nb = {token}\n"})
        before = fingerprints(everything(repo))
        repo.commit({"a.txt": f"first\na = {token}\na = {token}\nb = {token}\n"})
        after = fingerprints(everything(repo))
        assert before == after
        assert len(set(before)) == 3

    def test_a_fingerprint_is_the_same_for_another_secret_on_the_same_line(self, repo: Repo) -> None:
        """So it cannot be used to try out guesses."""
        prints = set()
        for seed in range(2):
            repo.commit({"a.txt": f"a = {github_token(seed)}\n"})
            prints.add(everything(repo).findings[0].fingerprint)
        assert len(prints) == 1

    def test_a_secret_that_stands_on_two_lines_is_found_once_and_names_both(self, repo: Repo) -> None:
        token = github_token()
        repo.commit({"a.txt": f"{token} {token}\n{token}\n"})
        (finding,) = everything(repo).findings
        assert (finding.location.line, [other.location.line for other in finding.others]) == (1, [2])

    def test_the_first_place_is_one_that_is_there(self, repo: Repo) -> None:
        base, token = repo.git("rev-parse", "HEAD"), github_token()
        added = repo.commit({"a.txt": token, "z.txt": f"line\n{token}"}, message=f"put {token} in")
        repo.commit({"a.txt": "clean"})
        (finding,) = everything(repo, range=(base, "HEAD")).findings
        assert (finding.location.path, finding.location.line, finding.location.commit) == ("z.txt", 2, None)
        others = [(other.location.path, other.what, other.location.commit) for other in finding.others]
        assert others == [(None, "commit message", added), ("a.txt", "", added)]

    @pytest.mark.parametrize(
        ("path", "words"),
        [
            ("tests/conf.py", "a test or its data"),
            ("pkg/api_test.go", "a test or its data"),
            ("src/App.spec.ts", "a test or its data"),
            ("examples/a.py", "an example"),
            ("config.example.yml", "an example"),
            ("docs/a.txt", "documentation"),
            ("README.md", "documentation"),
        ],
    )
    def test_tests_examples_and_documents_lower_the_severity_by_a_step(
        self, tmp_path: Path, path: str, words: str
    ) -> None:
        Repo(tmp_path).write({path: f"{github_token()}\n{private_key()}", "src/latest.py": private_key(seed=1)})
        found = scan(ScanRequest(root=tmp_path, work_tree=True)).findings
        assert {(each.location.path, each.location.line): each.severity for each in found} == {
            (path, 1): Severity.HIGH,
            (path, 2): Severity.HIGH,
            ("src/latest.py", 1): Severity.CRITICAL,
        }
        assert found[0].location.path != path or found[0].detail.endswith(f"; one step less severe in {words}")

    def test_the_worst_place_decides_the_severity(self, repo: Repo) -> None:
        repo.commit({"docs/a.txt": github_token(), "src/a.py": github_token(), "tests/.env": "A_TOKEN=b"})
        result = everything(repo)
        (finding,) = result.findings
        assert (finding.location.path, finding.severity) == ("docs/a.txt", Severity.CRITICAL)
        assert "less severe" not in finding.detail
        assert [found.severity for found in result.key_files] == [Severity.MEDIUM]

    @settings(deadline=None, max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        names=st.lists(st.sampled_from(sorted(rules())), min_size=1, max_size=4, unique=True), seed=st.integers(0, 99)
    )
    def test_nothing_of_a_secret_is_in_the_result(self, tmp_path: Path, names: list[str], seed: int) -> None:
        texts = {name: text_for(rules()[name], seed) for name in names}
        (tmp_path / "a.txt").write_text(" ".join(texts.values()))
        (tmp_path / "id_rsa").write_text("\n".join(texts.values()))
        result = dataclasses.replace(scan(ScanRequest(root=tmp_path, work_tree=True)), seconds=0.0)
        told = repr(result) + json.dumps(dataclasses.asdict(result), default=str)
        # Digests are made without the secret, and rules are public: chance puts five signs of it into either.
        told = re.sub(r"\b[0-9a-f]{64}\b", "", told)
        public = " ".join(repr(rules()[name]) for name in names)
        for name, text in texts.items():
            assert not [window for window in windows_of(rules()[name], text) if window in told and window not in public]


def _set_parent_in_graph(graph: Path, commit: str, parent: str) -> None:
    """Make a commit-graph file claim another parent (gitformat-commit-graph: chunks OIDL and CDAT)."""
    data = bytearray(graph.read_bytes())
    chunks = {
        bytes(data[at : at + 4]): int.from_bytes(data[at + 4 : at + 12], "big") for at in range(8, 8 + 12 * data[6], 12)
    }
    oids, count = chunks[b"OIDL"], (chunks[b"CDAT"] - chunks[b"OIDL"]) // 20
    rows = {data[oids + 20 * row : oids + 20 * row + 20].hex(): row for row in range(count)}
    at = chunks[b"CDAT"] + 36 * rows[commit] + 20
    data[at : at + 4] = rows[parent].to_bytes(4, "big")
    graph.chmod(0o600)
    graph.write_bytes(data)


def test_this_repository_is_clean() -> None:
    """Tests make their tokens at run time, and rules are patterns, not tokens."""
    root = Path(__file__).parents[2]
    result = scan(ScanRequest(root=root, work_tree=True))
    assert [(found.location.path, found.location.line, found.rule) for found in result.findings] == []
    assert [found.location.path for found in result.key_files] == []
    assert result.blobs > 50
