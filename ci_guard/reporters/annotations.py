"""Workflow commands that make annotations on GitHub: the worst first, within what a step may have, the rest counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ci_guard.model.decision import Result, Ruling
from ci_guard.model.judgement import Location
from ci_guard.records import dataclass
from ci_guard.reporters import escape, telling
from ci_guard.reporters.telling import Standing

LEVELS: Final = ("error", "warning", "notice")

SHOWN: Final = 9
"""
Annotations of one level before the one that counts the rest.

GitHub keeps 10 of each level a step and drops the others without a word (actions/toolkit, docs/problem-matchers.md).
"""

MESSAGE: Final = 4_000
"""The runner cuts a message at 4,096 characters (`_maxIssueMessageLength` in ExecutionContext.cs)."""


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """One workflow command before it is escaped."""

    level: str
    title: str
    about: Sequence[Ruling | str]
    """The rulings that it speaks of, or plain text; there can be very many, so only what is shown is put into words."""
    location: Location | None = None


def render(result: Result) -> str:
    """Return the commands, one a line; empty where there is nothing to say."""
    annotations = [*of_the_run(result), *of_rulings(result), *of_notes(result)]
    return "".join(
        command(annotation, result) + "\n" for level in LEVELS for annotation in within_budget(annotations, level)
    )


def of_the_run(result: Result) -> Iterable[Annotation]:
    """Yield what no ruling says: an error that ended the run, or a verdict that rests on no single ruling."""
    if result.failure is not None:
        kind = "fault of ci-guard" if result.failure.fault_of_ci_guard else "usage or policy"
        lines = "\n".join(escape.plain(line) for line in telling.failure_lines(result.failure))
        yield Annotation(level="error", title=f"ci-guard: {kind}", about=(lines,))
    elif telling.rests_on_no_ruling(result):
        level = "warning" if telling.only_reported(result) and result.decision.exit_code == 0 else "error"
        title = f"ci-guard: {result.decision.verdict.value}"
        yield Annotation(level=level, title=title, about=(escape.plain(result.decision.reason),))


def of_rulings(result: Result) -> Iterable[Annotation]:
    """Yield one annotation for each ruling with a file, and one for all others of a control that stand alike."""
    together: dict[tuple[str, ...], list[Ruling]] = {}
    for index, ruling in enumerate(telling.worst_first(result.decision.rulings)):
        location = ruling.judgement.location
        level = level_of(ruling, result)
        alone = str(index) if location is not None and location.path else ""
        if level:
            key = (ruling.judgement.control, telling.standing(ruling).value, level, alone)
            together.setdefault(key, []).append(ruling)
    for rulings in together.values():
        requirements = dict.fromkeys(ruling.judgement.requirement for ruling in rulings)
        yield Annotation(
            level=level_of(rulings[0], result),
            title=f"{rulings[0].judgement.control}: {', '.join(requirements)}",
            about=rulings,
            location=rulings[0].judgement.location,
        )


def of_notes(result: Result) -> Iterable[Annotation]:
    """Yield one warning with what waits for its review, and one notice with the notes on the decision."""
    if waiting := result.decision.unreviewed:
        about = tuple(escape.plain(f"{each}.") for each in waiting)
        yield Annotation(level="warning", title="ci-guard: break-glass to review", about=about)
    if result.decision.notes:
        yield Annotation(level="notice", title="ci-guard: notes", about=tuple(map(escape.plain, result.decision.notes)))


def level_of(ruling: Ruling, result: Result) -> str:
    """Return the level of a ruling's annotation; empty where it needs none."""
    match telling.standing(ruling):
        case Standing.REFUSED | Standing.UNDECIDED:
            return "warning" if telling.only_reported(result) else "error"
        case Standing.BROKEN:
            return "error"
        case Standing.TOLERATED:
            return "warning"
        case Standing.WAIVED:
            return "warning" if telling.ends_soon(ruling, result) else "notice"
        case Standing.NOT_JUDGED:
            return "notice"
        case Standing.PASSED | Standing.NOT_APPLICABLE:
            return ""


def paragraph(ruling: Ruling, result: Result, *, named: bool) -> str:
    """Return what is told of a ruling, as lines of plain text; `named` where the title names its requirement alone."""
    judgement = ruling.judgement
    about = ", ".join(part for part in ("" if named else judgement.requirement, judgement.subject) if part)
    lines = [escape.plain(f"[{telling.outcome_word(ruling)}] {about}".rstrip(), escape.NAME)]
    if judgement.location is not None and (judgement.location.commit or not judgement.location.path):
        lines[0] += " " + escape.plain(telling.place(judgement.location), escape.NAME)
    for line in telling.sentences(ruling, result):
        label = f"{line.label}:" if line.label else ""
        parts = (label, escape.plain(line.text), escape.plain(line.code), escape.url(line.url))
        lines.append(" ".join(part for part in parts if part))
    return "\n".join(lines)


def within_budget(annotations: Iterable[Annotation], level: str) -> list[Annotation]:
    """Return the annotations of a level that a step may have; where there are more, the last counts the rest."""
    mine = [annotation for annotation in annotations if annotation.level == level]
    rest = sum(len(annotation.about) for annotation in mine[SHOWN:])
    if not rest:
        return mine
    more = Annotation(level=level, title="ci-guard: more", about=(f"… and {rest:,} more in the summary.",))
    return [*mine[:SHOWN], more]


def command(annotation: Annotation, result: Result) -> str:
    """Return the workflow command of an annotation."""
    properties = {"title": escape.plain(annotation.title, escape.NAME)}
    location = annotation.location
    if location is not None and location.path:
        numbers = {"line": location.line, "endLine": location.end_line, "col": location.column}
        properties["file"] = escape.visible(location.path)
        properties.update({key: str(number) for key, number in numbers.items() if number is not None})
    written = ",".join(f"{key}={escape.command_property(value)}" for key, value in properties.items())
    return f"::{annotation.level} {written}::{escape.command_data(message(annotation.about, result))}"


def message(about: Sequence[Ruling | str], result: Result) -> str:
    """Return as many whole paragraphs as a message can hold, with the rest counted."""
    text = ""
    named = len({each.judgement.requirement for each in about if isinstance(each, Ruling)}) == 1
    for told, each in enumerate(about):
        following = each if isinstance(each, str) else paragraph(each, result, named=named)
        if told and len(text) + len(following) + 2 > MESSAGE:
            return f"{text}\n\n… and {len(about) - told:,} more in the summary."
        text = f"{text}\n\n{following}" if told else escape.cut(following, MESSAGE)
    return text
