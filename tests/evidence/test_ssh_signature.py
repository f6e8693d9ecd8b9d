"""SSH signatures by real keys: what OpenSSH accepts is accepted, all else is refused with the reason."""

from __future__ import annotations

import base64
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_guard.evidence.ssh_signature import verify
from ci_guard.model.fact import Fact, Known, Unknown
from ci_guard.model.signature import SshSignature, Verified
from tests.drawing import examples
from tests.fakes.ssh_keys import SshKey, make_key, needs_keygen

pytestmark = needs_keygen

TEXT = "version: 1\ncontrols: {actor-permissions: {require: {actor: admin}}}\n"
SIGNER = "sec@acme.example"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def key(folder: Path) -> SshKey:
    return make_key(folder, "own")


@pytest.fixture(scope="module")
def other(folder: Path) -> SshKey:
    return make_key(folder, "other", "ecdsa")


@pytest.fixture(scope="module")
def signature(key: SshKey) -> str:
    return key.sign(TEXT)


def verified(signature: str, *lines: str, text: str = TEXT) -> Fact[Verified]:
    return verify(text.encode(), signature, SshSignature(signer=SIGNER, allowed_signers=lines), Path("/nonexistent"))


def refusal(signature: str, *lines: str, text: str = TEXT) -> str:
    found = verified(signature, *lines, text=text)
    assert isinstance(found, Known), found
    assert found.value.refusal
    assert not found.value.signer
    return found.value.refusal


@pytest.mark.parametrize(
    ("principals", "options"),
    [
        (SIGNER, ""),
        ("*@acme.example", ""),
        (f"other@x,{SIGNER}", ""),
        (SIGNER, 'namespaces="ci-guard-policy"'),
        (SIGNER, 'namespaces="git,ci-guard-*"'),
        (SIGNER, 'valid-after="20200101",valid-before="20990101"'),
    ],
)
def test_a_signature_by_a_listed_key_holds_and_names_signer_and_key(
    key: SshKey, other: SshKey, signature: str, principals: str, options: str
) -> None:
    found = verified(signature, other.line("olivia@acme.example"), key.line(principals, options))
    assert isinstance(found, Known)
    assert found.value.refusal == ""
    assert found.value.signer.startswith(f"{SIGNER} (ED25519 key SHA256:")


def test_another_kind_of_key_holds_too(other: SshKey) -> None:
    found = verified(other.sign(TEXT), other.line())
    assert isinstance(found, Known)
    assert "ECDSA" in found.value.signer


@pytest.mark.parametrize(
    ("principals", "options", "reason"),
    [
        ("olivia@acme.example", "", "no line of allowed-signers has both this signer and the key that signed"),
        ("!sec@acme.example,*@acme.example", "", "no line of allowed-signers has both"),
        (SIGNER, 'valid-before="20200101"', "line 1 of allowed-signers: key has expired"),
        (SIGNER, 'valid-after="20990101"', "line 1 of allowed-signers: key is not yet valid"),
        (SIGNER, 'namespaces="git"', "line 1 of allowed-signers: key is not permitted for use in signature namespace"),
        (SIGNER, 'no-such-option="1"', "line 1 of allowed-signers: bad options"),
        (SIGNER, "cert-authority", "no line of allowed-signers has both"),
    ],
)
def test_a_sound_signature_that_the_lines_do_not_let_count_is_refused_with_key_and_reason(
    key: SshKey, signature: str, principals: str, options: str, reason: str
) -> None:
    said = refusal(signature, key.line(principals, options))
    assert said.startswith("it is a sound signature by ED25519 key SHA256:")
    assert reason in said


def test_the_key_of_somebody_else_is_refused(key: SshKey, other: SshKey) -> None:
    assert "no line of allowed-signers" in refusal(other.sign(TEXT), key.line(), other.line("olivia@acme.example"))


def test_what_was_signed_as_something_else_is_no_policy(key: SshKey) -> None:
    assert "namespace does not match" in refusal(key.sign(TEXT, namespace="git"), key.line())


def test_a_signature_over_another_text_is_refused(key: SshKey, signature: str) -> None:
    assert "incorrect signature" in refusal(signature, key.line(), text=TEXT.replace("admin", "read"))


def test_a_line_that_ssh_keygen_cannot_read_hides_no_other(key: SshKey, signature: str) -> None:
    found = verified(signature, "x@y ssh-ed25519 AAAAAAAAAAAAAAAAAAAAAAAA", key.line())
    assert isinstance(found, Known)
    assert found.value.signer


HOSTILE = {
    "empty": "",
    "garbage": "garbage\n",
    "markers alone": "-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n",
    "no base64": "-----BEGIN SSH SIGNATURE-----\n%%%%\n-----END SSH SIGNATURE-----\n",
    "cut short": "-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAQAAADMAAAAL\n-----END SSH SIGNATURE-----\n",
    "no end": "-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n",
    "lengths that lie": f"-----BEGIN SSH SIGNATURE-----\n{base64.b64encode(b'SSHSIG' + bytes([255] * 40)).decode()}\n"
    "-----END SSH SIGNATURE-----\n",
    "another armor": "-----BEGIN PGP SIGNATURE-----\nAAAA\n-----END PGP SIGNATURE-----\n",
    "much": "A" * 200_000,
    "odd characters": "\x00\x1b[31m::error::\u202e é\n",
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_signature_is_refused_in_printable_words(key: SshKey, hostile: str) -> None:
    assert refusal(hostile, key.line()).isprintable()


@settings(max_examples=examples(15), deadline=None)
@given(place=st.integers(min_value=0), mask=st.integers(min_value=1, max_value=255), in_text=st.booleans())
def test_one_changed_byte_of_text_or_signature_is_refused(
    key: SshKey, signature: str, place: int, mask: int, in_text: bool
) -> None:
    blob = base64.b64decode("".join(signature.splitlines()[1:-1]))
    demand = SshSignature(signer=SIGNER, allowed_signers=(key.line(),))

    def changed(whole: bytes) -> bytes:
        at = place % len(whole)
        return whole[:at] + bytes([whole[at] ^ mask]) + whole[at + 1 :]

    body = base64.b64encode(blob if in_text else changed(blob)).decode()
    armored = "\n".join(["-----BEGIN SSH SIGNATURE-----", *textwrap.wrap(body, 70), "-----END SSH SIGNATURE-----", ""])
    found = verify(changed(TEXT.encode()) if in_text else TEXT.encode(), armored, demand, Path("/nonexistent"))
    assert isinstance(found, Known)
    assert found.value.refusal


def test_the_same_bytes_in_armor_of_our_own_hold(key: SshKey, signature: str) -> None:
    """So that the property above changes a byte and nothing else."""
    body = base64.b64encode(base64.b64decode("".join(signature.splitlines()[1:-1]))).decode()
    armored = "\n".join(["-----BEGIN SSH SIGNATURE-----", *textwrap.wrap(body, 70), "-----END SSH SIGNATURE-----", ""])
    found = verified(armored, key.line())
    assert isinstance(found, Known)
    assert found.value.signer


STRANGE_KEYGENS = {
    "cannot verify signatures": "#!/bin/sh\necho 'unknown option -- Y' >&2\nexit 1\n",
    "could not verify its SSH signature": "#!/nonexistent\n",
}


@pytest.mark.parametrize("reason", STRANGE_KEYGENS)
def test_an_ssh_keygen_that_cannot_verify_leaves_it_unknown(
    signature: str, key: SshKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    program = tmp_path / "ssh-keygen"
    program.write_text(STRANGE_KEYGENS[reason], encoding="ascii")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = verified(signature, key.line())
    assert isinstance(found, Unknown)
    assert reason in found.reason


def test_an_ssh_keygen_of_the_workspace_is_never_run(
    signature: str, key: SshKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ssh-keygen"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/mark\necho 'Good'\n", encoding="ascii")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    demand = SshSignature(signer=SIGNER, allowed_signers=(key.line(),))
    found = verify(TEXT.encode(), signature, demand, tmp_path)
    assert isinstance(found, Unknown)
    assert "no ssh-keygen" in found.reason
    assert not (tmp_path / "mark").exists()


def test_an_ssh_keygen_of_the_checkout_is_never_run_from_a_folder_within_it(
    signature: str, key: SshKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change brings one; the command is started further below, and PATH leads to it."""
    programs, within = tmp_path / "bin", tmp_path / "services" / "shop"
    for folder in (programs, within, tmp_path / ".git"):
        folder.mkdir(parents=True)
    program = programs / "ssh-keygen"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/mark\n", encoding="ascii")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    demand = SshSignature(signer=SIGNER, allowed_signers=(key.line(),))
    found = verify(TEXT.encode(), signature, demand, within)
    assert isinstance(found, Unknown)
    assert not (tmp_path / "mark").exists()


def test_a_program_that_only_ends_well_has_not_verified_anything(
    signature: str, key: SshKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ssh-keygen"
    program.write_text("#!/bin/sh\nexit 0\n", encoding="ascii")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal(signature, key.line())
