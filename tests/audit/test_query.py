"""Asking a log: the wanted records and no others, in every form, and nothing of a log that is not whole."""

from __future__ import annotations

import copy
import csv
import html
import io
import json
import re
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ci_guard.audit import pages
from ci_guard.audit.log import append
from ci_guard.audit.query import Question, moment, records
from ci_guard.audit.reconcile import logged
from ci_guard.audit.record import record_of
from ci_guard.audit.summary import summarise
from ci_guard.entrypoints import answers, cli
from ci_guard.entrypoints.answers import harmless
from ci_guard.entrypoints.commands import Call
from ci_guard.errors import AuditError, UsageError
from ci_guard.model.run import Platform
from tests.audit import logs
from tests.reporters import runner, sample
from tests.reporters.hostile import CORPUS, dressed

NOW = datetime(2026, 11, 25, 7, 30, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return logs.write(tmp_path_factory.mktemp("log") / "audit.jsonl", 12)


def indexes(log: Path, **asked: Any) -> list[int]:
    return [record["index"] for record in records(log, Question(**asked))]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({}, list(range(12))),
        ({"environment": "production"}, [1, 3, 5, 7, 9, 11]),
        ({"environment": "prod"}, []),
        ({"verdict": "deny"}, [0, 3, 6, 9]),
        ({"verdict": "deny", "environment": "production"}, [3, 9]),
        ({"actor": "bob"}, list(range(12))),
        ({"actor": "BOB"}, list(range(12))),
        ({"environment": "Production", "repository": "Acme/APP"}, [1, 3, 5, 7, 9, 11]),
        ({"actor": "mallory"}, []),
        ({"repository": "acme/app"}, list(range(12))),
        ({"ref": "refs/pull/12/merge"}, list(range(12))),
        ({"ref": "12/merge"}, list(range(12))),
        ({"sha": sample.HEAD[:9]}, list(range(12))),
        ({"sha": "ffff"}, []),
        ({"event": "change"}, list(range(12))),
        ({"since": "2026-11-22T04:00:00.000Z"}, [8, 9, 10, 11]),
        ({"until": "2026-11-21T22:00:00.000Z"}, [0, 1]),
        ({"outcome": "secret-free/no-secrets=fail"}, [0, 3, 6, 9]),
    ],
)
def test_the_wanted_records_and_no_others(log: Path, asked: dict[str, str], wanted: list[int]) -> None:
    assert indexes(log, **asked) == wanted


@pytest.mark.parametrize(
    ("said", "is_meant"),
    [
        ("today", "2026-11-25T00:00:00.000Z"),
        ("yesterday", "2026-11-24T00:00:00.000Z"),
        ("90m", "2026-11-25T06:00:00.000Z"),
        ("24h", "2026-11-24T07:30:00.000Z"),
        ("7d", "2026-11-18T07:30:00.000Z"),
        ("2026-11-21", "2026-11-21T00:00:00.000Z"),
        ("2026-11-21T20:00:00Z", "2026-11-21T20:00:00.000Z"),
        ("2026-11-21T20:00:00+02:00", "2026-11-21T18:00:00.000Z"),
    ],
)
def test_a_moment_is_said_in_many_ways(said: str, is_meant: str) -> None:
    assert moment(said, NOW) == is_meant


@pytest.mark.parametrize("said", ["", "soon", "99999d", "2026-13-01", "-1d"])
def test_what_is_no_moment_is_refused(said: str) -> None:
    with pytest.raises(UsageError, match="moment"):
        moment(said, NOW)


@pytest.mark.parametrize("line", [b"{}\n", b"no json\n", b'{"chain":{"index":1},"record":{}}\n', b"torn"])
def test_a_log_with_a_line_that_is_no_record_answers_nothing(tmp_path: Path, line: bytes) -> None:
    path = logs.write(tmp_path / "audit.jsonl", 1)
    with path.open("ab") as file:
        file.write(line)
    with pytest.raises(AuditError, match="Line 2"):
        list(records(path))


def test_rows_are_the_same_without_reading_judgements(log: Path) -> None:
    rows = [[answers.row_of(each) for each in records(log, judged=judged)] for judged in (True, False)]
    assert rows[0] == rows[1]
    assert [len(each["judgements"]) for each in records(log, judged=False)] == [0] * 12
    asked = Question(outcome="secret-free/no-secrets=fail")
    assert [each["index"] for each in records(log, asked, judged=False)] == [0, 3, 6, 9]


BENT = {
    "an end inside": (b'"judgements":[', b'"judgements":[{"x":[1],"outcomes":{}},'),
    "an end inside, deeper": (b'"judgements":[', b'"judgements":[[[1],"outcomes"],'),
    "two beginnings": (b'"evidence":{', b'"evidence":{"judgements":[1],"outcomes":2,'),
    "a beginning inside": (b'"judgements":[', b'"judgements":[{"judgements":[],"outcomes":1},'),
    "a text that says so": (b'"reason":"', b'"reason":"\\"judgements\\":[ ],\\"outcomes\\":'),
    "no end": (b'],"outcomes":', b'], "outcomes":'),
}


@pytest.mark.parametrize(("old", "new"), BENT.values(), ids=BENT)
def test_a_line_is_bent_into_no_other_record_by_what_its_judgements_say(
    log: Path, tmp_path: Path, old: bytes, new: bytes
) -> None:
    """What is shown without reading them is what is shown with them, or that the line is no record."""
    path = tmp_path / "audit.jsonl"
    path.write_bytes(log.read_bytes().splitlines()[0].replace(old, new, 1) + b"\n")

    def rows(*, judged: bool) -> list[tuple[str, ...]]:
        try:
            return [answers.row_of(each) for each in records(path, judged=judged)]
        except AuditError:
            return []

    assert rows(judged=False) in ([], rows(judged=True))


def said(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = cli.run(["audit", *arguments], {}, out, err)
    return code, out.getvalue(), err.getvalue()


STRANGE: tuple[Any, ...] = (..., 5, "x", [[]])


def misshapen() -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield each place of a record with something that does not belong there; `...` stands for nothing at all."""
    whole = json.loads(json.dumps(record_of(logs.result(3, environment="production"))))
    for key, value in whole.items():
        places: list[tuple[str | int, ...]] = [(key,)]
        if key in ("who", "what"):
            places += [(key, each) for each in value]
        if key == "judgements":
            places += [(key, 0, each) for each in value[0]]
        for place in places:
            for strange in STRANGE:
                yield place, strange


def test_a_record_of_another_shape_is_an_error_of_the_log_and_no_fault_of_ours(tmp_path: Path) -> None:
    """Answers, or says that the log is not as records are, whatever stands where."""
    good = json.loads(json.dumps(record_of(logs.result(3, environment="production"))))
    path = tmp_path / "audit.jsonl"
    call = Call(environ={}, stdout=io.StringIO(), progress=io.StringIO(), platform=Platform.LOCAL)
    asked = Question(ref="x", outcome="a=b", artifact="a")
    read: tuple[Callable[[], object], ...] = (
        *(partial(lambda form: list(answers.answer(records(path), form, call).rest), form) for form in answers.FORMS),
        lambda: pages.page(summarise(records(path), (), date(2026, 11, 25))),
        lambda: list(records(path, asked)),
        lambda: logged(records(path), "acme/app"),
    )
    for place, strange in misshapen():
        record = copy.deepcopy(good)
        inner = record
        for key in place[:-1]:
            inner = inner[key]
        if strange is ...:
            del inner[place[-1]]
        else:
            inner[place[-1]] = strange
        path.write_text(json.dumps({"chain": {"index": 0}, "record": record}) + "\n")
        for each in read:
            with suppress(AuditError):
                each()


def test_a_record_that_is_nested_too_deeply_or_has_infinite_numbers_answers_nothing(log: Path, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    line = log.read_bytes().splitlines()[0]
    path.write_bytes(line.replace(b'"exit_code":1', b'"exit_code":' + b"[" * 100_000 + b"]" * 100_000) + b"\n")
    assert said("query", str(path))[:2] == (2, "")
    path.write_bytes(line.replace(b'"exit_code":1', b'"exit_code":1e999') + b"\n")
    assert said("query", str(path), "--format", "json")[:2] == (2, "")


def test_an_answer_is_a_table_json_or_csv(log: Path) -> None:
    asked = (str(log), "--environment", "production", "--verdict", "deny")
    code, table, _ = said("query", *asked)
    assert code == 0
    assert table.splitlines()[0].split() == [
        *("index", "time", "verdict", "who", "event", "repository", "ref", "sha", "environment", "why")
    ]
    assert table.splitlines()[-1] == "2 records."
    assert [each["index"] for each in json.loads(said("query", *asked, "--format", "json")[1])] == [3, 9]
    rows = list(csv.DictReader(io.StringIO(said("query", *asked, "--format", "csv")[1])))
    assert [(row["index"], row["who"], row["environment"]) for row in rows] == [
        ("3", "bob", "production"),
        ("9", "bob", "production"),
    ]


def test_no_record_is_exit_code_1_and_a_log_that_is_not_there_2(log: Path) -> None:
    assert said("query", str(log), "--actor", "nobody")[0] == 1
    code, out, err = said("query", f"{log}.nothing")
    assert (code, out) == (2, "")
    assert "could not be read" in err


def test_verify_says_what_holds_what_is_open_and_what_is_broken(log: Path, tmp_path: Path) -> None:
    code, out, _ = said("verify", str(log))
    assert code == 0
    assert "audit.jsonl: intact" in out
    assert f"Log         {logs.ORIGIN}" in out
    assert "not signed" in out
    assert said("verify", str(log), "--origin", "github.com/acme/other/ci-guard")[0] == 1
    copy = tmp_path / "audit.jsonl"
    copy.write_bytes(log.read_bytes().replace(b'"deny"', b'"allo"', 1))
    code, out, _ = said("verify", str(copy))
    assert code == 1
    assert "NOT INTACT" in out
    assert "Line 2" in out
    hostile = copy.rename(tmp_path / "\x1b]0;x\x07\n::error::x")
    assert said("verify", str(hostile))[1].startswith(r"\x1b]0;x\x07\n::error::x: NOT INTACT")


def test_a_cell_is_no_formula_of_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    append(path, record_of(logs.result(1, environment='=HYPERLINK("https://x.example")')), origin="x")
    rows = list(csv.DictReader(io.StringIO(said("query", str(path), "--format", "csv")[1])))
    assert rows[0]["environment"].startswith("'=")


@pytest.mark.parametrize(
    ("cell", "is_shown"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "  '=1"),
        ("a;=cmd|' /C calc'!A0", "a;'=cmd|' /C calc'!A0"),
        ("a, -1", "a, '-1"),
        ("\uff1d1", "'\uff1d1"),
        ("renovate/a-b=c", "renovate/a-b=c"),
        ("", ""),
    ],
)
def test_what_a_spreadsheet_could_take_for_a_formula_begins_with_an_apostrophe(cell: str, is_shown: str) -> None:
    """Where commas are decimal, a spreadsheet divides a line at semicolons, whatever stands in quotes."""
    assert harmless(cell) == is_shown


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_an_answer_of_any_length_takes_little_memory(log: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setattr(answers, "IN_MEMORY", 1 << 12)
    monkeypatch.setattr(answers, "PART", 1 << 12)
    (record,) = records(log, Question(since="2026-11-22T07:00:00.000Z"))
    text = json.dumps(record)
    call = Call(environ={}, stdout=io.StringIO(), progress=io.StringIO(), platform=Platform.LOCAL)
    count = 1_000_000 // len(text) if form == "json" else 3_000
    one = json.loads(text)
    tracemalloc.start()
    try:
        told = answers.answer((one for _ in range(count)), form, call)
        length = sum(map(len, told.rest))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert told.exit_code == 0
    assert length > 150_000
    assert peak < length // 2 + 100_000


def test_what_was_let_through_by_break_glass_is_listed_with_who_did_it(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    glass: dict[str, Any] = {
        "by": "label",
        "who": "carol <b>(103)",
        "how": "in acme/on-call",
        "at": "2026-11-25T01:00:00Z",
    }
    glass |= {"until": "2026-11-25T05:00:00Z", "reason": "the shop is down", "asked": None}
    append(path, {**record_of(logs.result(1)), "break_glass": glass}, origin="x")
    summary = summarise(records(path), sample.CONTROLS, date(2026, 11, 25))
    (line,) = summary.bypasses
    assert line.reason.endswith(" (break-glass by carol <b>(103), until 2026-11-25T05:00:00Z: the shop is down)")
    assert "carol &lt;b&gt;" in pages.page(summary)


def test_a_report_tells_all_that_is_asked_of_it(log: Path) -> None:
    page = pages.markdown(summarise(records(log), sample.CONTROLS, date(2026, 11, 25)))
    titles = [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]
    assert titles == [
        *("Verdicts", "Verdicts over time", "Deployments", "Bypasses", "Open waivers", "Unknowns by cause"),
        *("Signatures", "Coverage by framework"),
    ]


def test_a_report_counts_what_the_log_has(log: Path) -> None:
    summary = summarise(records(log), sample.CONTROLS, date(2026, 11, 25))
    assert summary.records == 12
    assert dict(summary.verdicts) == {"deny": 4, "allow": 8}
    assert {day: sum(counts.values()) for day, counts in summary.days.items()} == {"2026-11-21": 4, "2026-11-22": 8}
    assert summary.deployed == len(summary.deployments) == 6
    assert summary.bypassed == 0
    assert {(each.requirement, each.until) for each in summary.waivers} == {
        ("signed-commits", "2027-01-31"),
        ("signed-commits", "2026-11-30"),
    }
    assert sum(summary.coverage[next(iter(summary.coverage))].values()) == 12


def test_a_waiver_that_ended_is_not_open(log: Path) -> None:
    assert len(summarise(records(log), sample.CONTROLS, date(2026, 12, 1)).waivers) == 1
    assert not summarise(records(log), sample.CONTROLS, date(2027, 2, 1)).waivers


def test_a_denial_that_went_on_is_a_bypass(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    append(path, {**record_of(logs.result(0)), "exit_code": 0}, origin="x")
    summary = summarise(records(path), sample.CONTROLS, date(2026, 11, 25))
    assert summary.bypassed == 1
    assert "went on although the verdict was no allow" in pages.markdown(summary)


@pytest.mark.parametrize("name", CORPUS)
def test_hostile_text_changes_nothing_in_the_structure_of_a_report(tmp_path: Path, name: str) -> None:
    pages_of = []
    for number, text in enumerate((CORPUS[name], "x")):
        path = tmp_path / f"audit{number}.jsonl"
        result = dressed(sample.denied(1), text)
        result = replace(result, run=replace(result.run, environment=text or "x"))
        record = {**record_of(result), "exit_code": 0}
        append(path, record, origin="x")
        summary = summarise(records(path), sample.CONTROLS, date(2026, 11, 25))
        pages_of.append((pages.page(summary), pages.markdown(summary)))
    (hostile, hostile_markdown), (plain, plain_markdown) = pages_of
    assert hostile.count("<") == plain.count("<")
    assert hostile.count("<script") == 0
    assert len(hostile_markdown.splitlines()) == len(plain_markdown.splitlines())


def test_the_page_lets_nothing_run_and_nothing_be_loaded(log: Path) -> None:
    page = pages.page(summarise(records(log), sample.CONTROLS, date(2026, 11, 25)))
    assert "default-src &#x27;none&#x27;" not in page
    assert "Content-Security-Policy\" content=\"default-src 'none'" in page
    assert "<script" not in page
    assert "src=" not in page.replace("default-src", "")
    assert "href=" not in page


def test_only_a_long_cell_of_the_page_is_broken_into_lines(log: Path) -> None:
    page = pages.page(summarise(records(log), sample.CONTROLS, date(2026, 11, 25)))
    cells = re.findall("<td( class=whole)?>([^<]*)</td>", page)
    assert {bool(whole) for whole, said in cells if len(said) <= 24} == {True}
    assert {bool(whole) for whole, said in cells if len(html.unescape(said)) > 24} == {False}


def test_a_key_pair_is_made_for_its_owner_alone_and_over_nothing(tmp_path: Path) -> None:
    key = tmp_path / "audit.key"
    code, out, _ = said("keygen", "audit.example.com", "--out", str(key))
    assert code == 0
    assert key.stat().st_mode & 0o077 == 0
    assert "PRIVATE+KEY" not in out
    assert (tmp_path / "audit.key.pub").read_text().startswith("audit.example.com+")
    code, _, err = said("keygen", "audit.example.com", "--out", str(key))
    assert code == 2
    assert "File exists" in err


def run_check(*arguments: str, environ: dict[str, str] | None = None) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = cli.run(["check", *arguments], environ or {}, out, err)
    return code, out.getvalue(), err.getvalue()


def run(*arguments: str) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    return cli.run(["audit", *arguments], {}, out, err), out.getvalue() + err.getvalue()


def test_check_records_every_run_errors_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.txt").write_text("nothing\n")
    log, key = tmp_path.parent / f"{tmp_path.name}.jsonl", tmp_path.parent / f"{tmp_path.name}.key"
    assert said("keygen", "audit.example.com", "--out", str(key))[0] == 0
    recorded = ("--audit-log", f"{log},{key}")
    assert run_check(*recorded)[0] == 0
    assert run_check(*recorded, "no-such-control")[0] == 2
    assert [record["verdict"] for record in records(log)] == ["allow", "error"]
    assert said("verify", str(log), "--key", f"{key}.pub")[0] == 0


def test_a_run_that_cannot_be_recorded_does_not_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.txt").write_text("nothing\n")
    code, _, err = run_check("--audit-log", "/nowhere/audit.jsonl")
    assert code == 2
    assert "This run was not recorded." in err
    code, _, err = run_check("--audit-log", f"{tmp_path / 'a'},/nowhere/key")
    assert code == 2
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("platform", ["local", "github", "gitlab"])
def test_a_key_in_a_variable_is_said_to_be_weak_wherever_it_is_read_and_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    from ci_guard.audit import note

    monkeypatch.chdir(tmp_path)
    line = note.generate("audit.example.com")
    log, report, summary = (str(tmp_path.parent / f"{tmp_path.name}.{end}") for end in ("jsonl", "md", "summary"))
    environ = {"CI_GUARD_AUDIT_KEY": line, "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": summary}
    where = () if platform == "local" else ("--platform", platform)
    environ = {"CI_GUARD_AUDIT_KEY": line} if platform != "github" else environ
    told = run_check("secret-free", "--audit-log", log, "--report", f"markdown={report}", *where, environ=environ)
    texts = [told[1] + told[2], Path(report).read_text()]
    texts += [Path(summary).read_text()] if platform == "github" else []
    for text in texts:
        assert "whoever can run a step of this job can sign" in " ".join(text.split()), text
    record = json.loads(Path(log).read_text())["record"]
    assert record["recorded_in"] == [{"kind": "file", "place": log, "signed_by": "variable"}]
    bad = run_check("--audit-log", log, *where, environ={"CI_GUARD_AUDIT_KEY": line[:-4]})
    assert bad[0] != 0
    verified, asked = run("verify", log), run("report", log)
    assert "The key of 1 records was in a variable of their job" in " ".join(verified[1].split())
    assert "which is weak" in asked[1]
    assert line[20:40] not in "".join([*texts, *bad[1:], verified[1], asked[1], Path(log).read_text()])


def test_a_key_in_a_file_is_not_weak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ci_guard.audit import note

    monkeypatch.chdir(tmp_path)
    log, key = tmp_path.parent / f"{tmp_path.name}.jsonl", tmp_path.parent / f"{tmp_path.name}.key"
    key.write_text(note.generate("audit.example.com"))
    _, out, err = run_check("--audit-log", f"{log},{key}", environ={"CI_GUARD_AUDIT_KEY": "whsec_unused"})
    assert "whoever can run a step" not in out + err
    assert json.loads(log.read_text())["record"]["recorded_in"][0]["signed_by"] == "file"
    assert "variable" not in run("verify", str(log))[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", "log", "--since", "yesterday"),
        ("keygen", "name"),
        ("query", "log", "--format", "html"),
        ("query", "log", "--where", "colour=red"),
        ("query", "log", "--where", "outcome=x"),
        ("query", "log", "--where", "outcome=secret-free/no-secrets=failed"),
        ("query", "log", "--where", "outcome=no-secrets=fail"),
        ("query", "log", "--where", "outcome=a/b=fail", "--where", "outcome=a/c=fail"),
        ("query", "log", "--actor", ""),
        ("query", "log", "--since", "1h", "--until", "24h"),
        ("report", "log", "--since", "today", "--until", "today"),
        ("query", "log", "--since", "soon"),
        ("nonsense", "log"),
    ],
)
def test_what_an_action_does_not_take_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    code, out, err = said(*arguments)
    assert (code, out) == (2, "")
    assert err


@pytest.mark.parametrize(
    "asked",
    [
        ("audit", "query", "LOG", "--format", "json"),
        ("audit", "query", "LOG", "--format", "csv"),
        ("audit", "query", "LOG"),
        ("audit", "report", "LOG", "--format", "html"),
        ("audit", "report", "LOG"),
        ("policy", "show", "p.yml"),
    ],
    ids=" ".join,
)
def test_on_github_what_a_program_reads_stands_alone_and_nothing_is_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: tuple[str, ...]
) -> None:
    """Whoever writes it into a file would else have commands of the runner's in it."""
    monkeypatch.chdir(tmp_path)
    hostile = "##[error]x\n::error::y"
    append(tmp_path / "LOG", record_of(logs.result(1, environment=hostile, actor=hostile)), origin="x")
    waiver = {
        "control": "secret-free",
        "requirement": "no-secrets",
        "subject": "##[error]x",
        "reason": "a ##[error]x",
        "until": "2027-01-31",
    }
    text = {"version": 1, "extends": "builtin:baseline", "waivers": [waiver]}
    (tmp_path / "p.yml").write_text(json.dumps(text))
    out = io.StringIO()
    assert cli.run(asked, {"GITHUB_ACTIONS": "true"}, out, io.StringIO()) == 0
    assert ("::stop-commands::" in out.getvalue()) == (asked[-1] == "LOG" and asked[1] == "query")
    assert runner.obeyed_in(out.getvalue()) == []
    if asked[1] == "show":
        (tmp_path / "shown.yml").write_text(out.getvalue())
        assert cli.run(["policy", "diff", "p.yml", "shown.yml"], {}, io.StringIO(), io.StringIO()) == 0
    if asked[-1] == "json":
        assert json.loads(out.getvalue())[0]["who"]["actor"] == hostile
