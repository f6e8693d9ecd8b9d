"""What a scan of a damaged, cut or tampered repository admits not to have read."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path

import pytest

from ci_guard.model.scan import Gap, GapKind, SecretScan, Skipped
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
