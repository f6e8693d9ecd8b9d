"""What the inputs of actions and templates say of a run's record: they name its places, and can only tighten."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci_guard.entrypoints import cli
from ci_guard.entrypoints.sink_options import AuditLog, audit_of
from ci_guard.model.auditing import OnFailure
from tests.audit.receiver import Receiver
from tests.fakes.hub.router import Answer

REFUSED = Answer(status=403, body={"message": "no"})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    made.server.start()
    yield made
    made.server.stop()


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "shop 1.0.tar.gz").write_text("built\n")
    monkeypatch.chdir(folder)
    return folder


def check(environ: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run `check` as actions do, outside of CI, where unknown facts deny nothing."""
    out, err = io.StringIO(), io.StringIO()
    given = {f"CI_GUARD_{name.upper().replace('-', '_')}": value for name, value in environ.items()}
    code = cli.run(["check", "--inputs", *arguments], given, out, err)
    return code, out.getvalue() + err.getvalue()


def test_a_run_is_recorded_in_every_place_with_its_artifacts_and_its_facts(
    receiver: Receiver, workspace: Path, tmp_path: Path
) -> None:
    log = tmp_path / "audit.jsonl"
    code, told = check(
        {
            "input-audit-log": f"cloudevents+{receiver.url}\n  {log}",
            "input-artifacts": "shop 1.0.tar.gz",
            "input-report-facts": "facts.json",
            "audit-key": receiver.secret,
        },
        "secret-free",
    )
    assert code == 0, told
    assert "signs webhooks, so the checkpoint is not signed" in told
    assert "\u2014" not in (tmp_path / "audit.jsonl.checkpoint").read_text(), "no signature"
    assert receiver.secret[6:] not in told
    (body,) = map(json.loads, receiver.taken.values())
    assert body["specversion"] == "1.0"
    (artifact,) = body["data"]["what"]["artifacts"]
    assert (artifact["name"], artifact["bytes"]) == ("shop 1.0.tar.gz", 6)
    assert json.loads((workspace / "facts.json").read_text())["schema"] == "ci-guard.facts/v1"
    assert check({"input-audit-log": f"{log} x.jsonl"}, "secret-free")[0] == 0
    assert len(log.read_text().splitlines()) == 2
    assert len((workspace / "x.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("policy", "on_failure", "exit_code"),
    [("deny", "", 2), ("warn", "", 0), ("warn", "deny", 2)],
)
def test_a_sink_that_refuses_does_as_the_policy_says_and_the_input_can_only_tighten(
    receiver: Receiver, workspace: Path, policy: str, on_failure: str, exit_code: int
) -> None:
    (workspace / "p.yml").write_text(f"version: 1\nextends: builtin:baseline\naudit: {{on-failure: {policy}}}\n")
    receiver.answers = [REFUSED]
    code, told = check(
        {
            "input-audit-log": receiver.url,
            "audit-key": receiver.secret,
            "input-audit-on-failure": on_failure,
        },
        "--policy",
        "p.yml",
    )
    assert (code, "it answered 403" in told) == (exit_code, True)


@pytest.mark.usefixtures("workspace")
def test_what_waits_in_the_spool_of_an_input_is_sent_by_the_next_run(receiver: Receiver, tmp_path: Path) -> None:
    given = {"input-audit-log": receiver.url, "audit-key": receiver.secret, "input-audit-spool": str(tmp_path / "s")}
    receiver.answers = [REFUSED]
    assert check(given, "secret-free")[0] == 2
    assert check(given, "secret-free")[0] == 0
    assert len(receiver.taken) == 2


BAD = {
    "a key in the address": ({"AUDIT_LOG": "https://u:p@audit.example/"}, "no http(s) address"),
    "a file above the workspace": ({"AUDIT_LOG": "../audit.jsonl"}, "folder of the workspace"),
    "a file behind a link": ({"AUDIT_LOG": "out/audit.jsonl"}, "folder of the workspace"),
    "a log that the checkout brought": ({"AUDIT_LOG": "theirs.jsonl"}, "the checkout may have brought it"),
    "a way to warn": ({"AUDIT_LOG": "a.jsonl", "AUDIT_ON_FAILURE": "warn"}, "can only tighten"),
    "a spool of no log": ({"AUDIT_SPOOL": "/var/spool"}, "audit-spool goes with audit-log"),
    "artifacts of no log": ({"ARTIFACTS": "a"}, "artifact goes with audit-log"),
    "too many artifacts": (
        {"AUDIT_LOG": "a.jsonl", "ARTIFACTS": "\n".join(map(str, range(101)))},
        "a record takes 100",
    ),
    "facts behind a link": ({"REPORT_FACTS": "out/facts.json"}, "folder of the workspace"),
    "facts in place of another report": ({"REPORT_FACTS": "a", "REPORT_SARIF": "a"}, "Two reports"),
}


@pytest.mark.parametrize(("given", "words"), BAD.values(), ids=BAD.keys())
def test_what_an_input_cannot_mean_is_an_error(
    workspace: Path, tmp_path: Path, given: dict[str, str], words: str
) -> None:
    (workspace / "out").symlink_to(tmp_path)
    (workspace / "theirs.jsonl").write_text("theirs\n")
    code, told = check({f"input-{name}": value for name, value in given.items()}, "secret-free")
    assert code == 2, told
    assert words in " ".join(told.split())
    assert "u:p" not in told
    assert (workspace / "theirs.jsonl").read_text() == "theirs\n"
    assert {path.name for path in tmp_path.iterdir()} == {"workspace"}


@pytest.mark.usefixtures("workspace")
def test_an_error_is_recorded_in_the_places_that_can_be_meant(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    assert check({"input-audit-log": f"{log} ../x.jsonl"}, "no-such-control")[0] == 2
    assert json.loads(log.read_text())["record"]["verdict"] == "error"
    assert not (tmp_path / "x.jsonl").exists()


ADDRESSES = {
    "https://audit.example:8443/hooks/T0000": "audit.example:8443",
    "cloudevents+https://audit.example/": "audit.example",
    "git+https://git.example/acme/audit.git#shop": "https://git.example/acme/audit.git#shop",
    "git+ssh://git@git.example/acme/audit.git#shop": "ssh://git.example/acme/audit.git#shop",
    "git+git@git.example:acme/audit.git#shop": "git.example:acme/audit.git#shop",
    "/var/log/audit@home.jsonl": "/var/log/audit@home.jsonl",
    "https://u:hunter2@audit.example/x": "audit.example",
    "https://u:hunter2/@audit.example/x": "audit.example",
    "git+https://u:hunter2/@git.example/x?token=hunter2#b": "https://git.example/x#b",
    "https://audit.example?token=hunter2": "audit.example",
    "cloudevents+x": "x",
    "git+": "",
    "https://": "",
}


@pytest.mark.parametrize(("address", "place"), ADDRESSES.items())
def test_a_record_says_where_it_went_without_what_may_be_a_secret(address: str, place: str) -> None:
    assert AuditLog(path=address).place == place


@pytest.mark.parametrize("address", [address for address in ADDRESSES if "hunter2" in address or len(address) < 14])
@pytest.mark.usefixtures("workspace")
def test_a_refused_address_ends_the_run_in_an_error_that_is_recorded_elsewhere(tmp_path: Path, address: str) -> None:
    log = tmp_path / "audit.jsonl"
    code, told = check({}, "--audit-log", str(log), "--audit-log", address)
    assert code == 2
    assert "hunter2" not in told + log.read_text()
    assert json.loads(log.read_text())["record"]["verdict"] == "error"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("HTTPS://u:hunter2@audit.example/x", "small letters"),
        (" https://u:hunter2@audit.example/x", "small letters"),
        ("wss://audit.example/hunter2", "small letters"),
        ("file://u:hunter2@/x", "small letters"),
        ("audit.jsonl,whsec_hunter2", "stands a key"),
        ("https://audit.example/x,PRIVATE+KEY+a+00000000+hunter2", "stands a key"),
        ("audit.jsonl,sigstore=whsec_hunter2", "stands a key"),
        (",whsec_hunter2", "names no log"),
    ],
)
@pytest.mark.usefixtures("workspace")
def test_credentials_where_none_belong_leave_in_no_message_and_in_no_record(
    tmp_path: Path, said: str, words: str
) -> None:
    log = tmp_path / "audit.jsonl"
    for given in ({}, {"input-audit-log": said}):
        code, told = check(given, "--audit-log", str(log), *([] if given else ["--audit-log", said]))
        assert code == 2
        assert given or words in " ".join(told.split())
        assert "hunter2" not in told + log.read_text()


def test_without_inputs_their_variables_say_nothing() -> None:
    environ = {"CI_GUARD_INPUT_AUDIT_LOG": "/var/log/a.jsonl", "CI_GUARD_INPUT_AUDIT_ON_FAILURE": "deny"}
    assert audit_of(["check"], environ) is None
    found = audit_of(["check", "--audit-log", "b.jsonl"], environ)
    assert found is not None
    assert ([each.path for each in found.logs], found.on_failure) == (["b.jsonl"], None)
    both = audit_of(["check", "--inputs", "--audit-log", "b.jsonl"], environ)
    assert both is not None
    assert ([each.path for each in both.logs], both.on_failure) == (["b.jsonl", "/var/log/a.jsonl"], OnFailure.DENY)
