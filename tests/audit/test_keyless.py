"""Checkpoints signed by an ID token: sigstore-python against an instance on this machine, and what is refused."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci_guard.audit import branch, keyless, note, sinks
from ci_guard.audit.log import append
from ci_guard.audit.note import Checkpoint
from ci_guard.audit.record import record_of
from ci_guard.entrypoints import cli
from ci_guard.errors import AuditError
from ci_guard.evidence.rest.transport import Transport
from tests.audit import logs
from tests.audit.test_branch import bare  # noqa: F401 - a fixture
from tests.fakes.fulcio import Instance
from tests.fakes.hub.router import Answer

WHO = "https://github.com/acme/shop/.github/workflows/ci.yml@refs/heads/main"
POINT = Checkpoint(origin=logs.ORIGIN, size=1, root=b"r" * 32)


@pytest.fixture
def instance() -> Iterator[Instance]:
    pytest.importorskip("sigstore", reason="sigstore-python, an extra, is not installed")
    made = Instance(WHO)
    made.server.start()
    yield made
    made.server.stop()


@pytest.fixture
def config(instance: Instance, tmp_path: Path) -> str:
    file = tmp_path / "instance.json"
    file.write_text(instance.config())
    return str(file)


def runner_s(instance: Instance) -> dict[str, str]:
    """Return the variables by which a step asks GitHub's runner for a token."""
    url = f"{instance.server.origin}/token?api-version=2.0"
    return {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": instance.bearer}


def run(environ: dict[str, str], *words: str) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    return cli.run(list(words), environ, out, err), " ".join((out.getvalue() + err.getvalue()).split())


@pytest.fixture
def verify(instance: Instance, tmp_path: Path) -> list[str]:
    root = tmp_path / "root.json"
    root.write_text(instance.sigstore.trusted_root())
    return ["--identity", WHO, "--issuer", instance.issuer, "--trusted-root", str(root)]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder, in a job whose earlier step set a proxy."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "file.txt").write_text("nothing\n")
    monkeypatch.chdir(folder)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    return folder


@pytest.mark.parametrize("way", ["the runner's", "a variable's"])
def test_a_run_is_recorded_and_signed_by_its_id_token_and_verified_by_who_it_was(
    instance: Instance, config: str, verify: list[str], workspace: Path, way: str
) -> None:
    log = str(workspace.parent / f"{workspace.name}.jsonl")
    token = instance.token()
    environ = runner_s(instance) if way == "the runner's" else {"SIGSTORE_ID_TOKEN": token}
    code, told = run(environ, "check", "secret-free", "--audit-log", f"{log},sigstore={config}")
    assert code == 0, told
    assert "weak" not in told
    assert json.loads(Path(log).read_text())["record"]["recorded_in"][0]["signed_by"] == "sigstore"
    code, told = run({}, "audit", "verify", log, *verify)
    assert (code, f"is signed by {WHO}" in told) == (0, True), told
    assert token not in told + Path(log).read_text() + Path(f"{log}.checkpoint").read_text()
    code, told = run({}, "audit", "verify", log, "--identity", WHO + "x", *verify[2:])
    assert (code, "NOT INTACT" in told) == (1, True)
    code, told = run({}, "audit", "verify", log, *verify[:3], "https://issuer.example", *verify[4:])
    assert (code, "NOT INTACT" in told) == (1, True)
    assert run({}, "audit", "verify", log, *verify[:4])[0] == 1, "the public instance knows nothing of it"


def test_a_checkpoint_of_another_text_or_of_no_bundle_is_refused(instance: Instance, config: str) -> None:
    root = instance.sigstore.trusted_root()
    identity = keyless.Identity(identity=WHO, issuer=instance.issuer, trusted_root=root)
    signed = keyless.keyless(config, runner_s(instance), Transport()).sign(POINT)
    text = note.signed_text(signed)
    assert text == POINT.text()
    assert note.parse(signed) == POINT
    assert identity.refusal(text, signed) == ""
    other = Checkpoint(origin=logs.ORIGIN, size=2, root=b"r" * 32).text()
    assert identity.refusal(other, signed.replace(text, other))
    assert identity.refusal(text, text) == "there is no Sigstore bundle in it"
    both = note.signer(note.generate("audit.example.com")).sign(POINT) + signed.rpartition("\n\n")[2]
    assert identity.refusal(text, both) == "", "a note has signatures of several kinds"


def test_a_branch_carries_the_bundle_in_its_commits(
    instance: Instance,
    config: str,
    verify: list[str],
    bare: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    signer = keyless.keyless(config, runner_s(instance), Transport())
    address = f"git+{bare.as_uri()}#audit/log"
    sink = branch.branch(address, Transport(), token="", origin=logs.ORIGIN, signer=signer)
    assert sinks.deliver(sink, record_of(logs.result(1))) == sinks.Kept()
    out = str(tmp_path / "out.jsonl")
    assert run({}, "audit", "export", address, "--out", out)[0] == 0
    assert run({}, "audit", "verify", out, *verify)[0] == 0
    instance.trouble["signingCert"] = Answer(status=503, body={})
    (failure,) = sinks.deliver(sink, record_of(logs.result(2))).failures
    assert "Sigstore did not sign" in failure


TROUBLE = {
    "no certificate": ("signingCert", Answer(status=400, body={"message": "no"})),
    "no sense": ("signingCert", Answer(status=200, body=b"<html>")),
    "no entry": ("entries", Answer(status=500, body={"message": "no"})),
    "another entry": ("entries", Answer(status=201, body={"1": {}})),
}


@pytest.mark.parametrize(("name", "answer"), TROUBLE.values(), ids=TROUBLE.keys())
def test_what_is_not_signed_is_not_recorded_and_earlier_records_stay(
    instance: Instance, config: str, tmp_path: Path, name: str, answer: Answer
) -> None:
    log, token = tmp_path / "audit.jsonl", instance.token()
    signer = keyless.keyless(config, {"SIGSTORE_ID_TOKEN": token}, Transport())
    append(log, record_of(logs.result(1)), origin=logs.ORIGIN, signer=signer)
    before = log.read_bytes()
    instance.trouble[name] = answer
    with pytest.raises(AuditError, match="Sigstore did not sign") as caught:
        append(log, record_of(logs.result(2)), origin=logs.ORIGIN, signer=signer)
    assert token not in caught.value.message
    assert token.split(".")[1] not in caught.value.message
    assert log.read_bytes() == before
    instance.trouble.clear()
    append(log, record_of(logs.result(2)), origin=logs.ORIGIN, signer=signer)
    assert len(log.read_text().splitlines()) == 2


@pytest.mark.parametrize("claims", [{"aud": "another"}, {"exp": 1_700_000_000}, {"iss": "https://issuer.example"}])
def test_a_token_for_somebody_else_signs_nothing(instance: Instance, config: str, claims: dict[str, object]) -> None:
    signer = keyless.keyless(config, {"SIGSTORE_ID_TOKEN": instance.token(**claims)}, Transport())
    with pytest.raises(AuditError, match="Sigstore did not sign"):
        signer.sign(POINT)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "no ID token to sign by"),
        (
            {"ACTIONS_ID_TOKEN_REQUEST_URL": "http://runner.example/", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"},
            "not https",
        ),
        ({"ACTIONS_ID_TOKEN_REQUEST_URL": "https://", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"}, "not https"),
    ],
)
def test_without_a_token_there_is_nothing_to_sign_by(tmp_path: Path, environ: dict[str, str], words: str) -> None:
    (tmp_path / "config").write_text("{}")
    with pytest.raises(AuditError, match=words):
        keyless.keyless(str(tmp_path / "config"), environ, Transport())


def test_a_runner_that_gives_none_is_said(instance: Instance, config: str) -> None:
    environ = {**runner_s(instance), "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "wrong"}
    with pytest.raises(AuditError, match="gave no ID token: it answered 200"):
        keyless.keyless(config, environ, Transport())
    for answer in (Answer(status=403, body={}), Answer(body=b"[" * 9999), Answer(body={"value": 7})):
        instance.trouble["token"] = answer
        with pytest.raises(AuditError, match="gave no ID token"):
            keyless.keyless(config, runner_s(instance), Transport())


def noted(raw: bytes) -> str:
    return f"{POINT.text()}\n\u2014 {keyless.NAME} {base64.b64encode(raw).decode()}\n"


@pytest.mark.parametrize("raw", [b"1234{}", keyless.KEY_HASH + b"\xff\xfe", keyless.KEY_HASH[:3] + b"xxx"])
def test_a_line_that_holds_no_bundle_is_none(raw: bytes) -> None:
    assert keyless.bundle_of(noted(raw)) is None


def test_a_key_s_verifier_skips_the_bundle() -> None:
    verifier = note.verifier(note.signer(note.generate("audit.example.com")).verifier())
    assert verifier.refusal(POINT.text(), noted(keyless.KEY_HASH + b"{}")) == "no line of it holds"


def test_half_an_identity_and_a_webhook_are_refused(tmp_path: Path) -> None:
    for half in (("--identity", WHO), ("--issuer", "https://issuer.example"), ("--trusted-root", "file")):
        code, told = run({}, "audit", "verify", "log", *half)
        assert (code, "belong together" in told) == (2, True)
    code, told = run({}, "check", "--audit-log", "https://audit.example/,sigstore")
    assert (code, "Sigstore signs no webhook" in told) == (2, True)
    assert not list(tmp_path.iterdir())
