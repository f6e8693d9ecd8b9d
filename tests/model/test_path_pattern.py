"""Paths with wildcards, as GitLab reads them in `include: local`."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_guard.model.path_pattern import fits


@pytest.mark.parametrize(
    ("pattern", "path", "fitting"),
    [
        ("ci/*.yml", "ci/a.yml", True),
        ("ci/*.yml", "ci/deep/a.yml", False),
        ("ci/**.yml", "ci/a.yml", True),
        ("ci/**.yml", "ci/deep/a.yml", True),
        ("ci/**/*.yml", "ci/a.yml", False),
        ("ci/**/*.yml", "ci/deep/a.yml", True),
        ("ci/*.yml", "ci/.yml", True),
        ("ci/[ab].yml", "ci/a.yml", False),
        ("ci/*.yml", "other/ci/a.yml", False),
    ],
)
def test_one_star_stops_at_a_slash_and_two_do_not(pattern: str, path: str, *, fitting: bool) -> None:
    assert fits(pattern, path) is fitting


@given(st.text("ab/*", max_size=8), st.text("ab/", max_size=8))
def test_a_pattern_means_what_the_regular_expression_means_that_gitlab_makes_of_it(pattern: str, path: str) -> None:
    """Runs of three stars and more are the same as two."""
    collapsed = re.sub(r"\*{2,}", "**", pattern)
    expression = re.escape(collapsed).replace(r"\*\*", ".*?").replace(r"\*", "([^/])*?")
    assert fits(pattern, path) is (re.fullmatch(expression, path) is not None)


def test_no_pattern_takes_forever() -> None:
    assert not fits("*a" * 500 + "b", "a" * 4000)
