"""Owned paths of which several owners have to approve, as sections of GitLab's CODEOWNERS ask."""

from __future__ import annotations

from typing import Any

import pytest

from ci_guard.controls import tally
from ci_guard.controls.required_reviews import owned_text, owner_approved
from ci_guard.model.fact import Fact, Known, Source, Unknown, invisible
from ci_guard.model.review import OwnedPath, Owner
from tests.controls import language

HIDDEN = invisible("the members of a group are not shown", needs="read_api")


def owner(name: str, *members: str) -> Owner:
    known: Fact[frozenset[int]] = Known(value=frozenset(map(language.identity, members)), source=Source.API)
    return Owner(name=name, members=known)


def answer(wanted: int, owners: tuple[Owner, ...], *reviews: Any) -> bool | list[Unknown]:
    settings = language.settings("required-reviews", {"require": {"code-owner-review": True, "authority": "write"}})
    change = language.change({"reviews": list(reviews)})
    assert isinstance(change.reviews, Known)
    path = OwnedPath(path="docs/a.md", owners=owners, wanted=wanted, section="Docs")
    return owner_approved(path, tally.count(change, change.reviews, settings))


@pytest.mark.parametrize(("wanted", "approved"), [(1, True), (2, True), (3, False)])
def test_as_many_owners_as_are_wanted_have_to_approve(wanted: int, approved: bool) -> None:
    owners = (owner("@acme/docs", "bob", "carol", "dave"),)
    assert answer(wanted, owners, "bob", "carol", "mallory") is approved


def test_one_person_who_owns_by_two_names_counts_once() -> None:
    assert answer(2, (owner("@bob", "bob"), owner("@acme/docs", "bob")), "bob") is False


def test_a_group_that_is_hidden_leaves_open_only_what_its_members_could_decide() -> None:
    owners = (owner("@bob", "bob"), Owner(name="@acme/docs", members=HIDDEN))
    assert answer(2, owners, "bob", "mallory") == [HIDDEN]
    assert answer(2, owners, "bob") is False
    assert answer(1, owners, "bob") is True


def test_an_approval_that_is_undecided_leaves_the_number_open() -> None:
    found = answer(2, (owner("@acme/docs", "bob", "carol"),), "bob", {"by": "carol", "access": "?invisible"})
    assert isinstance(found, list)
    assert len(found) == 1


def test_a_refusal_names_the_number_and_the_section() -> None:
    path = OwnedPath(path="docs/a.md", owners=(owner("@acme/docs"),), wanted=2, section="Docs")
    assert owned_text(path) == "docs/a.md by 2 of @acme/docs, section Docs"
