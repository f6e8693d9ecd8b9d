"""Names and patterns: what an entry stands for, and what a rule about tags surely holds."""

from __future__ import annotations

import fnmatch
import re
from itertools import product

import pytest

from ci_guard.model import refs
from ci_guard.model.fact import Cause, Fact, Known, Source, Unknown, invisible, unavailable
from ci_guard.model.run import Event, Platform, Run

LOST = unavailable("no answer")


def run(*, default: str | Unknown = "main", branch: str | Unknown | None = "topic") -> Run:
    def known(value: str | Unknown | None) -> Fact[str | None]:
        return value if isinstance(value, Unknown) else Known(value=value, source=Source.API)

    return Run(
        platform=Platform.GITHUB,
        event=Known(value=Event.PUSH, source=Source.API),
        ref=LOST,
        sha=LOST,
        branch=known(branch),
        tag=LOST,
        default_branch=default if isinstance(default, Unknown) else Known(value=default, source=Source.API),
        before=LOST,
        change=LOST,
        trusted=LOST,
    )


@pytest.mark.parametrize(
    ("entry", "name", "expected"),
    [
        ("default", "main", True),
        ("default", "default", False),
        ("current", "topic", True),
        ("current", "main", False),
        ("main", "main", True),
        ("main", "Main", False),
        ("main", "main-2", False),
        ("main", "old-main", False),
        ("release/*", "release/1", True),
        ("release/*", "release/", True),
        ("release/*", "release/1/rc", False),
        ("release/**", "release/1/rc", True),
        ("*", "a/b", False),
        ("**", "a/b", True),
        ("v1.2", "v1x2", False),
        ("f[ab]", "fa", False),
        ("f[ab]", "f[ab]", True),
        ("größe/*", "größe/ü", True),
        ("a*c", "a\nc", True),
    ],
)
def test_an_entry_stands_for_exactly_what_it_says(entry: str, name: str, expected: bool) -> None:
    assert refs.matches(entry, name, "main", "topic") is expected


def test_a_branch_that_there_is_not_is_never_meant() -> None:
    assert not refs.matches("default", "main", None, None)
    assert not refs.matches("current", "main", None, None)


def test_only_an_unknown_that_matters_makes_listing_unknown() -> None:
    assert refs.listed(["default", "dev"], "dev", run(default=LOST)) is True
    assert refs.listed(["default", "dev"], "main", run(default=LOST)) == LOST
    assert refs.listed(["current"], "main", run(branch=LOST)) == LOST
    assert refs.listed(["current"], "main", run(branch=None)) is False
    assert refs.listed(["dev"], "main", run(default=LOST, branch=LOST)) is False


def test_of_two_unknowns_the_unavailable_one_counts() -> None:
    doubt = refs.listed(["default", "current"], "main", run(default=invisible("hidden"), branch=LOST))
    assert isinstance(doubt, Unknown)
    assert doubt.cause is Cause.UNAVAILABLE


@pytest.mark.parametrize(
    ("include", "pattern", "expected"),
    [
        ("**", "v*", True),
        ("**", "**", True),
        ("v*", "v*", True),
        ("v*", "v1.*", True),
        ("v*", "v1", True),
        ("v1.*", "v*", False),
        ("*", "**", False),
        ("*", "a/b", False),
        ("v*", "v**", False),
        ("v**", "v*/x", True),
        ("*1", "v*", False),
        ("v[0-9]*", "v1", False),  # fnmatch would match it; what this language does not know never proves anything
    ],
)
def test_a_pattern_covers_another_only_where_that_is_certain(include: str, pattern: str, expected: bool) -> None:
    assert refs.covers(include, pattern) is expected


@pytest.mark.parametrize(
    ("exclude", "pattern", "expected"),
    [
        ("nightly-*", "v*", False),
        ("v9*", "v*", True),
        ("v9*", "v1*", False),
        ("*-rc", "v*", True),
        ("*-rc", "v*.0", False),
        ("v[0-9]", "v5", True),
        ("**/x", "x", True),
        ("a/**/b", "a/b", True),
        ("v1", "v1", True),
        ("v1", "w1", False),
    ],
)
def test_an_exclude_is_harmless_only_where_that_is_certain(exclude: str, pattern: str, expected: bool) -> None:
    assert refs.may_meet(exclude, pattern) is expected


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (["v*"], [], True),
        (["**"], ["nightly-*"], True),
        (["v*"], ["v1*"], True),
        (["v*"], ["v*"], False),
        (["v*"], ["v?*"], False),
        (["v1"], ["v[0-9]"], False),
        (["**"], ["**/*"], False),
        ([], [], False),
        (["v[0-9]"], [], False),
    ],
)
def test_a_rule_protects_something_only_where_a_name_shows_it(
    include: list[str], exclude: list[str], expected: bool
) -> None:
    assert refs.protects_something(include, exclude) is expected


def test_one_include_is_enough_to_protect_and_one_exclude_to_free() -> None:
    assert refs.protects(["w*", "v*"], ["nightly-*", "x*"], "v1")
    assert not refs.protects(["w*", "v*"], ["nightly-*", "v1"], "v1")
    assert not refs.protects(["w*", "x*"], [], "v1")


def texts(alphabet: str, longest: int) -> list[str]:
    return ["".join(signs) for length in range(longest + 1) for signs in product(alphabet, repeat=length)]


GLOBS = texts("a/*", 4)
MATCHED = {glob: {name for name in texts("ab/", 4) if refs.fits(glob, name)} for glob in GLOBS}


def test_what_is_covered_is_matched() -> None:
    """Over every pair of short patterns, so that no rule is taken for one that holds more than it does."""
    covered = [(one, other) for one, other in product(GLOBS, GLOBS) if refs.covers(one, other)]
    assert len(covered) > len(GLOBS)
    assert [pair for pair in covered if not MATCHED[pair[1]] <= MATCHED[pair[0]]] == []


def test_what_both_match_may_meet() -> None:
    apart = [(one, other) for one, other in product(GLOBS, GLOBS) if not refs.may_meet(one, other)]
    assert len(apart) > len(GLOBS)
    assert [pair for pair in apart if MATCHED[pair[0]] & MATCHED[pair[1]]] == []


def test_no_exclude_of_fnmatch_frees_a_name_that_is_taken_for_protected() -> None:
    """A ruleset's exclude is written in fnmatch, of which this language is a part."""
    for exclude in texts("ab?*[]", 4):
        freed = [name for name in texts("ab", 3) if re.match(fnmatch.translate(exclude), name)]
        for name in freed:
            assert not refs.protects([name], [exclude], name)
            assert not refs.protects_something([name], [exclude])
