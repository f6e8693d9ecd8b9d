"""What a scan's result holds and hides; files outside git, and large ones."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_guard.errors import GitUnavailable, UsageError
from ci_guard.model.judgement import Severity
from ci_guard.secrets.matcher import PIECE
from ci_guard.secrets.scan import ScanRequest, scan, scan_bytes
from tests.drawing import examples
from tests.secrets.made_up import github_token, private_key, rules, text_for, windows_of
from tests.secrets.repositories import Repo
from tests.secrets.scans import everything, fingerprints, places


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """Return a repository with one harmless commit."""
    repo = Repo.create(tmp_path / "repo")
    repo.commit({"README.md": "hello\n", "src/main.py": "pass\n"})
    return repo


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
