"""What another policy would have made of recorded runs, before it is rolled out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ci_guard.controls.interface import Control
from ci_guard.decide import DENYING
from ci_guard.gate import judged
from ci_guard.model.circumstances import UNASKED
from ci_guard.model.decision import Result, Ruling, Verdict
from ci_guard.model.facts import NOT_COLLECTED
from ci_guard.model.recorded import Recorded
from ci_guard.model.roles import NOBODY_ASKED
from ci_guard.model.settings import Policy
from ci_guard.records import dataclass, replace

CONTEXT: Final = "Context "
"""How the note of a context begins."""
UNCOLLECTED: Final = (NOT_COLLECTED.reason, UNASKED.reason, NOBODY_ASKED)


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """One run under both policies."""

    name: str
    """The file of the record."""
    before: Result
    """Judged by the policy that is recorded with it, by this version of ci-guard."""
    after: Result

    @property
    def newly_denied(self) -> bool:
        """Whether a run that was allowed would be no more."""
        return self.before.decision.verdict is Verdict.ALLOW and self.after.decision.verdict is not Verdict.ALLOW

    @property
    def newly_allowed(self) -> bool:
        """Whether a run that was not allowed would be."""
        return self.before.decision.verdict is not Verdict.ALLOW and self.after.decision.verdict is Verdict.ALLOW

    @property
    def stricter(self) -> tuple[Ruling, ...]:
        """What would deny and did not."""
        return denying_only_in(self.after, self.before)

    @property
    def looser(self) -> tuple[Ruling, ...]:
        """What denied and would not."""
        return denying_only_in(self.before, self.after)

    @property
    def contexts(self) -> tuple[str, ...]:
        """Return for each context of the new policy whether it applies and why, a sentence each."""
        return tuple(note for note in self.after.decision.notes if note.startswith(CONTEXT))

    @property
    def uncollected(self) -> bool:
        """Whether the new policy asks for facts that were not collected, so that its verdict says little."""
        said = (*self.contexts, *(ruling.judgement.message for ruling in self.stricter))
        return any(reason in text for text in said for reason in UNCOLLECTED)


def simulate(name: str, recorded: Recorded, policy: Policy, controls: Sequence[Control], version: str) -> Simulated:
    """Return a recorded run under its own policy and under another one, by the same clock and the same facts."""
    whole = replace(recorded, only=())  # a run that was limited to some controls says nothing of the rest otherwise
    return Simulated(
        name=name,
        before=judged(recorded, controls, version),
        after=judged(whole.under(policy), controls, version),
    )


def denying_only_in(one: Result, other: Result) -> tuple[Ruling, ...]:
    """Return the rulings that deny in the one result and have no counterpart that denies in the other."""
    there = {key_of(ruling) for ruling in other.decision.rulings if ruling.weight in DENYING}
    return tuple(ruling for ruling in one.decision.rulings if ruling.weight in DENYING and key_of(ruling) not in there)


def key_of(ruling: Ruling) -> tuple[str, str, str, str]:
    """Return what a ruling speaks of."""
    judgement = ruling.judgement
    return (judgement.control, judgement.requirement, judgement.subject, judgement.fingerprint)


def row_of(each: Simulated) -> dict[str, Any]:
    """Return one run as plain data."""
    return {
        "run": each.name,
        "before": each.before.decision.verdict.value,
        "after": each.after.decision.verdict.value,
        "uncollected": each.uncollected,
        "contexts": list(each.contexts),
        "stricter": [name_of(ruling) for ruling in each.stricter],
        "looser": [name_of(ruling) for ruling in each.looser],
        "failure": None,
    }


def row_without_facts(name: str, why: str) -> dict[str, Any]:
    """Return a run that neither policy can judge, because it ended before there was anything to judge."""
    empty: dict[str, Any] = {"contexts": [], "stricter": [], "looser": []}
    return {"run": name, "before": None, "after": None, "uncollected": True, **empty, "failure": why}


def name_of(ruling: Ruling) -> dict[str, str]:
    """Return what a ruling speaks of, as plain data."""
    judgement = ruling.judgement
    return {
        "control": judgement.control,
        "requirement": judgement.requirement,
        "subject": judgement.subject,
        "outcome": judgement.outcome.value,
        "message": judgement.message,
    }
