"""`scan --init-baseline` and `--import`: what is written makes the next scan clean, and nothing is ever overwritten."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from ci_guard.entrypoints import cli
from tests.secrets.made_up import github_token
from tests.secrets.repositories import Repo

ONE, OTHER = github_token(1), github_token(2)
BASELINE, OWN = ".ci-guard-secrets-baseline.json", ".ci-guard-secrets.yml"


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> tuple[int, str]:
    monkeypatch.chdir(folder)
    stdout, stderr = io.StringIO(), io.StringIO()
    code = cli.run(["scan", *arguments], {}, stdout, stderr)
    said = stdout.getvalue() + stderr.getvalue()
    assert ONE[4:] not in said
    assert OTHER[4:] not in said
    return code, said


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.create(tmp_path / "repo")
    repo.commit({"a.py": f"T = '{ONE}'\n", "src/b.py": f"\nT = '{OTHER}'\n"})
    return repo


def test_a_baseline_makes_the_next_scan_clean_and_says_what_it_holds(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, repo.path)[0] == 1
    code, said = run(monkeypatch, repo.path, "--init-baseline")
    assert (code, "Written: .ci-guard-secrets-baseline.json" in said, "2 github-pat" in said) == (0, True, True)
    assert ONE[4:] not in (repo.path / BASELINE).read_text(encoding="utf-8")
    code, said = run(monkeypatch, repo.path)
    assert (code, "2 suppressed (2 by baseline)" in said) == (0, True)


def test_a_baseline_is_written_once_in_the_root(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, repo.path / "src", "--init-baseline")[0] == 0
    text = (repo.path / BASELINE).read_text(encoding="utf-8")
    code, said = run(monkeypatch, repo.path, "--init-baseline")
    assert (code, "exists already" in said) == (2, True)
    assert (repo.path / BASELINE).read_text(encoding="utf-8") == text


def test_a_link_in_place_of_the_file_is_not_followed(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    (repo.path / BASELINE).symlink_to(repo.path.parent / "elsewhere")
    assert run(monkeypatch, repo.path, "--init-baseline")[0] == 2
    assert not (repo.path.parent / "elsewhere").exists()


def test_what_other_scanners_suppress_is_carried_over(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    config = (
        "[extend]\npath = 'other.toml'\n"
        "[[rules]]\nid = 'acme'\nregex = '''acme_([0-9a-f]{16})'''\npath = '''[.]txt$'''\nentropy = 2.5\n"
        "[[allowlists]]\ndescription = 'why \"so\"'\npaths = ['''^src/''', '''.*''']\n"
        "[[allowlists]]\ncondition = 'AND'\npaths = ['''z[.]py''']\nregexes = ['''abc''']\nstopwords = ['wxyz']\n"
    )
    repo.commit(
        {".gitleaks.toml": config, ".gitleaksignore": "a.py:github-pat:1\n", "x.txt": "acme_9f2c71e0b84d63a5\n"}
    )
    before = run(monkeypatch, repo.path)
    code, said = run(monkeypatch, repo.path, "--import")
    assert code == 0, said
    assert "Not carried over:" in said
    assert ".gitleaks.toml:2: extends another file" in said
    assert "matches a text of no length" in said
    assert ".gitleaks.toml: 2 allowlists, 1 rule\n" in said
    assert "What stands in .gitleaks.toml, .gitleaksignore counts besides; remove that once" in said
    for name in (".gitleaks.toml", ".gitleaksignore"):
        (repo.path / name).unlink()
    repo.commit()
    after = run(monkeypatch, repo.path)
    assert before[0] == after[0] == 1  # the rule of the user's own still finds
    assert "acme" in after[1]
    assert "2 suppressed (1 by baseline, 1 by allow-list)" in after[1]


def test_nothing_to_take_over_is_said(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = run(monkeypatch, repo.path, "--import")
    assert (code, "nothing to take over" in said) == (2, True)
    repo.write({".gitleaks.toml": "[allowlist"})
    code, said = run(monkeypatch, repo.path, "--import")
    assert (code, "Nothing was written" in said, "once what was written" in said) == (0, True, False)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--init-baseline", "--import"),
        ("--init-baseline", "-"),
        ("--import", "--range", "A..B"),
        ("--import", "nowhere"),
    ],
)
def test_what_does_not_go_together_is_a_usage_error(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    assert run(monkeypatch, repo.path, *arguments)[0] == 2
