"""The rules about tags: which rulesets keep them from being moved and deleted, and what stays hidden."""

from __future__ import annotations

from typing import Any

import pytest

from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.tags import get_tags
from ci_guard.model import refs
from ci_guard.model.branch import Enforced, TagRule, TagRules
from ci_guard.model.fact import Cause
from tests.evidence.github.asking import client_of, run_of
from tests.evidence.github.scene import known, unknown
from tests.fakes import faults
from tests.fakes.github import FakeGitHub, rule
from tests.fakes.hub.repository import Repository
from tests.fakes.hub.rules import matches

IMMUTABLE = ("deletion", rule("update"))


@pytest.fixture
def shop(github: FakeGitHub) -> Repository:
    return github.repository("acme/shop", private=True)


def tags_of(github: FakeGitHub, client: Client | None = None) -> TagRules:
    rules: TagRules = known(get_tags(client or client_of(github), run_of(github)))
    return rules


def enforced(github: FakeGitHub) -> Enforced[tuple[TagRule, ...]]:
    found: Enforced[tuple[TagRule, ...]] = known(tags_of(github).rules)
    return found


def protect(shop: Repository, *rules: Any, include: tuple[str, ...] = ("refs/tags/v*",), **settings: Any) -> None:
    shop.ruleset("tags", target="tag", rules=rules or IMMUTABLE, include=list(include), **settings)


def test_a_tag_ruleset_that_forbids_moving_and_deleting_protects(github: FakeGitHub, shop: Repository) -> None:
    """Line 18. Classic protection ignores tags, and moved tags were how an action was taken over."""
    protect(shop, exclude=["refs/tags/v0*"])
    found = enforced(github)
    assert found == Enforced(
        value=(TagRule(include=("v*",), exclude=("v0*",), source="tags (acme/shop)"),), hidden=None
    )


@pytest.mark.parametrize(
    "rules",
    [
        ("deletion",),
        (rule("update"),),
        ("creation",),
        ("required_signatures", "deletion"),
        ("deletion", "non_fast_forward"),
    ],
    ids=lambda rules: "+".join(getattr(one, "type", one) for one in rules),
)
def test_half_of_it_protects_nothing(github: FakeGitHub, shop: Repository, rules: tuple[Any, ...]) -> None:
    """A tag may be moved forward past a rule that blocks force pushes only."""
    protect(shop, *rules)
    assert enforced(github) == Enforced(value=())


def test_rulesets_over_the_same_tags_add_up(github: FakeGitHub, shop: Repository) -> None:
    shop.ruleset("one", target="tag", rules=["deletion"], include=["refs/tags/v*"])
    shop.ruleset("two", target="tag", rules=[rule("update")], include=["refs/tags/v*"], level="Organization")
    shop.ruleset(
        "three", target="tag", rules=[rule("update"), "deletion"], include=["refs/tags/*"], exclude=["refs/tags/x"]
    )
    assert enforced(github).value == (
        TagRule(include=("v*",), exclude=(), source="one (acme/shop) and two (acme)"),
        TagRule(include=("*",), exclude=("x",), source="three (acme/shop)"),
    )


@pytest.mark.parametrize("enforcement", ["evaluate", "disabled"])
def test_a_ruleset_that_is_not_active_protects_no_tag(github: FakeGitHub, shop: Repository, enforcement: str) -> None:
    protect(shop, enforcement=enforcement)
    assert enforced(github) == Enforced(value=())
    assert github.count("GET *rulesets/*") == 0


def test_a_server_that_lists_every_target_is_sorted_out(github: FakeGitHub, shop: Repository) -> None:
    shop.ruleset("branches", rules=IMMUTABLE, include=["~ALL"])
    protect(shop)
    listed = [{"id": r.id, "target": r.target, "enforcement": r.enforcement, "name": r.name} for r in shop.rulesets]
    github.fault("GET */rulesets", faults.status(200, "", body=listed))
    assert [found.include for found in enforced(github).value] == [("v*",)]
    assert github.count("GET *rulesets/*") == 1


TAGS = ("v1", "v1.0", "v1/x", "v", "release/1", "a/b/c", "rel", "xv1", "v**", "dir/v1")


@pytest.mark.parametrize(
    "include",
    [
        "~ALL",
        "refs/tags/*",
        "refs/tags/**",
        "refs/tags/**/*",
        "refs/tags/v*",
        "refs/tags/v**",
        "refs/tags/v**/*",
        "refs/tags/**/v*",
        "refs/tags/release/**/*",
        "refs/tags/release/**",
        "refs/tags/v?",
        "refs/tags/[v]1",
        "refs/tags/v1",
        "refs/**/*",
        "refs/heads/*",
        "v*",
        "**",
        "*",
    ],
)
def test_an_include_never_stands_for_more_tags_than_on_github(
    github: FakeGitHub, shop: Repository, include: str
) -> None:
    """Line 9. GitHub's patterns are fnmatch's: `*` and `**` stop at a slash, and `**/` may stand for no folder."""
    protect(shop, include=(include,))
    rules = enforced(github).value
    claimed = {tag for tag in TAGS for one in rules if any(refs.fits(pattern, tag) for pattern in one.include)}
    held = {tag for tag in TAGS if matches(include, f"refs/tags/{tag}", "main")}
    assert claimed <= held
    if include in ("~ALL", "refs/tags/*", "refs/tags/**/*", "refs/tags/v*", "refs/tags/v1", "refs/**/*"):
        assert claimed == held


def test_excludes_are_kept_in_githubs_language(github: FakeGitHub, shop: Repository) -> None:
    protect(shop, include=("~ALL",), exclude=["refs/tags/v[0-9]", "refs/tags/**/x", "refs/**"])
    (found,) = enforced(github).value
    assert (found.include, found.exclude) == (("**",), ("v[0-9]", "**/x", "**"))


def test_a_ruleset_that_cannot_be_read_makes_the_rest_a_part_of_the_truth(github: FakeGitHub, shop: Repository) -> None:
    protect(shop)
    other = shop.ruleset("other", target="tag", rules=IMMUTABLE, include=["~ALL"], level="Enterprise")
    github.fault(f"GET */rulesets/{other.id}", faults.not_found())
    found = enforced(github)
    assert [one.include for one in found.value] == [("v*",)]
    assert found.hidden is not None
    assert (found.hidden.cause, found.hidden.detail) == (
        Cause.INVISIBLE,
        f"GET rulesets/{other.id}?includes_parents=true",
    )


@pytest.mark.parametrize("key", ["conditions", "include", "rules", "type", "name"])
def test_a_ruleset_of_another_shape_is_unavailable(github: FakeGitHub, shop: Repository, key: str) -> None:
    protect(shop)
    github.fault("GET */rulesets/*", faults.without(key))
    found = enforced(github)
    assert found.value == ()
    assert found.hidden is not None
    assert found.hidden.cause is Cause.UNAVAILABLE


@pytest.mark.usefixtures("shop")
def test_a_list_that_cannot_be_read_is_unknown(github: FakeGitHub) -> None:
    github.fault("GET */rulesets", faults.forbidden(accepted="metadata=read"))
    rules = unknown(tags_of(github).rules)
    assert (rules.cause, rules.needs) == (Cause.INVISIBLE, "metadata: read")


def test_a_plan_without_rulesets_protects_no_tag(github: FakeGitHub, shop: Repository) -> None:
    shop.plan_limited = True
    assert enforced(github) == Enforced(value=())


@pytest.mark.usefixtures("shop")
def test_the_setting_is_the_rulesets_page(github: FakeGitHub) -> None:
    setting = tags_of(github).setting
    assert setting.url == f"{github.html_url}/acme/shop/settings/rules"
    assert "Restrict updates" in setting.name


def test_tags_cost_one_request_and_one_for_each_ruleset(github: FakeGitHub, shop: Repository) -> None:
    for number in range(3):
        shop.ruleset(f"r{number}", target="tag", rules=IMMUTABLE, include=[f"refs/tags/{number}*"])
    client = client_of(github)
    tags_of(github, client)
    assert client.requests == 4
    assert github.repeated() == {}
