"""Asks one control, whatever it does: what it owes is an error of its own requirements, and of no other's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_guard.model import project
from ci_guard.model.facts import Facts
from ci_guard.model.judgement import Judgement, Outcome
from ci_guard.model.settings import Settings

if TYPE_CHECKING:
    from ci_guard.controls.interface import Control


def judge(control: Control, facts: Facts, settings: Settings) -> list[Judgement]:
    """Return the control's judgements, at least one for each requirement that is asked; what it owes is an error."""
    fault = ""
    judgements: list[Judgement] = []
    try:
        judgements.extend(control.check(facts, settings))
    except Exception as error:  # noqa: BLE001 - a control that breaks must deny, and only its own requirements
        # Its message could hold anything that the facts hold; the type alone says enough to report the fault.
        fault = f"the control broke with {type(error).__name__}"
    answered = {judgement.requirement for judgement in judgements}
    owed = [r for r in control.META.requirements if settings.asks(r.id) and (fault or r.id not in answered)]
    return judgements + [
        Judgement(
            control=control.META.id,
            requirement=requirement.id,
            subject="",
            outcome=Outcome.ERROR,
            severity=requirement.severity,
            message=f"Not judged: {fault or 'the control gave no answer'}. This is a fault of ci-guard.",
            expected=requirement.title,
            remedy="Report this fault with the message and the version; until it is mended it denies.",
            remedy_url=project.page("docs/report.md"),
        )
        for requirement in owed
    ]
