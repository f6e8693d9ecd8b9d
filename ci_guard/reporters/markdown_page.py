"""A page of Markdown: verdict, what to change, tables, the record; always bounded, whoever shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from ci_guard.model.decision import Result, Ruling, Verdict
from ci_guard.model.scan import Suppressed
from ci_guard.records import dataclass
from ci_guard.reporters import escape, record, telling
from ci_guard.reporters.coverage import Coverage, coverage
from ci_guard.reporters.telling import Standing

MORE: Final = "in the JSON report"


@dataclass(frozen=True, kw_only=True)
class Room:
    """How much a page may tell; what has no room is counted."""

    size: int
    """Bytes in UTF-8 where rows stop; headings and the record come on top and are small."""
    entries: int
    """Rulings told at length under one heading."""
    rows: int
    """Rows of one table; what is worse goes first where there are more."""
    lines: int
    """Sentences of one entry: several findings can need as many different changes."""
    places: int
    """Places listed with a requirement; the table of findings has more."""
    reasons: int = telling.LINES
    """Lines of an error that ended the run."""
    sentence: int = escape.SENTENCE
    """Characters of a sentence; entities make them up to twelve times as many bytes."""


_SYMBOLS: Final = {
    Standing.REFUSED: "❌",
    Standing.BROKEN: "💥",
    Standing.UNDECIDED: "❓",
    Standing.TOLERATED: "⚠️",
    Standing.NOT_JUDGED: "➖",
    Standing.WAIVED: "⏳",
    Standing.PASSED: "✅",
    Standing.NOT_APPLICABLE: "➖",
}

_VERDICTS: Final = {Verdict.ALLOW: "✅", Verdict.DENY: "❌", Verdict.UNDECIDED: "❓", Verdict.ERROR: "💥"}


class Page:
    """Blocks of Markdown up to a number of bytes in UTF-8."""

    def __init__(self, room: Room) -> None:
        """Start an empty page."""
        self.room = room
        self._blocks: list[str] = []
        self._size = 0

    def offer(self, block: str) -> bool:
        """Add a block where there is room; tell whether there was."""
        fits = self._size + len(block.encode()) <= self.room.size
        if fits:
            self.close(block)
        return fits

    def close(self, block: str) -> None:
        """Add a short block that must not be missing: the end of a section, or how much was left out."""
        self._blocks.append(block)
        self._size += len(block.encode())

    def say(self, text: str) -> str:
        """Return a sentence that may hold a stranger's words."""
        return escape.markdown(text, self.room.sentence)

    def text(self) -> str:
        """Return the page."""
        return "".join(self._blocks)


def write_verdict(page: Page, result: Result) -> None:
    """Write the verdict in plain words, why, and what was judged."""
    symbol = _VERDICTS[result.decision.verdict]
    page.close(f"## {symbol} ci-guard: {escape.markdown(telling.verdict_words(result))}\n\n")
    reasons = "<br>\n".join(
        page.say(reason) for reason in telling.first(telling.reason_lines(result), page.room.reasons)
    )
    page.close(f"{reasons}\n\n")
    page.close(f"<sub>{page.say(record.run_line(result))}</sub>\n\n")


def write_rulings(page: Page, result: Result) -> None:
    """Write at length what denies, what is tolerated and what is waived."""
    groups = telling.by_standing(result.decision.rulings)
    denials = [ruling for state, group in groups.items() if state.denies for ruling in group]
    write_entries(page, f"{telling.denials_title(result)}, and what to change", denials, result)
    write_entries(page, "Unknown and tolerated by the policy", groups[Standing.TOLERATED], result)
    write_entries(page, "Waived", groups[Standing.WAIVED], result)


def write_entries(page: Page, title: str, rulings: Sequence[Ruling], result: Result) -> None:
    """Write a heading and its rulings at length, the findings of one requirement together."""
    if not rulings:
        return
    page.close(f"### {title}\n\n")
    entries = telling.entries(rulings)
    shown = 0
    for entry in entries[: page.room.entries]:
        if not page.offer(entry_text(entry, result, page.room)):
            break
        shown += 1
    write_more(page, len(entries) - shown)


def entry_text(rulings: Sequence[Ruling], result: Result, room: Room) -> str:
    """Return a list item for one ruling, or for the findings of one requirement."""
    first = rulings[0]
    judgement = first.judgement
    subject = telling.count(len(rulings), "finding") if len(rulings) > 1 else escape.code(judgement.subject)
    head = f"- {_SYMBOLS[telling.standing(first)]} **{escape.markdown(telling.name(first), escape.NAME)}**"
    lines = [f"{head} {subject}".rstrip() + f" — {telling.outcome_word(first)}, {judgement.severity.value}"]
    if telling.is_finding(first):
        places = [place_text(ruling) for ruling in rulings[: room.places]]
        rest = f" and {len(rulings) - room.places:,} more" if len(rulings) > room.places else ""
        lines.append(f"  **Where:** {', '.join(places)}{rest}")
    for line in telling.sentences_of(rulings, result)[: room.lines]:
        label = f"**{line.label}:** " if line.label else ""
        link = escape.markdown_link("Open the page" if line.text else "About this requirement", line.url)
        text = [escape.markdown(line.text, room.sentence), escape.code(line.code, room.sentence)]
        text += [link] if escape.url(line.url) else []
        lines.append(f"  {label}{' '.join(part for part in text if part)}")
    return "<br>\n".join(lines) + "\n\n"


def place_text(ruling: Ruling) -> str:
    """Return the place of a finding as code."""
    return escape.code(telling.place(ruling.judgement.location)) if ruling.judgement.location else ""


def write_control(page: Page, title: str, control: str, rulings: Sequence[Ruling]) -> None:
    """Write the table of one control, its findings as one row a requirement."""
    page.close(f"\n### {escape.markdown(title, escape.NAME)} {escape.code(control)}\n\n{telling.counts(rulings)}\n\n")
    entries = control_entries(rulings, page.room.rows)
    rows = [
        (
            escape.code(first.judgement.requirement),
            telling.count(len(entry), "finding") if len(entry) > 1 else escape.code(first.judgement.subject),
            f"{_SYMBOLS[telling.standing(first)]} {telling.outcome_word(first)}",
            "see the findings" if len(entry) > 1 else escape.markdown(telling.observed(first), escape.NAME),
            escape.markdown(first.judgement.expected, escape.NAME),
            escape.code(first.said_by),
        )
        for entry in entries[: page.room.rows]
        for first in entry[:1]
    ]
    heads = ("Requirement", "Subject", "Outcome", "Seen", "Expected", "Asked by")
    write_table(page, heads, rows, total=len(entries))


def control_entries(rulings: Sequence[Ruling], most: int) -> list[list[Ruling]]:
    """Return the rows in the report's order, or worst first where there are too many."""
    entries = telling.entries(rulings)
    return entries if len(entries) <= most else telling.entries(telling.worst_first(rulings))


def write_findings(page: Page, findings: Sequence[Ruling]) -> None:
    """Write the table of places."""
    if not findings:
        return
    page.close(f"\n### Findings ({len(findings):,})\n\n")
    rows = [
        (
            place_text(ruling),
            escape.code(ruling.judgement.subject),
            f"{_SYMBOLS[telling.standing(ruling)]} {telling.outcome_word(ruling)}",
            ruling.judgement.severity.value,
            escape.markdown(ruling.judgement.message, escape.NAME),
        )
        for ruling in findings[: page.room.rows]
    ]
    write_table(page, ("Place", "Rule", "Outcome", "Severity", "What"), rows, total=len(findings))


def write_not_judged(page: Page, result: Result) -> None:
    """Write what no layer asks for or what was left out, folded."""
    if not result.not_judged:
        return
    page.close(f"\n<details><summary>Not judged ({len(result.not_judged):,})</summary>\n\n")
    rows = [(escape.code(name), escape.markdown(reason, escape.NAME)) for name, reason in result.not_judged.items()]
    write_table(page, ("Control or requirement", "Why"), rows, total=len(rows))
    page.close("\n</details>\n")


def write_frameworks(page: Page, result: Result) -> None:
    """Write what the run is evidence for in each framework, folded."""
    items = coverage(result)
    if not items:
        return
    numbers = Counter(item.coverage for item in items)
    counts = ", ".join(f"{numbers[each]} {each.words}" for each in Coverage if numbers[each])
    page.close(f"\n<details><summary>Frameworks ({counts})</summary>\n\n")
    page.close("What is unknown or was not asked is not evidenced. A part of an item is never the whole of it.\n\n")
    rows = [
        (
            escape.markdown(f"{item.framework.title} {item.framework.version}", escape.NAME),
            f"{escape.code(item.item)} {escape.markdown(item.title, escape.NAME)}",
            item.coverage.words,
            telling.bounded([escape.code(name) for name in item.satisfied_by], page.room.places),
            telling.bounded([escape.code(name) for name in item.supported_by], page.room.places),
        )
        for item in items
    ]
    heads = ("Framework", "Item", "In this run", "Satisfied by", "Supported by")
    write_table(page, heads, rows, total=len(rows))
    page.close("\n</details>\n")


def write_record(page: Page, result: Result) -> None:
    """Write the policy, what the scan read, what the evidence cost, and the notes."""
    page.close("\n### Record\n\n")
    facts = [("Policy", record.policy_line(result)), ("Evidence", record.effort_line(result))]
    if result.scan is not None:
        facts.append(("Scan", record.scan_line(result.scan)))
    facts.append(("ci-guard", result.version))
    for label, text in facts:
        page.close(f"- **{label}:** {page.say(text)}\n")
    for label, texts in (("Connection", result.transport), ("Note", record.notes(result))):
        for text in texts:
            page.offer(f"- **{label}:** {page.say(text)}\n")
    if result.scan is not None and result.scan.skipped:
        page.close(f"\n<details><summary>Skipped by the scan ({len(result.scan.skipped):,})</summary>\n\n")
        left_out = result.scan.skipped
        rows = [
            (escape.code(each.path), escape.markdown(each.reason, escape.NAME)) for each in left_out[: page.room.rows]
        ]
        write_table(page, ("Path", "Why"), rows, total=len(left_out))
        page.close("\n</details>\n")
    if result.scan is not None and result.scan.suppressed:
        write_suppressed(page, result.scan.suppressed)


def write_suppressed(page: Page, suppressed: Sequence[Suppressed]) -> None:
    """Write which findings suppressions cover, folded."""
    page.close(f"\n<details><summary>Suppressed findings ({len(suppressed):,})</summary>\n\n")
    rows = [
        (
            escape.code(one.finding.rule),
            escape.code(telling.place(one.finding.location)),
            escape.code(one.place),
            one.until.isoformat() if one.until else "",
            escape.markdown(one.reason, escape.NAME),
        )
        for one in suppressed[: page.room.rows]
    ]
    write_table(page, ("Rule", "Where", "By", "Until", "Reason"), rows, total=len(suppressed))
    page.close("\n</details>\n")


def write_table(page: Page, heads: Sequence[str], rows: Sequence[Sequence[str]], *, total: int) -> None:
    """Write a table with as many rows as it may have and there is room for; what is missing of `total` is counted."""
    if not rows:
        return
    page.close(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}\n")
    shown = 0
    for row in rows[: page.room.rows]:
        if not page.offer(f"| {' | '.join(row)} |\n"):
            break
        shown += 1
    write_more(page, total - shown)


def write_more(page: Page, number: int) -> None:
    """Say how many there is no room for."""
    if number > 0:
        page.close(f"\n… and {number:,} more {MORE}.\n")
