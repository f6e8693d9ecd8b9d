"""The report on a terminal or in a job's log: the verdict, what denies, then the rest in less and less detail."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final, TextIO

from ci_guard.model.decision import Result, Ruling, Verdict
from ci_guard.reporters import escape, record, telling
from ci_guard.reporters.page import BOLD, CYAN, DIM, SYMBOLS, Page
from ci_guard.reporters.telling import Standing

FINDINGS: Final = 20
"""Places listed of one requirement; the JSON report has them all."""

ENTRIES: Final = 50
"""Rulings told at length under one heading."""

NAMES: Final = 20
"""Names in a compact list, such as the branches for which a requirement passed."""

REDRAW_SECONDS: Final = 1.0
LOG_SECONDS: Final = 10.0
"""In a job's log, a line that often says that the work goes on."""

_VERDICTS: Final = {
    Verdict.ALLOW: Standing.PASSED,
    Verdict.DENY: Standing.REFUSED,
    Verdict.UNDECIDED: Standing.UNDECIDED,
    Verdict.ERROR: Standing.BROKEN,
}


def render(
    result: Result, *, color: bool, width: int, quiet: bool = False, unicode: bool = True, folds: bool = False
) -> str:
    r"""
    Return the report as lines of text.

    Shape: with `quiet` the verdict and what denies, nothing else; without `unicode` plain ASCII, and every other
    character as `\u2026`; with `folds` what denies nothing lies in sections that GitLab's log shows collapsed.
    Units: `width` in columns; addresses and long words are never broken.
    """
    page = Page(color=color, width=width, unicode=unicode, folds=int(result.time.timestamp()) if folds else None)
    groups = telling.by_standing(result.decision.rulings)
    write_verdict(page, result, heading=not quiet)
    denials = [ruling for state, group in groups.items() if state.denies for ruling in group]
    write_section(page, telling.denials_title(result), denials, result)
    if not quiet:
        write_section(page, "Unknown, tolerated by the policy", groups[Standing.TOLERATED], result, fold="tolerated")
        write_section(page, "Waived", groups[Standing.WAIVED], result, fold="waived")
        write_list(page, "Not judged here", Standing.NOT_JUDGED, groups[Standing.NOT_JUDGED])
        write_list(page, "Passed", Standing.PASSED, groups[Standing.PASSED])
        write_list(page, "Not applicable", Standing.NOT_APPLICABLE, groups[Standing.NOT_APPLICABLE])
        write_record(page, result)
    return page.text()


def line(text: str) -> str:
    """Return a message of our own that may quote strangers, as one safe line of a log."""
    return escape.log_line(escape.plain(text))


def can_show(encoding: str | None) -> bool:
    """Tell whether a stream of that encoding can show the report's symbols."""
    try:
        "".join(symbol for symbol, _, _ in SYMBOLS.values()).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def write_verdict(page: Page, result: Result, *, heading: bool) -> None:
    """Write the verdict and why."""
    if heading:
        page.write(
            page.paint(f"ci-guard {escape.plain(result.version)} · {escape.plain(record.run_line(result))}", DIM)
        )
        page.write()
    state = _VERDICTS[result.decision.verdict]
    page.write(f"{page.symbol(state)} {page.paint(telling.verdict_words(result), f'{BOLD};{SYMBOLS[state][2]}')}")
    for reason in telling.reason_lines(result):
        page.wrapped(escape.plain(reason), 2)


def write_section(page: Page, title: str, rulings: Sequence[Ruling], result: Result, fold: str = "") -> None:
    """Write a heading and its rulings at length, the findings of one requirement together."""
    if not rulings:
        return
    page.heading(f"{title} ({len(rulings):,})", fold)
    entries = telling.entries(rulings)
    for entry in entries[:ENTRIES]:
        write_entry(page, entry, result)
    if len(entries) > ENTRIES:
        page.write()
        page.write(f"  … and {len(entries) - ENTRIES:,} more in the JSON report")


def write_entry(page: Page, rulings: Sequence[Ruling], result: Result) -> None:
    """Write one ruling, or the findings of one requirement."""
    first = rulings[0]
    judgement = first.judgement
    several = len(rulings) > 1
    subject = telling.count(len(rulings), "finding") if several else escape.plain(judgement.subject, escape.NAME)
    about = page.paint(escape.plain(telling.name(first), escape.NAME), BOLD) + (f" · {subject}" if subject else "")
    state = page.paint(f"{telling.outcome_word(first)}, {judgement.severity.value}", DIM)
    page.write()
    page.write(f"  {page.symbol(telling.standing(first))} {about}  {state}")
    for finding in rulings[:FINDINGS]:
        if finding.judgement.location is not None:
            where = escape.plain(telling.place(finding.judgement.location), escape.NAME)
            what = "  ".join(text for text in (finding.judgement.subject, finding.judgement.observed) if text)
            page.write(f"    {page.paint(where, CYAN)}  {escape.plain(what, escape.NAME)}")
    if len(rulings) > FINDINGS:
        page.write(f"    … and {len(rulings) - FINDINGS:,} more in the JSON report")
    for each in telling.sentences_of(rulings, result)[:FINDINGS]:
        address = escape.url(each.url)
        page.labelled(each.label, escape.plain(each.text) if each.text else page.link(address))
        if each.code:
            page.verbatim(escape.plain(each.code))
        if each.text and address:
            page.address(address)


def write_list(page: Page, title: str, state: Standing, rulings: Sequence[Ruling]) -> None:
    """Write for each control the requirements that stand alike, with their subjects, in few lines."""
    if not rulings:
        return
    page.heading(f"{title} ({len(rulings):,})", title.lower().replace(" ", "_"))
    by_control: dict[str, dict[str, list[str]]] = {}
    for ruling in rulings:
        judgement = ruling.judgement
        subjects = by_control.setdefault(judgement.control, {}).setdefault(judgement.requirement, [])
        subjects += [escape.plain(judgement.subject, escape.NAME)] if judgement.subject else []
    for control, requirements in by_control.items():
        page.write(f"  {page.symbol(state)} {escape.plain(control, escape.NAME)}")
        for names in together(requirements):
            page.wrapped(names, 4)


def together(requirements: dict[str, list[str]]) -> Iterator[str]:
    """Yield requirements that share their subjects, with these behind them."""
    shared: dict[str, list[str]] = {}
    for requirement, subjects in requirements.items():
        shared.setdefault(telling.bounded(subjects, NAMES), []).append(escape.plain(requirement, escape.NAME))
    for text, names in shared.items():
        yield ", ".join(names) + (f" ({text})" if text else "")


def write_record(page: Page, result: Result) -> None:
    """Write the counts of each control and everything else that belongs to the record."""
    page.heading("Record", "record")
    for meta in result.controls:
        rulings = [ruling for ruling in result.decision.rulings if ruling.judgement.control == meta.id]
        page.labelled("Control", f"{escape.plain(meta.id)}: {telling.counts(rulings)}", 2)
    for label, text in facts_of(result):
        page.labelled(label, escape.plain(text), 2)


def facts_of(result: Result) -> Iterable[tuple[str, str]]:
    """Yield what belongs to the record beside the rulings: label and text."""
    yield "Policy", record.policy_line(result)
    if result.scan is not None:
        yield "Scan", record.scan_line(result.scan)
        skipped = [f"{each.path}: {each.reason}" for each in result.scan.skipped]
        yield from (("Skipped", text) for text in telling.first(skipped, FINDINGS))
        yield from (("Suppressed", text) for text in telling.first(record.suppressed_lines(result.scan), FINDINGS))
    yield "Evidence", record.effort_line(result)
    yield from (("Connection", text) for text in result.transport)
    yield from (("Note", text) for text in record.notes(result))
    off = [f"{name}: {reason}" for name, reason in result.not_judged.items() if "/" not in name]
    yield from (("Off", text) for text in telling.first(off, FINDINGS))
    if len(result.not_judged) > len(off):
        yield "Off", f"{telling.count(len(result.not_judged) - len(off), 'requirement')} that no layer asks for"


class Progress:
    """
    Says that long work goes on: one changing line on a terminal, a line every 10 seconds in a job's log, else nothing.

    Shape: a context; at its end the line on the terminal is wiped. `ci` is for streams that end in a job's log, whether
    or not they look like a terminal.
    """

    def __init__(
        self, stream: TextIO, *, quiet: bool = False, ci: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep the stream; `clock` returns seconds and never runs back."""
        self._stream = stream
        self._log = ci and not quiet
        self._live = not ci and not quiet and stream.isatty()
        self._clock = clock
        self._text = ""
        self._since = self._told = clock()
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._ticker = threading.Thread(target=self._tick_on, name="progress", daemon=True)

    def __enter__(self) -> Progress:  # noqa: PYI034 - Self needs Python 3.11
        """Start to tick, where there is somebody to see it."""
        if self._log or self._live:
            self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and wipe the line of a terminal."""
        self._done.set()
        if self._ticker.is_alive():
            self._ticker.join()
        if self._live:
            self._write("\r\x1b[2K")

    def step(self, text: str) -> None:
        """Say what is being done now; from any thread."""
        with self._lock:
            self._text, self._since = text, self._clock()
            if self._live:
                self._draw()

    def tick(self) -> None:
        """Say it again with the seconds that passed, where it is time to; asked every second in the context."""
        with self._lock:
            if self._live:
                self._draw()
            elif self._log and self._clock() - self._told >= LOG_SECONDS:
                self._told = self._clock()
                self._write(line(f"ci-guard: {self._now()}") + "\n")

    def _draw(self) -> None:
        """Write the line of a terminal anew; 79 columns fit everywhere without wrapping."""
        self._write(f"\r\x1b[2K{escape.plain(self._now(), 79)}")

    def _now(self) -> str:
        """Return what is being done, and for how long where that is worth telling."""
        seconds = int(self._clock() - self._since)
        return f"{self._text} … {seconds} s" if seconds else f"{self._text} …"

    def _write(self, text: str) -> None:
        """Write at once; a stream that is gone is no reason to stop working."""
        with suppress(OSError):
            self._stream.write(text)
            self._stream.flush()

    def _tick_on(self) -> None:
        """Tick until the context ends."""
        while not self._done.wait(REDRAW_SECONDS):
            self.tick()
