"""Sending records: signed over the very bytes, again where that may help, once by id, and nothing lost."""

from __future__ import annotations

import base64
import errno
import io
import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ci_guard.audit import note, sinks, spool, webhook
from ci_guard.audit.canonical import canonical
from ci_guard.audit.record import record_of
from ci_guard.audit.spool import Spool
from ci_guard.audit.webhook import Webhook, envelope
from ci_guard.entrypoints import cli
from ci_guard.entrypoints.recording import recorded_in
from ci_guard.entrypoints.sink_options import Audit, AuditLog
from ci_guard.errors import AuditError, UsageError
from ci_guard.evidence.rest.transport import Transport
from tests.audit import logs
from tests.audit.receiver import LATE, Receiver, shared_secret
from tests.fakes.certificates import make_certificates
from tests.fakes.faults import Fault
from tests.fakes.hub.router import Answer
from tests.reporters.hostile import CORPUS

PATIENT = Transport(connect_seconds=20.0, read_seconds=20.0, total_seconds=30.0, wait_seconds=1.0)
"""All that waits here for an answer gets one."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    made.server.start()
    yield made
    made.server.stop()


def sink(receiver: Receiver, *, cloud: bool = False, key: str = "", transport: Transport = PATIENT) -> Webhook:
    address = f"{webhook.CLOUD if cloud else ''}{receiver.url}"
    return replace(webhook.webhook(address, key or receiver.secret, transport), backoff_seconds=0.001)


def record(number: int = 0, **run: Any) -> dict[str, Any]:
    return record_of(logs.result(number, **run))


def refused(status: int, **headers: str) -> Answer:
    return Answer(status=status, body={"message": "no"}, headers=headers)


def test_a_record_is_sent_as_canonical_json_and_signed_over_its_bytes(receiver: Receiver) -> None:
    sent = record(repository='acme/"<b>\u202e')
    assert sinks.deliver(sink(receiver), sent) == sinks.Kept()
    (call,) = receiver.calls
    assert (call.method, call.body) == ("POST", canonical(sent))
    assert call.headers["content-type"] == "application/json"
    assert call.headers["webhook-id"] == sent["id"]
    assert abs(int(call.headers["webhook-timestamp"]) - time.time()) < 300
    assert receiver.signed(call)
    assert not receiver.signed(call, body=call.body.replace(b"acme", b"evil"))
    assert not receiver.signed(call, **{"webhook-timestamp": "1"})


def test_a_private_key_signs_so_that_the_public_one_verifies(receiver: Receiver) -> None:
    line = note.generate("audit.example.com")
    sinks.deliver(sink(receiver, key=line), record())
    (call,) = receiver.calls
    version, _, signature = call.headers["webhook-signature"].partition(",")
    text = f"{call.headers['webhook-id']}.{call.headers['webhook-timestamp']}.".encode() + call.body
    assert version == "v1a"
    note.verifier(note.signer(line).verifier()).key.verify(base64.b64decode(signature), text)


def test_the_envelope_is_a_cloud_event(receiver: Receiver) -> None:
    sent = record(server_url="https://github.com", repository="acme/a b\n<x>")
    sinks.deliver(sink(receiver, cloud=True), sent)
    (call,) = receiver.calls
    event = json.loads(call.body)
    assert call.headers["content-type"] == "application/cloudevents+json"
    assert (event["specversion"], event["id"], event["time"]) == ("1.0", sent["id"], sent["time"])
    assert event["source"] == "https://github.com/acme/a%20b%0A%3Cx%3E"
    assert event["data"] == json.loads(canonical(sent))
    assert receiver.signed(call)


@pytest.mark.parametrize("text", CORPUS.values(), ids=CORPUS)
def test_a_stranger_s_text_is_data_in_the_body_and_in_no_header(receiver: Receiver, text: str) -> None:
    sent = record(repository=text, actor=text, environment=text)
    assert sinks.deliver(sink(receiver, cloud=True), sent).failures == ()
    (call,) = receiver.calls
    assert json.loads(call.body)["data"]["who"]["actor"] == json.loads(canonical(sent))["who"]["actor"]
    assert set(call.headers) == {
        *("host", "accept-encoding", "content-length", "content-type", "user-agent"),
        *("webhook-id", "webhook-timestamp", "webhook-signature"),
    }
    assert envelope(sent)["source"].isascii()


@pytest.mark.parametrize(
    "trouble",
    [
        refused(429),
        refused(429, **{"Retry-After": "0"}),
        refused(500),
        refused(503, **{"Retry-After": "0"}),
        Fault(name="reset", wire="reset"),
        Fault(name="torn", wire="truncate"),
    ],
    ids=lambda each: each.name if isinstance(each, Fault) else f"{each.status} {each.headers}",
)
def test_what_may_help_is_tried_again_and_taken_once(receiver: Receiver, trouble: Answer | Fault) -> None:
    receiver.answers = [trouble, trouble]
    sent = record()
    assert sinks.deliver(sink(receiver), sent) == sinks.Kept()
    assert len(receiver.calls) == 3
    assert {call.headers["webhook-id"] for call in receiver.calls} == {sent["id"]}
    assert receiver.taken == {sent["id"]: canonical(sent)}


def test_an_answer_that_is_late_is_not_waited_for_and_its_record_taken_once(receiver: Receiver) -> None:
    receiver.answers = [LATE, LATE]
    sent, impatient = record(), sink(receiver, transport=replace(PATIENT, read_seconds=0.1))
    # On a busy machine the answer to a prompt attempt can be late as well, and then there is another one.
    assert any(not sinks.deliver(impatient, sent).failures for _ in range(50))
    assert len(receiver.calls) >= 3
    assert {call.headers["webhook-id"] for call in receiver.calls} == {sent["id"]}
    assert receiver.taken == {sent["id"]: canonical(sent)}


@pytest.mark.parametrize("status", [300, 303, 400, 401, 403, 404, 409, 410, 413, 422])
def test_a_refusal_is_not_tried_again(receiver: Receiver, status: int) -> None:
    receiver.answers = [refused(status)]
    (failure,) = sinks.deliver(sink(receiver), record()).failures
    assert f"it answered {status}" in failure
    assert len(receiver.calls) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed_on_the_same_server_either(receiver: Receiver, status: int) -> None:
    receiver.answers = [refused(status, Location=f"{receiver.url}/elsewhere")]
    (failure,) = sinks.deliver(sink(receiver), record()).failures
    assert "not followed" in failure
    assert [call.path for call in receiver.calls] == ["/audit"]


def test_attempts_and_obeyed_pauses_are_bounded(receiver: Receiver) -> None:
    receiver.answers = [refused(503)] * 10
    (failure,) = sinks.deliver(sink(receiver), record()).failures
    assert "it answered 503 (4 attempts)" in failure
    assert len(receiver.calls) == webhook.ATTEMPTS
    receiver.answers = [refused(429, **{"Retry-After": "3600"})]
    assert sinks.deliver(sink(receiver), record()).failures
    assert len(receiver.calls) == webhook.ATTEMPTS + 1


def test_what_is_not_taken_waits_and_is_sent_first_by_the_next_run(receiver: Receiver, tmp_path: Path) -> None:
    waits = Spool(tmp_path, receiver.url)
    receiver.answers = [refused(503)] * webhook.ATTEMPTS
    (failure,) = sinks.deliver(sink(receiver), record(1), waits).failures
    assert "it waits in" in failure
    receiver.answers = [refused(403)]
    assert sinks.deliver(sink(receiver), record(2), waits).failures
    assert len(list(tmp_path.rglob("*.json"))) == 2
    assert receiver.calls.pop().headers["webhook-id"] == record(1)["id"], "nothing overtakes what waits"
    receiver.calls.clear()
    kept = sinks.deliver(sink(receiver), record(3), waits)
    assert kept == sinks.Kept(notes=("2 records that had waited were sent",))
    assert [call.headers["webhook-id"] for call in receiver.calls] == [record(number)["id"] for number in (1, 2, 3)]
    assert receiver.taken[record(1)["id"]] == canonical(record(1))
    assert list(tmp_path.rglob("*.json")) == []


def test_a_record_that_will_never_be_taken_blocks_no_other(receiver: Receiver, tmp_path: Path) -> None:
    waits = Spool(tmp_path, receiver.url)
    waits.put(record(1))
    receiver.answers = [refused(422)]
    kept = sinks.deliver(sink(receiver), record(2), waits)
    assert kept.failures == ()
    assert "refused a record that had waited (it answered 422)" in kept.notes[0]
    (aside,) = tmp_path.rglob("*.refused")
    assert aside.read_bytes().splitlines()[0] == canonical(record(1))


def test_the_spool_is_read_by_its_owner_alone(tmp_path: Path) -> None:
    file = Spool(tmp_path / "new", "a").put(record())
    assert file.stat().st_mode & 0o077 == file.parent.stat().st_mode & 0o077 == 0


def test_one_sink_s_records_go_to_no_other(receiver: Receiver, tmp_path: Path) -> None:
    Spool(tmp_path, "another.example").put(record(1))
    sinks.deliver(sink(receiver), record(2), Spool(tmp_path, "127.0.0.1"))
    assert list(receiver.taken) == [record(2)["id"]]


def test_what_waits_for_one_path_of_a_host_goes_to_no_other_path_of_it(receiver: Receiver, tmp_path: Path) -> None:
    logged = [AuditLog(path=f"{receiver.server.origin}/{path}") for path in "ab"]
    audit = Audit(logs=tuple(logged), spool=str(tmp_path))
    receiver.answers = [refused(403)]
    given = {"CI_GUARD_AUDIT_KEY": receiver.secret}
    told = [recorded_in(log, record(1), audit, given, origin="x") for log in logged]
    assert [len(each.failures) for each in told] == [1, 0]
    assert [call.path for call in receiver.calls] == ["/a", "/b"]
    assert len(list(tmp_path.rglob("*.json"))) == 1
    assert recorded_in(logged[0], record(2), audit, given, origin="x").failures == ()
    assert [call.path for call in receiver.calls[2:]] == ["/a", "/a"]


@pytest.mark.parametrize(
    "kind", ["text", "deep", "infinite", "other id", "other schema", "other key", "link", "folder", "pipe"]
)
def test_what_somebody_put_into_the_spool_is_not_sent(receiver: Receiver, tmp_path: Path, kind: str) -> None:
    waits = Spool(tmp_path, receiver.url, receiver.secret)
    file = waits.put(record(1))

    def sealed(body: str) -> None:
        file.write_text(f"{body}\n{waits._seal(body.encode())}\n")

    match kind:
        case "text":
            file.write_text("hello")
        case "deep":
            sealed("[" * 100_000)
        case "infinite":
            sealed(canonical(record(1)).decode().replace('"exit_code":0', '"exit_code":1e999'))
        case "other id":
            sealed(canonical({**record(1), "id": "0" * 32}).decode())
        case "other schema":
            sealed(canonical({**record(1), "schema": "x"}).decode())
        case "other key":
            Spool(tmp_path, receiver.url, "guessed").put({**record(1), "verdict": "allow"})
        case "link":
            file.rename(tmp_path / "real")
            file.symlink_to(tmp_path / "real")
        case "folder":
            file.unlink()
            file.mkdir()
        case _:
            file.unlink()
            os.mkfifo(file)
    kept = sinks.deliver(sink(receiver), record(2), waits)
    assert kept == sinks.Kept(
        notes=(f"{file.name} in the spool is no record that the key of now sealed, and was left",)
    )
    assert list(receiver.taken) == [record(2)["id"]]
    assert os.path.lexists(file)


@pytest.mark.parametrize("kind", ["writable", "link"])
def test_no_record_waits_in_a_folder_that_others_may_write(receiver: Receiver, tmp_path: Path, kind: str) -> None:
    folder = Spool(tmp_path, receiver.url).put(record(1)).parent
    if kind == "link":
        folder.rename(tmp_path / "theirs")
        folder.symlink_to(tmp_path / "theirs")
    else:
        folder.chmod(0o777)
    (failure,) = sinks.deliver(sink(receiver), record(2), Spool(tmp_path, receiver.url)).failures
    assert "is no folder that its owner alone may write" in failure
    assert receiver.calls == []


def test_files_that_are_no_records_keep_none_that_waits_from_being_sent(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "MOST", 2)
    waits = Spool(tmp_path, receiver.url)
    folder = waits.put(record(1)).parent
    for number in range(9):
        (folder / f"00000000T{number:09}Z-{'0' * 32}.json").write_text("")
    (note,) = {each for each in sinks.deliver(sink(receiver), record(2), waits).notes if "left" in each}
    assert note.startswith(f"00000000T000000000Z-{'0' * 32}.json and 8 more in the spool")
    assert list(receiver.taken) == [record(1)["id"], record(2)["id"]]


def test_a_full_disk_loses_no_earlier_record_and_is_said(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = Spool(tmp_path, receiver.url)
    file = waits.put(record(1))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    receiver.answers = [refused(403)]
    (failure,) = sinks.deliver(sink(receiver), record(2), waits).failures
    assert "could not be spooled: No space left on device" in failure
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert [each for _, each in waits.waiting([])] == [json.loads(canonical(record(1)))]


def test_a_server_is_trusted_by_the_named_authorities_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_certificates(tmp_path)
    secure = Receiver(tls=(made["good"], made["key"]))
    secure.server.start()
    try:
        trusted = replace(PATIENT, ca_bundle=made["bundle"])
        assert sinks.deliver(sink(secure, transport=trusted), record()).failures == ()
        monkeypatch.setenv("SSL_CERT_FILE", made["bundle"])
        (failure,) = sinks.deliver(sink(secure), record()).failures
    finally:
        secure.server.stop()
    assert "the certificate of 127.0.0.1" in failure
    assert "attempts" not in failure, "another attempt would not help"
    assert len(secure.calls) == 1


def test_a_bundle_without_certificates_makes_the_record_wait(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("none\n")
    bad = webhook.webhook("https://127.0.0.1:9/", shared_secret(), replace(PATIENT, ca_bundle=str(bundle)))
    (failure,) = sinks.deliver(bad, record(), Spool(tmp_path / "spool", "a")).failures
    assert "holds no certificates; it waits in" in failure


def test_an_environment_s_proxy_is_not_heard(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert sinks.deliver(sink(receiver), record()).failures == ()


def test_nobody_who_listens_is_a_failure_that_names_no_path() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/services/T0000/B0000"
    gone = replace(webhook.webhook(url, shared_secret(), PATIENT), backoff_seconds=0.001)
    (failure,) = sinks.deliver(gone, record()).failures
    assert "no connection to 127.0.0.1" in failure
    assert "(4 attempts)" in failure
    assert "T0000" not in failure


@pytest.mark.parametrize(
    "address",
    [
        "http://audit.example/x",
        "https://u:p@audit.example/",
        "https://audit.example/?key=1",
        "cloudevents+ftp://x/",
        "https://",
    ],
)
def test_an_address_that_others_could_read_or_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(UsageError):
        webhook.webhook(address, shared_secret(), PATIENT)


@pytest.mark.parametrize("key", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%", "hunter2hunter2hunter2hunter2"])
def test_a_key_that_cannot_be_used_is_refused_and_never_quoted(key: str) -> None:
    with pytest.raises(AuditError) as caught:
        webhook.signature_of(key)
    assert len(key) < 8 or key[6:] not in caught.value.message + caught.value.hint


def run_check(*arguments: str, environ: dict[str, str] | None = None) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    code = cli.run(["check", *arguments], environ or {}, out, err)
    return code, out.getvalue() + err.getvalue()


def test_check_sends_its_record_and_one_that_is_not_taken_stops_the_run(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.txt").write_text("nothing\n")
    key, waits = tmp_path.parent / f"{tmp_path.name}.key", tmp_path.parent / f"{tmp_path.name}.spool"
    key.write_text(receiver.secret + "\n")
    sent = ("--audit-log", f"{receiver.url},{key}", "--audit-spool", str(waits))
    assert run_check(*sent)[0] == 0
    assert receiver.signed(receiver.calls[0])
    receiver.answers = [refused(403)]
    code, told = run_check(*sent)
    assert code == 2
    assert "This run was not recorded" in told
    assert len(receiver.taken) == 1
    code, told = run_check(*sent)
    assert code == 0
    assert "1 record that had waited was sent" in told
    assert len(receiver.taken) == 3
    code, weak = run_check("--audit-log", receiver.url, environ={"CI_GUARD_AUDIT_KEY": receiver.secret})
    assert code == 0
    assert "whoever can run a step of this job can sign" in " ".join(weak.split())
    assert receiver.secret[6:] not in told + weak
    code, told = run_check("--audit-log", receiver.url)
    assert (code, "needs a key" in told) == (2, True)
    assert run_check("--audit-log", "https://audit.example/?token=x")[0] == 2
    assert run_check("--audit-spool", str(waits))[0] == 2


@pytest.mark.parametrize(
    ("said", "exit_code"), [("", 2), ("audit: {on-failure: deny}", 2), ("audit: {on-failure: warn}", 0)]
)
def test_the_policy_says_whether_a_run_without_its_record_goes_on(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, exit_code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yml").write_text(f"version: 1\nextends: builtin:baseline\n{said}\n")
    environ = {"CI_GUARD_AUDIT_KEY": receiver.secret}
    receiver.answers = [refused(403)]
    code, told = run_check("--policy", "policy.yml", "--audit-log", receiver.url, environ=environ)
    assert (code, "This run was not recorded" in told) == (exit_code, True)
    receiver.answers = [refused(403)]
    code, told = run_check("--policy", "policy.yml", "--audit-log", receiver.url, "no-such", environ=environ)
    assert (code, "This run was not recorded" in told) == (2, True)


def test_a_run_is_recorded_in_every_log_that_is_named(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.txt").write_text("nothing\n")
    log = tmp_path.parent / f"{tmp_path.name}.jsonl"
    environ = {"CI_GUARD_AUDIT_KEY": note.generate("audit.example.com")}
    receiver.answers = [refused(403)]
    assert run_check("--audit-log", receiver.url, "--audit-log", str(log), environ=environ)[0] == 2
    assert run_check("--audit-log", receiver.url, "--audit-log", str(log), environ=environ)[0] == 0
    assert len(log.read_text().splitlines()) == 2
    assert json.loads(log.read_text().splitlines()[1])["record"]["id"] in receiver.taken
