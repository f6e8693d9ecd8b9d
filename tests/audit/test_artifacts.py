"""What a run hands on and by which policy it was judged stand in its record, by content."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path

import pytest

from ci_guard.audit.canonical import canonical
from ci_guard.audit.record import record_of
from ci_guard.entrypoints import cli
from tests.audit import logs
from tests.reporters.hostile import CORPUS


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "file.txt").write_text("nothing\n")
    monkeypatch.chdir(folder)
    return folder


def run(*arguments: str) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    code = cli.run(list(arguments), {}, out, err)
    return code, out.getvalue() + err.getvalue()


def last(log: Path) -> dict[str, object]:
    return dict(json.loads(log.read_text().splitlines()[-1])["record"])


def test_artifacts_are_recorded_by_their_digests_and_asked_for_by_them(work: Path) -> None:
    log, made = work.parent / "audit.jsonl", work / "app.tar"
    made.write_bytes(os.urandom(3_000_000))
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    assert run("check", "--audit-log", str(log), "--artifact", "app.tar", "--artifact=file.txt")[0] == 0
    assert run("check", "--audit-log", str(log))[0] == 0
    first = json.loads(log.read_text().splitlines()[0])["record"]["what"]["artifacts"]
    assert first[0] == {"name": "app.tar", "bytes": 3_000_000, "sha256": digest}
    assert [each["name"] for each in first] == ["app.tar", "file.txt"]
    code, told = run("audit", "query", str(log), "--where", f"artifact={digest}", "--format", "json")
    assert (code, len(json.loads(told))) == (0, 1)
    assert run("audit", "query", str(log), "--where", f"artifact={digest[:-1]}")[0] == 1


@pytest.mark.parametrize("kind", ["none", "folder", "pipe"])
def test_an_artifact_that_cannot_be_read_stops_the_run_and_is_named_in_its_record(work: Path, kind: str) -> None:
    log, made = work.parent / "audit.jsonl", work / "app.tar"
    if kind == "folder":
        made.mkdir()
    elif kind == "pipe":
        os.mkfifo(made)
    code, told = run("check", "--audit-log", str(log), "--artifact", str(made))
    assert (code, "could not be read" in told) == (2, True)
    what = last(log)["what"]
    assert isinstance(what, dict)
    assert what["artifacts"] == [{"name": str(made), "bytes": None, "sha256": None}]


def test_artifacts_want_a_log_and_are_bounded(work: Path) -> None:
    assert run("check", "--artifact", "file.txt")[0] == 2
    many = [f"--artifact={number}" for number in range(101)]
    code, told = run("check", "--audit-log", str(work.parent / "audit.jsonl"), *many)
    assert (code, "a record takes 100" in told) == (2, True)


@pytest.mark.parametrize("text", [*CORPUS.values(), "\udcff"], ids=[*CORPUS, "no UTF-8"])
def test_a_name_is_data(text: str) -> None:
    record = record_of(logs.result(), [{"name": text, "bytes": 1, "sha256": "0" * 64}])
    line = canonical(record)
    assert b"\n" not in line
    assert json.loads(line)["what"]["artifacts"][0]["sha256"] == "0" * 64


def test_each_layer_of_the_policy_is_recorded_with_its_digest(work: Path) -> None:
    log, policy = work.parent / "audit.jsonl", work.parent / "policy.yml"
    policy.write_text("version: 1\nextends: builtin:baseline\n")
    assert run("check", "--audit-log", str(log), "--policy", str(policy))[0] == 0
    told = last(log)["policy"]
    assert isinstance(told, dict)
    assert [each["kind"] for each in told["origins"]] == ["builtin", "file"]
    assert told["origins"][1] == {
        "place": str(policy),
        "kind": "file",
        "reference": None,
        "sha256": hashlib.sha256(policy.read_bytes()).hexdigest(),
        "floor": False,
        "signer": None,
    }
    assert run("check", "--audit-log", str(log), "no-such-control")[0] == 2
    assert last(log)["policy"] is None
