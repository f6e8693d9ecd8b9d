"""A secret in the name of a file is a finding, and no path that is told holds it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ci_guard.model.scan import SecretScan
from ci_guard.secrets.review import Review
from ci_guard.secrets.scan import ScanRequest, scan
from tests.secrets.made_up import github_token
from tests.secrets.repositories import Repo

ONE, OTHER = github_token(1), github_token(2)


def scanned(folder: Path) -> SecretScan:
    return scan(ScanRequest(root=folder, work_tree=True, review=Review(today=date(2026, 11, 25))))


def test_is_found_once_and_its_path_is_told_without_it(tmp_path: Path) -> None:
    Repo(tmp_path).write({f"src/{ONE}/a.txt": "x", f"src/{ONE}/b.txt": f"T = '{OTHER}'", f"{ONE}.txt": "x"})
    found = scanned(tmp_path)
    assert [(one.location.path, one.location.line, one.what) for one in found.findings] == [
        ("ghp_….txt", None, "file name"),
        ("src/ghp_…/a.txt", None, "file name"),
        ("src/ghp_…/b.txt", None, "file name"),
        ("src/ghp_…/b.txt", 1, ""),
    ]
    assert len({one.fingerprint for one in found.findings}) == 4
    assert ONE[4:] not in repr(found)


def test_in_a_range_the_commit_is_told(tmp_path: Path) -> None:
    repo = Repo.create(tmp_path / "repo")
    base = repo.commit({"a.txt": "x"})
    bad = repo.commit({f"{ONE}.txt": "y"})
    repo.git("rm", "-q", f"{ONE}.txt")
    head = repo.commit()
    (found,) = scan(ScanRequest(root=repo.path, range=(base, head))).findings
    assert (found.location.path, found.location.commit, found.what) == ("ghp_….txt", bad, "file name")


def test_a_line_end_in_a_name_moves_no_other_name(tmp_path: Path) -> None:
    Repo(tmp_path).write({"a\nb.txt": "x", f"c\n{ONE}\n.txt": "x", "d.txt": "x"})
    assert [one.location.path for one in scanned(tmp_path).findings] == ["c\nghp_…\n.txt"]


def test_what_is_not_read_is_told_without_it(tmp_path: Path) -> None:
    Repo(tmp_path).write({f"{ONE}.zip": b"PK\3\4 damaged", "b.zip": b"PK\3\4 damaged"})
    found = scanned(tmp_path)
    assert sorted(skip.path for skip in found.skipped) == ["b.zip", "ghp_….zip"]


def test_an_allow_list_covers_it_by_the_path_that_is_told(tmp_path: Path) -> None:
    own = "version: 1\nallow: [{paths: ['ghp_*.txt'], rules: [github-pat], reason: made up}]\n"
    Repo(tmp_path).write({f"{ONE}.txt": "x", ".ci-guard-secrets.yml": own})
    found = scanned(tmp_path)
    assert (found.findings, [one.finding.location.path for one in found.suppressed]) == ((), ["ghp_….txt"])


def test_a_rule_of_the_users_own_blacks_out_no_path(tmp_path: Path) -> None:
    own = "version: 1\nrules: [{id: acme, title: x, severity: high, pattern: 'acme_[0-9a-f]{16}'}]\n"
    name = "acme_9f2c71e0b84d63a5"
    Repo(tmp_path).write({f"{name}.txt": name, ".ci-guard-secrets.yml": own})
    assert [one.location.path for one in scanned(tmp_path).findings] == [f"{name}.txt"]


def test_what_only_looks_random_is_no_secret_in_a_name(tmp_path: Path) -> None:
    names = ["chunk-9f2c71e0b84d63a5c7d1.js", "password=hunter2hunter2.txt", f"{ONE[:20]}.txt", "token/9f2c71e0b8.py"]
    Repo(tmp_path).write(dict.fromkeys(names, "x"))
    assert scanned(tmp_path).findings == ()
