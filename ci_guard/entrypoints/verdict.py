"""What a scan alone comes to: judged by the three requirements of its control, and never advisory."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Final

from ci_guard import __version__, hashing
from ci_guard.controls import secret_free
from ci_guard.controls.judge import judge
from ci_guard.decide import decide
from ci_guard.model.decision import Effort, PolicySummary, Result
from ci_guard.model.fact import Known, Source
from ci_guard.model.facts import Facts
from ci_guard.model.recorded import Recorded
from ci_guard.model.run import Platform, unknown_run
from ci_guard.model.scan import SecretScan
from ci_guard.model.settings import Mode, Policy, Settings

REQUIREMENTS: Final = ("no-secrets", "no-key-files", "complete-scan")
SOURCE: Final = "ci-guard scan"

POLICY: Final = Policy(
    source=SOURCE,
    sha256=hashing.sha256(" ".join(REQUIREMENTS).encode()),
    layers=(SOURCE,),
    mode=Mode.ENFORCE,
    controls={
        secret_free.META.id: Settings(
            require=dict.fromkeys(REQUIREMENTS, True), said_by=dict.fromkeys(REQUIREMENTS, SOURCE)
        )
    },
)
"""What `scan` judges by; it is the command's meaning and no file can change it."""


def of(found: SecretScan, platform: Platform, started: float) -> Result:
    """Return the result of a scan that was started at a time of the monotonic clock."""
    now = datetime.now(timezone.utc)
    run = unknown_run(platform, "scan reads files, not a run")
    facts = Facts(run=run, scan=Known(value=found, source=Source.GIT, detail=", ".join(found.sources)))
    judgements = judge(secret_free, facts, POLICY.controls[secret_free.META.id])
    effort = Effort(seconds=time.monotonic() - started)
    return Result(
        version=__version__,
        time=now,
        decision=decide(judgements, POLICY, metas=(secret_free.META,), mode=Mode.ENFORCE, today=now.date()),
        advisory=False,
        controls=(secret_free.META,),
        not_judged={},
        run=run,
        policy=PolicySummary(source=POLICY.source, sha256=POLICY.sha256, mode=Mode.ENFORCE, layers=POLICY.layers),
        scan=found,
        effort=effort,
        recorded=Recorded(version=__version__, time=now, advisory=False, policy=POLICY, facts=facts, effort=effort),
    )
