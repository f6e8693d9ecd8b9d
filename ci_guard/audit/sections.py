"""The sections of an audit report as tables of text, for every form of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ci_guard.audit.summary import LISTED, Line, Summary
from ci_guard.records import dataclass
from ci_guard.reporters.coverage import Coverage

DAYS: Final = 92
"""Days that are listed one by one, the newest."""

VERDICTS: Final = ("allow", "deny", "undecided", "error")

SIGNED: Final = {
    "": "nothing",
    "file": "a key in a file",
    "variable": "a key in a variable of the job, which is weak: whoever can run a step of it can sign",
    "sigstore": "an ID token, by Sigstore",
}


@dataclass(frozen=True)
class Section:
    """A heading, what it says, and a table; every text is data, which forms escape."""

    title: str
    words: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def title_of(summary: Summary) -> str:
    """Return what the report is about."""
    return f"Audit report, {summary.first[:10]} to {summary.last[:10]}" if summary.records else "Audit report"


def sections(summary: Summary) -> Iterator[Section]:
    """Yield the sections in order; one with nothing to say says so."""
    yield Section(
        "Verdicts",
        f"{_runs(summary.records)} from {summary.first} to {summary.last}." if summary.records else "No runs.",
        ("Verdict", "Runs"),
        tuple((verdict, f"{summary.verdicts[verdict]:,}") for verdict in VERDICTS),
    )
    days = sorted(summary.days)[-DAYS:]
    yield Section(
        "Verdicts over time",
        f"By day, in UTC; the last {len(days)} of {len(summary.days)} days with runs.",
        ("Day", *VERDICTS),
        tuple((day, *(str(summary.days[day][verdict]) for verdict in VERDICTS)) for day in days),
    )
    yield listed("Deployments", "named an environment", summary.deployed, list(summary.deployments))
    yield listed(
        "Bypasses", "went on although the verdict was no allow", summary.bypassed, list(summary.bypasses), reasons=True
    )
    waivers = sorted(summary.waivers.items(), key=lambda each: (each[0].until, each[0].control, each[0].requirement))
    yield Section(
        "Open waivers",
        f"{len(waivers):,} that covered something and have not ended, the next to end first.",
        ("Ends", "Control", "Requirement", "Subject", "Reason", "Owner", "Ticket", "Last record"),
        tuple(
            (w.until, w.control, w.requirement, w.subject or "all", w.reason, w.owner, w.ticket, str(at))
            for w, at in waivers
        ),
    )
    yield Section(
        "Unknowns by cause",
        "What could not be seen, which is never a pass. invisible: the token may not see it; unavailable: no answer.",
        ("Cause", "Requirement", "Judgements"),
        tuple((cause, name, f"{count:,}") for (cause, name), count in summary.unknowns.most_common()),
    )
    yield Section(
        "Signatures",
        f"Where these runs were recorded, and what signed there. {_runs(summary.claimed)} ended in an error before "
        "anything but the job's variables said who they were.",
        ("Place", "Signed by", "Records"),
        tuple((kind, SIGNED.get(by, by), f"{count:,}") for (kind, by), count in sorted(summary.signed.items())),
    )
    yield Section(
        "Coverage by framework",
        "In how many of the runs an item stood how, by what the requirements of this version refer to.",
        ("Framework", "Item", "Title", *(each.words for each in Coverage)),
        tuple(
            (framework, item, title, *(f"{counts[each]:,}" for each in Coverage))
            for (framework, item, title), counts in summary.coverage.items()
        ),
    )


def listed(title: str, what: str, count: int, lines: list[Line], *, reasons: bool = False) -> Section:
    """Return a section that lists runs, the newest first."""
    more = f", the newest {LISTED:,} of them here" if count > len(lines) else ""
    last = "Why" if reasons else "Run"
    return Section(
        title,
        f"{_runs(count)} {what}{more}.",
        ("Time", "Verdict", "Who", "Environment", "Repository", "Ref", "Commit", last),
        tuple(
            (
                each.time,
                each.verdict,
                each.actor,
                each.environment,
                each.repository,
                each.ref,
                each.sha,
                each.reason if reasons else each.run_url,
            )
            for each in reversed(lines)
        ),
    )


def _runs(count: int) -> str:
    return f"{count:,} run{'' if count == 1 else 's'}"
