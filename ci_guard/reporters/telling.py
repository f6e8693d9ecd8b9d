"""What every format tells in the same words and order: verdict, where a ruling stands, the sentences of a denial."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import Enum
from typing import Final

from ci_guard.model import project
from ci_guard.model.decision import Failure, Result, Ruling, Verdict, Waived, Weight
from ci_guard.model.fact import Cause, Source
from ci_guard.model.judgement import Judgement, Location, Outcome
from ci_guard.model.run import Platform
from ci_guard.model.settings import Mode
from ci_guard.model.waiver import ENDS_SOON
from ci_guard.records import dataclass
from ci_guard.reporters import escape

LINES: Final = 30
"""Lines of an error, and notes of a kind, that are told."""


ALONE: Final = "If nobody else can approve here, say so openly under waivers, with an end:"

PART: Final = escape.SENTENCE // 2
"""Characters kept of one half of a sentence, so that who says so is not cut off."""


NAMED: Final = 60
"""Characters kept of each name in a waiver."""

WAIVER: Final = timedelta(days=90)
"""How long the waiver lasts that is proposed to a project of one person."""


class Standing(str, Enum):
    """Where a ruling stands in a report, worst first."""

    REFUSED = "refused"
    BROKEN = "error"
    UNDECIDED = "unknown"
    TOLERATED = "tolerated unknown"
    NOT_JUDGED = "not judged here"
    WAIVED = "waived"
    PASSED = "passed"
    NOT_APPLICABLE = "not applicable"

    @property
    def denies(self) -> bool:
        """Whether it keeps the verdict from being `allow`."""
        return self in (Standing.REFUSED, Standing.BROKEN, Standing.UNDECIDED)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One sentence of a ruling under its label. The text is data: formats escape it."""

    label: str
    """`""` for what was refused or what holds, then `Seen`, `Expected`, `Change`, `Alone`, `Waived`, `More`."""
    text: str
    """Empty for `More`, which is an address alone."""
    code: str = ""
    """What belongs into a file as it is; where there are lines, on one of its own that is never wrapped."""
    url: str = ""


def standing(ruling: Ruling) -> Standing:
    """Return where a ruling stands; nothing but a pass or what does not apply is ever shown as one."""
    match ruling.weight:
        case Weight.DENIES:
            return Standing.REFUSED
        case Weight.ERROR:
            return Standing.BROKEN
        case Weight.UNDECIDED:
            return Standing.UNDECIDED
        case Weight.TOLERATED:
            return Standing.TOLERATED
        case Weight.NOT_JUDGED:
            return Standing.NOT_JUDGED
        case Weight.WAIVED:
            return Standing.WAIVED
        case Weight.NONE:
            return _BY_OUTCOME[ruling.judgement.outcome]


_BY_OUTCOME: Final = {
    Outcome.PASS: Standing.PASSED,
    Outcome.NOT_APPLICABLE: Standing.NOT_APPLICABLE,
    Outcome.FAIL: Standing.REFUSED,
    Outcome.UNKNOWN: Standing.UNDECIDED,
    Outcome.ERROR: Standing.BROKEN,
}


def worst_first(rulings: Iterable[Ruling]) -> list[Ruling]:
    """Return the rulings by standing, then severity; equals keep the report's order."""
    order = list(Standing)
    return sorted(rulings, key=lambda ruling: (order.index(standing(ruling)), ruling.judgement.severity.rank))


def by_standing(rulings: Iterable[Ruling]) -> dict[Standing, list[Ruling]]:
    """Return the rulings of every standing, worst first; the order of the keys is the order to tell them in."""
    groups: dict[Standing, list[Ruling]] = {each: [] for each in Standing}
    for ruling in worst_first(rulings):
        groups[standing(ruling)].append(ruling)
    return groups


def name(ruling: Ruling) -> str:
    """Return `control: requirement`."""
    return f"{ruling.judgement.control}: {ruling.judgement.requirement}"


def is_finding(ruling: Ruling) -> bool:
    """Tell whether the ruling is about a place in the repository, of which there can be hundreds."""
    return ruling.judgement.location is not None


def entries(rulings: Iterable[Ruling]) -> list[list[Ruling]]:
    """Return what is told as one, in order: the findings of one requirement together, every other ruling alone."""
    told: dict[object, list[Ruling]] = {}
    for index, ruling in enumerate(rulings):
        told.setdefault((name(ruling), standing(ruling)) if is_finding(ruling) else index, []).append(ruling)
    return list(told.values())


def place(location: Location) -> str:
    """Return `path:line:column`, with the commit where the place is not in the judged files."""
    where = ":".join(str(part) for part in (location.path, location.line, location.column) if part is not None)
    if location.commit is None:
        return where or "no place"
    if location.path is None:  # a commit's or a tag's message, or the name of a branch or a tag that leads there
        where = f"message or name {where}".rstrip()
    return f"{where} of commit {location.commit[:12]}"


def outcome_word(ruling: Ruling) -> str:
    """Return the outcome in a word or two, which no colour has to explain."""
    state = standing(ruling)
    return f"waived ({ruling.judgement.outcome.value})" if state is Standing.WAIVED else state.value


def counts(rulings: Iterable[Ruling]) -> str:
    """Return `1 refused, 12 passed`, worst first."""
    groups = by_standing(rulings)
    return ", ".join(f"{len(group)} {state.value}" for state, group in groups.items() if group) or "nothing judged"


def unwaived(result: Result) -> Counter[Outcome]:
    """Return how many judgements that no waiver covers have each outcome, tolerated ones too."""
    return Counter(each.judgement.outcome for each in result.decision.rulings if each.weight is not Weight.WAIVED)


def rests_on_no_ruling(result: Result) -> bool:
    """Tell whether the verdict denies although no single ruling does."""
    return result.decision.verdict is not Verdict.ALLOW and not any(
        standing(ruling).denies for ruling in result.decision.rulings
    )


def denials_title(result: Result) -> str:
    """Return the heading over what denies."""
    return "What would deny" if only_reported(result) else "What denies"


def verdict_words(result: Result) -> str:
    """Return the verdict in a word, with what it does where that is not plain."""
    words = {
        Verdict.ALLOW: "Allowed",
        Verdict.DENY: "Denied",
        Verdict.UNDECIDED: "Undecided, which denies",
        Verdict.ERROR: "Error, which denies",
    }[result.decision.verdict]
    if result.decision.break_glass and result.decision.verdict is Verdict.ALLOW:
        words = "Allowed by break-glass"
    if result.advisory:
        return f"{words} (advice: outside CI a forge's facts are not judged)"
    if result.decision.verdict is not Verdict.ALLOW and result.decision.exit_code == 0:
        return f"{words.removesuffix(', which denies')} (report mode: the job goes on)"
    return words


def reason_lines(result: Result) -> list[str]:
    """Return why the verdict is what it is: the decision's sentence, or the error that ended the run and its advice."""
    if result.failure is None:
        return [result.decision.reason]
    return failure_lines(result.failure)


def failure_lines(failure: Failure) -> list[str]:
    """Return the lines of an error and of its advice; its line ends are ours, unlike those of any other text."""
    return first([line for text in (failure.message, failure.hint) for line in text.split("\n") if line.strip()], LINES)


def only_reported(result: Result) -> bool:
    """Tell whether the policy wants denials told and not enforced."""
    return result.policy is not None and result.policy.mode is Mode.REPORT


def ends_soon(ruling: Ruling, result: Result) -> bool:
    """Tell whether the waiver of a ruling is about to end."""
    return ruling.waived is not None and ruling.waived.until - result.time.date() <= ENDS_SOON


def sentences(ruling: Ruling, result: Result) -> list[Line]:
    """
    Return what is told of a ruling, in the order in which a tired person needs it.

    Shape: what was refused, where the heading and the next two lines do not say it; what was seen against what was
    expected, each with who says so; what to change, with its address; the waiver; where to read more. Lines with
    nothing to say are left out.
    """
    judgement = ruling.judgement
    lines = [] if repeats(judgement) else [Line(label="", text=judgement.message)]
    if observed(ruling):
        seen = escape.cut(observed(ruling), PART)
        lines.append(Line(label="Seen", text=f"{seen} ({witness(ruling, result.run.platform)})"))
    if judgement.expected:
        asked = f" (asked by {ruling.said_by})" if ruling.said_by else ""
        lines.append(Line(label="Expected", text=escape.cut(judgement.expected, PART) + asked))
    # Where nothing was judged, because only a job can tell, there is nothing to change.
    if (judgement.remedy or judgement.remedy_url) and standing(ruling) is not Standing.NOT_JUDGED:
        lines.append(Line(label="Change", text=judgement.remedy, url=judgement.remedy_url))
    if judgement.alone and standing(ruling) is Standing.REFUSED:
        lines.append(Line(label="Alone", text=ALONE, code=proposed_waiver(judgement, result)))
    if ruling.waived is not None:
        lines.append(Line(label="Waived", text=waiver(ruling.waived)))
    if standing(ruling).denies:
        page = project.requirement_page(judgement.control, judgement.requirement)
        lines.append(Line(label="More", text="", url=page))
    return lines


def waiver(waived: Waived) -> str:
    """Return until when, by whom and why something is waived; who answers for it goes before what can be cut."""
    named = (("owner", waived.owner), ("ticket", waived.ticket), ("approved by", waived.approved_by))
    account = "".join(f", {label} {escape.cut(text, NAMED)}" for label, text in named if text)
    return f"until {waived.until.isoformat()}{account}: {waived.reason}"


def repeats(judgement: Judgement) -> bool:
    """Tell whether the message says nothing beside the subject, what was seen and what was expected."""
    return all(text and text in judgement.message for text in (judgement.observed, judgement.expected))


def proposed_waiver(judgement: Judgement, result: Result) -> str:
    """Return what a project of one person can honestly write into its policy; it is shown as waived, never as met."""
    until = (result.time.date() + WAIVER).isoformat()
    about = f"control: {judgement.control}, requirement: {judgement.requirement}"
    entry = f"{{{about}, reason: one maintainer, until: {until}}}"
    return f"- {entry}"


def sentences_of(entry: Sequence[Ruling], result: Result) -> list[Line]:
    """Return what is told of an entry: of several findings what holds for all of them, each thing once."""
    if len(entry) == 1:
        return sentences(entry[0], result)
    different: dict[object, Ruling] = {}
    for ruling in entry:
        judgement = ruling.judgement
        told = (ruling.said_by, ruling.waived, judgement.expected, judgement.remedy, judgement.remedy_url)
        different.setdefault(told, ruling)
    lines = dict.fromkeys(line for ruling in different.values() for line in sentences(ruling, result))
    labels = ("Expected", "Change", "Alone", "Waived", "More")
    return [line for label in labels for line in lines if line.label == label]


def observed(ruling: Ruling) -> str:
    """Return what was seen, which is never nothing where it is unknown."""
    return ruling.judgement.observed or ("unknown" if ruling.judgement.outcome is Outcome.UNKNOWN else "")


def witness(ruling: Ruling, platform: Platform) -> str:
    """Return who vouches for what was seen, or why nobody does."""
    judgement = ruling.judgement
    if judgement.cause is not None:
        words = {Cause.INVISIBLE: "this token may not see it", Cause.UNAVAILABLE: "no answer could be had"}[
            judgement.cause
        ]
    else:
        words = {
            Source.SIGNED: "a verified ID token",
            Source.API: {Platform.GITHUB: "GitHub's API", Platform.GITLAB: "GitLab's API"}.get(
                platform, "the platform's API"
            ),
            Source.GIT: "git's objects",
            Source.DERIVED: "concluded from the platform's own texts",
            Source.EVENT: "the event file, which an earlier step could have changed",
            Source.ENV: "a variable, which a job could have set",
            Source.NONE: "no source",
        }[judgement.source]
    return f"{words}: {judgement.detail}" if judgement.detail else words


def count(number: int, noun: str) -> str:
    """Return `1 file` or `3 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def first(items: Sequence[str], limit: int) -> list[str]:
    """Return the first items, with the rest counted in one more."""
    return [*items[:limit], *([f"… and {len(items) - limit:,} more"] if len(items) > limit else [])]


def bounded(items: Sequence[str], limit: int) -> str:
    """Return the items in one line, of many only the first with the rest counted."""
    return ", ".join(first(items, limit))
