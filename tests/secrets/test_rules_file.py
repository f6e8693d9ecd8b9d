"""Rules of the user's own: what they find, and what is refused when they are loaded, with the place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_guard.errors import PolicyError
from ci_guard.model.scan import SecretScan
from ci_guard.secrets import linear, rule
from ci_guard.secrets.regexes import check
from ci_guard.secrets.scan import ScanRequest, scan
from ci_guard.secrets.suppression_files import OWN, golang
from ci_guard.secrets.suppression_files.gitleaks_rules import SAME
from tests.drawing import examples
from tests.secrets.made_up import github_token

DIGITS = "9f2c71e0b84d63a5"
RULE = "{id: acme, title: Acme token, severity: high, pattern: 'acme_[0-9a-f]{16}'}"


def scanned(folder: Path, text: str = "", name: str = OWN, path: str = "a.txt", content: str = "") -> SecretScan:
    (folder / name).write_text(text, encoding="utf-8")
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(content or f"x = acme_{DIGITS}\n", encoding="utf-8")
    return scan(ScanRequest(root=folder, work_tree=True))


def found(result: SecretScan) -> list[tuple[str, str | None, int | None]]:
    return [(one.rule, one.location.path, one.location.column) for one in result.findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RULE, [("acme", "a.txt", 5)]),
        (RULE.replace("acme_[0-9a-f]{16}", "acme_(?P<secret>[0-9a-f]{16})"), [("acme", "a.txt", 10)]),
        (RULE.replace("acme_[", "(?i)ACME_["), [("acme", "a.txt", 5)]),
        (RULE.replace("acme_[", "[a-z]cme_[") + "", [("acme", "a.txt", 5)]),
        (RULE.replace("acme_[", "[0-9a-z]{4}_[").replace("}'}", "}', keywords: [acme_]}"), [("acme", "a.txt", 5)]),
        (RULE.replace("}'}", "}', entropy: 5}"), []),
        (RULE.replace("}'}", "}', paths: ['*.txt']}"), [("acme", "a.txt", 5)]),
        (RULE.replace("}'}", "}', paths: ['b/**']}"), []),
        (RULE.replace("}'}", "}', path-pattern: '[.]txt$'}"), [("acme", "a.txt", 5)]),
    ],
)
def test_a_rule_finds_what_it_says(tmp_path: Path, text: str, expected: list[tuple[str, str, int]]) -> None:
    assert found(scanned(tmp_path, f"version: 1\nrules: [{text}]\n")) == expected


@pytest.mark.parametrize("limit", ["paths: ['nowhere/**']", "entropy: 2"])
def test_a_rule_of_the_users_own_takes_no_other_rules_place(tmp_path: Path, limit: str) -> None:
    """A change could bring one that begins ahead of its secret, is longer, and holds for no path or is allowed."""
    rule_of_own = f"{{id: acme, title: Acme, severity: low, pattern: 'acme_is ghp_[0-9A-Za-z]{{36}}', {limit}}}"
    allow = "allow: [{rules: [acme], reason: ours}]"
    result = scanned(tmp_path, f"version: 1\nrules: [{rule_of_own}]\n{allow}\n", content=f"acme_is {github_token()}\n")
    assert [one.rule for one in result.findings] == ["github-pat"]


def test_a_rule_tells_its_title_severity_and_remedy(tmp_path: Path) -> None:
    text = RULE.replace("}'}", "}', remedy: Ask the desk., documentation: 'https://acme.example/t'}")
    (one,) = scanned(tmp_path, f"version: 1\nrules: [{text}]\n").findings
    assert (one.title, one.severity.value, one.remedy_url) == ("Acme token", "high", "https://acme.example/t")
    assert one.remedy.startswith("Ask the desk.")
    assert DIGITS not in repr(one)


@pytest.mark.parametrize(
    ("rules", "place", "said"),
    [
        ("{id: acme}", "2:9", "a rule has no title"),
        (RULE.replace("title", "titel"), "2:20", "unknown key in a rule; saw 'titel'"),
        (RULE.replace("high", "huge"), "2:49", "severity was refused; saw 'huge'"),
        (RULE.replace("id: acme", "id: github-pat"), "2:14", "a rule of ci-guard"),
        (RULE.replace("id: acme", "id: '../x'"), "2:14", "id was refused"),
        (f"{RULE}, {RULE}", "2:91", "stands here twice"),
        (RULE.replace("acme_[0-9a-f]{16}", "(acme"), "2:64", "is not understood"),
        (RULE.replace("acme_[0-9a-f]{16}", "acme(a+)+"), "2:64", "repeats a repetition"),
        (RULE.replace("acme_[0-9a-f]{16}", "acme(a|a)*"), "2:64", ""),
        (RULE.replace("acme_[0-9a-f]{16}", "(a)acme\\1"), "2:64", "refers back"),
        (RULE.replace("acme_[0-9a-f]{16}", "acme(?=x)"), "2:64", "looks ahead"),
        (RULE.replace("acme_[0-9a-f]{16}", "acme.*x.*y.*z"), "2:64", "too many ways"),
        (RULE.replace("acme_[0-9a-f]{16}", "(?:acme)?"), "2:64", "no length"),
        (RULE.replace("acme_[0-9a-f]{16}", "[A-Za-z0-9]"), "2:64", "almost everything"),
        (RULE.replace("acme_[0-9a-f]{16}", "[A-Z]{20}"), "2:64", "a literal of at least 3 signs"),
        (RULE.replace("}'}", "}', keywords: [a]}"), "2:", "a keyword was refused"),
        (RULE.replace("}'}", "}', entropy: 9}"), "2:", "entropy was refused"),
        (RULE.replace("}'}", "}', documentation: 'http://x'}"), "2:", "documentation was refused"),
        (RULE.replace("}'}", "}', paths: ['**']}"), "2:", "almost everything"),
    ],
)
def test_what_cannot_be_accepted_is_refused_with_its_place(tmp_path: Path, rules: str, place: str, said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        scanned(tmp_path, f"version: 1\nrules: [{rules}]\n")
    assert caught.value.message.startswith(f"{OWN}:{place}")
    assert said in caught.value.message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("allow", "said"),
    [
        ("{reason: x}", "names nothing"),
        ("{paths: [a.py]}", "has no reason"),
        ("{paths: [a.py], reason: ' '}", "reason was refused"),
        ("{paths: ['**'], reason: x}", "almost everything"),
        ("{paths: [/a], reason: x}", "a path was refused"),
        ("{secrets: ['.*'], reason: x}", "a pattern of secrets was refused"),
        ("{secrets: ['(a)\\1'], reason: x}", "a pattern of secrets was refused"),
        ("{words: [e], reason: x}", "almost everything"),
        ("{rules: [github-pet], reason: x}", "saw 'github-pet'"),
        ("{commits: [abc], reason: x}", "a commit was refused"),
        ("{paths: [a], reason: x, until: 2026-02-30}", "until was refused"),
    ],
)
def test_an_entry_that_cannot_be_accepted_is_refused(tmp_path: Path, allow: str, said: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(said)) as caught:
        scanned(tmp_path, f"version: 1\nallow: [{allow}]\n")
    assert caught.value.message.startswith(f"{OWN}:2:")


def test_a_rule_of_gitleaks_file_finds_too(tmp_path: Path) -> None:
    text = (
        "[[rules]]\nid = 'acme'\ndescription = 'Acme'\nregex = '''(?i)acme_([[:xdigit:]]{16})\\b'''\nsecretGroup = 1\n"
    )
    assert found(scanned(tmp_path, text, ".gitleaks.toml")) == [("acme", "a.txt", 10)]


@pytest.mark.parametrize("pattern", [r"acme\pL", "acme(?U)x+", "(acme", "[a-z]{20}", "acme(?:a+)+", r"acme\x{2603}"])
def test_a_rule_of_gitleaks_that_cannot_be_kept_is_told_with_its_line(tmp_path: Path, pattern: str) -> None:
    result = scanned(tmp_path, f"title = 'x'\n[[rules]]\nid = 'acme'\nregex = '''{pattern}'''\n", ".gitleaks.toml")
    assert [remark for remark in result.remarks if remark.startswith(".gitleaks.toml:3: the rule 'acme' is not read")]


def test_ids_of_gitleaks_stand_for_rules_that_there_are() -> None:
    known = {one.id for one in rule.known()}
    assert {name for names in SAME.values() for name in names} <= known


@settings(max_examples=examples(200), deadline=None)
@given(
    pattern=st.lists(
        st.sampled_from(["a", "b", "[ab]", ".", "(", ")", "(?:", "|", "*", "+", "?", "{2,9}", "{1,40}", "x"]),
        min_size=1,
        max_size=12,
    ).map("".join)
)
def test_a_pattern_that_is_accepted_is_soon_done_with_any_text_and_means_what_it_means_to_the_other_engine(
    pattern: str,
) -> None:
    """One of those that are refused would not come back in years."""
    try:
        accepted = check(pattern)
        other = linear.compiled([pattern])
    except ValueError:
        return
    compiled = re.compile(accepted.text.encode())
    for text in (b"a" * 60 + b"!", b"ab" * 30 + b"!", b"b" * 60, b"aab" * 20 + b"!"):
        assert (compiled.search(text) is not None) is other(text)


@settings(max_examples=examples(300), deadline=None)
@given(pattern=st.text(alphabet="ab()[]|?*+{}1,:^$\\QEzxi.P<>-U&", min_size=1, max_size=24))
def test_any_pattern_of_go_is_translated_or_refused(pattern: str) -> None:
    try:
        translated = golang.to_python(pattern)
    except ValueError:
        return
    assert translated or pattern.replace(r"\Q", "").replace(r"\E", "") == ""  # a quotation of nothing
