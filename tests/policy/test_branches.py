"""Entries of `branches`: what git accepts as a branch, and patterns."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_guard.policy.branches import objection
from tests.drawing import examples
from tests.policy.given import CASES

NAMES = (CASES / "branches.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("entry", NAMES)
def test_accepts_what_can_name_branches(entry: str) -> None:
    assert objection(entry) is None


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("", "a name"),
        ("-f", "does not begin with '-'"),
        ("--upload-pack=x", "does not begin with '-'"),
        ("refs/heads/main", "without refs/heads/"),
        ("/refs/heads/main", "without refs/heads/"),
        ("refs/tags/v1", "without refs/heads/"),
        ("a b", "without spaces"),
        ("a\tb", "without spaces"),
        ("main\n", "without spaces"),
        ("a\x00", "without spaces"),
        ("a\x9b", "without spaces"),
        ("a~1", "without ~"),
        ("a^", "without ~"),
        ("a:b", "without ~"),
        ("a\\b", "without ~"),
        ("a@{1}", "without ~"),
        ("@", "without ~"),
        ("release-?", "a pattern with * and **"),
        ("release-[0-9]", "a pattern with * and **"),
        ("release/***", "a pattern with * and **"),
        ("a..b", "without .., .lock"),
        (".a", "without .., .lock"),
        ("a/.b", "without .., .lock"),
        ("a.", "without .., .lock"),
        ("a.lock", "without .., .lock"),
        ("a.lock/b", "without .., .lock"),
        ("/a", "single slashes"),
        ("a/", "single slashes"),
        ("a//b", "single slashes"),
    ],
)
def test_says_what_is_wrong_with_an_entry(entry: str, expected: str) -> None:
    found = objection(entry)
    assert found is not None
    assert expected in found[0]
    assert found[1]


@settings(max_examples=examples(60), deadline=None)
@given(st.text(st.sampled_from(list("ab./~^:?[\\@{}- lock\t-")), min_size=1, max_size=8))
def test_refuses_what_git_refuses(entry: str) -> None:
    """Whatever may stand in the file and holds no pattern is a branch name that `git check-ref-format` accepts."""
    if objection(entry) is None:
        assert (
            subprocess.run(["git", "check-ref-format", "--branch", entry], capture_output=True, check=False).returncode
            == 0
        )
