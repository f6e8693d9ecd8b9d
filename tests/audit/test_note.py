"""Checkpoints: the signed notes of C2SP, read by its own example and refused where anything is amiss."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_guard.audit import note
from ci_guard.audit.note import Checkpoint
from ci_guard.errors import AuditError

POINT = Checkpoint(origin="example.com/acme/app/ci-guard", size=7, root=bytes(range(32)))


def keys(name: str = "audit.example.com/acme") -> tuple[note.Signer, note.Verifier]:
    signer = note.signer(note.generate(name))
    return signer, note.verifier(signer.verifier())


def test_a_checkpoint_reads_back_and_its_signature_holds() -> None:
    signer, verifier = keys()
    text = signer.sign(POINT)
    assert note.parse(text) == POINT
    assert note.signed_text(text) == POINT.text()
    assert verifier.holds(note.signed_text(text), text)


def test_the_note_of_gos_package_is_understood() -> None:
    """Source: the example of golang.org/x/mod/sumdb/note."""
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    signed = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    signature = f"\u2014 PeterNeumann {signed}"
    verifier = note.verifier("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    assert verifier.holds(text, f"{text}\n{signature}\n")
    assert not verifier.holds(text.replace("answer", "Answer"), f"{text}\n{signature}\n")


def test_another_key_of_the_same_name_signs_nothing() -> None:
    signer, _ = keys()
    _, stranger = keys()
    text = signer.sign(POINT)
    assert not stranger.holds(note.signed_text(text), text)


@given(st.integers(0, 200), st.integers(1, 255))
def test_no_changed_byte_of_a_note_is_signed(place: int, change: int) -> None:
    raw = bytearray(SIGNED.encode())
    raw[place % len(raw)] ^= change
    text = raw.decode("utf-8", "replace")
    if text != SIGNED:
        assert not VERIFIER.holds(note.signed_text(text), text) or note.signed_text(text) == POINT.text()


SIGNER, VERIFIER = keys()
SIGNED = SIGNER.sign(POINT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "one line\n",
        "origin\n7\n",
        "origin\n-7\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "origin\n07\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "origin\n7\n" + base64.b64encode(bytes(31)).decode() + "\n",
        "origin\n7\nno base64\n",
        "ori\x1bgin\n7\n" + base64.b64encode(bytes(32)).decode() + "\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(AuditError, match="no checkpoint"):
        note.parse(text)


@pytest.mark.parametrize("line", ["", "PRIVATE+KEY+", "PRIVATE+KEY+name+zz+AA==", "PRIVATE+KEY+a+00000000+" + "A" * 44])
def test_a_bad_private_key_is_refused_and_never_quoted(line: str) -> None:
    with pytest.raises(AuditError) as refused:
        note.signer(line)
    assert "AAAA" not in refused.value.message + refused.value.hint


def test_a_private_key_that_was_changed_is_refused() -> None:
    line = note.generate("name")
    changed = line[:-3] + ("A" if line[-3] != "A" else "B") + line[-2:]
    with pytest.raises(AuditError, match="signing key"):
        note.signer(changed)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\nb"])
def test_a_name_that_no_key_can_have_is_refused(name: str) -> None:
    with pytest.raises(AuditError, match="name"):
        note.generate(name)
