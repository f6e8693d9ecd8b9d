"""CODEOWNERS as GitLab reads it; each case is from its pages on the syntax."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_guard.evidence.gitlab.codeowners import owners_of, parse


def owners(text: str, path: str) -> dict[str, tuple[list[str], int]]:
    """Return by section who owns a path, and how many have to approve."""
    return {one.section: (list(one.owners), one.wanted) for one in owners_of(parse(text), path)}


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*", ".gitignore", True),
        ("*", "a/b/c", True),
        ("/README.md", "README.md", True),
        ("/README.md", "docs/README.md", False),
        ("README.md", "app/lib/README.md", True),
        ("internal/README.md", "docs/internal/README.md", True),
        ("/docs/", "docs/a/b.md", True),
        ("/docs/", "docs", False),
        ("docs/", "a/docs/b", True),
        ("docs", "docs", True),
        ("docs", "docs/a.md", False),
        ("/docs/*.md", "docs/a.md", True),
        ("/docs/*.md", "docs/a/b.md", False),
        ("/docs/index.*", "docs/index.html", True),
        ("/docs/*spec*", "docs/qa_specs.rb", True),
        ("/docs/*/README.md", "docs/api/README.md", True),
        ("/docs/*/README.md", "docs/api/x/README.md", False),
        ("/docs/**/index.md", "docs/index.md", True),
        ("/docs/**/index.md", "docs/api/graphql/index.md", True),
        ("**/*.rb", "config/database.rb", True),
        ("/docs/**", "docs/a/b", False),
        (r"path\ with\ spaces/*.md", "path with spaces/a.md", True),
        (r"\#file", "#file", True),
        ("file?.txt", "file1.txt", True),
        ("file[0-9].txt", "file5.txt", True),
        ("file[!0-9].txt", "file5.txt", False),
        ("*.RB", "a.rb", False),
    ],
)
def test_a_pattern_fits_as_on_gitlab(pattern: str, path: str, fits: bool) -> None:
    assert bool(owners(f"{pattern} @a\n", path)) is fits


def test_the_last_matching_line_of_each_section_owns() -> None:
    text = """\
* @admin

[README Owners]
README.md @user1 @user2
internal/README.md @user4

[README other owners]
README.md @user3
"""
    assert owners(text, "README.md") == {
        "": (["@admin"], 1),
        "README Owners": (["@user1", "@user2"], 1),
        "README other owners": (["@user3"], 1),
    }
    assert owners(text, "internal/README.md")["README Owners"] == (["@user4"], 1)


def test_a_section_has_default_owners_that_a_line_overrides() -> None:
    text = "[Database] @database-team @agarcia\nmodel/db/\nconfig/db/setup.md @docs-team\n"
    assert owners(text, "model/db/a")["Database"] == (["@database-team", "@agarcia"], 1)
    assert owners(text, "config/db/setup.md")["Database"] == (["@docs-team"], 1)


def test_an_optional_section_asks_nobody_unless_it_is_required_elsewhere() -> None:
    assert owners("^[Go]\n*.go @root\n", "a.go") == {}
    assert owners("^[Go]\n*.go @root\n[GO]\n*.mod @root\n", "a.go") == {"Go": (["@root"], 1)}


@pytest.mark.parametrize(("number", "wanted"), [("2", 2), ("0", 1), ("-3", 1), ("x", 1), ("", 1)])
def test_a_section_asks_for_a_number_of_approvals(number: str, wanted: int) -> None:
    assert owners(f"[Docs][{number}]\n*.md @writers\n", "a.md") == {"Docs": (["@writers"], wanted)}


def test_sections_of_one_name_are_one_whatever_the_case() -> None:
    text = "[Documentation]\ndocs/ @docs\n[Database][2]\nREADME.md @database\n[DOCUMENTATION]\nREADME.md @docs\n"
    assert owners(text, "README.md") == {"Documentation": (["@docs"], 1), "Database": (["@database"], 2)}


def test_what_is_excluded_is_not_asked_for_in_its_section() -> None:
    text = "* @default\n!*.rb\n/special/*.rb @ruby\n[Other]\n*.rb @other\n"
    assert owners(text, "special/a.rb") == {"Other": (["@other"], 1)}


def test_a_heading_that_cannot_be_read_is_a_line_of_the_section_before() -> None:
    text = "[Docs]\ndocs/**/* @group\n\n[Section name\ndocs/ @docs_group\n"
    assert owners(text, "docs/a")["Docs"] == (["@docs_group"], 1)


def test_malformed_owners_are_left_out_and_a_line_without_any_asks_nobody() -> None:
    assert owners("/path/* @group user_without_at @user_with_at\n", "path/a")[""] == (["@group", "@user_with_at"], 1)
    assert owners("/path/* nobody\n", "path/a") == {}


def test_roles_groups_and_addresses_own() -> None:
    found = owners("/config/ @@maintainer @acme/ops/night janedoe@gitlab.com\n", "config/a")
    assert found[""] == (["@@maintainer", "@acme/ops/night", "janedoe@gitlab.com"], 1)


@given(st.text(), st.text())
def test_no_file_is_too_strange(text: str, path: str) -> None:
    owners_of(parse(text), path)


def test_a_pattern_of_wildcards_does_not_explode() -> None:
    owners("/" + "**/" * 200 + "*a" * 200 + "b @x\n", "a/" * 200 + "a" * 2000)
