"""A suppression hides what it names and nothing else, and never what the change that brings it adds."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_guard.errors import PolicyError
from ci_guard.model.scan import SecretScan, SuppressionKind
from ci_guard.secrets.excerpt import Excerpt
from ci_guard.secrets.review import Review
from ci_guard.secrets.scan import ScanRequest, scan
from ci_guard.secrets.suppression_files import MODULES, OURS, OWN, OWN_BASELINE, baseline
from tests.drawing import examples
from tests.secrets.made_up import github_token, private_key
from tests.secrets.repositories import Repo

TODAY = date(2026, 11, 25)
ONE, OTHER = github_token(1), github_token(2)
PLAIN = f"A = 1\nTOKEN = '{ONE}'\n"
KINDS = SuppressionKind

SHA1_OF_ONE = hashlib.sha1(ONE.encode()).hexdigest()


def detect_secrets(**entry: object) -> str:
    found = {"type": "GitHub Token", "filename": "a.py", "hashed_secret": SHA1_OF_ONE, "line_number": 9} | entry
    return json.dumps({"version": "1.5.0", "plugins_used": [], "results": {"a.py": [found]}})


FILES: dict[str, tuple[dict[str, str], SuppressionKind]] = {
    "own path": ({OWN: "version: 1\nallow: [{paths: [a.py], reason: made up}]\n"}, KINDS.ALLOW_LIST),
    "own glob": ({OWN: "version: 1\nallow: [{paths: ['*.py'], reason: made up}]\n"}, KINDS.ALLOW_LIST),
    "own rule": ({OWN: "version: 1\nallow: [{rules: [github-pat], reason: made up}]\n"}, KINDS.ALLOW_LIST),
    "own word": ({OWN: f"version: 1\nallow: [{{words: [{ONE[8:20]}], reason: made up}}]\n"}, KINDS.ALLOW_LIST),
    "own secret": ({OWN: f"version: 1\nallow: [{{secrets: ['^{ONE[:20]}'], reason: x}}]\n"}, KINDS.ALLOW_LIST),
    "own line": ({OWN: "version: 1\nallow: [{lines: ['^TOKEN = '], reason: made up}]\n"}, KINDS.ALLOW_LIST),
    "own path pattern": ({OWN: "version: 1\nallow: [{path-patterns: ['^a[.]py$'], reason: x}]\n"}, KINDS.ALLOW_LIST),
    "gitleaks path": ({".gitleaks.toml": "[allowlist]\npaths = ['''a\\.py''']\n"}, KINDS.GITLEAKS_CONFIG),
    "gitleaks stop word": (
        {".gitleaks.toml": f'[[allowlists]]\nstopwords = ["{ONE[8:20].upper()}"]\n'},
        KINDS.GITLEAKS_CONFIG,
    ),
    "gitleaks regex": ({".gitleaks.toml": f"[allowlist]\nregexes = ['''{ONE[:12]}''']\n"}, KINDS.GITLEAKS_CONFIG),
    "gitleaks line": (
        {".gitleaks.toml": "[allowlist]\nregexTarget = 'line'\nregexes = ['''TOKEN''']\n"},
        KINDS.GITLEAKS_CONFIG,
    ),
    "gitleaks all of": (
        {".gitleaks.toml": f"[[allowlists]]\ncondition = 'AND'\npaths = ['a.py']\nregexes = ['{ONE[:12]}']\n"},
        KINDS.GITLEAKS_CONFIG,
    ),
    "gitleaks target rule": (
        {".gitleaks.toml": "[[allowlists]]\ntargetRules = ['github-pat']\npaths = ['a.py']\n"},
        KINDS.GITLEAKS_CONFIG,
    ),
    "gitleaks rule": (
        {".gitleaks.toml": "[[rules]]\nid = 'github-pat'\n[[rules.allowlists]]\npaths = ['a.py']\n"},
        KINDS.GITLEAKS_CONFIG,
    ),
    "gitleaks disabled rule": (
        {".gitleaks.toml": "[extend]\nuseDefault = true\ndisabledRules = ['github-pat']\n"},
        KINDS.GITLEAKS_CONFIG,
    ),
    "gitleaks ignore": ({".gitleaksignore": "# why\n\na.py:github-pat:2\n"}, KINDS.GITLEAKS_IGNORE),
    "gitleaks ignore of another rule's name": ({".gitleaksignore": "a.py:generic-api-key:2\n"}, KINDS.GITLEAKS_IGNORE),
    "detect-secrets": ({".secrets.baseline": detect_secrets()}, KINDS.DETECT_SECRETS_BASELINE),
    "comment beside": ({"a.py": f"\nT = '{ONE}'  # ci-guard:allow github-pat made up\n"}, KINDS.COMMENT),
    "comment before": ({"a.py": f"# ci-guard:allow github-pat made up\nT = '{ONE}'\n"}, KINDS.COMMENT),
    "comment with an end": (
        {"a.py": f"\nT = '{ONE}'  # ci-guard:allow github-pat until=2026-11-25 made up\n"},
        KINDS.COMMENT,
    ),
    "gitleaks comment": ({"a.py": f"\nT = '{ONE}'  # gitleaks:allow\n"}, KINDS.GITLEAKS_COMMENT),
    "pragma": ({"a.py": f"\nT = '{ONE}'  # pragma: allowlist secret\n"}, KINDS.DETECT_SECRETS_COMMENT),
    "old pragma": ({"a.py": f"\nT = '{ONE}'  # pragma: whitelist secret\n"}, KINDS.DETECT_SECRETS_COMMENT),
    "pragma before": ({"a.py": f"# pragma: allowlist nextline secret\nT = '{ONE}'\n"}, KINDS.DETECT_SECRETS_COMMENT),
}
"""Each says in its own words that the token in `a.py`, line 2, is meant."""

NOT_COVERED: dict[str, dict[str, str]] = {
    "another path": {OWN: "version: 1\nallow: [{paths: [b.py, 'src/*.py'], reason: x}]\n"},
    "another rule": {OWN: "version: 1\nallow: [{rules: [npm-token], reason: x}]\n"},
    "one of two that must hold": {OWN: "version: 1\nallow: [{paths: [a.py], rules: [npm-token], reason: x}]\n"},
    "ended": {OWN: "version: 1\nallow: [{paths: [a.py], reason: x, until: 2026-11-24}]\n"},
    "gitleaks: one of two that must hold": {
        ".gitleaks.toml": f"[[allowlists]]\ncondition = 'AND'\npaths = ['b.py']\nregexes = ['{ONE[:12]}']\n"
    },
    "gitleaks: a missing condition": {
        ".gitleaks.toml": "[[allowlists]]\ncondition = 'AND'\npaths = ['a.py']\nregexes = ['.*']\n"
    },
    "gitleaks: a pattern that matches everything": {".gitleaks.toml": "[allowlist]\nregexes = ['.*']\npaths = ['.']\n"},
    "gitleaks: a stop word that is in everything": {".gitleaks.toml": "[allowlist]\nstopwords = ['e', '']\n"},
    "gitleaks: another rule": {".gitleaks.toml": "[extend]\ndisabledRules = ['npm-access-token']\n"},
    "gitleaks: another commit": {".gitleaks.toml": f"[allowlist]\ncommits = ['{'a' * 40}']\n"},
    "gitleaks: broken": {".gitleaks.toml": "[allowlist\n"},
    "gitleaks: deep": {".gitleaks.toml": "a = " + "[" * 100_000},
    "gitleaksignore: another line": {".gitleaksignore": "a.py:github-pat:3\n"},
    "gitleaksignore: another rule of ours": {".gitleaksignore": "a.py:npm-token:2\n"},
    "gitleaksignore: another commit": {".gitleaksignore": f"{'a' * 40}:a.py:github-pat:2\n"},
    "gitleaksignore: no fingerprint": {".gitleaksignore": "a.py\n*\n**:*:2\n"},
    "detect-secrets: another secret": {".secrets.baseline": detect_secrets(hashed_secret="0" * 40)},
    "detect-secrets: real": {".secrets.baseline": detect_secrets(is_secret=True)},
    "detect-secrets: no baseline": {".secrets.baseline": "[]"},
    "detect-secrets: deep": {".secrets.baseline": "[" * 100_000},
    "no reason": {"a.py": f"\nT = '{ONE}'  # ci-guard:allow github-pat\n"},
    "a reason of signs": {"a.py": f"\nT = '{ONE}'  # ci-guard:allow github-pat --- !\n"},
    "no rule": {"a.py": f"\nT = '{ONE}'  # ci-guard:allow\n"},
    "a comment of another rule": {"a.py": f"\nT = '{ONE}'  # ci-guard:allow npm-token made up\n"},
    "a comment that ended": {"a.py": f"\nT = '{ONE}'  # ci-guard:allow github-pat until=2026-11-24 made up\n"},
    "a comment whose end is no day": {"a.py": f"\nT = '{ONE}'  # ci-guard:allow github-pat until=soon made up\n"},
    "a comment behind code on the line before": {"a.py": f"x = 1  # ci-guard:allow github-pat made up\nT = '{ONE}'\n"},
    "a comment two lines before": {"a.py": f"# ci-guard:allow github-pat made up\n\nT = '{ONE}'\n"},
    "a comment on the line after": {"a.py": f"\nT = '{ONE}'\n# ci-guard:allow github-pat made up\n"},
    "gitleaks:allow on the line before": {"a.py": f"# gitleaks:allow\nT = '{ONE}'\n"},
    "a pragma for this line on the line before": {"a.py": f"# pragma: allowlist secret\nT = '{ONE}'\n"},
    "the next line's pragma on this line": {"a.py": f"\nT = '{ONE}'  # pragma: allowlist nextline secret\n"},
}


def one_of_each_kind() -> list[Any]:
    """Return the names of `FILES`; of a kind that was there before, marked `slow`."""
    first = {kind: name for name, (_, kind) in reversed(FILES.items())}.values()
    return [pytest.param(name, marks=[] if name in first else [pytest.mark.slow]) for name in FILES]


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.create(tmp_path / "repo")


@pytest.fixture
def folder(tmp_path: Path) -> Repo:
    """Give a folder without git, which suppresses by the same files."""
    return Repo(tmp_path)


def scanned(repo: Repo, **wishes: object) -> SecretScan:
    request = ScanRequest(root=repo.path, tree=True, work_tree=True, review=Review(today=TODAY))
    return scan(dataclasses.replace(request, **wishes))  # type: ignore[arg-type]


def changed(repo: Repo, base: str) -> SecretScan:
    """Scan as in a change from a target to what is checked out."""
    head = repo.git("rev-parse", "HEAD")
    review = Review(judged=head, trusted=base, today=TODAY)
    return scanned(repo, commit=head, range=(base, head), review=review)


def scanned_folder(folder: Repo) -> SecretScan:
    return scan(ScanRequest(root=folder.path, work_tree=True, review=Review(today=TODAY)))


def of_one(result: SecretScan) -> list[str | None]:
    return [finding.location.path for finding in result.findings]


@pytest.mark.parametrize("name", FILES)
def test_each_format_covers_what_it_names(folder: Repo, name: str) -> None:
    files, kind = FILES[name]
    folder.write({"a.py": PLAIN, **files})
    result = scanned_folder(folder)
    assert of_one(result) == []
    assert [one.kind for one in result.suppressed] == [kind]
    assert result.suppressed[0].finding.location.path == "a.py"
    assert result.suppressed[0].finding.location.line == 2
    assert not result.unreviewed


@pytest.mark.parametrize("name", FILES)
def test_no_format_covers_another_secret_of_another_file(folder: Repo, name: str) -> None:
    files, _ = FILES[name]
    folder.write({"a.py": PLAIN, "src/b.rb": f"x\n\n\n{OTHER}\n", **files})
    found = of_one(scanned_folder(folder))
    whole_rule = name in ("own rule", "gitleaks disabled rule")  # they say all of it, wherever it is
    assert found == ([] if whole_rule else ["src/b.rb"])


@pytest.mark.parametrize("name", NOT_COVERED)
def test_what_is_not_named_or_does_not_count_stays_a_finding(folder: Repo, name: str) -> None:
    folder.write({"a.py": PLAIN, **NOT_COVERED[name]})
    result = scanned_folder(folder)
    assert of_one(result) == ["a.py"]
    assert not result.suppressed


@pytest.mark.parametrize(
    "name",
    [name for name in NOT_COVERED if name.startswith(("no r", "a reason", "a comment of", "a comment that", "ended"))]
    + ["gitleaks: broken", "gitleaks: deep", "gitleaks: a missing condition", "gitleaksignore: no fingerprint"]
    + ["detect-secrets: real", "detect-secrets: no baseline", "detect-secrets: deep"]
    + ["gitleaks: a pattern that matches everything", "gitleaks: a stop word that is in everything"],
)
def test_what_does_not_count_says_so_and_never_says_the_secret(folder: Repo, name: str) -> None:
    folder.write({"a.py": PLAIN, **NOT_COVERED[name]})
    result = scanned_folder(folder)
    assert result.remarks
    assert ONE[4:] not in repr(result)


def test_a_comment_that_is_not_committed_yet_covers_what_the_last_commit_has(repo: Repo) -> None:
    commit = repo.commit({"a.py": PLAIN})
    repo.write({"a.py": f"T = '{ONE}'  # ci-guard:allow github-pat made up\n"})
    result = scanned(repo)
    assert not result.findings
    assert [(one.kind, one.place) for one in result.suppressed] == [(KINDS.COMMENT, "a.py:1")]
    judged = scanned(repo, commit=commit, review=Review(judged=commit, today=TODAY))
    assert of_one(judged) == ["a.py"], "where a commit is judged, what a step wrote beside it has no say"


def test_an_end_that_is_near_warns(repo: Repo) -> None:
    near, far = "{paths: [a.py], reason: x, until: 2026-12-09}", "{paths: [b.py], reason: y, until: 2026-12-10}"
    text = f"version: 1\nallow: [{near}, {far}]\n"
    repo.commit({"a.py": PLAIN, OWN: text})
    result = scanned(repo)
    assert of_one(result) == []
    assert result.remarks == ("The suppression at .ci-guard-secrets.yml:2 ends on 2026-12-09.",)


class TestChange:
    @pytest.mark.parametrize("name", one_of_each_kind())
    def test_one_that_the_target_has_counts(self, repo: Repo, name: str) -> None:
        base = repo.commit({"a.py": PLAIN, **FILES[name][0]})
        repo.commit({"c.py": "pass\n"})
        result = changed(repo, base)
        assert of_one(result) == []
        assert len(result.suppressed) == 1
        assert not result.unreviewed

    @pytest.mark.parametrize("name", one_of_each_kind())
    def test_one_that_the_change_adds_is_named_and_does_not_count(self, repo: Repo, name: str) -> None:
        base = repo.commit({"c.py": "pass\n"})
        repo.commit({"a.py": PLAIN, **FILES[name][0]})
        result = changed(repo, base)
        assert of_one(result) == ["a.py"]
        assert not result.suppressed
        assert [one.kind for one in result.unreviewed] == [FILES[name][1]]
        (said,) = [remark for remark in result.remarks if "Merge them in a reviewed change" in remark]
        assert result.unreviewed[0].place in said, "also where no policy asks for reviewed suppressions"

    @pytest.mark.parametrize("name", one_of_each_kind())
    def test_one_that_comes_before_its_secret_passes_and_then_counts_if_it_is_in_a_file(
        self, repo: Repo, name: str
    ) -> None:
        base = repo.commit({"c.py": "pass\n"})
        files: dict[str, str | bytes] = {path: text for path, text in FILES[name][0].items() if path != "a.py"}
        reviewed = repo.commit(files)
        result = changed(repo, base)
        assert (result.findings, result.suppressed, result.unreviewed) == ((), (), ())
        repo.commit({"a.py": PLAIN})
        assert of_one(changed(repo, reviewed)) == ([] if files else ["a.py"])

    def test_another_secret_under_an_old_comment_is_found(self, repo: Repo) -> None:
        base = repo.commit({"a.py": f"# ci-guard:allow github-pat made up\nT = '{ONE}'\n"})
        repo.commit({"a.py": f"# ci-guard:allow github-pat made up\nT = '{OTHER}'\n"})
        result = changed(repo, base)
        assert of_one(result) == ["a.py"]
        assert len(result.unreviewed) == 1

    def test_another_key_under_an_old_header_is_found(self, repo: Repo) -> None:
        text = "# ci-guard:allow private-key made up\n{}\n"
        base = repo.commit({"a.txt": text.format(private_key(seed=1))})
        assert of_one(changed(repo, base)) == []
        repo.commit({"a.txt": text.format(private_key(seed=2))})
        assert of_one(changed(repo, base)) == ["a.txt"]

    def test_a_line_that_moves_within_its_file_stays_covered(self, repo: Repo) -> None:
        line = f"T = '{ONE}'  # gitleaks:allow\n"
        base = repo.commit({"a.py": line})
        repo.commit({"a.py": "x = 1\n" * 40 + line})
        assert of_one(changed(repo, base)) == []

    def test_a_line_that_moves_into_another_file_is_found(self, repo: Repo) -> None:
        line = f"T = '{ONE}'  # gitleaks:allow\n"
        base = repo.commit({"a.py": line})
        repo.git("mv", "a.py", "b.py")
        repo.commit()
        result = changed(repo, base)
        assert of_one(result) == ["b.py"]
        assert len(result.unreviewed) == 1

    def test_a_suppression_that_the_change_takes_away_still_counts_there(self, repo: Repo) -> None:
        base = repo.commit({"a.py": PLAIN, ".gitleaksignore": "a.py:github-pat:2\n"})
        (repo.path / ".gitleaksignore").unlink()
        repo.commit()
        assert of_one(changed(repo, base)) == []

    def test_a_wider_entry_of_the_change_covers_nothing(self, repo: Repo) -> None:
        base = repo.commit({OWN: "version: 1\nallow: [{paths: ['docs/**'], reason: x}]\n"})
        repo.commit({OWN: "version: 1\nallow: [{paths: ['docs/**', a.py], reason: x}]\n", "a.py": PLAIN})
        result = changed(repo, base)
        assert of_one(result) == ["a.py"]
        head = repo.git("rev-parse", "HEAD")
        assert [one.place for one in result.unreviewed] == [f".ci-guard-secrets.yml at {head[:12]}:2"]

    def test_the_work_tree_of_a_job_has_no_say(self, repo: Repo) -> None:
        """An earlier step of the job can write there."""
        base = repo.commit({"c.py": "pass\n"})
        repo.commit({"a.py": PLAIN})
        repo.write({OWN: "version: 1\nallow: [{paths: [a.py], reason: x}]\n", ".gitleaksignore": "a.py:github-pat:2\n"})
        result = changed(repo, base)
        assert of_one(result) == ["a.py"]
        assert not result.unreviewed

    def test_a_target_that_is_not_known_suppresses_nothing(self, repo: Repo) -> None:
        head = repo.commit({"a.py": PLAIN, ".gitleaksignore": "a.py:github-pat:2\n"})
        review = Review(judged=head, counts=False, doubt="nobody knows", today=TODAY)
        result = scanned(repo, commit=head, review=review)
        assert of_one(result) == ["a.py"]
        assert (len(result.unreviewed), result.review_doubt) == (1, "nobody knows")
        assert result.remarks[-1].endswith(":1; nobody knows.")

    def test_a_gap_is_never_covered(self, repo: Repo) -> None:
        base = repo.commit({OWN: "version: 1\nallow: [{paths: ['**/*.zip', a.zip], reason: x}]\n"})
        repo.commit({"a.zip": b"PK\x03\x04" + b"x" * 40})
        result = changed(repo, base)
        assert not result.complete

    def test_a_rule_of_the_change_finds_at_once(self, repo: Repo) -> None:
        base = repo.commit({"a.txt": "acme_9f2c71e0b84d63a5\n"})
        assert of_one(changed(repo, base)) == []
        repo.commit({OWN: RULE})
        assert of_one(changed(repo, base)) == ["a.txt"]

    def test_a_rule_that_the_change_takes_away_finds_all_the_same(self, repo: Repo) -> None:
        base = repo.commit({OWN: RULE})
        (repo.path / OWN).unlink()
        repo.commit({"a.txt": "acme_9f2c71e0b84d63a5\n"})
        assert of_one(changed(repo, base)) == ["a.txt"]


RULE = "version: 1\nrules: [{id: acme, title: Acme token, severity: high, pattern: 'acme_[0-9a-f]{16}'}]\n"


class TestGitleaksIgnoreWithCommit:
    def test_covers_the_secret_that_the_commit_had_there_wherever_it_is_now(self, repo: Repo) -> None:
        then = repo.commit({"a.py": PLAIN})
        repo.commit({"a.py": "x = 1\n" * 5 + PLAIN, ".gitleaksignore": f"{then}:a.py:github-pat:2\n"})
        assert of_one(scanned(repo)) == []

    def test_covers_no_other_secret(self, repo: Repo) -> None:
        then = repo.commit({"a.py": PLAIN})
        repo.commit({"a.py": PLAIN.replace(ONE, OTHER), ".gitleaksignore": f"{then}:a.py:github-pat:2\n"})
        assert of_one(scanned(repo)) == ["a.py"]


class TestBaseline:
    def test_covers_what_was_found_and_nothing_new(self, repo: Repo) -> None:
        repo.commit({"a.py": PLAIN, ".env": "A_PASSWORD=hunter2hunter2\n"})
        before = scanned(repo)
        findings = [*before.findings, *before.key_files]
        assert len(findings) > 1
        text = baseline.render((one, one.location.path or "", "known", None) for one in findings)
        assert ONE[4:] not in text
        repo.commit({OWN_BASELINE: text})
        after = scanned(repo)
        assert (after.findings, after.key_files) == ((), ())
        assert {one.kind for one in after.suppressed} == {KINDS.BASELINE}
        repo.commit({"a.py": f"{PLAIN}B = '{OTHER}'\n"})
        assert [one.location.line for one in scanned(repo).findings] == [3]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "[]",
            '{"version": 2, "findings": []}',
            '{"version": 1, "findings": [1]}',
            '{"version": 1, "findings": [{"fingerprint": "x"}]}',
            '{"version": 1, "version": 1, "findings": []}',
            '{"version": 1, "findings": [{"fingerprint": "'
            + "0" * 64
            + '", "rule": "a", "path": "b", "reason": "c", "until": "2026-02-30"}]}',
            '{"version": 1, "findings": [{"fingerprint": "'
            + "0" * 64
            + '", "rule": "a", "path": "b", "reason": " "}]}',
            "[" * 100_000,
            "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
            '{"version": NaN, "findings": []}',
        ],
    )
    def test_what_is_no_baseline_is_an_error(self, repo: Repo, text: str) -> None:
        repo.commit({OWN_BASELINE: text})
        with pytest.raises(PolicyError, match=OWN_BASELINE.replace(".", "[.]")):
            scanned(repo)


class TestHostileFiles:
    @pytest.mark.parametrize("name", MODULES)
    @pytest.mark.parametrize("kind", ["link", "folder", "pipe", "submodule"])
    def test_what_is_no_plain_file_is_refused_or_told(self, repo: Repo, name: str, kind: str) -> None:
        repo.commit({"a.py": PLAIN, "real": FILES["gitleaks ignore"][0][".gitleaksignore"]})
        place = repo.path / name
        if kind == "link":
            place.symlink_to("real")
        elif kind == "folder":
            place.mkdir()
        elif kind == "pipe":
            os.mkfifo(place)
        else:
            Repo.create(place).commit({"x": "y"})
        if name in OURS:
            with pytest.raises(PolicyError, match="must be a plain file"):
                scanned(repo)
        else:
            result = scanned(repo)
            assert of_one(result) == ["a.py"]
            assert any(name in remark and "must be a plain file" in remark for remark in result.remarks)

    @pytest.mark.parametrize("name", MODULES)
    def test_a_link_or_a_submodule_in_a_commit_is_no_file_either(self, repo: Repo, name: str) -> None:
        base = repo.commit({"real": "a.py:github-pat:2\n"})
        (repo.path / name).symlink_to("real")
        repo.commit({"a.py": PLAIN})
        if name in OURS:
            with pytest.raises(PolicyError, match="symlink"):
                changed(repo, base)
        else:
            assert any("symlink" in remark for remark in changed(repo, base).remarks)

    @pytest.mark.parametrize("name", MODULES)
    @settings(max_examples=examples(8), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(
        content=st.one_of(st.binary(max_size=200), st.text(alphabet='[]{}":,= \na1*-.#', max_size=200).map(str.encode))
    )
    def test_any_content_is_refused_or_covers_nothing(self, tmp_path: Path, name: str, content: bytes) -> None:
        (tmp_path / "a.py").write_text(PLAIN)
        (tmp_path / name).write_bytes(content)
        said = outcome(tmp_path)
        assert said == ["a.py"] or (name in said[0] and said[0].isprintable())


def outcome(root: Path) -> list[str]:
    """Return the files with findings, or the error."""
    try:
        return [str(path) for path in of_one(scan(ScanRequest(root=root, work_tree=True, review=Review(today=TODAY))))]
    except PolicyError as error:
        return [error.message + error.hint]


@settings(max_examples=examples(28), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(["a.py", "src/a.py", "src/deep/a.py", "b.txt"]),
    glob=st.sampled_from(["a.py", "*.py", "src/*", "src/**", "src/*.py", "**/a.py", "b.*"]),
)
def test_a_glob_hides_exactly_what_it_stands_for(
    tmp_path_factory: pytest.TempPathFactory, path: str, glob: str
) -> None:
    expected = {
        "a.py": {"a.py"},
        "*.py": {"a.py"},
        "src/*": {"src/a.py"},
        "src/**": {"src/a.py", "src/deep/a.py"},
        "src/*.py": {"src/a.py"},
        "**/a.py": {"src/a.py", "src/deep/a.py"},
        "b.*": {"b.txt"},
    }
    root = tmp_path_factory.mktemp("glob")
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(PLAIN)
    (root / OWN).write_text(f"version: 1\nallow: [{{paths: ['{glob}'], reason: x}}]\n")
    result = scan(ScanRequest(root=root, work_tree=True, review=Review(today=TODAY)))
    assert bool(result.suppressed) is (path in expected[glob])
    assert bool(result.findings) is not bool(result.suppressed)


@pytest.mark.parametrize(
    ("show"),
    [repr, str, lambda excerpt: f"{excerpt}", lambda excerpt: repr([excerpt])],
    ids=["repr", "str", "f", "list"],
)
def test_nothing_shows_what_an_excerpt_holds(show: Callable[[Excerpt], str]) -> None:
    assert ONE[4:12] not in show(Excerpt(ONE.encode(), 0, len(ONE)))
