"""The JUnit report: one suite a control, one case a requirement and subject, as Jenkins and GitLab read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timezone
from typing import Final
from xml.etree import ElementTree as ET

from ci_guard.model.decision import Result, Ruling
from ci_guard.records import dataclass
from ci_guard.reporters import escape, record, telling
from ci_guard.reporters.telling import Standing

FINDINGS: Final = 50
"""Findings told in one case; the JSON report has them all."""

RUN: Final = "run"
"""The suite and case for what no requirement says: why a run ended, or denies without one that does."""

ELEMENTS: Final = {
    Standing.REFUSED: "failure",
    Standing.BROKEN: "error",
    Standing.UNDECIDED: "error",
    Standing.TOLERATED: "skipped",
    Standing.NOT_JUDGED: "skipped",
    Standing.WAIVED: "skipped",
    Standing.PASSED: "",
    Standing.NOT_APPLICABLE: "skipped",
}
"""
What a case holds by where it stands. An unknown that denies is an error, because the question went unanswered; nothing
but a pass is a case without an element.
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case before it is written; every text is visible, as XML 1.0 has no way to write most controls."""

    name: str
    element: str = ""
    type: str = ""
    message: str = ""
    lines: Sequence[str] = ()


def render(result: Result) -> str:
    """
    Return the report as XML 1.0.

    Shape: ASCII; what is not is a character reference. `testsuites` with one `testsuite` a control, and one more where
    the verdict rests on no requirement; names are stable and unique in their suite. The first one's `system-out` has
    the notes of the run, one a line.
    Source: junit-10.xsd of Jenkins' xUnit plugin; GitLab, "Unit test reports".
    """
    suites = [(meta.id, cases_of(meta.id, result)) for meta in result.controls]
    if unexplained(result):
        reason = "\n".join(escape.visible(line) for line in telling.reason_lines(result))
        case = Case(name=RUN, element="error", type=result.decision.verdict.value, message=reason, lines=[reason])
        suites.append((RUN, [case]))
    totals = count([case for _, cases in suites for case in cases])
    root = ET.Element("testsuites", {"name": "ci-guard", "time": seconds(result), **counted(totals)})
    notes = [escape.visible(note) for note in record.notes(result)]
    for name, cases in suites:
        timestamp = result.time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
        totals = count(cases)
        classname = f"ci-guard.{name}"
        skipped = {"skipped": str(totals["skipped"]), "timestamp": timestamp}
        suite = ET.SubElement(root, "testsuite", {"name": classname, **counted(totals), **skipped})
        for case in cases:
            write_case(suite, classname, case)
        if notes:  # said once, in the first suite, where Jenkins shows them as its output
            ET.SubElement(suite, "system-out").text = "\n".join(notes)
            notes = []
    ET.indent(root)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        + escape.xml_text(ET.tostring(root, encoding="us-ascii", xml_declaration=False).decode())
        + "\n"
    )


def cases_of(control: str, result: Result) -> list[Case]:
    """Return the cases of a control in the report's order; the findings of one rule are one case."""
    together: dict[tuple[str, str], list[Ruling]] = {}
    for ruling in result.decision.rulings:
        if ruling.judgement.control == control:
            together.setdefault((ruling.judgement.requirement, ruling.judgement.subject), []).append(ruling)
    cases = []
    taken: Counter[str] = Counter()
    for (requirement, subject), rulings in together.items():
        name = escape.visible(f"{requirement} ({subject})" if subject else requirement, escape.NAME)
        taken[name] += 1
        if taken[name] > 1:  # long subjects that are alike as far as they are told
            name = f"{name} #{taken[name]}"
        cases.append(case_of(name, telling.worst_first(rulings), result))
    return cases


def case_of(name: str, rulings: Sequence[Ruling], result: Result) -> Case:
    """Return the case of rulings on one requirement and subject; the worst says how it stands."""
    first = rulings[0]
    state = telling.standing(first)
    waived = first.waived
    reason = f"waived until {waived.until.isoformat()}: {waived.reason}" if waived else first.judgement.message
    return Case(
        name=name,
        element=ELEMENTS[state],
        type=telling.outcome_word(first),
        message=escape.visible(reason),
        lines=list(lines_of(rulings, result)),
    )


def lines_of(rulings: Sequence[Ruling], result: Result) -> Iterable[str]:
    """Yield what is told of rulings: their places, then what holds for all of them."""
    for ruling in rulings[:FINDINGS]:
        if ruling.judgement.location is not None:
            yield escape.visible(f"{telling.place(ruling.judgement.location)}  {ruling.judgement.message}")
    if len(rulings) > FINDINGS:
        yield f"… and {len(rulings) - FINDINGS:,} more in the JSON report"
    for line in telling.sentences_of(rulings, result)[:FINDINGS]:
        label = f"{line.label}:" if line.label else ""
        texts = (label, escape.visible(line.text), escape.visible(line.code), escape.url(line.url))
        yield " ".join(part for part in texts if part)


def unexplained(result: Result) -> bool:
    """Tell whether the verdict denies and no case would say so."""
    return result.failure is not None or telling.rests_on_no_ruling(result)


def write_case(suite: ET.Element, classname: str, case: Case) -> None:
    """Write a case; its message stands in the text too, because GitLab shows the text alone."""
    written = ET.SubElement(suite, "testcase", name=case.name, classname=classname, time="0")
    if case.element:
        inner = ET.SubElement(written, case.element, type=case.type, message=case.message)
        inner.text = "\n".join(case.lines)


def count(cases: Iterable[Case]) -> Counter[str]:
    """Return how many cases hold which element."""
    return Counter(case.element for case in cases)


def counted(totals: Counter[str]) -> dict[str, str]:
    """Return the attributes that count cases."""
    return {"tests": str(totals.total()), "failures": str(totals["failure"]), "errors": str(totals["error"])}


def seconds(result: Result) -> str:
    """Return the wall time as Surefire writes it: up to three decimals."""
    return f"{result.effort.seconds:.3f}"
