"""CODEOWNERS: every line of GitHub's own example file, its exceptions, and nothing that can be made slow."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_guard.evidence.github.codeowners import SIZE_LIMIT_BYTES, owners_of, parse

EXAMPLE = b"""\
# A comment, and the defaults for everything.
*       @global-owner1 @global-owner2

*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/*  docs@example.com
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octocat
/apps/ @octocat
/apps/github
"""
"""The cases of "About code owners", Example of a CODEOWNERS file."""


@pytest.mark.parametrize(
    ("path", "owners"),
    [
        ("README.md", "@global-owner1 @global-owner2"),
        ("deep/down/README.md", "@global-owner1 @global-owner2"),
        ("lib/index.js", "@js-owner"),
        ("main.go", "docs@example.com"),
        ("notes/a.txt", "@octo-org/octocats"),
        ("build/logs/today/a.bin", "@octocat"),
        ("build/logs", "@octocat"),
        ("deep/build/logs2/a.bin", "@global-owner1 @global-owner2"),
        ("docs/getting-started.md", "@doctocat"),
        ("web/docs/index.md", "@global-owner1 @global-owner2"),
        ("web/apps/index.md", "@octocat"),
        ("scripts/run.sh", "@doctocat @octocat"),
        ("scripts2/run.sh", "@global-owner1 @global-owner2"),
        ("a/b/logs/c", "@octocat"),
        ("apps/main.c", "@octocat"),
        ("apps/github/main.c", ""),
    ],
)
def test_reads_githubs_own_example(path: str, owners: str) -> None:
    assert " ".join(owners_of(parse(EXAMPLE), path)) == owners


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("docs/*", "docs/a.md", True),
        ("docs/*", "docs/build/a.md", False),
        ("docs/*", "web/docs/a.md", False),
        ("docs/**", "docs/build/a.md", True),
        ("docs/**", "docs", False),
        ("docs/", "web/docs/deep/a.md", True),
        ("docs/", "docs", False),
        ("/docs", "docs", True),
        ("/docs", "docs/a.md", True),
        ("docs", "web/docs/a.md", True),
        ("web/docs", "a/web/docs/b", False),
        ("a/**/z", "a/z", True),
        ("a/**/z", "a/b/c/z", True),
        ("a/**/z", "a/b/c/y", False),
        ("**/a/b", "x/y/a/b/c", True),
        ("**", "anything/at/all", True),
        ("/*", "top", True),
        ("/*", "deep/down", False),
        ("*", "deep/down", True),
        ("/", "top", False),
        ("//", "top", False),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("a*c", "abbbc", True),
        ("a*c", "ab/c", False),
        ("*.js", "foo.js/inside.ts", True),
        ("foo.*.js", "foo.bar.js", True),
        ("with\\ space.txt", "with space.txt", True),
        ("with\\ space/", "x/with space/y", True),
        ("a\\*b", "a*b", True),
        ("a\\*b", "axb", False),
        ("a.c", "abc", False),
        ("README.md", "readme.md", False),
        ("caf\u00e9/", "caf\u00e9/menu", True),
    ],
)
def test_a_pattern_matches_as_documented(pattern: str, path: str, matches: bool) -> None:
    assert bool(owners_of(parse(f"{pattern} @owner\n".encode()), path)) is matches


@pytest.mark.parametrize(
    "line",
    [
        "!*.js @b",
        "[ab].js @b",
        "\\#x.js @b",
        "***/x.js @b",
        "*.js not-an-owner",
        "*.js @b not-an-owner",
        "*.js# @b",
        "x.js @",
    ],
)
def test_skips_a_line_that_github_finds_invalid(line: str) -> None:
    """An invalid line neither owns nor frees a path: the line before it keeps counting."""
    assert owners_of(parse(f"* @a\n{line}\n".encode()), "x.js") == ("@a",)


def test_the_last_match_wins_and_an_empty_one_frees_the_path() -> None:
    rules = parse(b"* @a\n/x @b # kept\n/x/free\n/x/free/again @c")
    assert [owners_of(rules, path) for path in ("y", "x/1", "x/free/1", "x/free/again")] == [
        ("@a",),
        ("@b",),
        (),
        ("@c",),
    ]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# only\n# comments", b"\xef\xbb\xbf\n"])
def test_a_file_without_rules_owns_nothing(content: bytes) -> None:
    assert owners_of(parse(content), "a") == ()


def test_windows_line_ends_and_a_byte_order_mark_do_not_matter() -> None:
    assert owners_of(parse(b"\xef\xbb\xbf* @a\r\n*.js @b\r\n"), "x.js") == ("@b",)


def test_ignores_a_file_that_github_does_not_load() -> None:
    assert parse(b"* @a\n" + b"#" * SIZE_LIMIT_BYTES) == ()


def test_no_pattern_makes_matching_explode() -> None:
    rules = parse(b"a*a*a*a*a*a*a*a*a*b @a\n**/a/**/a/**/a/**/a/**/b @a\n")
    started = time.perf_counter()
    assert owners_of(rules, "a" * 4000) == owners_of(rules, "a/" * 2000 + "c") == ()
    assert time.perf_counter() - started < 2


@given(st.binary(max_size=200), st.text(min_size=1, max_size=40))
def test_never_fails_on_any_content(content: bytes, path: str) -> None:
    for owner in owners_of(parse(content), path):
        assert "@" in owner
