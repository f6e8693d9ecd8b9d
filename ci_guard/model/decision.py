"""The verdict, and the whole result that reporters tell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING

from ci_guard.model.judgement import Judgement
from ci_guard.model.meta import Meta
from ci_guard.model.run import Run
from ci_guard.model.scan import SecretScan
from ci_guard.model.settings import Mode
from ci_guard.model.waiver import Baseline
from ci_guard.records import dataclass

if TYPE_CHECKING:
    from ci_guard.model.glass import Broken, Unreviewed
    from ci_guard.model.recorded import Recorded


class Verdict(str, Enum):
    """The answer. Only `allow` lets the pipeline proceed."""

    ALLOW = "allow"
    DENY = "deny"
    UNDECIDED = "undecided"
    ERROR = "error"


class Weight(str, Enum):
    """What a judgement did to the verdict."""

    NONE = "none"
    """It passed or was not applicable."""
    WAIVED = "waived"
    TOLERATED = "tolerated"
    """An invisible fact in a control with `on-invisible: warn`."""
    NOT_JUDGED = "not judged here"
    """A forge's unknown fact in an advisory run."""
    UNDECIDED = "undecided"
    DENIES = "denies"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Waived:
    """The waiver that covers a judgement."""

    reason: str
    until: date
    owner: str = ""
    """Empty where nobody is named; so with the next two."""
    ticket: str = ""
    approved_by: str = ""
    break_glass: bool = False


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """A judgement and what became of it."""

    judgement: Judgement
    weight: Weight
    said_by: str = ""
    """Who asks for the requirement: file and line, or the profile."""
    waived: Waived | None = None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The verdict with everything that made it."""

    verdict: Verdict
    exit_code: int
    rulings: tuple[Ruling, ...]
    """In report order: by control and requirement as declared, then subject."""
    reason: str
    """One sentence that says why, for people."""
    notes: tuple[str, ...] = ()
    """Waivers that ended or end soon, and the like."""
    break_glass: Broken | None = None
    """Where it took a broken glass to waive something."""
    unreviewed: tuple[Unreviewed, ...] = ()
    """What was let through by break-glass and waits for its review, newest first; it changes no verdict."""


@dataclass(frozen=True, kw_only=True)
class PolicySummary:
    """What a report says of the policy."""

    source: str
    sha256: str
    mode: Mode
    layers: tuple[str, ...]
    path: str = ""
    """Where in the repository it lies or would lie; empty where it is read from elsewhere."""
    baseline: Baseline | None = None


@dataclass(frozen=True, kw_only=True)
class Effort:
    """What the evidence cost."""

    requests: int = 0
    """HTTP requests that reached a forge, retries included."""
    seconds: float = 0.0
    """Wall time from start to verdict."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error that ended the run before or instead of a verdict on the facts."""

    message: str
    hint: str
    fault_of_ci_guard: bool


@dataclass(frozen=True, kw_only=True)
class Result:
    """Everything that a reporter may tell; reporters read nothing else."""

    version: str
    time: datetime
    """Aware, UTC; when the run was judged."""
    decision: Decision
    advisory: bool
    controls: tuple[Meta, ...]
    """The controls that were run, in report order."""
    not_judged: Mapping[str, str]
    """
    Controls and requirements (`control` or `control/requirement`) that no layer asks for or that were left out, with
    the reason.
    """
    run: Run
    policy: PolicySummary | None
    """None where the run ended before a policy was read."""
    scan: SecretScan | None
    effort: Effort
    failure: Failure | None = None
    transport: tuple[str, ...] = ()
    """Proxy and CA bundle in use, for the record; never credentials."""
    recorded: Recorded | None = None
    """What it takes to judge the run again; None where there was nothing to judge, and for a scan alone."""
