"""A policy tried from somebody's own machine or a job: what the token shows of it, without a verdict on anything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from ci_guard import __version__
from ci_guard.controls.registry import CONTROLS
from ci_guard.evidence.interface import Forge
from ci_guard.gate import gather, judged
from ci_guard.model.decision import Ruling
from ci_guard.model.facts import NOT_COLLECTED
from ci_guard.model.recorded import Recorded
from ci_guard.model.run import Run
from ci_guard.model.settings import Mode, Policy


def try_policy(policy: Policy, only: Sequence[str], *, run: Run, forge: Forge) -> tuple[Ruling, ...]:
    """
    Return what the gate makes of these controls, which the policy enables and which need no scan of the checkout.

    Shape: empty where `only` is, which would mean all of them to the gate.
    """
    if not only:
        return ()
    now = datetime.now(timezone.utc)
    facts, (settled,) = gather(
        controls=CONTROLS, only=only, policies=[policy], run=run, forge=forge, scan=lambda: NOT_COLLECTED, now=now
    )
    recorded = Recorded(
        version=__version__,
        time=now,
        advisory=False,
        only=tuple(only),
        modes=(Mode.ENFORCE,),
        policy=policy,
        settled=settled,
        facts=facts,
    )
    return judged(recorded, CONTROLS, __version__).decision.rulings
