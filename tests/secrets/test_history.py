"""What a scan of full history reads, where it says that a secret came from, and what it admits not to have read."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import re
import signal
import string
import time
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci_guard.entrypoints.cli import main
from ci_guard.errors import GitUnavailable, ScanFault
from ci_guard.model.scan import GapKind, SecretFinding, SecretScan
from ci_guard.secrets import survey, workers
from ci_guard.secrets.scan import ScanRequest, scan
from tests.secrets.made_up import github_token, private_key
from tests.secrets.repositories import Repo


@pytest.fixture(params=["sha1", "sha256"])
def repo(tmp_path: Path, request: pytest.FixtureRequest) -> Repo:
    """Return a repository with one harmless commit, in either format of objects."""
    repo = Repo.create(tmp_path / "repo", f"--object-format={request.param}")
    repo.commit({"README.md": "hello\n"})
    return repo


def history(repo: Repo) -> SecretScan:
    return scan(ScanRequest(root=repo.path, history=True))


def places(result: SecretScan) -> list[tuple[str | None, int | None, str | None]]:
    return [(found.location.path, found.location.line, found.location.commit) for found in result.findings]


def known(finding: SecretFinding) -> tuple[object, ...]:
    place = finding.location
    return (finding.rule, place.path, place.line, place.column, finding.severity, finding.fingerprint)


def codes(result: SecretScan) -> dict[str, GapKind]:
    return {gap.code: gap.kind for gap in result.gaps}


class TestWhereASecretCameFrom:
    def test_a_secret_that_was_removed_is_found_at_the_commit_that_brought_it(self, repo: Repo) -> None:
        before = "".join(f"line {number}\n" for number in range(50))
        repo.commit({"src/a.py": before})
        brought = repo.commit({"src/a.py": before + f"T = '{github_token()}'\n"})
        repo.commit({"src/a.py": "more\n" + before + f"T = '{github_token()}'\n"})
        repo.commit({"src/a.py": before})
        result = history(repo)
        assert places(result) == [("src/a.py", 51, brought)]
        assert "; author of the commit: " in result.findings[0].detail
        assert (result.commits, result.blobs, result.complete) == (5, 4, True)
        repo.git("gc", "-q", "--aggressive")
        assert history(repo) == result

    def test_on_another_branch(self, repo: Repo) -> None:
        repo.git("checkout", "-q", "-b", "other")
        brought = repo.commit({"a": github_token()})
        repo.git("checkout", "-q", "main")
        assert places(history(repo)) == [("a", 1, brought)]

    def test_by_the_second_parent_of_a_merge(self, repo: Repo) -> None:
        repo.git("checkout", "-q", "-b", "other")
        brought = repo.commit({"a": github_token()})
        repo.git("checkout", "-q", "main")
        repo.commit({"b": "1"})
        repo.merge("other")
        repo.git("branch", "-q", "-D", "other")
        repo.commit({"a": "clean"})
        assert places(history(repo)) == [("a", 1, brought)]

    def test_in_a_merge_itself(self, repo: Repo) -> None:
        repo.git("checkout", "-q", "-b", "other")
        repo.commit({"a": "1"})
        repo.git("checkout", "-q", "main")
        repo.commit({"b": "1"})
        merge = repo.merge("other", {"a": github_token()})
        assert places(history(repo)) == [("a", 1, merge)]

    def test_at_each_path_that_it_had(self, repo: Repo) -> None:
        first = repo.commit({"a": github_token()})
        repo.git("mv", "a", "b")
        second = repo.commit()
        (finding,) = history(repo).findings
        places = [finding.location, *(other.location for other in finding.others)]
        assert [(place.path, place.commit) for place in places] == [("a", first), ("b", second)]

    def test_in_a_tree_or_a_content_that_a_tag_names(self, repo: Repo) -> None:
        repo.write({"deep/a": github_token(1), "b": "x"})
        repo.git("add", "-A")
        tree = repo.git("write-tree")
        repo.git("tag", "-a", "-m", "a tree", "tree", tree)
        repo.git("rm", "-q", "--cached", "-r", "deep", "b")
        blob = repo.git("hash-object", "-w", "--stdin", stdin=github_token(2))
        repo.git("tag", "blob", blob)
        assert places(history(repo)) == [(None, 1, blob), ("deep/a", 1, tree)]

    def test_in_the_message_of_a_commit_or_of_a_tag(self, repo: Repo) -> None:
        commit = repo.commit({"a": "1"}, f"use {github_token(1)}")
        repo.git("tag", "-a", "-m", f"release\n\n{github_token(2)}", "v1")
        repo.git("tag", "-a", "-m", "a tag of a tag", "v2", "v1")
        repo.git("tag", "-d", "v1")
        named = repo.git("cat-file", "tag", "v2").split()[1]
        assert sorted(places(history(repo)), key=str) == sorted([(None, 1, commit), (None, 3, named)], key=str)

    def test_in_stashes_and_notes(self, repo: Repo) -> None:
        repo.write({"README.md": github_token(1)})
        repo.git("stash", "-q")
        repo.git("notes", "add", "-m", github_token(2), "HEAD")
        found = {path: commit for path, _, commit in places(history(repo))}
        assert found["README.md"] == repo.git("rev-parse", "refs/stash")
        assert repo.git("rev-parse", "refs/notes/commits") in found.values()

    def test_in_what_a_branch_or_a_tag_is_called(self, repo: Repo) -> None:
        repo.git("checkout", "-q", "-b", f"fix/{github_token(1)}")
        head = repo.commit({"a": "1"})
        repo.git("tag", github_token(2))
        found = {finding.what: finding.location.commit for finding in history(repo).findings}
        assert found == {"branch name": head, "tag name": head}

    def test_a_scan_of_the_same_contents_finds_the_same(self, repo: Repo) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("inner.txt", github_token(1))
        value = "".join(random.Random(5).choices(string.ascii_letters + string.digits, k=24))
        lines = "".join(f"line {number}\n" for number in range(3000))
        files: dict[str, str | bytes] = {
            "a.zip": packed.getvalue(),
            "b.yml": lines + f"data: {b64encode(github_token(2).encode()).decode()}\n" + lines,
            "c.txt": "https://example.org/?t=" + "".join(f"%{ord(sign):02x}" for sign in github_token(3)),
            "d.py": lines + f'password = "{value}"\n',
            "e.py": lines + f'password = "{github_token(4)}"\n' + lines,
            "old/id_rsa.gz": gzip.compress(private_key().encode(), mtime=0),
        }
        commit = repo.commit(files)
        tree = scan(ScanRequest(root=repo.path, tree=True))
        repo.git("rm", "-q", "-r", *files)
        repo.commit()
        repo.git("gc", "-q", "--aggressive")
        found = history(repo)
        for kind in ("findings", "key_files"):
            ours, theirs = getattr(found, kind), getattr(tree, kind)
            assert {finding.location.commit for finding in ours} == {commit}
            assert [known(finding) for finding in ours] == [known(finding) for finding in theirs]
        assert {finding.location.path for finding in found.findings} >= {"a.zip!/inner.txt", *list(files)[1:5]}
        assert [finding.location.path for finding in found.key_files] == ["old/id_rsa.gz"]

    def test_on_a_detached_head(self, repo: Repo) -> None:
        repo.git("checkout", "-q", "--detach")
        brought = repo.commit({"a": github_token()})
        assert places(history(repo)) == [("a", 1, brought)]

    def test_what_nothing_leads_to_is_no_part_of_history(self, repo: Repo) -> None:
        repo.git("checkout", "-q", "--detach")
        repo.commit({"a": github_token()})
        repo.git("checkout", "-q", "main")
        result = history(repo)
        assert (places(result), result.complete) == ([], True)

    def test_a_key_file_is_known_by_its_name_in_any_commit(self, repo: Repo) -> None:
        first = repo.commit({"old/id_rsa": private_key()})
        repo.git("rm", "-q", "-r", "old")
        repo.commit({"x": "1"})
        assert [(f.location.path, f.location.commit) for f in history(repo).key_files] == [("old/id_rsa", first)]

    def test_only_below_the_folder_that_is_named(self, repo: Repo) -> None:
        repo.commit({"a/x": github_token(1), "b/x": github_token(2)}, github_token(3))
        repo.write({"a/y": "1"})
        result = scan(ScanRequest(root=repo.path / "a", history=True))
        assert [path for path, _, _ in places(result)] == ["x"]

    def test_a_path_of_any_bytes(self, repo: Repo) -> None:
        name = os.fsdecode(b"a\nb\t\xff:100644 x")
        repo.commit({name: github_token()})
        assert [path for path, _, _ in places(history(repo))] == [name]


class TestWhatIsMissing:
    def test_a_shallow_clone_is_incomplete(self, repo: Repo, tmp_path: Path) -> None:
        repo.commit({"a": github_token()})
        repo.commit({"a": "clean"})
        result = history(repo.clone(tmp_path / "clone", "--depth=1"))
        assert (places(result), codes(result)) == ([], {"shallow-history": GapKind.UNKNOWN})

    def test_contents_that_a_partial_clone_left_out(self, repo: Repo, tmp_path: Path) -> None:
        repo.git("config", "uploadpack.allowFilter", "true")
        repo.commit({"a": github_token()})
        repo.commit({"a": "clean"})
        result = history(repo.clone(tmp_path / "clone", "--filter=blob:none", "--no-checkout"))
        assert codes(result)["contents-missing"] is GapKind.UNKNOWN
        assert not result.complete

    def test_replaced_objects_and_grafts_are_ignored_and_told(self, repo: Repo) -> None:
        brought = repo.commit({"a": github_token()})
        clean = repo.git("commit-tree", "-m", "clean", "HEAD~^{tree}")
        repo.git("replace", brought, clean)
        (repo.path / ".git/info/grafts").write_text(f"{brought}\n")
        result = history(repo)
        assert places(result) == [("a", 1, brought)]
        assert codes(result) == {"replaced-objects": GapKind.FAILS, "grafts": GapKind.FAILS}

    def test_a_ref_to_nothing(self, repo: Repo) -> None:
        width = len(repo.git("rev-parse", "HEAD"))
        (repo.path / ".git/refs/heads/broken").write_text("1" * width + "\n")
        assert codes(history(repo))["objects-unreadable"] is GapKind.UNKNOWN

    def test_a_changed_content_that_holds_a_secret_is_told(self, repo: Repo) -> None:
        repo.commit({"a": "innocent\n"})
        repo.overwrite(repo.git("rev-parse", "HEAD:a"), f"{github_token()}\n".encode())
        assert codes(history(repo))["objects-damaged"] is GapKind.FAILS

    def test_no_commit_at_all(self, tmp_path: Path) -> None:
        assert codes(history(Repo.create(tmp_path / "new"))) == {"nothing-read": GapKind.FAILS}

    def test_outside_a_repository(self, tmp_path: Path) -> None:
        with pytest.raises(GitUnavailable, match="not inside a git repository"):
            scan(ScanRequest(root=tmp_path, history=True))


class TestWhereObjectsAre:
    def test_packs_loose_objects_and_alternates_count_once(self, repo: Repo, tmp_path: Path) -> None:
        first = repo.commit({"a": github_token(1)})
        repo.git("repack", "-q", "-a")
        second = repo.commit({"b": github_token(2)})
        repo.git("repack", "-q")
        clone = repo.clone(tmp_path / "clone", "--shared")
        third = clone.commit({"c": github_token(3)})
        result = history(clone)
        assert places(result) == [("a", 1, first), ("b", 1, second), ("c", 1, third)]
        assert (result.blobs, result.commits) == (4, 4)


class TestProcesses:
    def test_what_several_processes_see_is_what_one_sees(self, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        for number in range(6):
            repo.commit({f"{number}": github_token(number), "same": "text " * number})
        alone = history(repo)
        monkeypatch.setattr(survey, "_SMALL_SHARE", 1)
        monkeypatch.setattr(survey, "processors", lambda: 3)
        assert history(repo) == alone
        assert len(alone.findings) == 6

    def test_what_goes_wrong_in_a_process_is_raised(self) -> None:
        def work(share: str) -> Iterator[str]:
            yield "well"
            raise GitUnavailable(f"{share} is broken")

        with pytest.raises(GitUnavailable, match="is broken"):
            list(workers.spread(["one", "two"], work))

    def test_a_process_that_just_ends_is_a_fault(self) -> None:
        def work(share: int) -> Iterator[int]:
            yield share
            os.kill(os.getpid(), signal.SIGKILL)

        with pytest.raises(ScanFault, match="ended early"):
            list(workers.spread([1, 2], work))

    def test_leaving_ends_the_processes(self) -> None:
        def work(share: int) -> Iterator[int]:
            yield os.getpid()
            time.sleep(600 + share)

        said = workers.spread([1, 2], work)
        _, pid = next(said)
        said.close()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


class TestCommand:
    @pytest.mark.parametrize("other", [["--range", "a..b"], ["--staged"], ["-"]])
    def test_one_source_a_scan(self, other: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["scan", "--history", *other]) == 2
        assert "several sources" in capsys.readouterr().out

    def test_no_secret_leaves_the_process(self, repo: Repo, capfd: pytest.CaptureFixture[str]) -> None:
        repo.commit({"a": github_token()}, f"message {github_token(1)}")
        repo.commit({"a": "clean"})
        assert main(["scan", "--history", "--report", "json=-", str(repo.path)]) == 1
        out, err = capfd.readouterr()
        assert len([one for one in json.loads(out)["judgements"] if one["requirement"] == "no-secrets"]) == 2
        assert not re.search(github_token() + "|" + github_token(1), out + err)
