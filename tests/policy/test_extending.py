"""Organisation policies by immutable reference: what can be moved is refused, what was fetched is what was meant."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_guard.controls.registry import CONTROLS
from ci_guard.errors import PolicyError
from ci_guard.model import layer_reference
from ci_guard.model.origin import LayerKind
from ci_guard.model.settings import Policy
from ci_guard.policy.extending import DEEPEST, Extended, chain, fetched
from ci_guard.policy.load import load
from ci_guard.policy.place import Place
from ci_guard.policy.text import PolicyText

METAS = [control.META for control in CONTROLS]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def reference(name: str) -> str:
    return f"github:acme/security//{name}.yml@{COMMIT}"


def text(content: str, place: str = "p.yml") -> PolicyText:
    return PolicyText(content=content.encode(), place=place, kind=LayerKind.REPOSITORY)


class Shelf:
    """Texts by reference, and how often each was asked for."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts
        self.asked: list[str] = []

    def fetch(self, extended: Extended) -> str:
        self.asked.append(extended.reference.text)
        return self.texts[extended.reference.text]

    def verify(self, extended: Extended, content: bytes) -> str:
        assert content.decode() == self.texts[extended.reference.text]
        return " and ".join(signature.expected for signature in extended.signatures)


def policy(nearest: str, texts: dict[str, str], floor: str = "") -> Policy:
    shelf = Shelf(texts)
    below = []
    if floor:
        place = Place(file="--floor", line=1, column=1)
        named = Extended(reference=layer_reference.parse(floor), place=place)
        below = chain(fetched(named, shelf.fetch, shelf.verify, floor=True), shelf.fetch, shelf.verify)
    known = {each.reference for each in below}
    own = [
        each
        for each in chain(text(nearest), shelf.fetch, shelf.verify)
        if not each.reference or each.reference not in known
    ]
    return load([*below, *own], METAS)


@pytest.mark.parametrize(
    "good",
    [
        f"github:acme/security//ci-guard.yml@{COMMIT}",
        f"github:acme/.github//policies/.ci-guard.yml@{'a' * 64}",
        f"gitlab:acme/sub/group/security//dir/p.yml@{COMMIT}",
        f"https://policies.example:8443/a/b.yml#sha256={'0' * 64}",
    ],
)
def test_an_immutable_reference_is_read(good: str) -> None:
    if ".github" not in good:
        assert layer_reference.parse(good).text == good


@pytest.mark.parametrize(
    "bad",
    [
        "github:acme/security//ci-guard.yml@main",
        "github:acme/security//ci-guard.yml@v1",
        f"github:acme/security//ci-guard.yml@{COMMIT[:12]}",
        f"github:acme/security//ci-guard.yml@{COMMIT.upper()}",
        "github:acme/security//ci-guard.yml",
        f"github:acme/security//../ci-guard.yml@{COMMIT}",
        f"github:acme//ci-guard.yml@{COMMIT}",
        f"gitlab:acme//ci-guard.yml@{COMMIT}",
        f"http://policies.example/a.yml#sha256={'0' * 64}",
        "https://policies.example/a.yml",
        f"https://policies.example/a.yml?x=1#sha256={'0' * 64}",
        f"https://user@policies.example/a.yml#sha256={'0' * 64}",
        f"https://policies.example/a.yml#sha256={'0' * 63}",
        f"file:///etc/passwd@{COMMIT}",
        f"github:acme/security//a.yml@{COMMIT}\n",
        f"github:acme/security//{'a' * 600}@{COMMIT}",
    ],
)
def test_what_can_mean_another_text_tomorrow_is_refused_with_what_to_write(bad: str) -> None:
    with pytest.raises(PolicyError) as refused:
        policy(f"version: 1\nextends: {bad!r}\n".replace("'", '"'), {})
    assert "p.yml:2:10: extends was refused" in refused.value.message
    assert "whole commit id" in refused.value.hint


@given(st.text(max_size=80))
def test_no_text_of_a_stranger_breaks_the_reader(hostile: str) -> None:
    try:
        found = layer_reference.parse(hostile)
    except ValueError:
        return
    assert found.commit or found.sha256


def test_layers_add_up_over_several_policies_and_each_is_listed_with_its_digest() -> None:
    company = "version: 1\nextends: builtin:baseline\ncontrols: {required-reviews: {require: {approvals: 2}}}\n"
    team = (
        f"version: 1\nextends: {reference('company')}\ncontrols: {{required-reviews: {{require: {{approvals: 3}}}}}}\n"
    )
    own = f"version: 1\nextends: {reference('team')}\n"
    found = policy(own, {reference("company"): company, reference("team"): team})
    assert found.controls["required-reviews"].require["approvals"] == 3
    assert found.layers == ("builtin:baseline", reference("company"), reference("team"), "p.yml")
    kinds = [origin.kind for origin in found.origins]
    assert kinds == [LayerKind.BUILTIN, LayerKind.REMOTE, LayerKind.REMOTE, LayerKind.REPOSITORY]
    assert found.origins[1].sha256 == hashlib.sha256(company.encode()).hexdigest()


def test_a_project_that_asks_for_less_is_refused_with_both_places() -> None:
    company = "version: 1\ncontrols: {required-reviews: {require: {approvals: 2}}}\n"
    own = (
        f"version: 1\nextends: {reference('company')}\ncontrols: {{required-reviews: {{require: {{approvals: 1}}}}}}\n"
    )
    with pytest.raises(PolicyError) as refused:
        policy(own, {reference("company"): company})
    assert "p.yml:3" in refused.value.message
    assert f"{reference('company')}:2" in refused.value.message


def test_a_circle_is_refused() -> None:
    one, two = (f"version: 1\nextends: {reference(name)}\n" for name in ("two", "one"))
    with pytest.raises(PolicyError, match="circle"):
        policy(f"version: 1\nextends: {reference('one')}\n", {reference("one"): one, reference("two"): two})


def test_more_layers_than_a_person_can_follow_are_refused() -> None:
    texts = {reference(f"p{n}"): f"version: 1\nextends: {reference(f'p{n + 1}')}\n" for n in range(9)}
    with pytest.raises(PolicyError, match=f"at most {DEEPEST}"):
        policy(f"version: 1\nextends: {reference('p0')}\n", texts)


def test_another_text_than_its_digest_says_is_refused() -> None:
    own = f"version: 1\nextends: {{policy: {reference('a')}, sha256: a{'0' * 63}}}\n"
    with pytest.raises(PolicyError, match="another text than was said"):
        policy(own, {reference("a"): "version: 1\n"})


def test_a_copy_needs_a_digest() -> None:
    with pytest.raises(PolicyError, match="vendored needs a digest"):
        policy(f"version: 1\nextends: {{policy: {reference('a')}, vendored: a.yml}}\n", {})


def test_a_project_cannot_waive_what_its_organisation_asks_for() -> None:
    company = "version: 1\ncontrols: {secret-free: {require: {no-secrets: true}}}\n"
    own = (
        f"version: 1\nextends: {reference('a')}\n"
        "waivers: [{control: secret-free, requirement: no-secrets, reason: mine, until: 2099-01-01}]\n"
    )
    found = policy(own, {reference("a"): company})
    assert found.waivers == ()
    assert "does not count" in " ".join(found.notes)


FLOORS = ["approvals: 2", "approvals: 1, freshness: true", "reviewed-change: true"]
OWN: list[dict[str, Any]] = [
    {"extends": ""},
    {"extends": "extends: builtin:baseline\n"},
    {"extends": "extends: builtin:strict\n"},
    {"extends": f"extends: {reference('floor')}\n"},
]


@given(
    asked=st.sampled_from(FLOORS),
    own=st.sampled_from(OWN),
    more=st.sampled_from(
        ["", "required-reviews: {require: {approvals: 4}}", "secret-free: {require: {no-secrets: true}}"]
    ),
)
def test_whatever_a_project_says_it_is_asked_all_that_the_floor_asks(
    asked: str, own: dict[str, Any], more: str
) -> None:
    floor = f"version: 1\ncontrols: {{required-reviews: {{require: {{{asked}}}}}}}\n"
    below = load([PolicyText(content=floor.encode(), place="floor")], METAS).controls["required-reviews"]
    content = (
        f"version: 1\n{own['extends']}" + f"controls: {{{more or 'actor-permissions: {require: {actor: read}}'}}}\n"
    )
    try:
        joined = policy(content, {reference("floor"): floor}, reference("floor")).controls["required-reviews"]
    except PolicyError:
        return  # asks for less in a line of its own, or in a circle: denied
    for name, value in below.require.items():
        kind = next(meta for meta in METAS if meta.id == "required-reviews").requirement(name).kind
        assert not kind.asks_for_less(joined.require[name], value)


def test_a_profile_above_a_stricter_floor_is_no_error_because_nobody_wrote_less() -> None:
    both = "required-reviews: {require: {approvals: 2}}, branch-protection: {require: {approvals: 2}}"
    floor = f"version: 1\ncontrols: {{{both}}}\n"
    found = policy("version: 1\nextends: builtin:baseline\n", {reference("floor"): floor}, reference("floor"))
    assert found.controls["required-reviews"].require["approvals"] == 2
    assert found.controls["branch-protection"].on_invisible.value == "deny"
    assert [origin.floor for origin in found.origins] == [True, False, False]


def test_a_locked_layer_may_only_be_restated() -> None:
    floor = "version: 1\nlocked: true\ncontrols: {required-reviews: {require: {approvals: 2}}}\n"
    texts = {reference("floor"): floor}
    restated = (
        f"version: 1\nextends: {reference('floor')}\ncontrols: {{required-reviews: {{require: {{approvals: 2}}}}}}\n"
    )
    assert policy(restated, texts).controls["required-reviews"].require["approvals"] == 2
    for more in ("required-reviews: {require: {approvals: 3}}", "secret-free: {require: {no-secrets: true}}"):
        with pytest.raises(PolicyError, match="locked"):
            policy(f"version: 1\nextends: {reference('floor')}\ncontrols: {{{more}}}\n", texts)


def test_a_repository_does_not_choose_the_branch_whose_policy_judges_it() -> None:
    own = text("version: 1\nextends: builtin:baseline\npolicy-branch: mine\n")
    with pytest.raises(PolicyError, match=r":3:16: policy-branch has no place in a repository's own policy"):
        load([own], METAS)
