"""What a token can see, and what that makes of a policy: for people who set the guard up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from ci_guard.model.decision import Ruling, Weight
from ci_guard.model.fact import Cause
from ci_guard.model.judgement import Judgement, Outcome
from ci_guard.model.token import TokenSight
from ci_guard.reporters import escape, telling
from ci_guard.reporters.page import Page
from ci_guard.reporters.telling import Standing

COSTS: Final[Mapping[Weight, str]] = {
    Weight.UNDECIDED: "leaves the run undecided, which denies",
    Weight.TOLERATED: "is tolerated by the policy (on-invisible: warn), and proves nothing",
    Weight.WAIVED: "is waived",
}
"""What an unknown fact does."""


def write_tokens(page: Page, sights: Sequence[TokenSight], *, wanted: str) -> None:
    """Write what each token is; `wanted` says what to do where there is none."""
    page.heading("Tokens")
    if not sights:
        page.labelled("None", wanted, 2)
    for sight in sights:
        left = "" if sight.left is None else f"; {sight.left} of {sight.limit or 'unknown'} requests left"
        page.columns(sight.name, f"{sight.kind}{left}", 2, 16)
        if sight.excess:
            scopes = ", ".join(escape.plain(scope, escape.NAME) for scope in sight.excess[:20])
            page.columns("", f"It may do more than read ({scopes}), and the guard only reads: give it less.", 2, 16)


def write_facts(page: Page, rulings: Iterable[Ruling]) -> None:
    """
    Write which facts could be read, which this token may not see, which did not come, and what each costs.

    Shape: requirements that rest on the same reads, or miss the same, stand together.
    """
    rulings = list(rulings)
    for title, standing, belongs in _SECTIONS:
        chosen = [ruling for ruling in rulings if belongs(ruling.judgement)]
        if not chosen:
            continue
        page.heading(f"{title} ({telling.count(len(chosen), 'requirement')})")
        for group in grouped(chosen, _likeness):
            first = group[0].judgement
            page.write()
            page.columns(f"{page.symbol(standing)} {first.control}", names(group), 2, 22)
            unknown = first.outcome is Outcome.UNKNOWN
            if unknown or first.outcome is Outcome.NOT_APPLICABLE:
                page.labelled("Because", escape.plain(first.observed), 4)
            if first.detail:
                page.labelled("Read" if not unknown else "Asked", escape.plain(first.detail), 4)
            if unknown:
                page.labelled("Costs", COSTS.get(group[0].weight, group[0].weight.value), 4)
                page.labelled("Change", escape.plain(first.remedy), 4)


def write_outlook(page: Page, rulings: Iterable[Ruling]) -> None:
    """Write what holds already, in one line, and what does not, each with what to change."""
    for standing, group in telling.by_standing(rulings).items():
        if not group:
            continue
        if standing in (Standing.PASSED, Standing.NOT_APPLICABLE):
            page.columns(f"{page.symbol(standing)} {standing.value}", names(group), 2, 22)
            continue
        for ruling in group:
            judgement = ruling.judgement
            page.columns(f"{page.symbol(standing)} {standing.value}", names([ruling]), 2, 22)
            page.labelled("Seen", escape.plain(judgement.observed), 4)
            page.labelled("Change", escape.plain(judgement.remedy), 4)
            if address := escape.url(judgement.remedy_url):
                page.address(address)


def names(group: Iterable[Ruling]) -> str:
    """Return the requirements of rulings, and what they are about."""
    rulings = list(group)
    requirements = dict.fromkeys(ruling.judgement.requirement for ruling in rulings)
    subjects = dict.fromkeys(ruling.judgement.subject for ruling in rulings)
    shown = [escape.plain(subject, escape.NAME) for subject in list(subjects)[:5]]
    more = f" and {len(subjects) - 5} more" if len(subjects) > 5 else ""
    return f"{', '.join(requirements)} · {', '.join(shown)}{more}"


def grouped(rulings: Iterable[Ruling], key: Callable[[Ruling], object]) -> list[list[Ruling]]:
    """Return the rulings that are alike together, in the order of their first."""
    groups: dict[object, list[Ruling]] = {}
    for ruling in rulings:
        groups.setdefault(key(ruling), []).append(ruling)
    return list(groups.values())


def _likeness(ruling: Ruling) -> object:
    judgement = ruling.judgement
    decided = judgement.outcome in (Outcome.PASS, Outcome.FAIL)
    told = () if decided else (judgement.observed, judgement.remedy, ruling.weight)
    return (judgement.control, judgement.detail, told)


_SECTIONS: Final[Sequence[tuple[str, Standing, Callable[[Judgement], bool]]]] = (
    ("Readable", Standing.PASSED, lambda judgement: judgement.outcome in (Outcome.PASS, Outcome.FAIL)),
    ("Not visible to this token", Standing.UNDECIDED, lambda judgement: judgement.cause is Cause.INVISIBLE),
    ("No answer", Standing.UNDECIDED, lambda judgement: judgement.cause is Cause.UNAVAILABLE),
    ("Fault of ci-guard", Standing.BROKEN, lambda judgement: judgement.outcome is Outcome.ERROR),
    ("Does not apply", Standing.NOT_APPLICABLE, lambda judgement: judgement.outcome is Outcome.NOT_APPLICABLE),
)
