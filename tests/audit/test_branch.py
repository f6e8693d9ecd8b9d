"""A log on a branch: appended to by any number of writers, never rewritten, and the same log as one in a file."""

from __future__ import annotations

import base64
import io
import json
import multiprocessing
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ci_guard.audit import branch, note, sinks
from ci_guard.audit.canonical import canonical
from ci_guard.audit.log import LONGEST
from ci_guard.audit.record import record_of
from ci_guard.audit.spool import Spool
from ci_guard.audit.verify import verify
from ci_guard.entrypoints import cli
from ci_guard.errors import AuditError, UsageError
from ci_guard.evidence.rest.transport import Transport
from ci_guard.git.scratch import Scratch
from tests.audit import logs
from tests.fakes import githttp
from tests.fakes.hub.router import Answer, Call
from tests.fakes.server import LoopbackServer, Reply
from tests.reporters.hostile import CORPUS


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, input=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    folder = tmp_path / "log.git"
    git(tmp_path, "init", "--quiet", "--bare", "--template=", str(folder))
    git(folder, "config", "uploadpack.allowFilter", "true")
    git(folder, "config", "http.receivepack", "true")
    return folder


def sink(folder: Path, signer: note.Signer | None = None, url: str = "", token: str = "") -> branch.Branch:
    address = f"git+{url or folder.as_uri()}#audit/log"
    return branch.branch(address, Transport(), token=token, origin=logs.ORIGIN, signer=signer)


def record(number: int = 0, **run: Any) -> dict[str, Any]:
    return record_of(logs.result(number, **run))


def exported(folder: Path) -> list[dict[str, Any]]:
    """Return the records as `audit export` writes them, of a log that is intact by its checkpoint."""
    out = folder.parent / f"out-{len(list(folder.parent.iterdir()))}.jsonl"
    branch.export(f"git+{folder.as_uri()}#audit/log", Transport(), "", out)
    found = verify(out, checkpoint=out.with_name(f"{out.name}.checkpoint").read_text())
    assert found.intact
    return [json.loads(line)["record"] for line in out.read_text().splitlines()]


def test_a_branch_holds_the_very_log_that_a_file_would(bare: Path) -> None:
    for number in range(4):
        assert sinks.deliver(sink(bare), record(number)) == sinks.Kept()
    assert exported(bare) == [json.loads(canonical(record(number))) for number in range(4)]
    assert git(bare, "rev-list", "--count", "audit/log") == "4"
    assert git(bare, "log", "--format=%s", "-1", "audit/log") == "Record 3 of the audit log"


def test_the_checkpoint_on_the_branch_is_signed(bare: Path) -> None:
    line = note.generate("audit.example.com")
    sinks.deliver(sink(bare, note.signer(line)), record())
    text = branch.note_of(git(bare, "log", "--format=%B", "-1", "audit/log").encode() + b"\n")
    assert note.verifier(note.signer(line).verifier()).holds(note.signed_text(text), text)


def test_a_record_that_is_sent_again_is_there_once(bare: Path) -> None:
    for number in (0, 1, 0):
        assert sinks.deliver(sink(bare), record(number)) == sinks.Kept()
    assert len(exported(bare)) == 2


def test_a_server_that_filters_nothing_serves_as_well(bare: Path) -> None:
    git(bare, "config", "uploadpack.allowFilter", "false")
    for number in range(3):
        assert sinks.deliver(sink(bare), record(number)) == sinks.Kept()
    assert len(exported(bare)) == 3


def writer(folder: str, first: int) -> None:
    for number in range(first, first + 3):
        kept = sinks.deliver(sink(Path(folder)), record(number))
        assert kept == sinks.Kept(), kept


def test_writers_at_once_lose_nothing(bare: Path) -> None:
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=writer, args=(str(bare), 100 * number)) for number in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
    assert len({each["id"] for each in exported(bare)}) == 9
    assert git(bare, "rev-list", "--count", "--min-parents=2", "audit/log") == "0"


def test_a_writer_whom_others_always_overtake_gives_up_and_overwrites_nothing(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sinks.deliver(sink(bare), record(0))
    number = iter(range(1, 100))
    send = Scratch.push

    def overtaken(self: Scratch, commit: str, name: str) -> None:
        monkeypatch.setattr(Scratch, "push", send)
        sinks.deliver(sink(bare), record(next(number)))
        monkeypatch.setattr(Scratch, "push", overtaken)
        send(self, commit, name)

    monkeypatch.setattr(Scratch, "push", overtaken)
    monkeypatch.setattr(branch, "ATTEMPTS", 2)
    (failure,) = sinks.deliver(sink(bare), record(200)).failures
    assert "others were faster 2 times" in failure
    assert len(exported(bare)) == 3


def test_a_branch_that_is_no_log_is_left_alone(bare: Path) -> None:
    tree = git(bare, "mktree")
    commit = git(bare, "commit-tree", tree, "-m", "the project")
    git(bare, "update-ref", "refs/heads/audit/log", commit)
    (failure,) = sinks.deliver(sink(bare), record()).failures
    assert "its last commit is none of a log" in failure
    assert git(bare, "rev-parse", "audit/log") == commit


def test_a_branch_that_lost_a_record_takes_nothing(bare: Path) -> None:
    for number in range(2):
        sinks.deliver(sink(bare), record(number))
    message = git(bare, "log", "--format=%B", "-1", "audit/log")
    tree = git(bare, "rev-parse", "audit/log~1^{tree}")
    forged = git(bare, "commit-tree", tree, "-p", "audit/log", stdin=message.encode())
    git(bare, "update-ref", "refs/heads/audit/log", forged)
    (failure,) = sinks.deliver(sink(bare), record(2)).failures
    assert "its files are not those" in failure


@pytest.mark.parametrize("text", [b"", b"Audit-Head: {", b"Audit-Head: []", b"Audit-Head: " + b"[" * 9999, b"\xff\n"])
def test_a_message_without_a_head_is_none_of_a_log(text: bytes) -> None:
    assert branch.head_of(text) is None


def test_strangers_text_is_in_the_record_alone(bare: Path) -> None:
    for number, text in enumerate(list(CORPUS.values())[::10]):
        assert sinks.deliver(sink(bare), record(number, repository=text, environment=text)) == sinks.Kept()
    paths = git(bare, "ls-tree", "-r", "--name-only", "audit/log").split("\n")
    assert [path for path in paths if not branch.RECORD.fullmatch(path)] == []
    assert git(bare, "log", "--format=%an %s", "audit/log").isascii()


def test_neither_environment_nor_configuration_nor_a_hook_here_is_heard(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks, home = tmp_path / "hooks", tmp_path / "home"
    hooks.mkdir()
    home.mkdir()
    trap = tmp_path / "sprung"
    for name in ("pre-push", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {trap}\n")
        (hooks / name).chmod(0o755)
    (home / ".gitconfig").write_text(
        f'[core]\nhooksPath = {hooks}\n[url "file:///nowhere"]\ninsteadOf = {bare.as_uri()}\n[commit]\ngpgSign = true\n'
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "mallory")
    assert sinks.deliver(sink(bare), record()) == sinks.Kept()
    monkeypatch.undo()
    assert not trap.exists()
    assert git(bare, "log", "--format=%an", "audit/log") == "ci-guard"


def test_a_server_s_refusal_is_a_failure_in_its_words(bare: Path, tmp_path: Path) -> None:
    (bare / "hooks").mkdir()
    (bare / "hooks" / "pre-receive").write_text("#!/bin/sh\necho protected >&2\nexit 1\n")
    (bare / "hooks" / "pre-receive").chmod(0o755)
    waits = Spool(tmp_path / "spool", sink(bare).place)
    (failure,) = sinks.deliver(sink(bare), record(1), waits).failures
    assert "git push failed: [remote rejected] (pre-receive hook declined)" in failure
    assert "it waits in" in failure
    (bare / "hooks" / "pre-receive").unlink()
    assert sinks.deliver(sink(bare), record(2), waits).notes == ("1 record that had waited was sent",)
    assert [each["id"] for each in exported(bare)] == [record(1)["id"], record(2)["id"]]


def test_no_room_for_a_scratch_repository_makes_the_record_wait(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = Spool(tmp_path / "spool", sink(bare).place)
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    (failure,) = sinks.deliver(sink(bare), record(), waits).failures
    assert "there is no room to work in: No such file or directory; it waits in" in failure


@pytest.fixture
def served(bare: Path) -> Iterator[tuple[str, list[Call], str]]:
    """Serve the repository over HTTP to whoever has the token."""
    token = "audit" + "0" * 20
    wanted = "Basic " + base64.b64encode(f"x-access-token:{token}".encode()).decode()
    calls: list[Call] = []

    def app(call: Call) -> Reply:
        calls.append(call)
        if call.path.startswith("/moved/"):
            query = "&".join(f"{key}={value}" for key, value in call.query.items())
            headers = {"Location": f"{server.origin}{call.path[6:]}?{query}"}
            return Reply(answer=Answer(status=302, headers=headers, body=b""))
        if call.headers.get("authorization") != wanted:
            return Reply(answer=Answer(status=401, body=b"", headers={"WWW-Authenticate": "Basic"}))
        return Reply(answer=githttp.backend(bare.parent, call.path.strip("/"), call))

    server = LoopbackServer(app)
    server.start()
    yield server.origin, calls, token
    server.stop()


def test_a_token_is_sent_over_http_and_never_told(bare: Path, served: tuple[str, list[Call], str]) -> None:
    git(bare, "config", "http.receivepack", "true")
    origin, _, token = served
    for number in range(2):
        kept = sinks.deliver(sink(bare, url=f"{origin}/log.git", token=token), record(number))
        assert kept == sinks.Kept()
    assert len(exported(bare)) == 2
    (failure,) = sinks.deliver(sink(bare, url=f"{origin}/log.git", token="wrong" + token), record(3)).failures
    assert token not in failure
    assert token not in repr(sink(bare, token=token))


def test_no_redirect_is_followed(bare: Path, served: tuple[str, list[Call], str]) -> None:
    origin, calls, token = served
    assert sinks.deliver(sink(bare, url=f"{origin}/moved/log.git", token=token), record()).failures
    assert {call.path.split("/")[1] for call in calls} == {"moved"}


@pytest.mark.parametrize(
    "address",
    [
        *("git+https://host/repo", "git+https://host/repo#", "git+https://host/repo#a..b", "git+https://host/repo#-x"),
        *(
            "git+https://host/repo#a.lock",
            "git+https://host/repo#a/",
            "git+https://host/repo#.a",
            "git+https://host/#a b",
        ),
        *(
            "git+http://host/repo#log",
            "git+ssh://git@host/repo#log",
            "git+https://u:p@host/repo#log",
            "git+ext::sh#log",
        ),
        *("git+https://host/repo?a=b#log", "git+file://host/repo#log", "git+/repo#log", "git+--upload-pack=x#log"),
    ],
)
def test_an_address_that_is_none_is_refused_and_never_quoted(address: str) -> None:
    with pytest.raises(UsageError) as caught:
        branch.parse(address)
    assert "u:p" not in caught.value.message + caught.value.hint


def test_an_export_goes_over_no_file_and_wants_a_branch(bare: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with pytest.raises(AuditError, match="could not be fetched") as caught:
        branch.export(f"git+{(tmp_path / 'nowhere').as_uri()}#audit/log", Transport(), "", out)
    assert "Check the address" in caught.value.hint, "there is no clone to be checked"
    with pytest.raises(AuditError, match="no branch"):
        branch.export(f"git+{bare.as_uri()}#audit/log", Transport(), "", out)
    sinks.deliver(sink(bare), record())
    out.write_text("mine")
    with pytest.raises(AuditError, match="File exists"):
        branch.export(f"git+{bare.as_uri()}#audit/log", Transport(), "", out)
    assert out.read_text() == "mine"
    out.rename(tmp_path / "out.jsonl.checkpoint")
    with pytest.raises(AuditError, match="is there, and may be an earlier one"):
        branch.export(f"git+{bare.as_uri()}#audit/log", Transport(), "", out)
    assert not out.exists()
    assert (tmp_path / "out.jsonl.checkpoint").read_text() == "mine"


def run(*arguments: str) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    code = cli.run(list(arguments), {}, out, err)
    return code, out.getvalue() + err.getvalue()


def test_an_export_that_breaks_off_leaves_no_half_of_a_log(bare: Path, tmp_path: Path) -> None:
    """Half a log is intact as far as it goes, and nothing beside it would say that there is more."""
    sinks.deliver(sink(bare), record())
    tip = git(bare, "rev-parse", "audit/log")
    git(bare, "read-tree", tip)
    blob = git(bare, "hash-object", "-w", "--stdin", stdin=b" " * (LONGEST + 2))
    git(bare, "update-index", "--add", "--cacheinfo", f"100644,{blob},records/000000/000000001-{'0' * 32}.json")
    tree = git(bare, "write-tree")
    made = git(bare, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit-tree", "-p", tip, tree, stdin=b"x")
    git(bare, "update-ref", "refs/heads/audit/log", made)
    with pytest.raises(AuditError, match="no file of at most"):
        branch.export(f"git+{bare.as_uri()}#audit/log", Transport(), "", tmp_path / "out.jsonl")
    assert not list(tmp_path.glob("out.jsonl*"))


def test_check_records_on_a_branch_and_export_makes_a_log_of_it(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "file.txt").write_text("nothing\n")
    monkeypatch.chdir(tmp_path / "work")
    log, address = str(tmp_path / "out.jsonl"), f"git+{bare.as_uri()}#audit/log"
    assert run("check", "--audit-log", address)[0] == 0
    code, told = run("check", "--audit-log", f"git+file://{os.devnull}#log")
    assert code == 2
    assert "This run was not recorded" in told
    code, told = run("audit", "export", address, "--out", log)
    assert (code, "1 record." in told) == (0, True)
    assert run("audit", "verify", log)[0] == 0
    assert run("audit", "query", log, "--verdict", "allow")[0] == 0
