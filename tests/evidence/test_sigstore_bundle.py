"""Sigstore bundles of a Sigstore that exists for this run, held against the real verifier: one way in, many out."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_guard.evidence.sigstore_bundle import verify
from ci_guard.model.fact import Known, Unknown
from ci_guard.model.signature import SigstoreSignature
from tests.drawing import examples
from tests.fakes.sigstore import FakeSigstore

TEXT = b"version: 1\ncontrols: {actor-permissions: {require: {actor: admin}}}\n"
WHO = "https://github.com/acme/security/.github/workflows/sign.yml@refs/heads/main"
ISSUER = "https://token.actions.githubusercontent.com"

Bundle = dict[str, Any]


@pytest.fixture(scope="module")
def sigstore() -> FakeSigstore:
    pytest.importorskip("sigstore", reason="sigstore-python, an extra, is not installed")
    return FakeSigstore()


@pytest.fixture(scope="module")
def demand(sigstore: FakeSigstore) -> SigstoreSignature:
    return SigstoreSignature(identity=WHO, issuer=ISSUER, trusted_root=sigstore.trusted_root())


@pytest.fixture(scope="module")
def bundle(sigstore: FakeSigstore) -> Bundle:
    return sigstore.sign(TEXT, WHO, ISSUER)


def refusal(demand: SigstoreSignature, bundle: Bundle | str, content: bytes = TEXT) -> str:
    found = verify(content, bundle if isinstance(bundle, str) else json.dumps(bundle), demand)
    assert isinstance(found, Known), found
    assert not found.value.signer
    assert found.value.refusal
    assert found.value.refusal.isprintable()
    return found.value.refusal


def test_a_bundle_by_whom_it_has_to_be_holds_and_names_identity_and_issuer(
    demand: SigstoreSignature, bundle: Bundle
) -> None:
    found = verify(TEXT, json.dumps(bundle), demand)
    assert isinstance(found, Known)
    assert (found.value.refusal, found.value.signer) == ("", f"{WHO} (Sigstore, by {ISSUER})")


def test_a_certificate_that_has_expired_since_holds_by_the_time_of_the_log(
    sigstore: FakeSigstore, demand: SigstoreSignature
) -> None:
    found = verify(TEXT, json.dumps(sigstore.sign(TEXT, WHO, ISSUER, logged_after=timedelta(minutes=9))), demand)
    assert isinstance(found, Known)
    assert found.value.signer


@pytest.mark.parametrize("after", [timedelta(minutes=11), timedelta(minutes=-1)], ids=["after", "before"])
def test_a_certificate_that_was_not_valid_when_the_log_took_the_entry_is_refused(
    sigstore: FakeSigstore, demand: SigstoreSignature, after: timedelta
) -> None:
    assert "certificate" in refusal(demand, sigstore.sign(TEXT, WHO, ISSUER, logged_after=after))


@pytest.mark.parametrize(
    ("identity", "issuer"),
    [
        (WHO.replace("main", "other"), ISSUER),
        (f"{WHO}x", ISSUER),
        ("security@acme.example", ISSUER),
        (WHO, "https://accounts.example"),
    ],
)
def test_another_identity_or_issuer_is_refused(
    sigstore: FakeSigstore, demand: SigstoreSignature, identity: str, issuer: str
) -> None:
    assert "match" in refusal(demand, sigstore.sign(TEXT, identity, issuer))


def test_another_text_is_refused(demand: SigstoreSignature, bundle: Bundle) -> None:
    assert "digest" in refusal(demand, bundle, TEXT.replace(b"admin", b"read"))


def test_a_bundle_of_another_sigstore_is_refused(demand: SigstoreSignature) -> None:
    assert "certificate" in refusal(demand, FakeSigstore().sign(TEXT, WHO, ISSUER))


def test_a_certificate_that_no_known_log_has_is_refused(sigstore: FakeSigstore, demand: SigstoreSignature) -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    assert "SCT" in refusal(demand, sigstore.sign(TEXT, WHO, ISSUER, certificate_log=stranger))


def test_an_entry_of_the_log_about_another_text_is_refused(sigstore: FakeSigstore, demand: SigstoreSignature) -> None:
    def about_another(entry: dict[str, Any]) -> dict[str, Any]:
        entry["spec"]["data"]["hash"]["value"] = "0" * 64
        return entry

    assert "inconsistent" in refusal(demand, sigstore.sign(TEXT, WHO, ISSUER, entry_of=about_another))


def entry(bundle: Bundle) -> dict[str, Any]:
    return dict(bundle["verificationMaterial"]["tlogEntries"][0])


def without(*path: str) -> Callable[[Bundle], None]:
    def change(bundle: Bundle) -> None:
        place: Any = bundle["verificationMaterial"]["tlogEntries"][0]
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]

    return change


def flipped(*path: str) -> Callable[[Bundle], None]:
    """Change a bit in a value that is written in base64."""

    def change(bundle: Bundle) -> None:
        place: Any = bundle["verificationMaterial"]["tlogEntries"][0]
        for key in path[:-1]:
            place = place[key]
        raw = base64.b64decode(place[path[-1]])
        place[path[-1]] = base64.b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode()

    return change


def no_entry(bundle: Bundle) -> None:
    bundle["verificationMaterial"]["tlogEntries"] = []


def other_checkpoint(bundle: Bundle) -> None:
    proof = bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
    proof["checkpoint"]["envelope"] = proof["checkpoint"]["envelope"].replace("\n2\n", "\n3\n")


def later(bundle: Bundle) -> None:
    made = bundle["verificationMaterial"]["tlogEntries"][0]
    made["integratedTime"] = str(int(made["integratedTime"]) + 1)


CHANGES: dict[str, Callable[[Bundle], None]] = {
    "no entry of the log": no_entry,
    "no inclusion proof": without("inclusionProof"),
    "no checkpoint": without("inclusionProof", "checkpoint"),
    "no promise and so no time": without("inclusionPromise"),
    "another root": flipped("inclusionProof", "rootHash"),
    "another promise": flipped("inclusionPromise", "signedEntryTimestamp"),
    "another body": flipped("canonicalizedBody"),
    "another log": flipped("logId", "keyId"),
    "a checkpoint that nobody signed": other_checkpoint,
    "another time than was promised": later,
    "no signature": lambda bundle: bundle.pop("messageSignature"),
    "another version": lambda bundle: bundle.update(mediaType="application/vnd.dev.sigstore.bundle.v9+json"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_lacks_a_part_or_has_another_is_refused(
    demand: SigstoreSignature, bundle: Bundle, change: Callable[[Bundle], object]
) -> None:
    changed = copy.deepcopy(bundle)
    change(changed)
    refusal(demand, changed)


@pytest.mark.parametrize(
    "hostile", ["", "[]", "null", "{}", '"' + "\u202e::error::" + '"', "[" * 5000, "garbage\n", '{"a":' * 900]
)
def test_what_is_no_bundle_is_refused_on_one_printable_line(demand: SigstoreSignature, hostile: str) -> None:
    refusal(demand, hostile)


@settings(max_examples=examples(25), deadline=None)
@given(place=st.integers(min_value=0), mask=st.integers(min_value=1, max_value=255), in_text=st.booleans())
def test_one_changed_byte_of_text_or_signature_is_refused(
    demand: SigstoreSignature, bundle: Bundle, place: int, mask: int, in_text: bool
) -> None:
    def changed(whole: bytes) -> bytes:
        at = place % len(whole)
        return whole[:at] + bytes([whole[at] ^ mask]) + whole[at + 1 :]

    spoilt = copy.deepcopy(bundle)
    if not in_text:
        signature = base64.b64decode(bundle["messageSignature"]["signature"])
        spoilt["messageSignature"]["signature"] = base64.b64encode(changed(signature)).decode()
    refusal(demand, spoilt, changed(TEXT) if in_text else TEXT)


@pytest.mark.parametrize("root", ["{}", '{"mediaType": "x"}', "{"])
def test_a_trusted_root_that_is_none_leaves_it_unknown(bundle: Bundle, root: str) -> None:
    found = verify(TEXT, json.dumps(bundle), SigstoreSignature(identity=WHO, issuer=ISSUER, trusted_root=root))
    assert isinstance(found, Unknown)
    assert "trusted root" in found.reason


def test_without_a_root_of_its_own_the_public_one_of_the_package_counts(bundle: Bundle) -> None:
    assert "certificate" in refusal(SigstoreSignature(identity=WHO, issuer=ISSUER), bundle)


def test_where_it_is_not_installed_it_is_unknown_and_says_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sigstore.models", None)
    found = verify(TEXT, "{}", SigstoreSignature(identity=WHO, issuer=ISSUER))
    assert isinstance(found, Unknown)
    assert found.needs is not None
    assert "ci-guard[sigstore]" in found.needs
