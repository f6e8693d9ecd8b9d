"""The step summary on GitHub, in Markdown: verdict, what to change, one table a control, the record."""

from __future__ import annotations

from typing import Final

from ci_guard.model.decision import Result
from ci_guard.reporters import markdown_page, telling
from ci_guard.reporters.markdown_page import Page, Room

ROOM: Final = Room(size=800_000, entries=30, rows=200, lines=20, places=10)
"""GitHub refuses a summary over 1 MiB ("Workflow commands", job summaries)."""


def render(result: Result) -> str:
    """
    Return the summary.

    Units: at most 1 MiB in UTF-8; what has no room is counted.
    """
    page = Page(ROOM)
    markdown_page.write_verdict(page, result)
    markdown_page.write_rulings(page, result)
    for meta in result.controls:
        rulings = [ruling for ruling in result.decision.rulings if ruling.judgement.control == meta.id]
        markdown_page.write_control(page, meta.title, meta.id, rulings)
    findings = [ruling for ruling in telling.worst_first(result.decision.rulings) if telling.is_finding(ruling)]
    markdown_page.write_findings(page, findings)
    markdown_page.write_not_judged(page, result)
    markdown_page.write_frameworks(page, result)
    markdown_page.write_record(page, result)
    return page.text()
