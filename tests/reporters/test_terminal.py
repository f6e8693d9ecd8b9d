"""The terminal: what a person reads first, plain where it is not a terminal."""

from __future__ import annotations

import io
import threading
from dataclasses import replace

import pytest

from ci_guard.model import project
from ci_guard.model.decision import Verdict
from ci_guard.reporters import terminal
from ci_guard.reporters.terminal import Progress
from tests.reporters import runner, sample


def shown(width: int = 100, *, findings: int = 3, quiet: bool = False) -> str:
    """Return the denial as it stands in a log."""
    return terminal.render(sample.denied(findings), color=False, width=width, quiet=quiet)


def test_verdict_stands_above_everything_that_made_it() -> None:
    order = ["Denied", "What denies (6)", "Unknown, tolerated", "Waived (2)", "Passed (4)", "Not applicable", "Record"]
    text = shown()
    assert sorted(order, key=text.index) == order


def test_without_colour_there_is_no_escape() -> None:
    assert "\x1b" not in shown()
    assert "\x1b[31m" in terminal.render(sample.denied(), color=True, width=100)


def test_colour_adds_nothing_but_styles() -> None:
    colored = terminal.render(sample.denied(), color=True, width=100)
    for style in ("1", "2", "4", "31", "32", "33", "36", "1;31", "0"):
        colored = colored.replace(f"\x1b[{style}m", "")
    assert colored == shown()


def test_a_stream_that_cannot_show_symbols_gets_ascii() -> None:
    text = terminal.render(sample.denied(), color=False, width=100, unicode=False)
    assert text.isascii()
    assert "x branch-protection: approvals - main" in text


@pytest.mark.parametrize(
    ("encoding", "can"), [("utf-8", True), ("ascii", False), ("latin-1", False), (None, False), ("nonsense", False)]
)
def test_symbols_are_only_for_encodings_that_have_them(encoding: str | None, can: bool) -> None:
    assert terminal.can_show(encoding) is can


@pytest.mark.parametrize("width", [-1, 0, 40, 60, 80, 200])
def test_lines_keep_to_the_width_but_for_words_that_cannot_be_broken(width: int) -> None:
    lines = shown(width).splitlines()
    wrapped = [line for line in lines if line.startswith("    ") and "://" not in line and "  github-token" not in line]
    longest = max(len(word) for line in wrapped for word in line.split())
    assert all(len(line) <= max(width, 40, 14 + longest, 16 + 20) for line in wrapped)


def test_an_address_is_never_broken() -> None:
    assert f"{sample.SETTINGS}\n" in shown(40)


def test_quiet_shows_the_verdict_and_what_denies_only() -> None:
    text = shown(quiet=True)
    assert text.startswith("✘ Denied\n")
    for absent in ("Waived", "Passed", "Record", "tolerated", "1.2.3"):
        assert absent not in text
    allowed = terminal.render(sample.allowed(), color=False, width=100, quiet=True)
    assert allowed == "✔ Allowed\n  4 requirements are met.\n"


def test_many_findings_are_counted_and_the_first_listed() -> None:
    text = shown(findings=700)
    assert "no-secrets · 700 findings" in text
    assert text.count("src/config_") == terminal.FINDINGS
    assert "… and 680 more in the JSON report" in text


def test_many_denials_are_counted_and_the_first_told() -> None:
    denials = [
        replace(sample.DENIED, judgement=replace(sample.DENIED.judgement, subject=f"b{number:03}"))
        for number in range(120)
    ]
    text = terminal.render(sample.result(Verdict.DENY, 1, denials, "It is so."), color=False, width=100)
    assert text.count("✘ branch-protection: approvals") == terminal.ENTRIES
    assert "… and 70 more in the JSON report" in text


def test_requirements_that_passed_for_the_same_subjects_share_a_line() -> None:
    rulings = [
        sample.ruling(requirement=requirement, subject=f"b{number}")
        for requirement in ("protected", "no-force-push", "approvals")
        for number in range(30)
    ]
    text = terminal.render(sample.result(Verdict.ALLOW, 0, rulings, "It is so."), color=False, width=300)
    listed = ", ".join(f"b{number}" for number in range(terminal.NAMES))
    assert f"    protected, no-force-push, approvals ({listed}, … and 10 more)\n" in text


def test_where_to_read_more_is_one_short_line() -> None:
    page = project.requirement_page("branch-protection", "approvals")
    assert f"    More        {page}\n" in shown(60)


def test_a_message_is_one_harmless_line() -> None:
    message = terminal.line("::error::could not write '\x1b[2Ka\n##[error]b'")
    assert runner.commands_in(message) == []
    assert message.isprintable()


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        """Start at an odd time."""
        self.now = 1_000.5

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """See `io.StringIO.isatty`."""
        return True


def test_progress_is_silent_in_a_pipe() -> None:
    stream, clock = io.StringIO(), Clock()
    with Progress(stream, clock=clock) as progress:
        progress.step("scanning")
        clock.now += 60
        progress.tick()
    assert stream.getvalue() == ""


@pytest.mark.parametrize("ci", [False, True])
def test_progress_is_silent_where_quiet_was_asked_for(ci: bool) -> None:
    stream, clock = Terminal(), Clock()
    with Progress(stream, quiet=True, ci=ci, clock=clock) as progress:
        progress.step("scanning")
        clock.now += 60
        progress.tick()
    assert stream.getvalue() == ""


def test_progress_is_one_line_on_a_terminal_and_leaves_nothing() -> None:
    stream, clock = Terminal(), Clock()
    with Progress(stream, clock=clock) as progress:
        progress.step("collecting evidence")
        clock.now += 3
        progress.tick()
    drawn = stream.getvalue().split("\r\x1b[2K")
    assert drawn == ["", "collecting evidence …", "collecting evidence … 3 s", ""]
    assert "\n" not in stream.getvalue()


def test_progress_writes_a_line_every_ten_seconds_in_a_log_whatever_the_stream_claims_to_be() -> None:
    stream, clock = Terminal(), Clock()
    with Progress(stream, ci=True, clock=clock) as progress:
        progress.step("scanning")
        for _ in range(25):
            clock.now += 1
            progress.tick()
    assert stream.getvalue() == "ci-guard: scanning … 10 s\nci-guard: scanning … 20 s\n"


def test_progress_does_not_obey_what_it_tells() -> None:
    stream, clock = Terminal(), Clock()
    with Progress(stream, ci=True, clock=clock) as progress:
        progress.step("\n::error::x\x1b[2J ##[error]y")
        clock.now += 10
        progress.tick()
    assert runner.commands_in(stream.getvalue()) == []
    assert stream.getvalue().rstrip("\n").isprintable()
    drawn = Terminal()
    with Progress(drawn, clock=clock) as progress:
        progress.step("x" * 1_000 + "\n")
    assert all(len(part) <= 79 for part in drawn.getvalue().split("\r\x1b[2K"))


def test_progress_stops_its_thread_when_the_work_breaks() -> None:
    with pytest.raises(KeyError), Progress(Terminal(), clock=Clock()):
        raise KeyError
    assert not [thread for thread in threading.enumerate() if thread.name == "progress"]


def test_progress_takes_steps_from_many_threads() -> None:
    stream = Terminal()
    with Progress(stream, clock=Clock()) as progress:
        threads = [threading.Thread(target=progress.step, args=(f"step {number}",)) for number in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    drawn = stream.getvalue().split("\r\x1b[2K")[1:-1]
    assert sorted(drawn) == sorted(f"step {number} …" for number in range(50))
