"""Turn judgements and a policy into the verdict; pure, and the only place where verdicts are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

from ci_guard import waiving
from ci_guard.model.decision import Decision, Ruling, Verdict, Weight
from ci_guard.model.fact import Cause
from ci_guard.model.judgement import Judgement, Outcome
from ci_guard.model.meta import Meta
from ci_guard.model.settings import Mode, OnInvisible, Policy
from ci_guard.records import replace

if TYPE_CHECKING:
    from ci_guard.model.glass import Broken

EXIT_CODES: Final = {Verdict.ALLOW: 0, Verdict.DENY: 1, Verdict.UNDECIDED: 3, Verdict.ERROR: 4}
"""
What `check` and `scan` exit with when they enforce; 2 belongs to usage and policy errors, which end a run before a
decision.
"""


DENYING: Final = (Weight.DENIES, Weight.UNDECIDED, Weight.ERROR)
"""Weights that keep a verdict from being `allow`."""


def decide(
    judgements: Iterable[Judgement],
    policy: Policy,
    *,
    metas: Sequence[Meta],
    mode: Mode,
    today: date,
    advisory: bool = False,
    broken: Broken | None = None,
) -> Decision:
    """
    Return the verdict on these judgements.

    Shape: every judgement appears in the rulings once, in the order of `metas` and of their requirements, then by
    subject.
    Units: `today` is the date in UTC; a waiver counts on its last day.
    """
    local = {meta.id for meta in metas if meta.local}
    rulings = tuple(
        rule_on(judgement, policy, today, broken, not_judged_here=advisory and judgement.control not in local)
        for judgement in identify(in_report_order(judgements, metas))
    )
    verdict, reason = conclude(rulings)
    return Decision(
        verdict=verdict,
        exit_code=exit_code_of(verdict, mode),
        rulings=rulings,
        reason=reason,
        break_glass=broken if any(ruling.waived and ruling.waived.break_glass for ruling in rulings) else None,
        notes=policy.notes + tuple(waiving.notes(policy, rulings, today)),
    )


def rule_on(
    judgement: Judgement, policy: Policy, today: date, broken: Broken | None, *, not_judged_here: bool
) -> Ruling:
    """Return what one judgement does to the verdict."""
    settings = policy.controls[judgement.control]
    waived = waiving.pardon(judgement, policy, today)
    if judgement.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE, Outcome.ERROR):
        weight = Weight.ERROR if judgement.outcome is Outcome.ERROR else Weight.NONE
    elif waived:
        weight = Weight.WAIVED
    elif judgement.outcome is Outcome.FAIL:
        weight = Weight.DENIES
    elif not_judged_here:
        weight = Weight.NOT_JUDGED
    elif judgement.cause is Cause.INVISIBLE and settings.on_invisible is OnInvisible.WARN:
        weight = Weight.TOLERATED
    else:
        weight = Weight.UNDECIDED
    if waived is None and broken and weight in (Weight.DENIES, Weight.UNDECIDED):
        waived = waiving.break_glass(judgement, broken)
        weight = Weight.WAIVED if waived else weight
    return Ruling(
        judgement=judgement,
        weight=weight,
        said_by=settings.said_by.get(judgement.requirement, ""),
        waived=waived,
    )


def conclude(rulings: Sequence[Ruling]) -> tuple[Verdict, str]:
    """Return the verdict and, in one sentence, why: the first line of the contract's table that applies."""
    count = Counter(ruling.weight for ruling in rulings)
    passed = sum(ruling.judgement.outcome is Outcome.PASS for ruling in rulings)
    if not rulings:
        return Verdict.ERROR, "Nothing was judged, and nothing judged proves nothing."
    if count[Weight.DENIES]:
        open_ones = f", and {named(Weight.UNDECIDED, rulings)} not decided" if count[Weight.UNDECIDED] else ""
        return Verdict.DENY, f"{named(Weight.DENIES, rulings)} not met{open_ones}."
    if count[Weight.ERROR]:
        return Verdict.ERROR, f"{named(Weight.ERROR, rulings)} not judged because a control broke."
    if count[Weight.UNDECIDED]:
        return Verdict.UNDECIDED, f"{named(Weight.UNDECIDED, rulings)} not decided, and unknown is not a pass."
    if passed or count[Weight.WAIVED]:
        return Verdict.ALLOW, allowed_because(passed, count)
    if count[Weight.TOLERATED]:
        return Verdict.UNDECIDED, "All that was asked is invisible to this token, so nothing was proven."
    if count[Weight.NOT_JUDGED]:
        return Verdict.ALLOW, "Nothing was judged here: outside CI a forge's facts are not known."
    return Verdict.ALLOW, "Nothing that the policy requires applies to this run."


def allowed_because(passed: int, count: Counter[Weight]) -> str:
    """Return the sentence for an `allow`, with everything that is not a plain pass counted."""
    parts = [f"{requirements(passed)} met"] if passed else []
    parts += [
        f"{count[weight]} {words}"
        for weight, words in (
            (Weight.WAIVED, "waived"),
            (Weight.TOLERATED, "not visible to this token and tolerated by the policy"),
            (Weight.NOT_JUDGED, "not judged here"),
        )
        if count[weight]
    ]
    return ", ".join(parts) + "."


def named(weight: Weight, rulings: Iterable[Ruling]) -> str:
    """Return `3 requirements are`, of those that have a ruling of that weight: a hundred secrets are one of them."""
    found = (ruling.judgement for ruling in rulings if ruling.weight is weight)
    return requirements(len({(judgement.control, judgement.requirement) for judgement in found}))


def requirements(number: int) -> str:
    """Return `1 requirement is` or `3 requirements are`."""
    return "1 requirement is" if number == 1 else f"{number} requirements are"


def in_report_order(judgements: Iterable[Judgement], metas: Sequence[Meta]) -> list[Judgement]:
    """Return the judgements by control and requirement as declared, then by subject and place."""
    return sorted(judgements, key=report_key(metas))


def report_key(metas: Sequence[Meta]) -> Callable[[Judgement], tuple[tuple[int, int], str, str, int, str]]:
    """Return what judgements are sorted by."""
    rank = {
        (meta.id, requirement.id): (index, position)
        for index, meta in enumerate(metas)
        for position, requirement in enumerate(meta.requirements)
    }

    def key(judgement: Judgement) -> tuple[tuple[int, int], str, str, int, str]:
        location = judgement.location
        place = (location.path or "", location.line or 0) if location else ("", 0)
        return (rank[judgement.control, judgement.requirement], judgement.subject, *place, judgement.fingerprint)

    return key


def by_both(one: Decision, other: Decision, metas: Sequence[Meta], mode: Mode) -> Decision:
    """
    Return what follows where two policies judge the same facts and both have to allow the run.

    Whatever denies by either denies; what both say alike is told once, as `one` says it.
    """
    rulings = {ruling.judgement.fingerprint: ruling for ruling in one.rulings}
    for ruling in other.rulings:
        known = rulings.get(ruling.judgement.fingerprint)
        broken = ruling.waived is not None and ruling.waived.break_glass
        if (ruling.weight in DENYING or broken) and (known is None or known.weight not in DENYING):
            rulings[ruling.judgement.fingerprint] = ruling
    key = report_key(metas)
    joined = tuple(sorted(rulings.values(), key=lambda ruling: key(ruling.judgement)))
    verdict, reason = conclude(joined) if joined else (one.verdict, one.reason)
    for decision in (one, other):
        if verdict is Verdict.ALLOW and decision.verdict is not Verdict.ALLOW:
            verdict, reason = decision.verdict, decision.reason
    return Decision(
        verdict=verdict,
        exit_code=exit_code_of(verdict, mode),
        rulings=joined,
        reason=reason,
        break_glass=one.break_glass or other.break_glass,
        unreviewed=tuple(dict.fromkeys((*one.unreviewed, *other.unreviewed))),
        notes=tuple(dict.fromkeys((*one.notes, *other.notes))),
    )


def exit_code_of(verdict: Verdict, mode: Mode) -> int:
    """Return the contract's exit code of a verdict."""
    return 0 if mode is Mode.REPORT and verdict is not Verdict.ERROR else EXIT_CODES[verdict]


def identify(judgements: Iterable[Judgement]) -> list[Judgement]:
    """Give each judgement that has none a fingerprint that is stable between runs and unique in this one."""
    seen: Counter[tuple[str, str, str]] = Counter()

    def identified(judgement: Judgement) -> Judgement:
        if judgement.fingerprint:
            return judgement
        key = (judgement.control, judgement.requirement, judgement.subject)
        given = replace(judgement, fingerprint=waiving.fingerprint(*key, seen[key]))
        seen[key] += 1
        return given

    return [identified(judgement) for judgement in judgements]
