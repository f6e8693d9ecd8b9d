"""The baseline: a strict file, and waivers for nothing but what the layer of the file itself asks."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_guard.errors import PolicyError
from ci_guard.model.context import Context
from ci_guard.model.settings import Policy
from ci_guard.model.waiver import KnownFailure
from ci_guard.policy.baseline import SCHEMA, read_known, with_known, write_known
from tests.policy.given import METAS, policy_of, unhurried

ONE = {
    "control": "branch-protection",
    "requirement": "approvals",
    "subject": "main",
    "fingerprint": "a1" * 32,
    "since": "2028-02-29",
}
BASELINE = "baseline: {file: known.json, until: 2027-01-31}\n"


def refused(document: Any) -> str:
    with pytest.raises(PolicyError) as caught:
        read_known(document if isinstance(document, bytes) else json.dumps(document).encode(), "known.json", METAS)
    assert caught.value.message.isprintable()
    return caught.value.message


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({}, "known was refused; saw a map, expected a list"),
        ([{}], "a known failure has no control"),
        ([{**ONE, "reason": "x"}], "an unknown key in a known failure; saw 'reason'"),
        ([{**ONE, "control": "x\x1b[31m\n::error::x"}], "control was refused; saw 'x\\x1b[31m\\n::error::x'"),
        ([{**ONE, "requirement": "no-secrets"}], "requirement of branch-protection was refused"),
        ([{**ONE, "subject": ""}], "subject was refused"),
        ([{**ONE, "fingerprint": "A1" * 32}], "fingerprint was refused"),
        ([{**ONE, "fingerprint": 7}], "fingerprint was refused"),
        ([{**ONE, "since": "2027-02-29"}], "since was refused; saw '2027-02-29'"),
        ([ONE, ONE], "a known failure stands here twice"),
        ([ONE] * 1_000, "known.json:1:"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(known: Any, said: str) -> None:
    message = refused({"schema": SCHEMA, "known": known})
    assert said in message
    assert message.startswith("known.json:1:")


@pytest.mark.parametrize("document", [b"", b"[]", b"null", b'{"known": []}', b'{"schema": "x", "known": []}', b"\xff"])
def test_a_file_of_another_kind_is_refused(document: bytes) -> None:
    assert refused(document).startswith("known.json:1:")


def test_a_key_that_stands_twice_is_refused() -> None:
    text = f'{{"schema": "{SCHEMA}", "known": [], "known": []}}'
    assert "known" in refused(text.encode())


failures = st.builds(
    KnownFailure,
    control=st.just("branch-protection"),
    requirement=st.sampled_from(["approvals", "protected"]),
    subject=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5),
    fingerprint=st.binary(min_size=32, max_size=32).map(bytes.hex),
    since=st.dates(),
)


@unhurried
@given(st.lists(failures, max_size=5, unique=True))
def test_what_is_written_is_read_again_whatever_strangers_named(known: list[KnownFailure]) -> None:
    text = write_known(known)
    assert text.isascii()
    assert set(read_known(text.encode(), "known.json", METAS)) == set(known)
    assert write_known(reversed(known)) == text


def known_of(policy: Policy) -> tuple[frozenset[str], int]:
    assert policy.baseline
    return policy.baseline.covers, len(policy.baseline.known)


def content(*names: tuple[str, str]) -> bytes:
    known = [{**ONE, "control": control, "requirement": requirement} for control, requirement in names]
    return json.dumps({"schema": SCHEMA, "known": known}).encode()


@pytest.mark.parametrize("named_by", [0, 1])
def test_whoever_names_the_file_it_covers_only_what_the_nearest_layer_asks(named_by: int) -> None:
    layers = [
        "version: 1\ncontrols: {branch-protection: {require: {approvals: 1}}}\n",
        "version: 1\ncontrols: {branch-protection: {require: {approvals: 2, protected: true}}}\n",
    ]
    layers[named_by] += BASELINE
    policy = with_known(policy_of(*layers), content(("branch-protection", "approvals")), "known.json", METAS)
    assert known_of(policy) == (frozenset({"branch-protection/protected"}), 1)


def test_under_a_context_the_known_failures_stay_known() -> None:
    policy = policy_of(
        "version: 1\ncontrols: {branch-protection: {require: {approvals: 1}}}\n"
        "contexts:\n  - {name: x, when: {event: [push]}, controls: {branch-protection: {require: {protected: true}}}}\n"
        + BASELINE
    )
    policy = with_known(policy, content(("branch-protection", "approvals")), "known.json", METAS)
    assert policy.under
    contexts: tuple[Context, ...] = policy.contexts
    names = frozenset({"branch-protection/approvals", "branch-protection/protected"})
    assert known_of(policy.under(contexts)) == (names, 1)


def test_a_file_has_a_line_for_each_failure() -> None:
    known = KnownFailure(**{**ONE, "since": date(2028, 2, 29)})  # type: ignore[arg-type]
    assert write_known([known]).count("\n") == 6
    assert write_known([]) == f'{{\n  "schema": "{SCHEMA}",\n  "known": []\n}}\n'


def test_every_control_knows_the_file_that_says_what_is_known() -> None:
    """Whoever adds to it waives what denies: `policy-unchanged` has to name an edit of it."""
    policy = policy_of("version: 1\nextends: builtin:baseline\n" + BASELINE)
    assert {settings.files for settings in policy.controls.values()} == {("known.json",)}
