"""The Markdown report: short enough to be the body of a comment on a pull or merge request, in the summary's words."""

from __future__ import annotations

from typing import Final

from ci_guard.model.decision import Result
from ci_guard.reporters import escape, markdown_page, record, telling
from ci_guard.reporters.markdown_page import Page, Room

LIMIT: Final = 65_536
"""Characters of a comment's body on GitHub, which answers 422 "Body is too long" to more; GitLab takes a million."""

ROOM: Final = Room(size=40_000, entries=10, rows=50, lines=8, places=5, reasons=5, sentence=300)
"""Rows stop far below `LIMIT`, because what comes on top of them can be twelve times as long as it reads."""

MARKER: Final = "<!-- ci-guard:report"
"""How the first line begins, by which a bot finds the comment that it wrote before; no stranger's text can hold it."""


def render(result: Result) -> str:
    """
    Return the report.

    Shape: the first line is a comment of HTML with the controls that were run, so that runs of different controls
    keep comments of their own; every link is absolute.
    Units: at most `LIMIT` bytes in UTF-8; what has no room is counted.
    """
    page = Page(ROOM)
    page.close(" ".join((MARKER, *(meta.id for meta in result.controls), "-->")) + "\n\n")
    markdown_page.write_verdict(page, result)
    markdown_page.write_rulings(page, result)
    write_counts(page, result)
    write_folded_findings(page, result)
    write_notes(page, result)
    write_footer(page, result)
    return page.text()


def write_counts(page: Page, result: Result) -> None:
    """Write one line a control, where the summary has a table."""
    if result.controls:
        page.close("### Controls\n\n")
    for meta in result.controls:
        rulings = [ruling for ruling in result.decision.rulings if ruling.judgement.control == meta.id]
        page.close(f"- **{escape.markdown(meta.title, escape.NAME)}:** {telling.counts(rulings)}\n")


def write_folded_findings(page: Page, result: Result) -> None:
    """Write the table of places, folded."""
    findings = [ruling for ruling in telling.worst_first(result.decision.rulings) if telling.is_finding(ruling)]
    if findings:
        page.close("\n<details><summary>Where</summary>\n\n")
        markdown_page.write_findings(page, findings)
        page.close("\n</details>\n")


def write_notes(page: Page, result: Result) -> None:
    """Write what is worth knowing of the run, such as that the scanner's slower engine ran."""
    notes = record.notes(result)
    if notes:
        page.close("\n")
    for note in notes:
        page.offer(f"- **Note:** {page.say(note)}\n")


def write_footer(page: Page, result: Result) -> None:
    """Write by what it was judged, and the run, which has everything else."""
    run = [escape.markdown_link("Open the run", result.run.run_url)] if escape.url(result.run.run_url) else []
    policy = f"policy {result.policy.source}" if result.policy else "no policy was read"
    parts = [*run, page.say(policy), page.say(record.effort_line(result)), page.say(f"ci-guard {result.version}")]
    page.close(f"\n<sub>{' · '.join(parts)}</sub>\n")
