"""A policy whose signature is asked for counts with that signature alone; everything else ends the run with why."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from ci_guard.entrypoints.layers import Layers, Vendored, floor_of
from ci_guard.errors import CiGuardError, PolicyError, PolicyUnreadable, UsageError
from ci_guard.evidence.interface import Forge, PolicyFile
from ci_guard.model.fact import Fact, Known, Source, unavailable
from ci_guard.model.layer_reference import LayerReference
from ci_guard.model.settings import Policy
from ci_guard.policy.text import PolicyText
from tests.fakes.ssh_keys import SshKey, make_key, needs_keygen

pytestmark = needs_keygen

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TEXT = "version: 1\ncontrols: {actor-permissions: {require: {actor: admin}}}\n"
NAMED = f"github:acme/security//ci-guard.yml@{COMMIT}"
BESIDE = f"github:acme/security//ci-guard.yml.sig@{COMMIT}"


class Shelf:
    """A forge that has these texts, by reference, and remembers what was asked for."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = texts
        self.asked: list[str] = []

    def organisation_policy(self, reference: LayerReference) -> Fact[str]:
        self.asked.append(reference.text)
        if reference.text in self.texts:
            return Known(value=self.texts[reference.text], source=Source.API)
        return unavailable("it does not exist")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SshKey:
    return make_key(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def signature(key: SshKey) -> str:
    return key.sign(TEXT)


def demand(key: SshKey, signer: str = "sec@acme.example", options: str = "") -> str:
    return f"{{ssh: {{signer: {signer}, allowed-signers: ['{key.line(options=options)}']}}}}"


def extending(key: SshKey, *, more: str = "", options: str = "", reference: str = NAMED) -> str:
    signature = demand(key, options=options)
    return f"version: 1\nextends: {{policy: '{reference}'{more}, signature: {signature}}}\n"


def judged_by(
    own: str, texts: Mapping[str, str], *, floor: str | None = None, asks: str | None = None, copies: object = None
) -> tuple[Policy, Shelf]:
    shelf = Shelf(texts)
    kept = cast("Mapping[str, str]", copies or {})

    def copy(path: str) -> Fact[PolicyFile | None]:
        file = PolicyFile(content=kept[path].encode(), place=path) if path in kept else None
        return Known(value=file, source=Source.GIT)

    layers = Layers(cast("Forge", shelf), floor, asks)
    return layers.policy(PolicyText(content=own.encode(), place="own.yml"), copy), shelf


def test_a_signed_policy_counts_and_its_signer_is_told(key: SshKey, signature: str) -> None:
    policy, shelf = judged_by(extending(key), {NAMED: TEXT, BESIDE: signature})
    assert policy.origins[0].signer.startswith("sec@acme.example (ED25519 key SHA256:")
    assert shelf.asked == [NAMED, BESIDE]


def test_a_signature_lies_beside_a_copy_too(key: SshKey, signature: str) -> None:
    more = f", sha256: {hashlib.sha256(TEXT.encode()).hexdigest()}, vendored: org/p.yml"
    policy, shelf = judged_by(extending(key, more=more), {}, copies={"org/p.yml": TEXT, "org/p.yml.sig": signature})
    assert policy.origins[0].signer
    assert shelf.asked == []


def test_the_signature_of_an_address_lies_behind_it(key: SshKey, signature: str) -> None:
    named = f"https://policies.example/p.yml#sha256={hashlib.sha256(TEXT.encode()).hexdigest()}"
    beside = "https://policies.example/p.yml.sig"
    policy, _ = judged_by(extending(key, reference=named), {named: TEXT, beside: signature})
    assert policy.origins[0].signer


def refused(kind: type[CiGuardError], own: str, texts: Mapping[str, str], **more: str) -> CiGuardError:
    with pytest.raises(kind) as caught:
        judged_by(own, texts, **more)
    return caught.value


def test_a_missing_signature_leaves_the_run_undecided_and_says_where_it_was_expected_and_how_to_sign(
    key: SshKey,
) -> None:
    error = refused(PolicyUnreadable, extending(key), {NAMED: TEXT})
    assert f"the signature of {NAMED} could not be read" in error.message
    assert f"expected it at {BESIDE}" in error.message
    assert "ssh-keygen -Y sign -n ci-guard-policy" in error.hint


def test_another_text_is_refused_with_what_was_seen_and_expected(key: SshKey, signature: str) -> None:
    error = refused(PolicyError, extending(key), {NAMED: TEXT.replace("admin", "read"), BESIDE: signature})
    assert error.message.startswith(f"own.yml:2:10: the signature of {NAMED} was refused; saw that ")
    assert "incorrect signature" in error.message
    assert "expected one by sec@acme.example" in error.message


def test_an_expired_signer_is_refused(key: SshKey, signature: str) -> None:
    own = extending(key, options='valid-before="20200101"')
    assert "key has expired" in refused(PolicyError, own, {NAMED: TEXT, BESIDE: signature}).message


def test_without_a_verifier_the_run_is_undecided(
    key: SshKey, signature: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    error = refused(PolicyUnreadable, extending(key), {NAMED: TEXT, BESIDE: signature})
    assert "there is no ssh-keygen on PATH" in error.message
    assert "OpenSSH" in error.hint


OWN = "version: 1\nextends: builtin:baseline\n"


def test_the_signature_of_the_floor_is_asked_for_beside_the_floor(key: SshKey, signature: str) -> None:
    policy, _ = judged_by(OWN, {NAMED: TEXT, BESIDE: signature}, floor=NAMED, asks=demand(key))
    assert (policy.origins[0].floor, bool(policy.origins[0].signer)) == (True, True)
    error = refused(PolicyUnreadable, OWN, {NAMED: TEXT}, floor=NAMED, asks=demand(key))
    assert error.message.startswith("--floor:1:1: the signature of")


def test_a_project_that_extends_the_floor_unsigned_takes_nothing_from_it(key: SshKey) -> None:
    own = f"version: 1\nextends: {NAMED}\n"
    refused(PolicyUnreadable, own, {NAMED: TEXT}, floor=NAMED, asks=demand(key))


def test_a_layer_asked_for_with_and_without_a_signature_needs_it(key: SshKey) -> None:
    middle = f"github:acme/security//team.yml@{COMMIT}"
    texts = {NAMED: TEXT, middle: extending(key)}
    refused(PolicyUnreadable, f"version: 1\nextends: {middle}\n", texts, floor=NAMED)


@pytest.mark.parametrize("asks", ["nonsense", "{}", "{pgp: {}}", "{ssh: {signer: a}}", "ssh: ["])
def test_a_signature_of_the_floor_that_says_nothing_is_refused(asks: str) -> None:
    assert "--floor-signature:1:" in refused(PolicyError, OWN, {NAMED: TEXT}, floor=NAMED, asks=asks).message


def test_a_signature_without_a_floor_is_refused(key: SshKey) -> None:
    refused(UsageError, OWN, {}, asks=demand(key))


def test_a_floor_with_credentials_is_refused_without_them() -> None:
    with pytest.raises(UsageError) as caught:
        floor_of("https://bot:hunter@policies.example/ci-guard.yml#sha256=0", None)
    assert "hunter" not in caught.value.message + caught.value.hint
    assert "policies.example" in caught.value.message


WEAK = "version: 1\ncontrols: {actor-permissions: {require: {actor: read}}}\n"


def of_repository(own: str) -> PolicyText:
    return PolicyText(content=own.encode(), place="own.yml")


def copies(**kept: str) -> Vendored:
    def read(path: str) -> Fact[PolicyFile | None]:
        text = kept.get(path)
        return Known(value=PolicyFile(content=text.encode(), place=path) if text else None, source=Source.GIT)

    return read


def actor(policy: Policy) -> str:
    return policy.controls["actor-permissions"].level("actor").word


def test_a_copy_that_one_commit_brings_stands_for_no_reference_of_anothers_policy() -> None:
    """
    The pushed commit's policy is read first, then the one from before the push, which names the organisation's by its
    commit alone: whoever pushes a weak copy with its own digest would have had both judged by it.
    """
    digest = hashlib.sha256(WEAK.encode()).hexdigest()
    pushed = f"version: 1\nextends: {{policy: '{NAMED}', sha256: {digest}, vendored: copy}}\n"
    layers = Layers(cast("Forge", Shelf({NAMED: TEXT})))
    assert actor(layers.policy(of_repository(pushed), copies(copy=WEAK))) == "read"
    assert actor(layers.policy(of_repository(f"version: 1\nextends: {NAMED}\n"), copies())) == "admin"


def test_a_signature_that_held_for_one_text_holds_for_no_copy_of_another(key: SshKey, signature: str) -> None:
    more = f", sha256: {hashlib.sha256(WEAK.encode()).hexdigest()}, vendored: copy"
    layers = Layers(cast("Forge", Shelf({NAMED: TEXT, BESIDE: signature})))
    assert layers.policy(of_repository(extending(key)), copies()).origins[0].signer
    forged = of_repository(extending(key, more=more))
    with pytest.raises(PolicyError, match="incorrect signature"):
        layers.policy(forged, copies(**{"copy": WEAK, "copy.sig": signature}))
