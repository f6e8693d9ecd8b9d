"""Which branches an entry of the policy stands for, on GitHub."""

from __future__ import annotations

import pytest

from ci_guard.evidence.github.branches import MAXIMUM_MATCHES, get_branches
from ci_guard.model.fact import Cause, Known, Source, unavailable
from tests.evidence.github.asking import client_of, run_of
from tests.evidence.github.branch_words import FLAGS, flags, rules_on, said, selected
from tests.evidence.github.scene import known, unknown
from tests.fakes import faults
from tests.fakes.github import FakeGitHub
from tests.fakes.hub.repository import Repository


@pytest.fixture
def shop(github: FakeGitHub) -> Repository:
    return github.repository("acme/shop", private=True)


@pytest.mark.parametrize("name", ["release/1.0", "größe", "日本/語", "a#b", "100%", "a+b", "a&b=c"])
def test_any_name_is_asked_for_exactly(github: FakeGitHub, shop: Repository, name: str) -> None:
    """Line 21."""
    shop.branch(name)
    shop.ruleset(rules=["deletion"], include=["~ALL"])
    rules = rules_on(github, name)
    assert (said(rules.exists), flags(rules)["no-deletion"]) == (True, True)


def test_a_renamed_branch_is_not_the_one_that_the_policy_names(github: FakeGitHub, shop: Repository) -> None:
    """Line 21. The server answers with the new one, and anybody may create the old name again, without its rules."""
    shop.rename_branch("main", "trunk")
    shop.ruleset(rules=["deletion"])
    rules = rules_on(github)
    assert (said(rules.exists), flags(rules)) == (False, dict.fromkeys(FLAGS, False))
    assert rules.exists.detail == "GET branches/main (renamed to trunk)"


def test_another_case_is_another_branch(github: FakeGitHub, shop: Repository) -> None:
    shop.ruleset(rules=["deletion"])
    assert said(rules_on(github, "Main").exists) is False


def test_a_rule_for_a_name_without_a_branch_protects_nothing(github: FakeGitHub, shop: Repository) -> None:
    """Rules are answered for branches that do not exist yet."""
    shop.ruleset(rules=["deletion"], include=["~ALL"])
    rules = rules_on(github, "gone")
    assert (said(rules.exists), flags(rules)) == (False, dict.fromkeys(FLAGS, False))
    assert rules.exists.detail == "GET branches/gone"


def test_the_default_branch_is_the_servers_word(github: FakeGitHub, shop: Repository) -> None:
    """Line 21. The event file and the environment can name another."""
    shop.rename_branch("main", "trunk")
    client = client_of(github)
    run = run_of(github)
    object.__setattr__(run, "default_branch", Known(value="feature", source=Source.EVENT))
    (selection,) = known(get_branches(client, run, ("default",)))
    assert [rules.name for rules in known(selection.branches)] == ["trunk"]


@pytest.mark.usefixtures("shop")
def test_a_default_branch_that_the_server_named_already_is_not_asked_again(github: FakeGitHub) -> None:
    selected(github, "default")
    assert github.count("GET /repos/acme/shop") == 0


@pytest.mark.usefixtures("shop")
def test_an_unknown_default_branch_leaves_its_rules_unknown(github: FakeGitHub) -> None:
    run = run_of(github)
    object.__setattr__(run, "default_branch", unavailable("no event file"))
    github.fault("GET /repos/acme/shop", faults.primary_limit())
    (selection,) = known(get_branches(client_of(github), run, ("default",)))
    assert unknown(selection.branches).cause is Cause.UNAVAILABLE


def test_current_is_the_built_branch_and_nothing_else(github: FakeGitHub, shop: Repository) -> None:
    """Line 20 and 23. In a queue the target is built, not the synthetic ref; a tag and a change build no branch."""
    shop.branch("release/1")
    (built,) = selected(github, "current", branch="release/1")
    assert [rules.name for rules in known(built)] == ["release/1"]
    (tag,) = selected(github, "current", branch=None)
    assert known(tag) == ()


@pytest.mark.usefixtures("shop")
def test_an_unknown_current_branch_stays_unknown(github: FakeGitHub) -> None:
    run = run_of(github)
    object.__setattr__(run, "branch", unavailable("no ref"))
    (selection,) = known(get_branches(client_of(github), run, ("current",)))
    assert unknown(selection.branches).reason == "no ref"


def test_an_empty_repository_has_no_default_branch_yet(github: FakeGitHub) -> None:
    """Line 22."""
    github.repository("acme/shop", empty=True)
    default, pattern = selected(github, "default", "release/*")
    assert [said(rules.exists) for rules in known(default)] == [False]
    assert known(pattern) == ()


# Patterns


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", {"main", "release", "release-1"}),
        ("**", {"main", "release", "release-1", "release/1", "release/1/hot"}),
        ("release/*", {"release/1"}),
        ("release/**", {"release/1", "release/1/hot"}),
        ("release*", {"release", "release-1"}),
        ("release/1/h*t", {"release/1/hot"}),
        ("*/1", {"release/1"}),
        ("MAIN*", set()),
        ("none/*", set()),
    ],
)
def test_a_pattern_stands_for_the_branches_that_match_it_whole(
    github: FakeGitHub, shop: Repository, pattern: str, expected: set[str]
) -> None:
    """Line 6. A peer searches by substring and takes any hit."""
    for name in ("release", "release-1", "release/1/hot"):
        shop.branch(name)
    shop.branch("release/1")
    shop.tag("release/2")
    (branches,) = selected(github, pattern)
    assert {rules.name for rules in known(branches)} == expected
    assert not any(call.path.endswith("/") for call in github.calls())


@pytest.mark.usefixtures("shop")
def test_only_branches_are_branches(github: FakeGitHub) -> None:
    refs = [{"ref": "refs/headsup/main"}, {"ref": "refs/tags/main"}, {"ref": "refs/heads/main"}]
    github.fault("GET *matching-refs*", faults.status(200, "", body=refs))
    (branches,) = selected(github, "**")
    assert [rules.name for rules in known(branches)] == ["main"]


def test_a_pattern_reads_every_page_of_branches(github: FakeGitHub, shop: Repository) -> None:
    for number in range(230):
        shop.branch(f"a/{number}")
    shop.branch("z")
    (branches,) = selected(github, "*")
    assert {rules.name for rules in known(branches)} == {"main", "z"}


def test_a_pattern_that_stands_for_too_many_branches_is_unknown(github: FakeGitHub, shop: Repository) -> None:
    for number in range(MAXIMUM_MATCHES + 1):
        shop.branch(f"a/{number}")
    (branches,) = selected(github, "a/*")
    assert unknown(branches).cause is Cause.UNAVAILABLE
    assert github.count("GET *rules/branches*") == 0


@pytest.mark.usefixtures("shop")
def test_branches_that_cannot_be_listed_are_unknown(github: FakeGitHub) -> None:
    github.fault("GET *matching-refs*", faults.forbidden())
    (branches,) = selected(github, "release/*")
    assert unknown(branches).cause is Cause.INVISIBLE
